// Tensor cores and asynchronous copies: the PTX that has no name in CUDA C++. Emulated, `gpu.h` has the twins.
//
// A fragment is a lane's part of a small matrix; which part, PTX ISA says ("Matrix multiply-accumulate operation
// using mma instruction"). All 32 lanes of a warp call together.
#pragma once
#include "common.cuh"

#if defined(__CUDACC__)
__device__ __forceinline__ u32 shared_address(const void* at) { return (u32)__cvta_generic_to_shared(at); }

// Four words that hold f32s.
__device__ __forceinline__ void load4(const u32* from, u32 at, float (&to)[4]) {
  float4 four = *reinterpret_cast<const float4*>(from + at);
  to[0] = four.x, to[1] = four.y, to[2] = four.z, to[3] = four.w;
}
__device__ __forceinline__ void store4(u32* to, u32 at, const u32 (&from)[4]) {
  *reinterpret_cast<uint4*>(to + at) = make_uint4(from[0], from[1], from[2], from[3]);
}

// Starts a copy of 16 aligned bytes to shared memory, past the registers and the first-level cache.
template <class T>
__device__ __forceinline__ void copy16_async(u32* to, u32 at, const T* from, i64 source) {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared_address(to + at)),
               "l"(__cvta_generic_to_global(from + source))
               : "memory");
#else
  *reinterpret_cast<uint4*>(to + at) = *reinterpret_cast<const uint4*>(from + source);
#endif
}
// Closes a group of copies.
__device__ __forceinline__ void copies_commit() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}
// Waits for the thread's own copies of all groups but the newest ones.
template <u32 NEWEST>
__device__ __forceinline__ void copies_wait() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(NEWEST) : "memory");
#endif
}

// Four matrices of 8 × 8 16-bit numbers, two a word; lane 8j + i says where row i of matrix j starts.
__device__ __forceinline__ void load_matrices(const u32* tile, u32 at, bool transposed, u32 (&to)[4]) {
  u32 address = shared_address(tile + at);
  if (transposed) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(address)
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(address)
                 : "memory");
  }
}

// sums[16, 8] += a[16, 16] · b[16, 8].
__device__ __forceinline__ void multiply_f16(float (&sums)[4], const u32 (&a)[4], const u32 (&b)[2]) {
#if __CUDA_ARCH__ >= 800
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  // Turing multiplies half as deep.
#pragma unroll
  for (u32 half = 0; half < 2; half++) {
    asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(a[2 * half]), "r"(a[2 * half + 1]), "r"(b[half]));
  }
#endif
}

#if __CUDA_ARCH__ >= 800
// sums[16, 8] += a[16, 16] · b[16, 8].
__device__ __forceinline__ void multiply_bf16(float (&sums)[4], const u32 (&a)[4], const u32 (&b)[2]) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// sums[16, 8] += a[16, 8] · b[8, 8] of numbers that `to_tf32` made.
__device__ __forceinline__ void multiply_tf32(float (&sums)[4], const u32 (&a)[4], const u32 (&b)[2]) {
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
#endif
#endif

// An f32 with its fraction rounded to 10 bits, ties away from 0; infinities and NaN stay.
__device__ __forceinline__ u32 round_tf32(u32 bits) {
  bool finite = (bits & 0x7f800000u) != 0x7f800000u;
  return finite ? (bits + 0x1000u) & ~0x1fffu : bits;
}

// An f32 as `multiply_tf32` takes it: `round_tf32`, but for bits that the multiplication does not see.
__device__ __forceinline__ u32 to_tf32(u32 bits) {
#if defined(__CUDACC__) && __CUDA_ARCH__ >= 800
  u32 rounded;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(__uint_as_float(bits)));
  return rounded;
#else
  return round_tf32(bits);
#endif
}
