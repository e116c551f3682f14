// The rates of an optimizer's next update. The twin of src/exec/schedule.rs: the same operations in the same order,
// each rounded by itself, so that host and device hold the same bits.
#pragma once
#include "common.cuh"

// The rates of one optimizer's updates, and Adam's constants.
struct OptimizerSchedule {
  double lr;            // of the first update
  double decay_factor;  // divides it at every update
  double min_lr;        // where that ends
  double final_share;   // what the line over `decay_steps` leaves
  double momentum;
  double momentum_rise;  // over `rise_epochs`
  double betas[2];       // 0 for rules without bias correction
  u64 hold_steps;        // before the line
  u64 decay_steps;       // 0 is off
  u64 rise_epochs;       // 0 is off
  float average;
  float ramp;
};
struct Schedule {
  u64 batch;
  u64 examples;  // at least 1
  OptimizerSchedule optimizers[MAX_OPTIMIZERS];
};

// xⁿ by repeated squaring.
__device__ __forceinline__ double power(double x, u64 n) {
  double result = 1.0, square = x;
  for (; n > 0; n /= 2) {
    if (n % 2 == 1) result = __dmul_rn(result, square);
    square = __dmul_rn(square, square);
  }
  return result;
}

// The share `done` of `all`, at most 1; 0 of nothing.
__device__ __forceinline__ double share(u64 done, u64 all) {
  double part = all == 0 ? 0.0 : __ddiv_rn((double)done, (double)all);
  return part < 1.0 ? part : 1.0;
}

__device__ __forceinline__ float learning_rate(const OptimizerSchedule& s, u64 update, u64 steps) {
  double decayed = __ddiv_rn(s.lr, power(s.decay_factor, update - 1));
  decayed = decayed > s.min_lr ? decayed : s.min_lr;
  u64 falling = steps > s.hold_steps ? steps - s.hold_steps : 0;
  double lost = __dmul_rn(share(falling, s.decay_steps), __dsub_rn(1.0, s.final_share));
  return (float)__dmul_rn(decayed, __dsub_rn(1.0, lost));
}

// The rates of update `update` (from 1) in `epoch` (from 0), `steps` steps being done.
__device__ __forceinline__ Rates rates_of(const OptimizerSchedule& s, u64 update, u64 steps, u64 epoch) {
  Rates r;
  r.lr = learning_rate(s, update, steps);
  r.momentum = (float)__dadd_rn(s.momentum, __dmul_rn(share(epoch, s.rise_epochs), s.momentum_rise));
  r.corrected_lr = (float)__ddiv_rn((double)r.lr, __dsub_rn(1.0, power(s.betas[0], update)));
  r.root_correction = (float)__dsqrt_rn(__dsub_rn(1.0, power(s.betas[1], update)));
  float t = (float)update, start = __fdiv_rn(add(1.0f, t), add(s.ramp, t));
  r.average = start < s.average ? start : s.average;
  r.unused = 0.0f;
  return r;
}
