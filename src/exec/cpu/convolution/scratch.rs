//! Memory of a thread that convolutions use over and over.

use bytemuck::{Pod, Zeroable};
use std::cell::RefCell;

/// A cache line: vectors in memory that begins at one never lie across two, which costs up to a twelfth.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([f32; 16]);

/// Numbers from the beginning of a cache line on. It grows to the largest length asked for and stays.
#[derive(Default)]
pub struct Buffer(Vec<Line>);

impl Buffer {
    /// An empty one.
    pub const fn new() -> Buffer {
        Buffer(vec![])
    }

    /// `len` numbers to fill, whatever they hold now.
    pub fn numbers(&mut self, len: usize) -> &mut [f32] {
        let lines = len.div_ceil(16);
        if self.0.len() < lines {
            self.0.resize(lines, Line([0.0; 16]));
        }
        &mut bytemuck::cast_slice_mut(&mut self.0)[..len]
    }

    /// What was filled, and what lies behind it.
    pub fn loaded(&self) -> &[f32] {
        bytemuck::cast_slice(&self.0)
    }
}

/// What a task works in.
pub struct Scratch {
    /// A zero-padded block of a picture.
    pub block: Buffer,
    /// Sums of a block.
    pub tile: Buffer,
    /// A strip of y, or transformed pixels.
    pub right: Buffer,
    /// Products of transformed pixels and weights.
    pub products: Buffer,
    /// Where the positions of a block begin.
    pub starts: Vec<usize>,
    /// Terms of a kernel's gradient and rows of a column of it, see [`super::tile::Factors::Steps`].
    pub steps: Vec<[usize; 2]>,
    pub rows: Vec<usize>,
    /// Positions of each tile's results.
    pub places: Vec<[usize; 4]>,
}

impl Scratch {
    const fn new() -> Scratch {
        Scratch {
            block: Buffer::new(),
            tile: Buffer::new(),
            right: Buffer::new(),
            products: Buffer::new(),
            starts: vec![],
            steps: vec![],
            rows: vec![],
            places: vec![],
        }
    }
}

thread_local! {
    static TASK: RefCell<Scratch> = const { RefCell::new(Scratch::new()) };
    static LAUNCH: RefCell<Buffer> = const { RefCell::new(Buffer::new()) };
}

/// Lends a task this thread's memory.
pub fn with_scratch<T>(body: impl FnOnce(&mut Scratch) -> T) -> T {
    TASK.with_borrow_mut(body)
}

/// Lends a launch `len` numbers that all its tasks share: packed weights, or sums of slices.
pub fn with_launch_buffer<T>(len: usize, body: impl FnOnce(&mut [f32]) -> T) -> T {
    // Taken, not borrowed: a thread that waits for the launch's tasks may run anything.
    let mut buffer = LAUNCH.take();
    let result = body(buffer.numbers(len));
    LAUNCH.set(buffer);
    result
}
