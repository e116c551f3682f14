//! What a training needs besides arithmetic: minibatches, updates, loss scales, the clock; and Parzen's windows.

use super::inside;
use super::programs::{NO, instruction};
use crate::bench::{Bench, SEED, TICK, Witness, normals, same_bits};
use crate::reference::{self, Near};
use gansaku::config::Rule;
use gansaku::data::{Dataset, Examples, Origin, Paired, Shape, Values, shuffle};
use gansaku::exec::cuda::Clock;
use gansaku::exec::schedule::{Done, OptimizerSchedule, Schedule};
use gansaku::exec::{ColumnNorm, UpdateRule};
use gansaku::graph::{Column, Dist, OptimizerId};
use gansaku::lower::{
    Arg, Ends, Gather, Launch, Load, Map, Minibatch, Place, Plan, PointOp, Program, View, Work,
};
use gansaku::precision::Precision;
use gansaku::rng::stream;
use std::sync::Arc;

pub(super) fn gathers(w: &mut dyn Witness, precision: Precision, to: Place) {
    for (count, rows, width) in [(1, 1, 1), (3, 7, 5), (257, 20, 1), (1_000, 3, 300), (5, 0, 4)] {
        let bytes: Vec<u8> = (0..count * width).map(|i| (i * 37 % 256) as u8).collect();
        let labels = Some((0..count).map(|i| (i % width.min(200)) as u8).collect::<Vec<u8>>());
        for (values, column) in [
            (Values::U8(bytes.clone()), Column::Examples),
            (Values::F32(normals("data", count * width)), Column::Examples),
            (Values::U8(bytes.clone()), Column::Labels),
        ] {
            let train = Examples { count, values, labels: labels.clone() };
            let shape = Shape { channels: width, height: 1, width: 1 };
            let data =
                Dataset { factor: 2.0 / 255.0, offset: -1.0, ..Dataset::of("table", shape, width, train) };
            let bench = Bench { data: Some(Arc::new(data)), precision, ..Bench::default() };
            let name = format!("gather {rows} of {count} × {width} {column:?} in {}", precision.name());
            let gathers = vec![Gather { set: 0, order: 0, column, to, rows, width }];
            let work = Work::Minibatch(Minibatch { gathers, draws: vec![] });
            let (found, cpu) = w.run(&name, &bench, work, rows * width);
            same_bits(&name, &found, &cpu);
        }
    }
}

/// Two domains in one launch, of bytes and of numbers, in one order and in two: each to the bit what the CPU makes, and what the
/// shuffle says.
fn domains(w: &mut dyn Witness) {
    let (rows, width) = (9, 7);
    let shape = Shape { channels: width, height: 1, width: 1 };
    let set = |count: usize, bytes: bool| {
        let values = match bytes {
            true => Values::U8((0..count * width).map(|i| (i * 37 % 256) as u8).collect()),
            false => Values::F32(normals("domain", count * width)),
        };
        Dataset::of("table", shape, 0, Examples { count, values, labels: None })
    };
    for (bytes, orders) in [(true, [0, 1]), (false, [0, 1]), (true, [1, 1]), (false, [3, 0])] {
        let origin = Origin { data: set(13, !bytes), paired: Paired::default(), unpaired: None };
        let data = Dataset { origin: Some(Box::new(origin)), ..set(40, bytes) };
        let gather = |set: usize| Gather {
            set: set as u8,
            order: orders[set],
            column: Column::Examples,
            to: Place::Arena(set * rows * width),
            rows,
            width,
        };
        let work = Work::Minibatch(Minibatch { gathers: vec![gather(0), gather(1)], draws: vec![] });
        let domains = [data.clone(), data.origin.clone().expect("two domains").data];
        let bench = Bench { data: Some(Arc::new(data)), ..Bench::default() };
        let name = format!("two domains, bytes first: {bytes}, orders {orders:?}");
        let (found, cpu) = w.run(&name, &bench, work, 2 * rows * width);
        same_bits(&name, &found, &cpu);
        let wanted = domains.iter().zip(orders).flat_map(|(domain, order)| {
            let at = |row| shuffle::at_in(order, SEED, domain.train.count, TICK * rows as u64 + row);
            domain.numbers_of(&domain.train, (0..rows as u64).map(at))
        });
        same_bits(&name, &found, &wanted.collect::<Vec<f32>>());
    }
}

/// Examples, labels and noise in one launch, each to the bit what the CPU makes alone.
pub(super) fn minibatches(w: &mut dyn Witness) {
    domains(w);
    let (rows, width, classes) = (37, 50, 10);
    let labels: Vec<u8> = (0..100).map(|i| (i % classes) as u8).collect();
    let train =
        Examples { count: 100, values: Values::F32(normals("data", 100 * width)), labels: Some(labels) };
    let shape = Shape { channels: width, height: 1, width: 1 };
    let data = Some(Arc::new(Dataset::of("table", shape, classes, train)));
    for (inputs, draws) in [(1, 1), (2, 1), (2, 3), (1, 4)] {
        let mut at = 0;
        let mut place = |len: usize| {
            at += len;
            Place::Arena(at - len)
        };
        let gather = |(column, width): (Column, usize)| Gather {
            set: 0,
            order: 0,
            column,
            to: place(rows * width),
            rows,
            width,
        };
        let gathers: Vec<Gather> = [(Column::Examples, width), (Column::Labels, classes)]
            .into_iter()
            .take(inputs)
            .map(gather)
            .collect();
        let mut noise = vec![];
        for (number, len) in [1, 513, 5_000, 20].into_iter().take(draws).enumerate() {
            let (stream, dist) = (stream(&number.to_string()), [Dist::Uniform, Dist::Normal][number % 2]);
            let draw = Load::Rand { stream, dist, view: View::contiguous((), &[len]) };
            let program = Program {
                loads: vec![draw],
                instructions: vec![instruction(PointOp::Mul, [Arg::Load(0), Arg::Const(3.0), NO], 0)],
                results: vec![(Arg::Register(0), View::contiguous(place(len), &[len]))],
            };
            noise.push(Map { shape: vec![len], program });
        }
        let name = format!("{inputs} inputs and {draws} draws");
        let bench = Bench { data: data.clone(), ..Bench::default() };
        let (found, cpu) = w.run(&name, &bench, Work::Minibatch(Minibatch { gathers, draws: noise }), at);
        same_bits(&name, &found, &cpu);
    }
}

pub(super) fn updates(w: &mut dyn Witness) -> f64 {
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
pub(super) fn windows(w: &mut dyn Witness) -> f64 {
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
pub(super) fn clocks(w: &mut dyn Witness) {
    let pylearn = OptimizerSchedule {
        lr: f64::from(0.1f32),
        decay_factor: 1.000_004,
        min_lr: f64::from(1e-6f32),
        hold_steps: 3,
        decay_steps: 0,
        final_share: 1.0,
        momentum: 0.5,
        momentum_rise: f64::from(0.7f32 - 0.5),
        rise_epochs: 249,
        average: 0.0,
        ramp: 10.0,
    };
    let line = OptimizerSchedule {
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
    // One optimizer, and as many as there can be.
    let more = [vec![line], vec![pylearn, line, line], vec![line, pylearn, pylearn, line]];
    let two = [vec![pylearn, line], vec![line, pylearn], vec![line; 2]];
    for (i, optimizers) in two.into_iter().chain(more).enumerate() {
        let count = optimizers.len();
        let schedule = Schedule { batch: 100, examples: 60_000 + i as u64, optimizers };
        let rules: Vec<UpdateRule> = (0..count).map(|of| rules[(i + of) % 3].clone()).collect();
        for tick in [0, 1, 77, 12_345, 3_000_000, (1 << 33) + 5] {
            let updates = std::array::from_fn(|of| if of < count { tick / [3, 1, 2, 5][of] } else { 0 });
            let done = Done { tick, steps: tick / 3, updates };
            for (updated, ends) in [
                (vec![], Ends::Tick),
                (vec![0], Ends::Nothing),
                (vec![count - 1], Ends::Tick),
                ((0..count).collect(), Ends::Step),
            ] {
                let work = |&of: &usize| Work::Update(OptimizerId(of as u8));
                let launch = |of| Launch { name: "update".into(), work: work(of) };
                let plan = Plan { launches: updated.iter().map(launch).collect(), ends, ..Plan::default() };
                let (found, wanted) = w.clock(&schedule, &rules, done, plan);
                let bits = bytemuck::bytes_of::<Clock>;
                assert_eq!(bits(&found), bits(&wanted), "{done:?}, {updated:?}: {found:?}, not {wanted:?}");
            }
        }
    }
}

/// Gradients of a scaled loss, some of them not finite, one after the other through each rule: the scale and every
/// bit as on the CPU; an overflow changes nothing (both in [`Witness::update`]).
pub(super) fn overflows(w: &mut dyn Witness) {
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
