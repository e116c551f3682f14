// Random numbers into memory: latents. Four elements a thread, one Philox block.
#include "random.cuh"

struct RandomArguments {
  Global<float> out;          // [count]
  Global<const Clock> clock;  // [1]
  u32 count;
  u32 stream;
};

// A thread's own elements of [0, count), stored one by one: `count` need not be a multiple of four.
__device__ __forceinline__ void store_four(const RandomArguments& a, u32 first, const float (&values)[4]) {
#pragma unroll
  for (u32 i = 0; i < 4; i++) {
    if (first + i < a.count) a.out[first + i] = values[i];
  }
}

extern "C" __global__ void __launch_bounds__(256) random_uniform(const __grid_constant__ RandomArguments a) {
  u32 block = blockIdx.x * blockDim.x + threadIdx.x;
  if (block >= (a.count + 3) / 4) return;
  Words w = words(a.clock[0].seed, a.clock[0].tick, a.stream, block);
  float values[4] = {unit(w.at[0]), unit(w.at[1]), unit(w.at[2]), unit(w.at[3])};
  store_four(a, 4 * block, values);
}

extern "C" __global__ void __launch_bounds__(256) random_normal(const __grid_constant__ RandomArguments a) {
  u32 block = blockIdx.x * blockDim.x + threadIdx.x;
  if (block >= (a.count + 3) / 4) return;
  Words w = words(a.clock[0].seed, a.clock[0].tick, a.stream, block);
  float values[4];
  normal_pair(w.at[0], w.at[1], values[0], values[1]);
  normal_pair(w.at[2], w.at[3], values[2], values[3]);
  store_four(a, 4 * block, values);
}
