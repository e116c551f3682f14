// The end of a phase for the states of its networks: new values, computed in the arena, take their places, all of them or
// none. Places are fixed, so that recorded launches stay valid, and every launch before has read the old values.
#include "common.cuh"

// Copies of a launch at most.
#define MAX_COPIES 32
// Elements that a block copies.
#define STATES_PER_BLOCK 1024

struct StateCopy {
  Global<const float> from;  // [count]
  Global<float> to;          // [count] the state
  Global<float> average;     // [count] its copy in the moving average, where one is kept
  u32 count;
  u32 first;     // block of element 0
  u32 averaged;  // whether there is an average
  u32 unused;
};

struct StoreStatesArguments {
  Global<const LossScale> scales[MAX_OPTIMIZERS];  // [1] each: of the optimizers that the phase updates
  StateCopy copy[MAX_COPIES];
  u32 copies;
  u32 updated;  // how many of `scales` there are
};

// Memory bound: reads 4 bytes an element and writes 4 or 8; 256 threads a block, four elements each. Where an update of
// the phase was left out for an overflow, states stay.
extern "C" __global__ void __launch_bounds__(256) store_states(const __grid_constant__ StoreStatesArguments a) {
  for (u32 i = 0; i < a.updated; i++) {
    if (a.scales[i][0].skip) return;
  }
  u32 own = 0;
  while (own + 1 < a.copies && a.copy[own + 1].first <= blockIdx.x) own++;
  const StateCopy& copy = a.copy[own];
  u32 from = (blockIdx.x - copy.first) * STATES_PER_BLOCK;
  u32 to = copy.count - from < STATES_PER_BLOCK ? copy.count : from + STATES_PER_BLOCK;
  for (u32 i = from + threadIdx.x; i < to; i += 256) {
    float value = copy.from[i];
    copy.to[i] = value;
    if (copy.averaged) copy.average[i] = value;
  }
}
