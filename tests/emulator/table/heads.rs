//! Loss heads: in launches of their own, and behind the hidden layers that they read.

use super::inside;
use super::products::sums_of;
use super::programs::{NO, instruction};
use crate::bench::{Bench, LEFT, Large, RIGHT, Witness, normals, same_bits};
use crate::reference::{self, Near};
use gansaku::exec::cuda::Multiprocessors;
use gansaku::graph::OptimizerId;
use gansaku::lower::{
    Arg, Epilogue, Follower, Load, LossHead, Map, Matmul, Part, Place, PointOp, Program, View, Work,
};
use gansaku::precision::Precision;

/// Loss heads with logits of their own: those against the reference, what is made of them to the bit.
pub(super) fn heads(w: &mut dyn Witness, precision: Precision) -> f64 {
    let [left, right] = match precision.stored() {
        Some(_) => [0, 1].map(|i| Place::Copies(OptimizerId(i), 0)),
        None => [LEFT, RIGHT],
    };
    let mut worst = 0.0f64;
    for (rows, k) in [(vec![1], 1), (vec![9], 33), (vec![200], 240), (vec![7, 64], 70), (vec![3, 0, 5, 8], 0)]
    {
        let total: usize = rows.iter().sum();
        let bench = Bench {
            left: normals("a", rows.iter().max().map_or(0, |m| m * k)),
            right: normals("b", k),
            arena: normals("bias", 1),
            precision,
            ..Bench::default()
        };
        let mut at = 1;
        let product = |&m: &usize| {
            at += m;
            let bias = View { strides: vec![0, 0], ..View::contiguous(Place::Arena(0), &[m, 1]) };
            Matmul {
                a: View::contiguous(left, &[m, k]),
                b: View::contiguous(right, &[k, 1]),
                out: View::contiguous(Place::Arena(at - m), &[m, 1]),
                size: [m, 1, k],
                epilogue: vec![Epilogue::Bias(bias)],
                column_sums: None,
                followers: vec![],
            }
        };
        let logits: Vec<Matmul> = rows.iter().map(product).collect();
        // Each reads the next one's logit, which another block may have stored; the last one reads 0.
        let next = View { windows: vec![(0, total - 1)], ..View::contiguous(Place::Arena(2), &[total]) };
        let program = Program {
            loads: vec![Load::Memory(next)],
            instructions: vec![instruction(PointOp::Add, [Arg::Load(0), Arg::Load(0), NO], 0)],
            results: vec![(Arg::Register(0), View::contiguous(Place::Arena(1 + total), &[total]))],
        };
        let parts = vec![Part::Map(Map { shape: vec![total], program })];
        let name = format!("loss head {} of {rows:?} logits by {k}", precision.name());
        let (found, cpu) = w.run(
            &name,
            &bench,
            Work::LossHead(LossHead { hidden: None, logits: logits.clone(), parts }),
            2 * total,
        );
        let bias = f64::from(bench.arena[0]);
        let biased = |sum: Near| {
            let value = sum.value + bias;
            Near { value, error: sum.error + reference::U * value.abs() }
        };
        let wanted = logits.iter().flat_map(|p| sums_of(precision, p, &bench.left, &bench.right)).map(biased);
        worst = worst.max(inside(&name, &found[..total], wanted));
        for (whose, numbers) in [("the CPU's", &cpu), ("the device's", &found)] {
            let wanted: Vec<f32> = numbers[1..total].iter().chain(&[0.0]).map(|x| x + x).collect();
            same_bits(&format!("{name}: {whose} part"), &numbers[total..], &wanted);
        }
    }
    worst
}

/// Loss heads that go along with the hidden layer which they read: maxouts and plain layers, whole and ragged tiles,
/// slices, fewer logits than rows, tiles too large to take a head along. All numbers are small whole ones, so that every
/// precision and every order of sums gives the same bits.
pub(super) fn layers_with_heads(w: &mut dyn Witness, precision: Precision) {
    let Large { multiprocessors, ragged: [most, across], .. } = w.large();
    let cases = [
        ([1, 1, 1], 1, 1),
        ([9, 33, 5], 1, 9),
        ([65, 40, 30], 3, 65),
        ([130, 17, 40], 5, 129),
        ([200, 240, 20], 5, 200),
        ([70, 9, 2_001], 1, 64),
        ([most, across, 8], 1, most),
    ];
    for ([m, units, k], pieces, rows) in cases {
        let n = pieces * units;
        // One in so many is not 0.
        let signs = |name, len: usize, rare: f32| -> Vec<f32> {
            let sign = |x: f32| if x.abs() < rare { 0.0 } else { x.signum() };
            normals(name, len).into_iter().map(sign).collect()
        };
        let rare = if k > 100 { 2.0 } else { 0.7 };
        let (mut right, layer) = (signs("b", k * n, rare), k * n);
        right.extend(signs("last layer", units, 0.7));
        let bench = Bench {
            left: signs("a", m * k, rare),
            right,
            arena: vec![3.0],
            precision,
            multiprocessors: if units == across { multiprocessors } else { Multiprocessors::default() },
            narrow: precision.stored().map_or(0, |_| m * n + m * units),
            ..Bench::default()
        };
        let stored = precision.stored().is_some();
        let operand =
            |player, at| if stored { Place::Copies(player, at) } else { Place::Weights(player, at) };
        let hidden_at = |at| if stored { Place::Narrow(at) } else { Place::Arena(1 + at) };
        // In the arena: the bias, the layer, its maxima, logits, what is made of them.
        let in_arena = if stored { 0 } else { m * n + m * units };
        let logits_at = 1 + in_arena;
        let out = View::contiguous(hidden_at(0), &[m, n]);
        let maxima = View::contiguous(hidden_at(m * n), &[m, units]);
        let piece =
            |p: usize| View { base: (p * units) as isize, windows: vec![(0, m), (0, units)], ..out.clone() };
        let greatest = |p: usize| {
            let so_far = if p == 1 { Arg::Load(0) } else { Arg::Register(p as u8 % 2) };
            instruction(PointOp::Max, [so_far, Arg::Load(p as u8), NO], (p as u8 + 1) % 2)
        };
        let maxout = Follower {
            pieces,
            shape: vec![m, units],
            program: Program {
                loads: (0..pieces).map(|p| Load::Memory(piece(p))).collect(),
                instructions: (1..pieces).map(greatest).collect(),
                results: vec![(Arg::Register(pieces as u8 % 2), maxima.clone())],
            },
        };
        let product = |a: View, b: View, out: View, size, epilogue, followers| Matmul {
            a,
            b,
            out,
            size,
            epilogue,
            column_sums: None,
            followers,
        };
        let hidden = product(
            View::contiguous(operand(OptimizerId(0), 0), &[m, k]),
            View::contiguous(operand(OptimizerId(1), 0), &[k, n]),
            out.clone(),
            [m, n, k],
            vec![],
            if pieces > 1 { vec![maxout] } else { vec![] },
        );
        let read = View { windows: vec![(0, rows), (0, units)], ..if pieces > 1 { maxima } else { out } };
        let last = View::contiguous(operand(OptimizerId(1), layer), &[units, 1]);
        let bias = View { strides: vec![0, 0], ..View::contiguous(Place::Arena(0), &[rows, 1]) };
        let logits = View::contiguous(Place::Arena(logits_at), &[rows, 1]);
        let logit = product(read, last, logits, [rows, 1, units], vec![Epilogue::Bias(bias)], vec![]);
        // Each reads the next one's logit, which another block may have stored; the last one reads 0.
        let next =
            View { windows: vec![(0, rows - 1)], ..View::contiguous(Place::Arena(logits_at + 1), &[rows]) };
        let program = Program {
            loads: vec![Load::Memory(next)],
            instructions: vec![instruction(PointOp::Add, [Arg::Load(0), Arg::Load(0), NO], 0)],
            results: vec![(Arg::Register(0), View::contiguous(Place::Arena(logits_at + rows), &[rows]))],
        };
        let parts = vec![Part::Map(Map { shape: vec![rows], program })];
        let work = Work::LossHead(LossHead { hidden: Some(Box::new(hidden)), logits: vec![logit], parts });
        let name = format!("loss head {} behind [{m}, {units}, {k}] of {pieces}", precision.name());
        let (found, cpu) = w.run(&name, &bench, work, in_arena + 2 * rows);
        same_bits(&name, &found, &cpu);
        let layer_of = |i: usize, j: usize| -> f32 {
            (0..k).map(|x| bench.left[i * k + x] * bench.right[x * n + j]).sum()
        };
        let unit = |i: usize, u: usize| {
            (0..pieces).map(|p| layer_of(i, p * units + u)).fold(f32::NEG_INFINITY, f32::max)
        };
        let logit = |i: usize| -> f32 { (0..units).map(|u| unit(i, u) * bench.right[layer + u]).sum() };
        // The reference takes its time: a few rows suffice where there are many.
        for i in (0..rows).step_by(rows.div_ceil(40)).chain([rows - 1]) {
            let found = found[in_arena + i];
            assert_eq!(found, 3.0 + logit(i), "{name}: logit {i}");
        }
    }
}
