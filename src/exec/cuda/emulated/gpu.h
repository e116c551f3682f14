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
#include <utility>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define OUTLINE inline
#define __grid_constant__
#define __launch_bounds__(...)

struct uint3 {
  unsigned x, y, z;
};

namespace gpu {

struct Async;

// An index and where in the source it was written.
struct At {
  std::int64_t index;
  int line;
  const char* file;
  template <class I, class = std::enable_if_t<std::is_integral_v<I>>>
  At(I i, int line = __builtin_LINE(), const char* file = __builtin_FILE())
      : index((std::int64_t)i), line(line), file(file) {}
};

// What a thread has done to memory that other blocks see, since it last called for order.
struct Order {
  std::uint32_t touched;  // 1 + the epoch of its last access to memory that is not const; 0 is none
  bool unfenced;          // whether no fence came after
  bool owes;              // whether the block took a ticket, and no fence came after
};

// What the running block's threads see; the scheduler (runtime.cpp) owns it.
struct Context {
  uint3 thread, block, block_size, grid_size;
  unsigned number;      // of the thread in its block
  unsigned epoch;       // barriers passed by the block
  unsigned warp_epoch;  // collectives passed by the thread's warp
  // The allocation last touched: most accesses follow their neighbours.
  std::uintptr_t from, to;
  Async* async;            // copies and products that the block's threads do not wait for by themselves
  Order* order;            // [threads]
  std::uint32_t ticket;    // 1 + the epoch in which the block took its last ticket; 0 is none
  unsigned ticket_thread;  // that took it
};
extern thread_local Context* context;

// Who touched an element of shared memory last.
struct Shadow {
  std::uint16_t writer, reader;  // thread; NOBODY; MANY readers of several warps
  std::uint16_t copier;          // thread whose asynchronous copy to here has not been waited for, or NOBODY
  std::uint32_t write_epoch, write_warp_epoch;
  std::uint32_t read_epoch, read_warp_epoch;
};
constexpr std::uint16_t NOBODY = 0xffff, MANY = 0xfffe;

struct Array {
  void* data;
  Shadow* shadow;
  std::size_t count;
  const char* name;
  std::uint32_t bytes;    // of an element
  std::uint32_t address;  // in the block's shared memory
};

// Ends the launch with a report; never returns to the kernel.
[[noreturn]] void fail(const char* file, int line, const char* format, ...) __attribute__((format(printf, 3, 4)));
// Asks the table of allocations whether [at, at + bytes) lies in one of them; remembers it in the context.
bool inside(std::uintptr_t at, std::size_t bytes);
// The block's array of a declaration; the first thread to come makes it, poisoned.
Array shared_array(const void* site, std::size_t bytes, std::size_t count, const char* name);
Array dynamic_array(std::size_t bytes, const char* name, const char* file, int line);
void barrier(const char* file, int line);
// What a lane gives to a collective.
struct Payload {
  std::uint32_t words[6];
};
// Waits for the warp at a collective; what every lane gave is then in `all`, until this lane's next collective.
const Payload* exchange(const Payload& own, unsigned mask, const char* file, int line);
[[noreturn]] void race(At at, const Array& array, const char* what, unsigned other);
// Refuses element `at` while an asynchronous copy to it is on its way; before a write, also while a product reads it.
void settled(At at, const Array& array);
void overwritten(At at, const Array& array);
// Asynchronous copies of 16 bytes: asked for, closed as a group, delivered by a wait for all groups but the newest.
void copy_async(const Array& array, std::size_t word, std::uintptr_t from);
void copies_commit();
void copies_wait(unsigned newest);

// One block runs at a time, so that memory is always in order. What a GPU would not order is refused instead: a ticket
// (an atomic addition) says that a block's stores are done, and its taker may go on with what other blocks have stored.
[[noreturn]] void unordered(At at, bool owes);
inline void touch(At at, bool may_store) {
  Context& c = *context;
  Order& own = c.order[c.number];
  bool beside = c.ticket == c.epoch + 1;
  if (beside && may_store && c.ticket_thread != c.number) unordered(at, false);
  if (!beside && own.owes) unordered(at, true);
  if (may_store) {
    own.touched = c.epoch + 1;
    own.unfenced = true;
  }
}
void fence();
unsigned ticket(unsigned* at, unsigned by, const char* file, int line);

// Memory of the device.
template <class T>
struct Global {
  std::uintptr_t address;
  // As a pointer to T is one to const T.
  template <class U, class = std::enable_if_t<std::is_same_v<U, const T> && !std::is_const_v<T>>>
  operator Global<U>() const {
    return Global<U>{address};
  }
  T& operator[](At at) const {
    std::uintptr_t p = address + (std::uintptr_t)at.index * sizeof(T);
    if (p < context->from || p + sizeof(T) > context->to) {
      if (!inside(p, sizeof(T))) {
        fail(at.file, at.line, "out of bounds: element %lld of memory at %#llx is outside every allocation",
             (long long)at.index, (unsigned long long)address);
      }
    }
    touch(at, !std::is_const_v<T>);
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
      settled(at, array);
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
    // Refuses a write that another thread's access may come before or after.
    void claim() const {
      const Shadow& s = array.shadow[at.index];
      const Context& c = *context;
      settled(at, array);
      overwritten(at, array);
      auto conflicts = [&](std::uint16_t other, std::uint32_t epoch, std::uint32_t warp_epoch) {
        if (other == NOBODY || other == c.number || epoch != c.epoch) return false;
        return other == MANY || other / 32 != c.number / 32 || warp_epoch == c.warp_epoch;
      };
      if (conflicts(s.writer, s.write_epoch, s.write_warp_epoch)) race(at, array, "written", s.writer);
      if (conflicts(s.reader, s.read_epoch, s.read_warp_epoch)) race(at, array, "read", s.reader);
    }
    T operator=(T value) const {
      claim();
      Shadow& s = array.shadow[at.index];
      const Context& c = *context;
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

inline unsigned lane() { return context->number % 32; }
inline unsigned lane_below(unsigned by) { return lane() + by < 32 ? lane() + by : lane(); }

// What lane `from` brings.
template <class T>
T shuffle(unsigned mask, T value, unsigned from, const char* file, int line) {
  static_assert(sizeof(T) <= sizeof(Payload), "a shuffle moves at most a payload");
  Payload own{};
  std::memcpy(&own, &value, sizeof(T));
  const Payload* all = exchange(own, mask, file, line);
  T result;
  std::memcpy(&result, &all[from], sizeof(T));
  return result;
}

inline unsigned ballot(unsigned mask, bool vote, const char* file, int line) {
  const Payload* all = exchange(Payload{{vote}}, mask, file, line);
  unsigned result = 0;
  for (unsigned lane = 0; lane < 32; lane++) result |= (mask >> lane & 1 && all[lane].words[0]) ? 1u << lane : 0;
  return result;
}

// The 16-bit half `half` of a register.
inline std::uint16_t half_of(std::uint32_t reg, unsigned half) { return (std::uint16_t)(reg >> 16 * half); }

// IEEE half precision, spelled out: not every compiler has the type.
inline float half_to_float(std::uint16_t h) {
  std::uint32_t sign = (std::uint32_t)(h & 0x8000u) << 16, exponent = h >> 10 & 31u, fraction = h & 1023u;
  if (exponent == 31) return number(sign | 0x7f800000u | fraction << 13);
  if (exponent > 0) return number(sign | (exponent + 112) << 23 | fraction << 13);
  float subnormal = (float)fraction * 0x1p-24f;
  return sign ? -subnormal : subnormal;
}
// Rounded to nearest, ties to even; every NaN becomes the one that GPUs make.
inline std::uint16_t float_to_half(float x) {
  std::uint32_t u = bits(x), sign = u >> 16 & 0x8000u;
  float size = number(u & 0x7fffffffu);
  if (x != x) return 0x7fff;
  if (size >= 65520.0f) return (std::uint16_t)(sign | 0x7c00u);
  if (size < 0x1p-14f) {
    // Adding 2⁻¹·… leaves the multiples of 2⁻²⁴ in the low bits, rounded as the sum is.
    return (std::uint16_t)(sign | (bits(size + 0.5f) - bits(0.5f)));
  }
  std::uint32_t rounded = bits(size) + 0xfffu + (bits(size) >> 13 & 1u);
  return (std::uint16_t)(sign | ((rounded >> 13) - (112u << 10)));
}

// What ldmatrix gives a lane: of matrix j (8 × 8 numbers of 16 bits, two a word of `tile`, whose rows start at the
// words that lanes 8j … 8j + 7 say), numbers 2·(lane % 4) and the next of row lane / 4; transposed, of column
// lane / 4.
template <class Tile>
void load_matrices(const Tile& tile, unsigned at, bool transposed, std::uint32_t (&to)[4], const char* file,
                   int line) {
  if (at % 4 != 0) fail(file, line, "misaligned: a matrix row at word %u, not a multiple of four", at);
  const Payload* all = exchange(Payload{{at}}, 0xffffffffu, file, line);
  unsigned lane = context->number % 32;
  for (unsigned j = 0; j < 4; j++) {
    to[j] = 0;
    for (unsigned half = 0; half < 2; half++) {
      unsigned row = lane / 4, column = lane % 4 * 2 + half;
      if (transposed) std::swap(row, column);
      std::uint32_t word = tile[At(all[8 * j + row].words[0] + column / 2, line, file)];
      to[j] |= (std::uint32_t)half_of(word, column % 2) << 16 * half;
    }
  }
}

// sums += a · b over a warp: a [16, K], b [K, 8] of f32 or 16-bit numbers that `read(register, half)` decodes. A
// lane holds element (row, k) of a in register k / (K / 2) · 2 + row / 8 of lane row % 8 · 4 + k % (K / 2) / HALVES.
template <unsigned HALVES, class Read>
void multiply(float (&sums)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2], Read read, const char* file,
              int line) {
  const Payload* all = exchange(Payload{{a[0], a[1], a[2], a[3], b[0], b[1]}}, 0xffffffffu, file, line);
  constexpr unsigned SIDE = 4 * HALVES;
  unsigned lane = context->number % 32;
  for (unsigned i = 0; i < 4; i++) {
    unsigned row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
    for (unsigned k = 0; k < 2 * SIDE; k++) {
      unsigned within = k % SIDE / HALVES;
      const Payload &left = all[row % 8 * 4 + within], &right = all[column * 4 + within];
      float x = read(left.words[k / SIDE * 2 + row / 8], k % HALVES);
      float y = read(right.words[4 + k / SIDE], k % HALVES);
      sums[i] = __builtin_fmaf(x, y, sums[i]);
    }
  }
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
#define __shfl_down_sync(mask, value, by) gpu::shuffle(mask, value, gpu::lane_below(by), __FILE__, __LINE__)
#define __shfl_xor_sync(mask, value, by) gpu::shuffle(mask, value, gpu::lane() ^ (by), __FILE__, __LINE__)
#define __shfl_sync(mask, value, lane) gpu::shuffle(mask, value, lane, __FILE__, __LINE__)
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
inline float from_half(std::uint16_t x) { return gpu::half_to_float(x); }
inline std::uint16_t to_half(float x) { return gpu::float_to_half(x); }
template <class To, class From>
Global<To> recast(Global<From> from) {
  return Global<To>{from.address};
}
inline void __threadfence() { gpu::fence(); }
#define atomicAdd(at, by) gpu::ticket(at, by, __FILE__, __LINE__)
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
template <class T>
bool aligned(Global<T> from, std::int64_t at, unsigned bytes) {
  return (from.address + (std::uintptr_t)at * sizeof(T)) % bytes == 0;
}
template <class T>
void put4(gpu::Global<T> to, std::int64_t at, const T (&from)[4], int line = __builtin_LINE(),
          const char* file = __builtin_FILE()) {
  if (!aligned(to, at, 4 * sizeof(T))) gpu::fail(file, line, "misaligned: four neighbours to %lld", (long long)at);
  for (int i = 0; i < 4; i++) to[gpu::At(at + i, line, file)] = from[i];
}
inline void read4(gpu::Global<const float> from, std::int64_t at, float (&to)[4], int line = __builtin_LINE(),
                  const char* file = __builtin_FILE()) {
  for (int i = 0; i < 4; i++) to[i] = from[gpu::At(at + i, line, file)];
}
inline void read_words(gpu::Global<const float> from, std::int64_t at, std::uint32_t (&to)[4],
                       int line = __builtin_LINE(), const char* file = __builtin_FILE()) {
  if (!aligned(from, at, 16)) gpu::fail(file, line, "misaligned: four neighbours from %lld", (long long)at);
  for (int i = 0; i < 4; i++) {
    float number = from[gpu::At(at + i, line, file)];
    std::memcpy(&to[i], &number, 4);
  }
}
inline void read_words(gpu::Global<const std::uint16_t> from, std::int64_t at, std::uint32_t (&to)[4],
                       int line = __builtin_LINE(), const char* file = __builtin_FILE()) {
  if (!aligned(from, at, 8)) gpu::fail(file, line, "misaligned: four neighbours from %lld", (long long)at);
  for (int i = 0; i < 4; i += 2) {
    std::uint32_t low = from[gpu::At(at + i, line, file)], high = from[gpu::At(at + i + 1, line, file)];
    to[i / 2] = low | high << 16;
  }
}
inline void load4(const gpu::Shared<std::uint32_t>& from, unsigned at, float (&to)[4], int line = __builtin_LINE(),
                  const char* file = __builtin_FILE()) {
  if (at % 4 != 0) gpu::fail(file, line, "misaligned: four words from %u, not a multiple of four", at);
  for (unsigned i = 0; i < 4; i++) to[i] = gpu::number(from[gpu::At(at + i, line, file)]);
}
inline void store4(const gpu::Shared<std::uint32_t>& to, unsigned at, const std::uint32_t (&from)[4],
                   int line = __builtin_LINE(), const char* file = __builtin_FILE()) {
  if (at % 4 != 0) gpu::fail(file, line, "misaligned: four words to %u, not a multiple of four", at);
  for (unsigned i = 0; i < 4; i++) to[gpu::At(at + i, line, file)] = from[i];
}

// Twins of the PTX in mma.cuh. A copy arrives at the wait for it and not before.
template <class T>
void copy16_async(const gpu::Shared<std::uint32_t>& to, unsigned at, Global<const T> from, std::int64_t source,
                  int line = __builtin_LINE(), const char* file = __builtin_FILE()) {
  if (at % 4 != 0) gpu::fail(file, line, "misaligned: 16 bytes to word %u", at);
  if (!aligned(from, source, 16)) {
    gpu::fail(file, line, "misaligned: 16 bytes from element %lld", (long long)source);
  }
  const T& first = from[gpu::At(source, line, file)];
  (void)from[gpu::At(source + 16 / (int)sizeof(T) - 1, line, file)];
  for (unsigned i = 0; i < 4; i++) to[gpu::At(at + i, line, file)].claim();
  gpu::copy_async(to.array, at, reinterpret_cast<std::uintptr_t>(&first));
}
inline void copies_commit() { gpu::copies_commit(); }
template <unsigned NEWEST>
void copies_wait() {
  gpu::copies_wait(NEWEST);
}
#define load_matrices(tile, at, transposed, to) gpu::load_matrices(tile, at, transposed, to, __FILE__, __LINE__)
#define multiply_f16(sums, a, b) \
  gpu::multiply<2>(sums, a, b, [](u32 r, unsigned h) { return from_half(gpu::half_of(r, h)); }, __FILE__, __LINE__)
#define multiply_bf16(sums, a, b) \
  gpu::multiply<2>(sums, a, b, [](u32 r, unsigned h) { return from_bfloat(gpu::half_of(r, h)); }, __FILE__, __LINE__)
// The tensor cores look at the upper 19 bits alone.
#define multiply_tf32(sums, a, b) \
  gpu::multiply<1>(sums, a, b, [](u32 r, unsigned) { return gpu::number(r & ~0x1fffu); }, __FILE__, __LINE__)

#include "hopper.h"
