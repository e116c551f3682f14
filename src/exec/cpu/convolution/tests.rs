//! Every form of convolutions with every set of instructions that this machine has, against sums in f64.

use super::tile::{CHOSEN, lanes};
use crate::exec::cpu::launch::Launch;
use crate::exec::cpu::memory::Shared;
use crate::exec::cpu::pool::Pool;
use crate::graph::Window;
use crate::lower::{Convolution, Form, Place, View};
use crate::precision::{Narrow, Precision};
use crate::rng::{Moment, PhiloxRng, stream};
use pulp::Arch;

/// Sums in f64, the sums of their terms' magnitudes, and the most terms of any.
struct Sums {
    values: Vec<f64>,
    magnitudes: Vec<f64>,
    terms: Vec<usize>,
}

impl Sums {
    fn new(len: usize) -> Sums {
        Sums { values: vec![0.0; len], magnitudes: vec![0.0; len], terms: vec![0; len] }
    }

    fn add(&mut self, at: usize, a: f32, b: f32) {
        let term = f64::from(a) * f64::from(b);
        self.values[at] += term;
        self.magnitudes[at] += term.abs();
        self.terms[at] += 1;
    }
}

/// Rows, height, width and channels of x, channels of y, and the window.
#[derive(Debug)]
struct Case([usize; 4], usize, Window);

impl Case {
    fn y(&self) -> [usize; 4] {
        let Case([rows, height, width, _], outputs, window) = self;
        let [down, across] = window.positions([*height, *width]).expect("a window that fits");
        [*rows, down, across, *outputs]
    }

    /// x, w and y.
    fn numbers(&self) -> [Vec<f32>; 3] {
        let mut rng = PhiloxRng::new(7, stream("instructions"), 0);
        self.lengths().map(|len| (0..len).map(|_| rng.normal()).collect())
    }

    /// Lengths of x, w and y.
    fn lengths(&self) -> [usize; 3] {
        let ([kh, kw], y) = (self.2.kernel, self.y());
        [self.0.iter().product(), kh * kw * self.0[3] * self.1, y.iter().product()]
    }

    /// y, x's gradient and w's, by their definition.
    fn by_definition(&self, [x, w, y]: [&[f32]; 3]) -> [Sums; 3] {
        let (Case([rows, height, width, inputs], outputs, window), [_, down, across, _]) = (self, self.y());
        let [lx, lw, ly] = self.lengths();
        let mut sums = [ly, lx, lw].map(Sums::new);
        let [kh, kw] = window.kernel;
        for place in 0..rows * down * across * kh * kw {
            let (position, tap) = (place / (kh * kw), [place / kw % kh, place % kw]);
            let (row, i, j) = (position / (down * across), position / across % down, position % across);
            let pixel =
                |axis: usize, t: usize| (t * window.stride[axis] + tap[axis]).checked_sub(window.pad[axis].0);
            let (Some(py), Some(px)) = (pixel(0, i), pixel(1, j)) else { continue };
            if py >= *height || px >= *width {
                continue;
            }
            for (c, o) in (0..*inputs).flat_map(|c| (0..*outputs).map(move |o| (c, o))) {
                let at_x = ((row * height + py) * width + px) * inputs + c;
                let at_w = ((tap[0] * kw + tap[1]) * inputs + c) * outputs + o;
                let at_y = position * outputs + o;
                sums[0].add(at_y, x[at_x], w[at_w]);
                sums[1].add(at_x, y[at_y], w[at_w]);
                sums[2].add(at_w, x[at_x], y[at_y]);
            }
        }
        sums
    }

    /// Magnitudes of what Winograd's way sums, for y and x's gradient: |Aᵀ| [(|G| |w| |Gᵀ|) ⊙ (|Bᵀ| |x| |B|)] |A| of each tile.
    fn bound_winograd(&self, [x, w, y]: [&[f32]; 3], [result, picture, _]: &mut [Sums; 3]) {
        let (inputs, outputs) = (self.0[3], self.1);
        let tap = |n: usize, c: usize, o: usize| f64::from(w[(n * inputs + c) * outputs + o].abs());
        self.bound_tiles(x, [inputs, outputs], tap, result);
        self.bound_tiles(y, [outputs, inputs], |n, c, o| tap(8 - n, o, c), picture);
    }

    /// [`Case::bound_winograd`] of a gather from `x` with these taps.
    fn bound_tiles(
        &self,
        x: &[f32],
        [channels, n]: [usize; 2],
        tap: impl Fn(usize, usize, usize) -> f64,
        to: &mut Sums,
    ) {
        let [rows, height, width, _] = self.0;
        // |G| |w| |Gᵀ| at each place of a tile, and the two pixels of a row or column that Bᵀ meets there.
        let spread = |a: usize| [[1.0, 0.0, 0.0], [0.5; 3], [0.5; 3], [0.0, 0.0, 1.0]][a];
        let pairs = |a: usize| [[0, 2], [1, 2], [1, 2], [1, 3]][a];
        let weights = (0..16 * channels * n).map(|i| {
            let (place, c, o) = (i / n / channels, i / n % channels, i % n);
            (0..9).map(|t| spread(place / 4)[t / 3] * spread(place % 4)[t % 3] * tap(t, c, o)).sum::<f64>()
        });
        let weights: Vec<f64> = weights.collect();
        // Aᵀ leaves the last place out for the first result, the first one for the second.
        let sees = |i: usize, a: usize| if i == 0 { a < 3 } else { a > 0 };
        let (down, across) = (height.div_ceil(2), width.div_ceil(2));
        for tile in 0..rows * down * across {
            let (row, i, j) = (tile / (down * across), tile / across % down * 2, tile % across * 2);
            let read = |a: usize, b: usize, c: usize| {
                let (i, j) = ((i + a).wrapping_sub(1), (j + b).wrapping_sub(1));
                let inside = i < height && j < width;
                if inside { f64::from(x[((row * height + i) * width + j) * channels + c].abs()) } else { 0.0 }
            };
            let pixels = (0..16 * channels).map(|i| {
                let (place, c) = (i / channels, i % channels);
                let corners = pairs(place / 4).map(|a| pairs(place % 4).map(|b| read(a, b, c)));
                corners.as_flattened().iter().sum::<f64>()
            });
            let pixels: Vec<f64> = pixels.collect();
            for (i, j, p, q) in [(i, j, 0, 0), (i, j + 1, 0, 1), (i + 1, j, 1, 0), (i + 1, j + 1, 1, 1)] {
                if i >= height || j >= width {
                    continue;
                }
                let at = ((row * height + i) * width + j) * n;
                to.magnitudes[at..at + n].fill(0.0);
                to.terms[at..at + n].fill(channels + 11);
                let places = (0..16).filter(|place| sees(p, place / 4) && sees(q, place % 4));
                for i in places.flat_map(|place| place * channels..(place + 1) * channels) {
                    let sums = to.magnitudes[at..at + n].iter_mut().zip(&weights[i * n..]);
                    sums.for_each(|(sum, weight)| *sum += pixels[i] * weight);
                }
            }
        }
    }

    /// A form's result on `threads`.
    fn run(&self, form: Form, [x, w, y]: [&[f32]; 3], pool: &Pool) -> Vec<f32> {
        let ([lx, lw, ly], inputs, outputs, [kh, kw]) = (self.lengths(), self.0[3], self.1, self.2.kernel);
        let pixels = ly / outputs;
        let (a, b, out) = match form {
            Form::Result => (self.0.to_vec(), vec![kh, kw, inputs, outputs], [pixels, outputs]),
            Form::Picture => (self.y().to_vec(), vec![kh, kw, inputs, outputs], [lx / inputs, inputs]),
            Form::Kernel => (self.0.to_vec(), vec![pixels, outputs], [lw / outputs, outputs]),
        };
        let operands = match form {
            Form::Result => [x, w],
            Form::Picture => [y, w],
            Form::Kernel => [x, y],
        };
        let mut arena = operands.concat();
        let at = arena.len();
        arena.resize(at + out[0] * out[1], f32::NAN);
        let view = |at: usize, shape: &[usize]| View::contiguous(Place::Arena(at), shape);
        let convolution = Convolution {
            form,
            window: self.2,
            x: self.0,
            y: self.y(),
            a: view(0, &a),
            b: view(operands[0].len(), &b),
            out: view(at, &out),
            epilogue: vec![],
            column_sums: None,
        };
        let shared = Shared::new(&mut arena, &mut [], Narrow::F16, std::iter::empty());
        let launch = Launch { pool, shared, moment: Moment { seed: 1, tick: 1 } };
        launch.convolution(Precision::Fp32, &convolution);
        arena.split_off(at)
    }
}

/// Between them: strips of one to four vectors, dots, turned gradients, all taps at once, windows beyond the picture.
fn cases() -> Vec<Case> {
    vec![
        Case([2, 5, 6, 3], 20, Window::square(3, 1, 1)),
        Case([2, 6, 6, 40], 3, Window::square(4, 2, 1)),
        Case([1, 4, 5, 33], 70, Window::square(3, 1, 1)),
        Case([3, 7, 7, 5], 40, Window::square(4, 2, 1)),
        Case([1, 6, 9, 1], 1, Window { kernel: [2, 3], stride: [3, 2], pad: [(1, 0), (0, 2)] }),
    ]
}

/// Sets of instructions that this machine has, by name.
fn instructions() -> Vec<(&'static str, Arch)> {
    let mut all = vec![("scalar", Arch::Scalar), ("the widest", Arch::new())];
    #[cfg(target_arch = "x86_64")]
    all.extend(pulp::x86::V3::try_new().map(|v3| ("AVX2", Arch::V3(v3))));
    all
}

/// The largest share of the bounds that a form's result on every set of instructions uses.
fn check(case: &Case, numbers: [&[f32]; 3], exact: &[Sums; 3], forms: &[Form]) {
    let pool = Pool::single();
    for (name, arch) in instructions() {
        CHOSEN.set(Some(arch));
        let mut used = 0.0f64;
        for &form in forms {
            let exact = &exact[[Form::Result, Form::Picture, Form::Kernel]
                .iter()
                .position(|f| *f == form)
                .expect("a form")];
            let found = case.run(form, numbers, &pool);
            for (i, &x) in found.iter().enumerate() {
                // A rounding for each term, one for each lane and slice that is added up.
                let bound = (exact.terms[i] + 32) as f64 * 0.5f64.powi(24) * exact.magnitudes[i];
                let error = (f64::from(x) - exact.values[i]).abs();
                assert!(error <= bound, "{name}, {case:?}, {form:?} [{i}]: {error} beyond {bound}");
                used = used.max(error / bound.max(f64::MIN_POSITIVE));
            }
        }
        println!("{name} ({} lanes), {case:?}: {used:.3} of the bound", lanes());
    }
    CHOSEN.set(None);
}

#[test]
fn winograds_way_stays_within_its_own_bound() {
    // Just enough tiles, the lower ones cut; channels that fill no vector on either side.
    let case = Case([32, 7, 8, 33], 40, Window::square(3, 1, 1));
    let numbers = case.numbers();
    let numbers = [&numbers[0][..], &numbers[1], &numbers[2]];
    let mut sums = case.by_definition(numbers);
    case.bound_winograd(numbers, &mut sums);
    check(&case, numbers, &sums, &[Form::Result, Form::Picture]);
    for form in [Form::Result, Form::Picture] {
        let alone = case.run(form, numbers, &Pool::single());
        let threads = case.run(form, numbers, &Pool::new(2).expect("two threads"));
        assert!(alone == threads, "{case:?}, {form:?}: two threads make other bytes");
    }
}

#[test]
fn every_set_of_instructions_sums_within_the_bound() {
    for case in cases() {
        let numbers = case.numbers();
        let numbers = [&numbers[0][..], &numbers[1], &numbers[2]];
        check(&case, numbers, &case.by_definition(numbers), &[Form::Result, Form::Picture, Form::Kernel]);
    }
}
