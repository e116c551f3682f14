//! Colour: sRGB and CIE Lab (D65), as operations of the graph, `[…, channels]`: [`crate::data::colour`]
//! says the same of single pixels.

use crate::data::colour::{RGB_OF_XYZ, ROOT_FROM, SLOPE, START, WHITE, XYZ_OF_RGB};
use crate::graph::{Graph, Var};

/// Numbers below it have no logarithm worth taking; their powers are not used.
const LEAST: f64 = 1e-6;

/// sRGB in [0, 1] to L, a and b, `[…, 3]` each: L in [0, 100].
pub fn lab(g: &Graph, rgb: Var) -> Var {
    let channels = channels(g, rgb).map(|c| linear(g, c));
    let of = |row: [f64; 3], white: f64| root(g, g.scale(mixed(g, &channels, row), 1.0 / white));
    let [x, y, z] = [0, 1, 2].map(|i| of(XYZ_OF_RGB[i], WHITE[i]));
    let lightness = g.shift(g.scale(y, 116.0), -16.0);
    let [a, b] = [g.scale(g.sub(x, y), 500.0), g.scale(g.sub(y, z), 200.0)];
    g.concat(&[lightness, a, b], axis(g, rgb))
}

/// L, a and b, `[…, 3]`, to sRGB, what lies outside [0, 1] cut off.
pub fn rgb(g: &Graph, lab: Var) -> Var {
    let [lightness, a, b] = channels(g, lab);
    let y = g.scale(g.shift(lightness, 16.0), 1.0 / 116.0);
    let (x, z) = (g.add(y, g.scale(a, 1.0 / 500.0)), g.sub(y, g.scale(b, 1.0 / 200.0)));
    let whites = [(x, WHITE[0]), (y, WHITE[1]), (z, WHITE[2])];
    let xyz = whites.map(|(f, white)| g.scale(cube(g, f), white));
    let channels = RGB_OF_XYZ.map(|row| gamma(g, mixed(g, &xyz, row)));
    g.concat(&channels, axis(g, lab))
}

fn axis(g: &Graph, x: Var) -> usize {
    g.shape(x).len() - 1
}

fn channels(g: &Graph, x: Var) -> [Var; 3] {
    [0, 1, 2].map(|c| g.slice_axis(x, axis(g, x), c, c + 1))
}

fn mixed(g: &Graph, channels: &[Var; 3], by: [f64; 3]) -> Var {
    let [a, b, c] = [0, 1, 2].map(|i| g.scale(channels[i], by[i]));
    g.add(g.add(a, b), c)
}

fn power(g: &Graph, x: Var, exponent: f64) -> Var {
    g.exp(g.scale(g.log(g.max(x, g.constant(LEAST, &[]))), exponent))
}

fn linear(g: &Graph, c: Var) -> Var {
    let curve = power(g, g.scale(g.shift(c, 0.055), 1.0 / 1.055), 2.4);
    g.select(g.gt(c, g.constant(0.040_45, &[])), curve, g.scale(c, 1.0 / 12.92))
}

fn gamma(g: &Graph, c: Var) -> Var {
    let curve = g.shift(g.scale(power(g, c, 1.0 / 2.4), 1.055), -0.055);
    let all = g.select(g.gt(c, g.constant(0.003_130_8, &[])), curve, g.scale(c, 12.92));
    // min(x, 1) = −max(−x, −1).
    let positive = g.max(all, g.constant(0.0, &[]));
    g.neg(g.max(g.neg(positive), g.constant(-1.0, &[])))
}

fn root(g: &Graph, t: Var) -> Var {
    let line = g.shift(g.scale(t, SLOPE), START);
    g.select(g.gt(t, g.constant(ROOT_FROM, &[])), power(g, t, 1.0 / 3.0), line)
}

fn cube(g: &Graph, f: Var) -> Var {
    let line = g.scale(g.shift(f, -START), 1.0 / SLOPE);
    g.select(g.gt(f, g.constant(ROOT_FROM.cbrt(), &[])), g.mul(g.square(f), f), line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::interp::{self, Tensor};
    use crate::rng::Moment;

    /// Colours and their Lab (Bruce Lindbloom's calculator, D65, sRGB).
    const KNOWN: [([f64; 3], [f64; 3]); 6] = [
        ([1.0, 1.0, 1.0], [100.0, 0.0053, -0.0104]),
        ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
        ([1.0, 0.0, 0.0], [53.2408, 80.0925, 67.2032]),
        ([0.0, 1.0, 0.0], [87.7347, -86.1827, 83.1793]),
        ([0.0, 0.0, 1.0], [32.2970, 79.1875, -107.8602]),
        ([0.5, 0.5, 0.5], [53.3890, 0.0031, -0.0062]),
    ];

    fn run(from: &[f64], of: impl Fn(&Graph, Var) -> Var) -> Vec<f64> {
        let g = Graph::new();
        let x = g.host_input("x", &[from.len() / 3, 3]);
        let root = of(&g, x);
        let mut values = interp::Values::new();
        values.insert(x, Tensor::new(&g.shape(x), from.to_vec()));
        interp::run(&g, &[root], Moment { seed: 0, tick: 0 }, &mut values);
        values[&root].data.clone()
    }

    #[test]
    fn colours_are_where_lab_has_them() {
        for (rgb, wanted) in KNOWN {
            let found = run(&rgb, lab);
            assert!(found.iter().zip(wanted).all(|(f, w)| (f - w).abs() < 0.03), "{rgb:?}: {found:?}");
        }
    }

    #[test]
    fn there_and_back_is_where_one_was() {
        let all: Vec<f64> =
            (0..5 * 5 * 5).flat_map(|i| [i % 5, i / 5 % 5, i / 25]).map(|v| f64::from(v) / 4.0).collect();
        let back = run(&all, |g, x| rgb(g, lab(g, x)));
        for (a, b) in all.iter().zip(back) {
            assert!((a - b).abs() < 2e-4, "{a} came back as {b}");
        }
    }
}
