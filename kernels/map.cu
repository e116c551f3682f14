// A pointwise program at every index of a space, four elements a thread.
//
// Dynamic shared memory: slots of the program × 4 × threads × 4 bytes.
#include "program.cuh"

extern "C" __global__ void __launch_bounds__(128) map(const __grid_constant__ ProgramArguments a) {
  DYNAMIC_SHARED(float, slots);
  map_part(a, slots, blockIdx.x * 4 * blockDim.x);
}
