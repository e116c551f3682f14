// out[m, n] = epilogue(a[m, k] · b[k, n]) in fp32 on the SIMT cores.
//
// A block computes a tile of 64 × 64 with 4 × 4 results a thread, or of 128 × 128 with 8 × 8 where the product is
// large enough to fill a GPU with such tiles. Operands have any strides, so every transpose is a launch of the
// same kernel; tiles are read along whichever axis is contiguous, four elements at once where they are aligned.
// While a tile is multiplied, the next one travels to registers, then to the other half of shared memory.
//
// A small product of great depth is cut along k: each slice stores its sums, and a second kernel adds them in
// order. Who adds what depends on the shape alone, so the same launch gives the same bits every time.
#include "point.cuh"
#include "random.cuh"

#define MAX_STEPS 8
#define DEPTH 16

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
  Global<const float> at;
  i64 base;
  i64 strides[2];
  u32 from[2];
  u32 to[2];
  u32 kind;
  u32 stream;  // dropout
  float x;     // slope, factor or threshold
  float y;     // dropout's scale
};

struct MatmulArguments {
  Global<const float> a;      // [m, k]
  Global<const float> b;      // [k, n]
  Global<float> out;          // [m, n], rows contiguous
  Global<float> partial;      // [slices, m, n], where there are several
  Global<const Clock> clock;  // [1]
  i64 a_strides[2];
  i64 b_strides[2];
  i64 out_stride;
  u32 m, n, k;
  u32 steps;
  u32 slices;
  u32 span;  // depth of a slice, a multiple of DEPTH
  Step step[MAX_STEPS];
};

__device__ __forceinline__ float finish(const MatmulArguments& a, float x, u32 row, u32 column) {
  for (u32 i = 0; i < a.steps; i++) {
    const Step& step = a.step[i];
    i64 at = step.base + (i64)row * step.strides[0] + (i64)column * step.strides[1];
    bool inside = row >= step.from[0] && row < step.to[0] && column >= step.from[1] && column < step.to[1];
    bool reads = step.kind == BIAS || step.kind >= RELU_GRAD;
    float y = reads && inside ? step.at[at] : 0.0f;
    switch (step.kind) {
      case BIAS: x = add(x, y); break;
      case SCALE: x = mul(x, step.x); break;
      case RELU: x = relu(x); break;
      case LEAKY_RELU: x = x > 0.0f ? x : mul(step.x, x); break;
      case TANH: x = hyperbolic_tangent(x); break;
      case SIGMOID: x = sigmoid(x); break;
      case DROPOUT: {
        float u = inside ? uniform_at(a.clock[0].seed, a.clock[0].tick, step.stream, at) : 0.0f;
        x = mul(x, u > step.x ? step.y : 0.0f);
        break;
      }
      case RELU_GRAD: x = y > 0.0f ? x : 0.0f; break;
      case LEAKY_RELU_GRAD: x = y > 0.0f ? x : mul(step.x, x); break;
      case TANH_GRAD: x = mul(x, sub(1.0f, mul(y, y))); break;
      default: x = mul(mul(x, y), sub(1.0f, y)); break;
    }
  }
  return x;
}

// Which four neighbours of a tile of LENGTH × DEPTH the thread moves: along k if that axis is contiguous.
template <u32 LENGTH>
struct Quad {
  bool deep;
  u32 along, depth;
  __device__ __forceinline__ Quad(u32 part, bool deep) : deep(deep) {
    u32 q = part * 256 + threadIdx.x;
    along = deep ? q / (DEPTH / 4) : q % (LENGTH / 4) * 4;
    depth = deep ? q % (DEPTH / 4) * 4 : q / (LENGTH / 4);
  }
};

// Reads the thread's part of a tile, zeros outside [length, depth_end). Strides are along the tile and along k.
template <u32 LENGTH>
__device__ __forceinline__ void fetch(float (&to)[LENGTH / 64][4], Global<const float> from, i64 along_stride,
                                      i64 depth_stride, u32 first, u32 length, u32 depth, u32 depth_end) {
#pragma unroll
  for (u32 part = 0; part < LENGTH / 64; part++) {
    Quad<LENGTH> quad(part, depth_stride == 1);
    u32 i = first + quad.along, d = depth + quad.depth;
    i64 at = (i64)i * along_stride + (i64)d * depth_stride;
    bool whole = quad.deep ? i < length && d + 4 <= depth_end : d < depth_end && i + 4 <= length;
    i64 step = quad.deep ? depth_stride : along_stride;
    if (whole && step == 1) {
      read4(from, at, to[part]);
    } else {
#pragma unroll
      for (u32 j = 0; j < 4; j++) {
        bool inside = quad.deep ? i < length && d + j < depth_end : i + j < length && d < depth_end;
        to[part][j] = inside ? from[at + j * step] : 0.0f;
      }
    }
  }
}

// Puts it into `tile[depth][along]`; rows are four more than the tile apart, which keeps them aligned to 16
// bytes and spreads the banks.
template <u32 LENGTH, class Tile>
__device__ __forceinline__ void stage(Tile& tile, u32 half, const float (&from)[LENGTH / 64][4], bool deep) {
#pragma unroll
  for (u32 part = 0; part < LENGTH / 64; part++) {
    Quad<LENGTH> quad(part, deep);
    u32 at = (half * DEPTH + quad.depth) * (LENGTH + 4) + quad.along;
    if (deep) {
#pragma unroll
      for (u32 j = 0; j < 4; j++) tile[at + j * (LENGTH + 4)] = from[part][j];
    } else {
      store4(tile, at, from[part]);
    }
  }
}

// The tile of this block. A thread's results are groups of four neighbours, 64 apart in rows and in columns.
template <u32 TILE>
__device__ __forceinline__ void product(const MatmulArguments& a) {
  constexpr u32 GROUPS = TILE / 64, PITCH = TILE + 4;
  SHARED(float, left, 2 * DEPTH * PITCH);
  SHARED(float, right, 2 * DEPTH * PITCH);
  u32 first_row = blockIdx.y * TILE, first_column = blockIdx.x * TILE;
  u32 row = threadIdx.x / 16 * 4, column = threadIdx.x % 16 * 4;
  u32 depth = blockIdx.z * a.span, depth_end = a.k - depth < a.span ? a.k : depth + a.span;
  bool left_deep = a.a_strides[1] == 1, right_deep = a.b_strides[0] == 1;
  float sums[4 * GROUPS][4 * GROUPS] = {};
  float next_left[GROUPS][4], next_right[GROUPS][4];
  u32 half = 0;
  if (depth < depth_end) {
    fetch<TILE>(next_left, a.a, a.a_strides[0], a.a_strides[1], first_row, a.m, depth, depth_end);
    fetch<TILE>(next_right, a.b, a.b_strides[1], a.b_strides[0], first_column, a.n, depth, depth_end);
    stage<TILE>(left, half, next_left, left_deep);
    stage<TILE>(right, half, next_right, right_deep);
    __syncthreads();
  }
  for (; depth < depth_end; depth += DEPTH) {
    bool more = depth + DEPTH < depth_end;
    if (more) {
      fetch<TILE>(next_left, a.a, a.a_strides[0], a.a_strides[1], first_row, a.m, depth + DEPTH, depth_end);
      fetch<TILE>(next_right, a.b, a.b_strides[1], a.b_strides[0], first_column, a.n, depth + DEPTH, depth_end);
    }
#pragma unroll
    for (u32 d = 0; d < DEPTH; d++) {
      float x[GROUPS][4], y[GROUPS][4];
#pragma unroll
      for (u32 g = 0; g < GROUPS; g++) {
        load4(left, (half * DEPTH + d) * PITCH + 64 * g + row, x[g]);
        load4(right, (half * DEPTH + d) * PITCH + 64 * g + column, y[g]);
      }
#pragma unroll
      for (u32 i = 0; i < 4 * GROUPS; i++) {
#pragma unroll
        for (u32 j = 0; j < 4 * GROUPS; j++) {
          sums[i][j] = __fmaf_rn(x[i / 4][i % 4], y[j / 4][j % 4], sums[i][j]);
        }
      }
    }
    half ^= 1;
    if (more) {
      stage<TILE>(left, half, next_left, left_deep);
      stage<TILE>(right, half, next_right, right_deep);
    }
    __syncthreads();
  }
#pragma unroll
  for (u32 i = 0; i < 4 * GROUPS; i++) {
    u32 r = first_row + i / 4 * 64 + row + i % 4;
#pragma unroll
    for (u32 j = 0; j < 4 * GROUPS; j++) {
      u32 c = first_column + j / 4 * 64 + column + j % 4;
      if (r < a.m && c < a.n) {
        if (a.slices > 1) {
          a.partial[((i64)blockIdx.z * a.m + r) * a.n + c] = sums[i][j];
        } else {
          a.out[(i64)r * a.out_stride + c] = finish(a, sums[i][j], r, c);
        }
      }
    }
  }
}

extern "C" __global__ void __launch_bounds__(256) matmul_f32(const __grid_constant__ MatmulArguments a) {
  product<64>(a);
}

extern "C" __global__ void __launch_bounds__(256) matmul_wide_f32(const __grid_constant__ MatmulArguments a) {
  product<128>(a);
}

// Adds the slices of a product in order and finishes it; one element a thread.
extern "C" __global__ void __launch_bounds__(256) matmul_slices_f32(const __grid_constant__ MatmulArguments a) {
  u64 at = (u64)blockIdx.x * blockDim.x + threadIdx.x;
  if (at >= (u64)a.m * a.n) return;
  float sum = a.partial[at];
  for (u32 slice = 1; slice < a.slices; slice++) sum = add(sum, a.partial[(u64)slice * a.m * a.n + at]);
  u32 row = (u32)(at / a.n), column = (u32)(at % a.n);
  a.out[(i64)row * a.out_stride + column] = finish(a, sum, row, column);
}
