// Matrix products on the tensor cores: operands of 16 bits or f32 rounded to tf32, sums in f32.
//
// A block computes a tile of 64 × 64 with four warps, or of 128 × 128 with eight. Tiles of both operands, 64 bytes
// deep, are on their way in STAGES stages of asynchronous copies: one is multiplied while the next ones travel.
// They lie in shared memory as they do in device memory, along whichever axis is contiguous; ldmatrix turns them
// where that is not k. Pieces of 16 bytes change places within their lines so that eight of a column lie in
// different banks; what cannot be copied by 16 bytes is gathered element by element.
//
// At the end the sums pass through the tiles' memory, so that the epilogue walks rows, four neighbours a thread.
#include "matmul.cuh"
#include "mma.cuh"

#define STAGES 3
// A line that no tile has.
#define NO_ONES 0xffffffffu
// Of a tile's depth, in words of 4 bytes.
#define LINE 16

// What differs between number types: how many lie in a word, how deep one multiplication is, in words, and whether it
// rounds its operands; then sums of columns are no products with ones.
struct Half {
  typedef u16 Element;
  static constexpr u32 PER_WORD = 2, STEP = 8, ONE = 0x3c00;
  static constexpr bool ROUNDS = false;
  static __device__ __forceinline__ u32 turn(u32 depth) { return depth % 8; }
  static __device__ __forceinline__ void multiply(float (&sums)[4], const u32 (&a)[4], const u32 (&b)[2]) {
    multiply_f16(sums, a, b);
  }
};
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
struct Bfloat : Half {
  static constexpr u32 ONE = 0x3f80;
  static __device__ __forceinline__ void multiply(float (&sums)[4], const u32 (&a)[4], const u32 (&b)[2]) {
    multiply_bf16(sums, a, b);
  }
};
struct Tf32 {
  typedef u32 Element;
  static constexpr u32 PER_WORD = 1, STEP = 8, ONE = 0;
  static constexpr bool ROUNDS = true;
  static __device__ __forceinline__ u32 turn(u32 depth) { return depth % 4 * 2; }
  static __device__ __forceinline__ void multiply(float (&sums)[4], const u32 (&a)[4], const u32 (&b)[2]) {
    multiply_tf32(sums, a, b);
  }
};
#endif

// An operand's tile: LENGTH along m or n, LINE words deep. `deep`: k is the contiguous axis.
template <class Number, u32 LENGTH, bool FOLLOWED>
struct Operand {
  static constexpr u32 PIECE = 4 * Number::PER_WORD;  // elements of 16 bytes
  static constexpr u32 DEPTH = LINE * Number::PER_WORD;
  static constexpr u32 WORDS = LENGTH * LINE;

  Global<const typename Number::Element> from;
  i64 along_stride, depth_stride;
  Lines<FOLLOWED> lines;
  u32 ones;   // a line of ones there; NO_ONES is none
  u32 start;  // of its first stage, in words of the block's memory
  bool deep;

  // The word that holds element (along, depth); its piece changes places within the line.
  __device__ __forceinline__ u32 word(u32 along, u32 depth) const {
    if (deep) return along * LINE + ((depth / PIECE ^ along / 2 % 4) * 4) + depth % PIECE / Number::PER_WORD;
    return depth * (LENGTH / Number::PER_WORD) + (along / PIECE ^ Number::turn(depth)) * 4 +
           along % PIECE / Number::PER_WORD;
  }

  // Sends the tile at `depth` to a stage; zeros outside its lines and from `depth_end` on but for the line of ones.
  template <u32 THREADS, class Tiles>
  __device__ __forceinline__ void bring(Tiles& tiles, u32 stage, u32 depth, u32 depth_end) const {
#pragma unroll
    for (u32 part = 0; part < WORDS / 4 / THREADS; part++) {
      u32 piece = part * THREADS + threadIdx.x;
      u32 along = deep ? piece / 4 : piece % (LENGTH / PIECE) * PIECE;
      u32 within = deep ? piece % 4 * PIECE : piece / (LENGTH / PIECE);
      u32 to = start + stage * WORDS + word(along, within);
      u32 i = lines.at(along), left = lines.left(along), k = depth + within;
      i64 at = (i64)i * along_stride + (i64)k * depth_stride;
      i64 step = deep ? depth_stride : along_stride;
      bool whole = deep ? left > 0 && k + PIECE <= depth_end : k < depth_end && left >= PIECE;
      if (whole && step == 1 && aligned(from, at, 16)) {
        copy16_async(tiles, to, from, at);
      } else {
        u32 words[4] = {};
#pragma unroll
        for (u32 j = 0; j < PIECE; j++) {
          bool inside = deep ? left > 0 && k + j < depth_end : j < left && k < depth_end;
          bool one = deep ? i == ones && k + j < depth_end : i + j == ones && k < depth_end;
          u32 element = inside ? from[at + j * step] : one ? Number::ONE : 0;
          words[j / Number::PER_WORD] |= element << 16 * (j % Number::PER_WORD);
        }
        store4(tiles, to, words);
      }
    }
  }

  // The fragments of 16 rows (or columns) from `along` and one multiplication's depth from `depth`: [2 · (depth
  // half) + (along half)].
  template <class Tiles>
  __device__ __forceinline__ void fragments(Tiles& tiles, u32 stage, u32 along, u32 depth, u32 (&to)[4]) const {
    u32 base = start + stage * WORDS, lane = threadIdx.x % 32;
    if constexpr (Number::PER_WORD == 2) {
      u32 row = lane % 8, a = along + lane / 8 % 2 * 8, d = depth + lane / 16 * 8;
      load_matrices(tiles, base + (deep ? word(a + row, d) : word(a, d + row)), !deep, to);
    } else {
#pragma unroll
      for (u32 j = 0; j < 4; j++) {
        u32 bits = tiles[base + word(along + lane / 4 + j % 2 * 8, depth + lane % 4 + j / 2 * 4)];
        to[j] = round_tf32(bits);
      }
    }
  }
};

// Words of shared memory as f32s.
template <class Tiles>
struct FloatSlots {
  Tiles& words;
  struct Slot {
    Tiles& words;
    u32 at;
    __device__ __forceinline__ operator float() const { return __uint_as_float(words[at]); }
    __device__ __forceinline__ void operator=(float x) const { words[at] = __float_as_uint(x); }
  };
  __device__ __forceinline__ Slot operator[](u32 at) const { return {words, at}; }
};

// The tile of this block, by 2 × TILE / 32 warps of TILE / 2 × 32 results each.
template <class Number, u32 TILE, After AFTER>
__device__ __forceinline__ void product(const MatmulLaunch& launch) {
  typedef Operand<Number, TILE, false> Side;
  constexpr u32 THREADS = 2 * TILE, ACROSS = TILE / 32, HIGH = TILE / 32, STEPS = LINE / Number::STEP;
  constexpr u32 PITCH = TILE + 8, ROWS = TILE < 64 ? TILE : 64;  // of the sums' passage
  SHARED(u32, tiles, 2 * STAGES * Side::WORDS);
  static_assert(ROWS * PITCH <= 2 * STAGES * Side::WORDS, "the sums of 64 rows fit where the tiles were");

  typedef typename Number::Element Element;
  constexpr bool FOLLOWED = followed(AFTER);
  const MatmulArguments& a = own_product(launch);
  Conclusion<AFTER> conclusion(launch);
  Part part(a, TILE);
  Lines<FOLLOWED> columns = {part.column * (FOLLOWED ? a.run : TILE), FOLLOWED ? a.pieces : a.n, a.run, a.units};
  u32 ones = a.sums ? a.m : NO_ONES;
  Side left = {recast<const Element>(a.a), a.a_strides[0], a.a_strides[1], {part.row * TILE, a.m, 0, 0}, ones, 0,
               a.a_strides[1] == 1};
  Operand<Number, TILE, FOLLOWED> right = {recast<const Element>(a.b), a.b_strides[1], a.b_strides[0], columns, NO_ONES,
                                         STAGES * Side::WORDS, a.b_strides[0] == 1};
  u32 depth = part.slice * a.span, depth_end = a.k - depth < a.span ? a.k : depth + a.span;
  u32 count = (depth_end - depth + Side::DEPTH - 1) / Side::DEPTH;
  u32 warp = threadIdx.x / 32, row = warp / ACROSS * (TILE / 2), column = warp % ACROSS * 32;
  float sums[HIGH][4][4] = {};
  // A thread for each column, where sums of columns are not products.
  bool summing = Number::ROUNDS && a.sums && part.row == a.m / TILE && threadIdx.x < TILE;
  float column_sum = 0.0f;

  // Tile `sent` leaves, and the one STAGES − 1 before it is multiplied.
#pragma unroll 1
  for (u32 sent = 0; sent < count + STAGES - 1; sent++) {
    if (sent >= STAGES - 1) {
      copies_wait<STAGES - 2>();
      // All threads' copies of that tile are there, and nobody reads the one before it any more.
      __syncthreads();
    }
    if (sent < count) {
      left.template bring<THREADS>(tiles, sent % STAGES, depth + sent * Side::DEPTH, depth_end);
      right.template bring<THREADS>(tiles, sent % STAGES, depth + sent * Side::DEPTH, depth_end);
    }
    copies_commit();
    if (sent < STAGES - 1) continue;
    u32 stage = (sent + 1) % STAGES;
    if (summing) {
#pragma unroll
      for (u32 d = 0; d < Side::DEPTH; d++) {
        u32 word = right.start + stage * Side::WORDS + right.word(threadIdx.x, d);
        column_sum = add(column_sum, __uint_as_float(tiles[word]));
      }
    }
#pragma unroll
    for (u32 step = 0; step < STEPS; step++) {
      u32 within = step * Number::STEP * Number::PER_WORD;
      u32 x[HIGH][4], y[2][4];
#pragma unroll
      for (u32 r = 0; r < HIGH; r++) left.fragments(tiles, stage, row + 16 * r, within, x[r]);
#pragma unroll
      for (u32 c = 0; c < 2; c++) right.fragments(tiles, stage, column + 16 * c, within, y[c]);
#pragma unroll
      for (u32 r = 0; r < HIGH; r++) {
#pragma unroll
        for (u32 c = 0; c < 4; c++) {
          u32 pair[2] = {y[c / 2][c % 2], y[c / 2][c % 2 + 2]};
          Number::multiply(sums[r][c], x[r], pair);
        }
      }
    }
  }

  u32 lane = threadIdx.x % 32;
  bool whole = true;
#pragma unroll 1
  for (u32 from = 0; from < TILE; from += ROWS) {
    __syncthreads();
    if (row / ROWS * ROWS == from) {
#pragma unroll
      for (u32 r = 0; r < HIGH; r++) {
#pragma unroll
        for (u32 c = 0; c < 4; c++) {
#pragma unroll
          for (u32 j = 0; j < 4; j++) {
            u32 at = (row - from + 16 * r + lane / 4 + j / 2 * 8) * PITCH + column + 8 * c + lane % 4 * 2 + j % 2;
            tiles[at] = __float_as_uint(sums[r][c][j]);
          }
        }
      }
    }
    __syncthreads();
    if constexpr (Number::ROUNDS) {
      u32 row_of_sums = a.m % TILE - from;
      if (summing && row_of_sums < ROWS) tiles[row_of_sums * PITCH + threadIdx.x] = __float_as_uint(column_sum);
      __syncthreads();
    }
    whole = deliver_rows<ROWS, TILE, PITCH, THREADS>(a, conclusion, tiles, part, part.row * TILE + from, columns);
  }
  FloatSlots<decltype(tiles)> slots = {tiles};
  conclude_tile<TILE, THREADS>(a, conclusion, slots, part, columns, whole);
}

extern "C" __global__ void __launch_bounds__(128, 4) matmul_f16(const __grid_constant__ MatmulLaunch a) {
  product<Half, 64, NOTHING>(a);
}

extern "C" __global__ void __launch_bounds__(128, 4) matmul_followed_f16(const __grid_constant__ MatmulLaunch a) {
  product<Half, 64, FOLLOWERS>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) matmul_head_f16(const __grid_constant__ MatmulLaunch a) {
  product<Half, 64, HEAD>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) matmul_measure_f16(const __grid_constant__ MatmulLaunch a) {
  product<Half, 64, MEASURE>(a);
}

extern "C" __global__ void __launch_bounds__(256, 1) matmul_wide_f16(const __grid_constant__ MatmulLaunch a) {
  product<Half, 128, NOTHING>(a);
}

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
extern "C" __global__ void __launch_bounds__(128, 4) matmul_bf16(const __grid_constant__ MatmulLaunch a) {
  product<Bfloat, 64, NOTHING>(a);
}

extern "C" __global__ void __launch_bounds__(128, 4) matmul_followed_bf16(const __grid_constant__ MatmulLaunch a) {
  product<Bfloat, 64, FOLLOWERS>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) matmul_head_bf16(const __grid_constant__ MatmulLaunch a) {
  product<Bfloat, 64, HEAD>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) matmul_update_bf16(const __grid_constant__ MatmulLaunch a) {
  product<Bfloat, 64, UPDATE>(a);
}

extern "C" __global__ void __launch_bounds__(256, 1) matmul_wide_bf16(const __grid_constant__ MatmulLaunch a) {
  product<Bfloat, 128, NOTHING>(a);
}

extern "C" __global__ void __launch_bounds__(128, 4) matmul_tf32(const __grid_constant__ MatmulLaunch a) {
  product<Tf32, 64, NOTHING>(a);
}

extern "C" __global__ void __launch_bounds__(128, 4) matmul_followed_tf32(const __grid_constant__ MatmulLaunch a) {
  product<Tf32, 64, FOLLOWERS>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) matmul_head_tf32(const __grid_constant__ MatmulLaunch a) {
  product<Tf32, 64, HEAD>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) matmul_update_tf32(const __grid_constant__ MatmulLaunch a) {
  product<Tf32, 64, UPDATE>(a);
}

extern "C" __global__ void __launch_bounds__(256, 1) matmul_wide_tf32(const __grid_constant__ MatmulLaunch a) {
  product<Tf32, 128, NOTHING>(a);
}
#endif
