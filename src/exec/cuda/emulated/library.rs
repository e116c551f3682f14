//! The one room of the emulated GPU with `unsafe`: device memory, and the calls into the compiled kernels.
#![allow(unsafe_code)]

use super::super::launch::Geometry;
use crate::error::{Error, Result};
use std::alloc::Layout;
use std::ffi::{CString, c_char, c_void};
use std::path::Path;
use std::ptr::NonNull;

/// Bytes before and after each allocation that no kernel may touch.
const GUARD: usize = 256;
const GUARD_BYTE: u8 = 0xa5;
/// New memory is NaN, whatever floating-point type reads it.
const POISON: u8 = 0xff;

/// Device memory with guard zones around it.
pub(super) struct Allocation {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the allocation is owned by this value alone; it is reached through `&mut` methods and by launches,
// which run on the thread that holds the driver by `&mut`.
unsafe impl Send for Allocation {}

impl Allocation {
    fn layout(bytes: usize) -> Layout {
        Layout::from_size_align(bytes + 2 * GUARD, 256).expect("a buffer smaller than the address space")
    }

    /// Poisoned memory, aligned to 256 bytes.
    pub fn new(bytes: usize) -> Allocation {
        let layout = Allocation::layout(bytes);
        // SAFETY: the layout has the guards' size at least, so it is not empty.
        let start = unsafe { std::alloc::alloc(layout) };
        let start = NonNull::new(start).unwrap_or_else(|| std::alloc::handle_alloc_error(layout));
        // SAFETY: three ranges that make up the whole allocation.
        unsafe {
            start.write_bytes(GUARD_BYTE, GUARD);
            start.add(GUARD).write_bytes(POISON, bytes);
            start.add(GUARD + bytes).write_bytes(GUARD_BYTE, GUARD);
        }
        Allocation { start, bytes }
    }

    pub fn len(&self) -> usize {
        self.bytes
    }

    pub fn address(&self) -> u64 {
        (self.start.as_ptr() as usize + GUARD) as u64
    }

    pub fn write(&mut self, offset: usize, from: &[u8]) {
        assert!(offset + from.len() <= self.bytes, "a write past the allocation");
        // SAFETY: inside the allocation by the assertion; `from` is another object, since this one is borrowed
        // mutably.
        unsafe {
            self.start.add(GUARD + offset).copy_from_nonoverlapping(NonNull::from(from).cast(), from.len())
        }
    }

    pub fn read(&self, offset: usize, to: &mut [u8]) {
        assert!(offset + to.len() <= self.bytes, "a read past the allocation");
        // SAFETY: inside the allocation by the assertion, all of which was written when it was made; `to` is
        // borrowed mutably and so another object.
        unsafe {
            NonNull::from(&mut *to).cast().copy_from_nonoverlapping(self.start.add(GUARD + offset), to.len())
        }
    }

    /// Whether nobody wrote into the guard zones.
    pub fn guards_intact(&self) -> bool {
        let intact = |at: usize| {
            // SAFETY: both guard zones lie inside the allocation and were written when it was made.
            let zone = unsafe { std::slice::from_raw_parts(self.start.as_ptr().add(at), GUARD) };
            zone.iter().all(|&b| b == GUARD_BYTE)
        };
        intact(0) && intact(GUARD + self.bytes)
    }
}

impl Drop for Allocation {
    fn drop(&mut self) {
        // SAFETY: made by `alloc` with the same layout, and nobody else has the pointer any more.
        unsafe { std::alloc::dealloc(self.start.as_ptr(), Allocation::layout(self.bytes)) }
    }
}

/// A range of addresses, `gpu::Span` of runtime.cpp.
#[repr(C)]
struct Span {
    from: usize,
    to: usize,
}

/// A launch, `GpuLaunch` of runtime.cpp.
#[repr(C)]
struct Launch {
    grid: [u32; 3],
    block: [u32; 3],
    shared_bytes: u64,
    seed: u64,
    allocations: *const Span,
    allocation_count: u64,
    guard_bytes: u64,
    argument: *const c_void,
    argument_bytes: u64,
}

type Run = unsafe extern "C" fn(*mut c_void, *const c_char, *const Launch, *mut c_char, u64) -> i32;

/// One launch: what runs, with how many threads, on what, in which order.
pub(super) struct Request<'a> {
    pub kernel: &'a str,
    pub geometry: Geometry,
    pub argument: &'a [u8],
    pub order: u64,
}

/// A compiled set of kernels and the scheduler that runs them.
pub(super) struct Library {
    run: Run,
    has: unsafe extern "C" fn(*const c_char) -> i32,
    free: unsafe extern "C" fn(*mut c_void),
    device: NonNull<c_void>,
    /// Keeps the code of the functions above in memory; dropped after `drop` has called `free`.
    _code: libloading::Library,
}

// SAFETY: the scheduler's state belongs to `device`, which this value owns; a launch points the library's
// thread-local variables at it before anything else, so that any one thread at a time may call.
unsafe impl Send for Library {}

impl Library {
    /// Loads a library that `build` made.
    pub fn load(path: &Path) -> Result<Library> {
        let refuse = |e: libloading::Error| {
            Error::Device(format!(
                "emulated GPU: cannot load {}: {e}; remove it to build it again",
                path.display()
            ))
        };
        // SAFETY: its initialisers are those of runtime.cpp and of the generated registrations, which only link
        // kernels into a list.
        let code = unsafe { libloading::Library::new(path) }.map_err(refuse)?;
        // SAFETY: the four signatures are those of runtime.cpp, whose text is part of the library's name.
        let (new, free, has, run) = unsafe {
            let new = *code.get::<unsafe extern "C" fn() -> *mut c_void>(b"gpu_new").map_err(refuse)?;
            let free = *code.get::<unsafe extern "C" fn(*mut c_void)>(b"gpu_free").map_err(refuse)?;
            let has = *code.get::<unsafe extern "C" fn(*const c_char) -> i32>(b"gpu_has").map_err(refuse)?;
            (new, free, has, *code.get::<Run>(b"gpu_launch").map_err(refuse)?)
        };
        // SAFETY: takes nothing and returns a new object that `drop` gives back.
        let device = NonNull::new(unsafe { new() }).expect("operator new never returns null");
        Ok(Library { run, has, free, device, _code: code })
    }

    /// Whether there is a kernel of this name.
    pub fn has(&self, kernel: &str) -> bool {
        let Ok(name) = CString::new(kernel) else { return false };
        // SAFETY: the name outlives the call, which only reads it and the list of kernels.
        unsafe { (self.has)(name.as_ptr()) != 0 }
    }

    /// Runs a launch to its end; the error is its report.
    pub fn launch(
        &mut self,
        request: &Request,
        allocations: &[Allocation],
    ) -> std::result::Result<(), String> {
        let name = CString::new(request.kernel).map_err(|e| e.to_string())?;
        let mut spans: Vec<Span> = allocations
            .iter()
            .map(|a| Span { from: a.address() as usize, to: a.address() as usize + a.len() })
            .collect();
        spans.sort_by_key(|s| s.from);
        let launch = Launch {
            grid: request.geometry.grid,
            block: request.geometry.block,
            shared_bytes: request.geometry.shared_bytes.into(),
            seed: request.order,
            allocations: spans.as_ptr(),
            allocation_count: spans.len() as u64,
            guard_bytes: GUARD as u64,
            argument: request.argument.as_ptr().cast(),
            argument_bytes: request.argument.len() as u64,
        };
        let mut message = vec![0u8; 1024];
        // SAFETY: the device is this library's own and used by this call alone (`&mut self`); name, spans,
        // argument and message outlive the call, with the lengths given. Kernels reach memory through the table
        // of spans, whose allocations and guard zones outlive the call and of which no Rust reference exists
        // meanwhile.
        let status = unsafe {
            (self.run)(
                self.device.as_ptr(),
                name.as_ptr(),
                &launch,
                message.as_mut_ptr().cast(),
                message.len() as u64,
            )
        };
        if status == 0 {
            return Ok(());
        }
        let end = message.iter().position(|&b| b == 0).unwrap_or(message.len());
        Err(String::from_utf8_lossy(&message[..end]).into_owned())
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        // SAFETY: made by `gpu_new` of the same library, given back once; no launch is running.
        unsafe { (self.free)(self.device.as_ptr()) }
    }
}
