//! What a machine offers: its driver and its GPUs.

use super::errors::failure;
use crate::error::Result;
use cudarc::driver::sys::{CUdevice_attribute as Attribute, CUresult as Code};
use cudarc::driver::{DriverError, result, sys};

/// What a machine offers.
#[derive(Debug, Clone, PartialEq)]
pub enum Presence {
    /// No GPU to use, and why: a normal state of a machine, not an error.
    Absent(String),
    /// GPUs, by number.
    Present {
        /// The newest CUDA that the driver knows: 12 and 9.
        driver: (i32, i32),
        /// At least one.
        gpus: Vec<Gpu>,
    },
}

/// A GPU.
#[derive(Debug, Clone, PartialEq)]
pub struct Gpu {
    /// What NVIDIA calls it.
    pub name: String,
    /// Compute capability.
    pub capability: (u32, u32),
    /// Bytes.
    pub memory: usize,
    /// How many.
    pub multiprocessors: u32,
}

/// Looks for a driver and GPUs. `CUDA_VISIBLE_DEVICES` hides and renumbers them, as everywhere.
///
/// # Errors
/// When there is a driver but it fails: that is never the same as having none.
pub fn presence() -> Result<Presence> {
    // SAFETY: opens the driver's library by its usual names; its initialisers are NVIDIA's.
    if !unsafe { sys::is_culib_present() } {
        return Ok(Presence::Absent("no NVIDIA driver is installed (no libcuda.so)".into()));
    }
    let failed = |e: DriverError| failure("NVIDIA driver", "looking for GPUs", e);
    let hidden = match std::env::var("CUDA_VISIBLE_DEVICES") {
        Ok(value) => format!("; CUDA_VISIBLE_DEVICES is {value:?}"),
        Err(_) => String::new(),
    };
    match result::init() {
        Ok(()) => {}
        Err(DriverError(Code::CUDA_ERROR_NO_DEVICE)) => {
            return Ok(Presence::Absent(format!("the NVIDIA driver finds no GPU{hidden}")));
        }
        Err(DriverError(Code::CUDA_ERROR_STUB_LIBRARY)) => {
            return Ok(Presence::Absent("no NVIDIA driver is found: libcuda.so is a toolkit's stub; is its folder in LD_LIBRARY_PATH?".into()));
        }
        Err(e) => return Err(failed(e)),
    }
    let mut version = 0;
    // SAFETY: writes one integer, which outlives the call.
    unsafe { sys::cuDriverGetVersion(&mut version) }.result().map_err(failed)?;
    let gpus = (0..result::device::get_count().map_err(failed)?).map(|i| gpu(i).map_err(failed));
    let gpus: Vec<Gpu> = gpus.collect::<Result<_>>()?;
    if gpus.is_empty() {
        return Ok(Presence::Absent(format!("the NVIDIA driver finds no GPU{hidden}")));
    }
    Ok(Presence::Present { driver: (version / 1000, version % 1000 / 10), gpus })
}

fn gpu(number: i32) -> std::result::Result<Gpu, DriverError> {
    let device = result::device::get(number)?;
    // SAFETY: the device was just given out by the driver, and devices stay valid.
    let attribute = |a| unsafe { result::device::get_attribute(device, a) }.map(|n| n as u32);
    Ok(Gpu {
        name: result::device::get_name(device)?,
        capability: (
            attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?,
            attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?,
        ),
        // SAFETY: as above.
        memory: unsafe { result::device::total_mem(device) }?,
        multiprocessors: attribute(Attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?,
    })
}

/// Why a driver cannot load kernels that NVRTC `nvrtc` ("12.9 …") compiled, if it cannot: cubins run on every
/// driver of the same major version and later ones.
pub fn too_old(driver: (i32, i32), nvrtc: &str) -> Option<String> {
    let major: i32 = nvrtc.split('.').next()?.parse().ok()?;
    let release = match major {
        12 => " (release 525 or newer)",
        13 => " (release 580 or newer)",
        _ => "",
    };
    (driver.0 < major).then(|| {
        format!(
            "the NVIDIA driver knows CUDA {}.{}, the kernels of this build need {major}.0; install a newer \
             driver{release}, or use --device cpu",
            driver.0, driver.1
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_older_than_the_kernels_is_told_apart() {
        assert_eq!(too_old((12, 0), "12.9 (libnvrtc.so.12)"), None);
        assert_eq!(too_old((13, 1), "12.9 (libnvrtc.so.12)"), None);
        let old = too_old((11, 8), "12.9 (libnvrtc.so.12)").unwrap();
        assert!(old.contains("CUDA 11.8") && old.contains("12.0") && old.contains("525"), "{old}");
        assert!(too_old((12, 9), "13.0 (libnvrtc.so.13)").unwrap().contains("580"));
    }
}
