// Pointwise functions: the same bits as src/exec/cpu/point.rs, but for softplus, which is within a rounding.
#pragma once
#include "common.cuh"

// e^x, relative error below 3e-7; overflows to ∞ and underflows to 0, NaN stays.
__device__ __forceinline__ float exponential(float x) {
  // x = n·ln 2 + r with |r| ≤ ln 2 / 2; the constant 1.5·2²³ rounds to the nearest integer.
  const float round = 12582912.0f;
  float clamped = x > 89.0f ? 89.0f : x < -104.0f ? -104.0f : x;
  float n = sub(add(mul(clamped, 1.44269504088896340736f), round), round);
  float r = add(sub(clamped, mul(n, 0.6933594f)), mul(n, 2.1219444e-4f));
  float p = add(0.00833361f, mul(r, 0.001392f));
  p = add(0.04166661f, mul(r, p));
  p = add(0.16666667f, mul(r, p));
  p = add(0.5f, mul(r, p));
  p = add(1.0f, mul(r, p));
  p = add(1.0f, mul(r, p));
  // 2ⁿ in two factors, so that results near the ends of the range do not wrap.
  float whole = n == n ? n : 0.0f;
  int half = (int)sub(add(mul(whole, 0.5f), round), round);
  int rest = (int)whole - half;
  return mul(mul(p, __uint_as_float((u32)(half + 127) << 23)), __uint_as_float((u32)(rest + 127) << 23));
}

__device__ __forceinline__ float sigmoid(float x) { return __fdiv_rn(1.0f, add(1.0f, exponential(-x))); }

__device__ __forceinline__ float hyperbolic_tangent(float x) {
  float size = x < 0.0f ? -x : x;
  // Near 0 the quotient would cancel: an odd series instead.
  float z = mul(x, x);
  float near = add(-0.05396825f, mul(z, 0.021869488f));
  near = add(0.13333333f, mul(z, near));
  near = add(-0.33333334f, mul(z, near));
  near = add(x, mul(mul(x, z), near));
  float e = exponential(mul(-2.0f, size));
  float far = __fdiv_rn(sub(1.0f, e), add(1.0f, e));
  return size < 0.2f ? near : x < 0.0f ? -far : far;
}

// log(1 + e^x), rounded once from f64: only logits pass here, and no two libraries' f32 functions agree.
__device__ OUTLINE float softplus(float x) {
  double wide = x;
  return (float)((wide > 0.0 ? wide : 0.0) + log1p(exp(wide < 0.0 ? wide : -wide)));
}

// max(x, 0); NaN stays.
__device__ __forceinline__ float relu(float x) { return x > 0.0f || x != x ? x : 0.0f; }
