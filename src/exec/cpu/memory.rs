//! Memory that the tasks of a launch share, and the call into the matrix library: beside the launches themselves and the
//! register tiles and Winograd's tiles of convolutions the one room of the CPU executor with `unsafe`.
#![allow(unsafe_code)]

use crate::graph::MAX_OPTIMIZERS;
use crate::lower::Place;
use crate::precision::Narrow;
use std::marker::PhantomData;

/// A launch's view of all memories: places it reads, places it writes.
///
/// A plan never lets a launch, a part of a loss, or a map behind its product read what it writes (tests/library/arena.rs), and a launch's tasks
/// write disjoint elements; under these two conditions, which the callers in this folder state, no element is
/// written while another task looks at it.
pub struct Shared<'a> {
    arena: Span,
    narrow: Span,
    format: Narrow,
    /// By optimizer; empty spans where there is none.
    networks: [NetworkSpans; MAX_OPTIMIZERS],
    owner: PhantomData<&'a mut [f32]>,
}

/// The memories of one optimizer.
pub struct NetworkMemory<'a> {
    /// Parameters, flat.
    pub weights: &'a mut [f32],
    /// Gradients, flat.
    pub gradients: &'a mut [f32],
    /// The loss scale, one number.
    pub scale: &'a mut [f32],
    /// Parameters rounded to 16 bits, flat; empty where none are kept.
    pub copies: &'a mut [f32],
    /// States, flat.
    pub states: &'a mut [f32],
}

#[derive(Clone, Copy)]
struct NetworkSpans {
    weights: Span,
    gradients: Span,
    scale: Span,
    copies: Span,
    states: Span,
}

#[derive(Clone, Copy)]
struct Span {
    start: *mut f32,
    len: usize,
}

// SAFETY: a span is an address and a length; every access through it is an unsafe call whose caller argues
// that no other task writes the elements.
unsafe impl Send for Span {}
// SAFETY: as above.
unsafe impl Sync for Span {}

impl Span {
    fn new(memory: &mut [f32]) -> Span {
        Span { start: memory.as_mut_ptr(), len: memory.len() }
    }
}

impl<'a> Shared<'a> {
    /// Borrows every memory for as long as the launch runs.
    pub fn new(
        arena: &'a mut [f32],
        narrow: &'a mut [f32],
        format: Narrow,
        networks: impl Iterator<Item = NetworkMemory<'a>>,
    ) -> Shared<'a> {
        let none = || Span::new(&mut []);
        let nobody = NetworkSpans {
            weights: none(),
            gradients: none(),
            scale: none(),
            copies: none(),
            states: none(),
        };
        let mut all = [nobody; MAX_OPTIMIZERS];
        for (spans, memory) in all.iter_mut().zip(networks) {
            *spans = NetworkSpans {
                weights: Span::new(memory.weights),
                gradients: Span::new(memory.gradients),
                scale: Span::new(memory.scale),
                copies: Span::new(memory.copies),
                states: Span::new(memory.states),
            };
        }
        Shared {
            arena: Span::new(arena),
            narrow: Span::new(narrow),
            format,
            networks: all,
            owner: PhantomData,
        }
    }

    fn locate(&self, place: Place) -> (Span, usize) {
        match place {
            Place::Arena(at) => (self.arena, at),
            Place::Weights(optimizer, at) => (self.networks[optimizer.index()].weights, at),
            Place::Gradients(optimizer, at) => (self.networks[optimizer.index()].gradients, at),
            Place::Scale(optimizer) => (self.networks[optimizer.index()].scale, 0),
            Place::Narrow(at) => (self.narrow, at),
            Place::Copies(optimizer, at) => (self.networks[optimizer.index()].copies, at),
            Place::State(optimizer, at) => (self.networks[optimizer.index()].states, at),
        }
    }

    /// The 16-bit format of `place`'s elements, if they have 16 bits.
    pub fn format(&self, place: Place) -> Option<Narrow> {
        place.is_narrow().then_some(self.format)
    }

    /// `len` elements from `at` elements past `place`.
    ///
    /// # Safety
    /// No task may write them while the slice lives.
    pub unsafe fn read(&self, place: Place, at: usize, len: usize) -> &[f32] {
        let (span, offset) = self.locate(place);
        let from = offset + at;
        assert!(from + len <= span.len, "read of {len} at {from} past a memory of {}", span.len);
        // SAFETY: inside the span, which is borrowed for 'a; the caller rules out writers.
        unsafe { std::slice::from_raw_parts(span.start.add(from), len) }
    }

    /// `len` elements from `at` elements past `place`, to write.
    ///
    /// # Safety
    /// No other task may touch them while the slice lives.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn write(&self, place: Place, at: usize, len: usize) -> &mut [f32] {
        let (span, offset) = self.locate(place);
        let from = offset + at;
        assert!(from + len <= span.len, "write of {len} at {from} past a memory of {}", span.len);
        // SAFETY: inside the span, which is borrowed mutably for 'a; the caller rules out other users.
        unsafe { std::slice::from_raw_parts_mut(span.start.add(from), len) }
    }
}

/// A matrix operand: memory and strides (rows, columns), in elements.
#[derive(Clone, Copy)]
pub struct Operand<'a> {
    /// Starts at element (0, 0).
    pub data: &'a [f32],
    /// From one row to the next.
    pub row: usize,
    /// From one column to the next.
    pub column: usize,
}

/// Where a block of a matrix is stored; its columns are contiguous.
#[derive(Clone, Copy)]
pub struct Tile {
    /// The memory of the whole matrix.
    pub place: Place,
    /// Elements from there to element (0, 0) of the block.
    pub at: usize,
    /// From one row to the next.
    pub row: usize,
}

impl Operand<'_> {
    fn check(&self, rows: usize, columns: usize) {
        let last = (rows - 1) * self.row + (columns - 1) * self.column;
        assert!(last < self.data.len(), "matrix [{rows}, {columns}] past its memory of {}", self.data.len());
    }
}

impl Shared<'_> {
    /// out\[m, n\] = a\[m, k\] · b\[k, n\] on this thread, by the `gemm` crate.
    ///
    /// # Safety
    /// No other task may touch the elements of `out` meanwhile.
    pub unsafe fn matmul(&self, size: [usize; 3], a: Operand, b: Operand, out: Tile) {
        let ([m, n, k], Tile { place, at, row }) = (size, out);
        if m == 0 || n == 0 {
            return;
        }
        let (span, offset) = self.locate(place);
        let from = offset + at;
        assert!(from + (m - 1) * row + n <= span.len, "result [{m}, {n}] past a memory of {}", span.len);
        if k > 0 {
            a.check(m, k);
            b.check(k, n);
        }
        // SAFETY: the three checks bound every element that the strides reach (k = 0 reads none); the caller
        // rules out other users of the result.
        unsafe { multiply(size, a, b, span.start.add(from), row) }
    }
}

/// out\[m, n\] = a\[m, k\] · b\[k, n\] on this thread, by the `gemm` crate; `row` is from one row of `out` to the
/// next, its columns are contiguous.
///
/// # Safety
/// The strides reach no element outside the operands and the result, which nobody else touches meanwhile.
unsafe fn multiply([m, n, k]: [usize; 3], a: Operand, b: Operand, out: *mut f32, row: usize) {
    // SAFETY: the caller's argument.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out,
            1,
            row as isize,
            false,
            a.data.as_ptr(),
            a.column as isize,
            a.row as isize,
            b.data.as_ptr(),
            b.column as isize,
            b.row as isize,
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// out\[m, n\] = a\[m, k\] · b\[n, k\]ᵀ on this thread, all of them contiguous.
///
/// # Panics
/// When a slice is not as long as its shape.
pub fn matmul_transposed(out: &mut [f32], a: &[f32], b: &[f32], [m, n, k]: [usize; 3]) {
    assert_eq!([out.len(), a.len(), b.len()], [m * n, m * k, n * k], "lengths of [{m}, {n}, {k}]");
    let a = Operand { data: a, row: k, column: 1 };
    let b = Operand { data: b, row: 1, column: k };
    // SAFETY: the lengths checked above are what the strides reach, and `out` is borrowed for this call alone.
    unsafe { multiply([m, n, k], a, b, out.as_mut_ptr(), n) }
}
