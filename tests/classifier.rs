//! The classifier that evaluation looks through: its graph against the reference, its training, its file.

use gansaku::data::Shape;
use gansaku::exec::cpu::pool::Pool;
use gansaku::exec::cpu::{Cpu, no_updates};
use gansaku::exec::{NetworkState, Rate};
use gansaku::graph::interp::{self, Moment, Tensor};
use gansaku::graph::{Graph, Var};
use gansaku::lower::{Stage, lower};
use gansaku::models::classifier::{cross_entropy, shifted};
use gansaku::precision::Precision;
use gansaku::rng::Draw;
use std::collections::HashMap;

/// A graph's result by the CPU executor and by the f64 interpreter.
fn both(g: &Graph, root: Var, inputs: &[(&str, Var, Vec<f32>)]) -> (Vec<f32>, Vec<f64>) {
    let stage = Stage { outputs: vec![("out".into(), root)], updates: vec![] };
    let plan = lower(g, &[stage], Precision::Fp32, &|_, _| unreachable!("no parameters"));
    let none = [NetworkState::default(), NetworkState::default()];
    let mut cpu = Cpu::new(Pool::new(1).expect("a thread"), vec![plan], none, no_updates(), None, 5);
    inputs.iter().for_each(|(name, _, x)| cpu.write_input(0, name, x));
    cpu.run(0, 3, &[Rate::REST; 2]);
    let wide = |x: &[f32]| x.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
    let mut values: HashMap<Var, Tensor> =
        inputs.iter().map(|(_, v, x)| (*v, Tensor::new(&g.shape(*v), wide(x)))).collect();
    interp::run(g, &[root], Moment { seed: 5, tick: 3 }, &mut values);
    (cpu.output(0, "out").to_vec(), values[&root].data.clone())
}

fn numbers(count: usize, scale: f32) -> Vec<f32> {
    let draw = Draw::new(1, 2, 3);
    (0..count as u64).map(|i| scale * draw.normal(i)).collect()
}

#[test]
fn pictures_are_moved_by_a_pixel_at_most_and_zeros_move_in() {
    let shape = Shape { channels: 2, height: 5, width: 4 };
    let rows = 200;
    let g = Graph::new();
    let x = g.input("x", &[rows, shape.len()]);
    let moved = shifted(&g, x, shape);
    let pictures = numbers(rows * shape.len(), 1.0);
    let (found, reference) = both(&g, moved, &[("x", x, pictures.clone())]);
    assert!(found.iter().zip(&reference).all(|(&f, &r)| f64::from(f) == r), "as the reference does");
    let mut seen = HashMap::new();
    for (row, (before, after)) in pictures.chunks(40).zip(found.chunks(40)).enumerate() {
        let by = |dy: isize, dx: isize| -> Vec<f32> {
            let at = |c: isize, y: isize, x: isize| {
                let inside = (0..5).contains(&(y - dy)) && (0..4).contains(&(x - dx));
                if inside { before[(c * 20 + (y - dy) * 4 + x - dx) as usize] } else { 0.0 }
            };
            (0..40).map(|i| at(i / 20, i % 20 / 4, i % 4)).collect()
        };
        let moves = (0..9).map(|i| (i / 3 - 1, i % 3 - 1)).find(|&(dy, dx)| by(dy, dx) == after);
        assert!(moves.is_some(), "picture {row} is moved otherwise: {before:?} {after:?}");
        *seen.entry(moves).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), 9, "{seen:?}");
    assert!(seen.values().all(|&n| n > 8), "each about as often: {seen:?}");
}

#[test]
fn the_cross_entropy_is_that_of_the_softmax_and_never_overflows() {
    for classes in [2, 3, 7, 10, 16] {
        for scale in [1.0, 50.0, 1e4] {
            let g = Graph::new();
            let rows = 6;
            let (x, y) = (g.input("x", &[rows, classes]), g.input("y", &[rows, classes]));
            let loss = cross_entropy(&g, x, y);
            let logits = numbers(rows * classes, scale);
            let mut one_hot = vec![0.0; rows * classes];
            (0..rows).for_each(|r| one_hot[r * classes + r % classes] = 1.0);
            let (found, reference) = both(&g, loss, &[("x", x, logits.clone()), ("y", y, one_hot)]);
            let row = |r: usize| {
                let x = &logits[r * classes..][..classes];
                let greatest = x.iter().copied().fold(f32::MIN, f32::max);
                let sum: f64 = x.iter().map(|&x| f64::from(x - greatest).exp()).sum();
                f64::from(greatest) + sum.ln() - f64::from(x[r % classes])
            };
            let wanted = (0..rows).map(row).sum::<f64>() / rows as f64;
            let allowed = 1e-5 * wanted.abs() + 1e-6 * f64::from(scale);
            assert!((f64::from(found[0]) - wanted).abs() <= allowed, "{classes}: {found:?}, {wanted}");
            assert!((reference[0] - wanted).abs() <= 1e-9 * wanted.abs() + 1e-6 * f64::from(scale));
        }
    }
}
