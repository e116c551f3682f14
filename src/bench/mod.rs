//! How fast training steps are, on any executor: against each other, against what the device gives at best, and launch
//! by launch. Nothing here reads a command line or writes a file.

pub mod alone;
pub mod ceilings;
mod protocol;
mod shares;
pub mod spread;
pub mod table;

use crate::config::{Config, Updates};
use crate::data::{Dataset, Examples, Origin, Paired, Shape, Values};
use crate::error::Result;
use crate::exec::Opened;
use crate::lower::cost::Cost;
use crate::precision::Precision;
use crate::rng::{Draw, stream};
use crate::train::Trainer;
pub use protocol::{LIMITS, Limits, Protocol};
pub use shares::Share;

use alone::Alone;
use ceilings::Ceilings;
use serde::Serialize;
use spread::Spread;
use std::sync::Arc;
use std::time::Instant;

/// A configuration, measured.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// The recipe's name.
    pub recipe: String,
    /// "2 CPU threads", or the GPU's name.
    pub device: String,
    /// What products multiply.
    pub precision: Precision,
    /// Examples a minibatch.
    pub batch: usize,
    /// Rounds.
    pub rounds: u64,
    /// Steps of each round.
    pub steps_per_round: u64,
    /// Steps before the first.
    pub warmup_steps: u64,
    /// Median over rounds, microseconds for one step: all D updates and the G update.
    pub us_per_step: f64,
    /// The fastest round's.
    pub us_min: f64,
    /// The slowest round's.
    pub us_max: f64,
    /// Step time as a multiple of fp32's in the same round; none where fp32 was not measured.
    pub to_fp32: Option<Spread>,
    /// Real examples that D sees.
    pub images_per_second: f64,
    /// GFLOP/s, counted from the plans.
    pub gflops: f64,
    /// GB/s read and written, each operand of a launch once, counted from the plans.
    pub gbytes_per_second: f64,
    /// Measured just before the rounds.
    pub ceilings: Ceilings,
    /// `gflops` as a share of the large product's.
    pub share_of_product: f64,
    /// `gbytes_per_second` as a share of the copy's.
    pub share_of_copy: f64,
    /// The sum of the launches' bounds as a share of the step's time.
    pub share_of_bound: f64,
    /// Kernel launches of a step, on average.
    pub launches_per_step: f64,
    /// Microseconds that the host needs to start a step; none where the host's threads are what computes it.
    pub host_us_per_step: Option<Spread>,
    /// Scratch memory.
    pub arena_bytes: usize,
    /// Every launch by itself, where asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernels: Option<Vec<Alone>>,
}

/// A training on its way through the rounds.
struct Contender {
    trainer: Trainer,
    /// Steps until all phases have come as often as they do.
    period: u64,
    ceilings: Ceilings,
    /// Microseconds a step, each round.
    step: Vec<f64>,
    /// Microseconds to start a step, each round; empty where nothing is started ahead.
    host: Vec<f64>,
}

/// Measures configurations against each other: rounds of one follow rounds of the other. Ceilings are measured just
/// before. `open` is called for every executor.
///
/// # Errors
/// When data and configurations do not go together, or the device fails.
pub fn measure(
    configs: &[Config],
    data: &Arc<Dataset>,
    open: &dyn Fn() -> Result<Opened>,
    protocol: &Protocol,
) -> Result<Vec<Figures>> {
    let enter = |config| Contender::new(config, data, open, protocol);
    let mut contenders = configs.iter().map(enter).collect::<Result<Vec<_>>>()?;
    for _ in 0..protocol.rounds {
        contenders.iter_mut().try_for_each(|c| c.round(protocol))?;
    }
    let mut figures = contenders.iter_mut().map(|c| c.figures(protocol)).collect::<Result<Vec<_>>>()?;
    if protocol.profile {
        contenders.iter_mut().try_for_each(Contender::profile)?;
    }
    let Some(fp32) = configs.iter().position(|c| c.train.precision == Precision::Fp32) else {
        return Ok(figures);
    };
    for (figures, contender) in figures.iter_mut().zip(&contenders) {
        figures.to_fp32 = Some(Spread::ratio(&contender.step, &contenders[fp32].step));
    }
    Ok(figures)
}

impl Contender {
    /// Warmed up.
    fn new(
        config: &Config,
        data: &Arc<Dataset>,
        open: &dyn Fn() -> Result<Opened>,
        protocol: &Protocol,
    ) -> Result<Contender> {
        let ceilings = ceilings::measure(open, config.train.precision, &protocol.limits, protocol.rounds)?;
        // A burst of D updates is no usual step.
        let mut config = config.clone();
        config.train.discriminator_updates = Updates::Always(config.train.discriminator_updates.usual());
        let trainer = Trainer::new(&config, data, open()?)?;
        let periods = trainer.game.phases().iter().map(|p| p.when.period()).max();
        let period = periods.unwrap_or(1).max(trainer.cycle());
        let mut contender = Contender { trainer, period, ceilings, step: vec![], host: vec![] };
        let steps = contender.whole(protocol.warmup);
        contender.trainer.steps(steps)?;
        // Reading the metrics waits for the device.
        contender.trainer.line(0.0)?;
        Ok(contender)
    }

    /// `steps` or a few more: whole periods.
    fn whole(&self, steps: u64) -> u64 {
        steps.next_multiple_of(self.period)
    }

    fn round(&mut self, protocol: &Protocol) -> Result<()> {
        let steps = self.whole(protocol.steps);
        let begun = Instant::now();
        self.trainer.steps(steps)?;
        self.trainer.line(0.0)?;
        self.step.push(begun.elapsed().as_secs_f64() * 1e6 / steps as f64);
        if self.trainer.runs_ahead() {
            self.start()?;
        }
        Ok(())
    }

    /// Starts a period on an idle device, and waits only when the time is taken.
    fn start(&mut self) -> Result<()> {
        let cycle = self.trainer.cycle();
        let begun = Instant::now();
        self.trainer.advance(cycle)?;
        self.host.push(begun.elapsed().as_secs_f64() * 1e6 / cycle as f64);
        // Whole periods again, and an idle device.
        self.trainer.steps(self.period - cycle)?;
        self.trainer.line(0.0)?;
        Ok(())
    }

    /// Every phase once, in ranges with the names of its launches.
    fn profile(&mut self) -> Result<()> {
        let train = &self.trainer.config.train;
        let what =
            format!("{}, batch {}, {}", self.trainer.config.recipe, train.batch, train.precision.name());
        let names = self.trainer.game.phases().into_iter().map(|phase| format!("{what}: {}", phase.name));
        let names: Vec<String> = names.collect();
        let measured = self.trainer.measured();
        names.iter().enumerate().try_for_each(|(plan, name)| measured.profile(plan, name))
    }

    fn figures(&mut self, protocol: &Protocol) -> Result<Figures> {
        let shares = shares::shares(&self.trainer);
        let launches = |plan: usize| self.trainer.measured().launches(plan).iter().sum::<usize>() as f64;
        let launches: Vec<f64> = (0..shares.len()).map(launches).collect();
        let sum = |of: &dyn Fn(usize, &Share) -> f64| {
            shares.iter().enumerate().map(|(i, s)| s.times_per_step * of(i, s)).sum::<f64>()
        };
        let over = |of: &dyn Fn(&Cost) -> f64| sum(&|_, s| s.costs.iter().map(of).sum());
        let us = Spread::of(&self.step);
        // A thousand a microsecond are a billion a second.
        let gflops = over(&|c| c.flops as f64) / 1e3 / us.median;
        let gbytes_per_second = over(&|c| c.bytes as f64) / 1e3 / us.median;
        let ceilings = self.ceilings;
        let train = &self.trainer.config.train;
        let images = (train.batch as u64 * train.discriminator_updates.usual()) as f64;
        Ok(Figures {
            recipe: self.trainer.config.recipe.clone(),
            device: self.trainer.device(),
            precision: train.precision,
            batch: train.batch,
            rounds: protocol.rounds,
            steps_per_round: self.whole(protocol.steps),
            warmup_steps: self.whole(protocol.warmup),
            us_per_step: us.median,
            us_min: us.min,
            us_max: us.max,
            to_fp32: None,
            images_per_second: images * 1e6 / us.median,
            gflops,
            gbytes_per_second,
            ceilings,
            share_of_product: gflops / ceilings.product_gflops,
            share_of_copy: gbytes_per_second / ceilings.copy_gbytes_per_second,
            share_of_bound: over(&|c| ceilings.bound_us(*c)) / us.median,
            launches_per_step: sum(&|plan, _| launches[plan]),
            host_us_per_step: (!self.host.is_empty()).then(|| Spread::of(&self.host)),
            arena_bytes: shares.iter().map(|s| s.plan.scratch_bytes()).max().unwrap_or(0),
            kernels: match protocol.alone {
                true => Some(alone::measure(self.trainer.measured(), &shares, &ceilings, protocol)?),
                false => None,
            },
        })
    }
}

/// Random examples: a step's time does not depend on what it sees.
pub fn noise(shape: impl Into<Shape>, classes: usize, count: usize) -> Dataset {
    let shape = shape.into();
    let numbers = shape.len();
    let draw = Draw::new(0, stream("bench"), 0);
    let bytes = (0..(count * numbers).div_ceil(16) as u32)
        .flat_map(|i| draw.words(i))
        .flat_map(u32::to_le_bytes)
        .take(count * numbers)
        .collect();
    let labels = (classes > 0).then(|| (0..count).map(|i| (i % classes) as u8).collect());
    let train = Examples { count, values: Values::U8(bytes), labels };
    Dataset::of("random bytes", shape, classes, train)
}

/// These examples as two domains, pairs of equals: for games that read both.
pub fn paired(data: Dataset) -> Dataset {
    let paired = Paired { train: true, ..Paired::default() };
    let origin = Origin { data: data.clone(), paired, unpaired: None };
    Dataset { origin: Some(Box::new(origin)), ..data }
}
