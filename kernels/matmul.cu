// out[m, n] = epilogue(a[m, k] · b[k, n]) in fp32 on the SIMT cores.
//
// A block computes a 64 × 64 tile, a thread 4 × 4 of it. Operands have any strides, so every transpose is a
// launch of this kernel; tiles are read along whichever axis is contiguous. Products are added in the order of
// k with fused multiply-adds: the same bits every time.
#include "point.cuh"
#include "random.cuh"

#define MAX_STEPS 8
#define TILE 64
#define DEPTH 16
// A row of a tile in shared memory: four more than the tile keeps 16-byte alignment and spreads the banks.
#define PITCH (TILE + 4)

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
  Global<const Clock> clock;  // [1]
  i64 a_strides[2];
  i64 b_strides[2];
  i64 out_stride;
  u32 m, n, k;
  u32 steps;
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

// Copies 64 × 16 elements of an operand into `tile[depth][along]`, zeros outside [length, k]. `strides` are
// along the tile and along k. Neighbouring threads read along the axis whose stride is 1.
template <class Tile>
__device__ __forceinline__ void stage(Tile& tile, Global<const float> from, i64 along_stride, i64 depth_stride,
                                      u32 first, u32 length, u32 depth, u32 k) {
  bool deep = depth_stride == 1;
#pragma unroll
  for (u32 part = 0; part < TILE * DEPTH / 256; part++) {
    u32 e = part * 256 + threadIdx.x;
    u32 d = deep ? e % DEPTH : e / TILE, i = deep ? e / DEPTH : e % TILE;
    bool inside = first + i < length && depth + d < k;
    tile[d * PITCH + i] = inside ? from[(i64)(first + i) * along_stride + (i64)(depth + d) * depth_stride] : 0.0f;
  }
}

extern "C" __global__ void __launch_bounds__(256) matmul_f32(const __grid_constant__ MatmulArguments a) {
  SHARED(float, left, DEPTH * PITCH);
  SHARED(float, right, DEPTH * PITCH);
  u32 first_row = blockIdx.y * TILE, first_column = blockIdx.x * TILE;
  u32 row = threadIdx.x / 16 * 4, column = threadIdx.x % 16 * 4;
  float sums[4][4] = {};
  for (u32 depth = 0; depth < a.k; depth += DEPTH) {
    stage(left, a.a, a.a_strides[0], a.a_strides[1], first_row, a.m, depth, a.k);
    stage(right, a.b, a.b_strides[1], a.b_strides[0], first_column, a.n, depth, a.k);
    __syncthreads();
#pragma unroll
    for (u32 d = 0; d < DEPTH; d++) {
      float x[4], y[4];
      load4(left, d * PITCH + row, x);
      load4(right, d * PITCH + column, y);
#pragma unroll
      for (int i = 0; i < 4; i++) {
#pragma unroll
        for (int j = 0; j < 4; j++) sums[i][j] = __fmaf_rn(x[i], y[j], sums[i][j]);
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (u32 i = 0; i < 4; i++) {
    u32 r = first_row + row + i;
#pragma unroll
    for (u32 j = 0; j < 4; j++) {
      u32 c = first_column + column + j;
      if (r < a.m && c < a.n) a.out[(i64)r * a.out_stride + c] = finish(a, sums[i][j], r, c);
    }
  }
}
