// What the kernels of a matrix product have in common: their parameters and the closed list of epilogues.
//
// out[m, n] = epilogue(a[m, k] · b[k, n]). Operands have any strides, so every transpose is a launch of the same
// kernel. A small product of great depth is cut along k: each slice of a tile stores its sums, and the block that
// finishes last adds them in order. Who adds what depends on the shape alone, so the same launch gives the same bits
// every time. A launch may have several products that do not need each other; blocks are dealt to them in order.
#pragma once
#include "program.cuh"
#include "update.cuh"

#define MAX_STEPS 8
#define MAX_PRODUCTS 4

// Rust: `pack::Step` numbers.
enum {
  BIAS,
  SCALE,
  RELU,
  LEAKY_RELU,
  TANH,
  SIGMOID,
  DROPOUT,
  RELU_GRAD,
  LEAKY_RELU_GRAD,
  TANH_GRAD,
  SIGMOID_GRAD
};

// One epilogue step. Its operand is a window over (row, column) of the product, as `View` of common.cuh.
struct Step {
  Global<const float> at;  // or 16-bit numbers, by `type`
  i64 base;
  i64 strides[2];
  u32 from[2];
  u32 to[2];
  u32 kind;
  u32 stream;  // dropout
  float x;     // slope, factor or threshold
  float y;     // dropout's scale
  u32 type;
  u32 unused;
};

struct MatmulArguments {
  Global<const float> a;      // [m, k]; 16-bit numbers in kernels that say so
  Global<const float> b;      // [k, n]; of a's type
  Global<float> out;          // [m, n], rows contiguous; or 16-bit numbers, by `out_type`
  Global<float> partial;      // [slices, m + sums, n], where there are several
  Global<u32> arrived;        // [tiles] slices of each that are done; 0 before and after
  Global<const Clock> clock;  // [1]
  i64 a_strides[2];
  i64 b_strides[2];
  i64 out_stride;
  u32 m, n, k;
  u32 steps;
  u32 slices;
  u32 span;  // depth of a slice, a multiple of the tiles' depth
  u32 out_type;
  u32 sums;                   // 1: a row of ones stands under `a`, whose products are sums of b's columns
  Global<float> column_sums;  // [n]
  // Kernels with followers: n = pieces · units columns, [piece, unit]. A tile has `run` units with all their pieces.
  Global<const ProgramArguments> followers;  // maps over [up to m, units] that read the result of their own unit
  u32 follower_count;
  u32 pieces;
  u32 units;
  u32 run;
  u32 first;   // block of the launch
  u32 across;  // tiles side by side
  u32 in_type;  // of a and b, where a kernel does not say it
  u32 unused;
  u32 out_at;   // updating kernels: the parameters whose gradient the result is, from here on
  u32 sums_at;  // and the column sums
  Step step[MAX_STEPS];
};

struct MatmulLaunch {
  u32 count;
  u32 unused;
  MatmulArguments product[MAX_PRODUCTS];
  UpdateArguments update;  // updating kernels: of the network whose whole gradient the products are
};

// What a kernel does with a finished product: nothing, run the maps that follow, update the parameters whose gradient it
// is.
enum After { NOTHING, FOLLOWERS, UPDATE };

// The product that this block works on.
__device__ __forceinline__ const MatmulArguments& own_product(const MatmulLaunch& launch) {
  u32 i = 0;
  while (i + 1 < launch.count && blockIdx.x >= launch.product[i + 1].first) i++;
  return launch.product[i];
}

// Which tile of its product a block computes, and which slice of its depth.
struct Part {
  u32 tile, row, column, slice;  // `row` and `column` count tiles
  __device__ __forceinline__ Part(const MatmulArguments& a, u32 height) {
    u32 tiles = (a.m + a.sums + height - 1) / height * a.across, block = blockIdx.x - a.first;
    tile = block % tiles;
    slice = block / tiles;
    row = tile / a.across;
    column = tile % a.across;
  }
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

// Operands of `step` at four neighbouring columns; zeros outside its windows and from `count` on.
__device__ __forceinline__ void operands(const Step& step, u32 row, u32 column, u32 count, float (&to)[4]) {
  i64 at = step.base + (i64)row * step.strides[0] + (i64)column * step.strides[1];
  bool row_inside = row >= step.from[0] && row < step.to[0];
#pragma unroll
  for (u32 j = 0; j < 4; j++) {
    bool inside = row_inside && j < count && column + j >= step.from[1] && column + j < step.to[1];
    to[j] = inside ? read_number(step.at, step.type, at + j * step.strides[1]) : 0.0f;
  }
}

// The epilogue on `count` neighbouring columns of a row, at most four: a step is decoded once for all of them.
__device__ __forceinline__ void finish(const MatmulArguments& a, float (&x)[4], u32 row, u32 column, u32 count) {
  for (u32 i = 0; i < a.steps; i++) {
    const Step& step = a.step[i];
    float y[4] = {};
    if (step.kind == BIAS || step.kind >= RELU_GRAD) {
      operands(step, row, column, count, y);
    } else if (step.kind == DROPOUT) {
      i64 at = step.base + (i64)row * step.strides[0] + (i64)column * step.strides[1];
      four_uniforms(a.clock[0].seed, a.clock[0].tick, step.stream, at, step.strides[1], y);
    }
#pragma unroll
    for (u32 j = 0; j < 4; j++) {
      float v = x[j];
      switch (step.kind) {
        case BIAS: v = add(v, y[j]); break;
        case SCALE: v = mul(v, step.x); break;
        case RELU: v = relu(v); break;
        case LEAKY_RELU: v = v > 0.0f ? v : mul(step.x, v); break;
        case TANH: v = hyperbolic_tangent(v); break;
        case SIGMOID: v = sigmoid(v); break;
        case DROPOUT: v = mul(v, y[j] > step.x ? step.y : 0.0f); break;
        case RELU_GRAD: v = y[j] > 0.0f ? v : 0.0f; break;
        case LEAKY_RELU_GRAD: v = y[j] > 0.0f ? v : mul(step.x, v); break;
        case TANH_GRAD: v = mul(v, sub(1.0f, mul(y[j], y[j]))); break;
        default: v = mul(mul(v, y[j]), sub(1.0f, y[j])); break;
      }
      x[j] = v;
    }
  }
}

// Finishes and stores `count` neighbouring sums, or stores them as they are under the row of ones.
__device__ __forceinline__ void conclude(const MatmulArguments& a, float (&sums)[4], u32 row, u32 column, u32 count) {
  if (row == a.m) {
    write_four(a.column_sums, F32, column, sums, count);
    return;
  }
  finish(a, sums, row, column, count);
  write_four(a.out, a.out_type, (i64)row * a.out_stride + column, sums, count);
}

// What concludes sums of a kernel.
template <After AFTER>
struct Conclusion {
  __device__ __forceinline__ explicit Conclusion(const MatmulLaunch&) {}
  __device__ __forceinline__ void operator()(const MatmulArguments& a, float (&sums)[4], u32 row, u32 column, u32 count) {
    conclude(a, sums, row, column, count);
  }
  template <u32 THREADS>
  __device__ __forceinline__ void end() {}
};

// Finished sums are the gradient of neighbouring parameters, which are updated here; nobody else needs it.
template <>
struct Conclusion<UPDATE> {
  const UpdateArguments& update;
  Rates rates;
  double square;  // of what this thread has concluded

  __device__ __forceinline__ explicit Conclusion(const MatmulLaunch& launch)
      : update(launch.update), rates(launch.update.clock[0].rates[launch.update.player]), square(0.0) {}

  __device__ __forceinline__ void operator()(const MatmulArguments& a, float (&sums)[4], u32 row, u32 column, u32 count) {
    u32 at = a.sums_at + column;
    if (row < a.m) {
      finish(a, sums, row, column, count);
      at = a.out_at + row * a.n + column;
    }
#pragma unroll
    for (u32 j = 0; j < 4; j++) {
      if (j >= count) continue;
      square += (double)sums[j] * (double)sums[j];
      if (update.keep) update.gradients[at + j] = sums[j];
      update_one(update, update.rule, rates, at + j, sums[j]);
    }
  }

  // The gradient's squared norm, when all blocks have come here.
  template <u32 THREADS>
  __device__ __forceinline__ void end() {
    double total;
    if (whole_norm<THREADS>(update.partials, update.finished, square, total) && threadIdx.x == 0) {
      update.norm2[0] = total;
    }
  }
};

// Adds what the slices of a product left at `count` neighbouring columns of a row, in order.
__device__ __forceinline__ void add_slices(const MatmulArguments& a, u32 row, u32 column, u32 count, float (&sums)[4]) {
  i64 rows = a.m + a.sums, at = row * (i64)a.n + column;
#pragma unroll
  for (u32 j = 0; j < 4; j++) {
    sums[j] = j < count ? a.partial[at + j] : 0.0f;
    for (u32 slice = 1; slice < a.slices && j < count; slice++) {
      sums[j] = add(sums[j], a.partial[slice * rows * a.n + at + j]);
    }
  }
}

// What a block does with its sums: they go to its slice of `partial`, or finished to the result.
template <u32 ROWS, u32 COLUMNS, u32 PITCH, u32 THREADS, After AFTER, class Sums, bool FOLLOWED>
__device__ __forceinline__ void deliver_rows(const MatmulArguments& a, Conclusion<AFTER>& conclusion, Sums& sums,
                                             u32 slice, u32 first_row, const Lines<FOLLOWED>& columns) {
  // ROWS × COLUMNS sums lie in shared memory, rows PITCH apart; every thread of the block calls. Not unrolled: the
  // epilogue's code stands here once.
#pragma unroll 1
  for (u32 quad = threadIdx.x; quad < ROWS * COLUMNS / 4; quad += THREADS) {
    u32 row = first_row + quad / (COLUMNS / 4), along = quad % (COLUMNS / 4) * 4;
    u32 column = columns.at(along), left = columns.left(along), count = left < 4 ? left : 4;
    if (row >= a.m + a.sums || count == 0) continue;
    float four[4];
    load4(sums, quad / (COLUMNS / 4) * PITCH + along, four);
    if (a.slices == 1) {
      conclusion(a, four, row, column, count);
      continue;
    }
    i64 at = ((i64)slice * (a.m + a.sums) + row) * a.n + column;
#pragma unroll
    for (u32 j = 0; j < 4; j++) {
      if (j < count) a.partial[at + j] = four[j];
    }
  }
}

// Whether this block is the last one of its tile's slices: then all their sums are there.
__device__ __forceinline__ bool last_slice(const MatmulArguments& a, const Part& part) {
  SHARED(u32, last, 1);
  // Everything this block has stored, then the count of blocks.
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    last[0] = atomicAdd(&a.arrived[part.tile], 1u) == a.slices - 1;
    if (last[0]) a.arrived[part.tile] = 0;
  }
  __syncthreads();
  __threadfence();
  return last[0];
}

// Ends a tile whose sums are delivered: the last of its slices' blocks adds them, and runs what follows the product.
// `slots` has a column for each thread.
template <u32 TILE, u32 THREADS, After AFTER, class Slots, bool FOLLOWED>
__device__ __forceinline__ void conclude_tile(const MatmulArguments& a, Conclusion<AFTER>& conclusion, Slots& slots,
                                              const Part& part, const Lines<FOLLOWED>& columns) {
  u32 first_row = part.row * TILE;
  bool whole = a.slices == 1;
  // A product of large tiles fills a GPU uncut, and its kernels have no shared memory to spare.
  if constexpr (TILE <= 64) {
    if (!whole && last_slice(a, part)) {
      whole = true;
#pragma unroll 1
      for (u32 quad = threadIdx.x; quad < TILE * TILE / 4; quad += THREADS) {
        u32 row = first_row + quad / (TILE / 4), along = quad % (TILE / 4) * 4;
        u32 left = columns.left(along), count = left < 4 ? left : 4;
        if (row >= a.m + a.sums || count == 0) continue;
        float four[4];
        add_slices(a, row, columns.at(along), count, four);
        conclusion(a, four, row, columns.at(along), count);
      }
    }
  }
  if constexpr (AFTER == FOLLOWERS) {
    if (!whole) return;
    // What a follower reads, another thread may have stored.
    __syncthreads();
    for (u32 number = 0; number < a.follower_count; number++) {
      const ProgramArguments& map = a.followers[number];
      u32 rows = map.count / a.units;
#pragma unroll 1
      for (u32 element = threadIdx.x; element < TILE * a.run; element += THREADS) {
        u32 row = first_row + element / a.run, unit = columns.first + element % a.run;
        const u32 at[1] = {row * a.units + unit};
        const bool active[1] = {row < rows && unit < a.units};
        map_elements<1>(map, slots, at, active);
      }
    }
  }
  conclusion.template end<THREADS>();
}
