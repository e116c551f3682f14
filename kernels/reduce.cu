// A pointwise program whose results are summed along some axes. A block computes `columns` neighbouring results.
//
// Dynamic shared memory: slots of the program × threads × 4 bytes.
#include "program.cuh"

extern "C" __global__ void __launch_bounds__(256) reduce(const __grid_constant__ ProgramArguments a) {
  DYNAMIC_SHARED(float, slots);
  SHARED(float, sums, 256);
  reduce_part(a, slots, sums, blockIdx.x);
}
