//! Pointwise programs: maps, sums, losses, draws, and numbers of 16 bits.

use super::training::gathers;
use super::{indices, inside};
use crate::bench::{Bench, LEFT, RIGHT, SEED, TICK, Witness, normals, same_bits};
use crate::reference::{self, Near};
use gansaku::graph::{Dist, OptimizerId};
use gansaku::lower::{
    Arg, Instruction, Load, LossHead, Map, Part, Place, PointOp, Program, Reduce, View, Work,
};
use gansaku::precision::Precision;
use gansaku::rng::{Draw, stream};

/// An operand that an operation does not have.
pub(super) const NO: Arg = Arg::Const(0.0);

/// An instruction of a program.
pub(super) fn instruction(op: PointOp, args: [Arg; 3], to: u8) -> Instruction {
    Instruction { op, args, to }
}

/// Every operation on numbers of all sizes, at lengths around a block's.
pub(super) fn point_ops(w: &mut dyn Witness) -> f64 {
    let mut worst = 0.0f64;
    for op in PointOp::ALL {
        for len in [0, 1, 3, 127, 512, 1_301] {
            let spread = |i: usize, x: f32| match op {
                PointOp::Sqrt => x.abs(),
                PointOp::Log => (x * [0.1, 1.0, 30.0][i % 3]).clamp(-80.0, 80.0).exp(),
                // What overflows has no relative error.
                PointOp::Exp => (x * [0.01, 1.0, 30.0][i % 3]).min(80.0),
                _ => x * [0.01, 1.0, 30.0][i % 3],
            };
            let values =
                |name| normals(name, len).into_iter().enumerate().map(|(i, x)| spread(i, x)).collect();
            let bench = Bench { left: values("a"), right: values("b"), ..Bench::default() };
            let view = |place| View::contiguous(place, &[len]);
            let program = Program {
                loads: vec![Load::Memory(view(LEFT)), Load::Memory(view(RIGHT))],
                instructions: vec![instruction(op, [Arg::Load(0), Arg::Load(1), Arg::Const(0.5)], 0)],
                results: vec![(Arg::Register(0), view(Place::Arena(0)))],
            };
            let name = format!("map {op:?} [{len}]");
            let (found, cpu) = w.run(&name, &bench, Work::Map(Map { shape: vec![len], program }), len);
            // The device rounds its softplus once, the CPU several times.
            if op != PointOp::Softplus {
                same_bits(&name, &found, &cpu);
            }
            let operands =
                bench.left.iter().zip(&bench.right).map(|(&a, &b)| [f64::from(a), f64::from(b), 0.5]);
            worst = worst.max(inside(&name, &found, operands.map(|x| reference::point(op, x))));
        }
    }
    worst
}

/// Numbers of all kinds to 16 bits and back through a map: the CPU's rounding, to the bit.
pub(super) fn conversions(w: &mut dyn Witness) {
    let special = [
        0.0,
        -0.0,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
        65_504.0,
        65_519.996,
        65_520.0,
        -65_536.0,
        3.4e38,
        2f32.powi(-14),
        2f32.powi(-15),
        2f32.powi(-24),
        2f32.powi(-25),
        2.980_232_6e-8,
        1e-40,
        1.0 + 2f32.powi(-11),
        1.0 + 3.0 * 2f32.powi(-11),
        1.0 + 2f32.powi(-8),
        1.0 + 3.0 * 2f32.powi(-8),
    ];
    let scaled = |(i, x): (usize, f32)| x * 2f32.powi(i as i32 % 60 - 30);
    let left: Vec<f32> =
        special.into_iter().chain(normals("x", 1_000).into_iter().enumerate().map(scaled)).collect();
    let len = left.len();
    for precision in [Precision::Fp16, Precision::Bf16] {
        let format = precision.stored().expect("a 16-bit format");
        let bench = Bench { left: left.clone(), precision, ..Bench::default() };
        for (from, to) in [
            (LEFT, Place::Narrow(0)),
            (Place::Copies(OptimizerId(0), 0), Place::Arena(0)),
            (Place::Copies(OptimizerId(0), 0), Place::Narrow(0)),
        ] {
            let view = |place| View::contiguous(place, &[len]);
            let program = Program {
                loads: vec![Load::Memory(view(from))],
                instructions: vec![],
                results: vec![(Arg::Load(0), view(to))],
            };
            let name = format!("{from:?} to {to:?} in {}", precision.name());
            let (found, cpu) = w.run(&name, &bench, Work::Map(Map { shape: vec![len], program }), len);
            let wanted: Vec<f32> = left.iter().map(|&x| format.round(x)).collect();
            same_bits(&name, &cpu, &wanted);
            same_bits(&name, &found, &wanted);
        }
        // A sum of three, and a minibatch.
        let view =
            View { strides: vec![3, 1], windows: vec![(0, 300), (0, 3)], ..View::contiguous(LEFT, &[900]) };
        let rows = View { strides: vec![1, 0], place: Place::Narrow(0), ..view.clone() };
        let program = Program {
            loads: vec![Load::Memory(view)],
            instructions: vec![],
            results: vec![(Arg::Load(0), rows)],
        };
        let bench = Bench { left: normals("x", 900), precision, ..Bench::default() };
        let work = Work::Reduce(Reduce { shape: vec![300, 3], summed: vec![false, true], program });
        let (found, _) = w.run("a sum to 16 bits", &bench, work, 300);
        let wanted = bench
            .left
            .chunks(3)
            .map(|x| reference::narrowed(reference::sum(x.iter().map(|&x| f64::from(x))), format));
        inside("a sum to 16 bits", &found, wanted);
        gathers(w, precision, Place::Narrow(0));
    }
}

/// A program that needs slots, windows, broadcasts, transposes, random loads and two results.
fn long_program(shape: [usize; 3], place: Place, summed: [bool; 3]) -> (Program, Vec<usize>) {
    let [a, b, c] = shape;
    let whole: Vec<(usize, usize)> = shape.iter().map(|&n| (0, n)).collect();
    let transposed =
        View { place: LEFT, base: 0, strides: vec![1, a as isize, (a * b) as isize], windows: whole.clone() };
    let padded = View {
        place: RIGHT,
        base: -(c.min(2) as isize),
        strides: vec![(b * c) as isize, c as isize, 1],
        windows: vec![(0, a), (0, b), (c.min(2), c)],
    };
    let row = View { place: RIGHT, base: 0, strides: vec![0, 0, 1], windows: whole };
    let draw = |dist, name| Load::Rand { stream: stream(name), dist, view: View::contiguous((), &shape) };
    let (l, r) = (Arg::Load, Arg::Register);
    let program = Program {
        loads: vec![
            Load::Memory(transposed),
            Load::Memory(padded),
            Load::Memory(row),
            draw(Dist::Uniform, "u"),
            draw(Dist::Normal, "n"),
        ],
        instructions: vec![
            instruction(PointOp::Mul, [l(0), l(1), NO], 0),
            instruction(PointOp::Add, [r(0), l(2), NO], 1),
            instruction(PointOp::Tanh, [r(1), NO, NO], 2),
            instruction(PointOp::Gt, [l(3), Arg::Const(0.5), NO], 3),
            instruction(PointOp::Select, [r(3), r(2), r(0)], 1),
            instruction(PointOp::Mul, [r(1), r(1), NO], 3),
            instruction(PointOp::Add, [r(3), l(4), NO], 0),
        ],
        results: vec![],
    };
    let kept: Vec<usize> = shape.iter().zip(summed).map(|(&n, s)| if s { 1 } else { n }).collect();
    let mut first = View::contiguous(place, &kept);
    for axis in (0..3).filter(|&i| summed[i]) {
        first.strides[axis] = 0;
    }
    // A sum of nothing is written at index 0 of its empty axis.
    first.windows = (0..3).map(|i| (0, if summed[i] { shape[i].max(1) } else { shape[i] })).collect();
    let second = View { base: kept.iter().product::<usize>() as isize, ..first.clone() };
    let results = vec![(r(0), first), (r(2), second)];
    (Program { results, ..program }, kept)
}

pub(super) fn programs(w: &mut dyn Witness) -> f64 {
    let mut worst = 0.0f64;
    // Quads and not, a block and several.
    for shape in
        [[0, 3, 4], [1, 1, 1], [3, 5, 7], [5, 40, 9], [2, 3, 350], [3, 5, 8], [2, 40, 12], [2, 3, 352]]
    {
        let [a, b, c] = shape;
        let len = a * b * c;
        let bench = Bench { left: normals("l", len), right: normals("r", len.max(c)), ..Bench::default() };
        let (program, _) = long_program(shape, Place::Arena(0), [false; 3]);
        let name = format!("map {shape:?}");
        let (found, cpu) = w.run(&name, &bench, Work::Map(Map { shape: shape.to_vec(), program }), 2 * len);
        same_bits(&name, &found, &cpu);
        for bits in 1..8 {
            let summed = [bits & 1 != 0, bits & 2 != 0, bits & 4 != 0];
            let (program, kept) = long_program(shape, Place::Arena(0), summed);
            let name = format!("reduce {shape:?} {summed:?}");
            let results: usize = kept.iter().product();
            let work = Work::Reduce(Reduce { shape: shape.to_vec(), summed: summed.to_vec(), program });
            let (sums, _) = w.run(&name, &bench, work, 2 * results);
            // The map above made the terms; the order in which they are added is free.
            let wanted = (0..2 * results).map(|at| {
                let (result, kept_at) = (at / results, at % results);
                let kept_index = indices(&kept).nth(kept_at).expect("a kept index");
                let counts = |index: &Vec<usize>| (0..3).all(|i| summed[i] || index[i] == kept_index[i]);
                let terms = indices(&shape).enumerate().filter(|(_, index)| counts(index));
                reference::sum(terms.map(|(i, _)| f64::from(found[result * len + i])))
            });
            worst = worst.max(inside(&name, &sums, wanted));
        }
    }
    worst
}

/// Memory and a draw read every so many elements, also backwards, behind a frame: the CPU's numbers, which are those at the
/// positions.
pub(super) fn strides(w: &mut dyn Witness) {
    for (columns, step) in [(7, 2), (8, -1), (12, -2), (16, 3)] {
        let (rows, reach) = (5, columns * 3);
        let first = if step < 0 { (reach - 1) as isize } else { 0 };
        // The first column is padding.
        fn view<P>(place: P, [rows, columns, reach]: [usize; 3], step: isize, first: isize) -> View<P> {
            let whole = View::contiguous(place, &[rows, columns]);
            let windows = vec![(0, rows), (1, columns)];
            View { base: first - step, strides: vec![reach as isize, step], windows, ..whole }
        }
        let sizes = [rows, columns, reach];
        let draw =
            Load::Rand { stream: stream("u"), dist: Dist::Uniform, view: view((), sizes, step, first) };
        let program = Program {
            loads: vec![Load::Memory(view(LEFT, sizes, step, first)), draw],
            instructions: vec![instruction(PointOp::Add, [Arg::Load(0), Arg::Load(1), NO], 0)],
            results: vec![(Arg::Register(0), View::contiguous(Place::Arena(0), &[rows, columns]))],
        };
        let bench = Bench { left: normals("x", rows * reach), ..Bench::default() };
        let name = format!("{columns} columns by {step}");
        let work = Work::Map(Map { shape: vec![rows, columns], program });
        let (found, cpu) = w.run(&name, &bench, work, rows * columns);
        same_bits(&name, &found, &cpu);
        let draw = Draw::new(SEED, stream("u"), TICK);
        let at = |row: usize, column: usize| {
            let at = (row * reach).wrapping_add_signed(first + (column as isize - 1) * step);
            if column == 0 { 0.0 } else { bench.left[at] + Dist::Uniform.sample(&draw, at as u64) }
        };
        let wanted: Vec<f32> = (0..rows * columns).map(|i| at(i / columns, i % columns)).collect();
        same_bits(&name, &cpu, &wanted);
    }
}

/// Cross entropy on logits in one launch: gradients, the same transposed (read by other threads than stored them), sums
/// over the minibatch, and means that read the sums.
pub(super) fn losses(w: &mut dyn Witness) -> f64 {
    let mut worst = 0.0f64;
    for [a, b] in [[1, 1], [3, 1], [10, 10], [20, 15], [64, 64]] {
        let rows = a * b;
        let bench = Bench { left: normals("logits", rows), ..Bench::default() };
        let arena = |at: usize, len: usize| View::contiguous(Place::Arena(at), &[len]);
        let logits = || Load::Memory(View::contiguous(LEFT, &[rows]));
        let (r, l) = (Arg::Register, Arg::Load);
        let share = Arg::Const(1.0 / rows as f32);
        let gradient = Program {
            loads: vec![logits()],
            instructions: vec![
                instruction(PointOp::Sigmoid, [l(0), NO, NO], 0),
                instruction(PointOp::Mul, [r(0), share, NO], 1),
            ],
            results: vec![(r(1), arena(0, rows))],
        };
        let columns = View { strides: vec![1, a as isize], ..View::contiguous(Place::Arena(0), &[a, b]) };
        let transpose = Program {
            loads: vec![Load::Memory(columns)],
            instructions: vec![],
            results: vec![(l(0), View::contiguous(Place::Arena(rows + 6), &[a, b]))],
        };
        let still = |at: usize| View { strides: vec![0], windows: vec![(0, rows)], ..arena(at, 1) };
        let sums = Program {
            loads: vec![logits(), Load::Memory(arena(0, rows))],
            instructions: vec![
                instruction(PointOp::Softplus, [l(0), NO, NO], 0),
                instruction(PointOp::Gt, [l(0), NO, NO], 1),
            ],
            results: vec![(r(0), still(rows)), (r(1), still(rows + 1)), (l(1), still(rows + 2))],
        };
        let means = Program {
            loads: vec![Load::Memory(arena(rows, 3))],
            instructions: vec![instruction(PointOp::Mul, [l(0), share, NO], 0)],
            results: vec![(r(0), arena(rows + 3, 3))],
        };
        let parts = vec![
            Part::Map(Map { shape: vec![rows], program: gradient }),
            Part::Map(Map { shape: vec![a, b], program: transpose }),
            Part::Reduce(Reduce { shape: vec![rows], summed: vec![true], program: sums }),
            Part::Map(Map { shape: vec![3], program: means }),
        ];
        let work = Work::LossHead(LossHead { hidden: None, logits: vec![], parts });
        let name = format!("loss of {rows} logits");
        let (found, cpu) = w.run(&name, &bench, work, 2 * rows + 6);
        same_bits(&name, &found[..rows], &cpu[..rows]);
        let transposed: Vec<f32> = (0..rows).map(|at| found[at / b + at % b * a]).collect();
        same_bits(&name, &found[rows + 6..], &transposed);
        same_bits(&name, &cpu[rows + 6..], &transposed);
        let logits = bench.left.iter().map(|&x| f64::from(x));
        let softplus = |x: f64| reference::point(PointOp::Softplus, [x, 0.0, 0.0]);
        let loss = logits.clone().map(softplus).fold(reference::sum([].into_iter()), |sum, x| Near {
            value: sum.value + x.value,
            error: sum.error + x.error + (rows + 2) as f64 * reference::U * x.value.abs(),
        });
        let right = reference::sum(logits.map(|x| f64::from(u8::from(x > 0.0))));
        // The third sum is of what the device itself stored.
        let stored = reference::sum(found[..rows].iter().map(|&x| f64::from(x)));
        let wanted = [loss, right, stored];
        worst = worst.max(inside(&name, &found[rows..rows + 3], wanted.into_iter()));
        let means = found[rows..rows + 3]
            .iter()
            .map(|&sum| reference::point(PointOp::Mul, [f64::from(sum), f64::from(1.0 / rows as f32), 0.0]));
        worst = worst.max(inside(&name, &found[rows + 3..rows + 6], means));
    }
    worst
}

pub(super) fn draws(w: &mut dyn Witness) {
    for dist in [Dist::Uniform, Dist::Normal] {
        for len in [0, 1, 3, 4, 1_023, 1_025] {
            let draw = Load::Rand { stream: stream("latent"), dist, view: View::contiguous((), &[len]) };
            let results = vec![(Arg::Load(0), View::contiguous(Place::Arena(0), &[len]))];
            let program = Program { loads: vec![draw], instructions: vec![], results };
            let name = format!("{dist:?} [{len}]");
            let (found, _) =
                w.run(&name, &Bench::default(), Work::Map(Map { shape: vec![len], program }), len);
            let draw = Draw::new(SEED, stream("latent"), TICK);
            let wanted: Vec<f32> = (0..len as u64).map(|i| dist.sample(&draw, i)).collect();
            same_bits(&name, &found, &wanted);
        }
    }
}
