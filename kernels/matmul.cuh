// What the kernels of matrix products have in common: which tile a block has, and what becomes of its sums.
//
// out[m, n] = epilogue(a[m, k] · b[k, n]). Operands have any strides, so every transpose is a launch of the same
// kernel. A small product of great depth is cut along k: each slice of a tile stores its sums, and the block that
// finishes last adds them in order. Who adds what depends on the shape alone, so the same launch gives the same bits
// every time. A launch may have several products that do not need each other; blocks are dealt to them in order.
#pragma once
#include "head.cuh"
#include "update.cuh"

struct MatmulLaunch {
  u32 count;
  u32 unused;
  MatmulArguments product[MAX_PRODUCTS];
  UpdateArguments update;  // measuring and updating kernels: of the network whose whole gradient the products are
  Head head;               // kernels with a loss head: it reads the first product; the second one are its logits
};

// What a kernel does with a finished product: nothing, run the maps that follow, and the loss head behind them, measure
// the gradient that it is, update the parameters from it.
enum After { NOTHING, FOLLOWERS, HEAD, MEASURE, UPDATE };

// Whether a tile has whole units, as maps that follow need it.
__host__ __device__ constexpr bool followed(After after) { return after == FOLLOWERS || after == HEAD; }

// The product that this block works on.
__device__ __forceinline__ const MatmulArguments& own_product(const MatmulLaunch& launch) {
  u32 i = 0;
  while (i + 1 < launch.count && blockIdx.x >= launch.product[i + 1].first) i++;
  return launch.product[i];
}

// Which tile of its product a block computes, and which slice of its depth.
struct Part {
  u32 tile, row, column, slice;  // `row` and `column` count tiles
};
__device__ __forceinline__ Part own_part(const MatmulArguments& a, u32 height) {
  u32 tiles = (a.m + a.sums + height - 1) / height * a.across, block = blockIdx.x - a.first, tile = block % tiles;
  return {tile, tile / a.across, tile % a.across, block / tiles};
}

// Which rows of the result a product's sums are: all of them in order, behind them the sums of columns. Convolutions have
// others (conv.cuh).
struct AllRows {
  const MatmulArguments& a;
  __device__ __forceinline__ bool inside(u32 row) const { return row < a.m + a.sums; }
  __device__ __forceinline__ u32 at(u32 row) const { return row; }
};

// Which lines of an operand a tile holds: rows of `a`, columns of `b`.
template <bool FOLLOWED>
struct Lines {
  u32 first;   // line, or unit
  u32 length;  // lines, or pieces
  u32 run;     // followed: units of each piece, one piece after the other
  u32 units;

  // The line that stands at `along` of the tile.
  __device__ __forceinline__ u32 at(u32 along) const {
    if constexpr (!FOLLOWED) return first + along;
    return along / run * units + first + along % run;
  }
  // How many lines in a row are there from `along` on; 0 outside.
  __device__ __forceinline__ u32 left(u32 along) const {
    if constexpr (!FOLLOWED) return first + along < length ? length - first - along : 0;
    u32 unit = first + along % run, of_piece = run - along % run;
    if (along / run >= length || unit >= units) return 0;
    return units - unit < of_piece ? units - unit : of_piece;
  }
};

// What concludes sums of a kernel.
template <After AFTER>
struct Conclusion {
  __device__ __forceinline__ Conclusion() {}
  __device__ __forceinline__ explicit Conclusion(const MatmulLaunch&) {}
  __device__ __forceinline__ void operator()(const MatmulArguments& a, float (&sums)[4], u32 row, u32 column, u32 count) {
    conclude(a, sums, row, column, count);
  }
  template <u32 TILE, u32 THREADS, class Slots>
  __device__ __forceinline__ void end(const MatmulArguments&, const Part&, Slots&) {}
};

// The logits of a row of tiles, by the block that concludes its last one; what is behind them, by the last of these.
template <>
struct Conclusion<HEAD> : Conclusion<NOTHING> {
  const MatmulLaunch& launch;

  __device__ __forceinline__ explicit Conclusion(const MatmulLaunch& launch) : launch(launch) {}

  template <u32 TILE, u32 THREADS, class Slots>
  __device__ __forceinline__ void end(const MatmulArguments& a, const Part& part, Slots& slots) {
    constexpr u32 AT_ONCE = 4;
    SHARED(float, sums, THREADS);
    const Head& head = launch.head;
    u32 down = (a.m + TILE - 1) / TILE;
    if (!last_of(head.arrived, part.row, a.across)) return;
#pragma unroll 1
    for (u32 row = threadIdx.x / 32 * AT_ONCE; row < TILE; row += THREADS / 32 * AT_ONCE) {
      logits<AT_ONCE>(launch.product[1], part.row * TILE + row);
    }
    if (last_of(head.arrived, down, down)) run_parts(head, slots, sums);
  }
};

// Finished sums are a scaled gradient, which is stored and measured; what its norm says about the scale, the last block
// of the launch notes.
template <>
struct Conclusion<MEASURE> {
  const UpdateArguments& update;
  float inverse;
  double square;  // of what this thread has concluded

  __device__ __forceinline__ explicit Conclusion(const MatmulLaunch& launch)
      : update(launch.update), inverse(inverse_scale(launch.update.scale)), square(0.0) {}

  __device__ __forceinline__ void operator()(const MatmulArguments& a, float (&sums)[4], u32 row, u32 column, u32 count) {
    conclude(a, sums, row, column, count);
#pragma unroll
    for (u32 j = 0; j < 4; j++) {
      if (j < count) square += squared(mul(sums[j], inverse));
    }
  }

  template <u32 TILE, u32 THREADS, class Slots>
  __device__ __forceinline__ void end(const MatmulArguments&, const Part&, Slots&) {
    double total;
    if (whole_norm<THREADS>(update.partials, update.finished, square, total) && threadIdx.x == 0) {
      judge(update.scale, update.norm2, total, inverse);
    }
  }
};

// Finished sums are the gradient of neighbouring parameters, which are updated here; nobody else needs it.
template <>
struct Conclusion<UPDATE> {
  const UpdateArguments& update;
  Rates rates;
  double square;  // of what this thread has concluded

  __device__ __forceinline__ explicit Conclusion(const MatmulLaunch& launch)
      : update(launch.update), rates(launch.update.clock[0].rates[launch.update.optimizer]), square(0.0) {}

  __device__ __forceinline__ void operator()(const MatmulArguments& a, float (&sums)[4], u32 row, u32 column, u32 count) {
    u32 at = a.sums_at + column;
    if (row < a.m) {
      finish(a, sums, row, column, count);
      at = a.out_at + row * a.n + column;
    }
#pragma unroll
    for (u32 j = 0; j < 4; j++) {
      if (j >= count) continue;
      square += squared(sums[j]);
      if (update.keep) update.gradients[at + j] = sums[j];
      update_one(update, update.rule, rates, at + j, sums[j]);
    }
  }

  // The gradient's squared norm, when all blocks have come here.
  template <u32 TILE, u32 THREADS, class Slots>
  __device__ __forceinline__ void end(const MatmulArguments&, const Part&, Slots&) {
    double total;
    if (whole_norm<THREADS>(update.partials, update.finished, square, total) && threadIdx.x == 0) {
      update.norm2[0] = total;
    }
  }
};

// Whether `count` neighbouring sums of a slice are one access of 16 bytes, in every slice alike.
__device__ __forceinline__ bool at_once(const MatmulArguments& a, i64 at, u32 count) {
  return count == 4 && a.n % 4 == 0 && aligned(a.partial, at, 16);
}

// Adds what the slices of a product left at `count` neighbouring columns of a row, in order. Whole quads are read several
// slices ahead of the additions; the others, edges of few products, one after the other.
__device__ __forceinline__ void add_slices(const MatmulArguments& a, u32 row, u32 column, u32 count, float (&sums)[4]) {
  i64 pitch = (i64)(a.m + a.sums) * a.n, at = row * (i64)a.n + column;
  if (at_once(a, at, count)) {
    u32 words[4];
    read_words(a.partial, at, words);
#pragma unroll
    for (u32 j = 0; j < 4; j++) sums[j] = __uint_as_float(words[j]);
#pragma unroll 4
    for (u32 slice = 1; slice < a.slices; slice++) {
      at += pitch;
      read_words(a.partial, at, words);
#pragma unroll
      for (u32 j = 0; j < 4; j++) sums[j] = add(sums[j], __uint_as_float(words[j]));
    }
    return;
  }
#pragma unroll
  for (u32 j = 0; j < 4; j++) {
    sums[j] = j < count ? a.partial[at + j] : 0.0f;
#pragma unroll 1
    for (u32 slice = 1; slice < a.slices && j < count; slice++) {
      sums[j] = add(sums[j], a.partial[at + j + slice * pitch]);
    }
  }
}

// Stores `count` neighbouring sums of a slice.
__device__ __forceinline__ void keep_slice(const MatmulArguments& a, u32 slice, u32 row, u32 column, u32 count,
                                           const float (&sums)[4]) {
  i64 at = ((i64)slice * (a.m + a.sums) + row) * a.n + column;
  if (at_once(a, at, count)) {
    put4(a.partial, at, sums);
    return;
  }
#pragma unroll
  for (u32 j = 0; j < 4; j++) {
    if (j < count) a.partial[at + j] = sums[j];
  }
}

// What a block does with sums of its tile. Those of a whole product are finished. Those of a slice go to `partial`; the
// block that comes last to a tile adds what all have left there and finishes that. Whether this block finished any.
//
// ROWS × COLUMNS sums lie in shared memory, rows PITCH apart; every thread of the block calls.
template <u32 ROWS, u32 COLUMNS, u32 PITCH, u32 THREADS, After AFTER, class Sums, class Rows, bool FOLLOWED>
__device__ __forceinline__ bool deliver_rows(const MatmulArguments& a, Conclusion<AFTER>& conclusion, Sums& sums,
                                             const Part& part, const Rows& rows, u32 first_row,
                                             const Lines<FOLLOWED>& columns) {
  // A product of large tiles fills a GPU uncut, and its kernels have no shared memory to spare.
  constexpr bool CUT = COLUMNS <= 64;
  bool own = true, whole = !CUT || a.slices == 1;
  while (true) {
    // Neither loop is unrolled: the epilogue's code stands here once.
#pragma unroll 1
    for (u32 quad = threadIdx.x; quad < ROWS * COLUMNS / 4; quad += THREADS) {
      u32 number = first_row + quad / (COLUMNS / 4), along = quad % (COLUMNS / 4) * 4;
      u32 column = columns.at(along), left = columns.left(along), count = left < 4 ? left : 4;
      if (!rows.inside(number) || count == 0) continue;
      u32 row = rows.at(number);
      float four[4];
      if (own) {
        load4(sums, quad / (COLUMNS / 4) * PITCH + along, four);
      } else {
        add_slices(a, row, column, count, four);
      }
      if (whole) {
        conclusion(a, four, row, column, count);
      } else {
        keep_slice(a, part.slice, row, column, count, four);
      }
    }
    if (whole || !last_of(a.arrived, part.tile, a.slices)) return whole;
    own = false;
    whole = true;
  }
}

// Ends a tile whose sums are delivered, `whole` where that has finished them: runs what follows the product. `slots` has
// a column for each thread.
template <u32 TILE, u32 THREADS, After AFTER, class Slots, bool FOLLOWED>
__device__ __forceinline__ void conclude_tile(const MatmulArguments& a, Conclusion<AFTER>& conclusion, Slots& slots,
                                              const Part& part, const Lines<FOLLOWED>& columns, bool whole) {
  u32 first_row = part.row * TILE;
  if constexpr (followed(AFTER)) {
    if (!whole) return;
    // What a follower reads, another thread may have stored.
    __syncthreads();
    for (u32 number = 0; number < a.follower_count; number++) {
      const ProgramArguments& map = a.followers[number];
      u32 rows = map.count / a.units, step = map.quads ? 4 : 1;
#pragma unroll 1
      for (u32 element = threadIdx.x * step; element < TILE * a.run; element += THREADS * step) {
        u32 row = first_row + element / a.run, unit = columns.first + element % a.run;
        if (row >= rows || unit >= a.units) continue;
        if (map.quads) {
          map_elements<4>(map, slots, row * a.units + unit);
        } else {
          map_elements<1>(map, slots, row * a.units + unit);
        }
      }
    }
  }
  conclusion.template end<TILE, THREADS>(a, part, slots);
}
