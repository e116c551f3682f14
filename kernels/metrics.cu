// What the host wants to know of a phase, kept on the device until it asks: the plan's statistics and both
// gradient norms go to the phase's slot of a ring. One block; a thread a number.
#include "common.cuh"

// Statistics of a plan. Rust: `blocks::MAX_STATISTICS`.
#define MAX_STATISTICS 24

struct MetricsArguments {
  Global<const float> arena;
  Global<const double> norms2[2];  // [1] each: squared gradient norm of generator, discriminator
  Global<double> ring;             // [slots, MAX_STATISTICS + 2]
  Global<const Clock> clock;       // [1]
  u32 count;
  u32 at[MAX_STATISTICS];  // positions in the arena
  u32 unused;
};

extern "C" __global__ void __launch_bounds__(32) metrics_f32(const __grid_constant__ MetricsArguments a) {
  u32 i = threadIdx.x;
  u64 slot = (u64)a.clock[0].slot * (MAX_STATISTICS + 2);
  if (i < a.count) a.ring[slot + i] = a.arena[a.at[i]];
  if (i < 2) a.ring[slot + MAX_STATISTICS + i] = a.norms2[i][0];
}
