// What every kernel shares: types, memory access, exact arithmetic, and the parameter structs' pieces.
//
// No standard header is included, so NVRTC compiles this without an include path. Where the compiler is not
// CUDA's, `gpu.h` (the emulated GPU) stands in for blocks, threads, memory and intrinsics: the same text runs.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef long long i64;
typedef unsigned long long u64;

#if defined(__CUDACC__)
// A function whose code stands once in a kernel, however often it is called: long ones that few launches need.
#define OUTLINE __noinline__
// Memory of the device. Emulated, an index past its allocation is reported with file and line.
template <class T>
using Global = T*;
// `SHARED(float, tile, 64)`: memory of the block; `DYNAMIC_SHARED`: as much as the launch asked for.
#define SHARED(type, name, count) __shared__ __align__(16) type name[count]
#define DYNAMIC_SHARED(type, name)      \
  extern __shared__ __align__(16) type name##_start[]; \
  type* const name = name##_start

// Neighbours of device memory at once; they are aligned.
__device__ __forceinline__ void put4(float* to, i64 at, const float (&from)[4]) {
  *reinterpret_cast<float4*>(to + at) = make_float4(from[0], from[1], from[2], from[3]);
}
__device__ __forceinline__ void put4(u16* to, i64 at, const u16 (&from)[4]) {
  *reinterpret_cast<ushort4*>(to + at) = make_ushort4(from[0], from[1], from[2], from[3]);
}

// The same memory as elements of another type.
template <class To, class From>
__device__ __forceinline__ To* recast(From* from) {
  return reinterpret_cast<To*>(from);
}

// Four neighbours of shared memory at once; `at` is a multiple of four.
__device__ __forceinline__ void load4(const float* from, u32 at, float (&to)[4]) {
  float4 four = *reinterpret_cast<const float4*>(from + at);
  to[0] = four.x, to[1] = four.y, to[2] = four.z, to[3] = four.w;
}
__device__ __forceinline__ void store4(float* to, u32 at, const float (&from)[4]) {
  *reinterpret_cast<float4*>(to + at) = make_float4(from[0], from[1], from[2], from[3]);
}
// Whether element `at` lies at a multiple of `bytes` bytes.
template <class T>
__device__ __forceinline__ bool aligned(const T* from, i64 at, u32 bytes) {
  return ((u64)(from + at) & (bytes - 1)) == 0;
}
// Four neighbours of device memory; at once where they are aligned.
__device__ __forceinline__ void read4(const float* from, i64 at, float (&to)[4]) {
  if (aligned(from, at, 16)) {
    float4 four = *reinterpret_cast<const float4*>(from + at);
    to[0] = four.x, to[1] = four.y, to[2] = four.z, to[3] = four.w;
  } else {
#pragma unroll
    for (int i = 0; i < 4; i++) to[i] = from[at + i];
  }
}

// Four neighbours of device memory as they lie there; they are aligned.
__device__ __forceinline__ void read_words(const float* from, i64 at, u32 (&to)[4]) {
  uint4 four = *reinterpret_cast<const uint4*>(from + at);
  to[0] = four.x, to[1] = four.y, to[2] = four.z, to[3] = four.w;
}
__device__ __forceinline__ void read_words(const u16* from, i64 at, u32 (&to)[4]) {
  uint2 four = *reinterpret_cast<const uint2*>(from + at);
  to[0] = four.x, to[1] = four.y;
}

// Half precision, rounded to nearest, ties to even.
__device__ __forceinline__ float from_half(u16 x) {
  float wide;
  asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(x));
  return wide;
}
__device__ __forceinline__ u16 to_half(float x) {
  u16 narrow;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(narrow) : "f"(x));
  return narrow;
}
#else
#include "gpu.h"
#endif

// bfloat16: the upper half of an f32, rounded to nearest, ties to even; every NaN becomes the same one.
__device__ __forceinline__ float from_bfloat(u16 x) { return __uint_as_float((u32)x << 16); }
__device__ __forceinline__ u16 to_bfloat(float x) {
  u32 bits = __float_as_uint(x);
  return x != x ? 0x7fff : (u16)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

// How a number lies in memory; `blocks.rs` has the same order.
enum { F32, F16, BF16 };

// Axes of an iteration space; lowering collapses what views walk as one.
#define RANK 6

// Optimizers of a model at most.
#define MAX_OPTIMIZERS 4

// What changes from phase to phase, in device memory; clock.cu moves it on.
struct Rates {
  float lr;
  float momentum;
  float corrected_lr;     // Adam: lr / (1 − β1ᵗ)
  float root_correction;  // Adam: √(1 − β2ᵗ)
  float average;          // β of w̄ ← β·w̄ + (1 − β)·w
  float unused;           // keeps the struct at a multiple of 8 bytes
};
struct Clock {
  u64 seed;
  u64 tick;        // phase executions so far
  u64 slot;        // of the ring of metrics that this phase fills
  u64 steps;       // training steps so far
  u64 updates[MAX_OPTIMIZERS];  // so far
  Rates rates[MAX_OPTIMIZERS];  // of the next update
};

// An optimizer's loss scale; what becomes of it is told in src/exec/scale.rs.
struct LossScale {
  float scale;    // factor on the loss whose gradient is computed next
  float inverse;  // 1 / the factor of the last gradient
  u32 good;       // updates since the last overflow or change
  u32 skip;       // 1 if the last gradient was not finite
  u64 skipped;    // updates left out so far
};

// A strided window onto memory: element `index` lies at `base + Σ index[i]·strides[i]` if every index is in
// [from, to); outside it reads 0. Of a space with fewer axes the last ones are in use.
struct View {
  Global<float> at;   // or 16-bit numbers, by `type`
  i64 base;           // may be negative where a window hides it
  int strides[RANK];  // in elements; 0 repeats
  u32 from[RANK];
  u32 to[RANK];
  u32 type;
  u32 windowed;  // 0: every index of the space is inside
};

// Element `at` of memory that holds numbers of a type.
__device__ __forceinline__ float read_number(Global<const float> from, u32 type, i64 at) {
  if (type == F32) return from[at];
  u16 bits = recast<const u16>(from)[at];
  return type == F16 ? from_half(bits) : from_bfloat(bits);
}
__device__ __forceinline__ u16 narrow(float x, u32 type) { return type == F16 ? to_half(x) : to_bfloat(x); }
__device__ __forceinline__ void write_number(Global<float> to, u32 type, i64 at, float x) {
  if (type == F32) {
    to[at] = x;
  } else {
    recast<u16>(to)[at] = narrow(x, type);
  }
}

// `count` neighbours from element `at` on, at most four; at once where they are whole and aligned.
__device__ __forceinline__ void write_four(Global<float> to, u32 type, i64 at, const float (&from)[4], u32 count) {
  if (type == F32 && count == 4 && aligned(to, at, 16)) {
    put4(to, at, from);
  } else if (type != F32 && count == 4 && aligned(recast<u16>(to), at, 8)) {
    u16 narrowed[4] = {narrow(from[0], type), narrow(from[1], type), narrow(from[2], type), narrow(from[3], type)};
    put4(recast<u16>(to), at, narrowed);
  } else {
#pragma unroll
    for (u32 j = 0; j < 4; j++) {
      if (j < count) write_number(to, type, at + j, from[j]);
    }
  }
}

// Rounds each operation by itself on every device: the compiler may fuse a·b + c, but not these.
__device__ __forceinline__ float mul(float a, float b) { return __fmul_rn(a, b); }
__device__ __forceinline__ float add(float a, float b) { return __fadd_rn(a, b); }
__device__ __forceinline__ float sub(float a, float b) { return __fsub_rn(a, b); }

// Position of `index`, wherever windows are. Loops over axes are unrolled so that `index` stays in registers, and left
// where the axes in use end.
__device__ __forceinline__ i64 position(const View& view, u32 rank, const u32 (&index)[RANK]) {
  i64 at = view.base;
#pragma unroll
  for (int axis = RANK - 1; axis >= 0; axis--) {
    if (axis + rank < RANK) break;
    at += (i64)(int)index[axis] * view.strides[axis];
  }
  return at;
}

// Which of N neighbours along the last axis, from `index` on, are inside a view's windows.
template <u32 N>
__device__ __forceinline__ void within(const View& view, u32 rank, const u32 (&index)[RANK], bool (&inside)[N]) {
#pragma unroll
  for (u32 e = 0; e < N; e++) inside[e] = true;
  if (!view.windowed) return;
  bool row = true;
#pragma unroll
  for (int axis = RANK - 2; axis >= 0; axis--) {
    if (axis + rank < RANK) break;
    row = row && index[axis] >= view.from[axis] && index[axis] < view.to[axis];
  }
#pragma unroll
  for (u32 e = 0; e < N; e++) {
    u32 at = index[RANK - 1] + e;
    inside[e] = row && at >= view.from[RANK - 1] && at < view.to[RANK - 1];
  }
}

// Row-major index of element `at` of a space whose last `rank` axes are in use.
__device__ __forceinline__ void unflatten(u32 at, const u32 (&shape)[RANK], u32 rank, u32 (&index)[RANK]) {
#pragma unroll
  for (int axis = RANK - 1; axis >= 0; axis--) {
    index[axis] = 0;
    if (axis + rank > RANK) {
      u32 rest = at / shape[axis];
      index[axis] = at - rest * shape[axis];
      at = rest;
    } else if (axis + rank == RANK) {
      index[axis] = at;
    }
  }
}

// Whether the calling block is the last of `of` that come to a counter, which is 0 before and after: then it sees what
// all of them have stored before. All threads of a block call.
__device__ __forceinline__ bool last_of(Global<u32> counters, u32 at, u32 of) {
  SHARED(u32, last, 1);
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    last[0] = atomicAdd(&counters[at], 1u) == of - 1;
    if (last[0]) counters[at] = 0;
  }
  __syncthreads();
  __threadfence();
  return last[0];
}

// Sums of `values[thread]` over a block of `threads` (a power of two, at least 32), the same tree every time.
// `values` holds one number a thread; all threads call, the sum is `values[0]` afterwards for all.
template <class T, class Values>
__device__ __forceinline__ T block_sum(Values& values, u32 thread, u32 threads, T own) {
  values[thread] = own;
  __syncthreads();
  for (u32 width = threads / 2; width >= 32; width /= 2) {
    if (thread < width) values[thread] = T(values[thread]) + T(values[thread + width]);
    __syncthreads();
  }
  if (thread < 32) {
    T part = values[thread];
    for (int width = 16; width > 0; width /= 2) part += __shfl_down_sync(0xffffffffu, part, width);
    if (thread == 0) values[0] = part;
  }
  __syncthreads();
  return values[0];
}
