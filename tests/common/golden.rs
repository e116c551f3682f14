//! Numbers that another implementation printed: they stand at the end of the script that made them.

use gansaku::rng::{Draw, stream};

/// The seed of the scripts' random numbers.
pub const SEED: u64 = 3;
/// Length of the points of [`cloud`].
pub const DIM: usize = 20;
/// Relative.
pub const TOLERANCE: f64 = 1e-4;

/// Asserts that numbers are those of a script's line.
pub fn compare(script: &str, metric: &str, found: &[f64]) {
    let mut lines = script.lines().filter_map(|l| l.strip_prefix("#= "));
    let line = lines.find_map(|l| l.strip_prefix(metric)?.strip_prefix(' '));
    let words = line.unwrap_or_else(|| panic!("no line of {metric}")).split_whitespace();
    let expected: Vec<f64> = words.map(|w| w.parse().expect("a number")).collect();
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(&expected) {
        let error = (f - e).abs() / e.abs().max(1e-12);
        println!("{metric}: {f} {e} {error:.1e} of {TOLERANCE:.0e}");
        assert!(error <= TOLERANCE, "{metric}: {f}, the script {e}");
    }
}

/// Uniform numbers of the scripts' stream of that name.
pub fn uniform(name: &str, count: usize) -> Vec<f64> {
    let draw = Draw::new(SEED, stream(name), 0);
    (0..count as u64).map(|i| f64::from(draw.uniform(i))).collect()
}

/// The scripts' points around three corners.
pub fn cloud(name: &str, count: usize) -> Vec<f32> {
    let corner = Draw::new(SEED, stream(&format!("{name}/corner")), 0);
    let noise = Draw::new(SEED, stream(name), 0);
    let number = |i: u64| {
        let corner = (f64::from(corner.uniform(i / DIM as u64)) * 3.0).floor();
        (0.25 * (corner + 1.0) + 0.3 * f64::from(noise.normal(i))) as f32
    };
    (0..(count * DIM) as u64).map(number).collect()
}
