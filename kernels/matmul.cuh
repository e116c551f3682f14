// What the kernels of a matrix product have in common: their parameters and the closed list of epilogues.
//
// out[m, n] = epilogue(a[m, k] · b[k, n]). Operands have any strides, so every transpose is a launch of the same
// kernel. A small product of great depth is cut along k: each slice stores its sums, and a second kernel adds
// them in order. Who adds what depends on the shape alone, so the same launch gives the same bits every time.
#pragma once
#include "program.cuh"

#define MAX_STEPS 8

// Rust: `pack::Step` numbers.
enum {
  BIAS,
  SCALE,
  RELU,
  LEAKY_RELU,
  TANH,
  SIGMOID,
  DROPOUT,
  RELU_GRAD,
  LEAKY_RELU_GRAD,
  TANH_GRAD,
  SIGMOID_GRAD
};

// One epilogue step. Its operand is a window over (row, column) of the product, as `View` of common.cuh.
struct Step {
  Global<const float> at;  // or 16-bit numbers, by `type`
  i64 base;
  i64 strides[2];
  u32 from[2];
  u32 to[2];
  u32 kind;
  u32 stream;  // dropout
  float x;     // slope, factor or threshold
  float y;     // dropout's scale
  u32 type;
  u32 unused;
};

struct MatmulArguments {
  Global<const float> a;      // [m, k]; 16-bit numbers in kernels that say so
  Global<const float> b;      // [k, n]; of a's type
  Global<float> out;          // [m, n], rows contiguous; or 16-bit numbers, by `out_type`
  Global<float> partial;      // [slices, m, n], where there are several
  Global<const Clock> clock;  // [1]
  i64 a_strides[2];
  i64 b_strides[2];
  i64 out_stride;
  u32 m, n, k;
  u32 steps;
  u32 slices;
  u32 span;  // depth of a slice, a multiple of the tiles' depth
  u32 out_type;
  u32 sums;                   // 1: a row of ones stands under `a`, whose products are sums of b's columns
  Global<float> column_sums;  // [n]
  // Maxout kernels: n = pieces · units columns, [piece, unit]. A tile has `run` units with all their pieces.
  Global<const ProgramArguments> maxout;  // [1], a map over [m, units] that reads the result and draws
  u32 pieces;
  u32 units;
  u32 run;
  u32 unused;
  Step step[MAX_STEPS];
};

// Which lines of an operand a tile holds: rows of `a`, columns of `b`.
template <bool MAXOUT>
struct Lines {
  u32 first;   // line, or unit
  u32 length;  // lines, or pieces
  u32 run;     // maxout: units of each piece, one piece after the other
  u32 units;

  // The line that stands at `along` of the tile.
  __device__ __forceinline__ u32 at(u32 along) const {
    if constexpr (!MAXOUT) return first + along;
    return along / run * units + first + along % run;
  }
  // How many lines in a row are there from `along` on; 0 outside.
  __device__ __forceinline__ u32 left(u32 along) const {
    if constexpr (!MAXOUT) return first + along < length ? length - first - along : 0;
    u32 unit = first + along % run, of_piece = run - along % run;
    if (along / run >= length || unit >= units) return 0;
    return units - unit < of_piece ? units - unit : of_piece;
  }
};

// Operands of `step` at four neighbouring columns; zeros outside its windows and from `count` on.
__device__ __forceinline__ void operands(const Step& step, u32 row, u32 column, u32 count, float (&to)[4]) {
  i64 at = step.base + (i64)row * step.strides[0] + (i64)column * step.strides[1];
  bool row_inside = row >= step.from[0] && row < step.to[0];
#pragma unroll
  for (u32 j = 0; j < 4; j++) {
    bool inside = row_inside && j < count && column + j >= step.from[1] && column + j < step.to[1];
    to[j] = inside ? read_number(step.at, step.type, at + j * step.strides[1]) : 0.0f;
  }
}

// The epilogue on `count` neighbouring columns of a row, at most four: a step is decoded once for all of them.
__device__ __forceinline__ void finish(const MatmulArguments& a, float (&x)[4], u32 row, u32 column, u32 count) {
  for (u32 i = 0; i < a.steps; i++) {
    const Step& step = a.step[i];
    float y[4] = {};
    if (step.kind == BIAS || step.kind >= RELU_GRAD) {
      operands(step, row, column, count, y);
    } else if (step.kind == DROPOUT) {
      i64 at = step.base + (i64)row * step.strides[0] + (i64)column * step.strides[1];
      four_uniforms(a.clock[0].seed, a.clock[0].tick, step.stream, at, step.strides[1], y);
    }
#pragma unroll
    for (u32 j = 0; j < 4; j++) {
      float v = x[j];
      switch (step.kind) {
        case BIAS: v = add(v, y[j]); break;
        case SCALE: v = mul(v, step.x); break;
        case RELU: v = relu(v); break;
        case LEAKY_RELU: v = v > 0.0f ? v : mul(step.x, v); break;
        case TANH: v = hyperbolic_tangent(v); break;
        case SIGMOID: v = sigmoid(v); break;
        case DROPOUT: v = mul(v, y[j] > step.x ? step.y : 0.0f); break;
        case RELU_GRAD: v = y[j] > 0.0f ? v : 0.0f; break;
        case LEAKY_RELU_GRAD: v = y[j] > 0.0f ? v : mul(step.x, v); break;
        case TANH_GRAD: v = mul(v, sub(1.0f, mul(y[j], y[j]))); break;
        default: v = mul(mul(v, y[j]), sub(1.0f, y[j])); break;
      }
      x[j] = v;
    }
  }
}

// Finishes and stores `count` neighbouring sums, or stores them as they are under the row of ones.
__device__ __forceinline__ void conclude(const MatmulArguments& a, float (&sums)[4], u32 row, u32 column, u32 count) {
  if (row == a.m) {
    write_four(a.column_sums, F32, column, sums, count);
    return;
  }
  finish(a, sums, row, column, count);
  write_four(a.out, a.out_type, (i64)row * a.out_stride + column, sums, count);
}

// Stores sums of the product at `left` neighbouring columns of a row, at most four: into the block's slice, or
// finished.
__device__ __forceinline__ void deliver(const MatmulArguments& a, float (&sums)[4], u32 row, u32 column, u32 left) {
  if (row >= a.m + a.sums || left == 0) return;
  u32 count = left < 4 ? left : 4;
  if (a.slices > 1) {
    i64 at = ((i64)blockIdx.z * (a.m + a.sums) + row) * a.n + column;
#pragma unroll
    for (u32 j = 0; j < 4; j++) {
      if (j < count) a.partial[at + j] = sums[j];
    }
    return;
  }
  conclude(a, sums, row, column, count);
}

// Finishes and stores ROWS × COLUMNS sums that lie in shared memory, rows PITCH apart; every thread of the block calls.
template <u32 ROWS, u32 COLUMNS, u32 PITCH, u32 THREADS, class Sums, bool MAXOUT>
__device__ __forceinline__ void deliver_rows(const MatmulArguments& a, Sums& sums, u32 first_row,
                                             const Lines<MAXOUT>& columns) {
  // Not unrolled: the epilogue's code stands here once.
#pragma unroll 1
  for (u32 quad = threadIdx.x; quad < ROWS * COLUMNS / 4; quad += THREADS) {
    u32 row = quad / (COLUMNS / 4), column = quad % (COLUMNS / 4) * 4;
    float four[4];
    load4(sums, row * PITCH + column, four);
    deliver(a, four, first_row + row, columns.at(column), columns.left(column));
  }
}

// Runs the maxout's program for ROWS rows of the block's units, whose affine values the block has stored. `slots` has
// a column for each thread.
template <u32 ROWS, class Slots>
__device__ __forceinline__ void greatest(const MatmulArguments& a, Slots& slots, u32 first_row, u32 first_unit) {
#pragma unroll 1
  for (u32 element = threadIdx.x; element < ROWS * a.run; element += blockDim.x) {
    u32 row = first_row + element / a.run, unit = first_unit + element % a.run;
    const u32 at[1] = {row * a.units + unit};
    const bool active[1] = {row < a.m && unit < a.units};
    map_elements<1>(a.maxout[0], slots, at, active);
  }
}
