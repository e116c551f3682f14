//! The real GPU: memory, launches, equal bytes. Without one the cases are listed as ignored, with the reason;
//! GANSAKU_REQUIRE_GPU=1 makes absence a failure. A driver that fails is always a failure.

#[path = "emulator/bench.rs"]
mod bench;
#[path = "emulator/branches.rs"]
mod branches;
mod common;
#[path = "emulator/recordings.rs"]
mod recordings;
#[path = "emulator/reference.rs"]
mod reference;
#[path = "emulator/steps.rs"]
#[allow(dead_code, unused_imports, reason = "the rest are tests of the emulated GPU")]
mod steps;
#[path = "emulator/table/mod.rs"]
mod table;

use bench::{Large, Witnesses};
use common::Model;
use common::{CLASSES, NUMBERS};
use gansaku::config::Config;
use gansaku::exec::cuda::driver::{Nvidia, Presence, presence};
use gansaku::exec::cuda::kernels::BUILD;
use gansaku::exec::cuda::launch::{Argument, Driver, Geometry, Packed};
use gansaku::exec::cuda::{Cuda, Multiprocessors};
use gansaku::exec::{ExecutorSpec, PhaseRun, Rate, States, no_updates};
use gansaku::graph::OptimizerId;
use gansaku::lower::{Launch, Matmul, Place, Plan, View, Work};
use gansaku::precision::Precision;
use libtest_mimic::{Arguments, Failed, Trial};
use sha2::{Digest, Sha256};
use std::process::ExitCode;

type Outcome = Result<(), Failed>;
/// What fills an H100.
const LARGE: Large = Large {
    multiprocessors: Multiprocessors(132),
    ragged: [1_500, 1_410],
    units: 282,
    whole: [1_536, 1_408],
    aligned: [1_504, 1_416],
    wide: 8_451,
    long: 16_779,
};

type Case = (&'static str, fn() -> Outcome);

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // All cases are on one device: what one records, another would disturb.
    arguments.test_threads.get_or_insert(1);
    let cases: Vec<Case> = vec![
        ("memory comes back as it was sent", memory),
        ("small uploads overtake nothing", staged),
        ("ranges outside a buffer are refused", ranges),
        ("launches are checked against the signatures", launches),
        ("too much memory is refused with numbers", exhaustion),
        ("replays leave the bytes of their launches", replays),
        ("a recording that fails leaves the device usable", broken_recording),
        ("plans run from recordings as launch by launch", recorded_plans),
        ("every kernel agrees with its references", every_kernel),
        ("Hopper's kernels agree with their references", hopper),
        ("Hopper's kernels agree with the portable ones", hopper_and_portable),
        ("ten steps of the recipes are right", ten_steps),
        ("two runs leave equal bytes", equal_bytes),
        ("a resume goes on to the same bytes", resume),
    ];
    let required = std::env::var_os("GANSAKU_REQUIRE_GPU").is_some_and(|v| v == "1");
    let found = presence();
    let count = cases.len();
    let trials = cases.into_iter().map(|(name, case)| match &found {
        Ok(Presence::Present { .. }) => Trial::test(name, case),
        Ok(Presence::Absent(why)) => {
            let why = why.clone();
            Trial::test(name, move || Err(why.into())).with_ignored_flag(!required)
        }
        Err(e) => {
            let why = e.to_string();
            Trial::test(name, move || Err(why.into()))
        }
    });
    let trials = trials.collect();
    // Held to the end, so that the driver does not make and destroy a context for each of a case's devices.
    let _held = matches!(found, Ok(Presence::Present { .. })).then(|| Nvidia::open(0));
    match &found {
        Ok(Presence::Present { driver, gpus }) => {
            eprintln!("{count} GPU cases on {} (CUDA {}.{})", gpus[0].name, driver.0, driver.1);
        }
        Ok(Presence::Absent(why)) if !required => eprintln!("{count} GPU cases ignored: {why}"),
        Ok(Presence::Absent(why)) => eprintln!("{count} GPU cases fail: {why}, but GANSAKU_REQUIRE_GPU is 1"),
        Err(e) => eprintln!("{count} GPU cases fail: {e}"),
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Bytes without a period of 2ⁿ.
fn pattern(len: usize, salt: usize) -> Vec<u8> {
    (0..len).map(|i| ((i + salt) * 131 % 251) as u8).collect()
}

fn memory() -> Outcome {
    let mut gpu = Nvidia::open(0)?;
    for len in [0, 1, 255, 256, 257, 1 << 20, (5 << 20) + 3] {
        let buffer = gpu.allocate(len)?;
        assert_eq!(gpu.address(buffer) % 256, 0, "{len} bytes are aligned");
        let sent = pattern(len, len);
        gpu.upload(buffer, 0, &sent)?;
        let mut back = vec![1; len];
        gpu.download(buffer, 0, &mut back)?;
        assert_eq!(back, sent, "{len} bytes");
        let (from, to) = (len / 3, len / 2);
        gpu.zero(buffer, from, to - from)?;
        gpu.download(buffer, 0, &mut back)?;
        assert!(back[from..to].iter().all(|&b| b == 0), "{len} bytes: zeros where asked for");
        assert_eq!(
            (&back[..from], &back[to..]),
            (&sent[..from], &sent[to..]),
            "{len} bytes: and nowhere else"
        );
        let half = len / 2;
        gpu.upload(buffer, 0, &sent)?;
        gpu.copy(buffer, 0, half, half)?;
        gpu.download(buffer, 0, &mut back)?;
        assert_eq!(
            (&back[..half], &back[half..2 * half]),
            (&sent[..half], &sent[..half]),
            "{len} bytes copied"
        );
        assert_eq!(back[2 * half..], sent[2 * half..], "{len} bytes: what lies behind stays");
    }
    Ok(())
}

fn staged() -> Outcome {
    let mut gpu = Nvidia::open(0)?;
    let (width, count) = (64, 1000);
    let buffer = gpu.allocate(width * count)?;
    // Many more than are on their way at once, each from the same memory of the host.
    let mut host = vec![0; width];
    for i in 0..count {
        host.copy_from_slice(&pattern(width, i));
        gpu.upload(buffer, i * width, &host)?;
    }
    let mut back = vec![0; width * count];
    gpu.download(buffer, 0, &mut back)?;
    for (i, part) in back.chunks(width).enumerate() {
        assert_eq!(part, pattern(width, i), "upload {i}");
    }
    assert_eq!(gpu.counters().synchronizations, 0, "an upload of 64 bytes waits for nothing");
    Ok(())
}

fn ranges() -> Outcome {
    let mut gpu = Nvidia::open(0)?;
    let buffer = gpu.allocate(16)?;
    let refused = [
        gpu.upload(buffer, 9, &[0; 8]),
        gpu.download(buffer, usize::MAX, &mut [0; 8]),
        gpu.zero(buffer, 17, 0),
        gpu.copy(buffer, 0, 9, 8),
    ];
    for error in refused.map(|r| r.expect_err("outside the buffer").to_string()) {
        assert!(error.contains("buffer 0, which has 16"), "{error}");
    }
    Ok(())
}

fn launches() -> Outcome {
    let mut gpu = Nvidia::open(0)?;
    let kernel = BUILD.modules.iter().flat_map(|m| m.kernels).next().expect("a kernel");
    let refused = |r: gansaku::error::Result<()>, part: &str| {
        let text = r.expect_err("not this kernel's launch").to_string();
        assert!(text.contains(part), "{part:?} is missing: {text}");
    };
    let row = Geometry::row(1, 32);
    refused(gpu.launch("no_such_kernel", row, &[]), "no such kernel");
    refused(gpu.launch(kernel.name, row, &[]), "was given nothing");
    let (kind, bytes) = kernel.parameters[0];
    let other = Argument { kind: "Other", bytes: vec![0; bytes] };
    refused(gpu.launch(kernel.name, row, &[other]), "was given Other");
    let own = Argument { kind, bytes: vec![0; bytes] };
    refused(gpu.launch(kernel.name, Geometry::row(1, 2048), &[own]), "threads a block");
    assert_eq!(gpu.counters().launches, 0);
    // The device is none the worse.
    gpu.synchronize()?;
    Ok(())
}

fn exhaustion() -> Outcome {
    let mut gpu = Nvidia::open(0)?;
    let error = gpu.allocate(1 << 50).expect_err("no GPU has a PiB");
    let text = error.to_string();
    assert!(text.contains("1073741824 MiB asked for") && text.contains("MiB free"), "{text}");
    assert_eq!(error.exit_code(), 5);
    gpu.allocate(1 << 20)?;
    Ok(())
}

fn replays() -> Outcome {
    recordings::replays_leave_the_bytes_of_their_launches(Nvidia::open(0)?);
    Ok(())
}

fn broken_recording() -> Outcome {
    let mut gpu = Nvidia::open(0)?;
    let draws = recordings::Draws::new(&mut gpu);
    let launches = draws.launches(&gpu);
    recordings::one_by_one(&mut gpu, &launches);
    let wanted = draws.drawn(&mut gpu);
    gpu.zero(draws.out, 0, wanted.len())?;
    let before = gpu.counters();
    let broken = Packed { kernel: "no_such_f32", ..launches[1].clone() };
    let refused = gpu.record(&[&launches[0], &broken, &launches[2]]).expect_err("no such kernel").to_string();
    assert!(refused.contains("no_such_f32"), "{refused}");
    assert!(draws.drawn(&mut gpu).iter().all(|&b| b == 0), "half a recording runs nothing");
    assert_eq!(gpu.counters().launches, before.launches);
    // The stream records no more: it runs, and records anew.
    recordings::one_by_one(&mut gpu, &launches[..1]);
    let recording = gpu.record(&launches[1..].iter().collect::<Vec<_>>())?.expect("a GPU records");
    gpu.replay(recording)?;
    assert!(draws.drawn(&mut gpu) == wanted);
    gpu.synchronize()?;
    Ok(())
}

/// The small models whose products this GPU can multiply: before compute capability 8.0 tensor cores take fp16 alone.
fn variants() -> Result<Vec<(&'static str, Config)>, Failed> {
    let precisions = precisions()?;
    let all = common::variants().into_iter();
    Ok(all.filter(|(_, config)| precisions.contains(&config.train.precision)).collect())
}

fn precisions() -> Result<Vec<Precision>, Failed> {
    let ampere = Nvidia::open(0)?.has("matmul_bf16");
    let multiplied = |p: &Precision| ampere || matches!(p, Precision::Fp32 | Precision::Fp16);
    Ok(Precision::ALL.into_iter().filter(multiplied).collect())
}

fn recorded_plans() -> Outcome {
    for (name, config) in variants()? {
        let model = Model::new(&config, NUMBERS, CLASSES);
        recordings::plans_run_from_recordings_as_launch_by_launch(
            name,
            executor(&model, None)?,
            executor(&model, None)?,
        );
    }
    Ok(())
}

/// A model on the GPU, from `states` or its start.
fn executor(model: &Model, states: Option<&States>) -> Result<Cuda<Nvidia>, Failed> {
    let start = common::executor(model, 1).states().clone();
    let data = common::data(NUMBERS, CLASSES);
    let states = states.unwrap_or(&start);
    Ok(Cuda::of(
        Nvidia::open(0)?,
        ExecutorSpec {
            data: Some(data),
            seed: 7,
            ..ExecutorSpec::at_rest(model.plans(), states.to_vec(), model.rules())
        },
    )?)
}

/// Runs every plan in each round; ticks go on from round to round.
fn rounds(gpu: &mut Cuda<Nvidia>, rounds: std::ops::Range<u64>) -> Result<States, Failed> {
    let plans = gpu.plans().len();
    for round in rounds {
        for plan in 0..plans {
            gpu.run(&PhaseRun::alone(plan, round * plans as u64 + plan as u64, common::rates(round + 1)))?;
        }
    }
    Ok(gpu.states()?)
}

fn sha256(states: &States) -> Vec<u8> {
    let mut hash = Sha256::new();
    for state in states {
        let vectors = [&state.weights, &state.gradients, &state.average].into_iter().chain(&state.moments);
        vectors.flatten().for_each(|x| hash.update(x.to_le_bytes()));
    }
    hash.finalize().to_vec()
}

/// The emulated GPU's table, on silicon.
fn every_kernel() -> Outcome {
    let mut witnesses = Witnesses::new(|_| Nvidia::open(0).expect("the GPU that was found"), LARGE);
    let gpu = Nvidia::open(0)?;
    precisions()?.into_iter().for_each(|precision| table::products(&mut witnesses, precision));
    table::all_but_products(&mut witnesses);
    let portable = BUILD.modules.iter().filter(|m| !m.is_special());
    let entries = portable.flat_map(|m| m.kernels).filter(|k| gpu.has(k.name)).map(|k| k.name.to_string());
    assert_eq!(witnesses.kernels, entries.collect(), "kernels launched and kernels built");
    Ok(())
}

/// The kernels for compute capability 9.0 alone; none, with a printed reason, on other GPUs.
fn hoppers_kernels() -> Result<Vec<&'static str>, Failed> {
    let gpu = Nvidia::open_with(0, true)?;
    let special = BUILD.modules.iter().filter(|m| m.is_special()).flat_map(|m| m.kernels).map(|k| k.name);
    let found: Vec<&str> = special.filter(|kernel| gpu.has(kernel)).collect();
    if found.is_empty() {
        eprintln!("{}: not of compute capability 9.0, nothing to try", gpu.name());
    }
    Ok(found)
}

fn hopper() -> Outcome {
    let kernels = hoppers_kernels()?;
    if kernels.is_empty() {
        return Ok(());
    }
    let mut witnesses =
        Witnesses::new(|_| Nvidia::open_with(0, true).expect("the GPU that was found"), LARGE);
    [Precision::Fp16, Precision::Bf16].iter().for_each(|&precision| table::hopper(&mut witnesses, precision));
    assert!(kernels.iter().all(|&k| witnesses.kernels.contains(k)), "{:?}", witnesses.kernels);
    Ok(())
}

/// A product as large as those of training, deep enough for many rounds of the ring.
fn hopper_and_portable() -> Outcome {
    if hoppers_kernels()?.is_empty() {
        return Ok(());
    }
    let [m, n, k] = [4_104, 4_088, 4_080];
    for (precision, a_turned, b_turned) in [
        (Precision::Bf16, false, false),
        (Precision::Bf16, true, false),
        (Precision::Fp16, false, true),
        (Precision::Fp16, true, true),
    ] {
        let [left, right] = [0, 1].map(|i| Place::Copies(OptimizerId(i), 0));
        let turned = |view: View, turned: bool| {
            let [rows, columns] = [view.windows[0].1, view.windows[1].1].map(|n| n as isize);
            View { strides: if turned { vec![1, rows] } else { vec![columns, 1] }, ..view }
        };
        let plan = Plan {
            launches: vec![Launch {
                name: "product".into(),
                work: Work::Matmul(Matmul {
                    a: turned(View::contiguous(left, &[m, k]), a_turned),
                    b: turned(View::contiguous(right, &[k, n]), b_turned),
                    out: View::contiguous(Place::Arena(0), &[m, n]),
                    size: [m, n, k],
                    epilogue: vec![],
                    column_sums: None,
                    followers: vec![],
                }),
            }],
            arena: m * n,
            precision,
            ..Plan::default()
        };
        let format = precision.stored().expect("16 bits");
        let [a, b] = [("a", m * k), ("b", k * n)].map(|(name, len)| bench::normals(name, len));
        let norms = |x: &[f32], lines: usize, contiguous: bool| {
            let mut squares = vec![0.0f64; lines];
            for (i, &x) in x.iter().enumerate() {
                squares[if contiguous { i / k } else { i % lines }] += f64::from(format.round(x)).powi(2);
            }
            squares.into_iter().map(f64::sqrt).collect::<Vec<f64>>()
        };
        let [rows, columns] = [norms(&a, m, !a_turned), norms(&b, n, b_turned)];
        let states = [a, b].map(|w| no_updates(2)[0].start(w));
        let product = |hopper| -> Result<Vec<f32>, Failed> {
            let gpu = Nvidia::open_with(0, hopper)?;
            let mut gpu = Cuda::of(
                gpu,
                ExecutorSpec {
                    seed: 7,
                    ..ExecutorSpec::at_rest(vec![plan.clone()], states.to_vec(), no_updates(2))
                },
            )?;
            let kernel = gpu.packed(0)[0][0].kernel;
            assert_eq!(kernel.contains("wgmma"), hopper, "{kernel}");
            gpu.run(&PhaseRun::alone(0, 0, Rate::ALL_REST))?;
            Ok(gpu.memory(Place::Arena(0), m * n)?)
        };
        let (portable, hopper) = (product(false)?, product(true)?);
        // Each is off by at most twice this much where sums are cut off, and Σ |a·b| is at most |a|·|b|.
        let rounding = (k as f64 + 2.0) * reference::U;
        for (i, (x, y)) in portable.iter().zip(&hopper).enumerate() {
            let bound = 4.0 * rounding * rows[i / n] * columns[i % n];
            assert!(f64::from(x - y).abs() <= bound, "{} {i}: {x} and {y}", precision.name());
        }
    }
    Ok(())
}

fn ten_steps() -> Outcome {
    for &(name, sets, numbers) in steps::CASES {
        let share =
            steps::ten_steps(name, sets, numbers, || Nvidia::open(0).expect("the GPU that was found"));
        println!("{name:12} ten steps: {share:.3} of the tolerance");
    }
    Ok(())
}

fn equal_bytes() -> Outcome {
    for (name, config) in variants()? {
        let model = Model::new(&config, NUMBERS, CLASSES);
        let one = rounds(&mut executor(&model, None)?, 0..4)?;
        let other = rounds(&mut executor(&model, None)?, 0..4)?;
        assert!(one.iter().all(|s| s.weights.iter().all(|w| w.is_finite())), "{name}: finite weights");
        assert_eq!(sha256(&one), sha256(&other), "{name}");
    }
    Ok(())
}

fn resume() -> Outcome {
    for (name, config) in variants()? {
        let model = Model::new(&config, NUMBERS, CLASSES);
        let through = rounds(&mut executor(&model, None)?, 0..4)?;
        let half = rounds(&mut executor(&model, None)?, 0..2)?;
        let resumed = rounds(&mut executor(&model, Some(&half))?, 2..4)?;
        assert_eq!(sha256(&through), sha256(&resumed), "{name}");
    }
    Ok(())
}
