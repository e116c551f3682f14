// Matrix products in fp32 on the SIMT cores; the tile loop is that of tile_simt.cuh.
#include "tile_simt.cuh"

// The tile of this block of a product of matrices.
template <u32 TILE, After AFTER>
__device__ __forceinline__ void product(const MatmulLaunch& launch) {
  constexpr bool FOLLOWED = followed(AFTER);
  const MatmulArguments& a = own_product(launch);
  Conclusion<AFTER> conclusion(launch);
  Part part = own_part(a, TILE);
  Lines<FOLLOWED> columns = {part.column * (FOLLOWED ? a.run : TILE), FOLLOWED ? a.pieces : a.n, a.run, a.units};
  Matrix<TILE, false, false> left = {a, {part.row * TILE, a.m, 0, 0}, a.sums ? a.m : NO_ONES};
  Matrix<TILE, true, FOLLOWED> right = {a, columns, NO_ONES};
  u32 depth = part.slice * a.span, depth_end = a.k - depth < a.span ? a.k : depth + a.span;
  compute_tile<TILE, TILE>(a, conclusion, part, left, right, AllRows{a}, columns, depth, depth_end);
}

extern "C" __global__ void __launch_bounds__(256) matmul_f32(const __grid_constant__ MatmulLaunch a) {
  product<64, NOTHING>(a);
}

extern "C" __global__ void __launch_bounds__(256, 2) matmul_followed_f32(const __grid_constant__ MatmulLaunch a) {
  product<64, FOLLOWERS>(a);
}

extern "C" __global__ void __launch_bounds__(256, 2) matmul_head_f32(const __grid_constant__ MatmulLaunch a) {
  product<64, HEAD>(a);
}

extern "C" __global__ void __launch_bounds__(256, 2) matmul_update_f32(const __grid_constant__ MatmulLaunch a) {
  product<64, UPDATE>(a);
}

extern "C" __global__ void __launch_bounds__(256, 2) matmul_wide_f32(const __grid_constant__ MatmulLaunch a) {
  product<128, NOTHING>(a);
}
