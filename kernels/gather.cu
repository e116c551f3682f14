// The minibatch of a tick from the resident data set, and what else a phase needs of nothing: its noise.
//
// Row r of a minibatch is position tick·rows + r of an endless sequence of shuffled passes. A pass is a Feistel
// permutation keyed by seed, order and pass, walking the cycle until it lands inside [0, count): the same as
// src/data/shuffle.rs. A block has one row of the examples or of the labels, one-hot; or four elements a thread of a
// pointwise program that reads random numbers alone.
//
// Dynamic shared memory: the most slots of any program × 4 × threads × 4 bytes.
#include "program.cuh"

#define MAX_GATHERS 2
#define MAX_MAPS 4

// What a gather reads; `minibatch.rs` has the same order.
enum { BYTES, NUMBERS, LABELS };

struct GatherArguments {
  Global<const u8> bytes;       // [count, width], or labels [count]
  Global<const float> numbers;  // [count, width]
  Global<float> out;            // [rows, width], or 16-bit numbers, by `type`
  Global<const Clock> clock;    // [1]
  u64 count;                    // examples, at least 1
  u32 rows;
  u32 width;
  u32 half;      // bits of each half of the permutation's domain
  u32 key;       // of the order, which the seed's second word is mixed with
  float factor;  // a byte v stands for v·factor + offset
  float offset;
  u32 type;
  u32 kind;
  u32 first;  // block of row 0
  u32 unused;
};

struct TogetherArguments {
  Global<const ProgramArguments> maps;  // [map_count]
  u32 gathers;
  u32 map_count;
  GatherArguments gather[MAX_GATHERS];
  u32 first[MAX_MAPS];  // block of each map's element 0, after all rows
};

__device__ __forceinline__ u64 example(const GatherArguments& a, u32 row) {
  u64 seed = a.clock[0].seed, place = a.clock[0].tick * a.rows + row;
  u64 pass = place / a.count, at = place % a.count, mask = (1ull << a.half) - 1;
  u32 key1 = (u32)(seed >> 32) ^ a.key;
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

__device__ __forceinline__ void gather_row(const GatherArguments& a, u32 row) {
  u64 from = example(a, row), to = (u64)row * a.width;
  u32 label = a.kind == LABELS ? a.bytes[from] : 0;
  for (u32 i = threadIdx.x; i < a.width; i += blockDim.x) {
    float x;
    switch (a.kind) {
      case BYTES: x = add(mul((float)a.bytes[from * a.width + i], a.factor), a.offset); break;
      case NUMBERS: x = a.numbers[from * a.width + i]; break;
      default: x = i == label ? 1.0f : 0.0f;
    }
    write_number(a.out, a.type, to + i, x);
  }
}

extern "C" __global__ void __launch_bounds__(128, 6) gather_and_draw(const __grid_constant__ TogetherArguments a) {
  DYNAMIC_SHARED(float, slots);
  for (u32 i = 0; i < a.gathers; i++) {
    if (blockIdx.x - a.gather[i].first < a.gather[i].rows) {
      gather_row(a.gather[i], blockIdx.x - a.gather[i].first);
      return;
    }
  }
  u32 number = a.map_count;
  while (number > 1 && blockIdx.x < a.first[number - 1]) number--;
  if (number > 0) map_part(a.maps[number - 1], slots, (blockIdx.x - a.first[number - 1]) * 4 * blockDim.x);
}
