// How a parameter is updated, for the kernels of optim.cu and the products of matmul.cuh that update what they are the
// gradient of. Formulas and roundings are those of src/exec/cpu/update.rs.
#pragma once
#include "common.cuh"

// Of src/exec/scale.rs.
#define MOST_SCALE 16777216.0f
#define GROWTH 2000

// How moments and weights move; `update.rs` has the same order.
enum { SGD, ADAM, RMS_PROP };

struct UpdateArguments {
  Global<float> weights;          // [count]
  Global<float> gradients;        // [count]
  Global<float> first;            // [count] velocity, square average, or Adam's first moment
  Global<float> second;           // [count] Adam's second moment
  Global<float> average;          // [count]
  Global<u16> copies;             // [count] the weights in 16 bits, by `copy_type`; F32 keeps none
  Global<double> partials;        // [blocks]
  Global<double> norm2;           // [1] squared norm of the gradient
  Global<u32> finished;           // [1] blocks done; 0 before and after
  Global<LossScale> scale;        // [1]
  Global<const Clock> clock;      // [1]
  u32 count;
  u32 optimizer;
  u32 scaled;    // whether gradients are of a scaled loss, measured before
  u32 keep;      // products: whether the gradient is stored too
  u32 blend;     // whether the average moves now
  float beta1;   // RMSProp: alpha
  float beta2;
  float eps;
  float clip;    // 0 is off
  u32 copy_type;
  u32 rule;
  u32 unused;
};

// The weight after a step; `first` and `second` become the moments after it.
__device__ __forceinline__ float stepped(const UpdateArguments& a, u32 rule, const Rates& r, float w, float g,
                                         float& first, float& second) {
  if (rule == SGD) {
    first = sub(mul(r.momentum, first), mul(r.lr, g));
    return add(w, first);
  }
  if (rule == ADAM) {
    first = add(first, mul(sub(1.0f, a.beta1), sub(g, first)));
    second = add(mul(a.beta2, second), mul(mul(sub(1.0f, a.beta2), g), g));
    return sub(w, __fdiv_rn(mul(r.corrected_lr, first), add(__fdiv_rn(__fsqrt_rn(second), r.root_correction), a.eps)));
  }
  first = add(mul(a.beta1, first), mul(mul(sub(1.0f, a.beta1), g), g));
  return sub(w, __fdiv_rn(mul(r.lr, g), add(__fsqrt_rn(first), a.eps)));
}

__device__ __forceinline__ float blended(float average, float w, float beta) {
  return add(mul(beta, average), mul(sub(1.0f, beta), w));
}

// Updates parameter `i` from its gradient.
__device__ __forceinline__ void update_one(const UpdateArguments& a, u32 rule, const Rates& rates, u32 i, float g) {
  float first = a.first[i], second = rule == ADAM ? a.second[i] : 0.0f;
  float w = stepped(a, rule, rates, a.weights[i], g, first, second);
  if (a.clip > 0.0f) w = w < -a.clip ? -a.clip : w > a.clip ? a.clip : w;
  a.first[i] = first;
  if (rule == ADAM) a.second[i] = second;
  a.weights[i] = w;
  if (a.copy_type != F32) a.copies[i] = narrow(w, a.copy_type);
  if (a.blend) a.average[i] = blended(a.average[i], w, rates.average);
}

// Adds the blocks' squares; whether the calling block was the last one to add its own, with the sum in `total`.
template <u32 THREADS>
__device__ __forceinline__ bool whole_norm(Global<double> partials, Global<u32> finished, double square, double& total) {
  SHARED(double, sums, THREADS);
  double sum = block_sum<double>(sums, threadIdx.x, THREADS, square);
  if (threadIdx.x == 0) partials[blockIdx.x] = sum;
  if (!last_of(finished, 0, gridDim.x)) return false;
  total = 0.0;
  for (u32 i = threadIdx.x; i < gridDim.x; i += THREADS) total += partials[i];
  total = block_sum<double>(sums, threadIdx.x, THREADS, total);
  return true;
}

__device__ __forceinline__ double squared(float x) { return (double)x * (double)x; }

// What takes the scale out of a gradient: a power of two, so that it rounds nothing.
__device__ __forceinline__ float inverse_scale(Global<const LossScale> scale) {
  return __fdiv_rn(1.0f, scale[0].scale);
}

// Notes the squared norm of a gradient whose scale is taken out, and what it says about the scale.
__device__ __forceinline__ void judge(Global<LossScale> scale, Global<double> norm2, double total, float inverse) {
  norm2[0] = total;
  LossScale s = scale[0];
  s.inverse = inverse;
  // No sum of squares of finite f32s overflows f64.
  s.skip = !(total - total == 0.0);
  if (s.skip) {
    s.scale = mul(s.scale, 0.5f);
    s.good = 0;
    s.skipped++;
  } else if (s.good + 1 == GROWTH) {
    s.scale = s.scale < MOST_SCALE ? mul(s.scale, 2.0f) : MOST_SCALE;
    s.good = 0;
  } else {
    s.good++;
  }
  scale[0] = s;
}
