// The sums of Parzen windows: Σ exp(−½‖x − μ‖²/σ²) over centres μ, for each point x and several widths σ at once.
//
// A block takes 64 points and a slice of SPAN centres, tile by tile: its threads compute 64 × 64 squared distances,
// 4 × 4 each, as sums of squared differences (‖x‖² + ‖μ‖² − 2·x·μ would cancel), then four threads a point add the
// tile's terms. Sums are relative to the nearest centre so far, whose term is the greatest at every width: a thread's
// never overflow, and of each point one is 1. Threads are combined in a fixed order here, slices on the host.
#include "point.cuh"

// Widths a launch takes at most.
#define MAX_WIDTHS 10
// Points, and centres, of a tile.
#define TILE 64
// Elements from row to row of a tile in shared memory: eight rows of four threads touch 32 banks.
#define STRIDE 68
#define DEPTH 16
// Centres of a slice.
#define SPAN 2048

struct ParzenArguments {
  Global<const float> points;   // [count, dim]
  Global<const float> centres;  // [centre_count, dim]
  Global<float> nearest;        // [slices, count] squared distance to the slice's nearest centre
  Global<double> sums;          // [slices, widths, count] Σ exp(scale·(‖x − μ‖² − nearest))
  u32 count;
  u32 centre_count;  // at least 1
  u32 dim;           // at least 1
  u32 widths;
  float scales[MAX_WIDTHS];  // −1/(2σ²)
};

// The terms that a thread has added.
struct Terms {
  float nearest;
  double sums[MAX_WIDTHS];
};

// From a sum relative to the distance `from` to one relative to `to`, which is no farther.
__device__ __forceinline__ double closer(float scale, float from, float to) {
  return from == to ? 1.0 : (double)exponential(mul(scale, sub(from, to)));
}

// Numbers depth … depth + 15 of the vectors first … first + 63, transposed; 0 past the ends.
template <class Tile>
__device__ __forceinline__ void load(Tile& tile, Global<const float> from, u32 first, u32 end, u32 dim, u32 depth) {
  u32 row = threadIdx.x / 4, at = 4 * (threadIdx.x % 4);
  float four[4] = {0.0f, 0.0f, 0.0f, 0.0f};
  i64 start = (i64)(first + row) * dim + depth + at;
  if (first + row < end && depth + at + 4 <= dim) {
    read4(from, start, four);
  } else if (first + row < end) {
    for (u32 i = 0; depth + at + i < dim; i++) four[i] = from[start + i];
  }
#pragma unroll
  for (u32 i = 0; i < 4; i++) tile[(at + i) * STRIDE + row] = four[i];
}

// Adds the squared differences of a thread's 4 × 4 pairs.
template <class Tile>
__device__ __forceinline__ void add_squares(const Tile& points, const Tile& centres, float (&distances)[4][4]) {
  u32 row = 4 * (threadIdx.x / 16), column = 4 * (threadIdx.x % 16);
#pragma unroll
  for (u32 k = 0; k < DEPTH; k++) {
    float x[4], y[4];
    load4(points, k * STRIDE + row, x);
    load4(centres, k * STRIDE + column, y);
#pragma unroll
    for (int i = 0; i < 4; i++) {
#pragma unroll
      for (int j = 0; j < 4; j++) {
        float apart = sub(x[i], y[j]);
        distances[i][j] = __fmaf_rn(apart, apart, distances[i][j]);
      }
    }
  }
}

// Adds the terms of every fourth of a row's `columns` distances.
template <class Tile>
__device__ __forceinline__ void take(const ParzenArguments& a, const Tile& distances, u32 columns, Terms& terms) {
  u32 row = threadIdx.x / 4 * STRIDE;
  float nearest = terms.nearest;
  for (u32 c = threadIdx.x % 4; c < columns; c += 4) {
    float distance = distances[row + c];
    nearest = distance < nearest ? distance : nearest;
  }
#pragma unroll
  for (u32 s = 0; s < MAX_WIDTHS; s++) {
    if (s < a.widths) terms.sums[s] *= closer(a.scales[s], terms.nearest, nearest);
  }
  terms.nearest = nearest;
  for (u32 c = threadIdx.x % 4; c < columns; c += 4) {
    float farther = sub(distances[row + c], nearest);
#pragma unroll
    for (u32 s = 0; s < MAX_WIDTHS; s++) {
      if (s < a.widths) terms.sums[s] += (double)exponential(mul(a.scales[s], farther));
    }
  }
}

// Adds the terms of the thread `by` further in its warp.
__device__ __forceinline__ void join(const ParzenArguments& a, int by, Terms& terms) {
  float other = __shfl_down_sync(0xffffffffu, terms.nearest, by);
  float nearest = other < terms.nearest ? other : terms.nearest;
#pragma unroll
  for (u32 s = 0; s < MAX_WIDTHS; s++) {
    double theirs = __shfl_down_sync(0xffffffffu, terms.sums[s], by);
    double own = __dmul_rn(terms.sums[s], closer(a.scales[s], terms.nearest, nearest));
    terms.sums[s] = __dadd_rn(own, __dmul_rn(theirs, closer(a.scales[s], other, nearest)));
  }
  terms.nearest = nearest;
}

extern "C" __global__ void __launch_bounds__(256, 2) parzen(const __grid_constant__ ParzenArguments a) {
  SHARED(float, points, DEPTH * STRIDE);
  SHARED(float, centres, DEPTH * STRIDE);
  SHARED(float, distances, TILE * STRIDE);
  u32 first = blockIdx.x * TILE, from = blockIdx.y * SPAN;
  u32 end = a.centre_count - from < SPAN ? a.centre_count : from + SPAN;
  Terms terms;
  terms.nearest = __uint_as_float(0x7F800000u);  // ∞
#pragma unroll
  for (u32 s = 0; s < MAX_WIDTHS; s++) terms.sums[s] = 0.0;
  for (u32 tile = from; tile < end; tile += TILE) {
    float own[4][4] = {};
    for (u32 depth = 0; depth < a.dim; depth += DEPTH) {
      load(points, a.points, first, a.count, a.dim, depth);
      load(centres, a.centres, tile, end, a.dim, depth);
      __syncthreads();
      add_squares(points, centres, own);
      __syncthreads();
    }
    u32 row = 4 * (threadIdx.x / 16), column = 4 * (threadIdx.x % 16);
#pragma unroll
    for (u32 i = 0; i < 4; i++) store4(distances, (row + i) * STRIDE + column, own[i]);
    __syncthreads();
    // The next tile's barriers come before anyone overwrites the distances.
    take(a, distances, end - tile < TILE ? end - tile : TILE, terms);
  }
  join(a, 2, terms);
  join(a, 1, terms);
  u32 point = first + threadIdx.x / 4;
  if (threadIdx.x % 4 != 0 || point >= a.count) return;
  u64 slice = blockIdx.y;
  a.nearest[slice * a.count + point] = terms.nearest;
#pragma unroll
  for (u32 s = 0; s < MAX_WIDTHS; s++) {
    if (s < a.widths) a.sums[(slice * a.widths + s) * a.count + point] = terms.sums[s];
  }
}
