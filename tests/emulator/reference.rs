//! What launches mean, in f64, with the error that f32 arithmetic may leave.

use gansaku::graph::Dist;
use gansaku::lower::{Epilogue, PointOp, View};
use gansaku::precision::Narrow;
use gansaku::rng::Draw;

/// Unit roundoff of f32.
pub const U: f64 = 5.97e-8;

/// A value and how far f32 arithmetic may be from it.
#[derive(Debug, Clone, Copy)]
pub struct Near {
    /// The exact value.
    pub value: f64,
    /// The absolute error allowed.
    pub error: f64,
}

impl Near {
    /// What a launch stored, as a share of the allowed error.
    pub fn share(self, found: f32) -> f64 {
        let off = (self.value - f64::from(found)).abs();
        if off == 0.0 { 0.0 } else { off / (self.error + 1e-44) }
    }
}

/// Σ terms, added in any order.
pub fn sum(terms: impl Iterator<Item = f64>) -> Near {
    let (mut value, mut size, mut count) = (0.0, 0.0, 0.0);
    for x in terms {
        (value, size, count) = (value + x, size + x.abs(), count + 1.0);
    }
    Near { value, error: (count + 2.0) * U * size }
}

/// A number stored in 16 bits: nearest to within half a unit in the last place, or of the subnormal numbers'.
pub fn narrowed(x: Near, format: Narrow) -> Near {
    let unit = format.unit_roundoff();
    let subnormal = if format == Narrow::F16 { 0.5f64.powi(25) } else { 0.0 };
    Near { value: x.value, error: x.error * (1.0 + unit) + unit * x.value.abs() + subnormal }
}

/// Element of `view` at `index`, 0 outside its windows; `base` is where its place starts in `memory`.
pub fn element(memory: &[f32], base: usize, view: &View, index: &[usize]) -> f64 {
    at(view, index).map_or(0.0, |i| f64::from(memory[base + i]))
}

/// Position of `index`, if it is inside the view's windows.
pub fn at<P>(view: &View<P>, index: &[usize]) -> Option<usize> {
    let inside = index.iter().zip(&view.windows).all(|(&i, &(from, to))| i >= from && i < to);
    let offset: isize = index.iter().zip(&view.strides).map(|(&i, s)| i as isize * s).sum();
    inside.then_some((view.base + offset) as usize)
}

/// One epilogue step on element (row, column); `y` is its operand there.
pub fn epilogue(x: Near, step: &Epilogue, y: f64, index: [usize; 2], draw: impl Fn(u32) -> Draw) -> Near {
    let Near { value: v, error: e } = x;
    let near = |value: f64, error: f64| Near { value, error };
    // A product with an exact factor; two roundings.
    let times = |factor: f64| near(v * factor, e * factor.abs() + 3.0 * U * (v * factor).abs());
    let choose = |slope: f64| if y > 0.0 { x } else { times(slope) };
    match step {
        Epilogue::Bias(_) | Epilogue::Accumulate(_) => near(v + y, e + U * (v + y).abs()),
        Epilogue::Scale(c) => times(f64::from(*c)),
        Epilogue::Relu => near(v.max(0.0), e),
        Epilogue::LeakyRelu(slope) => near(v.max(f64::from(*slope) * v), e + U * v.abs()),
        Epilogue::Tanh => near(v.tanh(), e + 6e-7 * v.tanh().abs()),
        Epilogue::Sigmoid => near(1.0 / (1.0 + (-v).exp()), 0.25 * e + 4e-7 / (1.0 + (-v).exp())),
        Epilogue::Dropout { stream, threshold, scale, view } => {
            let element = at(view, &index).expect("a draw without windows");
            let u = Dist::Uniform.sample(&draw(*stream), element as u64);
            times(if u > *threshold { f64::from(*scale) } else { 0.0 })
        }
        Epilogue::ReluGrad(_) => choose(0.0),
        Epilogue::LeakyReluGrad(_, slope) => choose(f64::from(*slope)),
        // 1 − y² and 1 − y cancel where y is near 1: their absolute error is a rounding of 1.
        Epilogue::TanhGrad(_) => near(v * (1.0 - y * y), e * (1.0 - y * y).abs() + 4.0 * U * v.abs()),
        Epilogue::SigmoidGrad(_) => {
            near(v * y * (1.0 - y), e * (y * (1.0 - y)).abs() + 4.0 * U * (v * y).abs())
        }
    }
}

/// A pointwise operation on exact operands; the errors are those that src/exec/cpu/point.rs promises.
pub fn point(op: PointOp, [a, b, c]: [f64; 3]) -> Near {
    let (value, error) = match op {
        PointOp::Add => (a + b, U),
        PointOp::Mul => (a * b, U),
        PointOp::Max => (a.max(b), 0.0),
        PointOp::Gt => (f64::from(u8::from(a > b)), 0.0),
        PointOp::Select => (if a > 0.0 { b } else { c }, 0.0),
        PointOp::Sqrt => (a.sqrt(), U),
        PointOp::Recip => (1.0 / a, U),
        PointOp::Tanh => (a.tanh(), 6e-7),
        PointOp::Sigmoid => (1.0 / (1.0 + (-a).exp()), 4e-7),
        PointOp::Softplus => (a.max(0.0) + (-a.abs()).exp().ln_1p(), 3e-7),
        PointOp::Exp => (a.exp(), 3e-7),
        PointOp::Log => (a.ln(), 2e-7),
    };
    Near { value, error: error * value.abs() + f64::from(f32::MIN_POSITIVE) * error }
}
