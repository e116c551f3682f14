// One optimizer update over a network's flat memory: rule, clip, moving average, 16-bit copy and gradient norm in one
// launch. Formulas and roundings are those of src/exec/cpu/update.rs.
//
// A block walks 4,096 elements. The norm's partial sums are f64; the last block to finish adds them in a fixed
// order, so no float is ever added atomically. Column norms come after as a launch of their own.
//
// Gradients of a scaled loss (fp16) are measured by a launch before: it finds out whether all of them are finite and
// moves the scale; an update whose gradient is not finite then changes nothing at all.
#include "common.cuh"

#define PER_BLOCK 4096
// Of src/exec/scale.rs.
#define MOST_SCALE 16777216.0f
#define GROWTH 2000

struct UpdateArguments {
  Global<float> weights;          // [count]
  Global<const float> gradients;  // [count]
  Global<float> first;            // [count] velocity, square average, or Adam's first moment
  Global<float> second;           // [count] Adam's second moment
  Global<float> average;          // [count]
  Global<u16> copies;             // [count] the weights in 16 bits, by `copy_type`; F32 keeps none
  Global<double> partials;        // [blocks]
  Global<double> norm2;           // [1] squared norm of the gradient
  Global<u32> finished;           // [1] blocks done; 0 before and after
  Global<const LossScale> scale;  // [1]
  Global<const Clock> clock;      // [1]
  u32 count;
  u32 player;
  u32 scaled;    // whether gradients are of a scaled loss, measured before
  u32 unused;
  u32 blend;     // whether the average moves now
  float beta1;   // RMSProp: alpha
  float beta2;
  float eps;
  float clip;    // 0 is off
  u32 copy_type;
};

struct Sgd {
  static __device__ __forceinline__ float step(const UpdateArguments& a, const Rates& r, u32 i, float w, float g) {
    float v = sub(mul(r.momentum, a.first[i]), mul(r.lr, g));
    a.first[i] = v;
    return add(w, v);
  }
};

struct Adam {
  static __device__ __forceinline__ float step(const UpdateArguments& a, const Rates& r, u32 i, float w, float g) {
    float m = a.first[i], v = a.second[i];
    m = add(m, mul(sub(1.0f, a.beta1), sub(g, m)));
    v = add(mul(a.beta2, v), mul(mul(sub(1.0f, a.beta2), g), g));
    a.first[i] = m;
    a.second[i] = v;
    return sub(w, __fdiv_rn(mul(r.corrected_lr, m), add(__fdiv_rn(__fsqrt_rn(v), r.root_correction), a.eps)));
  }
};

struct RmsProp {
  static __device__ __forceinline__ float step(const UpdateArguments& a, const Rates& r, u32 i, float w, float g) {
    float s = add(mul(a.beta1, a.first[i]), mul(mul(sub(1.0f, a.beta1), g), g));
    a.first[i] = s;
    return sub(w, __fdiv_rn(mul(r.lr, g), add(__fsqrt_rn(s), a.eps)));
  }
};

__device__ __forceinline__ float blended(float average, float w, float beta) {
  return add(mul(beta, average), mul(sub(1.0f, beta), w));
}

// Elements of this block: [from, to).
struct Range {
  u32 from, to;
  __device__ __forceinline__ Range(u32 count) {
    from = blockIdx.x * PER_BLOCK;
    to = count - from < PER_BLOCK ? count : from + PER_BLOCK;
  }
};

// Adds the blocks' squares; whether the calling block was the last one to add its own, with the sum in `total`.
__device__ __forceinline__ bool whole_norm(Global<double> partials, Global<u32> finished, double square, double& total) {
  SHARED(double, sums, 256);
  SHARED(u32, last, 1);
  double sum = block_sum<double>(sums, threadIdx.x, 256, square);
  if (threadIdx.x == 0) {
    partials[blockIdx.x] = sum;
    __threadfence();
    last[0] = atomicAdd(&finished[0], 1u) == gridDim.x - 1;
  }
  __syncthreads();
  if (last[0] == 0) return false;
  __threadfence();
  total = 0.0;
  for (u32 i = threadIdx.x; i < gridDim.x; i += 256) total += partials[i];
  total = block_sum<double>(sums, threadIdx.x, 256, total);
  if (threadIdx.x == 0) finished[0] = 0;
  return true;
}

template <class Rule>
__device__ __forceinline__ void update(const UpdateArguments& a) {
  if (a.scaled && a.scale[0].skip) return;
  Rates rates = a.clock[0].rates[a.player];
  float inverse = a.scaled ? a.scale[0].inverse : 1.0f;
  double square = 0.0;
  Range range(a.count);
  for (u32 i = range.from + threadIdx.x; i < range.to; i += 256) {
    float g = mul(a.gradients[i], inverse);
    square += (double)g * (double)g;
    float w = Rule::step(a, rates, i, a.weights[i], g);
    if (a.clip > 0.0f) w = w < -a.clip ? -a.clip : w > a.clip ? a.clip : w;
    a.weights[i] = w;
    if (a.copy_type != F32) a.copies[i] = narrow(w, a.copy_type);
    if (a.blend) a.average[i] = blended(a.average[i], w, rates.average);
  }
  double total;
  if (!a.scaled && whole_norm(a.partials, a.finished, square, total) && threadIdx.x == 0) a.norm2[0] = total;
}

extern "C" __global__ void __launch_bounds__(256) sgd_f32(const __grid_constant__ UpdateArguments a) { update<Sgd>(a); }

extern "C" __global__ void __launch_bounds__(256) adam_f32(const __grid_constant__ UpdateArguments a) { update<Adam>(a); }

extern "C" __global__ void __launch_bounds__(256) rms_prop_f32(const __grid_constant__ UpdateArguments a) {
  update<RmsProp>(a);
}

struct MeasureArguments {
  Global<const float> gradients;  // [count], of the scaled loss
  Global<double> partials;        // [blocks]
  Global<double> norm2;           // [1]
  Global<u32> finished;           // [1]
  Global<LossScale> scale;        // [1]
  u32 count;
  u32 unused;
};

// The squared norm of a gradient with its scale taken out, and what it says about the scale.
extern "C" __global__ void __launch_bounds__(256) measure_f32(const __grid_constant__ MeasureArguments a) {
  // A power of two: taking it out rounds nothing.
  float inverse = __fdiv_rn(1.0f, a.scale[0].scale);
  double square = 0.0;
  Range range(a.count);
  for (u32 i = range.from + threadIdx.x; i < range.to; i += 256) {
    float g = mul(a.gradients[i], inverse);
    square += (double)g * (double)g;
  }
  double total;
  if (!whole_norm(a.partials, a.finished, square, total) || threadIdx.x != 0) return;
  a.norm2[0] = total;
  LossScale s = a.scale[0];
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
  a.scale[0] = s;
}

struct ColumnNormArguments {
  Global<float> weights;  // [fan_in, units]
  Global<u16> copies;     // of the same weights, as in UpdateArguments
  Global<const LossScale> scale;
  u32 fan_in;
  u32 units;
  float limit;
  u32 copy_type;
  u32 scaled;
  u32 unused;
};

// Scales each column down to the limit: w ← w·min(norm, limit)/(10⁻⁷ + norm). A block has 32 columns and
// eight threads each.
extern "C" __global__ void __launch_bounds__(256) column_norm_f32(const __grid_constant__ ColumnNormArguments a) {
  SHARED(float, sums, 256);
  if (a.scaled && a.scale[0].skip) return;
  u32 column = blockIdx.x * 32 + threadIdx.x % 32, lane = threadIdx.x / 32;
  float sum = 0.0f;
  for (u32 row = lane; row < a.fan_in && column < a.units; row += 8) {
    float w = a.weights[(u64)row * a.units + column];
    sum += w * w;
  }
  sums[threadIdx.x] = sum;
  __syncthreads();
  for (u32 width = 4; width > 0; width /= 2) {
    if (lane < width) sums[threadIdx.x] = sums[threadIdx.x] + sums[threadIdx.x + 32 * width];
    __syncthreads();
  }
  float norm = __fsqrt_rn(sums[threadIdx.x % 32]);
  float factor = __fdiv_rn(norm < a.limit ? norm : a.limit, add(1e-7f, norm));
  for (u32 row = lane; row < a.fan_in && column < a.units; row += 8) {
    u64 at = (u64)row * a.units + column;
    float w = mul(a.weights[at], factor);
    a.weights[at] = w;
    if (a.copy_type != F32) a.copies[at] = narrow(w, a.copy_type);
  }
}

struct AverageArguments {
  Global<float> average;        // [count]
  Global<const float> weights;  // [count]
  Global<const LossScale> scale;
  Global<const Clock> clock;    // [1]
  u32 count;
  u32 player;
  u32 scaled;
  u32 unused;
};

// The moving average where column norms changed weights after the rule.
extern "C" __global__ void __launch_bounds__(256) average_f32(const __grid_constant__ AverageArguments a) {
  if (a.scaled && a.scale[0].skip) return;
  u32 i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < a.count) a.average[i] = blended(a.average[i], a.weights[i], a.clock[0].rates[a.player].average);
}
