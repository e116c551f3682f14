//! Maps that follow a matrix product in its launch: maxouts, and others that read the result where it was stored.

use super::products::{as_read, cut};
use super::programs::{NO, instruction};
use super::{indices, inside};
use crate::bench::{Bench, LEFT, Large, RIGHT, SEED, TICK, Witness, normals, same_bits};
use crate::reference::{self, Near, element};
use gansaku::exec::cuda::Multiprocessors;
use gansaku::graph::{Dist, OptimizerId};
use gansaku::lower::{
    Arg, Epilogue, Follower, Instruction, Load, Matmul, Place, PointOp, Program, View, Work,
};
use gansaku::precision::Precision;
use gansaku::rng::{Draw, stream};

/// Products with a maxout behind them: the affine values against the reference, the maxima to the bit of the greatest
/// affine value stored, with or without a dropout mask behind.
pub(super) fn maxouts(w: &mut dyn Witness, precision: Precision) -> f64 {
    let mut worst = 0.0f64;
    let Large { multiprocessors, ragged: [most, _], units, .. } = w.large();
    let usual = Multiprocessors::default();
    // Of the last three, one is cut into slices; two have launches of their own for the maxout: pieces too many for a
    // tile, large tiles.
    let sizes = [
        ([1, 5, 7], 2),
        ([3, 1, 7], 2),
        ([64, 8, 16], 5),
        ([65, 17, 40], 3),
        ([70, 33, 50], 5),
        ([20, 8, 20], 8),
        ([20, 13, 24], 9),
        ([7, 33, 2_001], 5),
        ([most, units, 18], 5),
    ];
    for ([m, units, k], pieces) in sizes {
        let for_large = if m == most { multiprocessors } else { usual };
        for (dropout, narrow) in [(false, false), (true, false), (true, precision.stored().is_some())] {
            worst = worst.max(maxout(w, (precision, for_large), [m, units, k], pieces, dropout, narrow));
        }
    }
    worst
}

fn maxout(
    w: &mut dyn Witness,
    (precision, multiprocessors): (Precision, Multiprocessors),
    [m, units, k]: [usize; 3],
    pieces: usize,
    dropout: bool,
    narrow: bool,
) -> f64 {
    let n = pieces * units;
    let [left, right] = match precision.stored() {
        Some(_) => [0, 1].map(|i| Place::Copies(OptimizerId(i), 0)),
        None => [LEFT, RIGHT],
    };
    let bench = Bench {
        left: normals("a", m * k),
        right: normals("b", k * n),
        arena: normals("bias", n),
        precision,
        multiprocessors,
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
        let view = View::contiguous((), &[m, units]);
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
        followers: vec![Follower { pieces, shape: vec![m, units], program }],
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

/// Products with two maps behind them that read each element of the result where it was stored, and other memory: to the bit
/// what arithmetic says of the result that is there.
pub(super) fn followers(w: &mut dyn Witness, precision: Precision) {
    // Tiles with edges; slices; large tiles, whose maps have launches of their own.
    let Large { multiprocessors, ragged, .. } = w.large();
    let large = [ragged[0], ragged[1], 18];
    for [m, n, k] in [[1, 1, 3], [70, 67, 20], [64, 128, 48], [9, 130, 2_001], large] {
        let [left, right] = match precision.stored() {
            Some(_) => [0, 1].map(|i| Place::Copies(OptimizerId(i), 0)),
            None => [LEFT, RIGHT],
        };
        let other = normals("other", m * n);
        let bench = Bench {
            left: normals("a", m * k),
            right: normals("b", k * n),
            arena: other.clone(),
            precision,
            multiprocessors: if [m, n, k] == large { multiprocessors } else { Multiprocessors::default() },
            ..Bench::default()
        };
        let len = m * n;
        let at = |number: usize, rows| View::contiguous(Place::Arena(number * len), &[rows, n]);
        let draw = Load::Rand { stream: stream("mask"), dist: Dist::Uniform, view: at(0, m).map(|_| ()) };
        let (l, r) = (Arg::Load, Arg::Register);
        // The first reads the result in all rows but the last one, zeros there.
        let windowed = View { windows: vec![(0, m - 1), (0, n)], ..at(1, m) };
        let scaled = Program {
            loads: vec![Load::Memory(windowed), Load::Memory(at(0, m)), draw],
            instructions: vec![
                instruction(PointOp::Mul, [l(0), l(1), NO], 0),
                instruction(PointOp::Add, [r(0), l(2), NO], 1),
            ],
            results: vec![(r(1), at(2, m))],
        };
        // The second has half the rows.
        let half = m.div_ceil(2);
        let doubled = Program {
            loads: vec![Load::Memory(at(1, half))],
            instructions: vec![instruction(PointOp::Add, [l(0), l(0), NO], 0)],
            results: vec![(r(0), at(3, half))],
        };
        let work = Work::Matmul(Matmul {
            a: View::contiguous(left, &[m, k]),
            b: View::contiguous(right, &[k, n]),
            out: at(1, m),
            size: [m, n, k],
            epilogue: vec![Epilogue::Relu],
            column_sums: None,
            followers: vec![
                Follower { pieces: 1, shape: vec![m, n], program: scaled },
                Follower { pieces: 1, shape: vec![half, n], program: doubled },
            ],
        });
        let name = format!("followers {} [{m}, {n}, {k}]", precision.name());
        let (found, cpu) = w.run(&name, &bench, work, 2 * len + half * n);
        let draw = Draw::new(SEED, stream("mask"), TICK);
        for (whose, numbers) in [("the CPU's", &cpu), ("the device's", &found)] {
            let (result, maps) = numbers.split_at(len);
            let seen = |i: usize| if i < len - n { result[i] } else { 0.0 };
            let scaled = (0..len).map(|i| seen(i) * other[i] + draw.uniform(i as u64));
            let doubled = (0..half * n).map(|i| result[i] + result[i]);
            let wanted: Vec<f32> = scaled.chain(doubled).collect();
            same_bits(&format!("{name}: {whose} maps"), maps, &wanted);
        }
    }
}
