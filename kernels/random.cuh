// Philox4x32-10 and what is made of its words: the same bits as src/rng.rs, on every device.
//
// Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
// key = seed, low word first; counter = [element / 4, tick low, tick high, stream].
#pragma once
#include "common.cuh"

struct Words {
  u32 at[4];
};

__device__ __forceinline__ Words philox(Words counter, u32 key0, u32 key1) {
#pragma unroll
  for (int round = 0; round < 10; round++) {
    if (round > 0) {
      key0 += 0x9E3779B9u;
      key1 += 0xBB67AE85u;
    }
    u32 high0 = __umulhi(0xD2511F53u, counter.at[0]), low0 = 0xD2511F53u * counter.at[0];
    u32 high1 = __umulhi(0xCD9E8D57u, counter.at[2]), low1 = 0xCD9E8D57u * counter.at[2];
    counter = {{high1 ^ counter.at[1] ^ key0, low1, high0 ^ counter.at[3] ^ key1, low0}};
  }
  return counter;
}

// The words of elements 4·block … 4·block + 3.
__device__ OUTLINE Words words(u64 seed, u64 tick, u32 stream, u32 block) {
  return philox({{block, (u32)tick, (u32)(tick >> 32), stream}}, (u32)seed, (u32)(seed >> 32));
}

// A word as a number in [0, 1) with 24 random bits.
__device__ __forceinline__ float unit(u32 word) { return mul((float)(word >> 8), 1.0f / 16777216.0f); }

// Natural logarithm of a normal positive number, by the atanh series on [√½, √2).
__device__ __forceinline__ float natural_log(float x) {
  u32 shifted = __float_as_uint(x) - 0x3F3504F3u;
  float exponent = (float)((int)shifted >> 23);
  float mantissa = __uint_as_float((shifted & 0x007FFFFFu) + 0x3F3504F3u);
  float s = __fdiv_rn(sub(mantissa, 1.0f), add(mantissa, 1.0f));
  float z = mul(s, s);
  float series = add(0.2857143f, mul(z, 0.2222222f));
  series = add(0.4f, mul(z, series));
  series = add(0.6666667f, mul(z, series));
  series = add(2.0f, mul(z, series));
  return add(mul(s, series), mul(exponent, 0.69314718055994530942f));
}

// Two independent standard normals from two words (Box–Muller).
__device__ __forceinline__ void normal_pair(u32 a, u32 b, float& first, float& second) {
  // (0, 1]: the logarithm stays finite.
  float u = mul((float)((a >> 8) + 1u), 1.0f / 16777216.0f);
  float radius = __fsqrt_rn(mul(-2.0f, natural_log(u)));
  // The angle inside its quadrant, centred: (−π/4, π/4].
  float t = mul(sub(mul((float)((b << 2) >> 8), 1.0f / 16777216.0f), 0.5f), 1.57079632679489661923f);
  float z = mul(t, t);
  float sine = sub(0.008333334f, mul(z, 0.0001984127f));
  sine = add(-0.16666667f, mul(z, sine));
  sine = mul(t, add(1.0f, mul(z, sine)));
  float cosine = add(-0.0013888889f, mul(z, 0.00002480159f));
  cosine = add(0.041666668f, mul(z, cosine));
  cosine = add(-0.5f, mul(z, cosine));
  cosine = add(1.0f, mul(z, cosine));
  // Rotate by π/4 to undo the centring, then by the quadrant.
  float half = 0.70710678118654752440f;
  float s = mul(add(sine, cosine), half), c = mul(sub(cosine, sine), half);
  u32 quadrant = b >> 30;
  float sin_turn = quadrant == 0 ? s : quadrant == 1 ? c : quadrant == 2 ? -s : -c;
  float cos_turn = quadrant == 0 ? c : quadrant == 1 ? -s : quadrant == 2 ? -c : s;
  first = mul(radius, cos_turn);
  second = mul(radius, sin_turn);
}

// Element `element` of a draw.
__device__ OUTLINE float uniform_at(u64 seed, u64 tick, u32 stream, u64 element) {
  Words w = words(seed, tick, stream, (u32)(element / 4));
  u32 low = element & 1 ? w.at[1] : w.at[0], high = element & 1 ? w.at[3] : w.at[2];
  return unit(element & 2 ? high : low);
}

// Four elements of a draw, `stride` apart; neighbours of one Philox block for the price of one.
__device__ __forceinline__ void four_uniforms(u64 seed, u64 tick, u32 stream, i64 element, i64 stride, float (&to)[4]) {
  if (stride == 1 && element % 4 == 0) {
    Words w = words(seed, tick, stream, (u32)(element / 4));
#pragma unroll
    for (u32 j = 0; j < 4; j++) to[j] = unit(w.at[j]);
  } else {
#pragma unroll
    for (u32 j = 0; j < 4; j++) to[j] = uniform_at(seed, tick, stream, element + j * stride);
  }
}

__device__ OUTLINE float normal_at(u64 seed, u64 tick, u32 stream, u64 element) {
  Words w = words(seed, tick, stream, (u32)(element / 4));
  float first, second;
  normal_pair(element & 2 ? w.at[2] : w.at[0], element & 2 ? w.at[3] : w.at[1], first, second);
  return element & 1 ? second : first;
}
