// The loss head: D's logits and everything between them and the first gradients that large products need, in one
// launch.
//
// D's last layer has one unit: a warp for each row of its product, all blocks together. The block that finishes last
// goes on alone. A loss, its gradient by the logits, its penalties' factors and the statistics that people read are a
// handful of pointwise programs and sums over as many elements as the minibatch has rows; it runs them one after the
// other, so none of them costs a launch. Lowering says which (`src/lower/series.rs`): any loss of any model.
//
// Dynamic shared memory: the most slots of any part × threads × 4 bytes.
#include "matmul.cuh"
#include "mma.cuh"

// A product's operands that are rounded where they are multiplied; beside F32, F16 and BF16.
#define TF32 3

struct LossArguments {
  Global<const ProgramArguments> parts;  // [count]; a part without columns is a map
  Global<u32> arrived;                   // [1] blocks done; 0 before and after
  u32 count;
  u32 logits;
  MatmulArguments product[MAX_PRODUCTS];  // of one column
};

// An operand of a product, as its precision reads it.
__device__ __forceinline__ float factor(Global<const float> from, u32 type, i64 at) {
  if (type == TF32) return __uint_as_float(round_tf32(__float_as_uint(from[at])));
  return read_number(from, type, at);
}

// One row of a product with one column, by a warp: lane l adds terms l, l + 32, …, then a tree adds the lanes.
__device__ __forceinline__ void logit(const MatmulArguments& a, u32 row) {
  u32 lane = threadIdx.x % 32;
  float sum = 0.0f;
#pragma unroll 4
  for (u32 k = lane; k < a.k; k += 32) {
    float x = factor(a.a, a.in_type, row * a.a_strides[0] + k * a.a_strides[1]);
    sum = __fmaf_rn(x, factor(a.b, a.in_type, k * a.b_strides[0]), sum);
  }
  for (int width = 16; width > 0; width /= 2) sum = add(sum, __shfl_down_sync(0xffffffffu, sum, width));
  float sums[4] = {sum, 0.0f, 0.0f, 0.0f};
  if (lane == 0) conclude(a, sums, row, 0, 1);
}

// The rows of this block; whether it is the last to have finished with them.
__device__ __forceinline__ bool logits_done(const LossArguments& a) {
  if (a.logits == 0) return true;
  SHARED(u32, last, 1);
  u32 number = a.logits - 1;
  while (number > 0 && blockIdx.x < a.product[number].first) number--;
  u32 row = (blockIdx.x - a.product[number].first) * (blockDim.x / 32) + threadIdx.x / 32;
  if (row < a.product[number].m) logit(a.product[number], row);
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    last[0] = atomicAdd(&a.arrived[0], 1u) == gridDim.x - 1;
    if (last[0]) a.arrived[0] = 0;
  }
  __syncthreads();
  if (last[0] == 0) return false;
  __threadfence();
  return true;
}

extern "C" __global__ void __launch_bounds__(256, 1) loss_f32(const __grid_constant__ LossArguments a) {
  DYNAMIC_SHARED(float, slots);
  SHARED(float, sums, 256);
  if (!logits_done(a)) return;
  for (u32 number = 0; number < a.count; number++) {
    const ProgramArguments& part = a.parts[number];
    if (part.columns == 0) {
      for (u32 start = 0; start < part.count; start += blockDim.x) map_part<1>(part, slots, start);
    } else {
      for (u32 group = 0; group * part.columns < part.count; group++) reduce_part(part, slots, sums, group);
    }
    // What a part stored, the next one reads.
    __syncthreads();
  }
}
