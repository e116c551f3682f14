// The interpreter of pointwise programs: what map.cu and reduce.cu have in common.
//
// A program is a straight line of instructions, the same for every element, so a warp never diverges on it.
// An instruction's result stays in a register (`chain`); only what a later instruction than the next one
// reads goes to `slots` in shared memory, where each thread has a column of its own: no barrier is needed.
#pragma once
#include "point.cuh"
#include "random.cuh"

#define MAX_INSTRUCTIONS 32
#define MAX_VIEWS 16

// Rust: `pack::op_number`.
enum {
  POINT_ADD,
  POINT_MUL,
  POINT_MAX,
  POINT_GT,
  POINT_SELECT,
  POINT_SQRT,
  POINT_RECIP,
  POINT_TANH,
  POINT_SIGMOID,
  POINT_SOFTPLUS
};
// Where an operand is: a number, a load, a slot, the result of the instruction before.
enum { CONSTANT, LOAD, SLOT, CHAIN };
enum { MEMORY, UNIFORM, NORMAL };

struct Instruction {
  u8 op;
  u8 to;  // slot, or NO_SLOT
  u8 kinds[3];
  u8 numbers[3];  // of the load or slot
  float constants[3];
};
#define NO_SLOT 255

struct ProgramArguments {
  Global<const Clock> clock;  // [1]
  u32 shape[RANK];            // iteration space; in a reduction 1 along summed axes
  u32 folded[RANK];           // a reduction's summed lengths, 1 along kept axes; all 1 in a map
  u32 count;                  // elements of `shape`
  u32 terms;                  // elements of `folded`
  u32 instructions;
  u32 loads;      // views[0 .. loads] are read,
  u32 results;    // views[loads .. loads + results] are written; these have no windows
  u32 columns;    // reduction: neighbouring results a block computes, a power of two up to 32; 0 in a map
  Instruction code[MAX_INSTRUCTIONS];
  u32 streams[MAX_VIEWS];      // of random loads
  u8 load_kinds[MAX_VIEWS];    // MEMORY, UNIFORM, NORMAL
  u8 result_kinds[MAX_VIEWS];  // operand each result is
  u8 result_numbers[MAX_VIEWS];
  float result_constants[MAX_VIEWS];
  View views[MAX_VIEWS];
};

__device__ __forceinline__ float apply(u32 op, float x, float y, float z) {
  switch (op) {
    case POINT_ADD: return add(x, y);
    case POINT_MUL: return mul(x, y);
    case POINT_MAX: return x > y || x != x ? x : y;
    case POINT_GT: return x > y ? 1.0f : 0.0f;
    case POINT_SELECT: return x > 0.0f ? y : z;
    case POINT_SQRT: return __fsqrt_rn(x);
    case POINT_RECIP: return __fdiv_rn(1.0f, x);
    case POINT_TANH: return hyperbolic_tangent(x);
    case POINT_SIGMOID: return sigmoid(x);
    default: return softplus(x);
  }
}

// Load `number` at `index`: memory, or a random number whose element is the view's position.
__device__ __forceinline__ float fetch(const ProgramArguments& a, u32 number, const u32 (&index)[RANK]) {
  const View& view = a.views[number];
  i64 at = position(view, index);
  if (at < 0) return 0.0f;
  if (a.load_kinds[number] == MEMORY) return read_number(view.at, view.type, at);
  u64 seed = a.clock[0].seed, tick = a.clock[0].tick;
  return a.load_kinds[number] == UNIFORM ? uniform_at(seed, tick, a.streams[number], at)
                                         : normal_at(seed, tick, a.streams[number], at);
}

// An operand of the element at `index`; `slots[slot·stride + column]` is the thread's own.
template <class Slots>
__device__ __forceinline__ float operand(const ProgramArguments& a, u32 kind, u32 number, float constant,
                                         const u32 (&index)[RANK], const Slots& slots, u32 stride, u32 column,
                                         float chain) {
  switch (kind) {
    case CONSTANT: return constant;
    case LOAD: return fetch(a, number, index);
    case SLOT: return slots[number * stride + column];
    default: return chain;
  }
}

// Runs the program for `N` elements of the thread at once, so that decoding is paid once for all of them.
// Element e has the columns `column + e·threads` of `slots`, which are `stride` apart.
template <int N, class Slots>
__device__ __forceinline__ void run(const ProgramArguments& a, const u32 (&index)[N][RANK], const bool (&active)[N],
                                    Slots& slots, u32 stride, u32 column, u32 threads, float (&chain)[N]) {
  for (u32 step = 0; step < a.instructions; step++) {
    const Instruction& code = a.code[step];
#pragma unroll
    for (int e = 0; e < N; e++) {
      if (!active[e]) continue;
      float x[3];
#pragma unroll
      for (int i = 0; i < 3; i++) {
        x[i] = operand(a, code.kinds[i], code.numbers[i], code.constants[i], index[e], slots, stride,
                       column + e * threads, chain[e]);
      }
      chain[e] = apply(code.op, x[0], x[1], x[2]);
      if (code.to != NO_SLOT) slots[code.to * stride + column + e * threads] = chain[e];
    }
  }
}

// What a result is, for the element at `index`.
template <class Slots>
__device__ __forceinline__ float result(const ProgramArguments& a, u32 number, const u32 (&index)[RANK],
                                        const Slots& slots, u32 stride, u32 column, float chain) {
  return operand(a, a.result_kinds[number], a.result_numbers[number], a.result_constants[number], index, slots,
                 stride, column, chain);
}

// Runs a map's program at N elements of each thread: `at` in its space, where `active`. `slots` has N columns a
// thread.
template <u32 N, class Slots>
__device__ __forceinline__ void map_elements(const ProgramArguments& a, Slots& slots, const u32 (&at)[N],
                                             const bool (&active)[N]) {
  u32 threads = blockDim.x, stride = N * threads, column = threadIdx.x;
  u32 index[N][RANK];
  float chain[N] = {};
#pragma unroll
  for (u32 e = 0; e < N; e++) unflatten(active[e] ? at[e] : 0, a.shape, index[e]);
  run<N>(a, index, active, slots, stride, column, threads, chain);
  for (u32 number = 0; number < a.results; number++) {
    const View& view = a.views[a.loads + number];
#pragma unroll
    for (u32 e = 0; e < N; e++) {
      if (!active[e]) continue;
      float x = result(a, number, index[e], slots, stride, column + e * threads, chain[e]);
      write_number(view.at, view.type, position(view, index[e]), x);
    }
  }
}

// Runs a map's program from `start` on, N elements a thread, a block's width apart: neighbouring threads touch
// neighbouring memory.
template <u32 N, class Slots>
__device__ __forceinline__ void map_part(const ProgramArguments& a, Slots& slots, u32 start) {
  u32 at[N];
  bool active[N];
#pragma unroll
  for (u32 e = 0; e < N; e++) {
    at[e] = start + threadIdx.x + e * blockDim.x;
    active[e] = at[e] < a.count;
  }
  map_elements<N>(a, slots, at, active);
}

// Sums a reduction's results `columns` · group …, all threads of the block together: thread (c, t) sums terms
// t, t + T, t + 2T, … of result c, then a tree adds the T partial sums in `sums`, one number a thread. The order is
// fixed by the shape. `slots` has a column for each thread.
template <class Slots, class Sums>
__device__ __forceinline__ void reduce_part(const ProgramArguments& a, Slots& slots, Sums& sums, u32 group) {
  u32 threads = blockDim.x, columns = a.columns, lanes = threads / columns;
  u32 column = threadIdx.x % columns, lane = threadIdx.x / columns;
  u32 at = group * columns + column;
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
#pragma unroll 1
    for (u32 number = 0; number < a.results; number++) {
      float x = result(a, number, index[0], slots, threads, threadIdx.x, chain[0]);
      // Unrolled, so that the totals stay in registers.
#pragma unroll
      for (u32 i = 0; i < MAX_VIEWS; i++) totals[i] = i == number ? totals[i] + x : totals[i];
    }
  }
#pragma unroll 1
  for (u32 number = 0; number < a.results; number++) {
    float total = 0.0f;
#pragma unroll
    for (u32 i = 0; i < MAX_VIEWS; i++) total = i == number ? totals[i] : total;
    sums[threadIdx.x] = total;
    __syncthreads();
    for (u32 width = lanes / 2; width > 0; width /= 2) {
      if (lane < width) sums[threadIdx.x] = sums[threadIdx.x] + sums[threadIdx.x + width * columns];
      __syncthreads();
    }
    // The tree has ended with a barrier, and from here on a thread touches its own number alone.
    if (lane == 0 && at < a.count) {
      const View& view = a.views[a.loads + number];
      write_number(view.at, view.type, position(view, kept), sums[threadIdx.x]);
    }
  }
}
