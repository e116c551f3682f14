// A pointwise program at every index of a space. Four elements a thread, a block's width apart, so that
// neighbouring threads touch neighbouring memory.
//
// Dynamic shared memory: slots of the program × 4 × threads × 4 bytes.
#include "program.cuh"

extern "C" __global__ void __launch_bounds__(128) map_f32(const __grid_constant__ ProgramArguments a) {
  DYNAMIC_SHARED(float, slots);
  u32 threads = blockDim.x, stride = 4 * threads, column = threadIdx.x;
  u32 first = blockIdx.x * stride + column;
  u32 index[4][RANK];
  bool active[4];
  float chain[4] = {};
#pragma unroll
  for (u32 e = 0; e < 4; e++) {
    u32 at = first + e * threads;
    active[e] = at < a.count;
    unflatten(active[e] ? at : 0, a.shape, index[e]);
  }
  run<4>(a, index, active, slots, stride, column, threads, chain);
  for (u32 number = 0; number < a.results; number++) {
    const View& view = a.views[a.loads + number];
#pragma unroll
    for (u32 e = 0; e < 4; e++) {
      if (!active[e]) continue;
      float x = result(a, number, index[e], slots, stride, column + e * threads, chain[e]);
      write_number(view.at, view.type, position(view, index[e]), x);
    }
  }
}
