//! The table: kernel × layout × size, each against a reference with a derived tolerance. Random numbers, data
//! and updates must be the CPU's to the bit. A kernel that no row launches fails the test.

use crate::bench::{Bench, LEFT, RIGHT, SEED, TICK, Witness, normals, same_bits};
use crate::reference::{self, Near, element};
use gansaku::config::Rule;
use gansaku::data::{Dataset, Examples, Shape, Values};
use gansaku::exec::cuda::Clock;
use gansaku::exec::schedule::{Done, NetworkSchedule, Schedule};
use gansaku::exec::{ColumnNorm, UpdateRule};
use gansaku::graph::{Dist, Player};
use gansaku::lower::{
    Arg, EXAMPLES, Epilogue, Instruction, LABELS, Load, Matmul, Maxout, Place, PointOp, Program, View, Work,
};
use gansaku::precision::{Precision, round_tf32};
use gansaku::rng::{Draw, stream};
use std::sync::Arc;

/// Asserts that all are inside; the largest share of a tolerance used.
fn inside(name: &str, found: &[f32], wanted: impl Iterator<Item = Near>) -> f64 {
    let share = |(i, (&x, want)): (usize, (&f32, Near))| {
        let share = want.share(x);
        assert!(share <= 1.0, "{name}: element {i} is {x:e}, not {:e} ± {:.1e}", want.value, want.error);
        share
    };
    found.iter().zip(wanted).enumerate().map(share).fold(0.0, f64::max)
}

fn indices(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> + '_ {
    (0..shape.iter().product()).map(move |mut at: usize| {
        let mut index = vec![0; shape.len()];
        for (i, &n) in index.iter_mut().zip(shape).rev() {
            (*i, at) = (at % n, at / n);
        }
        index
    })
}

/// A `[rows, columns]` matrix with `gap` unused elements after each line; transposed, its columns are lines.
fn matrix(place: Place, [rows, columns]: [usize; 2], transposed: bool, gap: usize) -> (View, usize) {
    let (lines, along) = if transposed { (columns, rows) } else { (rows, columns) };
    let line = (along + gap) as isize;
    let strides = if transposed { vec![1, line] } else { vec![line, 1] };
    let len = if lines * along == 0 { 0 } else { (lines - 1) * (along + gap) + along };
    (View { place, base: 0, strides, windows: vec![(0, rows), (0, columns)] }, len)
}

/// A product in some precision, its operands in layouts such as "nt" with `gap` unused elements after each line.
struct Product<'a> {
    precision: Precision,
    size: [usize; 3],
    layout: &'a str,
    gap: usize,
    /// Whether the result is stored in 16 bits.
    narrow: bool,
    /// Whether the columns of the right operand are summed beside it.
    sums: bool,
    steps: &'a [Epilogue],
}

/// What the operands of steps are read from: this far into G's weights (or their copies) and into the arena.
const STEPS_AT: usize = 65_536;

fn matmul(w: &mut dyn Witness, product: &Product) -> f64 {
    let &Product { precision, size, layout, gap, narrow, steps, .. } = product;
    let [m, n, k] = size;
    let format = precision.stored();
    let [left_place, right_place] = match format {
        Some(_) => [Place::Copies(Player::Generator, 0), Place::Copies(Player::Discriminator, 0)],
        None => [LEFT, RIGHT],
    };
    let mut layouts = layout.chars().map(|c| c == 't');
    let (a, left) = matrix(left_place, [m, k], layouts.next().expect("of a"), gap);
    let (b, right) = matrix(right_place, [k, n], layouts.next().expect("of b"), gap);
    let operands = normals("y", if steps.is_empty() { 0 } else { 2 * m * n + n });
    let mut bench = Bench {
        left: normals("a", left),
        right: normals("b", right),
        arena: operands.clone(),
        data: None,
        precision,
    };
    if !steps.is_empty() {
        assert!(left <= STEPS_AT, "room for the left operand");
        bench.left.resize(STEPS_AT, 0.0);
        bench.left.extend(operands);
    }
    let out = match (narrow, bench.arena.len()) {
        (true, _) => Place::Narrow(0),
        (false, at) => Place::Arena(at),
    };
    let names: Vec<_> = steps.iter().map(Epilogue::name).collect();
    let to = if narrow { " to 16 bits" } else { "" };
    let name = format!("matmul {} {layout} {size:?} gap {gap} {names:?}{to}", precision.name());
    let out = View::contiguous(out, &[m, n]);
    // Sums of b's columns come behind the result, where the host can see them beside it.
    let sums_at = out.place;
    let column_sums = match sums_at {
        Place::Arena(at) if product.sums => Some(View::contiguous(Place::Arena(at + m * n), &[1, n])),
        _ => None,
    };
    let len = m * n + column_sums.as_ref().map_or(0, |_| n);
    let epilogue = steps.to_vec();
    let work =
        Work::Matmul(Matmul { a: a.clone(), b: b.clone(), out, size, epilogue, column_sums, maxout: None });
    let (found, cpu) = w.run(&name, &bench, work, len);
    let (left, right) = (as_read(precision, &bench.left), as_read(precision, &bench.right));
    let cut = cut(precision);
    let sum_of = |j: usize| {
        let sum = reference::sum((0..k).map(|x| element(&right, 0, &b, &[x, j])));
        Near { error: cut * sum.error, ..sum }
    };
    let columns = (0..len - m * n).map(sum_of);
    let wanted: Vec<Near> = indices(&[m, n])
        .map(|index| {
            let (i, j) = (index[0], index[1]);
            let term = |x| element(&left, 0, &a, &[i, x]) * element(&right, 0, &b, &[x, j]);
            let sum = reference::sum((0..k).map(term));
            let finished = steps.iter().fold(Near { error: cut * sum.error, ..sum }, |x, step| {
                let y = step.view().map_or(0.0, |v| match (step, v.place) {
                    (Epilogue::Dropout { .. }, _) => 0.0,
                    (_, Place::Arena(at)) => element(&bench.arena, at, v, &index),
                    (_, Place::Copies(Player::Generator, at)) => element(&left, at, v, &index),
                    other => panic!("an operand in {other:?}"),
                });
                reference::epilogue(x, step, y, [i, j], |s| Draw::new(SEED, s, TICK))
            });
            format.filter(|_| narrow).map_or(finished, |format| reference::narrowed(finished, format))
        })
        .chain(columns)
        .collect();
    inside(&format!("{name} on the CPU"), &cpu, wanted.iter().copied());
    inside(&name, &found, wanted.into_iter())
}

fn matmuls(w: &mut dyn Witness, precision: Precision) -> f64 {
    let mut worst = 0.0f64;
    let plain =
        Product { precision, size: [0; 3], layout: "nn", gap: 0, narrow: false, sums: false, steps: &[] };
    let sizes = [
        [0, 4, 3],
        [2, 0, 3],
        [2, 3, 0],
        [1, 1, 1],
        [3, 5, 7],
        [1, 130, 5],
        [100, 1, 33],
        [64, 64, 16],
        [65, 63, 17],
        [129, 66, 48],
        [20, 70, 300],
        [1, 3, 2_001],
    ];
    for size in sizes {
        for layout in ["nn", "nt", "tn", "tt"] {
            // Lines of eight elements more are aligned to 16 bytes where they were, three more never are.
            for gap in [0, 3, 8] {
                worst = worst.max(matmul(w, &Product { size, layout, gap, ..plain }));
            }
        }
    }
    for layout in ["nn", "nt", "tn", "tt"] {
        worst = worst.max(matmul(w, &Product { size: [1_500, 1_410, 18], layout, gap: 1, ..plain }));
    }
    // tf32 would round what is summed: no plan asks it to.
    if precision != Precision::Tf32 {
        for size in [[0, 4, 3], [1, 1, 1], [64, 64, 16], [63, 66, 48], [128, 5, 300], [20, 70, 300]] {
            for layout in ["nn", "tn", "tt"] {
                worst = worst.max(matmul(w, &Product { size, layout, sums: true, ..plain }));
                let steps = [Epilogue::Scale(-0.3)];
                let gap = 3;
                worst =
                    worst.max(matmul(w, &Product { size, layout, gap, sums: true, steps: &steps, ..plain }));
            }
        }
        let size = [1_500, 1_410, 18];
        worst = worst.max(matmul(w, &Product { size, layout: "tn", sums: true, ..plain }));
    }
    let (m, n) = (33, 70);
    let mut places = vec![(Place::Arena(0), false)];
    if precision.stored().is_some() {
        places.extend([(Place::Copies(Player::Generator, STEPS_AT), true), (Place::Arena(0), true)]);
    }
    for (place, narrow) in places {
        for steps in &chains(place, [m, n]) {
            worst = worst.max(matmul(w, &Product { size: [m, n, 19], narrow, steps, ..plain }));
            let deep = Product { size: [m, n, 200], layout: "nt", gap: 1, narrow, steps, ..plain };
            worst = worst.max(matmul(w, &deep));
        }
    }
    worst
}

/// Products with a maxout behind them: the affine values against the reference, the maxima to the bit of the greatest
/// affine value stored, with or without a dropout mask behind.
fn maxouts(w: &mut dyn Witness, precision: Precision) -> f64 {
    let mut worst = 0.0f64;
    // The last three have launches of their own for the maxout: pieces too many for a tile, slices, large tiles.
    let sizes = [
        ([1, 5, 7], 2),
        ([3, 1, 7], 2),
        ([64, 8, 16], 5),
        ([65, 17, 40], 3),
        ([70, 33, 50], 5),
        ([20, 8, 20], 8),
        ([20, 13, 24], 9),
        ([7, 33, 2_001], 5),
        ([1_500, 282, 18], 5),
    ];
    for ([m, units, k], pieces) in sizes {
        for (dropout, narrow) in [(false, false), (true, false), (true, precision.stored().is_some())] {
            worst = worst.max(maxout(w, precision, [m, units, k], pieces, dropout, narrow));
        }
    }
    worst
}

fn maxout(
    w: &mut dyn Witness,
    precision: Precision,
    [m, units, k]: [usize; 3],
    pieces: usize,
    dropout: bool,
    narrow: bool,
) -> f64 {
    let n = pieces * units;
    let [left, right] = match precision.stored() {
        Some(_) => Player::ALL.map(|player| Place::Copies(player, 0)),
        None => [LEFT, RIGHT],
    };
    let bench = Bench {
        left: normals("a", m * k),
        right: normals("b", k * n),
        arena: normals("bias", n),
        precision,
        ..Bench::default()
    };
    let at = if narrow { 0 } else { n };
    let place = |at| if narrow { Place::Narrow(at) } else { Place::Arena(at) };
    let out = View::contiguous(place(at), &[m, n]);
    let piece =
        |p: usize| View { base: (p * units) as isize, windows: vec![(0, m), (0, units)], ..out.clone() };
    let to = View::contiguous(place(at + m * n), &[m, units]);
    let mut loads: Vec<Load> = (0..pieces).map(|p| Load::Memory(piece(p))).collect();
    let greatest = |p: usize| {
        let so_far = if p == 1 { Arg::Load(0) } else { Arg::Register(p as u8 % 2) };
        instruction(PointOp::Max, [so_far, Arg::Load(p as u8), NO], (p as u8 + 1) % 2)
    };
    let mut instructions: Vec<Instruction> = (1..pieces).map(greatest).collect();
    let mut last = instructions[pieces - 2].to;
    if dropout {
        let view = View::contiguous(Place::Arena(0), &[m, units]);
        loads.push(Load::Rand { stream: stream("mask"), dist: Dist::Uniform, view });
        let (r, mask) = (Arg::Register, Arg::Load(pieces as u8));
        instructions.push(instruction(PointOp::Gt, [mask, Arg::Const(0.5), NO], 2));
        instructions.push(instruction(PointOp::Select, [r(2), Arg::Const(2.0), NO], 3));
        instructions.push(instruction(PointOp::Mul, [r(last), r(3), NO], 4));
        last = 4;
    }
    let program = Program { loads, instructions, results: vec![(Arg::Register(last), to)] };
    let (a, b) = (View::contiguous(left, &[m, k]), View::contiguous(right, &[k, n]));
    let bias = View { strides: vec![0, 1], ..View::contiguous(Place::Arena(0), &[m, n]) };
    let work = Work::Matmul(Matmul {
        a: a.clone(),
        b: b.clone(),
        out,
        size: [m, n, k],
        epilogue: vec![Epilogue::Bias(bias)],
        column_sums: None,
        maxout: Some(Maxout { pieces, shape: vec![m, units], program }),
    });
    let name =
        format!("maxout {} [{m}, {units}, {k}] of {pieces} pieces, {dropout} {narrow}", precision.name());
    let (found, cpu) = w.run(&name, &bench, work, m * n + m * units);
    let (left, right) = (as_read(precision, &bench.left), as_read(precision, &bench.right));
    let shape = [m, n];
    let wanted = indices(&shape).map(|index| {
        let (i, j) = (index[0], index[1]);
        let sum =
            reference::sum((0..k).map(|x| element(&left, 0, &a, &[i, x]) * element(&right, 0, &b, &[x, j])));
        let sum = Near { error: cut(precision) * sum.error, ..sum };
        let biased = sum.value + f64::from(bench.arena[j]);
        let near = Near { value: biased, error: sum.error + reference::U * biased.abs() };
        precision.stored().filter(|_| narrow).map_or(near, |format| reference::narrowed(near, format))
    });
    let draw = Draw::new(SEED, stream("mask"), TICK);
    for (whose, numbers) in [("the CPU's", &cpu), ("the device's", &found)] {
        let (affine, maxima) = numbers.split_at(m * n);
        let greatest = |at: usize| {
            let (i, u) = (at / units, at % units);
            let greatest =
                (0..pieces).map(|p| affine[i * n + p * units + u]).fold(f32::NEG_INFINITY, f32::max);
            let kept = if dropout && draw.uniform(at as u64) <= 0.5 { 0.0 } else { 1.0 };
            let value = greatest * if dropout { 2.0 * kept } else { 1.0 };
            precision.stored().filter(|_| narrow).map_or(value, |format| format.round(value))
        };
        let wanted: Vec<f32> = (0..m * units).map(greatest).collect();
        same_bits(&format!("{name}: {whose} maxima"), maxima, &wanted);
    }
    inside(&name, &found[..m * n], wanted)
}

/// Numbers as a product of this precision reads them.
fn as_read(precision: Precision, memory: &[f32]) -> Vec<f32> {
    let number = |&x: &f32| match precision.stored() {
        Some(format) => format.round(x),
        None if precision == Precision::Tf32 => round_tf32(x),
        None => x,
    };
    memory.iter().map(number).collect()
}

/// Tensor cores cut sums off where others round them.
fn cut(precision: Precision) -> f64 {
    if precision == Precision::Fp32 { 1.0 } else { 2.0 }
}

/// Every epilogue step, operands at `place`, on a product of `[m, n]`.
fn chains(place: Place, [m, n]: [usize; 2]) -> Vec<Vec<Epilogue>> {
    let full = View::contiguous(place, &[m, n]);
    let row = View { strides: vec![0, 1], ..full.clone() };
    // Rows 3 .. 20 of the operand, columns 5 .. 66; zeros around.
    let window = View { windows: vec![(3, 20), (5, 66)], base: -200, ..full.clone() };
    let drawn = |base| View { base, ..full.clone() };
    // A draw whose rows start at multiples of four elements, and one whose rows do not.
    let dropout = |name, base| Epilogue::Dropout {
        stream: stream(name),
        threshold: 0.2,
        scale: 1.25,
        view: drawn(base),
    };
    let four = View { strides: vec![72, 1], ..full.clone() };
    let aligned = Epilogue::Dropout { stream: stream("D/drop1"), threshold: 0.5, scale: 2.0, view: four };
    vec![
        vec![Epilogue::Bias(row.clone())],
        vec![Epilogue::Accumulate(full.clone())],
        vec![Epilogue::Accumulate(window.clone())],
        vec![Epilogue::Scale(-0.3)],
        vec![Epilogue::Relu],
        vec![Epilogue::LeakyRelu(0.2)],
        vec![Epilogue::Tanh],
        vec![Epilogue::Sigmoid],
        vec![dropout("D/drop0", 0)],
        vec![dropout("D/drop0", 7)],
        vec![aligned],
        vec![Epilogue::ReluGrad(full.clone())],
        vec![Epilogue::ReluGrad(window)],
        vec![Epilogue::LeakyReluGrad(full.clone(), 0.2)],
        vec![Epilogue::TanhGrad(full.clone())],
        vec![Epilogue::SigmoidGrad(full.clone())],
        vec![
            Epilogue::Bias(row),
            Epilogue::LeakyRelu(0.2),
            dropout("D/drop0", 0),
            Epilogue::Accumulate(full),
        ],
    ]
}

const NO: Arg = Arg::Const(0.0);

fn instruction(op: PointOp, args: [Arg; 3], to: u8) -> Instruction {
    Instruction { op, args, to }
}

/// Every operation on numbers of all sizes, at lengths around a block's.
fn point_ops(w: &mut dyn Witness) -> f64 {
    use PointOp::{Add, Gt, Max, Mul, Recip, Select, Sigmoid, Softplus, Sqrt, Tanh};
    let mut worst = 0.0f64;
    for op in [Add, Mul, Max, Gt, Select, Sqrt, Recip, Tanh, Sigmoid, Softplus] {
        for len in [0, 1, 3, 127, 512, 1_301] {
            let spread = |i: usize, x: f32| if op == Sqrt { x.abs() } else { x * [0.01, 1.0, 30.0][i % 3] };
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
            let (found, cpu) = w.run(&name, &bench, Work::Map { shape: vec![len], program }, len);
            // The device rounds its softplus once, the CPU several times.
            if op != Softplus {
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
fn conversions(w: &mut dyn Witness) {
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
            (Place::Copies(Player::Generator, 0), Place::Arena(0)),
            (Place::Copies(Player::Generator, 0), Place::Narrow(0)),
        ] {
            let view = |place| View::contiguous(place, &[len]);
            let program = Program {
                loads: vec![Load::Memory(view(from))],
                instructions: vec![],
                results: vec![(Arg::Load(0), view(to))],
            };
            let name = format!("{from:?} to {to:?} in {}", precision.name());
            let (found, cpu) = w.run(&name, &bench, Work::Map { shape: vec![len], program }, len);
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
        let work = Work::Reduce { shape: vec![300, 3], summed: vec![false, true], program };
        let (found, _) = w.run("a sum to 16 bits", &bench, work, 300);
        let wanted = bench
            .left
            .chunks(3)
            .map(|x| reference::narrowed(reference::sum(x.iter().map(|&x| f64::from(x))), format));
        inside("a sum to 16 bits", &found, wanted);
        gathers(w, precision, Place::Narrow(0));
    }
}

/// A program that needs slots, the chain, windows, broadcasts, transposes, random loads and two results.
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
    let draw = |dist, name| Load::Rand {
        stream: stream(name),
        dist,
        view: View::contiguous(Place::Arena(0), &shape),
    };
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

fn programs(w: &mut dyn Witness) -> f64 {
    let mut worst = 0.0f64;
    for shape in [[0, 3, 4], [1, 1, 1], [3, 5, 7], [5, 40, 9], [2, 3, 350]] {
        let [a, b, c] = shape;
        let len = a * b * c;
        let bench = Bench { left: normals("l", len), right: normals("r", len.max(c)), ..Bench::default() };
        let (program, _) = long_program(shape, Place::Arena(0), [false; 3]);
        let name = format!("map {shape:?}");
        let (found, cpu) = w.run(&name, &bench, Work::Map { shape: shape.to_vec(), program }, 2 * len);
        same_bits(&name, &found, &cpu);
        for bits in 1..8 {
            let summed = [bits & 1 != 0, bits & 2 != 0, bits & 4 != 0];
            let (program, kept) = long_program(shape, Place::Arena(0), summed);
            let name = format!("reduce {shape:?} {summed:?}");
            let results: usize = kept.iter().product();
            let work = Work::Reduce { shape: shape.to_vec(), summed: summed.to_vec(), program };
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

/// Cross entropy on logits in one launch: gradients, the same transposed (read by other threads than stored them), sums
/// over the minibatch, and means that read the sums.
fn losses(w: &mut dyn Witness) -> f64 {
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
        let work = Work::Loss(vec![
            Work::Map { shape: vec![rows], program: gradient },
            Work::Map { shape: vec![a, b], program: transpose },
            Work::Reduce { shape: vec![rows], summed: vec![true], program: sums },
            Work::Map { shape: vec![3], program: means },
        ]);
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

fn draws(w: &mut dyn Witness) {
    for dist in [Dist::Uniform, Dist::Normal] {
        for len in [0, 1, 3, 4, 1_023, 1_025] {
            let draw = Load::Rand {
                stream: stream("latent"),
                dist,
                view: View::contiguous(Place::Arena(0), &[len]),
            };
            let results = vec![(Arg::Load(0), View::contiguous(Place::Arena(0), &[len]))];
            let program = Program { loads: vec![draw], instructions: vec![], results };
            let name = format!("{dist:?} [{len}]");
            let (found, _) = w.run(&name, &Bench::default(), Work::Map { shape: vec![len], program }, len);
            let draw = Draw::new(SEED, stream("latent"), TICK);
            let wanted: Vec<f32> = (0..len as u64).map(|i| dist.sample(&draw, i)).collect();
            same_bits(&name, &found, &wanted);
        }
    }
}

fn gathers(w: &mut dyn Witness, precision: Precision, to: Place) {
    for (count, rows, width) in [(1, 1, 1), (3, 7, 5), (257, 20, 1), (1_000, 3, 300), (5, 0, 4)] {
        let bytes: Vec<u8> = (0..count * width).map(|i| (i * 37 % 256) as u8).collect();
        let labels = Some((0..count).map(|i| (i % width.min(200)) as u8).collect::<Vec<u8>>());
        for (values, input) in [
            (Values::U8(bytes.clone()), EXAMPLES),
            (Values::F32(normals("data", count * width)), EXAMPLES),
            (Values::U8(bytes.clone()), LABELS),
        ] {
            let train = Examples { count, values, labels: labels.clone() };
            let shape = Shape { channels: width, height: 1, width: 1 };
            let data =
                Dataset { factor: 2.0 / 255.0, offset: -1.0, ..Dataset::of("table", shape, width, train) };
            let bench = Bench { data: Some(Arc::new(data)), precision, ..Bench::default() };
            let name = format!("gather {rows} of {count} × {width} {input} in {}", precision.name());
            let work = Work::Gather { input: input.into(), to, rows, width };
            let (found, cpu) = w.run(&name, &bench, work, rows * width);
            same_bits(&name, &found, &cpu);
        }
    }
}

fn updates(w: &mut dyn Witness) -> f64 {
    let mut worst = 0.0f64;
    let rules = [
        Rule::Sgd { momentum: 0.5, final_momentum: 0.5, saturate: 0 },
        Rule::Adam { beta1: 0.5, beta2: 0.999, eps: 1e-8 },
        Rule::RmsProp { alpha: 0.99, eps: 1e-8 },
    ];
    for rule in rules {
        for len in [0, 1, 5, 4_096, 4_097, 9_001] {
            let cases = [
                (0.0, false, Precision::Fp32),
                (0.05, true, Precision::Fp32),
                (0.0, true, Precision::Fp16),
                (0.05, false, Precision::Bf16),
            ];
            for (clip, average, precision) in cases {
                let rule = UpdateRule { rule, clip, column_norms: vec![], average, scaled: false };
                let name =
                    format!("{:?} [{len}] clip {clip} average {average} {}", rule.rule, precision.name());
                let (found, cpu) =
                    w.update(&name, &rule, &normals("w", len), &vec![normals(&name, len); 3], precision);
                same_bits(&name, &found.weights, &cpu.weights);
                same_bits(&name, &found.moments.concat(), &cpu.moments.concat());
                same_bits(&name, &found.average, &cpu.average);
                let (norm, wanted) = (found.gradient_norm2, cpu.gradient_norm2);
                assert!((norm - wanted).abs() <= 1e-13 * wanted, "{name}: squared norm {norm}, not {wanted}");
            }
        }
    }
    for [fan_in, units] in [[0, 3], [1, 1], [7, 33], [100, 5]] {
        let (offset, limit) = (3, 0.9);
        let column_norms = vec![ColumnNorm { offset, fan_in, units, limit }];
        let rule = UpdateRule { rule: rules[0], clip: 0.0, column_norms, average: true, scaled: false };
        let name = format!("column norms [{fan_in}, {units}]");
        let weights = normals("w", offset + fan_in * units + 2);
        let gradients = vec![normals(&name, weights.len())];
        let (found, cpu) = w.update(&name, &rule, &weights, &gradients, Precision::Bf16);
        same_bits(&name, &found.weights[..offset], &cpu.weights[..offset]);
        // A norm is the root of a sum of fan_in squares: half that sum's relative error, and four roundings.
        let wanted = cpu.weights.iter().map(|&x| {
            let value = f64::from(x);
            Near { value, error: (fan_in as f64 + 8.0) * reference::U * value.abs() }
        });
        worst = worst.max(inside(&name, &found.weights, wanted));
        let wanted = cpu.average.iter().zip(&cpu.weights).map(|(&a, &x)| {
            let value = f64::from(a);
            Near { value, error: (fan_in as f64 + 10.0) * reference::U * (value.abs() + f64::from(x).abs()) }
        });
        worst = worst.max(inside(&name, &found.average, wanted));
    }
    worst
}

/// log Σ exp(−½‖x − μ‖²/σ²), and how far f32 distances and exponentials may be from it.
fn log_sum(x: &[f32], centres: &[f32], width: f64) -> Near {
    let dim = x.len();
    let scale = 0.5 / (width * width);
    let exponent = |centre: &[f32]| -> f64 {
        let apart = x.iter().zip(centre).map(|(&a, &b)| f64::from(a) - f64::from(b));
        scale * apart.map(|d| d * d).sum::<f64>()
    };
    let exponents: Vec<f64> = centres.chunks(dim).map(exponent).collect();
    let nearest = exponents.iter().copied().fold(f64::INFINITY, f64::min);
    // A distance is a sum of dim squares of rounded differences, the width is rounded, and so are the distance
    // beyond the nearest one and its multiple: each exponent may be off by a share of itself.
    let off = |exponent: f64| (dim as f64 + 6.0) * reference::U * exponent;
    let sum =
        |grown: &dyn Fn(f64) -> f64| exponents.iter().map(|&e| (nearest - e + grown(e)).exp()).sum::<f64>();
    let value = sum(&|_| 0.0).ln() - nearest;
    // A term passes an exponential of its own, one for each tile that comes nearer, and three where sums join.
    let exponentials = exponents.len().div_ceil(64).min(32) as f64 + 4.0;
    let error = (sum(&off).ln() - nearest - value) + 3e-7 * exponentials;
    Near { value, error }
}

/// Parzen windows; every size around those of tiles and slices, narrow and wide windows.
fn windows(w: &mut dyn Witness) -> f64 {
    let widths = gansaku::eval::parzen::widths();
    let mut worst = 0.0f64;
    for (count, centre_count, dim, widths) in [
        (1, 1, 1, &widths[..]),
        (3, 5, 7, &widths[..1]),
        (64, 64, 16, &widths[9..]),
        (65, 63, 17, &widths[3..5]),
        (70, 131, 50, &widths[..]),
        (2, 2_049, 3, &widths[..]),
        (5, 200, 784, &[&widths[..], &[2.0, 0.05]].concat()),
        (0, 4, 3, &widths[..]),
        (4, 0, 3, &widths[..2]),
    ] {
        let scaled = |name: &str, len| normals(name, len).iter().map(|x| 0.3 * x + 0.5).collect::<Vec<f32>>();
        let (points, centres) = (scaled("points", count * dim), scaled("centres", centre_count * dim));
        let name = format!("windows of {count} points, {centre_count} centres of {dim}");
        let found = w.log_sums(&centres, &points, dim, widths);
        assert_eq!(found.len(), widths.len(), "{name}");
        for (row, &width) in found.iter().zip(widths) {
            assert_eq!(row.len(), count, "{name}");
            for (x, &found) in points.chunks(dim).zip(row) {
                if centre_count == 0 {
                    assert_eq!(found, f64::NEG_INFINITY, "{name}: of nothing");
                    continue;
                }
                let want = log_sum(x, &centres, width);
                let share = (want.value - found).abs() / want.error;
                assert!(
                    share <= 1.0,
                    "{name}, width {width}: {found}, not {} ± {:.1e}",
                    want.value,
                    want.error
                );
                worst = worst.max(share);
            }
        }
    }
    worst
}

/// The end of a phase: counters and the rates of the next update, near the start and far from it.
fn clocks(w: &mut dyn Witness) {
    let pylearn = NetworkSchedule {
        lr: f64::from(0.1f32),
        decay_factor: 1.000_004,
        min_lr: f64::from(1e-6f32),
        decay_steps: 0,
        final_share: 1.0,
        momentum: 0.5,
        momentum_rise: f64::from(0.7f32 - 0.5),
        rise_epochs: 249,
        average: 0.0,
        ramp: 10.0,
    };
    let line = NetworkSchedule {
        lr: f64::from(2e-4f32),
        decay_factor: 1.0,
        decay_steps: 1_000_003,
        final_share: f64::from(0.01f32),
        rise_epochs: 0,
        average: 0.999,
        ..pylearn
    };
    let rules = [
        Rule::Sgd { momentum: 0.5, final_momentum: 0.7, saturate: 250 },
        Rule::Adam { beta1: 0.5, beta2: 0.999, eps: 1e-8 },
        Rule::RmsProp { alpha: 0.99, eps: 1e-8 },
    ];
    let rules =
        rules.map(|rule| UpdateRule { rule, clip: 0.0, column_norms: vec![], average: true, scaled: false });
    for (i, networks) in [[pylearn, line], [line, pylearn], [line, line]].into_iter().enumerate() {
        let schedule = Schedule { batch: 100, examples: 60_000 + i as u64, networks };
        let rules = [rules[i].clone(), rules[(i + 1) % 3].clone()];
        for tick in [0, 1, 77, 12_345, 3_000_000, (1 << 33) + 5] {
            let done = Done { tick, updates: [tick / 3, tick] };
            for updated in [[false, false], [false, true], [true, true]] {
                let (found, wanted) = w.clock(&schedule, &rules, done, updated);
                let bits = bytemuck::bytes_of::<Clock>;
                assert_eq!(bits(&found), bits(&wanted), "{done:?}, {updated:?}: {found:?}, not {wanted:?}");
            }
        }
    }
}

/// Gradients of a scaled loss, some of them not finite, one after the other through each rule: the scale and every
/// bit as on the CPU; an overflow changes nothing (both in [`Witness::update`]).
fn overflows(w: &mut dyn Witness) {
    let len = 4_100;
    let scaled = |factor: f32| normals("g", len).into_iter().map(|g| factor * g).collect::<Vec<f32>>();
    let with = |at: usize, value: f32| {
        let mut gradient = scaled(65_536.0);
        gradient[at] = value;
        gradient
    };
    let gradients = [
        scaled(65_536.0),
        with(0, f32::INFINITY),
        scaled(1e-30),
        with(len - 1, f32::NAN),
        with(4_095, f32::NEG_INFINITY),
        scaled(f32::MAX / 8.0),
        vec![0.0; len],
        scaled(8_192.0),
    ];
    let rules = [
        Rule::Sgd { momentum: 0.5, final_momentum: 0.5, saturate: 0 },
        Rule::Adam { beta1: 0.5, beta2: 0.999, eps: 1e-8 },
        Rule::RmsProp { alpha: 0.99, eps: 1e-8 },
    ];
    for rule in rules {
        for column_norms in [vec![], vec![ColumnNorm { offset: 3, fan_in: 40, units: 100, limit: 1e30 }]] {
            let norms = column_norms.len();
            let rule = UpdateRule { rule, clip: 0.0, column_norms, average: true, scaled: true };
            let name = format!("overflows, {:?}, {norms} column norms", rule.rule);
            let (found, cpu) = w.update(&name, &rule, &normals("w", len), &gradients, Precision::Fp16);
            assert_eq!(found.loss_scale.skipped, 3, "{name}");
            assert_eq!(found.loss_scale.scale, 65_536.0 / 8.0, "{name}");
            if norms == 0 {
                same_bits(&name, &found.weights, &cpu.weights);
                same_bits(&name, &found.moments.concat(), &cpu.moments.concat());
                same_bits(&name, &found.average, &cpu.average);
            }
        }
    }
}

/// Every row, on a device and on the CPU.
pub fn every_kernel(w: &mut dyn Witness) {
    for precision in [Precision::Fp32, Precision::Tf32, Precision::Fp16, Precision::Bf16] {
        println!("matmul {}: {:.2} of the tolerance", precision.name(), matmuls(w, precision));
    }
    for precision in [Precision::Fp32, Precision::Tf32, Precision::Fp16, Precision::Bf16] {
        println!("maxout {}: {:.2} of the tolerance", precision.name(), maxouts(w, precision));
    }
    conversions(w);
    overflows(w);
    println!("pointwise operations: {:.2} of the tolerance", point_ops(w));
    println!("programs and sums: {:.2} of the tolerance", programs(w));
    draws(w);
    gathers(w, Precision::Fp32, Place::Arena(0));
    println!("losses: {:.2} of the tolerance", losses(w));
    println!("updates: {:.2} of the tolerance", updates(w));
    clocks(w);
    println!("Parzen windows: {:.2} of the tolerance", windows(w));
}
