// One optimizer update over its flat memory: rule, clip, moving average, 16-bit copy and gradient norm in one
// launch. Gradients of products that reach the update alone never come here: their product's epilogue updates
// (matmul.cuh).
//
// A block walks 4,096 elements. The norm's partial sums are f64; the last block to finish adds them in a fixed
// order, so no float is ever added atomically. Column norms come after as a launch of their own.
//
// Gradients of a scaled loss (fp16) are measured before, by the products that they are or by a launch: that finds out
// whether all of them are finite and moves the scale; an update whose gradient is not finite then changes nothing at all.
#include "update.cuh"

#define PER_BLOCK 4096

// Elements of this block: [from, to).
struct Range {
  u32 from, to;
  __device__ __forceinline__ Range(u32 count) {
    from = blockIdx.x * PER_BLOCK;
    to = count - from < PER_BLOCK ? count : from + PER_BLOCK;
  }
};

template <u32 RULE>
__device__ __forceinline__ void update(const UpdateArguments& a) {
  if (a.scaled && a.scale[0].skip) return;
  Rates rates = a.clock[0].rates[a.optimizer];
  float inverse = a.scaled ? a.scale[0].inverse : 1.0f;
  double square = 0.0;
  Range range(a.count);
  for (u32 i = range.from + threadIdx.x; i < range.to; i += 256) {
    float g = mul(a.gradients[i], inverse);
    square += squared(g);
    update_one(a, RULE, rates, i, g);
  }
  double total;
  if (!a.scaled && whole_norm<256>(a.partials, a.finished, square, total) && threadIdx.x == 0) a.norm2[0] = total;
}

extern "C" __global__ void __launch_bounds__(256) sgd(const __grid_constant__ UpdateArguments a) { update<SGD>(a); }

extern "C" __global__ void __launch_bounds__(256) adam(const __grid_constant__ UpdateArguments a) { update<ADAM>(a); }

extern "C" __global__ void __launch_bounds__(256) rms_prop(const __grid_constant__ UpdateArguments a) {
  update<RMS_PROP>(a);
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
extern "C" __global__ void __launch_bounds__(256) measure(const __grid_constant__ MeasureArguments a) {
  float inverse = inverse_scale(a.scale);
  double square = 0.0;
  Range range(a.count);
  for (u32 i = range.from + threadIdx.x; i < range.to; i += 256) square += squared(mul(a.gradients[i], inverse));
  double total;
  if (whole_norm<256>(a.partials, a.finished, square, total) && threadIdx.x == 0) {
    judge(a.scale, a.norm2, total, inverse);
  }
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
extern "C" __global__ void __launch_bounds__(256) column_norm(const __grid_constant__ ColumnNormArguments a) {
  SHARED(float, sums, 256);
  if (a.scaled && a.scale[0].skip) return;
  u32 column = blockIdx.x * 32 + threadIdx.x % 32, lane = threadIdx.x / 32;
  float sum = 0.0f;
  for (u32 row = lane; row < a.fan_in && column < a.units; row += 8) {
    float w = a.weights[(u64)row * a.units + column];
    sum = add(sum, mul(w, w));
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
  u32 optimizer;
  u32 scaled;
  u32 unused;
};

// The moving average where column norms changed weights after the rule.
extern "C" __global__ void __launch_bounds__(256) average(const __grid_constant__ AverageArguments a) {
  if (a.scaled && a.scale[0].skip) return;
  u32 i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < a.count) a.average[i] = blended(a.average[i], a.weights[i], a.clock[0].rates[a.optimizer].average);
}
