// A pointwise program whose results are summed along some axes.
//
// A block computes `columns` neighbouring results; the rest of its threads share the terms: thread (c, t) sums
// terms t, t + T, t + 2T, … of result c, then a tree adds the T partial sums. The order is fixed by the shape.
//
// Dynamic shared memory: slots of the program × threads × 4 bytes.
#include "program.cuh"

extern "C" __global__ void __launch_bounds__(256) reduce_f32(const __grid_constant__ ProgramArguments a) {
  DYNAMIC_SHARED(float, slots);
  SHARED(float, sums, 256);
  u32 threads = blockDim.x, columns = a.columns, lanes = threads / columns;
  u32 column = threadIdx.x % columns, lane = threadIdx.x / columns;
  u32 at = blockIdx.x * columns + column;
  u32 kept[RANK];
  unflatten(at < a.count ? at : 0, a.shape, kept);
  float totals[MAX_VIEWS] = {};
  const bool active[1] = {true};
  for (u32 term = lane; term < a.terms && at < a.count; term += lanes) {
    u32 index[1][RANK], part[RANK];
    unflatten(term, a.folded, part);
#pragma unroll
    for (int axis = 0; axis < RANK; axis++) index[0][axis] = kept[axis] + part[axis];
    float chain[1] = {};
    run<1>(a, index, active, slots, threads, threadIdx.x, threads, chain);
    // Unrolled with a guard, so that the totals stay in registers.
#pragma unroll
    for (u32 number = 0; number < MAX_VIEWS; number++) {
      if (number < a.results) {
        totals[number] += result(a, number, index[0], slots, threads, threadIdx.x, chain[0]);
      }
    }
  }
#pragma unroll
  for (u32 number = 0; number < MAX_VIEWS; number++) {
    if (number >= a.results) continue;
    sums[threadIdx.x] = totals[number];
    __syncthreads();
    for (u32 width = lanes / 2; width > 0; width /= 2) {
      if (lane < width) sums[threadIdx.x] = sums[threadIdx.x] + sums[threadIdx.x + width * columns];
      __syncthreads();
    }
    if (lane == 0 && at < a.count) {
      const View& view = a.views[a.loads + number];
      write_number(view.at, view.type, position(view, kept), sums[threadIdx.x]);
    }
  }
}
