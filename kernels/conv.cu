// Convolutions in fp32 on the SIMT cores; the tile loop is that of tile_simt.cuh.
#include "conv.cuh"
#include "tile_simt.cuh"

// Patches as an operand. DEEP: of positions along the tile, taps along k; else the other way round.
template <u32 LENGTH, bool DEEP>
struct Patches {
  const Phase& phase;
  Global<const float> from;
  u32 first, end;  // line of the tile, lines
  u32 ones;        // a line of ones there; NO_ONES is none
  // What stays of the thread's quads.
  Corner corners[Quad<LENGTH>::COUNT];
  Tap taps[Quad<LENGTH>::COUNT];

  __device__ __forceinline__ Patches(const Phase& phase, u32 first, u32 end, u32 ones)
      : phase(phase), from(phase.a.product.a), first(first), end(end), ones(ones) {
#pragma unroll
    for (u32 part = 0; part < Quad<LENGTH>::COUNT; part++) {
      u32 line = first + Quad<LENGTH>(part, DEEP).along;
      if constexpr (DEEP) {
        corners[part] = phase.corner(line, line < end);
      } else {
        taps[part] = phase.tap(line);
      }
    }
  }

  __device__ __forceinline__ bool deep() const { return DEEP; }

  __device__ __forceinline__ void fetch(float (&to)[Quad<LENGTH>::COUNT][4], u32 depth, u32 depth_end) const {
#pragma unroll
    for (u32 part = 0; part < Quad<LENGTH>::COUNT; part++) {
      Quad<LENGTH> quad(part, DEEP);
      u32 d = depth + quad.depth, line = first + quad.along;
      Corner corner;
      Tap tap;
      if constexpr (DEEP) {
        corner = corners[part], tap = phase.tap(d);
      } else {
        corner = phase.corner(d, d < depth_end), tap = taps[part];
      }
      u32 count = DEEP ? left_of<4>(d, depth_end) : left_of<4>(line, end);
      if (phase.a.patches_whole && count > 0) {
        if (phase.inside(corner, tap)) {
          read4(from, phase.at(corner, tap), to[part]);
        } else {
          to[part][0] = to[part][1] = to[part][2] = to[part][3] = 0.0f;
        }
        continue;
      }
      phase.each<4>(corner, tap, count, [&](u32 j, bool there, i64 at) {
        bool one = !DEEP && line + j == ones && d < depth_end;
        to[part][j] = there ? from[at] : one ? 1.0f : 0.0f;
      });
    }
  }
};

// The kernel as a right operand, turned tap by tap: channels of x along the tile, taps and channels of y along k.
template <u32 LENGTH>
struct Weights {
  const Phase& phase;
  Global<const float> from;
  u32 first, end;

  __device__ __forceinline__ bool deep() const { return true; }

  __device__ __forceinline__ void fetch(float (&to)[Quad<LENGTH>::COUNT][4], u32 depth, u32 depth_end) const {
#pragma unroll
    for (u32 part = 0; part < Quad<LENGTH>::COUNT; part++) {
      Quad<LENGTH> quad(part, true);
      if (!quad.there) continue;
      u32 d = depth + quad.depth, line = first + quad.along;
      u32 count = line < end ? left_of<4>(d, depth_end) : 0;
      Tap tap = phase.tap(d);
      i64 line_at = (i64)line * phase.a.channels.by;
      if (phase.a.weights_whole && count > 0) {
        read4(from, phase.weight(tap) + line_at, to[part]);
        continue;
      }
#pragma unroll
      for (u32 j = 0; j < 4; j++) {
        to[part][j] = j < count ? from[phase.weight(tap) + line_at] : 0.0f;
        phase.advance(tap);
      }
    }
  }
};

// The tile of this block, TILE × COLUMNS.
template <u32 TILE, u32 COLUMNS, Form FORM>
__device__ __forceinline__ void convolve(const ConvArguments& arguments) {
  const MatmulArguments& a = arguments.product;
  Phase phase(arguments);
  Share share(phase, FORM);
  u32 first = share.part.row * TILE;
  if (first >= share.rows + a.sums) return;
  Conclusion<NOTHING> conclusion;
  Lines<false> columns = {share.part.column * COLUMNS, a.n, 0, 0};
  Patches<TILE, FORM != KERNEL> left(phase, first, share.rows, a.sums ? a.m : NO_ONES);
  if constexpr (FORM == PICTURE) {
    Weights<COLUMNS> right = {phase, a.b, columns.first, a.n};
    PhaseRows rows = {phase, share.rows};
    compute_tile<TILE, COLUMNS>(a, conclusion, share.part, left, right, rows, columns, share.depth, share.depth_end);
  } else {
    Matrix<COLUMNS, true, false> right = {a, columns, NO_ONES};
    AllRows rows = {a};
    compute_tile<TILE, COLUMNS>(a, conclusion, share.part, left, right, rows, columns, share.depth, share.depth_end);
  }
}

extern "C" __global__ void __launch_bounds__(256, 3) conv2d_f32(const __grid_constant__ ConvArguments a) {
  convolve<64, 64, RESULT>(a);
}

extern "C" __global__ void __launch_bounds__(256, 3) conv2d_narrow_f32(const __grid_constant__ ConvArguments a) {
  convolve<256, 4, RESULT>(a);
}

extern "C" __global__ void __launch_bounds__(256, 3) conv2d_dx_f32(const __grid_constant__ ConvArguments a) {
  convolve<64, 64, PICTURE>(a);
}

extern "C" __global__ void __launch_bounds__(256, 3) conv2d_dx_narrow_f32(const __grid_constant__ ConvArguments a) {
  convolve<256, 4, PICTURE>(a);
}

extern "C" __global__ void __launch_bounds__(256, 3) conv2d_dw_f32(const __grid_constant__ ConvArguments a) {
  convolve<64, 64, KERNEL>(a);
}

// With three blocks a multiprocessor it would spill on compute capability 10.0.
extern "C" __global__ void __launch_bounds__(256, 2) conv2d_dw_narrow_f32(const __grid_constant__ ConvArguments a) {
  convolve<256, 4, KERNEL>(a);
}
