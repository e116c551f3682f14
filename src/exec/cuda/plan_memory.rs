//! Where the places of one plan are.

use super::blocks::number_type;
use super::memory::{Memory, Region};
use super::tiling::Cut;
use crate::lower::{Place, Plan, ReadFrom, View};
use crate::precision::Precision;

/// The memory of one plan's launches.
#[derive(Clone, Copy)]
pub(super) struct PlanMemory<'a> {
    memory: &'a Memory,
    /// What products multiply.
    pub precision: Precision,
    /// Where parameters and states are read.
    from: ReadFrom,
}

impl std::ops::Deref for PlanMemory<'_> {
    type Target = Memory;

    fn deref(&self) -> &Memory {
        self.memory
    }
}

impl<'a> PlanMemory<'a> {
    pub fn new(memory: &'a Memory, plan: &Plan) -> PlanMemory<'a> {
        PlanMemory { memory, precision: plan.precision, from: plan.from }
    }

    /// What products of the plan are cut by.
    pub fn cut(&self) -> Cut {
        Cut { precision: self.precision, multiprocessors: self.options.multiprocessors }
    }

    /// The region of a place, and where in it the place is, in elements.
    fn locate(&self, place: Place) -> (Region, usize) {
        let average = match place {
            Place::Weights(optimizer, at) => (self.networks[optimizer.index()].average, at),
            Place::State(optimizer, at) => (self.networks[optimizer.index()].average_states, at),
            _ => (None, 0),
        };
        match (self.from, average) {
            (ReadFrom::Average, (Some(region), at)) => (region, at),
            _ => self.memory.locate(place),
        }
    }

    /// A place's address.
    pub fn address(&self, place: Place) -> u64 {
        let (region, at) = self.locate(place);
        region.address + (place.element_bytes() * at) as u64
    }

    /// Where a view's index 0 lies.
    pub fn start(&self, view: &View) -> u64 {
        let bytes = view.place.element_bytes() as i64;
        self.address(view.place).wrapping_add_signed(bytes * view.base as i64)
    }

    /// The kernels' number for the type of a place's elements.
    pub fn number_type(&self, place: Place) -> u32 {
        number_type(self.format.filter(|_| place.is_narrow()))
    }
}
