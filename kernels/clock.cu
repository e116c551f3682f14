// The end of a phase: what the host wants to know of it goes to a slot of a ring, where it stays until the host
// asks, and the clock moves on to the next phase. One block.
#include "schedule.cuh"

// Statistics of a plan. Rust: `blocks::MAX_STATISTICS`.
#define MAX_STATISTICS 24

struct ClosePhaseArguments {
  Global<const float> arena;
  Global<const double> norms2[2];  // [1] each: squared gradient norm of generator, discriminator
  Global<const LossScale> scales[2];
  Global<double> ring;             // [slots, MAX_STATISTICS + 6]
  Global<Clock> clock;             // [1]
  Schedule schedule;
  u32 updated[2];  // 1 where the phase updated the generator, the discriminator
  u32 slots;
  u32 count;
  u32 at[MAX_STATISTICS];  // positions in the arena
};

extern "C" __global__ void __launch_bounds__(32) close_phase(const __grid_constant__ ClosePhaseArguments a) {
  u32 i = threadIdx.x;
  u64 slot = a.clock[0].slot, tick = a.clock[0].tick + 1;
  u64 updates[2] = {a.clock[0].updates[0] + a.updated[0], a.clock[0].updates[1] + a.updated[1]};
  // All have read the clock.
  __syncthreads();
  u64 numbers = slot * (MAX_STATISTICS + 6);
  if (i < a.count) a.ring[numbers + i] = a.arena[a.at[i]];
  if (i < 2) {
    a.ring[numbers + MAX_STATISTICS + i] = a.norms2[i][0];
    a.ring[numbers + MAX_STATISTICS + 2 + i] = a.scales[i][0].scale;
    a.ring[numbers + MAX_STATISTICS + 4 + i] = a.scales[i][0].skip;
    u64 done = i == 0 ? updates[0] : updates[1], epoch = tick * a.schedule.batch / a.schedule.examples;
    a.clock[0].updates[i] = done;
    a.clock[0].rates[i] = rates_of(a.schedule.networks[i], done + 1, updates[0], epoch);
  }
  if (i == 0) {
    a.clock[0].tick = tick;
    a.clock[0].slot = (slot + 1) % a.slots;
  }
}
