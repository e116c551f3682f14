// The tile loop of products in fp32 on the SIMT cores, of matrices (matmul.cu) and of pictures' patches (conv.cu).
//
// A block computes a tile of 64 × 64 with 4 × 4 results a thread, or of 128 × 128 with 8 × 8 where the product is
// large enough to fill a GPU with such tiles, or of 256 × 4, a row a thread, where there are few columns. Tiles are
// read along whichever axis is contiguous, four elements at once where they are aligned. While a tile is multiplied,
// the next one travels to registers, then to the other half of shared memory.
#pragma once
#include "matmul.cuh"

#define DEPTH 16
// A line that no tile has.
#define NO_ONES 0xffffffffu

// Which four neighbours of a tile of LENGTH × DEPTH the thread moves: along k if that axis is contiguous.
template <u32 LENGTH>
struct Quad {
  // Of a thread; of a short tile, the first threads have one.
  static constexpr u32 COUNT = LENGTH < 64 ? 1 : LENGTH / 64;
  bool deep, there;
  u32 along, depth;
  __device__ __forceinline__ Quad(u32 part, bool deep) : deep(deep) {
    u32 q = part * 256 + threadIdx.x;
    there = LENGTH >= 64 || q < LENGTH * DEPTH / 4;
    along = deep ? q / (DEPTH / 4) : q % (LENGTH / 4) * 4;
    depth = deep ? q % (DEPTH / 4) * 4 : q / (LENGTH / 4);
  }
};

// An operand that lies as a matrix, with a line of ones at `ones`. What it reads again from its parameters keeps no register.
template <u32 LENGTH, bool RIGHT, bool FOLLOWED>
struct Matrix {
  const MatmulArguments& a;
  Lines<FOLLOWED> lines;
  u32 ones;

  __device__ __forceinline__ bool deep() const { return (RIGHT ? a.b_strides[0] : a.a_strides[1]) == 1; }

  // Reads the thread's part of a tile, zeros outside its lines and from `depth_end` on but for the line of ones.
  __device__ __forceinline__ void fetch(float (&to)[Quad<LENGTH>::COUNT][4], u32 depth, u32 depth_end) const {
    Global<const float> from = RIGHT ? a.b : a.a;
    i64 along_stride = RIGHT ? a.b_strides[1] : a.a_strides[0], depth_stride = RIGHT ? a.b_strides[0] : a.a_strides[1];
#pragma unroll
    for (u32 part = 0; part < Quad<LENGTH>::COUNT; part++) {
      Quad<LENGTH> quad(part, deep());
      if (!quad.there) continue;
      u32 i = lines.at(quad.along), left = lines.left(quad.along), d = depth + quad.depth;
      i64 at = (i64)i * along_stride + (i64)d * depth_stride;
      bool whole = quad.deep ? left > 0 && d + 4 <= depth_end : d < depth_end && left >= 4;
      i64 step = quad.deep ? depth_stride : along_stride;
      if (whole && step == 1) {
        read4(from, at, to[part]);
      } else {
#pragma unroll
        for (u32 j = 0; j < 4; j++) {
          bool inside = quad.deep ? left > 0 && d + j < depth_end : j < left && d < depth_end;
          bool one = quad.deep ? i == ones && d + j < depth_end : i + j == ones && d < depth_end;
          to[part][j] = inside ? from[at + j * step] : one ? 1.0f : 0.0f;
        }
      }
    }
  }
};

// Puts it into `tiles[depth][along]` from `start` on; rows are four more than the tile apart, which keeps them aligned to
// 16 bytes and spreads the banks.
template <u32 LENGTH, class Tiles>
__device__ __forceinline__ void stage(Tiles& tile, u32 start, const float (&from)[Quad<LENGTH>::COUNT][4], bool deep) {
#pragma unroll
  for (u32 part = 0; part < Quad<LENGTH>::COUNT; part++) {
    Quad<LENGTH> quad(part, deep);
    if (!quad.there) continue;
    u32 at = start + quad.depth * (LENGTH + 4) + quad.along;
    if (deep) {
#pragma unroll
      for (u32 j = 0; j < 4; j++) tile[at + j * (LENGTH + 4)] = from[part][j];
    } else {
      store4(tile, at, from[part]);
    }
  }
}

// The tile of this block: slice [depth, depth_end) of the product of two operands, which bring their parts of tiles
// themselves. A thread's results are groups of four neighbours, 64 apart in rows and in columns; of a narrow tile they are
// four neighbours of one row.
template <u32 TILE, u32 COLUMNS, After AFTER, class Left, class Right, class Rows, bool FOLLOWED>
__device__ __forceinline__ void compute_tile(const MatmulArguments& a, Conclusion<AFTER>& conclusion, const Part& part,
                                             const Left& left, const Right& right, const Rows& rows,
                                             const Lines<FOLLOWED>& columns, u32 depth, u32 depth_end) {
  constexpr bool NARROW = COLUMNS == 4;
  static_assert(NARROW ? TILE == 256 : TILE == COLUMNS, "tiles are square, or have a row for each thread");
  constexpr u32 GROUPS = NARROW ? 1 : TILE / 64, HIGH = NARROW ? 1 : 4, ACROSS = NARROW ? 1 : 16;
  constexpr u32 LEFT = DEPTH * (TILE + 4), RIGHT = DEPTH * (COLUMNS + 4);
  constexpr u32 PITCH = COLUMNS + 4, BAND = NARROW ? TILE : 64;  // of the sums' passage
  // Two halves of the left tile, two of the right; then a band of rows of sums at a time.
  SHARED(float, tiles, 2 * (LEFT + RIGHT));
  static_assert(BAND * PITCH <= 2 * (LEFT + RIGHT), "a band of sums takes the tiles' place");
  u32 row = threadIdx.x / ACROSS * HIGH, column = threadIdx.x % ACROSS * 4;
  bool left_deep = left.deep(), right_deep = right.deep();
  float sums[HIGH * GROUPS][4 * GROUPS] = {};
  float next_left[Quad<TILE>::COUNT][4], next_right[Quad<COLUMNS>::COUNT][4];
  u32 half = 0;
  if (depth < depth_end) {
    left.fetch(next_left, depth, depth_end);
    right.fetch(next_right, depth, depth_end);
    stage<TILE>(tiles, half * LEFT, next_left, left_deep);
    stage<COLUMNS>(tiles, 2 * LEFT + half * RIGHT, next_right, right_deep);
    __syncthreads();
  }
  for (; depth < depth_end; depth += DEPTH) {
    bool more = depth + DEPTH < depth_end;
    if (more) {
      left.fetch(next_left, depth + DEPTH, depth_end);
      right.fetch(next_right, depth + DEPTH, depth_end);
    }
#pragma unroll
    for (u32 d = 0; d < DEPTH; d++) {
      float x[GROUPS][4], y[GROUPS][4];
#pragma unroll
      for (u32 g = 0; g < GROUPS; g++) {
        u32 from = half * LEFT + d * (TILE + 4) + 64 * g + row;
        if constexpr (NARROW) {
          x[g][0] = tiles[from];
        } else {
          load4(tiles, from, x[g]);
        }
        load4(tiles, 2 * LEFT + half * RIGHT + d * PITCH + 64 * g + column, y[g]);
      }
#pragma unroll
      for (u32 i = 0; i < HIGH * GROUPS; i++) {
#pragma unroll
        for (u32 j = 0; j < 4 * GROUPS; j++) {
          sums[i][j] = __fmaf_rn(x[i / 4][i % 4], y[j / 4][j % 4], sums[i][j]);
        }
      }
    }
    half ^= 1;
    if (more) {
      stage<TILE>(tiles, half * LEFT, next_left, left_deep);
      stage<COLUMNS>(tiles, 2 * LEFT + half * RIGHT, next_right, right_deep);
    }
    __syncthreads();
  }
  bool whole = true;
#pragma unroll
  for (u32 band = 0; band < GROUPS; band++) {
    if (band > 0) __syncthreads();
#pragma unroll
    for (u32 i = 0; i < HIGH; i++) {
#pragma unroll
      for (u32 g = 0; g < GROUPS; g++) {
        const float(&own)[4 * GROUPS] = sums[HIGH * band + i];
        float four[4] = {own[4 * g], own[4 * g + 1], own[4 * g + 2], own[4 * g + 3]};
        store4(tiles, (row + i) * PITCH + 64 * g + column, four);
      }
    }
    __syncthreads();
    u32 first_row = part.row * TILE + BAND * band;
    whole = deliver_rows<BAND, COLUMNS, PITCH, 256>(a, conclusion, tiles, part, rows, first_row, columns);
  }
  conclude_tile<TILE, 256>(a, conclusion, tiles, part, columns, whole);
}
