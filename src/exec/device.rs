//! Where networks are run.

use super::cpu;
#[cfg(feature = "cuda")]
use super::cuda;
use super::executor::{Executor, ExecutorSpec};
use crate::error::{Error, Result};

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
