// Matrix products on the tensor cores; the tile loop is that of tile_mma.cuh.
#include "tile_mma.cuh"

// Blocks a multiprocessor of the kernel that has least registers to spare: from compute capability 10.0 on, four spill.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 1000
#define FOLLOWED_BLOCKS 3
#else
#define FOLLOWED_BLOCKS 4
#endif

// The tile of this block of a product of matrices.
template <class Number, u32 TILE, After AFTER>
__device__ __forceinline__ void product(const MatmulLaunch& launch) {
  constexpr bool FOLLOWED = followed(AFTER);
  typedef Matrix<Number, TILE, false, false> Side;
  typedef Matrix<Number, TILE, true, FOLLOWED> Other;
  const MatmulArguments& a = own_product(launch);
  Conclusion<AFTER> conclusion(launch);
  Part part = own_part(a, TILE);
  Lines<FOLLOWED> columns = {part.column * (FOLLOWED ? a.run : TILE), FOLLOWED ? a.pieces : a.n, a.run, a.units};
  Side left = {{0, a.a_strides[1] == 1}, a, {part.row * TILE, a.m, 0, 0}, a.sums ? a.m : NO_ONES};
  Other right = {{STAGES * Side::WORDS, a.b_strides[0] == 1}, a, columns, NO_ONES};
  u32 depth = part.slice * a.span, depth_end = a.k - depth < a.span ? a.k : depth + a.span;
  compute_tile<Number, TILE, TILE>(a, conclusion, part, left, right, AllRows{a}, columns, depth, depth_end);
}

extern "C" __global__ void __launch_bounds__(128, 3) matmul_f16(const __grid_constant__ MatmulLaunch a) {
  product<Half, 64, NOTHING>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) matmul_followed_f16(const __grid_constant__ MatmulLaunch a) {
  product<Half, 64, FOLLOWERS>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) matmul_head_f16(const __grid_constant__ MatmulLaunch a) {
  product<Half, 64, HEAD>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) matmul_measure_f16(const __grid_constant__ MatmulLaunch a) {
  product<Half, 64, MEASURE>(a);
}

extern "C" __global__ void __launch_bounds__(256, 1) matmul_wide_f16(const __grid_constant__ MatmulLaunch a) {
  product<Half, 128, NOTHING>(a);
}

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
extern "C" __global__ void __launch_bounds__(128, 3) matmul_bf16(const __grid_constant__ MatmulLaunch a) {
  product<Bfloat, 64, NOTHING>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) matmul_followed_bf16(const __grid_constant__ MatmulLaunch a) {
  product<Bfloat, 64, FOLLOWERS>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) matmul_head_bf16(const __grid_constant__ MatmulLaunch a) {
  product<Bfloat, 64, HEAD>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) matmul_update_bf16(const __grid_constant__ MatmulLaunch a) {
  product<Bfloat, 64, UPDATE>(a);
}

extern "C" __global__ void __launch_bounds__(256, 1) matmul_wide_bf16(const __grid_constant__ MatmulLaunch a) {
  product<Bfloat, 128, NOTHING>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) matmul_tf32(const __grid_constant__ MatmulLaunch a) {
  product<Tf32, 64, NOTHING>(a);
}

extern "C" __global__ void __launch_bounds__(128, FOLLOWED_BLOCKS) matmul_followed_tf32(const __grid_constant__ MatmulLaunch a) {
  product<Tf32, 64, FOLLOWERS>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) matmul_head_tf32(const __grid_constant__ MatmulLaunch a) {
  product<Tf32, 64, HEAD>(a);
}

extern "C" __global__ void __launch_bounds__(128, 3) matmul_update_tf32(const __grid_constant__ MatmulLaunch a) {
  product<Tf32, 64, UPDATE>(a);
}

extern "C" __global__ void __launch_bounds__(256, 1) matmul_wide_tf32(const __grid_constant__ MatmulLaunch a) {
  product<Tf32, 128, NOTHING>(a);
}
#endif
