// Hopper's asynchronous units, sm_90a alone: bulk copies of boxes (TMA), the barriers in shared memory that count
// their bytes (mbarrier), products of a warpgroup whose operands lie in shared memory (wgmma). Emulated, `hopper.h`
// has the twins.
#pragma once
#include "common.cuh"

// A matrix that bulk copies read by boxes, as the driver encodes it (cuTensorMapEncodeTiled), aligned as CUDA 13's own
// type is. The driver made it.
struct alignas(128) TensorMap {
  u64 opaque[16];
};

// What both units agree on. A box of BOX × BOX 16-bit numbers has BOX lines of 128 bytes; the 16-byte pieces of line i
// change places by i % 8 (128-byte swizzle), so that eight lines' pieces lie in different banks. The pattern repeats
// every SWIZZLE_BYTES, to which boxes are aligned.
#define BOX 64
#define BOX_BYTES (BOX * BOX * 2)
#define SWIZZLE_BYTES 1024

// How wgmma finds an operand in boxes (PTX ISA, "Matrix Descriptor Format"): 128-byte swizzle; eight lines on is
// SWIZZLE_BYTES; the next 64 of m or n, where that is the contiguous axis, are in the next box. Where k is contiguous,
// a box' lines follow on one another and that field is not read.
__device__ __forceinline__ u64 descriptor(u32 address) {
  return 1ull << 62 | (u64)(SWIZZLE_BYTES >> 4) << 32 | (u64)(BOX_BYTES >> 4) << 16 | (address & 0x3ffff) >> 4;
}
// The descriptor of what lies some bytes further.
__device__ __forceinline__ u64 further(u64 descriptor, u32 bytes) { return descriptor + (bytes >> 4); }

#if defined(__CUDACC__)
template <class T>
__device__ __forceinline__ u32 address_of(const T* from, u32 at) {
  return (u32)__cvta_generic_to_shared(from + at);
}

// True in one thread of the warp, whose 32 threads all call. The compiler knows it to be one, so that it does not ask for
// every copy whether several threads want different ones.
__device__ __forceinline__ bool elected() {
  u32 is;
  asm volatile(
      "{\n"
      ".reg .pred one;\n"
      "elect.sync _|one, 0xffffffff;\n"
      "selp.u32 %0, 1, 0, one;\n"
      "}"
      : "=r"(is));
  return is;
}

// Barrier `at`: its phase ends when `count` have arrived and all expected bytes have.
__device__ __forceinline__ void barrier_init(u64* barriers, u32 at, u32 count) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(address_of(barriers, at)), "r"(count) : "memory");
}
__device__ __forceinline__ void barrier_arrive(u64* barriers, u32 at) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(address_of(barriers, at)) : "memory");
}
// Arrives, and has the phase wait for as many bytes.
__device__ __forceinline__ void barrier_expect(u64* barriers, u32 at, u32 bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(address_of(barriers, at)), "r"(bytes)
               : "memory");
}
// Waits until the phase of this parity has ended; a new barrier is in phase 0, behind one of parity 1. A phase that has
// not ended after two seconds never will: a trap then ends the kernel, and the host is told.
__device__ __forceinline__ void barrier_wait(u64* barriers, u32 at, u32 parity) {
  asm volatile(
      "{\n"
      ".reg .pred ended, waits;\n"
      ".reg .u64 start, now;\n"
      "mbarrier.try_wait.parity.shared::cta.b64 ended, [%0], %1;\n"
      "@ended bra done;\n"
      // How long a try takes, the system decides.
      "mov.u64 start, %%globaltimer;\n"
      "again:\n"
      "mbarrier.try_wait.parity.shared::cta.b64 ended, [%0], %1;\n"
      "@ended bra done;\n"
      "mov.u64 now, %%globaltimer;\n"
      "sub.u64 now, now, start;\n"
      "setp.lt.u64 waits, now, 2000000000;\n"
      "@waits bra again;\n"
      "trap;\n"
      "done:\n"
      "}" ::"r"(address_of(barriers, at)),
      "r"(parity)
      : "memory");
}
// What this thread has written to shared memory, new barriers among it, comes before what the asynchronous units do.
__device__ __forceinline__ void fence_async() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

// Starts the copy of the box from (x, y) on, x along the contiguous axis, to word `to`; zeros outside the matrix. Its
// bytes count towards a barrier.
__device__ __forceinline__ void copy_box(u32* words, u32 to, const TensorMap& map, u32 x, u32 y, u64* barriers,
                                         u32 barrier) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3}], [%4];" ::"r"(
          address_of(words, to)),
      "l"(&map), "r"(x), "r"(y), "r"(address_of(barriers, barrier))
      : "memory");
}

// The compiler keeps reads and writes of these registers on their side of this line.
__device__ __forceinline__ void pin(float (&sums)[64]) {
#pragma unroll
  for (u32 i = 0; i < 64; i++) asm volatile("" : "+f"(sums[i])::"memory");
}
// Orders accesses to the sums' registers before the products that follow.
__device__ __forceinline__ void wgmma_fence(float (&sums)[64]) {
  pin(sums);
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}
// Closes a group of products.
__device__ __forceinline__ void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
// Waits for the warp's part of all groups but the newest ones: their operands may then be overwritten.
template <u32 NEWEST>
__device__ __forceinline__ void wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(NEWEST) : "memory");
}
// Waits for all groups: the sums are there.
__device__ __forceinline__ void wgmma_end(float (&sums)[64]) {
  wgmma_wait<0>();
  pin(sums);
}

// Starts sums[64, 128] += a[64, 16] · b[16, 128] of a warpgroup. A lane of warp w holds rows 16·w + lane / 4 and eight
// further; of each eight columns, 2·(lane % 4) and the next. Turned: the operand's contiguous axis is not k.
#define FOUR_SUMS(i) "+f"(sums[i]), "+f"(sums[i + 1]), "+f"(sums[i + 2]), "+f"(sums[i + 3])
#define SIXTEEN_SUMS(i) FOUR_SUMS(i), FOUR_SUMS(i + 4), FOUR_SUMS(i + 8), FOUR_SUMS(i + 12)
#define WGMMA(name, type)                                                                                        \
  template <bool A_TURNED, bool B_TURNED>                                                                        \
  __device__ __forceinline__ void name(float (&sums)[64], u64 a, u64 b) {                                        \
    asm volatile("{\n"                                                                                           \
                 ".reg .pred add;\n"                                                                             \
                 "setp.eq.u32 add, 0, 0;\n"                                                                      \
                 "wgmma.mma_async.sync.aligned.m64n128k16.f32." type "." type " {"                                \
                 "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "                        \
                 "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "              \
                 "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "              \
                 "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, "             \
                 "%64, %65, add, 1, 1, %66, %67;\n"                                                              \
                 "}"                                                                                             \
                 : SIXTEEN_SUMS(0), SIXTEEN_SUMS(16), SIXTEEN_SUMS(32), SIXTEEN_SUMS(48)                         \
                 : "l"(a), "l"(b), "n"((int)A_TURNED), "n"((int)B_TURNED)                                        \
                 : "memory");                                                                                    \
  }
WGMMA(wgmma_f16, "f16")
WGMMA(wgmma_bf16, "bf16")
#undef WGMMA
#undef SIXTEEN_SUMS
#undef FOUR_SUMS
#endif
