// One matrix product: its parameters, and the closed list of epilogues that finish its sums.
#pragma once
#include "program.cuh"

#define MAX_STEPS 8
#define MAX_PRODUCTS 4  // of a launch

// Kinds of epilogue steps, numbered by `step` of src/exec/cuda/matmul.rs.
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
  Global<float> partial;      // [slices, m + sums, n], where there are several
  Global<u32> arrived;        // [tiles] slices of each that are done; 0 before and after
  Global<const Clock> clock;  // [1]
  i64 a_strides[2];
  i64 b_strides[2];
  i64 out_stride;
  u32 m, n, k;
  u32 steps;
  u32 slices;
  u32 span;  // depth of a slice, a multiple of the tiles' depth
  u32 out_type;
  u32 sums;                   // 1: sums of b's columns too: products of a row of ones under `a`, but in tf32
  Global<float> column_sums;  // [n]
  // Kernels with followers: n = pieces · units columns, [piece, unit]. A tile has `run` units with all their pieces.
  Global<const ProgramArguments> followers;  // maps over [up to m, units] that read the result of their own unit
  u32 follower_count;
  u32 pieces;
  u32 units;
  u32 run;
  u32 first;   // block of the launch
  u32 across;  // tiles side by side
  u32 in_type;  // of a and b, where a kernel does not say it
  u32 unused;
  u32 out_at;   // updating kernels: the parameters whose gradient the result is, from here on
  u32 sums_at;  // and the column sums
  Step step[MAX_STEPS];
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

// x[j] ← function(x[j], y[j]).
template <class Function>
__device__ __forceinline__ void each(float (&x)[4], const float (&y)[4], Function function) {
#pragma unroll
  for (u32 j = 0; j < 4; j++) x[j] = function(x[j], y[j]);
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
    switch (step.kind) {
      case BIAS: each(x, y, [](float v, float y) { return add(v, y); }); break;
      case SCALE: each(x, y, [&](float v, float) { return mul(v, step.x); }); break;
      case RELU: each(x, y, [](float v, float) { return relu(v); }); break;
      case LEAKY_RELU: each(x, y, [&](float v, float) { return v > 0.0f ? v : mul(step.x, v); }); break;
      case TANH: each(x, y, [](float v, float) { return hyperbolic_tangent(v); }); break;
      case SIGMOID: each(x, y, [](float v, float) { return sigmoid(v); }); break;
      case DROPOUT: each(x, y, [&](float v, float y) { return mul(v, y > step.x ? step.y : 0.0f); }); break;
      case RELU_GRAD: each(x, y, [](float v, float y) { return y > 0.0f ? v : 0.0f; }); break;
      case LEAKY_RELU_GRAD: each(x, y, [&](float v, float y) { return y > 0.0f ? v : mul(step.x, v); }); break;
      case TANH_GRAD: each(x, y, [](float v, float y) { return mul(v, sub(1.0f, mul(y, y))); }); break;
      default: each(x, y, [](float v, float y) { return mul(mul(v, y), sub(1.0f, y)); }); break;
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
