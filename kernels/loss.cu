// The loss head: everything between D's logits and the first gradients that large products need, in one launch.
//
// A loss, its gradient by the logits, its penalties' factors and the statistics that people read are a handful of
// pointwise programs and sums over as many elements as the minibatch has rows. One block runs them one after the
// other, so none of them costs a launch. Lowering says which (`src/lower/series.rs`): any loss of any model.
//
// Dynamic shared memory: the most slots of any part × threads × 4 bytes.
#include "program.cuh"

struct LossArguments {
  Global<const ProgramArguments> parts;  // [count]; a part without columns is a map
  u32 count;
  u32 unused;
};

extern "C" __global__ void __launch_bounds__(256, 1) loss_f32(const __grid_constant__ LossArguments a) {
  DYNAMIC_SHARED(float, slots);
  SHARED(float, sums, 256);
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
