// Hopper's asynchronous units, emulated: the twins of wgmma.cuh.
//
// Nothing here is done when it is asked for. A bulk copy arrives at some later turn of the scheduler; a product is
// computed when its thread waits for it, from what is then in shared memory at the addresses that the bits of its
// descriptors say; until then its registers hold NaN. What must not be touched meanwhile, or has not been waited for
// by the thread that touches it, is a fault.
#pragma once
#include <random>
#include <utility>
#include <vector>

namespace gpu {

// The kernels' 64 bits.
using Barriers = Shared<unsigned long long>;

// A barrier as it lies in the block's memory. The bytes still expected may be below 0 for a while.
struct Barrier {
  std::uint32_t phase : 15, fenced : 1, expected : 8, pending : 8;
  std::int32_t bytes;
};
static_assert(sizeof(Barrier) == 8, "an mbarrier has 64 bits");

// 16 bytes of shared memory.
struct Piece {
  const Barrier* barrier;  // that the last bulk copy to here counts towards; null after a plain write
  std::uint16_t phase;     // that ends when it has arrived
  bool arrived;
  std::uint16_t readers;  // products in flight
};

// A bulk copy on its way: of `map` from (x, y) on, to a word of an array.
struct BoxCopy {
  Array to;
  std::size_t word;
  std::uint64_t map[16];
  std::int32_t x, y;
  Barrier* barrier;
};

// A product of a warpgroup: what is asked for, and what has become of it.
struct Asked {
  std::uint64_t a, b;
  bool a_turned, b_turned;
  float (*read)(std::uint16_t);  // a number

  bool operator==(const Asked& other) const {
    return a == other.a && b == other.b && a_turned == other.a_turned && b_turned == other.b_turned &&
           read == other.read;
  }
};
struct Product {
  Asked asked;
  std::vector<std::uint32_t> pieces;  // that it reads
  std::vector<Piece> arrivals;        // of those, one of each phase
  std::vector<float> left, right;     // [16, 64], [16, n]: read when the first thread computes
  unsigned unfinished = 128;          // threads
};

// What a thread has asked for and seen.
struct Flight {
  std::vector<std::pair<const Barrier*, unsigned>> seen;  // phases that it knows to have ended
  std::vector<Barrier*> made;                             // and not fenced
  bool fenced = false;                                    // its registers, for products
  std::size_t started = 0;                                // products
  std::vector<std::pair<std::size_t, unsigned>> products; // in flight: number, groups closed before
  unsigned groups = 0;                                    // closed
  float* sums = nullptr;                                  // registers of the products in flight
  std::vector<float> values;                              // what they will hold
};

// Of one block.
struct Async {
  bool used = false;
  std::vector<Array> arrays;  // that bulk copies go to
  std::vector<Piece> pieces;  // by address
  std::vector<BoxCopy> copies;
  std::vector<std::vector<Product>> products;  // of each warpgroup, in order
  std::vector<Flight> threads;

  void reset(unsigned count);
  // Lets some copies arrive; whether there were any.
  bool deliver(std::mt19937_64& random);
  // Of a plain access: whether it is too early.
  void touched(At at, const Array& array) const;
  void overwritten(At at, const Array& array);
  bool seen(unsigned thread, const Piece& piece) const;
  Flight& own();
};

// Suspends the thread until `ready` of what is asked for.
void wait_until(bool (*ready)(const void*, unsigned), const void* what, unsigned number, const char* file, int line);

// Barrier `at`, which this thread may use.
Barrier& barrier_at(const Barriers& barriers, At at);
void barrier_init(const Barriers& barriers, At at, unsigned count);
void barrier_arrive(const Barriers& barriers, At at, unsigned bytes);
void barrier_wait(const Barriers& barriers, At at, unsigned parity);
void fence_async();
void copy_box(const Array& to, At word, const std::uint64_t (&map)[16], std::int32_t x, std::int32_t y,
              Barrier& barrier);
// sums[64, n] += a · b, of which this thread has n / 2 sums.
void wgmma_start(float* sums, unsigned n, const Asked& asked, const char* file, int line);
void wgmma_wait(unsigned newest, const char* file, int line);

inline float bfloat_to_float(std::uint16_t x) { return number((std::uint32_t)x << 16); }

}  // namespace gpu

template <class T>
std::uint32_t address_of(const gpu::Shared<T>& from, unsigned at) {
  return from.array.address + at * (std::uint32_t)sizeof(T);
}
inline bool elected() { return gpu::context->number % 32 == 0; }
inline void barrier_init(const gpu::Barriers& barriers, unsigned at, unsigned count,
                         int line = __builtin_LINE(), const char* file = __builtin_FILE()) {
  gpu::barrier_init(barriers, gpu::At(at, line, file), count);
}
inline void barrier_arrive(const gpu::Barriers& barriers, unsigned at, int line = __builtin_LINE(),
                           const char* file = __builtin_FILE()) {
  gpu::barrier_arrive(barriers, gpu::At(at, line, file), 0);
}
inline void barrier_expect(const gpu::Barriers& barriers, unsigned at, unsigned bytes,
                           int line = __builtin_LINE(), const char* file = __builtin_FILE()) {
  gpu::barrier_arrive(barriers, gpu::At(at, line, file), bytes);
}
inline void barrier_wait(const gpu::Barriers& barriers, unsigned at, unsigned parity,
                         int line = __builtin_LINE(), const char* file = __builtin_FILE()) {
  gpu::barrier_wait(barriers, gpu::At(at, line, file), parity);
}
inline void fence_async() { gpu::fence_async(); }
template <class Map>
void copy_box(const gpu::Shared<std::uint32_t>& words, unsigned to, const Map& map, unsigned x, unsigned y,
              const gpu::Barriers& barriers, unsigned barrier, int line = __builtin_LINE(),
              const char* file = __builtin_FILE()) {
  std::uint64_t opaque[16];
  std::memcpy(opaque, map.opaque, sizeof opaque);
  gpu::copy_box(words.array, gpu::At(to, line, file), opaque, (std::int32_t)x, (std::int32_t)y,
                gpu::barrier_at(barriers, gpu::At(barrier, line, file)));
}

template <std::size_t COUNT>
void wgmma_fence(float (&)[COUNT]) {
  gpu::context->async->own().fenced = true;
}
inline void wgmma_commit() { gpu::context->async->own().groups++; }
template <unsigned NEWEST>
void wgmma_wait(int line = __builtin_LINE(), const char* file = __builtin_FILE()) {
  gpu::wgmma_wait(NEWEST, file, line);
}
template <std::size_t COUNT>
void wgmma_end(float (&)[COUNT], int line = __builtin_LINE(), const char* file = __builtin_FILE()) {
  gpu::wgmma_wait(0, file, line);
}
template <bool A_TURNED, bool B_TURNED, std::size_t COUNT>
void wgmma_f16(float (&sums)[COUNT], std::uint64_t a, std::uint64_t b, int line = __builtin_LINE(),
               const char* file = __builtin_FILE()) {
  gpu::wgmma_start(sums, 2 * COUNT, {a, b, A_TURNED, B_TURNED, gpu::half_to_float}, file, line);
}
template <bool A_TURNED, bool B_TURNED, std::size_t COUNT>
void wgmma_bf16(float (&sums)[COUNT], std::uint64_t a, std::uint64_t b, int line = __builtin_LINE(),
                const char* file = __builtin_FILE()) {
  gpu::wgmma_start(sums, 2 * COUNT, {a, b, A_TURNED, B_TURNED, gpu::bfloat_to_float}, file, line);
}
