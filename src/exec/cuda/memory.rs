//! The device memory of a training run, allocated once: the arena, the optimizers' memories, the data set, the clock.

use super::blocks::number_type;
use super::launch::{Buffer, Driver};
use super::limits::{SLOT_WIDTH, SLOTS, UPDATE_PER_BLOCK, number};
use super::tiling::{Multiprocessors, Scratch};
use crate::data::{Dataset, Values};
use crate::error::{Error, Result};
use crate::exec::rule::UpdateRule;
use crate::exec::scale::LossScale;
use crate::exec::state::{NetworkState, States};
use crate::graph::OptimizerId;
use crate::lower::Place;
use crate::memory_budget;
use crate::precision::Narrow;

/// Bytes of the ring of metrics.
const RING_BYTES: usize = 8 * SLOTS * SLOT_WIDTH;

/// What an executor is asked for beside its work.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Whether every gradient is left in memory for whoever wants to look: else those are not stored that are used where
    /// they are computed.
    pub keep_gradients: bool,
    /// How many multiprocessors products are cut for.
    pub multiprocessors: Multiprocessors,
}

/// A buffer, its address and its length in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Region {
    pub buffer: Buffer,
    pub address: u64,
    pub bytes: usize,
}

/// One optimizer's memory on the device.
pub(super) struct NetworkMemory {
    /// Parameters: fewer than 2³², by [`Memory::new`].
    pub count: usize,
    pub weights: Region,
    pub gradients: Region,
    pub moments: Vec<Region>,
    pub average: Option<Region>,
    /// States of its networks.
    pub states: Region,
    /// The states that belong to the average.
    pub average_states: Option<Region>,
    /// The weights in 16 bits, where products read them so.
    pub copies: Option<Region>,
    pub partials: Region,
    /// `f64`.
    pub norm2: Region,
    /// `u32`: blocks of the running update that are done.
    pub finished: Region,
    /// [`LossScale`].
    pub scale: Region,
}

/// The training split on the device.
pub(super) struct DataMemory {
    pub values: Region,
    pub bytes: bool,
    pub labels: Option<Region>,
    pub count: usize,
    pub factor: f32,
    pub offset: f32,
}

/// Everything that launches touch.
pub(super) struct Memory {
    pub arena: Region,
    /// The arena of 16-bit numbers.
    pub narrow: Region,
    /// The 16-bit format of the narrow arena and of the weights' copies, where plans have such.
    pub format: Option<Narrow>,
    pub clock: Region,
    /// Parameters of programs that share a launch.
    pub programs: Region,
    /// Sums of matmul slices.
    pub partial: Region,
    /// `u32`: blocks of a tile or of a loss head that are done; 0 between launches.
    pub arrived: Region,
    /// What phases left for the host.
    pub ring: Region,
    /// By optimizer.
    pub networks: Vec<NetworkMemory>,
    /// What was asked for.
    pub options: Options,
    /// The data sets' training splits, by number.
    pub data: Vec<DataMemory>,
}

/// Blocks of an update of so many parameters.
fn blocks(count: usize) -> usize {
    count.div_ceil(UPDATE_PER_BLOCK).max(1)
}

impl NetworkMemory {
    /// Blocks of an update; one without parameters still has one, for its norm.
    pub fn blocks(&self) -> usize {
        blocks(self.count)
    }
}

/// How much scratch a run needs, and of what.
#[derive(Debug, Clone)]
pub(super) struct Sizes {
    /// `f32`s of the arena.
    pub arena: usize,
    /// 16-bit numbers of theirs.
    pub narrow: usize,
    /// Scratch of matmul slices.
    pub slices: Scratch,
    /// By optimizer: blocks of a launch that computes its gradient and its norm at most, beside those of
    /// [`NetworkMemory::blocks`].
    pub gradients: Vec<usize>,
    /// Bytes.
    pub clock: usize,
    /// Bytes of programs' parameters.
    pub programs: usize,
}

/// What memory is filled with.
pub(super) struct Contents<'a> {
    /// The 16-bit format, where plans have such.
    pub format: Option<Narrow>,
    /// The optimizers.
    pub states: &'a States,
    /// How they update.
    pub rules: &'a [UpdateRule],
    /// The data sets, where plans gather.
    pub data: Option<&'a Dataset>,
    /// What was asked for.
    pub options: Options,
}

/// Bytes that a run needs, before any of it is allocated.
fn needed(sizes: &Sizes, contents: &Contents) -> usize {
    let Contents { format, states, rules, data, .. } = *contents;
    let network = |((state, rule), &gradient): ((&NetworkState, &UpdateRule), &usize)| {
        let len = state.weights.len();
        let copies = if format.is_some() { 2 * len } else { 0 };
        copies
            + rule.bytes(len, state.states.len())
            + 8 * blocks(len).max(gradient)
            + 12
            + size_of::<LossScale>()
    };
    let examples = |d: &Dataset| {
        let values = match &d.train.values {
            Values::U8(bytes) => bytes.len(),
            Values::F32(numbers) => 4 * numbers.len(),
        };
        values + d.train.labels.as_ref().map_or(0, Vec::len)
    };
    let examples: usize = data.into_iter().flat_map(Dataset::sets).map(examples).sum();
    let scratch = 4 * (sizes.arena + sizes.slices.sums + sizes.slices.arrived)
        + 2 * sizes.narrow
        + sizes.clock
        + sizes.programs
        + RING_BYTES;
    scratch + states.iter().zip(rules).zip(&sizes.gradients).map(network).sum::<usize>() + examples
}

impl Memory {
    /// Allocates all and uploads states and data.
    ///
    /// # Errors
    /// When the device has too little memory, told before the first byte is taken.
    pub fn new<D: Driver>(driver: &mut D, sizes: &Sizes, contents: &Contents) -> Result<Memory> {
        let Contents { format, states, rules, data, options } = *contents;
        for state in states {
            number(state.weights.len().max(state.states.len()), "an optimizer's memory")
                .map_err(|why| Error::Device(format!("{}: {why}", driver.name())))?;
        }
        let need = needed(sizes, contents);
        let free = driver.free_memory()?;
        if need > free {
            return Err(memory_budget::short(
                &driver.name(),
                "device memory",
                need,
                free,
                memory_budget::OF_A_STEP,
            ));
        }
        let [arena, narrow] = [region(driver, 4 * sizes.arena)?, region(driver, 2 * sizes.narrow)?];
        let arrived = region(driver, 4 * sizes.slices.arrived)?;
        for scratch in [arena, narrow, arrived] {
            driver.zero(scratch.buffer, 0, scratch.bytes)?;
        }
        let networks = states.iter().zip(rules).zip(&sizes.gradients);
        let networks = networks.map(|((state, rule), &blocks)| network(driver, format, state, rule, blocks));
        let networks = networks.collect::<Result<_>>()?;
        let memory = Memory {
            arena,
            narrow,
            format,
            clock: region(driver, sizes.clock)?,
            programs: region(driver, sizes.programs)?,
            partial: region(driver, 4 * sizes.slices.sums)?,
            arrived,
            ring: region(driver, RING_BYTES)?,
            networks,
            options,
            data: data
                .into_iter()
                .flat_map(Dataset::sets)
                .map(|d| resident(driver, d))
                .collect::<Result<_>>()?,
        };
        memory.set_states(driver, states)?;
        Ok(memory)
    }

    /// The region of a place, and where in it the place is, in elements.
    pub fn locate(&self, place: Place) -> (Region, usize) {
        match place {
            Place::Arena(at) => (self.arena, at),
            Place::Weights(optimizer, at) => (self.networks[optimizer.index()].weights, at),
            Place::Gradients(optimizer, at) => (self.networks[optimizer.index()].gradients, at),
            Place::Scale(optimizer) => (self.networks[optimizer.index()].scale, 0),
            Place::Narrow(at) => (self.narrow, at),
            Place::Copies(optimizer, at) => {
                let copies = self.networks[optimizer.index()].copies;
                (copies.expect("a plan that reads copies has a 16-bit precision"), at)
            }
            Place::State(optimizer, at) => (self.networks[optimizer.index()].states, at),
        }
    }

    /// The kernels' number for the type of the weights' copies; f32's where there are none.
    pub fn copy_type(&self) -> u32 {
        number_type(self.format)
    }

    /// Elements at a place, as f32.
    pub fn read<D: Driver>(&self, driver: &mut D, place: Place, len: usize) -> Result<Vec<f32>> {
        let (region, at) = self.locate(place);
        let Some(format) = self.format.filter(|_| place.is_narrow()) else {
            return take(driver, region, at, len);
        };
        let mut bits = vec![0u16; len];
        driver.download(region.buffer, 2 * at, bytemuck::cast_slice_mut(&mut bits))?;
        Ok(bits.into_iter().map(|b| format.from_bits(b)).collect())
    }

    /// Replaces the optimizers' states.
    ///
    /// # Panics
    /// When they have other sizes than the ones the executor was made with.
    pub fn set_states<D: Driver>(&self, driver: &mut D, states: &States) -> Result<()> {
        assert_eq!(states.len(), self.networks.len(), "as many optimizers as before");
        for (memory, state) in self.networks.iter().zip(states) {
            put(driver, memory.weights, &state.weights)?;
            if let (Some(copies), Some(format)) = (memory.copies, self.format) {
                let bits: Vec<u16> = state.weights.iter().map(|&w| format.to_bits(w)).collect();
                driver.upload(copies.buffer, 0, bytemuck::cast_slice(&bits))?;
            }
            put(driver, memory.gradients, &state.gradients)?;
            for (region, moment) in memory.moments.iter().zip(&state.moments) {
                put(driver, *region, moment)?;
            }
            if let Some(region) = memory.average {
                put(driver, region, &state.average)?;
            }
            put(driver, memory.states, &state.states)?;
            if let Some(region) = memory.average_states {
                put(driver, region, &state.average_states)?;
            }
            driver.upload(memory.norm2.buffer, 0, &state.gradient_norm2.to_le_bytes())?;
            driver.zero(memory.finished.buffer, 0, 4)?;
            driver.upload(memory.scale.buffer, 0, bytemuck::bytes_of(&state.loss_scale))?;
        }
        Ok(())
    }

    /// Replaces the states of an optimizer's averaged networks.
    ///
    /// # Panics
    /// When it keeps no average, or has another number of states.
    pub fn set_average_states<D: Driver>(
        &self,
        driver: &mut D,
        optimizer: OptimizerId,
        states: &[f32],
    ) -> Result<()> {
        let region = self.networks[optimizer.index()].average_states;
        put(driver, region.expect("an optimizer with an average"), states)
    }

    /// A copy of the optimizers' states.
    pub fn states<D: Driver>(&self, driver: &mut D) -> Result<States> {
        let mut states = vec![NetworkState::default(); self.networks.len()];
        for (memory, state) in self.networks.iter().zip(&mut states) {
            state.weights = take(driver, memory.weights, 0, memory.count)?;
            state.gradients = take(driver, memory.gradients, 0, memory.gradients.bytes / 4)?;
            for region in &memory.moments {
                state.moments.push(take(driver, *region, 0, memory.count)?);
            }
            if let Some(region) = memory.average {
                state.average = take(driver, region, 0, memory.count)?;
            }
            state.states = take(driver, memory.states, 0, memory.states.bytes / 4)?;
            if let Some(region) = memory.average_states {
                state.average_states = take(driver, region, 0, region.bytes / 4)?;
            }
            driver.download(memory.scale.buffer, 0, bytemuck::bytes_of_mut(&mut state.loss_scale))?;
        }
        for (optimizer, state) in OptimizerId::first(states.len()).zip(&mut states) {
            state.gradient_norm2 = self.gradient_norm2(driver, optimizer)?;
        }
        Ok(states)
    }

    /// Squared norm of an optimizer's last gradient.
    pub fn gradient_norm2<D: Driver>(&self, driver: &mut D, optimizer: OptimizerId) -> Result<f64> {
        let mut bytes = [0; 8];
        driver.download(self.networks[optimizer.index()].norm2.buffer, 0, &mut bytes)?;
        Ok(f64::from_le_bytes(bytes))
    }
}

fn region<D: Driver>(driver: &mut D, bytes: usize) -> Result<Region> {
    let buffer = driver.allocate(bytes)?;
    Ok(Region { buffer, address: driver.address(buffer), bytes })
}

fn network<D: Driver>(
    driver: &mut D,
    format: Option<Narrow>,
    state: &NetworkState,
    rule: &UpdateRule,
    gradient: usize,
) -> Result<NetworkMemory> {
    let count = state.weights.len();
    Ok(NetworkMemory {
        count,
        weights: region(driver, 4 * count)?,
        // A model that only does its tasks has none.
        gradients: region(driver, 4 * state.gradients.len())?,
        moments: state.moments.iter().map(|_| region(driver, 4 * count)).collect::<Result<_>>()?,
        average: rule.average.then(|| region(driver, 4 * count)).transpose()?,
        states: region(driver, 4 * state.states.len())?,
        average_states: rule.average.then(|| region(driver, 4 * state.states.len())).transpose()?,
        copies: format.map(|_| region(driver, 2 * count)).transpose()?,
        partials: region(driver, 8 * blocks(count).max(gradient))?,
        norm2: region(driver, 8)?,
        finished: region(driver, 4)?,
        scale: region(driver, size_of::<LossScale>())?,
    })
}

fn resident<D: Driver>(driver: &mut D, data: &Dataset) -> Result<DataMemory> {
    let train = &data.train;
    let (bytes, values): (bool, &[u8]) = match &train.values {
        Values::U8(bytes) => (true, bytes),
        Values::F32(numbers) => (false, bytemuck::cast_slice(numbers)),
    };
    let put_bytes = |driver: &mut D, from: &[u8]| {
        let to = region(driver, from.len())?;
        driver.upload(to.buffer, 0, from)?;
        Ok(to)
    };
    Ok(DataMemory {
        values: put_bytes(driver, values)?,
        bytes,
        labels: train.labels.as_ref().map(|l| put_bytes(driver, l)).transpose()?,
        count: train.count,
        factor: data.factor,
        offset: data.offset,
    })
}

fn put<D: Driver>(driver: &mut D, to: Region, values: &[f32]) -> Result<()> {
    assert_eq!(to.bytes, 4 * values.len(), "a state of another size");
    driver.upload(to.buffer, 0, bytemuck::cast_slice(values))
}

/// `len` elements from element `at` of a region.
pub(super) fn take<D: Driver>(driver: &mut D, from: Region, at: usize, len: usize) -> Result<Vec<f32>> {
    let mut values = vec![0.0f32; len];
    driver.download(from.buffer, 4 * at, bytemuck::cast_slice_mut(&mut values))?;
    Ok(values)
}
