//! Executors: what runs a plan.

pub mod cpu;
pub mod cuda;
pub mod measured;
pub mod scale;
pub mod schedule;

use crate::config::Rule;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::graph::{MAX_OPTIMIZERS, OptimizerId};
use crate::lower::cost::Cost;
use crate::lower::{Plan, ReadFrom};
use crate::precision::Precision;
use measured::Measured;
use scale::LossScale;
use schedule::Schedule;
use std::borrow::Cow;
use std::sync::Arc;

/// How an optimizer updates; fixed for a run.
#[derive(Debug, Clone, PartialEq)]
pub struct UpdateRule {
    /// The formula.
    pub rule: Rule,
    /// Every parameter is clipped to [−clip, clip] after an update; 0 is off.
    pub clip: f32,
    /// Weight matrices `[fan_in, units]` whose columns are scaled down to a norm: offset, fan_in, units, norm.
    pub column_norms: Vec<ColumnNorm>,
    /// Whether a moving average of the parameters is kept.
    pub average: bool,
    /// Whether gradients come scaled, and updates whose gradient is not finite are left out (fp16).
    pub scaled: bool,
}

/// A limit on the norm of the weights into each unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ColumnNorm {
    /// First element of the matrix in its optimizer's flat memory.
    pub offset: usize,
    /// Rows.
    pub fan_in: usize,
    /// Columns.
    pub units: usize,
    /// Greatest norm a column may have.
    pub limit: f32,
}

/// The numbers of one update that change from step to step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Learning rate.
    pub lr: f32,
    /// Momentum of SGD.
    pub momentum: f32,
    /// This is the optimizer's n-th update, from 1 (Adam's bias correction).
    pub update: u64,
    /// β of the moving average: w̄ ← β·w̄ + (1 − β)·w.
    pub average: f32,
}

impl Rate {
    /// The first update, with a learning rate of 0: weights stay where they are.
    pub const REST: Rate = Rate { lr: 0.0, momentum: 0.0, update: 1, average: 0.0 };
    /// [`Rate::REST`] of every optimizer.
    pub const ALL_REST: [Rate; MAX_OPTIMIZERS] = [Rate::REST; MAX_OPTIMIZERS];
}

/// Everything about an optimizer and the networks it updates that outlives a step.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkState {
    /// Parameters, flat.
    pub weights: Vec<f32>,
    /// Gradients of the last update, flat.
    pub gradients: Vec<f32>,
    /// Optimizer moments, each flat: velocity (SGD), square (RMSProp), first and second (Adam).
    pub moments: Vec<Vec<f32>>,
    /// Moving average of the parameters, flat; empty where none is kept.
    pub average: Vec<f32>,
    /// States of the networks, flat.
    pub states: Vec<f32>,
    /// States that belong to the moving average, as they were stored last; empty where none is kept.
    pub average_states: Vec<f32>,
    /// Squared norm of the last gradient, its scale taken out.
    pub gradient_norm2: f64,
    /// The factor on the loss; 1 where gradients are not scaled.
    pub loss_scale: LossScale,
}

impl Default for NetworkState {
    /// An optimizer without parameters.
    fn default() -> NetworkState {
        NetworkState {
            weights: vec![],
            gradients: vec![],
            moments: vec![],
            average: vec![],
            states: vec![],
            average_states: vec![],
            gradient_norm2: 0.0,
            loss_scale: LossScale::start(false),
        }
    }
}

impl UpdateRule {
    /// Names of the optimizer's moments, in the order of [`NetworkState::moments`].
    pub fn moment_names(&self) -> &'static [&'static str] {
        match self.rule {
            Rule::Sgd { .. } => &["momentum_buffer"],
            Rule::Adam { .. } => &["exp_avg", "exp_avg_sq"],
            Rule::RmsProp { .. } => &["square_avg"],
        }
    }

    /// Adam's β1 and β2; zeros, which correct nothing, for other rules.
    pub fn betas(&self) -> [f64; 2] {
        match self.rule {
            Rule::Adam { beta1, beta2, .. } => [f64::from(beta1), f64::from(beta2)],
            Rule::Sgd { .. } | Rule::RmsProp { .. } => [0.0; 2],
        }
    }

    /// Adam's lr / (1 − β1ᵗ) and √(1 − β2ᵗ); the plain learning rate and 1 for other rules.
    pub fn corrected(&self, rate: &Rate) -> (f32, f32) {
        let [first, second] = self.betas().map(|beta| 1.0 - schedule::power(beta, rate.update));
        ((f64::from(rate.lr) / first) as f32, second.sqrt() as f32)
    }

    /// Whether each parameter's update needs nothing but its own gradient, so that whoever computes that may update it.
    pub fn in_place(&self) -> bool {
        self.column_norms.is_empty() && !self.scaled
    }

    /// What updating so many parameters costs: the gradient is read, the weights, the moments and the
    /// average are read and written, the copies in 16 bits written.
    pub fn cost(&self, parameters: usize, precision: Precision) -> Cost {
        let rewritten = self.vectors() - 1;
        let copy = if precision.stored().is_some() { 2 } else { 0 };
        Cost { flops: 12 * parameters as u64, bytes: ((4 + 8 * rewritten + copy) * parameters) as u64 }
    }

    /// Vectors, each as long as the parameters, of an optimizer's state: these, their gradient, moments, and the average.
    pub fn vectors(&self) -> usize {
        2 + self.moment_names().len() + usize::from(self.average)
    }

    /// Bytes of all that an optimizer keeps of networks whose parameters take `len` numbers and whose states take `states`.
    pub fn bytes(&self, len: usize, states: usize) -> usize {
        size_of::<f32>() * (self.vectors() * len + (1 + usize::from(self.average)) * states)
    }

    /// An optimizer before the first update, of networks without states.
    pub fn start(&self, weights: Vec<f32>) -> NetworkState {
        self.start_with(weights, vec![])
    }

    /// An optimizer before the first update.
    pub fn start_with(&self, weights: Vec<f32>, states: Vec<f32>) -> NetworkState {
        let zeros = vec![0.0; weights.len()];
        NetworkState {
            gradients: zeros.clone(),
            moments: self.moment_names().iter().map(|_| zeros.clone()).collect(),
            average: if self.average { weights.clone() } else { vec![] },
            average_states: if self.average { states.clone() } else { vec![] },
            states,
            gradient_norm2: 0.0,
            loss_scale: LossScale::start(self.scaled),
            weights,
        }
    }
}

/// The optimizers' states, by [`crate::graph::OptimizerId`].
pub type States = Vec<NetworkState>;

/// What one phase left for people to read.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The plan that ran.
    pub plan: usize,
    /// At which tick.
    pub tick: u64,
    /// The plan's outputs of one number, in its order.
    pub statistics: Vec<f32>,
    /// What became of the optimizers, by [`crate::graph::OptimizerId`].
    pub optimizers: Vec<OptimizerRecord>,
}

/// What one phase left to read of an optimizer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OptimizerRecord {
    /// Squared norm of its last gradient.
    pub gradient_norm2: f64,
    /// The loss scale after the phase.
    pub loss_scale: f32,
    /// Whether its last update was left out for an overflow.
    pub skipped: bool,
}

/// One phase to run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PhaseRun {
    /// Which plan.
    pub plan: usize,
    /// At which tick.
    pub tick: u64,
    /// Training steps done before it.
    pub step: u64,
    /// The optimizers' rates, by [`crate::graph::OptimizerId`]; those beyond the model's optimizers are not read.
    pub rates: [Rate; MAX_OPTIMIZERS],
}

impl PhaseRun {
    /// A phase of the first step: what is run by itself.
    pub fn alone(plan: usize, tick: u64, rates: [Rate; MAX_OPTIMIZERS]) -> PhaseRun {
        PhaseRun { plan, tick, step: 0, rates }
    }
}

/// What training asks of an executor. A run may return before its work is done; whatever reads waits for it.
pub trait Executor {
    /// The device, for people: "2 CPU threads".
    fn name(&self) -> String;

    /// The device as a run's folder names it: without what changes no byte of the run, such as the number of threads.
    fn kind(&self) -> String {
        self.name()
    }

    /// Runs phases, in order; a list that comes again and again may cost less than its phases one by one.
    ///
    /// # Errors
    /// When the device fails, possibly at something run before.
    fn run(&mut self, turns: &[PhaseRun]) -> Result<()>;

    /// Fills a host-filled input of a plan, for the [`Executor::run_task`] that comes next: phases share its memory.
    ///
    /// # Errors
    /// When the device fails.
    ///
    /// # Panics
    /// When the plan has no such input or it has another length.
    fn write_input(&mut self, plan: usize, name: &str, values: &[f32]) -> Result<()>;

    /// Runs a plan that changes nothing that outlives it, between phases: training goes on as if it had not run. Random
    /// numbers are those of `tick`.
    ///
    /// # Errors
    /// When the device fails.
    ///
    /// # Panics
    /// When the plan updates, or stores states.
    fn run_task(&mut self, plan: usize, tick: u64) -> Result<()>;

    /// A named result of the task that ran last; waits for it.
    ///
    /// # Errors
    /// When the device fails.
    ///
    /// # Panics
    /// When the plan has no such output.
    fn output(&mut self, plan: usize, name: &str) -> Result<Vec<f32>>;

    /// What the phases since the last call left, in order; waits for them.
    ///
    /// # Errors
    /// When the device fails.
    fn records(&mut self) -> Result<Vec<Record>>;

    /// How many phases may run before [`Executor::records`] must be called: the device keeps no more. 1 where
    /// waiting costs nothing.
    fn records_kept(&self) -> usize;

    /// The optimizers' states.
    ///
    /// # Errors
    /// When the device fails.
    fn states(&mut self) -> Result<Cow<'_, States>>;

    /// Replaces the optimizers' states: a resume.
    ///
    /// # Errors
    /// When the device fails.
    fn set_states(&mut self, states: States) -> Result<()>;

    /// Replaces the states of an optimizer's averaged networks.
    ///
    /// # Errors
    /// When the device fails.
    ///
    /// # Panics
    /// When the optimizer keeps no average, or has another number of states.
    fn set_average_states(&mut self, optimizer: OptimizerId, states: &[f32]) -> Result<()>;

    /// What measures it.
    fn measured(&mut self) -> &mut dyn Measured;
}

/// What an executor is made of.
pub struct ExecutorSpec {
    /// They share one arena.
    pub plans: Vec<Plan>,
    /// The optimizers at their start, [`MAX_OPTIMIZERS`] at most.
    pub states: States,
    /// How each of them updates.
    pub rules: Vec<UpdateRule>,
    /// The rates that phases will be run with: an executor may work them out ahead.
    pub schedule: Schedule,
    /// Where minibatches come from, for plans that gather.
    pub data: Option<Arc<Dataset>>,
    /// Seeds every random number.
    pub seed: u64,
}

/// Checks what executors take for granted of plans and optimizers.
///
/// # Panics
/// When there are more than [`MAX_OPTIMIZERS`], or not a rule for each; when a plan that updates or computes in 16 bits
/// reads the moving average, or reads that of an optimizer which keeps none: a bug in a model.
fn check(plans: &[Plan], states: &[NetworkState], rules: &[UpdateRule]) {
    assert!(states.len() <= MAX_OPTIMIZERS, "{} optimizers; executors keep {MAX_OPTIMIZERS}", states.len());
    assert_eq!(states.len(), rules.len(), "a rule for each optimizer");
    for plan in plans.iter().filter(|p| p.from == ReadFrom::Average) {
        assert!(plan.is_task(), "a plan that changes what outlives it reads the moving average");
        assert!(plan.precision.stored().is_none(), "no 16-bit copies are kept of the moving average");
        for optimizer in plan.read_optimizers() {
            assert!(rules[optimizer.index()].average, "{optimizer:?} keeps no moving average");
        }
    }
}

/// Where a model is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// The first GPU that this build runs on, else the CPU.
    Auto,
    /// All in threads of this process.
    Cpu,
    /// A GPU by its number among the visible ones.
    Cuda(usize),
}

/// Where networks are run: a device, and the worker threads of a CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hardware {
    /// The device.
    pub device: Device,
    /// Worker threads; 0 takes one a core.
    pub threads: usize,
}

impl Hardware {
    /// The CPU with one thread a core.
    pub const CPU: Hardware = Hardware { device: Device::Cpu, threads: 0 };

    /// Opens the device.
    ///
    /// # Errors
    /// When there is no such device, or it fails.
    pub fn open(self) -> Result<Opened> {
        open(self.device, self.threads)
    }
}

/// A device that is there: makes an executor on it.
pub type Opened = Box<dyn FnOnce(ExecutorSpec) -> Result<Box<dyn Executor>>>;

/// Opens a device.
///
/// # Errors
/// When there is no such device, or it fails.
pub fn open(device: Device, threads: usize) -> Result<Opened> {
    match settle(device)? {
        #[cfg(feature = "cuda")]
        Device::Cuda(number) => {
            let driver = cuda::driver::Nvidia::open(number)?;
            Ok(Box::new(move |job| Ok(Box::new(cuda::Cuda::of(driver, job)?))))
        }
        _ => on_cpu(threads),
    }
}

/// The device that is meant on this machine: the CPU, or a GPU of a build that has GPUs.
///
/// # Errors
/// When this build has no GPUs and one is asked for, or looking for one fails.
pub fn settle(device: Device) -> Result<Device> {
    match device {
        #[cfg(feature = "cuda")]
        Device::Auto => Ok(cuda::driver::first_that_fits()?.map_or(Device::Cpu, Device::Cuda)),
        #[cfg(not(feature = "cuda"))]
        Device::Auto => Ok(Device::Cpu),
        #[cfg(not(feature = "cuda"))]
        Device::Cuda(number) => Err(Error::Device(format!(
            "--device cuda:{number}: this build has no CUDA; use --device cpu, or build with --features cuda"
        ))),
        settled => Ok(settled),
    }
}

/// Whether launches on this device can be marked for a profiler.
///
/// # Errors
/// When the device is the CPU, or the library that profilers listen to is not there.
pub fn markable(device: Device) -> Result<()> {
    match settle(device)? {
        #[cfg(feature = "cuda")]
        Device::Cuda(_) => cuda::driver::ranges_ready(),
        _ => Err(Error::Usage(
            "--profile marks launches on a GPU for NVIDIA's profilers, and this computes on the CPU; leave it out, or ask for \
             --device cuda"
                .into(),
        )),
    }
}

fn on_cpu(threads: usize) -> Result<Opened> {
    let pool = cpu::pool::Pool::new(threads)?;
    Ok(Box::new(move |job| Ok(Box::new(cpu::Cpu::of(pool, job)?))))
}
