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

// log x, relative error below 2e-7; −∞ at 0, NaN below.
__device__ OUTLINE float logarithm(float x) {
  // x = m·2ⁿ with √½ ≤ m < √2; a subnormal x is scaled up first. The constant is √½'s bits.
  bool small = x < 1.17549435e-38f;
  u32 shifted = __float_as_uint(small ? mul(x, 8388608.0f) : x) - 0x3f3504f3u;
  float n = sub((float)((int)shifted >> 23), small ? 23.0f : 0.0f);
  float r = sub(__uint_as_float((shifted & 0x7fffffu) + 0x3f3504f3u), 1.0f);
  float z = mul(r, r);
  float p = add(-1.1514610310e-1f, mul(r, 7.0376836292e-2f));
  p = add(1.1676998740e-1f, mul(r, p));
  p = add(-1.2420140846e-1f, mul(r, p));
  p = add(1.4249322787e-1f, mul(r, p));
  p = add(-1.6668057665e-1f, mul(r, p));
  p = add(2.0000714765e-1f, mul(r, p));
  p = add(-2.4999993993e-1f, mul(r, p));
  p = add(3.3333331174e-1f, mul(r, p));
  float tail = sub(sub(mul(mul(r, z), p), mul(n, 2.1219444e-4f)), mul(0.5f, z));
  float finite = add(add(r, tail), mul(n, 0.6933594f));
  if (x > 0.0f) return x < __uint_as_float(0x7f800000u) ? finite : x;
  return x == 0.0f ? __uint_as_float(0xff800000u) : __uint_as_float(0x7fc00000u);
}

// log(1 + e^x), rounded once from f64: only logits pass here, and no two libraries' f32 functions agree.
__device__ OUTLINE float softplus(float x) {
  double wide = x;
  return (float)((wide > 0.0 ? wide : 0.0) + log1p(exp(wide < 0.0 ? wide : -wide)));
}

// max(x, 0); NaN stays.
__device__ __forceinline__ float relu(float x) { return x > 0.0f || x != x ? x : 0.0f; }
