// The end of a phase: what the host wants to know of it goes to a slot of a ring, where it stays until the host
// asks, and the clock moves on to the next phase. One block.
#include "schedule.cuh"

// Statistics of a plan at most.
#define MAX_STATISTICS 24
// Numbers that a slot holds of an optimizer.
#define OPTIMIZER_METRICS 3
// Numbers of a slot.
#define WIDTH (MAX_STATISTICS + OPTIMIZER_METRICS * MAX_OPTIMIZERS)

struct ClosePhaseArguments {
  Global<const float> arena;
  Global<const double> norms2[MAX_OPTIMIZERS];  // [1] each: squared gradient norm
  Global<const LossScale> scales[MAX_OPTIMIZERS];  // [1] each
  Global<double> ring;             // [slots, WIDTH]
  Global<Clock> clock;             // [1]
  Schedule schedule;
  u32 updated[MAX_OPTIMIZERS];  // 1 where the phase updated
  u32 optimizers;
  u32 ends;  // 0: nothing is over with the phase; 1: the tick; 2: the tick and the training step
  u32 slots;
  u32 count;
  u32 at[MAX_STATISTICS];  // positions in the arena
};

// One block; thread i moves optimizer i on and notes statistic i.
extern "C" __global__ void __launch_bounds__(32) close_phase(const __grid_constant__ ClosePhaseArguments a) {
  u32 i = threadIdx.x;
  u64 slot = a.clock[0].slot, tick = a.clock[0].tick + (a.ends > 0), steps = a.clock[0].steps + (a.ends > 1);
  // All have read what thread 0 writes.
  __syncthreads();
  u64 numbers = slot * WIDTH;
  if (i < a.count) a.ring[numbers + i] = a.arena[a.at[i]];
  if (i < a.optimizers) {
    u64 own = numbers + MAX_STATISTICS + OPTIMIZER_METRICS * i;
    a.ring[own] = a.norms2[i][0];
    a.ring[own + 1] = a.scales[i][0].scale;
    a.ring[own + 2] = a.scales[i][0].skip;
    u64 done = a.clock[0].updates[i] + a.updated[i], epoch = tick * a.schedule.batch / a.schedule.examples;
    a.clock[0].updates[i] = done;
    a.clock[0].rates[i] = rates_of(a.schedule.optimizers[i], done + 1, steps, epoch);
  }
  if (i == 0) {
    a.clock[0].tick = tick;
    a.clock[0].steps = steps;
    a.clock[0].slot = (slot + 1) % a.slots;
  }
}
