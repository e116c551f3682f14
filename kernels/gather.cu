// The minibatch of a tick from the resident data set: examples, or their labels one-hot.
//
// Row r is position tick·rows + r of an endless sequence of shuffled passes. A pass is a Feistel permutation
// keyed by seed and pass, walking the cycle until it lands inside [0, count): the same as src/data/shuffle.rs.
// One block a row; its threads walk the width.
#include "random.cuh"

struct GatherArguments {
  Global<const u8> bytes;       // [count, width] or labels [count]; unused by gather_f32
  Global<const float> numbers;  // [count, width]; used by gather_f32 only
  Global<float> out;            // [rows, width], or 16-bit numbers, by `type`
  Global<const Clock> clock;    // [1]
  u64 count;                    // examples, at least 1
  u32 rows;
  u32 width;
  u32 half;      // bits of each half of the permutation's domain
  float factor;  // a byte v stands for v·factor + offset
  float offset;
  u32 type;
};

__device__ __forceinline__ u64 example(const GatherArguments& a, u32 row) {
  u64 seed = a.clock[0].seed, place = a.clock[0].tick * a.rows + row;
  u64 pass = place / a.count, at = place % a.count, mask = (1ull << a.half) - 1;
  u32 key1 = (u32)(seed >> 32) ^ 0x790C294Eu;  // FNV-1a of "shuffle"
  do {
    u64 left = at >> a.half, right = at & mask;
    for (u32 round = 0; round < 6; round++) {
      Words w = philox({{(u32)right, round, (u32)pass, (u32)(pass >> 32)}}, (u32)seed, key1);
      u64 next = left ^ ((u64)w.at[0] & mask);
      left = right;
      right = next;
    }
    at = left << a.half | right;
  } while (at >= a.count);
  return at;
}

extern "C" __global__ void __launch_bounds__(256) gather_u8_f32(const __grid_constant__ GatherArguments a) {
  u32 row = blockIdx.x;
  if (row >= a.rows) return;
  u64 from = example(a, row) * a.width, to = (u64)row * a.width;
  for (u32 i = threadIdx.x; i < a.width; i += blockDim.x) {
    write_number(a.out, a.type, to + i, add(mul((float)a.bytes[from + i], a.factor), a.offset));
  }
}

extern "C" __global__ void __launch_bounds__(256) gather_f32(const __grid_constant__ GatherArguments a) {
  u32 row = blockIdx.x;
  if (row >= a.rows) return;
  u64 from = example(a, row) * a.width, to = (u64)row * a.width;
  for (u32 i = threadIdx.x; i < a.width; i += blockDim.x) {
    write_number(a.out, a.type, to + i, a.numbers[from + i]);
  }
}

extern "C" __global__ void __launch_bounds__(256) gather_labels_f32(const __grid_constant__ GatherArguments a) {
  u32 row = blockIdx.x;
  if (row >= a.rows) return;
  u32 label = a.bytes[example(a, row)];
  u64 to = (u64)row * a.width;
  for (u32 i = threadIdx.x; i < a.width; i += blockDim.x) {
    write_number(a.out, a.type, to + i, i == label ? 1.0f : 0.0f);
  }
}
