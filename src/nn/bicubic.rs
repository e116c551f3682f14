//! Cubic interpolation with a = −½ (Keys, 1981), antialiased where pictures get smaller: what Pillow and MATLAB's `imresize`
//! do, without their rounding to 8 bits. Weights of pixels beyond the edge go to those there are.

use super::resample::SIDES;
use crate::graph::{Cut, Graph, Var};

/// The kernel at a distance of so many pixels (of the larger ones, where pictures get smaller).
fn kernel(distance: f64) -> f64 {
    const A: f64 = -0.5;
    let d = distance.abs();
    if d < 1.0 {
        ((A + 2.0) * d - (A + 3.0)) * d * d + 1.0
    } else if d < 2.0 {
        A * (((d - 5.0) * d + 8.0) * d - 4.0)
    } else {
        0.0
    }
}

/// A picture `[rows, height, width, channels]` made `factor` times smaller along both axes.
///
/// # Panics
/// When a side is no multiple of `factor`.
pub fn reduced(g: &Graph, x: Var, factor: usize) -> Var {
    if factor == 1 {
        return x;
    }
    SIDES.into_iter().fold(x, |x, axis| {
        let shape = g.shape(x);
        let n = shape[axis];
        assert!(n.is_multiple_of(factor), "{n} pixels do not become {factor} times fewer");
        let mut one = [1; 4];
        one[axis] = n;
        let there = g.broadcast(g.constant(1.0, &[1; 4]), &one);
        g.mul(filtered(g, x, axis, factor), g.recip(filtered(g, there, axis, factor)))
    })
}

/// Σ of the pixels around each of the larger ones by the kernel, pixels beyond the edge being 0.
fn filtered(g: &Graph, x: Var, axis: usize, factor: usize) -> Var {
    let count = g.shape(x)[axis] / factor;
    let reach = 2 * factor;
    let mut frame = [(0, 0); 4];
    frame[axis] = (reach, reach);
    let framed = g.pad(x, &frame);
    // Pixel t of the first window lies `reach − t` before the first pixel, and its middle at (factor − 1)/2.
    let weight = |t: usize| {
        let middle = (factor as f64 - 1.0) / 2.0;
        kernel((t as f64 - reach as f64 - middle) / factor as f64)
    };
    let taps = (0..2 * reach + factor).filter(|&t| weight(t) != 0.0);
    let total: f64 = (0..2 * reach + factor).map(weight).sum();
    let tap = |t| g.scale(g.cut_axis(framed, axis, Cut::strided(t, count, factor)), weight(t) / total);
    taps.map(tap).reduce(|sum, tap| g.add(sum, tap)).expect("a kernel has taps")
}

/// Pictures `[rows, height, width, channels]` enlarged to a side of `side` pixels and cut, each at a place of its own, to what
/// they were; `draws` are two numbers on [0, 1) a row, `[rows, 2]`: places from the top and from the left.
///
/// # Panics
/// When pictures are not square, or `side` is less than theirs.
pub fn enlarged_and_cut(g: &Graph, x: Var, side: usize, draws: Var) -> Var {
    let [rows, n, width, channels] = g.shape(x)[..] else { panic!("pictures have four axes") };
    assert!(n == width && n <= side, "{n}×{width} pixels do not become {side}×{side}");
    let place = |row: usize, axis: usize| {
        let u = g.slice(draws, &[(row, row + 1), (axis, axis + 1)]);
        whole_part(g, g.scale(u, (side - n + 1) as f64), side - n + 1)
    };
    let cut = |row: usize| {
        let picture = g.reshape(g.slice_axis(x, 0, row, row + 1), &[n, n * channels]);
        let down = g.matmul(interpolation(g, n, side, place(row, 0)), picture);
        let turned = g.permute(g.reshape(down, &[n, n, channels]), &[1, 0, 2]);
        let across =
            g.matmul(interpolation(g, n, side, place(row, 1)), g.reshape(turned, &[n, n * channels]));
        g.reshape(g.permute(g.reshape(across, &[n, n, channels]), &[1, 0, 2]), &[1, n, n, channels])
    };
    g.concat(&(0..rows).map(cut).collect::<Vec<_>>(), 0)
}

/// Weights `[n, n]` of n pixels for as many of the `side` that they become, from pixel `first` `[1, 1]` on.
fn interpolation(g: &Graph, n: usize, side: usize, first: Var) -> Var {
    let square = [n, n];
    let steps = counted(g, n);
    let column = g.reshape(steps, &[n, 1]);
    let share = n as f64 / side as f64;
    // The middle of a pixel of the larger picture, counted in pixels of the smaller one.
    let middle = g.shift(g.scale(g.shift(g.add(column, first), 0.5), share), -0.5);
    let to = g.broadcast(middle, &square);
    let from = g.broadcast(g.reshape(steps, &[1, n]), &square);
    let difference = g.sub(to, from);
    let d = g.max(difference, g.neg(difference));
    let near = g.shift(g.mul(g.shift(g.scale(d, 1.5), -2.5), g.square(d)), 1.0);
    let far = g.scale(g.shift(g.mul(g.shift(g.mul(g.shift(d, -5.0), d), 8.0), d), -4.0), -0.5);
    let beyond = |limit: f64| g.gt(d, g.constant(limit, &[]));
    let none = g.constant(0.0, &square);
    let weights = g.select(beyond(2.0), none, g.select(beyond(1.0), far, near));
    g.mul(weights, g.recip(g.sum(weights, &[1])))
}

/// 0, 1, 2, … n − 1: `[n]`.
pub fn counted(g: &Graph, n: usize) -> Var {
    let mut all = g.constant(0.0, &[1]);
    while g.shape(all)[0] < n {
        let have = g.shape(all)[0];
        all = g.concat(&[all, g.shift(all, have as f64)], 0);
    }
    g.slice_axis(all, 0, 0, n)
}

/// The greatest whole number that is not above a number on [0, `limit`), of the same shape.
fn whole_part(g: &Graph, x: Var, limit: usize) -> Var {
    let shape = g.shape(x);
    let steps = g.reshape(counted(g, limit), &[1, limit]);
    let column = g.broadcast(g.reshape(x, &[1, 1]), &[1, limit]);
    // Whole numbers above 0 that are at most x: those that are not above it.
    let above = g.gt(steps, column);
    let count = g.sum(g.shift(g.neg(above), 1.0), &[1]);
    g.reshape(g.shift(count, -1.0), &shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::interp::{self, Tensor};
    use crate::rng::Moment;

    fn values(g: &Graph, root: Var, inputs: &[(Var, Vec<f64>)]) -> Vec<f64> {
        let mut values = interp::Values::new();
        for (input, data) in inputs {
            values.insert(*input, Tensor::new(&g.shape(*input), data.clone()));
        }
        interp::run(g, &[root], Moment { seed: 0, tick: 0 }, &mut values);
        values[&root].data.clone()
    }

    /// The numbers of Pillow 12's `Image.resize(…, BICUBIC)` on 32-bit pictures.
    #[test]
    fn smaller_pictures_are_pillows() {
        let g = Graph::new();
        let x = g.host_input("x", &[1, 8, 8, 1]);
        let made = reduced(&g, x, 4);
        let picture: Vec<f64> = (0..64).map(|i| f64::from((i * i * 7 + i) % 53)).collect();
        let found = values(&g, made, &[(x, picture)]);
        let wanted = PILLOW_4;
        assert!(found.iter().zip(wanted).all(|(f, w)| (f - w).abs() < 1e-4), "{found:?}, not {wanted:?}");
    }

    #[test]
    fn larger_pictures_are_pillows_cut_where_the_draws_say() {
        let g = Graph::new();
        let x = g.host_input("x", &[1, 6, 6, 1]);
        let draws = g.host_input("draws", &[1, 2]);
        let made = enlarged_and_cut(&g, x, 8, draws);
        let picture: Vec<f64> = (0..36).map(|i| f64::from((i * i * 5 + i) % 31)).collect();
        for (u, [top, left]) in [([0.0, 0.999], [0, 2]), ([0.34, 0.32], [1, 0])] {
            let found = values(&g, made, &[(x, picture.clone()), (draws, u.to_vec())]);
            for (i, f) in found.iter().enumerate() {
                let w = PILLOW_8[(top + i / 6) * 8 + left + i % 6];
                assert!((f - w).abs() < 1e-4, "{top} {left} {i}: {f}, not {w}");
            }
        }
    }

    #[test]
    fn numbers_are_counted() {
        let g = Graph::new();
        let seven = counted(&g, 7);
        assert_eq!(values(&g, seven, &[]), (0..7).map(f64::from).collect::<Vec<_>>());
    }

    #[rustfmt::skip]
    const PILLOW_4: [f64; 4] = [
        20.29367, 21.05533, 20.97889, 23.53207,
    ];

    #[rustfmt::skip]
    const PILLOW_8: [f64; 64] = [
        -0.31889, 2.69613, 12.33409, 22.53354, 17.59041, 21.72097, 16.23866, 3.98803,
        -1.58830, 0.53277, 10.17423, 20.70932, 12.95412, 14.17737, 18.16320, 20.93994,
        6.09097, 8.11997, 10.49414, 12.39895, 14.67123, 16.33469, 18.83832, 21.26315,
        20.43983, 23.09757, 14.13825, 2.29758, 22.63314, 27.90961, 17.39287, 2.43954,
        25.76819, 27.51268, 17.32575, 4.36008, 23.57064, 27.72211, 15.97776, 0.11118,
        24.34655, 23.63580, 22.42693, 20.66627, 17.67442, 15.83871, 13.74554, 11.88896,
        14.45483, 11.84306, 14.61407, 20.79917, 16.84089, 12.86669, 15.14822, 21.04849,
        3.32635, 0.12582, -0.02476, 6.69097, 21.23149, 19.48921, 18.78254, 22.46469,
    ];
}
