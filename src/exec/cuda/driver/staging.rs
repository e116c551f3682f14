//! Small uploads that do not wait: they pass through page-locked memory.

use cudarc::driver::{CudaContext, CudaEvent, CudaStream, DriverError, PinnedHostSlice, result};
use std::sync::Arc;

type Result<T> = std::result::Result<T, DriverError>;

/// Bytes that an upload may have to pass.
pub const STAGED: usize = 256;
/// Uploads that may be on their way at once.
const SLOTS: usize = 64;

/// Page-locked memory, in slots that are taken in turn.
pub struct Staging {
    slots: Vec<Slot>,
    /// The slot that the next upload takes.
    next: usize,
}

/// Memory that one upload passes through.
struct Slot {
    memory: PinnedHostSlice<u8>,
    /// Passed when the copy out of `memory` is done.
    copied: CudaEvent,
}

impl Slot {
    fn new(context: &Arc<CudaContext>) -> Result<Slot> {
        // SAFETY: the memory is written before anything reads it, just below.
        let mut memory = unsafe { context.alloc_pinned_with_flags::<u8>(STAGED, 0) }?;
        // SAFETY: `STAGED` bytes were allocated there, and nobody else has them.
        unsafe { memory.as_mut_ptr()?.write_bytes(0, STAGED) };
        Ok(Slot { memory, copied: context.new_event(None)? })
    }
}

impl Staging {
    pub fn new(context: &Arc<CudaContext>) -> Result<Staging> {
        let slots = (0..SLOTS).map(|_| Slot::new(context)).collect::<Result<_>>()?;
        Ok(Staging { slots, next: 0 })
    }

    /// Starts a copy of at most [`STAGED`] bytes to `address`. Waits only while all slots are on their way: then
    /// the host is as many uploads ahead of the GPU.
    ///
    /// # Safety
    /// The range at `address` lies inside a live allocation of the stream's context, and this value lives until
    /// the stream has done the copy.
    pub unsafe fn upload(&mut self, stream: &CudaStream, address: u64, from: &[u8]) -> Result<()> {
        let slot = &mut self.slots[self.next];
        self.next = (self.next + 1) % SLOTS;
        slot.copied.synchronize()?;
        let staged = &mut slot.memory.as_mut_slice()?[..from.len()];
        staged.copy_from_slice(from);
        // SAFETY: the range is the caller's promise; the slot is not written again before its event has passed,
        // and lives until the copy is done, by the caller's promise.
        unsafe { result::memcpy_htod_async(address, staged, stream.cu_stream()) }?;
        slot.copied.record(stream)
    }
}
