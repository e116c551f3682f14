//! The kernels' parameter structs, field by field as `kernels/*.cu` declare them.
//!
//! `Pod` refuses padding at compile time; the drivers compare sizes with the compiled kernels'.

use super::limits::{
    MAX_COPIES, MAX_GATHERS, MAX_MAPS, MAX_PHASES, MAX_PRODUCTS, MAX_STATISTICS, MAX_STEPS, MAX_WIDTHS, RANK,
};
use crate::graph::MAX_OPTIMIZERS;
use crate::lower;
use crate::precision::Narrow;
use bytemuck::{Pod, Zeroable};

/// Slot number of an operand that is a constant.
pub(super) const NO_SLOT: u8 = 255;

/// What of an update changes from phase to phase.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable, Default)]
pub struct Rates {
    /// Learning rate.
    pub lr: f32,
    /// Momentum of SGD.
    pub momentum: f32,
    /// Adam's lr / (1 − β1ᵗ).
    pub corrected_lr: f32,
    /// Adam's √(1 − β2ᵗ).
    pub root_correction: f32,
    /// β of the moving average.
    pub average: f32,
    /// 0: keeps the struct at a multiple of 8 bytes.
    pub unused: f32,
}

/// What changes from phase to phase.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable, Default)]
pub struct Clock {
    /// Seed of every random number.
    pub seed: u64,
    /// Phases done.
    pub tick: u64,
    /// Slot of the ring of metrics that the next phase fills.
    pub slot: u64,
    /// Training steps done.
    pub steps: u64,
    /// Updates done, by optimizer.
    pub updates: [u64; MAX_OPTIMIZERS],
    /// Rates of the next updates, by optimizer; zeros beyond the model's optimizers.
    pub rates: [Rates; MAX_OPTIMIZERS],
}

/// [`crate::exec::schedule::OptimizerSchedule`], and Adam's constants.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable, Default)]
pub(super) struct OptimizerSchedule {
    pub lr: f64,
    pub decay_factor: f64,
    pub min_lr: f64,
    pub final_share: f64,
    pub momentum: f64,
    pub momentum_rise: f64,
    pub betas: [f64; 2],
    pub hold_steps: u64,
    pub decay_steps: u64,
    pub rise_epochs: u64,
    pub average: f32,
    pub ramp: f32,
}

/// [`crate::exec::schedule::Schedule`].
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable, Default)]
pub(super) struct Schedule {
    pub batch: u64,
    pub examples: u64,
    pub optimizers: [OptimizerSchedule; MAX_OPTIMIZERS],
}

/// [`crate::lower::View`] with its place resolved.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable, Default)]
pub(super) struct DeviceView {
    pub at: u64,
    pub base: i64,
    pub strides: [i32; RANK],
    pub from: [u32; RANK],
    pub to: [u32; RANK],
    pub number_type: u32,
    pub windowed: u32,
}

/// A place's number type, as the kernels' enum counts: f32, or a 16-bit format.
pub(super) fn number_type(format: Option<Narrow>) -> u32 {
    match format {
        None => 0,
        Some(Narrow::F16) => 1,
        Some(Narrow::Bf16) => 2,
    }
}

/// One instruction: the operation and from bit 8 on the slot of its result; the slots of its operands, 8 bits each, or
/// [`NO_SLOT`] for a constant.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable, Default)]
pub(super) struct Instruction {
    pub op: u32,
    pub from: u32,
    pub constants: [f32; 3],
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable, Default)]
pub(super) struct ProgramArguments {
    pub clock: u64,
    pub shape: [u32; RANK],
    pub folded: [u32; RANK],
    pub rank: u32,
    pub count: u32,
    pub terms: u32,
    pub quads: u32,
    pub instructions: u32,
    pub loads: u32,
    pub results: u32,
    pub columns: u32,
    pub code: [Instruction; lower::MAX_INSTRUCTIONS],
    pub streams: [u32; lower::MAX_VIEWS],
    pub load_kinds: [u8; lower::MAX_VIEWS],
    pub result_slots: [u8; lower::MAX_VIEWS],
    pub result_constants: [f32; lower::MAX_VIEWS],
    pub views: [DeviceView; lower::MAX_VIEWS],
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable, Default)]
pub(super) struct Head {
    pub parts: u64,
    pub arrived: u64,
    pub count: u32,
    pub logits: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable, Default)]
pub(super) struct LossArguments {
    pub head: Head,
    pub product: [MatmulArguments; MAX_PRODUCTS],
}

/// One epilogue step; `kind` counts as product.cuh's enum.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable, Default)]
pub(super) struct Step {
    pub at: u64,
    pub base: i64,
    pub strides: [i64; 2],
    pub from: [u32; 2],
    pub to: [u32; 2],
    pub kind: u32,
    pub stream: u32,
    pub x: f32,
    pub y: f32,
    pub number_type: u32,
    pub unused: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable, Default)]
pub(super) struct MatmulArguments {
    pub a: u64,
    pub b: u64,
    pub out: u64,
    pub partial: u64,
    pub arrived: u64,
    pub clock: u64,
    pub a_strides: [i64; 2],
    pub b_strides: [i64; 2],
    pub out_stride: i64,
    pub m: u32,
    pub n: u32,
    pub k: u32,
    pub steps: u32,
    pub slices: u32,
    pub span: u32,
    pub out_type: u32,
    pub sums: u32,
    pub column_sums: u64,
    pub followers: u64,
    pub follower_count: u32,
    pub pieces: u32,
    pub units: u32,
    pub run: u32,
    pub first: u32,
    pub across: u32,
    pub in_type: u32,
    pub unused: u32,
    pub out_at: u32,
    pub sums_at: u32,
    pub step: [Step; MAX_STEPS],
}

/// Products of one launch, in the order of their blocks.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable, Default)]
pub(super) struct MatmulLaunch {
    pub count: u32,
    pub unused: u32,
    pub product: [MatmulArguments; MAX_PRODUCTS],
    pub update: UpdateArguments,
    pub head: Head,
}

/// A divisor of numbers below 2³¹ and what kernels multiply with instead.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable, Default)]
pub(super) struct Divisor {
    pub by: u32,
    pub factor: u32,
    pub shift: u32,
    pub unused: u32,
}

impl Divisor {
    /// Division by 0, which no kernel asks for, is by 1.
    pub fn new(by: usize) -> Divisor {
        let divisor = by.max(1) as u64;
        let shift = divisor.next_power_of_two().trailing_zeros();
        let factor = ((1 << 32) * ((1 << shift) - divisor) / divisor + 1) as u32;
        Divisor { by: by as u32, factor, shift, unused: 0 }
    }
}

/// Positions along one axis of a picture.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable, Default)]
pub(super) struct ConvAxis {
    pub count: Divisor,
    pub taps: Divisor,
    pub first: u32,
    pub step: u32,
    pub from: i32,
    pub stride: i32,
    pub weight: i32,
    pub weight_step: i32,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable, Default)]
pub(super) struct ConvArguments {
    pub product: MatmulArguments,
    pub row_stride: i64,
    pub strides: [i32; 2],
    pub pixels: [u32; 2],
    pub channels: Divisor,
    pub phases: [u32; 2],
    pub rows: u32,
    pub tiles: u32,
    pub lines: [u32; 2],
    pub kernel_width: i32,
    pub inputs: u32,
    pub patches_whole: u32,
    pub weights_whole: u32,
    pub axis: [[ConvAxis; MAX_PHASES]; 2],
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable, Default)]
pub(super) struct RandomArguments {
    pub out: u64,
    pub clock: u64,
    pub count: u32,
    pub stream: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable, Default)]
pub(super) struct GatherArguments {
    pub bytes: u64,
    pub numbers: u64,
    pub out: u64,
    pub clock: u64,
    pub count: u64,
    pub rows: u32,
    pub width: u32,
    pub half: u32,
    pub key: u32,
    pub factor: f32,
    pub offset: f32,
    pub number_type: u32,
    pub kind: u32,
    pub first: u32,
    pub unused: u32,
}

/// Blocks of one launch: those of `gather`, then those of the maps.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable, Default)]
pub(super) struct TogetherArguments {
    pub maps: u64,
    pub gathers: u32,
    pub map_count: u32,
    pub gather: [GatherArguments; MAX_GATHERS],
    pub first: [u32; MAX_MAPS],
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable, Default)]
pub(super) struct UpdateArguments {
    pub weights: u64,
    pub gradients: u64,
    pub first: u64,
    pub second: u64,
    pub average: u64,
    pub copies: u64,
    pub partials: u64,
    pub norm2: u64,
    pub finished: u64,
    pub scale: u64,
    pub clock: u64,
    pub count: u32,
    pub optimizer: u32,
    pub scaled: u32,
    pub keep: u32,
    pub blend: u32,
    pub beta1: f32,
    pub beta2: f32,
    pub eps: f32,
    pub clip: f32,
    pub copy_type: u32,
    pub rule: u32,
    pub unused: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable, Default)]
pub(super) struct ColumnNormArguments {
    pub weights: u64,
    pub copies: u64,
    pub scale: u64,
    pub fan_in: u32,
    pub units: u32,
    pub limit: f32,
    pub copy_type: u32,
    pub scaled: u32,
    pub unused: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable, Default)]
pub(super) struct AverageArguments {
    pub average: u64,
    pub weights: u64,
    pub scale: u64,
    pub clock: u64,
    pub count: u32,
    pub optimizer: u32,
    pub scaled: u32,
    pub unused: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable, Default)]
pub(super) struct MeasureArguments {
    pub gradients: u64,
    pub partials: u64,
    pub norm2: u64,
    pub finished: u64,
    pub scale: u64,
    pub count: u32,
    pub unused: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable, Default)]
pub(super) struct StateCopy {
    pub from: u64,
    pub to: u64,
    pub average: u64,
    pub count: u32,
    pub first: u32,
    pub averaged: u32,
    pub unused: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable, Default)]
pub(super) struct StoreStatesArguments {
    pub scales: [u64; MAX_OPTIMIZERS],
    pub copy: [StateCopy; MAX_COPIES],
    pub copies: u32,
    pub updated: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable, Default)]
pub(super) struct ClosePhaseArguments {
    pub arena: u64,
    pub norms2: [u64; MAX_OPTIMIZERS],
    pub scales: [u64; MAX_OPTIMIZERS],
    pub ring: u64,
    pub clock: u64,
    pub schedule: Schedule,
    pub updated: [u32; MAX_OPTIMIZERS],
    pub optimizers: u32,
    pub ends: u32,
    pub slots: u32,
    pub count: u32,
    pub at: [u32; MAX_STATISTICS],
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable, Default)]
pub(super) struct ParzenArguments {
    pub points: u64,
    pub centres: u64,
    pub nearest: u64,
    pub sums: u64,
    pub count: u32,
    pub centre_count: u32,
    pub dim: u32,
    pub widths: u32,
    pub scales: [f32; MAX_WIDTHS],
}
