// Large matrix products of 16-bit numbers on Hopper's asynchronous units, sums in f32: what `matmul_wide_*` computes.
//
// A block computes a tile of 128 × 128. One thread sends boxes of both operands to a ring of STAGES stages, DEPTH
// deep (TMA, with zeros beyond the edges); two warpgroups multiply 64 rows each straight from shared memory (wgmma).
// A stage has two barriers: `full` ends a phase when its bytes are there, `empty` when all eight warps have read them.
// Nobody copies through registers, so that two blocks fit a multiprocessor: one's epilogue overlaps the other's
// products.
//
// Operands lie in shared memory along whichever axis is contiguous in device memory; wgmma turns them.
#include "mma.cuh"

#include "matmul.cuh"
#include "wgmma.cuh"

#define STAGES 3
#define TILE 128
#define DEPTH BOX
// Threads that multiply; behind them a warp of which one thread copies.
#define CONSUMERS 256
#define THREADS (CONSUMERS + 32)
// Of a stage: two boxes of each operand.
#define STAGE_BYTES (4 * BOX_BYTES)

// Laid out by `arguments` of src/exec/cuda/hopper.rs.
struct WgmmaArguments {
  TensorMap left;   // of a, the contiguous axis first
  TensorMap right;  // of b
  MatmulArguments product;
};

struct Half {
  template <bool A_TURNED, bool B_TURNED>
  static __device__ __forceinline__ void multiply(float (&sums)[64], u64 a, u64 b) {
    wgmma_f16<A_TURNED, B_TURNED>(sums, a, b);
  }
};
struct Bfloat {
  template <bool A_TURNED, bool B_TURNED>
  static __device__ __forceinline__ void multiply(float (&sums)[64], u64 a, u64 b) {
    wgmma_bf16<A_TURNED, B_TURNED>(sums, a, b);
  }
};

// A place in the ring: the stage, and the parity of its phase.
struct Place {
  u32 stage = 0, parity = 0;
  __device__ __forceinline__ void advance() {
    stage = stage + 1 == STAGES ? 0 : stage + 1;
    parity ^= stage == 0;
  }
};

// The barriers of the stages: bytes are there, warps have read.
template <class Barriers>
struct Ring {
  Barriers &full, &empty;
};

// Starts the copies of an operand's 128 lines from `line` on, DEPTH deep.
template <class Words, class Ring>
__device__ __forceinline__ void bring(Words& words, u32 to, const TensorMap& map, bool turned, u32 line, u32 depth,
                                      const Ring& ring, u32 stage) {
#pragma unroll
  for (u32 half = 0; half < TILE / BOX; half++) {
    u32 along = line + half * BOX;
    copy_box(words, to + half * BOX_BYTES / 4, map, turned ? along : depth, turned ? depth : along, ring.full, stage);
  }
}

// The sums of a warpgroup's 64 rows, from as many stages as the product is deep; `left` and `right` describe its
// operands in the first stage.
template <class Number, bool LEFT_TURNED, bool RIGHT_TURNED, class Ring>
__device__ __forceinline__ void consume(float (&sums)[64], u32 count, u64 left, u64 right, const Ring& ring) {
  // 16 of k: a part of each line, or as many lines.
  constexpr u32 LEFT_STEP = LEFT_TURNED ? 16 * 128 : 32, RIGHT_STEP = RIGHT_TURNED ? 16 * 128 : 32;
  Place place, before;
  for (u32 i = 0; i < count; i++) {
    barrier_wait(ring.full, place.stage, place.parity);
    wgmma_fence(sums);
#pragma unroll
    for (u32 step = 0; step < DEPTH / 16; step++) {
      Number::template multiply<LEFT_TURNED, RIGHT_TURNED>(
          sums, further(left, place.stage * STAGE_BYTES + step * LEFT_STEP),
          further(right, place.stage * STAGE_BYTES + step * RIGHT_STEP));
    }
    wgmma_commit();
    // The stage before is read; this one's products stay in flight.
    wgmma_wait<1>();
    if (i > 0 && threadIdx.x % 32 == 0) barrier_arrive(ring.empty, before.stage);
    before = place;
    place.advance();
  }
  wgmma_end(sums);
}

template <class Number>
__device__ __forceinline__ void product(const WgmmaArguments& launch) {
  constexpr u32 PITCH = TILE + 8;
  static_assert(TILE * PITCH * 4 <= STAGES * STAGE_BYTES, "the sums fit where the tiles were");
  SHARED(u64, full, STAGES);
  SHARED(u64, empty, STAGES);
  DYNAMIC_SHARED(u32, words);
  const Ring<decltype(full)> ring = {full, empty};

  const MatmulArguments& a = launch.product;
  Part part = own_part(a, TILE);
  Lines<false> columns = {part.column * TILE, a.n, 0, 0};
  bool left_turned = a.a_strides[1] != 1, right_turned = a.b_strides[0] != 1;
  u32 count = (a.k + DEPTH - 1) / DEPTH;
  // Shuffled, so that the compiler knows it the same in a warp: else it serialises the products.
  u32 warpgroup = __shfl_sync(0xffffffffu, threadIdx.x / 128, 0);
  // Dynamic shared memory is aligned to 16 bytes.
  u32 tiles = (0u - address_of(words, 0)) % SWIZZLE_BYTES / 4;

  if (threadIdx.x == 0) {
    for (u32 stage = 0; stage < STAGES; stage++) {
      barrier_init(full, stage, 1);
      barrier_init(empty, stage, CONSUMERS / 32);
    }
    fence_async();
  }
  __syncthreads();

  float sums[64] = {};
  if (warpgroup < CONSUMERS / 128) {
    u64 left = descriptor(address_of(words, tiles) + warpgroup * BOX_BYTES);
    u64 right = descriptor(address_of(words, tiles) + 2 * BOX_BYTES);
    if (left_turned && right_turned) {
      consume<Number, true, true>(sums, count, left, right, ring);
    } else if (left_turned) {
      consume<Number, true, false>(sums, count, left, right, ring);
    } else if (right_turned) {
      consume<Number, false, true>(sums, count, left, right, ring);
    } else {
      consume<Number, false, false>(sums, count, left, right, ring);
    }
  } else if (elected()) {
    Place place;
    for (u32 i = 0; i < count; i++) {
      // The first round finds all stages empty.
      barrier_wait(ring.empty, place.stage, place.parity ^ 1);
      barrier_expect(ring.full, place.stage, STAGE_BYTES);
      u32 to = tiles + place.stage * STAGE_BYTES / 4;
      bring(words, to, launch.left, left_turned, part.row * TILE, i * DEPTH, ring, place.stage);
      bring(words, to + 2 * BOX_BYTES / 4, launch.right, right_turned, part.column * TILE, i * DEPTH, ring,
            place.stage);
      place.advance();
    }
  }

  // Everything is read: the sums take the tiles' place.
  __syncthreads();
  if (threadIdx.x < CONSUMERS) {
    u32 lane = threadIdx.x % 32, row = threadIdx.x / 32 * 16 + lane / 4;
#pragma unroll
    for (u32 i = 0; i < 64; i++) {
      words[(row + i / 2 % 2 * 8) * PITCH + i / 4 * 8 + lane % 4 * 2 + i % 2] = __float_as_uint(sums[i]);
    }
  }
  __syncthreads();
  Conclusion<NOTHING> conclusion;
  deliver_rows<TILE, TILE, PITCH, THREADS>(a, conclusion, words, part, AllRows{a}, part.row * TILE,
                                             columns);
}

extern "C" __global__ void __launch_bounds__(THREADS, 2) matmul_wgmma_f16(const __grid_constant__ WgmmaArguments a) {
  product<Half>(a);
}

extern "C" __global__ void __launch_bounds__(THREADS, 2) matmul_wgmma_bf16(const __grid_constant__ WgmmaArguments a) {
  product<Bfloat>(a);
}
