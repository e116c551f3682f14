//! Convolutions: every form, few channels and whole pieces of them, odd sizes and strides, gaps between pixels, epilogues and
//! sums of columns, in every precision.

use super::inside;
use super::products::{as_read, as_stored, chains, cut};
use crate::bench::{Bench, LEFT, RIGHT, SEED, TICK, Witness, normals};
use crate::reference::{self, Near, element};
use gansaku::graph::{OptimizerId, Window};
use gansaku::lower::{Convolution, Epilogue, Form, Place, View, Work};
use gansaku::precision::Precision;
use gansaku::rng::Draw;

/// A picture `[rows, height, width, in]`, channels out, the window, and what else kernels branch on.
#[derive(Clone, Copy)]
struct Row<'a> {
    precision: Precision,
    form: Form,
    x: [usize; 4],
    outputs: usize,
    window: Window,
    /// Unused elements after each pixel's channels.
    gap: usize,
    /// Whether the result is stored in 16 bits.
    narrow: bool,
    steps: &'a [Epilogue],
}

/// A picture of pixels with `gap` unused elements between them, and its memory's length.
fn picture(place: Place, shape: [usize; 4], gap: usize) -> (View, usize) {
    let [rows, height, width, channels] = shape;
    let pixel = channels + gap;
    let strides = [height * width * pixel, width * pixel, pixel, 1].map(|s| s as isize).to_vec();
    let view = View { place, base: 0, strides, windows: shape.map(|n| (0, n)).to_vec() };
    (view, rows * height * width * pixel)
}

/// Sums of the trilinear form's terms for each element of what comes out; `b` is dense.
fn sums(row: &Row, y: [usize; 4], a: impl Fn([usize; 4]) -> f64, b: impl Fn(usize) -> f64) -> Vec<Near> {
    let ([rows, height, width, inputs], [_, down, across, outputs]) = (row.x, y);
    let Window { kernel: [kh, kw], stride, pad } = row.window;
    let len = match row.form {
        Form::Result => y.iter().product(),
        Form::Picture => row.x.iter().product(),
        Form::Kernel => kh * kw * inputs * outputs,
    };
    // Terms, their magnitudes' sum, their sum.
    let mut sums = vec![(0.0, 0.0, 0.0); len];
    let mut each = |n: usize, i: usize, j: usize, s: usize, t: usize| {
        let (p, q) = ((i * stride[0] + s).checked_sub(pad[0].0), (j * stride[1] + t).checked_sub(pad[1].0));
        let (Some(p), Some(q)) = (p.filter(|&p| p < height), q.filter(|&q| q < width)) else { return };
        for (c, o) in (0..inputs).flat_map(|c| (0..outputs).map(move |o| (c, o))) {
            let weight = ((s * kw + t) * inputs + c) * outputs + o;
            let result = ((n * down + i) * across + j) * outputs + o;
            let (to, term) = match row.form {
                Form::Result => (result, a([n, p, q, c]) * b(weight)),
                Form::Picture => (((n * height + p) * width + q) * inputs + c, a([n, i, j, o]) * b(weight)),
                Form::Kernel => (weight, a([n, p, q, c]) * b(result)),
            };
            let (count, size, sum) = &mut sums[to];
            (*count, *size, *sum) = (*count + 1.0, *size + term.abs(), *sum + term);
        }
    };
    for n in 0..rows {
        for (i, j) in (0..down).flat_map(|i| (0..across).map(move |j| (i, j))) {
            (0..kh).flat_map(|s| (0..kw).map(move |t| (s, t))).for_each(|(s, t)| each(n, i, j, s, t));
        }
    }
    let cut = cut(row.precision);
    let near = |(count, size, value)| Near { value, error: cut * (count + 2.0) * reference::U * size };
    sums.into_iter().map(near).collect()
}

fn convolution(w: &mut dyn Witness, row: &Row) -> f64 {
    let &Row { precision, form, x, outputs, window, gap, narrow, steps } = row;
    let [down, across] = window.positions([x[1], x[2]]).expect("the window fits");
    let y = [x[0], down, across, outputs];
    let format = precision.stored();
    let [left_place, right_place] = match format {
        Some(_) => [Place::Copies(OptimizerId(0), 0), Place::Copies(OptimizerId(1), 0)],
        None => [LEFT, RIGHT],
    };
    let (a, left) = picture(left_place, if form == Form::Picture { y } else { x }, gap);
    let pixels = y[0] * down * across;
    let (b, right) = match form {
        Form::Kernel => {
            let b = View {
                strides: vec![(outputs + gap) as isize, 1],
                ..View::contiguous(right_place, &[pixels, outputs])
            };
            (b, pixels * (outputs + gap))
        }
        _ => {
            let shape = [window.kernel[0], window.kernel[1], x[3], outputs];
            (View::contiguous(right_place, &shape), shape.iter().product())
        }
    };
    let mut work = Convolution {
        form,
        window,
        x,
        y,
        a: a.clone(),
        b: b.clone(),
        out: View::contiguous(Place::Arena(0), &[0, 0]),
        epilogue: steps.to_vec(),
        column_sums: None,
    };
    let [m, n, _] = work.size();
    let operands = normals("y", if steps.is_empty() { 0 } else { 2 * m * n + n });
    let bench = Bench {
        left: normals("a", left),
        right: normals("b", right),
        arena: operands,
        precision,
        ..Bench::default()
    };
    let at = bench.arena.len();
    work.out = View::contiguous(if narrow { Place::Narrow(0) } else { Place::Arena(at) }, &[m, n]);
    let summed = form == Form::Kernel && !narrow;
    work.column_sums = summed.then(|| View::contiguous(Place::Arena(at + m * n), &[1, n]));
    let names: Vec<_> = steps.iter().map(Epilogue::name).collect();
    let to = if narrow { " to 16 bits" } else { "" };
    let name =
        format!("{} {} {x:?} to {outputs} {window:?} gap {gap} {names:?}{to}", form.name(), precision.name());
    let len = m * n + if summed { n } else { 0 };
    let (found, cpu) = w.run(&name, &bench, Work::Convolution(work), len);
    let (left, right) = (as_read(precision, &bench.left), as_read(precision, &bench.right));
    let dense = |at: usize| match form {
        Form::Kernel => element(&right, 0, &b, &[at / outputs, at % outputs]),
        _ => f64::from(right[at]),
    };
    let wanted = sums(row, y, |index| element(&left, 0, &a, &index), dense).into_iter().enumerate();
    let wanted = wanted.map(|(at, sum)| {
        let index = [at / n, at % n];
        let finished = steps.iter().fold(sum, |x, step| {
            let y = step.operand().map_or(0.0, |v| element(&bench.arena, 0, v, &index));
            reference::epilogue(x, step, y, index, |s| Draw::new(SEED, s, TICK))
        });
        format.filter(|_| narrow).map_or(finished, |format| reference::narrowed(finished, format))
    });
    let stored = as_stored(precision, &bench.right);
    let columns = (0..len - m * n).map(|j| {
        let sum = reference::sum((0..pixels).map(|p| element(&stored, 0, &b, &[p, j])));
        Near { error: cut(precision) * sum.error, ..sum }
    });
    let wanted: Vec<Near> = wanted.chain(columns).collect();
    inside(&format!("{name} on the CPU"), &cpu, wanted.iter().copied());
    inside(&name, &found, wanted.into_iter())
}

pub(super) fn convolutions(w: &mut dyn Witness, precision: Precision) -> f64 {
    let mut worst = 0.0f64;
    let plain = Row {
        precision,
        form: Form::Result,
        x: [0; 4],
        outputs: 0,
        window: Window::square(1, 1, 0),
        gap: 0,
        narrow: false,
        steps: &[],
    };
    let cases = [
        ([3, 8, 8, 5], 7, Window::square(4, 2, 1), 0),
        ([2, 7, 9, 3], 4, Window::same(5, 2, [7, 9]), 0),
        // Whole pieces of 16 bytes, and pieces that are not for the gap between pixels.
        ([2, 6, 5, 8], 8, Window::square(3, 1, 1), 0),
        ([2, 6, 5, 8], 8, Window::square(3, 1, 1), 8),
        ([2, 6, 5, 8], 8, Window::square(3, 1, 1), 3),
        // Strides beyond the kernel leave pixels that no position meets; a stride of three; one channel each way.
        ([2, 7, 7, 2], 3, Window::square(2, 3, 0), 0),
        ([2, 10, 10, 1], 1, Window { kernel: [5, 2], stride: [3, 1], pad: [(0, 1), (2, 0)] }, 0),
        // Deep enough to be cut; more rows and columns than a tile's.
        ([1, 5, 5, 48], 16, Window::square(3, 2, 1), 0),
        ([1, 9, 9, 66], 70, Window { kernel: [1, 2], stride: [1, 1], pad: [(0, 0); 2] }, 0),
        ([1, 5, 5, 8], 16, Window::square(3, 1, 1), 0),
        ([1, 6, 6, 4], 32, Window::square(4, 2, 1), 0),
        ([1, 6, 6, 4], 35, Window::square(4, 2, 1), 0),
        ([2, 9, 9, 8], 4, Window::square(3, 1, 1), 0),
        ([2, 12, 12, 3], 3, Window::square(3, 1, 1), 0),
        ([0, 8, 8, 3], 4, Window::square(4, 2, 1), 0),
        // More columns than narrow tiles are for: whole pieces and single elements, cut and not, in one phase and in several.
        ([1, 9, 9, 9], 9, Window::square(2, 1, 1), 0),
        ([1, 4, 4, 9], 8, Window::square(2, 1, 0), 0),
        ([1, 5, 5, 12], 16, Window::square(3, 1, 1), 0),
        ([1, 6, 6, 9], 32, Window::square(4, 2, 1), 0),
        ([1, 6, 6, 9], 33, Window::square(4, 2, 1), 0),
        ([2, 8, 8, 8], 9, Window::square(1, 1, 0), 0),
        ([2, 8, 8, 3], 9, Window::square(1, 1, 0), 0),
        // Narrow tiles: the same, and rows of more than one.
        ([1, 5, 5, 16], 8, Window::square(3, 1, 1), 0),
        ([1, 3, 3, 30], 3, Window::square(3, 1, 1), 0),
        ([1, 3, 3, 30], 6, Window::square(3, 1, 1), 0),
        ([1, 5, 5, 3], 15, Window::square(3, 1, 1), 0),
        ([1, 6, 6, 3], 8, Window::square(4, 2, 1), 0),
        ([2, 12, 12, 5], 6, Window::square(1, 1, 0), 0),
        // As many phases of an axis as there may be.
        ([1, 20, 3, 1], 2, Window { kernel: [17, 1], stride: [16, 1], pad: [(0, 0); 2] }, 0),
    ];
    let forms = [Form::Result, Form::Picture, Form::Kernel];
    for (x, outputs, window, gap) in cases {
        for form in forms {
            worst = worst.max(convolution(w, &Row { form, x, outputs, window, gap, ..plain }));
        }
    }
    // Every step over 35 rows and 70 columns.
    let [same, half] = [Window::square(3, 1, 1), Window::square(3, 2, 1)];
    let whole = Window { kernel: [5, 7], stride: [1, 1], pad: [(0, 0); 2] };
    let finished = [
        (Form::Result, [1, 5, 7, 2], 70, same),
        (Form::Picture, [1, 5, 7, 70], 3, half),
        (Form::Kernel, [1, 6, 9, 1], 70, whole),
    ];
    for (form, x, outputs, window) in finished {
        for narrow in [false, true] {
            if narrow && (precision.stored().is_none() || form == Form::Kernel) {
                continue;
            }
            for steps in &chains(Place::Arena(0), [35, 70]) {
                worst = worst.max(convolution(w, &Row { form, x, outputs, window, narrow, steps, ..plain }));
            }
        }
    }
    worst
}
