// The loss head where no product of larger tiles takes it along (head.cuh): a warp for each logit, all blocks together.
// The block that finishes last goes on alone.
//
// Dynamic shared memory: the most slots of any part × threads × 4 bytes.
#include "head.cuh"

struct LossArguments {
  Head head;
  MatmulArguments product[MAX_PRODUCTS];  // of one column
};

// The rows of this block; whether it is the last to have finished with them.
__device__ __forceinline__ bool logits_done(const LossArguments& a) {
  if (a.head.logits == 0) return true;
  u32 number = a.head.logits - 1;
  while (number > 0 && blockIdx.x < a.product[number].first) number--;
  u32 row = (blockIdx.x - a.product[number].first) * (blockDim.x / 32) + threadIdx.x / 32;
  if (row < a.product[number].m) logits<1>(a.product[number], row);
  return last_of(a.head.arrived, 0, gridDim.x);
}

extern "C" __global__ void __launch_bounds__(256, 1) loss_head(const __grid_constant__ LossArguments a) {
  DYNAMIC_SHARED(float, slots);
  SHARED(float, sums, 256);
  if (logits_done(a)) run_parts(a.head, slots, sums);
}
