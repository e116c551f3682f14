//! Measurements: what is counted, what is compared, and that measuring runs what it says. No time is asserted.

use crate::common;
use crate::common::devices::Still;
use crate::common::{CLASSES, Model, NUMBERS, data, executor, rates};
use gansaku::bench::{Figures, Limits, Protocol, measure, noise};
use gansaku::config::{Config, ConfigBuilder};
use gansaku::error::{Error, Result};
use gansaku::exec::cuda::Cuda;
use gansaku::exec::cuda::launch::Driver;
use gansaku::exec::measured::Measured;
use gansaku::exec::{self, Device, ExecutorSpec, Opened, PhaseRun};
use gansaku::lower::{Place, Work};
use gansaku::precision::Precision;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Measurements that take no time.
const QUICK: Protocol = Protocol {
    steps: 2,
    rounds: 3,
    warmup: 1,
    alone: true,
    profile: false,
    limits: Limits {
        products: &[8, 24],
        longest_product: Duration::from_secs(60),
        copy_bytes: 4096,
        alone: Duration::from_micros(1),
        repetitions: 3,
    },
};

fn variant(name: &str, precision: Precision) -> Config {
    let mut found = common::variants().into_iter().find(|(n, _)| *n == name).expect("a variant").1;
    found.train.precision = precision;
    found
}

/// The mnist recipe's model, whose products are cut into slices on a GPU.
fn mnist(precision: Precision) -> Config {
    let mut config = ConfigBuilder::recipe("mnist").expect("a recipe").finish().expect("whole");
    config.train.precision = precision;
    config
}

fn on_cpu() -> Result<Opened> {
    exec::open(Device::Cpu, 1)
}

fn on_still_device() -> Result<Opened> {
    Ok(Box::new(|job| Ok(Box::new(Cuda::of(Still::new(1 << 30), job)?))))
}

fn figures(configs: &[Config], open: &dyn Fn() -> Result<Opened>) -> Vec<Figures> {
    let (numbers, classes) = match configs[0].recipe.as_str() {
        "mnist" => (784, 10),
        _ => (NUMBERS, CLASSES),
    };
    measure(configs, &Arc::new(noise(numbers, classes, 200)), open, &QUICK).expect("a device that works")
}

/// What holds whatever the time was.
fn consistent(f: &Figures) {
    let close = |found: f64, wanted: f64| (found - wanted).abs() <= 1e-9 * wanted.abs();
    assert!(0.0 < f.us_min && f.us_min <= f.us_per_step && f.us_per_step <= f.us_max);
    assert!(f.gflops > 0.0 && f.gbytes_per_second > 0.0 && f.ceilings.copy_gbytes_per_second > 0.0);
    assert!(f.ceilings.product_gflops > 0.0 && [8, 24].contains(&f.ceilings.product_size));
    assert!(close(f.share_of_product * f.ceilings.product_gflops, f.gflops));
    assert!(close(f.share_of_copy * f.ceilings.copy_gbytes_per_second, f.gbytes_per_second));
    // Each launch is bound by one of its two times: the step by no less than either sum, by no more than both.
    let (least, most) = (f.share_of_product.max(f.share_of_copy), f.share_of_product + f.share_of_copy);
    let slack = 1e-9 * most;
    assert!(least - slack <= f.share_of_bound && f.share_of_bound <= most + slack, "{f:?}");
    let kernels = f.kernels.as_ref().expect("asked for");
    let sum = |of: &dyn Fn(&gansaku::bench::alone::Alone) -> f64| {
        kernels.iter().map(|k| k.times_per_step * of(k)).sum::<f64>()
    };
    assert!(close(sum(&|k| k.launches as f64), f.launches_per_step), "{} launches", f.launches_per_step);
    assert!(close(sum(&|k| k.flops as f64), f.gflops * 1e3 * f.us_per_step), "FLOPs of the step");
    assert!(close(sum(&|k| k.bytes as f64), f.gbytes_per_second * 1e3 * f.us_per_step), "bytes of the step");
    assert!(close(sum(&|k| k.share_of_bound * k.us.median), f.share_of_bound * f.us_per_step), "bounds");
}

/// `kernels` are the launches of the model's plans, in order, each with the plan's cost.
fn lists_every_launch(f: &Figures, model: &Model, ends: usize) {
    let costs = gansaku::models::update_costs(&*model.game);
    let mut rows = f.kernels.as_ref().expect("asked for").iter();
    for phase in model.phases() {
        for (number, launch) in model.plan(&phase).launches.iter().enumerate() {
            let row = rows.next().unwrap_or_else(|| panic!("no row for {}", launch.name));
            let cost = launch.cost(&costs);
            assert_eq!((&row.phase, row.number, &row.name), (&phase.name, number, &launch.name));
            assert_eq!((row.kernel, &row.shape), (launch.work.kind(), &launch.work.shape()));
            assert_eq!((row.flops, row.bytes), (cost.flops, cost.bytes), "{}", launch.name);
        }
        for _ in 0..ends {
            assert_eq!(rows.next().map(|r| (r.kernel, r.launches, r.bytes)), Some(("end", 1, 0)));
        }
    }
    assert_eq!(rows.next(), None);
}

#[test]
fn every_precision_is_compared_with_fp32_on_a_cpu() {
    let configs = Precision::ALL.map(|p| variant("dropout and maxout", p));
    let found = figures(&configs, &on_cpu);
    for (f, config) in found.iter().zip(&configs) {
        consistent(f);
        lists_every_launch(f, &Model::new(config, NUMBERS, CLASSES), 0);
        assert_eq!(f.precision, config.train.precision);
        assert_eq!(f.host_us_per_step, None, "the host is the device");
        assert!(f.to_fp32.is_some_and(|r| 0.0 < r.min && r.min <= r.median && r.median <= r.max));
    }
    let one = found[0].to_fp32.expect("compared");
    assert_eq!((one.min, one.median, one.max), (1.0, 1.0, 1.0), "fp32 with itself");
    let alone = figures(&configs[3..], &on_cpu);
    assert_eq!(alone[0].to_fp32, None, "nothing to compare with");
}

#[test]
fn rounds_are_whole_periods_and_phases_count_as_often_as_they_come() {
    let of = |name| figures(&[variant(name, Precision::Fp32)], &on_cpu).remove(0);
    let often = |f: &Figures| {
        let mut all: Vec<_> =
            f.kernels.iter().flatten().map(|k| (k.phase.clone(), k.times_per_step)).collect();
        all.dedup();
        all
    };
    let lazy = of("R1 now and then");
    consistent(&lazy);
    assert_eq!((lazy.steps_per_round, lazy.warmup_steps), (4, 4), "penalties come every fourth step");
    assert_eq!(often(&lazy), [("D+G with penalties".to_string(), 0.25), ("D+G".to_string(), 0.75)]);
    let wgan = of("WGAN");
    consistent(&wgan);
    assert_eq!((wgan.steps_per_round, wgan.warmup_steps), (2, 1));
    assert_eq!(often(&wgan), [("D".to_string(), 2.0), ("D+G".to_string(), 1.0)]);
}

#[test]
fn a_device_that_runs_by_itself_is_started_by_the_host() {
    // fp16 is left out: kernels that do nothing leave a loss scale of 0, which ends a training.
    let configs = [Precision::Fp32, Precision::Bf16].map(mnist);
    for (f, config) in figures(&configs, &on_still_device).iter().zip(&configs) {
        consistent(f);
        lists_every_launch(f, &Model::new(config, 784, 10), 1);
        assert_eq!((f.steps_per_round, f.warmup_steps), (10, 10), "steps that are asked for at once");
        assert!(f.host_us_per_step.is_some_and(|us| 0.0 < us.min && us.min <= us.median));
    }
}

#[test]
fn launches_are_counted_as_the_driver_counts_them() {
    for precision in Precision::ALL {
        let model = Model::new(&mnist(precision), 784, 10);
        let states = executor(&model, 1).states().clone();
        let data = Some(Arc::new(noise(784, 10, 200)));
        let mut gpu = Cuda::of(
            Still::new(1 << 30),
            ExecutorSpec {
                data,
                seed: 7,
                ..ExecutorSpec::at_rest(model.plans(), states.clone(), model.rules())
            },
        )
        .expect("room");
        let counted = gpu.launches(0);
        gpu.run(&PhaseRun::alone(0, 0, rates(1))).expect("no fault");
        assert_eq!(gpu.driver().counters().launches, counted.iter().sum::<usize>() as u64);
        let plan = &gpu.plans()[0].launches.clone();
        assert_eq!(counted.len(), plan.len() + 1, "the end of the phase");
        // D and G at batch 100. A scaled gradient has to be measured whole before any parameter moves.
        let most = if precision == Precision::Fp16 { 20 } else { 18 };
        assert!(counted.iter().sum::<usize>() <= most, "{counted:?} in {}", precision.name());
        let of = |wanted: &dyn Fn(&Work) -> bool| -> usize {
            plan.iter()
                .zip(&counted)
                .filter(|(l, _)| wanted(&l.work))
                .map(|(_, n)| n)
                .max()
                .copied()
                .unwrap_or(0)
        };
        let product = of(&|w| {
            matches!(w, Work::Matmul(_) | Work::LossHead(_) | Work::Minibatch(_) | Work::Gradients(_))
        });
        assert_eq!(
            product, 1,
            "slices, what follows a product, and updates in place need no launches of their own"
        );
        let updates = usize::from(precision == Precision::Fp16);
        assert_eq!(of(&|w| matches!(w, Work::Update(_))), updates, "products measure a scaled gradient");
        // Alone, the same launches again and again.
        for (launch, &each) in counted.iter().enumerate() {
            let before = gpu.driver().counters();
            gpu.repeat(0, launch, 5).expect("no fault");
            let after = gpu.driver().counters();
            assert_eq!(after.launches - before.launches, 5 * each as u64, "launch {launch}");
            assert_eq!(after.synchronizations - before.synchronizations, 1, "waited for once");
        }
    }
}

#[test]
fn a_launch_repeated_leaves_what_it_left_once() {
    let config = variant("non-saturating", Precision::Fp32);
    let model = Model::new(&config, NUMBERS, CLASSES);
    let mut cpu = executor(&model, 1);
    cpu.run(&PhaseRun::alone(0, 0, rates(1)));
    let weights: Vec<_> = cpu.states().iter().map(|s| s.weights.clone()).collect();
    let launches = cpu.plans()[0].launches.clone();
    for (number, launch) in launches.iter().enumerate() {
        cpu.repeat(0, number, 1).expect("a CPU");
        let once = cpu.arena_mut().to_vec();
        if let Work::Matmul(product) = &launch.work
            && let Place::Arena(at) = product.out.place
        {
            cpu.arena_mut()[at] = f32::NAN;
        }
        cpu.repeat(0, number, 3).expect("a CPU");
        let bits = |memory: &[f32]| memory.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(cpu.arena_mut()), bits(&once), "{}", launch.name);
    }
    assert_eq!(
        cpu.states().iter().map(|s| s.weights.clone()).collect::<Vec<_>>(),
        weights,
        "updates at a rate of 0"
    );
}

#[test]
fn a_copy_moves_one_half_of_the_arena_onto_the_other() {
    let model = Model::new(&variant("non-saturating", Precision::Fp32), NUMBERS, CLASSES);
    for threads in [1, 3] {
        let mut cpu = executor(&model, threads);
        let half = cpu.arena_mut().len() / 2;
        cpu.arena_mut().iter_mut().enumerate().for_each(|(i, x)| *x = i as f32);
        assert_eq!(cpu.copy(2).expect("a CPU"), 2 * 4 * half, "bytes read and written");
        let (from, to) = cpu.arena_mut().split_at(half);
        assert_eq!(&to[..half], from);
        assert!(from.iter().enumerate().all(|(i, &x)| x == i as f32), "what is read stays");
    }
    let states = executor(&model, 1).states().clone();
    let data = Some(data(NUMBERS, CLASSES));
    let mut gpu = Cuda::of(
        Still::new(1 << 30),
        ExecutorSpec { data, seed: 7, ..ExecutorSpec::at_rest(model.plans(), states.clone(), model.rules()) },
    )
    .expect("room");
    let arena = model.plans()[0].arena;
    let bytes = gpu.copy(1).expect("no fault");
    assert!(
        bytes <= 4 * arena && 4 * arena < bytes + 512 && bytes.is_multiple_of(512),
        "{bytes} of {}",
        4 * arena
    );
}

#[test]
fn a_profiler_sees_every_launch_in_a_range_with_its_name() {
    let model = Model::new(&mnist(Precision::Fp16), 784, 10);
    let states = executor(&model, 1).states().clone();
    let data = Some(Arc::new(noise(784, 10, 200)));
    let shown = Rc::default();
    let still = Still::profiled(1 << 30, &shown);
    let mut gpu = Cuda::of(
        still,
        ExecutorSpec { data, seed: 7, ..ExecutorSpec::at_rest(model.plans(), states.clone(), model.rules()) },
    )
    .expect("room");
    gpu.run(&PhaseRun::alone(0, 0, rates(1))).expect("no fault");
    shown.borrow_mut().clear();
    gpu.profile(0, "the step").expect("no fault");
    let kernels = |launch: usize| gpu.packed(0)[launch].iter().map(|p| p.kernel.to_string());
    let mut wanted = vec!["<the step>".to_string()];
    for (number, launch) in gpu.plans()[0].launches.iter().enumerate() {
        wanted.push(format!("<{number} {} {}>", launch.work.kind(), launch.name));
        wanted.extend(kernels(number));
        wanted.push("</>".into());
    }
    wanted.push("<end>".into());
    wanted.extend(kernels(gpu.plans()[0].launches.len()));
    wanted.extend(["</>".to_string(), "</>".to_string()]);
    assert_eq!(*shown.borrow(), wanted);
}

#[test]
fn a_profile_takes_every_phase_of_every_precision_after_the_rounds() {
    let shown = Rc::default();
    let open = || -> Result<Opened> {
        let device = Still::profiled(1 << 30, &shown);
        Ok(Box::new(|job| Ok(Box::new(Cuda::of(device, job)?))))
    };
    let configs = [Precision::Fp32, Precision::Bf16].map(|p| variant("WGAN", p));
    let data = Arc::new(noise(NUMBERS, CLASSES, 200));
    measure(&configs, &data, &open, &Protocol { profile: true, ..QUICK }).expect("no fault");
    let shown = shown.borrow();
    let first = shown.iter().position(|line| line.starts_with('<')).expect("a range");
    let phases: Vec<&str> = shown
        .iter()
        .filter_map(|line| line.strip_prefix('<')?.split_once(": "))
        .map(|(_, phase)| phase)
        .collect();
    assert_eq!(phases, ["D>", "D+G>", "D>", "D+G>"]);
    assert!(shown[first].contains("fp32"), "{}", shown[first]);
    // Nothing is launched outside once the first range is open.
    let mut depth = 0;
    for line in &shown[first..] {
        match line.as_str() {
            "</>" => depth -= 1,
            line if line.starts_with('<') => depth += 1,
            kernel => assert_eq!(depth, 2, "{kernel} in a phase and in a launch"),
        }
    }
    assert_eq!(depth, 0, "every range is closed");
}

#[test]
fn a_cpu_has_nothing_to_mark_for_a_profiler() {
    let model = Model::new(&variant("non-saturating", Precision::Fp32), NUMBERS, CLASSES);
    let refused = executor(&model, 1).profile(0, "the step").expect_err("no ranges");
    assert!(matches!(&refused, Error::Usage(text) if text.contains("--profile")), "{refused}");
}
