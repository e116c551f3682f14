// The loss head: D's logits, and everything between them and the first gradients that large products need.
//
// D's last layer has one unit: a warp computes its product row by row. A loss, its gradient by the logits, its
// penalties' factors and the statistics that people read are a handful of pointwise programs and sums over as many
// elements as the minibatch has rows; one block runs them one after the other, so none of them costs a launch. Lowering
// says which (`src/lower/loss_head.rs`): any loss of any model.
#pragma once
#include "mma.cuh"
#include "product.cuh"

// A product's operands that are rounded where they are multiplied; beside F32, F16 and BF16.
#define TF32 3

struct Head {
  Global<const ProgramArguments> parts;  // [count]; a part without columns is a map
  Global<u32> arrived;                   // blocks that are done, of each row of tiles and of all; 0 before and after
  u32 count;
  u32 logits;
};

// An operand of a product, as its precision reads it.
__device__ __forceinline__ float factor(Global<const float> from, u32 type, i64 at) {
  if (type == TF32) return __uint_as_float(round_tf32(__float_as_uint(from[at])));
  return read_number(from, type, at);
}

// ROWS rows from `row` on of a product with one column, by a warp: lane l adds terms l, l + 32, …, then a tree adds the
// lanes, and lane r finishes row r.
template <u32 ROWS>
__device__ __forceinline__ void logits(const MatmulArguments& a, u32 row) {
  u32 lane = threadIdx.x % 32;
  float own[ROWS] = {};
#pragma unroll 4 / ROWS
  for (u32 k = lane; k < a.k; k += 32) {
    float y = factor(a.b, a.in_type, k * a.b_strides[0]);
#pragma unroll
    for (u32 r = 0; r < ROWS; r++) {
      if (row + r >= a.m) continue;
      own[r] = __fmaf_rn(factor(a.a, a.in_type, (row + r) * a.a_strides[0] + k * a.a_strides[1]), y, own[r]);
    }
  }
  float sums[4] = {};
#pragma unroll
  for (u32 r = 0; r < ROWS; r++) {
    for (int width = 16; width > 0; width /= 2) own[r] = add(own[r], __shfl_xor_sync(0xffffffffu, own[r], width));
    if (lane == r) sums[0] = own[r];
  }
  if (lane < ROWS && row + lane < a.m) conclude(a, sums, row + lane, 0, 1);
}

// Everything behind the logits, by the block that calls; `slots` has a column for each of its threads, `sums` a number.
template <class Slots, class Sums>
__device__ __forceinline__ void run_parts(const Head& head, Slots& slots, Sums& sums) {
  for (u32 number = 0; number < head.count; number++) {
    const ProgramArguments& part = head.parts[number];
    if (part.columns == 0) {
      for (u32 at = threadIdx.x; at < part.count; at += blockDim.x) map_elements<1>(part, slots, at);
    } else {
      for (u32 group = 0; group * part.columns < part.count; group++) reduce_part(part, slots, sums, group);
    }
    // What a part stored, the next one reads.
    __syncthreads();
  }
}
