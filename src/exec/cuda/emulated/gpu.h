// The emulated GPU: what stands in for CUDA when kernels/*.cu are compiled as host C++17.
//
// Each CUDA thread of the running block is a fiber; barriers and warp collectives switch between them. Memory
// of the device and of the block is reached through checked types: an access knows its file and line through a
// default argument of `At`, so natural CUDA text, `x[i] = y`, is all a kernel needs.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __grid_constant__
#define __launch_bounds__(...)

struct uint3 {
  unsigned x, y, z;
};

namespace gpu {

// An index and where in the source it was written.
struct At {
  std::int64_t index;
  int line;
  const char* file;
  template <class I, class = std::enable_if_t<std::is_integral_v<I>>>
  At(I i, int line = __builtin_LINE(), const char* file = __builtin_FILE())
      : index((std::int64_t)i), line(line), file(file) {}
};

// What the running block's threads see; the scheduler (runtime.cpp) owns it.
struct Context {
  uint3 thread, block, block_size, grid_size;
  unsigned number;      // of the thread in its block
  unsigned epoch;       // barriers passed by the block
  unsigned warp_epoch;  // collectives passed by the thread's warp
  // The allocation last touched: most accesses follow their neighbours.
  std::uintptr_t from, to;
};
extern thread_local Context* context;

// Who touched an element of shared memory last.
struct Shadow {
  std::uint16_t writer, reader;  // thread; NOBODY; MANY readers of several warps
  std::uint32_t write_epoch, write_warp_epoch;
  std::uint32_t read_epoch, read_warp_epoch;
};
constexpr std::uint16_t NOBODY = 0xffff, MANY = 0xfffe;

struct Array {
  void* data;
  Shadow* shadow;
  std::size_t count;
  const char* name;
};

// Ends the launch with a report; never returns to the kernel.
[[noreturn]] void fail(const char* file, int line, const char* format, ...) __attribute__((format(printf, 3, 4)));
// Asks the table of allocations whether [at, at + bytes) lies in one of them; remembers it in the context.
bool inside(std::uintptr_t at, std::size_t bytes);
// The block's array of a declaration; the first thread to come makes it, poisoned.
Array shared_array(const void* site, std::size_t bytes, std::size_t count, const char* name);
Array dynamic_array(std::size_t bytes, const char* name, const char* file, int line);
void barrier(const char* file, int line);
// Waits for the warp at a collective; every lane's value is then in `values`.
void exchange(std::uint64_t value, std::uint64_t values[32], unsigned mask, const char* file, int line);
[[noreturn]] void race(At at, const Array& array, const char* what, unsigned other);

// Memory of the device.
template <class T>
struct Global {
  std::uintptr_t address;
  T& operator[](At at) const {
    std::uintptr_t p = address + (std::uintptr_t)at.index * sizeof(T);
    if (p < context->from || p + sizeof(T) > context->to) {
      if (!inside(p, sizeof(T))) {
        fail(at.file, at.line, "out of bounds: element %lld of memory at %#llx is outside every allocation",
             (long long)at.index, (unsigned long long)address);
      }
    }
    return *reinterpret_cast<T*>(p);
  }
};

// Memory of the block.
template <class T>
struct Shared {
  Array array;

  struct Element {
    const Array& array;
    At at;
    operator T() const {
      Shadow& s = array.shadow[at.index];
      const Context& c = *context;
      if (s.writer == NOBODY) {
        fail(at.file, at.line, "uninitialised shared read: %s[%lld] was never written", array.name,
             (long long)at.index);
      }
      bool same_warp = s.writer / 32 == c.number / 32;
      if (s.writer != c.number && s.write_epoch == c.epoch &&
          (!same_warp || s.write_warp_epoch == c.warp_epoch)) {
        race(at, array, "written", s.writer);
      }
      bool first = s.reader == NOBODY || s.read_epoch != c.epoch;
      s.reader = first || s.reader == c.number             ? (std::uint16_t)c.number
                 : s.reader != MANY && s.reader / 32 == c.number / 32 && s.read_warp_epoch != c.warp_epoch
                     ? (std::uint16_t)c.number
                     : MANY;
      s.read_epoch = c.epoch;
      s.read_warp_epoch = c.warp_epoch;
      return static_cast<const T*>(array.data)[at.index];
    }
    T operator=(T value) const {
      Shadow& s = array.shadow[at.index];
      const Context& c = *context;
      auto conflicts = [&](std::uint16_t other, std::uint32_t epoch, std::uint32_t warp_epoch) {
        if (other == NOBODY || other == c.number || epoch != c.epoch) return false;
        return other == MANY || other / 32 != c.number / 32 || warp_epoch == c.warp_epoch;
      };
      if (conflicts(s.writer, s.write_epoch, s.write_warp_epoch)) race(at, array, "written", s.writer);
      if (conflicts(s.reader, s.read_epoch, s.read_warp_epoch)) race(at, array, "read", s.reader);
      s.writer = (std::uint16_t)c.number;
      s.write_epoch = c.epoch;
      s.write_warp_epoch = c.warp_epoch;
      return static_cast<T*>(array.data)[at.index] = value;
    }
    T operator=(const Element& other) const { return *this = T(other); }
  };

  Element operator[](At at) const {
    if (at.index < 0 || (std::size_t)at.index >= array.count) {
      fail(at.file, at.line, "out of bounds: %s[%lld] of %zu elements of shared memory", array.name,
           (long long)at.index, array.count);
    }
    return Element{array, at};
  }
};

inline std::uint32_t bits(float x) {
  std::uint32_t u;
  std::memcpy(&u, &x, 4);
  return u;
}
inline float number(std::uint32_t u) {
  float x;
  std::memcpy(&x, &u, 4);
  return x;
}

template <class T>
T shuffle_down(unsigned mask, T value, unsigned by, const char* file, int line) {
  static_assert(sizeof(T) <= 8, "a shuffle moves at most 8 bytes");
  std::uint64_t own = 0, values[32];
  std::memcpy(&own, &value, sizeof(T));
  exchange(own, values, mask, file, line);
  unsigned lane = context->number % 32;
  T result;
  std::memcpy(&result, &values[lane + by < 32 ? lane + by : lane], sizeof(T));
  return result;
}

inline unsigned ballot(unsigned mask, bool vote, const char* file, int line) {
  std::uint64_t values[32];
  exchange(vote, values, mask, file, line);
  unsigned result = 0;
  for (unsigned lane = 0; lane < 32; lane++) result |= (mask >> lane & 1 && values[lane]) ? 1u << lane : 0;
  return result;
}

// Kernels announce themselves here; the shim that compiles a kernel file makes one of these for each.
struct Kernel {
  const char* name;
  std::size_t argument_bytes;
  void (*call)(const Kernel&, const void*);
  void (*function)();
  Kernel* next;
  static Kernel* all;

  template <class A>
  Kernel(const char* name, void (*kernel)(A))
      : name(name), argument_bytes(sizeof(A)), function(reinterpret_cast<void (*)()>(kernel)), next(all) {
    call = [](const Kernel& self, const void* bytes) {
      std::remove_const_t<A> argument;
      std::memcpy(static_cast<void*>(&argument), bytes, sizeof(A));
      reinterpret_cast<void (*)(A)>(self.function)(argument);
    };
    all = this;
  }
};

}  // namespace gpu

template <class T>
using Global = gpu::Global<T>;

#define SHARED(type, name, count)  \
  static const char name##_site = 0; \
  const gpu::Shared<type> name { gpu::shared_array(&name##_site, sizeof(type), count, #name) }
#define DYNAMIC_SHARED(type, name) \
  const gpu::Shared<type> name { gpu::dynamic_array(sizeof(type), #name, __FILE__, __LINE__) }

#define threadIdx (gpu::context->thread)
#define blockIdx (gpu::context->block)
#define blockDim (gpu::context->block_size)
#define gridDim (gpu::context->grid_size)
#define __syncthreads() gpu::barrier(__FILE__, __LINE__)
#define __shfl_down_sync(mask, value, by) gpu::shuffle_down(mask, value, by, __FILE__, __LINE__)
#define __ballot_sync(mask, vote) gpu::ballot(mask, vote, __FILE__, __LINE__)

// Twins of the intrinsics; the compiler is told not to fuse multiplications into additions.
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fsqrt_rn(float a) { return __builtin_sqrtf(a); }
inline float __fmaf_rn(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dsub_rn(double a, double b) { return a - b; }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline double __dsqrt_rn(double a) { return __builtin_sqrt(a); }
inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((std::uint64_t)a * b >> 32); }
inline unsigned __float_as_uint(float x) { return gpu::bits(x); }
inline float __uint_as_float(unsigned u) { return gpu::number(u); }
// One block runs at a time and a fiber is never interrupted: memory is always in order.
inline void __threadfence() {}
inline unsigned atomicAdd(unsigned* at, unsigned by) {
  unsigned before = *at;
  *at = before + by;
  return before;
}
inline void load4(const gpu::Shared<float>& from, unsigned at, float (&to)[4], int line = __builtin_LINE(),
                  const char* file = __builtin_FILE()) {
  if (at % 4 != 0) gpu::fail(file, line, "misaligned: four numbers from %u, not a multiple of four", at);
  for (unsigned i = 0; i < 4; i++) to[i] = from[gpu::At(at + i, line, file)];
}
inline void store4(const gpu::Shared<float>& to, unsigned at, const float (&from)[4], int line = __builtin_LINE(),
                   const char* file = __builtin_FILE()) {
  if (at % 4 != 0) gpu::fail(file, line, "misaligned: four numbers to %u, not a multiple of four", at);
  for (unsigned i = 0; i < 4; i++) to[gpu::At(at + i, line, file)] = from[i];
}
inline void read4(gpu::Global<const float> from, std::int64_t at, float (&to)[4], int line = __builtin_LINE(),
                  const char* file = __builtin_FILE()) {
  for (int i = 0; i < 4; i++) to[i] = from[gpu::At(at + i, line, file)];
}
