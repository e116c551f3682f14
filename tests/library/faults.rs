//! Devices that fail: whatever call goes wrong, the executor stops there and says so, and a training leaves what it
//! had saved.

use crate::common;
use crate::common::devices::{Calls, Faulty, Still, fault};
use crate::common::{CLASSES, Model, NUMBERS, program, session};
use gansaku::error::Result;
use gansaku::exec::cuda::Cuda;
use gansaku::exec::cuda::launch::Driver;
use gansaku::exec::measured::Measured;
use gansaku::exec::{self, Device, Executor, ExecutorSpec, OptimizerRecord, PhaseRun, Record, States};
use gansaku::graph::OptimizerId;
use gansaku::precision::Precision;
use gansaku::report::tensorboard::FILE;
use gansaku::train;
use std::borrow::Cow;

use std::fs;
use std::rc::Rc;

fn conditional() -> Model {
    let mut variants = common::variants();
    let at = variants.iter().position(|(name, _)| *name == "conditional").expect("a variant");
    Model::new(&variants.swap_remove(at).1, NUMBERS, CLASSES)
}

/// A model on a device.
fn place<D: Driver>(model: &Model, device: D) -> Result<Cuda<D>> {
    let states = common::executor(model, 1).states().clone();
    let data = common::data(NUMBERS, CLASSES);
    Cuda::of(
        device,
        ExecutorSpec {
            data: Some(data),
            seed: 7,
            ..ExecutorSpec::at_rest(model.plans(), states.clone(), model.rules())
        },
    )
}

/// Everything that a short run asks of its device once it is there.
fn train<D: Driver>(gpu: &mut Cuda<D>) -> Result<()> {
    for plan in 0..gpu.plans().len() {
        gpu.run(&PhaseRun::alone(plan, plan as u64, common::rates(1)))?;
    }
    gpu.synchronize()?;
    let states = gpu.states()?;
    gpu.set_states(&states)
}

#[test]
fn every_call_that_fails_ends_the_run_with_its_error() {
    let model = conditional();
    let calls = Rc::default();
    let faulty = |fail_at| Faulty::new(Still::new(1 << 30), fail_at, &calls);
    let mut gpu = place(&model, faulty(usize::MAX)).expect("no fault, no error");
    let placed = calls.get();
    train(&mut gpu).expect("no fault, no error");
    let total = calls.get();
    assert!(placed > 20 && total > placed + 20, "{placed} of {total} calls make up the start of a run");
    for fail_at in 0..total {
        let found = place(&model, faulty(fail_at)).and_then(|mut gpu| train(&mut gpu));
        let found = found.expect_err("a fault ends the run");
        assert_eq!(found.exit_code(), 5);
        assert_eq!(found, fault(fail_at), "call {fail_at} of {total}: the device's own words");
        assert_eq!(calls.get(), fail_at + 1, "call {fail_at} of {total}: a lost device is asked no more");
    }
}

#[test]
fn too_little_memory_is_told_before_any_is_taken() {
    let model = conditional();
    let calls = Rc::<Calls>::default();
    let device = Faulty::new(Still::new(1000), usize::MAX, &calls);
    let error = place(&model, device).err().expect("1000 bytes hold no model");
    assert_eq!(error.exit_code(), 5);
    let text = error.to_string();
    for part in ["still device: this run needs 1 MiB", "0 MiB are free", "lower train.batch"] {
        assert!(text.contains(part), "{part:?} is missing: {text}");
    }
    assert_eq!(calls.get(), 1, "only free memory was asked for");
}

/// A CPU whose records say that fp16 overflowed at every update, down to a scale.
struct Overflowing {
    inner: Box<dyn Executor>,
    scale: f32,
}

impl Executor for Overflowing {
    fn name(&self) -> String {
        self.inner.name()
    }
    fn kind(&self) -> String {
        self.inner.kind()
    }
    fn run(&mut self, turns: &[PhaseRun]) -> Result<()> {
        self.inner.run(turns)
    }
    fn write_input(&mut self, plan: usize, name: &str, values: &[f32]) -> Result<()> {
        self.inner.write_input(plan, name, values)
    }
    fn run_task(&mut self, plan: usize, tick: u64) -> Result<()> {
        self.inner.run_task(plan, tick)
    }
    fn output(&mut self, plan: usize, name: &str) -> Result<Vec<f32>> {
        self.inner.output(plan, name)
    }
    fn records(&mut self) -> Result<Vec<Record>> {
        let overflow = |record: Record| {
            self.scale *= 0.5;
            let [_, d] = record.optimizers[..] else { panic!("two optimizers") };
            let g = OptimizerRecord { gradient_norm2: f64::INFINITY, loss_scale: self.scale, skipped: true };
            let d = OptimizerRecord { loss_scale: 65_536.0, skipped: false, ..d };
            Record { optimizers: vec![g, d], ..record }
        };
        Ok(self.inner.records()?.into_iter().map(overflow).collect())
    }
    fn records_kept(&self) -> usize {
        1
    }
    fn states(&mut self) -> Result<Cow<'_, States>> {
        self.inner.states()
    }
    fn set_states(&mut self, states: States) -> Result<()> {
        self.inner.set_states(states)
    }
    fn set_average_states(&mut self, optimizer: OptimizerId, states: &[f32]) -> Result<()> {
        self.inner.set_average_states(optimizer, states)
    }
    fn measured(&mut self) -> &mut dyn Measured {
        self.inner.measured()
    }
}

#[test]
fn a_loss_scale_at_its_floor_ends_the_run() {
    let mut variants = common::variants();
    let (_, mut config) = variants.swap_remove(0);
    config.train.precision = Precision::Fp16;
    let data = common::data(NUMBERS, CLASSES);
    let mut trainer = train::Trainer::new(&config, &data, |job| {
        let inner = exec::open(Device::Cpu, 1)?(job)?;
        Ok(Box::new(Overflowing { inner, scale: 16.0 }))
    })
    .expect("data that fit");
    for _ in 0..4 {
        trainer.step().expect("an overflow is no failure: 8, 4, 2, 1");
    }
    let line = trainer.line(0.0).expect("finite");
    let number = |name| line.get(name).expect(name);
    assert_eq!((number("skipped_updates"), number("g_loss_scale")), (4.0, 1.0));
    assert_eq!(number("g_gradient_norm"), 0.0, "what was left out has no norm");
    assert!(number("d_gradient_norm").is_finite());
    let error = trainer.step().expect_err("one half is below the floor");
    assert_eq!(error.exit_code(), 6);
    let text = error.to_string();
    assert!(text.contains("step 5: the generator's gradient") && text.contains("--precision bf16"), "{text}");
}

/// A device that a training fits on.
fn still() -> Still {
    Still::new(1 << 30)
}

#[test]
fn a_training_whose_device_fails_leaves_all_that_it_had_saved() {
    let good = tempfile::tempdir().expect("a folder");
    let total = session::whole(good.path(), still());
    let whole = program::fingerprint(&session::run(good.path()));
    let metrics = fs::read_to_string(session::run(good.path()).join("metrics.jsonl")).expect("text");
    let (steps, lines) = (session::checkpoints(good.path()), metrics.lines().count());
    assert_eq!((steps, lines), (vec![2, 4, 6], 6), "the run as it should be");
    let mut newest = vec![];
    // Every fifth: steps differ in which of their calls that hits.
    for fail_at in (0..total).step_by(5) {
        let folder = tempfile::tempdir().expect("a folder");
        let error = session::interrupted(folder.path(), false, still(), fail_at).to_string();
        let words = fault(fail_at).to_string();
        assert!(error.starts_with(&words), "call {fail_at} of {total}: the device's own words: {error}");
        let run = session::run(folder.path());
        let last = session::checkpoints(folder.path()).last().copied();
        newest.push(last);
        let rest = match last {
            Some(step) => {
                let path = run.join(format!("checkpoints/step-{step:09}"));
                let (path, run) = (path.display(), run.display());
                format!("; the last good checkpoint is {path}; go on with: gansaku train --resume {run}")
            }
            None if run.exists() => "; no checkpoint was made before".into(),
            None => String::new(),
        };
        assert_eq!(error, words + &rest, "call {fail_at} of {total}");
        // Of what is there, every byte is the undisturbed run's.
        for (name, sum) in program::fingerprint(&run) {
            match name.as_str() {
                "metrics.jsonl" | "doctor.jsonl" | "latest" | "report.html" | FILE => {}
                _ => assert_eq!(Some(&sum), whole.get(&name), "call {fail_at} of {total}: {name}"),
            }
        }
    }
    newest.dedup();
    assert_eq!(newest, [None, Some(2), Some(4), Some(6)], "faults before and after every checkpoint");
}

#[test]
fn a_training_whose_device_failed_goes_on_as_if_it_had_not() {
    let good = tempfile::tempdir().expect("a folder");
    let total = session::whole(good.path(), still());
    let whole = program::fingerprint(&session::run(good.path()));
    for fail_at in (total / 2..total).step_by(7) {
        let folder = tempfile::tempdir().expect("a folder");
        session::interrupted(folder.path(), false, still(), fail_at);
        assert!(!session::checkpoints(folder.path()).is_empty(), "call {fail_at}: something to resume");
        // The device is still lost, as soon as it is asked; then it is mended.
        let before = program::fingerprint(&session::run(folder.path()));
        assert_eq!(session::interrupted(folder.path(), true, still(), 0), fault(0));
        assert_eq!(
            program::fingerprint(&session::run(folder.path())),
            before,
            "call {fail_at}: all is left alone"
        );
        session::train(folder.path(), true, still()).expect("a good device");
        assert_eq!(program::fingerprint(&session::run(folder.path())), whole, "call {fail_at} of {total}");
    }
}

#[test]
fn a_training_that_does_not_fit_is_told_before_its_first_step() {
    let folder = tempfile::tempdir().expect("a folder");
    let calls = Rc::<Calls>::default();
    let device = Faulty::new(Still::new(100 << 10), usize::MAX, &calls);
    let error = session::train(folder.path(), false, device).expect_err("100 KiB are too few");
    assert_eq!(error.exit_code(), 5);
    program::says(
        &error.to_string(),
        &["still device: this run needs 2 MiB", "0 MiB are free", "lower train.batch"],
    );
    assert_eq!(calls.get(), 1, "only free memory was asked for");
    assert_eq!(fs::read_dir(folder.path()).expect("there").count(), 0, "no run was begun");
}
