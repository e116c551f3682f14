// The interpreter of pointwise programs: what map.cu and reduce.cu have in common.
//
// A program is a straight line of instructions, the same for every element, so a warp never diverges on it. A thread
// runs it for one element, or for four neighbours along the last axis at once: a quad, for which decoding, addresses and
// 16-byte accesses are paid once. What is read from memory comes first, several loads in flight at a time, and lies in
// `slots` in shared memory, where each thread has places of its own: no barrier is needed. Results of instructions go
// there too. An instruction is decoded while the one before it is computed.
#pragma once
#include "point.cuh"
#include "random.cuh"

#define MAX_INSTRUCTIONS 32
#define MAX_VIEWS 16
#define LOADS_AT_ONCE 4

// The order of `PointOp` in src/lower/pointwise.rs; a test holds the two together.
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
  POINT_SOFTPLUS,
  POINT_EXP,
  POINT_LOG
};
enum { MEMORY, UNIFORM, NORMAL };

struct Instruction {
  u32 op;               // and from bit 8 on the slot of the result
  u32 from;             // slots of the operands, 8 bits each; NO_SLOT: a constant
  float constants[3];
};
#define NO_SLOT 255

struct ProgramArguments {
  Global<const Clock> clock;  // [1]
  u32 shape[RANK];            // iteration space, its last axis last; in a reduction 1 along summed axes
  u32 folded[RANK];           // a reduction's summed lengths, 1 along kept axes; all 1 in a map
  u32 rank;                   // axes in use: the last ones
  u32 count;                  // elements of `shape`
  u32 terms;                  // elements of `folded`
  u32 quads;                  // map: 1 where the last axis is quads, and `slots` has room for them
  u32 instructions;
  u32 loads;      // views[0 .. loads] are read, into the slots of their numbers,
  u32 results;    // views[loads .. loads + results] are written; these have no windows
  u32 columns;    // reduction: neighbouring results a block computes, a power of two up to 32; 0 in a map
  Instruction code[MAX_INSTRUCTIONS];
  u32 streams[MAX_VIEWS];      // of random loads
  u8 load_kinds[MAX_VIEWS];    // MEMORY, UNIFORM, NORMAL
  u8 result_slots[MAX_VIEWS];  // or NO_SLOT
  float result_constants[MAX_VIEWS];
  View views[MAX_VIEWS];
};

// A thread's numbers of a slot, from `at` on: of one element, or of a quad.
template <class Slots>
__device__ __forceinline__ void get(const Slots& slots, u32 at, float (&to)[1]) {
  to[0] = slots[at];
}
template <class Slots>
__device__ __forceinline__ void get(const Slots& slots, u32 at, float (&to)[4]) {
  load4(slots, at, to);
}
template <class Slots>
__device__ __forceinline__ void put(Slots& slots, u32 at, const float (&from)[1]) {
  slots[at] = from[0];
}
template <class Slots>
__device__ __forceinline__ void put(Slots& slots, u32 at, const float (&from)[4]) {
  store4(slots, at, from);
}

// to[e] ← function(x[e], y[e], z[e]).
template <u32 N, class Function>
__device__ __forceinline__ void each(float (&to)[N], const float (&x)[3][N], Function function) {
#pragma unroll
  for (u32 e = 0; e < N; e++) to[e] = function(x[0][e], x[1][e], x[2][e]);
}

template <u32 N>
__device__ __forceinline__ void apply(u32 op, const float (&x)[3][N], float (&to)[N]) {
  switch (op) {
    case POINT_ADD: each(to, x, [](float x, float y, float) { return add(x, y); }); break;
    case POINT_MUL: each(to, x, [](float x, float y, float) { return mul(x, y); }); break;
    case POINT_MAX: each(to, x, [](float x, float y, float) { return x > y || x != x ? x : y; }); break;
    case POINT_GT: each(to, x, [](float x, float y, float) { return x > y ? 1.0f : 0.0f; }); break;
    case POINT_SELECT: each(to, x, [](float x, float y, float z) { return x > 0.0f ? y : z; }); break;
    case POINT_SQRT: each(to, x, [](float x, float, float) { return __fsqrt_rn(x); }); break;
    case POINT_RECIP: each(to, x, [](float x, float, float) { return __fdiv_rn(1.0f, x); }); break;
    case POINT_TANH: each(to, x, [](float x, float, float) { return hyperbolic_tangent(x); }); break;
    case POINT_SIGMOID: each(to, x, [](float x, float, float) { return sigmoid(x); }); break;
    case POINT_SOFTPLUS: each(to, x, [](float x, float, float) { return softplus(x); }); break;
    case POINT_EXP: each(to, x, [](float x, float, float) { return exponential(x); }); break;
    default: each(to, x, [](float x, float, float) { return logarithm(x); }); break;
  }
}

// Memory as it lies there, so that nothing waits for it yet: an f32 a word; of a quad in 16 bits two in a word.
__device__ __forceinline__ void fetch_memory(const View& view, i64 at, i64, const bool (&inside)[1], u32 (&to)[1]) {
  if (!inside[0]) {
    to[0] = 0;
  } else {
    to[0] = view.type == F32 ? __float_as_uint(view.at[at]) : (u32)recast<const u16>(view.at)[at];
  }
}
__device__ __forceinline__ void fetch_memory(const View& view, i64 at, i64 along, const bool (&inside)[4], u32 (&to)[4]) {
  Global<const u16> narrow = recast<const u16>(view.at);
  bool whole = along == 1 && inside[0] && inside[3];
  if (view.type == F32) {
    if (whole && aligned(view.at, at, 16)) {
      read_words(view.at, at, to);
    } else {
#pragma unroll
      for (u32 e = 0; e < 4; e++) to[e] = inside[e] ? __float_as_uint(view.at[at + e * along]) : 0;
    }
  } else if (whole && aligned(narrow, at, 8)) {
    read_words(narrow, at, to);
  } else {
#pragma unroll
    for (u32 e = 0; e < 4; e += 2) {
      u32 low = inside[e] ? narrow[at + e * along] : 0, high = inside[e + 1] ? narrow[at + (e + 1) * along] : 0;
      to[e / 2] = low | high << 16;
    }
  }
}

// A draw's elements, `along` apart.
__device__ __forceinline__ void draw(const ProgramArguments& a, u32 number, i64 at, i64, float (&to)[1]) {
  u64 seed = a.clock[0].seed, tick = a.clock[0].tick;
  to[0] = a.load_kinds[number] == UNIFORM ? uniform_at(seed, tick, a.streams[number], at)
                                          : normal_at(seed, tick, a.streams[number], at);
}
__device__ __forceinline__ void draw(const ProgramArguments& a, u32 number, i64 at, i64 along, float (&to)[4]) {
  u64 seed = a.clock[0].seed, tick = a.clock[0].tick;
  if (a.load_kinds[number] == UNIFORM) {
    four_uniforms(seed, tick, a.streams[number], at, along, to);
  } else {
#pragma unroll
    for (u32 e = 0; e < 4; e++) to[e] = normal_at(seed, tick, a.streams[number], at + e * along);
  }
}

// Load `number` of the elements from `index` on: memory, or a random number whose element is the view's position.
template <u32 N>
__device__ __forceinline__ void fetch(const ProgramArguments& a, u32 number, const u32 (&index)[RANK], u32 (&to)[N]) {
  const View& view = a.views[number];
  i64 at = position(view, a.rank, index), along = view.strides[RANK - 1];
  bool inside[N];
  within(view, a.rank, index, inside);
  if (a.load_kinds[number] == MEMORY) {
    fetch_memory(view, at, along, inside, to);
  } else {
    float drawn[N];
    draw(a, number, at, along, drawn);
#pragma unroll
    for (u32 e = 0; e < N; e++) to[e] = inside[e] ? __float_as_uint(drawn[e]) : 0;
  }
}

// What was fetched, as numbers; a draw's view says that they are f32s.
template <u32 N>
__device__ __forceinline__ void settle(const ProgramArguments& a, u32 number, const u32 (&from)[N], float (&to)[N]) {
  u32 type = a.views[number].type;
#pragma unroll
  for (u32 e = 0; e < N; e++) {
    u16 bits = (u16)(from[e / 2] >> 16 * (e % 2));
    to[e] = type == F32 ? __uint_as_float(from[e]) : type == F16 ? from_half(bits) : from_bfloat(bits);
  }
}

// An operand of the thread's elements, whose numbers of slot 0 lie at `own`, those of the next slots each `stride` on.
template <u32 N, class Slots>
__device__ __forceinline__ void operand(u32 slot, float constant, const Slots& slots, u32 own, u32 stride,
                                        float (&to)[N]) {
  if (slot != NO_SLOT) {
    get(slots, slot * stride + own, to);
  } else {
#pragma unroll
    for (u32 e = 0; e < N; e++) to[e] = constant;
  }
}

// Runs the program for a thread's N elements from `index` on.
template <u32 N, class Slots>
__device__ __forceinline__ void run(const ProgramArguments& a, const u32 (&index)[RANK], Slots& slots, u32 own,
                                    u32 stride) {
#pragma unroll 1
  for (u32 first = 0; first < a.loads; first += LOADS_AT_ONCE) {
    u32 words[LOADS_AT_ONCE][N];
#pragma unroll
    for (u32 i = 0; i < LOADS_AT_ONCE; i++) {
      if (first + i < a.loads) fetch(a, first + i, index, words[i]);
    }
#pragma unroll
    for (u32 i = 0; i < LOADS_AT_ONCE; i++) {
      if (first + i >= a.loads) continue;
      float x[N];
      settle(a, first + i, words[i], x);
      put(slots, (first + i) * stride + own, x);
    }
  }
  Instruction next = a.code[0];
#pragma unroll 1
  for (u32 step = 1; step <= a.instructions; step++) {
    Instruction code = next;
    next = a.code[step < MAX_INSTRUCTIONS ? step : 0];
    float x[3][N], to[N];
#pragma unroll
    for (u32 i = 0; i < 3; i++) operand(code.from >> 8 * i & 255, code.constants[i], slots, own, stride, x[i]);
    apply(code.op & 255, x, to);
    put(slots, (code.op >> 8) * stride + own, to);
  }
}

__device__ __forceinline__ void store(const View& view, i64 at, const float (&from)[1]) {
  write_number(view.at, view.type, at, from[0]);
}
__device__ __forceinline__ void store(const View& view, i64 at, const float (&from)[4]) {
  i64 along = view.strides[RANK - 1];
  if (along == 1) {
    write_four(view.at, view.type, at, from, 4);
  } else {
#pragma unroll
    for (u32 e = 0; e < 4; e++) write_number(view.at, view.type, at + e * along, from[e]);
  }
}

// Runs a map's program at N elements from element `at` of its space on. `slots` has N numbers a slot and thread.
template <u32 N, class Slots>
__device__ __forceinline__ void map_elements(const ProgramArguments& a, Slots& slots, u32 at) {
  u32 own = N * threadIdx.x, stride = N * blockDim.x;
  u32 index[RANK];
  unflatten(at, a.shape, a.rank, index);
  run<N>(a, index, slots, own, stride);
#pragma unroll 1
  for (u32 number = 0; number < a.results; number++) {
    const View& view = a.views[a.loads + number];
    float x[N];
    operand(a.result_slots[number], a.result_constants[number], slots, own, stride, x);
    store(view, position(view, a.rank, index), x);
  }
}

// Runs a map's program at four elements a thread from `start` on.
template <class Slots>
__device__ __forceinline__ void map_part(const ProgramArguments& a, Slots& slots, u32 start) {
  if (a.quads) {
    u32 at = start + 4 * threadIdx.x;
    if (at < a.count) map_elements<4>(a, slots, at);
    return;
  }
  // A block's width apart: neighbouring threads touch neighbouring memory.
#pragma unroll 1
  for (u32 e = 0; e < 4; e++) {
    u32 at = start + threadIdx.x + e * blockDim.x;
    if (at < a.count) map_elements<1>(a, slots, at);
  }
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
  unflatten(at < a.count ? at : 0, a.shape, a.rank, kept);
  float totals[MAX_VIEWS] = {};
  for (u32 term = lane; term < a.terms && at < a.count; term += lanes) {
    u32 index[RANK], part[RANK];
    unflatten(term, a.folded, a.rank, part);
#pragma unroll
    for (int axis = 0; axis < RANK; axis++) index[axis] = kept[axis] + part[axis];
    run<1>(a, index, slots, threadIdx.x, threads);
#pragma unroll 1
    for (u32 number = 0; number < a.results; number++) {
      float x[1];
      operand(a.result_slots[number], a.result_constants[number], slots, threadIdx.x, threads, x);
      // Unrolled, so that the totals stay in registers.
#pragma unroll
      for (u32 i = 0; i < MAX_VIEWS; i++) totals[i] = i == number ? totals[i] + x[0] : totals[i];
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
      write_number(view.at, view.type, position(view, a.rank, kept), sums[threadIdx.x]);
    }
  }
}
