//! What runs plans, and what it is asked.

use super::measured::Measured;
use super::rule::UpdateRule;
use super::schedule::{Rate, Schedule};
use super::state::{NetworkState, States};
use crate::data::Dataset;
use crate::error::Result;
use crate::graph::{MAX_OPTIMIZERS, OptimizerId};
use crate::lower::{Plan, ReadFrom};
use std::borrow::Cow;
use std::sync::Arc;

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

    /// GFLOP/s of products, where milliseconds tell: by it the time of a run is told before it begins.
    fn pace(&self) -> Option<f64> {
        None
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

impl ExecutorSpec {
    /// An executor without data whose rates rest: for tasks and measurements.
    pub fn at_rest(plans: Vec<Plan>, states: States, rules: Vec<UpdateRule>) -> ExecutorSpec {
        let schedule = Schedule::constant(&vec![Rate::REST; states.len()]);
        ExecutorSpec { plans, states, rules, schedule, data: None, seed: 0 }
    }
}

/// Checks what executors take for granted of plans and optimizers.
///
/// # Panics
/// When there are more than [`MAX_OPTIMIZERS`], or not a rule for each; when a plan that updates or computes in 16 bits
/// reads the moving average, or reads that of an optimizer which keeps none: a bug in a model.
pub(super) fn check(plans: &[Plan], states: &[NetworkState], rules: &[UpdateRule]) {
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
