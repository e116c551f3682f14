//! One optimizer update over a network's flat memory.
//!
//! Blocks of fixed length are the tasks, so that sums do not depend on the number of threads.

use super::pool::Pool;
use crate::config::Rule;
use crate::exec::rule::{ColumnNorm, UpdateRule};
use crate::exec::schedule::Rate;
use crate::exec::state::NetworkState;
use multiversion::multiversion;

/// Elements a task: gradients, weights and two moments of a block fit the second-level cache.
const BLOCK: usize = 16_384;

/// Updates weights, moments and the moving average from the gradients.
pub fn update(pool: &Pool, state: &mut NetworkState, rule: &UpdateRule, rate: &Rate) {
    let NetworkState { weights, gradients, moments, average, gradient_norm2, loss_scale, .. } = state;
    if rule.scaled {
        let inverse = 1.0 / loss_scale.scale;
        let mut norms = vec![0.0f64; gradients.len().div_ceil(BLOCK)];
        let blocks = gradients.chunks(BLOCK).zip(&mut norms);
        pool.run_on(blocks.collect(), |(g, norm)| *norm = square_norm(g, inverse));
        *gradient_norm2 = norms.iter().sum();
        loss_scale.judge(gradient_norm2.is_finite());
        if loss_scale.skip == 1 {
            return;
        }
    }
    let step = Step::new(rule, rate, if rule.scaled { loss_scale.inverse } else { 1.0 });
    let (first, second) = match &mut moments[..] {
        [first, second] => (&mut first[..], &mut second[..]),
        [only] => (&mut only[..], &mut [][..]),
        _ => unreachable!("every rule keeps one or two moments"),
    };
    let count = weights.len().div_ceil(BLOCK);
    let mut second: Vec<&mut [f32]> = second.chunks_mut(BLOCK).collect();
    second.resize_with(count, || &mut []);
    // Column norms change weights after the rule: the average then waits for them.
    let now = if rule.column_norms.is_empty() { &mut average[..] } else { &mut [] };
    let mut averages: Vec<&mut [f32]> = now.chunks_mut(BLOCK).collect();
    averages.resize_with(count, || &mut []);
    let mut norms = vec![0.0f64; count];
    let blocks = weights.chunks_mut(BLOCK).zip(gradients.chunks(BLOCK)).zip(first.chunks_mut(BLOCK));
    let blocks = blocks.zip(second).zip(averages).zip(&mut norms);
    pool.run_on(blocks.collect(), |(((((w, g), m), v), a), norm)| {
        *norm = square_norm(g, step.inverse);
        step.apply(w, g, m, v);
        if step.clip > 0.0 {
            clip(w, step.clip);
        }
        if !a.is_empty() {
            blend(a, w, step.average);
        }
    });
    *gradient_norm2 = norms.iter().sum();
    if !rule.column_norms.is_empty() {
        for limit in &rule.column_norms {
            limit_columns(weights, limit);
        }
        let blocks = average.chunks_mut(BLOCK).zip(weights.chunks(BLOCK));
        pool.run_on(blocks.collect(), |(a, w)| blend(a, w, step.average));
    }
}

/// One update's constants.
struct Step {
    rule: Rule,
    lr: f32,
    momentum: f32,
    /// Adam: lr / (1 − β1ᵗ) and √(1 − β2ᵗ).
    corrected_lr: f32,
    root_correction: f32,
    clip: f32,
    average: f32,
    /// Takes the loss scale out of gradients: a power of two, so that nothing is rounded.
    inverse: f32,
}

impl Step {
    fn new(rule: &UpdateRule, rate: &Rate, inverse: f32) -> Step {
        let (corrected_lr, root_correction) = rule.corrected(rate);
        Step {
            rule: rule.rule,
            lr: rate.lr,
            momentum: rate.momentum,
            corrected_lr,
            root_correction,
            clip: rule.clip,
            average: rate.average,
            inverse,
        }
    }

    fn apply(&self, w: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) {
        match self.rule {
            Rule::Sgd { .. } => sgd(w, g, m, [self.lr, self.momentum, self.inverse]),
            Rule::Adam { beta1, beta2, eps } => {
                let rates = [self.corrected_lr, self.root_correction];
                adam(w, g, m, v, [beta1, beta2, eps, self.inverse], rates);
            }
            Rule::RmsProp { alpha, eps } => rms_prop(w, g, m, [self.lr, alpha, eps, self.inverse]),
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512dq+avx512bw+avx512vl", "x86_64+avx2"))]
fn sgd(w: &mut [f32], g: &[f32], velocity: &mut [f32], [lr, momentum, inverse]: [f32; 3]) {
    for ((w, &g), v) in w.iter_mut().zip(g).zip(velocity) {
        let g = g * inverse;
        *v = momentum * *v - lr * g;
        *w += *v;
    }
}

#[multiversion(targets("x86_64+avx512f+avx512dq+avx512bw+avx512vl", "x86_64+avx2"))]
fn adam(w: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32], constants: [f32; 4], rates: [f32; 2]) {
    let ([beta1, beta2, eps, inverse], [lr, root_correction]) = (constants, rates);
    for (((w, &g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
        let g = g * inverse;
        *m += (1.0 - beta1) * (g - *m);
        *v = beta2 * *v + (1.0 - beta2) * g * g;
        *w -= lr * *m / (v.sqrt() / root_correction + eps);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512dq+avx512bw+avx512vl", "x86_64+avx2"))]
fn rms_prop(w: &mut [f32], g: &[f32], s: &mut [f32], [lr, alpha, eps, inverse]: [f32; 4]) {
    for ((w, &g), s) in w.iter_mut().zip(g).zip(s) {
        let g = g * inverse;
        *s = alpha * *s + (1.0 - alpha) * g * g;
        *w -= lr * g / (s.sqrt() + eps);
    }
}

/// w ← min(max(w, −limit), limit); NaN stays.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512bw+avx512vl", "x86_64+avx2"))]
fn clip(w: &mut [f32], limit: f32) {
    w.iter_mut().for_each(|w| *w = w.clamp(-limit, limit));
}

#[multiversion(targets("x86_64+avx512f+avx512dq+avx512bw+avx512vl", "x86_64+avx2"))]
fn blend(average: &mut [f32], w: &[f32], beta: f32) {
    average.iter_mut().zip(w).for_each(|(a, &w)| *a = beta * *a + (1.0 - beta) * w);
}

#[multiversion(targets("x86_64+avx512f+avx512dq+avx512bw+avx512vl", "x86_64+avx2"))]
fn square_norm(g: &[f32], inverse: f32) -> f64 {
    let square = |x: f32| f64::from(x * inverse) * f64::from(x * inverse);
    let mut lanes = [0.0f64; 16];
    let (whole, rest) = g.as_chunks::<16>();
    for part in whole {
        lanes.iter_mut().zip(part).for_each(|(l, &x)| *l += square(x));
    }
    lanes.iter_mut().zip(rest).for_each(|(l, &x)| *l += square(x));
    lanes.iter().sum()
}

/// Scales each column down to the limit: w ← w·min(norm, limit)/(10⁻⁷ + norm), as pylearn2 does.
fn limit_columns(weights: &mut [f32], limit: &ColumnNorm) {
    let matrix = &mut weights[limit.offset..limit.offset + limit.fan_in * limit.units];
    let mut factors = vec![0.0f32; limit.units];
    for row in matrix.chunks(limit.units) {
        factors.iter_mut().zip(row).for_each(|(f, w)| *f += w * w);
    }
    for f in &mut factors {
        let norm = f.sqrt();
        *f = norm.min(limit.limit) / (1e-7 + norm);
    }
    for row in matrix.chunks_mut(limit.units) {
        row.iter_mut().zip(&factors).for_each(|(w, f)| *w *= f);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(rule: Rule) -> UpdateRule {
        UpdateRule { rule, clip: 0.0, column_norms: vec![], average: true, scaled: false }
    }

    /// Gradients of three updates of two weights.
    const GRADIENTS: [[f32; 2]; 3] = [[1.0, -2.0], [0.5, 3.0], [-0.25, 0.125]];

    /// Runs three updates at a learning rate of .1 and returns the weights, which start at (1, 1).
    fn three_updates(rule: &UpdateRule, momentum: f32) -> Vec<f32> {
        let pool = Pool::new(1).expect("one thread");
        let mut state = rule.start(vec![1.0, 1.0]);
        for (n, gradients) in (1..).zip(GRADIENTS) {
            state.gradients = gradients.to_vec();
            update(&pool, &mut state, rule, &Rate { lr: 0.1, momentum, update: n, average: 0.5 });
            assert_eq!(state.gradient_norm2, gradients.map(|g| f64::from(g * g)).iter().sum::<f64>());
        }
        state.weights
    }

    /// The step that update n makes of gradient g.
    type Step = Box<dyn FnMut(i32, f64) -> f64>;

    /// Compares the weights after three updates to those by a formula in f64.
    fn check(rule: &UpdateRule, momentum: f32, formula: fn() -> Step) {
        let weights = three_updates(rule, momentum);
        for (i, &weight) in weights.iter().enumerate() {
            let mut step = formula();
            let expected = (1..).zip(GRADIENTS).fold(1.0, |w, (n, g)| w + step(n, f64::from(g[i])));
            assert!((f64::from(weight) - expected).abs() < 1e-6, "{rule:?}: {weight} {expected}");
        }
    }

    #[test]
    fn rules_follow_their_formulas() {
        check(&rule(Rule::Sgd { momentum: 0.5, final_momentum: 0.5, saturate: 0 }), 0.5, || {
            let mut v = 0.0;
            Box::new(move |_, g| {
                v = 0.5 * v - 0.1 * g;
                v
            })
        });
        check(&rule(Rule::Adam { beta1: 0.5, beta2: 0.9, eps: 1e-8 }), 0.0, || {
            let (mut m, mut s) = (0.0, 0.0);
            Box::new(move |n, g| {
                (m, s) = (0.5 * m + 0.5 * g, 0.9 * s + 0.1 * g * g);
                -0.1 * (m / (1.0 - 0.5f64.powi(n))) / ((s / (1.0 - 0.9f64.powi(n))).sqrt() + 1e-8)
            })
        });
        check(&rule(Rule::RmsProp { alpha: 0.9, eps: 1e-8 }), 0.0, || {
            let mut s = 0.0;
            Box::new(move |_, g: f64| {
                s = 0.9 * s + 0.1 * g * g;
                -0.1 * g / (s.sqrt() + 1e-8)
            })
        });
    }

    #[test]
    fn limits_hold_after_an_update() {
        let pool = Pool::new(1).expect("one thread");
        let sgd = Rule::Sgd { momentum: 0.0, final_momentum: 0.0, saturate: 0 };
        let column = ColumnNorm { offset: 0, fan_in: 2, units: 2, limit: 1.0 };
        let limited = UpdateRule { column_norms: vec![column], clip: 3.5, ..rule(sgd) };
        let mut state = limited.start(vec![3.0, 0.1, 4.0, 0.1]);
        update(&pool, &mut state, &limited, &Rate { lr: 0.0, momentum: 0.0, update: 1, average: 0.0 });
        let norm = (state.weights[0].powi(2) + state.weights[2].powi(2)).sqrt();
        assert!((norm - 1.0).abs() < 1e-5, "a long column is scaled to the limit: {norm}");
        assert!((state.weights[1] - 0.1).abs() < 1e-6, "a short one stays");
        assert!(
            (state.weights[2] / state.weights[0] - 3.5 / 3.0).abs() < 1e-5,
            "4 was clipped to 3.5 before"
        );
        assert_eq!(state.average, state.weights, "the average sees the limited weights");
    }
}
