// Convolutions on the tensor cores; the tile loop is that of tile_mma.cuh.
#include "conv.cuh"
#include "tile_mma.cuh"

// Patches as a left operand. DEEP: of positions along the tile, taps along k; else the other way round.
template <class Number, u32 LENGTH, bool DEEP>
struct Patches : Tile<Number, LENGTH, false> {
  typedef Tile<Number, LENGTH, false> Base;

  const Phase& phase;
  Global<const typename Number::Element> from;
  u32 first, end;  // line of the tile, lines
  u32 ones;        // a line of ones there; NO_ONES is none

  // 16 bytes of each tile that a thread brings: what of their address stays.
  struct Piece {
    Corner corner;  // DEEP
    Tap tap;        // else
    u32 to;         // its place in the first stage
  };

  __device__ __forceinline__ Piece piece(u32 number, u32) const {
    Piece piece;
    u32 line = first + this->along(number);
    if constexpr (DEEP) {
      piece.corner = phase.corner(line, line < end);
    } else {
      piece.tap = phase.tap(line);
    }
    piece.to = this->start + this->word(this->along(number), this->within(number));
    return piece;
  }

  template <u32 THREADS, u32 COUNT, class Tiles>
  __device__ __forceinline__ void bring(Tiles& tiles, const Piece (&pieces)[COUNT], u32 stage, u32 depth, u32 depth_end,
                                        u32) const {
#pragma unroll
    for (u32 part = 0; part < COUNT; part++) {
      const Piece& piece = pieces[part];
      u32 number = part * THREADS + threadIdx.x, d = depth + this->within(number), line = first + this->along(number);
      u32 to = piece.to + stage * Base::WORDS;
      Corner corner;
      Tap tap;
      if constexpr (DEEP) {
        corner = piece.corner, tap = phase.tap(d);
      } else {
        corner = phase.corner(d, d < depth_end), tap = piece.tap;
      }
      u32 count = DEEP ? left_of<Base::PIECE>(d, depth_end) : left_of<Base::PIECE>(line, end);
      u32 words[4] = {};
      // A piece of one tap is there as a whole or not at all.
      bool whole = phase.a.patches_whole && count > 0, ones_here = !DEEP && ones - line < Base::PIECE;
      if (whole && phase.inside(corner, tap)) {
        copy16_async(tiles, to, from, phase.at(corner, tap));
        continue;
      }
      if (whole || (count == 0 && !ones_here)) {
        store4(tiles, to, words);
        continue;
      }
      phase.each<Base::PIECE>(corner, tap, count, [&](u32 j, bool there, i64 at) {
        bool one = !DEEP && line + j == ones && d < depth_end;
        u32 element = there ? from[at] : one ? Number::ONE : 0;
        words[j / Number::PER_WORD] |= element << 16 * (j % Number::PER_WORD);
      });
      store4(tiles, to, words);
    }
  }
};

// The kernel as a right operand, turned tap by tap: channels of x along the tile, taps and channels of y along k.
template <class Number, u32 LENGTH>
struct Weights : Tile<Number, LENGTH, true> {
  typedef Tile<Number, LENGTH, true> Base;

  const Phase& phase;
  Global<const typename Number::Element> from;
  u32 first, end;

  struct Piece {
    u32 to;
  };

  __device__ __forceinline__ Piece piece(u32 number, u32) const {
    return {this->start + this->word(this->along(number), this->within(number))};
  }

  template <u32 THREADS, u32 COUNT, class Tiles>
  __device__ __forceinline__ void bring(Tiles& tiles, const Piece (&pieces)[COUNT], u32 stage, u32 depth, u32 depth_end,
                                        u32) const {
#pragma unroll
    for (u32 part = 0; part < COUNT; part++) {
      u32 number = part * THREADS + threadIdx.x, d = depth + this->within(number), line = first + this->along(number);
      if (!this->template has<THREADS>(number)) continue;
      u32 to = pieces[part].to + stage * Base::WORDS, count = line < end ? left_of<Base::PIECE>(d, depth_end) : 0;
      Tap tap = phase.tap(d);
      i64 line_at = (i64)line * phase.a.channels.by;
      if (phase.a.weights_whole && count > 0) {
        copy16_async(tiles, to, from, phase.weight(tap) + line_at);
        continue;
      }
      u32 words[4] = {};
      if (count == 0) {
        store4(tiles, to, words);
        continue;
      }
#pragma unroll
      for (u32 j = 0; j < Base::PIECE; j++) {
        u32 element = j < count ? from[phase.weight(tap) + line_at] : 0;
        words[j / Number::PER_WORD] |= element << 16 * (j % Number::PER_WORD);
        phase.advance(tap);
      }
      store4(tiles, to, words);
    }
  }
};

// The tile of this block, TILE × COLUMNS.
template <class Number, u32 TILE, u32 COLUMNS, Form FORM>
__device__ __forceinline__ void convolve(const ConvArguments& arguments) {
  typedef Patches<Number, TILE, FORM != KERNEL> Side;
  typedef typename Number::Element Element;
  const MatmulArguments& a = arguments.product;
  Phase phase(arguments);
  Share share(phase, FORM);
  u32 first = share.part.row * TILE;
  if (first >= share.rows + a.sums) return;
  Conclusion<NOTHING> conclusion;
  Lines<false> columns = {share.part.column * COLUMNS, a.n, 0, 0};
  Side left = {{0, FORM != KERNEL}, phase, recast<const Element>(a.a), first, share.rows, a.sums ? a.m : NO_ONES};
  constexpr u32 RIGHT = STAGES * Side::WORDS;
  if constexpr (FORM == PICTURE) {
    Weights<Number, COLUMNS> right = {{RIGHT, true}, phase, recast<const Element>(a.b), columns.first, a.n};
    PhaseRows rows = {phase, share.rows};
    compute_tile<Number, TILE, COLUMNS>(a, conclusion, share.part, left, right, rows, columns, share.depth, share.depth_end);
  } else {
    Matrix<Number, COLUMNS, true, false> right = {{RIGHT, false}, a, columns, NO_ONES};
    AllRows rows = {a};
    compute_tile<Number, TILE, COLUMNS>(a, conclusion, share.part, left, right, rows, columns, share.depth, share.depth_end);
  }
}

extern "C" __global__ void __launch_bounds__(128, 3) conv2d_f16(const __grid_constant__ ConvArguments a) {
  convolve<Half, 64, 64, RESULT>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) conv2d_narrow_f16(const __grid_constant__ ConvArguments a) {
  convolve<Half, 128, 8, RESULT>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) conv2d_dx_f16(const __grid_constant__ ConvArguments a) {
  convolve<Half, 64, 64, PICTURE>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) conv2d_dx_narrow_f16(const __grid_constant__ ConvArguments a) {
  convolve<Half, 128, 8, PICTURE>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) conv2d_dw_f16(const __grid_constant__ ConvArguments a) {
  convolve<Half, 64, 64, KERNEL>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) conv2d_dw_narrow_f16(const __grid_constant__ ConvArguments a) {
  convolve<Half, 128, 8, KERNEL>(a);
}

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
extern "C" __global__ void __launch_bounds__(128, 3) conv2d_bf16(const __grid_constant__ ConvArguments a) {
  convolve<Bfloat, 64, 64, RESULT>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) conv2d_narrow_bf16(const __grid_constant__ ConvArguments a) {
  convolve<Bfloat, 128, 8, RESULT>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) conv2d_dx_bf16(const __grid_constant__ ConvArguments a) {
  convolve<Bfloat, 64, 64, PICTURE>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) conv2d_dx_narrow_bf16(const __grid_constant__ ConvArguments a) {
  convolve<Bfloat, 128, 8, PICTURE>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) conv2d_dw_bf16(const __grid_constant__ ConvArguments a) {
  convolve<Bfloat, 64, 64, KERNEL>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) conv2d_dw_narrow_bf16(const __grid_constant__ ConvArguments a) {
  convolve<Bfloat, 128, 8, KERNEL>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) conv2d_tf32(const __grid_constant__ ConvArguments a) {
  convolve<Tf32, 64, 64, RESULT>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) conv2d_narrow_tf32(const __grid_constant__ ConvArguments a) {
  convolve<Tf32, 128, 8, RESULT>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) conv2d_dx_tf32(const __grid_constant__ ConvArguments a) {
  convolve<Tf32, 64, 64, PICTURE>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) conv2d_dx_narrow_tf32(const __grid_constant__ ConvArguments a) {
  convolve<Tf32, 128, 8, PICTURE>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) conv2d_dw_tf32(const __grid_constant__ ConvArguments a) {
  convolve<Tf32, 64, 64, KERNEL>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) conv2d_dw_narrow_tf32(const __grid_constant__ ConvArguments a) {
  convolve<Tf32, 128, 8, KERNEL>(a);
}
#endif
