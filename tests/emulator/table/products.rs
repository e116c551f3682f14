//! Matrix products: layouts, sizes, epilogues, sums of columns, several in one launch, in every precision.

use super::{indices, inside};
use crate::bench::{Bench, LEFT, Large, RIGHT, SEED, TICK, Witness, normals};
use crate::reference::{self, Near, element};
use gansaku::config::Rule;
use gansaku::exec::UpdateRule;
use gansaku::exec::cuda::Multiprocessors;
use gansaku::graph::OptimizerId;
use gansaku::lower::{Along, Epilogue, Gradients, Matmul, Place, View, Work};
use gansaku::precision::{Precision, round_tf32};
use gansaku::rng::{Draw, stream};

/// A `[rows, columns]` matrix with `gap` unused elements after each line; transposed, its columns are lines.
fn matrix(place: Place, [rows, columns]: [usize; 2], transposed: bool, gap: usize) -> (View, usize) {
    let (lines, along) = if transposed { (columns, rows) } else { (rows, columns) };
    let line = (along + gap) as isize;
    let strides = if transposed { vec![1, line] } else { vec![line, 1] };
    let len = if lines * along == 0 { 0 } else { (lines - 1) * (along + gap) + along };
    (View { place, base: 0, strides, windows: vec![(0, rows), (0, columns)] }, len)
}

/// A product in some precision, its operands in layouts such as "nt" (n: plain, t: transposed, s: spread) with `gap`
/// unused elements after each line.
struct Product<'a> {
    precision: Precision,
    size: [usize; 3],
    layout: &'a str,
    gap: usize,
    /// Whether the result is stored in 16 bits.
    narrow: bool,
    /// Whether the columns of the right operand are summed beside it.
    sums: bool,
    multiprocessors: Multiprocessors,
    steps: &'a [Epilogue],
}

impl Product<'_> {
    /// An empty product of matrices without gaps, by rows.
    fn plain(precision: Precision) -> Product<'static> {
        Product {
            precision,
            size: [0; 3],
            layout: "nn",
            gap: 0,
            narrow: false,
            sums: false,
            multiprocessors: Multiprocessors::default(),
            steps: &[],
        }
    }
}

/// What the operands of steps are read from: this far into G's weights (or their copies) and into the arena.
const STEPS_AT: usize = 65_536;

fn matmul(w: &mut dyn Witness, product: &Product) -> f64 {
    let &Product { precision, size, layout, gap, narrow, steps, multiprocessors, .. } = product;
    let [m, n, k] = size;
    let format = precision.stored();
    let [left_place, right_place] = match format {
        Some(_) => [Place::Copies(OptimizerId(0), 0), Place::Copies(OptimizerId(1), 0)],
        None => [LEFT, RIGHT],
    };
    let mut layouts = layout.chars();
    let mut operand = |place, size| {
        let layout = layouts.next().expect("a letter an operand");
        let (mut view, len) = matrix(place, size, layout == 't', gap);
        if layout != 's' {
            return (view, len);
        }
        // Every second element of a memory twice as long.
        view.strides.iter_mut().for_each(|stride| *stride *= 2);
        (view, 2 * len)
    };
    let (a, left) = operand(left_place, [m, k]);
    let (b, right) = operand(right_place, [k, n]);
    let operands = normals("y", if steps.is_empty() { 0 } else { 2 * m * n + n });
    let mut bench = Bench {
        left: normals("a", left),
        right: normals("b", right),
        arena: operands.clone(),
        precision,
        multiprocessors,
        ..Bench::default()
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
    let (a_view, b_view) = (a.clone(), b.clone());
    let work =
        Work::Matmul(Matmul { a: a_view, b: b_view, out, size, epilogue, column_sums, followers: vec![] });
    let (found, cpu) = w.run(&name, &bench, work, len);
    let (left, right) = (as_read(precision, &bench.left), as_read(precision, &bench.right));
    let cut = cut(precision);
    let stored = as_stored(precision, &bench.right);
    let sum_of = |j: usize| {
        let sum = reference::sum((0..k).map(|x| element(&stored, 0, &b, &[x, j])));
        Near { error: cut * sum.error, ..sum }
    };
    let columns = (0..len - m * n).map(sum_of);
    let wanted: Vec<Near> = indices(&[m, n])
        .map(|index| {
            let (i, j) = (index[0], index[1]);
            let term = |x| element(&left, 0, &a, &[i, x]) * element(&right, 0, &b, &[x, j]);
            let sum = reference::sum((0..k).map(term));
            let finished = steps.iter().fold(Near { error: cut * sum.error, ..sum }, |x, step| {
                let y = step.operand().map_or(0.0, |v| match v.place {
                    Place::Arena(at) => element(&bench.arena, at, v, &index),
                    Place::Copies(OptimizerId(0), at) => element(&left, at, v, &index),
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

pub(super) fn matmuls(w: &mut dyn Witness, precision: Precision) -> f64 {
    let mut worst = 0.0f64;
    let Large { multiprocessors, ragged: [m, n], .. } = w.large();
    let plain = Product::plain(precision);
    let large = Product { multiprocessors, size: [m, n, 18], ..plain };
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
        worst = worst.max(matmul(w, &Product { layout, gap: 1, ..large }));
    }
    // A view of some channels of every pixel has contiguous elements along neither axis.
    for size in [[3, 5, 7], [65, 63, 17], [20, 70, 300]] {
        for layout in ["sn", "ns", "st", "ss"] {
            worst = worst.max(matmul(w, &Product { size, layout, sums: true, ..plain }));
        }
    }
    for size in [[0, 4, 3], [1, 1, 1], [64, 64, 16], [63, 66, 48], [128, 5, 300], [20, 70, 300]] {
        for layout in ["nn", "tn", "tt"] {
            worst = worst.max(matmul(w, &Product { size, layout, sums: true, ..plain }));
            let steps = [Epilogue::Scale(-0.3)];
            worst =
                worst.max(matmul(w, &Product { size, layout, gap: 3, sums: true, steps: &steps, ..plain }));
        }
    }
    worst = worst.max(matmul(w, &Product { layout: "tn", sums: true, ..large }));
    let (m, n) = (33, 70);
    let mut places = vec![(Place::Arena(0), false)];
    if precision.stored().is_some() {
        places.extend([(Place::Copies(OptimizerId(0), STEPS_AT), true), (Place::Arena(0), true)]);
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

/// Products that fill a GPU with large tiles, ragged along every axis, with lines of whole pieces of 16 bytes, as bulk
/// copies want them; and such as these do not take.
pub(super) fn hopper(w: &mut dyn Witness, precision: Precision) -> f64 {
    let mut worst = 0.0f64;
    let Large { multiprocessors, ragged, whole, aligned, wide, long, .. } = w.large();
    let plain = Product { gap: 5, multiprocessors, ..Product::plain(precision) };
    // A stage, a part of one, and more than the ring has.
    for size in [[131, wide, 19], [3, long, 203], [long, 3, 67]] {
        for layout in ["nn", "nt", "tn", "tt"] {
            worst = worst.max(matmul(w, &Product { size, layout, ..plain }));
        }
    }
    worst = worst.max(matmul(w, &Product { size: [whole[0], whole[1], 64], layout: "nt", gap: 0, ..plain }));
    let size = [11, long, 19];
    for steps in &chains(Place::Copies(OptimizerId(0), STEPS_AT), [size[0], size[1]]) {
        worst = worst.max(matmul(w, &Product { size, narrow: true, steps, ..plain }));
    }
    for steps in chains(Place::Arena(0), [size[0], size[1]]).iter().rev().take(1) {
        worst = worst.max(matmul(w, &Product { size, layout: "tt", steps, ..plain }));
    }
    // Lines that are not aligned; a row of ones, which stays behind; two products in a launch, one not aligned.
    worst = worst.max(matmul(w, &Product { size, gap: 4, ..plain }));
    worst = worst.max(matmul(w, &Product { size, sums: true, steps: &[Epilogue::Scale(0.5)], ..plain }));
    let two = [([aligned[0], aligned[1], 24], true), ([ragged[0], ragged[1], 6], true)];
    worst.max(group(w, precision, multiprocessors, &two))
}

/// Several products in one launch, of one kernel or of two, some cut into slices, some with sums of columns.
pub(super) fn groups(w: &mut dyn Witness, precision: Precision) -> f64 {
    let Large { multiprocessors, ragged: [m, n], .. } = w.large();
    let usual: [&[([usize; 3], bool)]; 3] = [
        &[([5, 7, 3], false), ([64, 65, 20], true)],
        &[([3, 4, 2_001], true), ([100, 30, 40], true), ([2, 3, 700], false), ([130, 1, 9], true)],
        &[([0, 4, 3], false), ([4, 4, 0], true), ([1, 1, 1], false)],
    ];
    let worst = usual.map(|list| group(w, precision, Multiprocessors::default(), list));
    // Large tiles between small ones.
    let mixed = [([20, 20, 20], true), ([m, n, 6], true), ([7, 64, 300], false)];
    worst.into_iter().fold(group(w, precision, multiprocessors, &mixed), f64::max)
}

fn group(
    w: &mut dyn Witness,
    precision: Precision,
    multiprocessors: Multiprocessors,
    list: &[([usize; 3], bool)],
) -> f64 {
    let [left, right] = match precision.stored() {
        Some(_) => [0, 1].map(|i| Place::Copies(OptimizerId(i), 0)),
        None => [LEFT, RIGHT],
    };
    let most = |of: &dyn Fn(&[usize; 3]) -> usize| list.iter().map(|(size, _)| of(size)).max().unwrap_or(0);
    let bench = Bench {
        left: normals("a", most(&|s| s[0] * s[2])),
        right: normals("b", most(&|s| s[2] * s[1])),
        precision,
        multiprocessors,
        ..Bench::default()
    };
    let mut at = 0;
    let mut place = |len: usize| {
        at += len;
        Place::Arena(at - len)
    };
    let product = |&([m, n, k], sums): &([usize; 3], bool)| Matmul {
        a: View::contiguous(left, &[m, k]),
        b: View::contiguous(right, &[k, n]),
        out: View::contiguous(place(m * n), &[m, n]),
        size: [m, n, k],
        epilogue: vec![],
        column_sums: sums.then(|| View::contiguous(place(n), &[1, n])),
        followers: vec![],
    };
    let products: Vec<Matmul> = list.iter().map(product).collect();
    let (optimizer, along) = (OptimizerId(0), Along::Nothing);
    let work = Work::Gradients(Gradients { optimizer, products: products.clone(), along });
    let name = format!("together {} {list:?}", precision.name());
    let (found, cpu) = w.run(&name, &bench, work, at);
    let of = |p| sums_of(precision, p, &bench.left, &bench.right);
    let wanted: Vec<Near> = products.iter().flat_map(of).collect();
    inside(&format!("{name} on the CPU"), &cpu, wanted.iter().copied());
    inside(&name, &found, wanted.into_iter())
}

/// Products that are a network's gradient and update it in the same launch, or measure it there for the update that
/// follows (fp16): whole and ragged tiles, slices, with and without sums of columns, by every rule.
pub(super) fn updates(w: &mut dyn Witness, precision: Precision) -> f64 {
    let lists: [&[([usize; 3], bool)]; 3] = [
        &[([1, 1, 1], false)],
        &[([65, 70, 33], true), ([9, 130, 20], true), ([5, 1, 700], true)],
        &[([64, 64, 16], false), ([3, 4, 2_001], true), ([2, 3, 700], false), ([130, 3, 9], true)],
    ];
    let rules = [
        Rule::Sgd { momentum: 0.5, final_momentum: 0.5, saturate: 0 },
        Rule::Adam { beta1: 0.5, beta2: 0.999, eps: 1e-8 },
        Rule::RmsProp { alpha: 0.99, eps: 1e-8 },
    ];
    let operand = |at| match precision.stored() {
        Some(_) => Place::Copies(OptimizerId(1), at),
        None => Place::Weights(OptimizerId(1), at),
    };
    let mut worst = 0.0f64;
    for ((list, rule), (clip, average)) in
        lists.iter().zip(rules).zip([(0.0, false), (0.0, true), (0.5, true)])
    {
        let (mut read, mut written) = (0, 0);
        let next = |len: usize, at: &mut usize| {
            *at += len;
            *at - len
        };
        let mut product = |&([m, n, k], sums): &([usize; 3], bool)| Matmul {
            a: View::contiguous(operand(next(m * k, &mut read)), &[m, k]),
            b: View::contiguous(operand(next(k * n, &mut read)), &[k, n]),
            out: View::contiguous(Place::Gradients(OptimizerId(0), next(m * n, &mut written)), &[m, n]),
            size: [m, n, k],
            epilogue: vec![Epilogue::Scale(0.5)],
            column_sums: sums
                .then(|| View::contiguous(Place::Gradients(OptimizerId(0), next(n, &mut written)), &[1, n])),
            followers: vec![],
        };
        let products: Vec<Matmul> = list.iter().map(&mut product).collect();
        let scaled = precision == Precision::Fp16;
        let rule = UpdateRule { rule, clip, column_norms: vec![], average, scaled };
        let name = format!("update from {} {list:?}", precision.name());
        let mut data = normals("data", read);
        let found = w.update_from(&name, &rule, &normals("w", written), &data, &products, precision);
        let halved = |near: Near| Near { value: 0.5 * near.value, error: 0.5 * near.error };
        let wanted = products.iter().flat_map(|p| {
            // Each operand from where it lies.
            let from = |view: &View| match view.place {
                Place::Copies(_, at) | Place::Weights(_, at) => data[at..].to_vec(),
                other => panic!("an operand in {other:?}"),
            };
            let all = sums_of(precision, p, &from(&p.a), &from(&p.b));
            let results = p.size[0] * p.size[1];
            all.into_iter().enumerate().map(move |(i, near)| if i < results { halved(near) } else { near })
        });
        worst = worst.max(inside(&name, &found, wanted.collect::<Vec<_>>().into_iter()));
        if scaled {
            // The last operand is beyond fp16.
            data[read - 1] = 1e6;
            let name = format!("{name}, overflowing");
            let found = w.update_from(&name, &rule, &normals("w", written), &data, &products, precision);
            assert!(found.iter().any(|g| !g.is_finite()), "{name}: a gradient that is not finite");
        }
    }
    worst
}

/// A plain product's result, then its sums of columns, from what its operands' memories were filled with.
pub(super) fn sums_of(precision: Precision, product: &Matmul, left: &[f32], right: &[f32]) -> Vec<Near> {
    let Matmul { a, b, size: [m, n, k], column_sums, .. } = product;
    let stored = as_stored(precision, right);
    let (left, right) = (&as_read(precision, left), &as_read(precision, right));
    let near = |terms: &mut dyn Iterator<Item = f64>| {
        let sum = reference::sum(terms);
        Near { error: cut(precision) * sum.error, ..sum }
    };
    let shape = [*m, *n];
    let elements = indices(&shape).map(|index| {
        let term = |x| element(left, 0, a, &[index[0], x]) * element(right, 0, b, &[x, index[1]]);
        near(&mut (0..*k).map(term))
    });
    let elements: Vec<Near> = elements.collect();
    let columns = (0..*n).filter(|_| column_sums.is_some());
    let columns = columns.map(|j| near(&mut (0..*k).map(|x| element(&stored, 0, b, &[x, j]))));
    elements.into_iter().chain(columns).collect()
}

/// Numbers as they lie in the memory that products of this precision read.
pub(super) fn as_stored(precision: Precision, numbers: &[f32]) -> Vec<f32> {
    let number = |&x: &f32| precision.stored().map_or(x, |format| format.round(x));
    numbers.iter().map(number).collect()
}

/// Numbers as a product of this precision multiplies them.
pub(super) fn as_read(precision: Precision, numbers: &[f32]) -> Vec<f32> {
    let mut read = as_stored(precision, numbers);
    if precision == Precision::Tf32 {
        read.iter_mut().for_each(|x| *x = round_tf32(*x));
    }
    read
}

/// Tensor cores cut sums off where others round them.
pub(super) fn cut(precision: Precision) -> f64 {
    if precision == Precision::Fp32 { 1.0 } else { 2.0 }
}

/// Every epilogue step, operands at `place`, on a product of `[m, n]`.
pub(super) fn chains(place: Place, [m, n]: [usize; 2]) -> Vec<Vec<Epilogue>> {
    let full = View::contiguous(place, &[m, n]);
    let row = View { strides: vec![0, 1], ..full.clone() };
    // Rows 3 .. 20 of the operand, columns 5 .. 66; zeros around.
    let window = View { windows: vec![(3, 20), (5, 66)], base: -200, ..full.clone() };
    let drawn = |base| View { base, ..View::contiguous((), &[m, n]) };
    // A draw whose rows start at multiples of four elements, and one whose rows do not.
    let dropout = |name, base| Epilogue::Dropout {
        stream: stream(name),
        threshold: 0.2,
        scale: 1.25,
        view: drawn(base),
    };
    let four = View { strides: vec![72, 1], ..drawn(0) };
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
