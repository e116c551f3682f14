//! This build's kernels on a GPU.

use super::presence::{Gpu, Presence, presence, too_old};
use crate::error::{Error, Result};
use crate::exec::cuda::kernels::{BUILD, Form, Kernel, Module, SHARED_BYTES};
use cudarc::driver::sys::CUfunction_attribute_enum as Attribute;
use cudarc::driver::{CudaContext, CudaFunction, DriverError};
use cudarc::nvrtc::Ptx;
use std::collections::HashMap;
use std::sync::{Arc, Once};

/// A kernel on the GPU.
pub struct Function {
    pub function: CudaFunction,
    pub kernel: &'static Kernel,
    /// Bytes a block, static and dynamic together.
    pub most_shared: u32,
}

/// What a GPU runs of this build.
pub fn images(driver: (i32, i32), gpu: &Gpu) -> Result<Vec<&'static Module>> {
    match too_old(driver, BUILD.nvrtc) {
        Some(why) => Err(Error::Device(why)),
        None => BUILD.choose(gpu.capability),
    }
}

/// The first GPU that this build runs on, if there is one; GPUs that are passed by are told.
///
/// # Errors
/// When there is a driver but it fails.
pub fn first_that_fits() -> Result<Option<usize>> {
    let Presence::Present { driver, gpus } = presence()? else { return Ok(None) };
    // Devices are opened several times: once is enough to tell.
    static TOLD: Once = Once::new();
    let found: Vec<_> = gpus.iter().map(|gpu| images(driver, gpu)).collect();
    TOLD.call_once(|| {
        for (number, why) in found.iter().map_while(|f| f.as_ref().err()).enumerate() {
            tell!("{} (cuda:{number}) is not used: {why}", gpus[number].name);
        }
    });
    Ok(found.iter().position(Result::is_ok))
}

/// Loads a module's kernels.
pub fn load(
    context: &Arc<CudaContext>,
    module: &'static Module,
    functions: &mut HashMap<&'static str, Function>,
) -> std::result::Result<(), DriverError> {
    let image = match module.form {
        Form::Cubin => Ptx::from_binary(module.image.to_vec()),
        Form::Ptx => Ptx::from_src(String::from_utf8_lossy(module.image)),
    };
    let loaded = context.load_module(image)?;
    for kernel in module.kernels {
        let function = loaded.load_function(kernel.name)?;
        let most_shared = module.most_shared_bytes();
        if most_shared > SHARED_BYTES {
            // The system keeps a kilobyte of each block's, which a driver may count as the kernel's.
            let dynamic = (most_shared - kernel.shared_bytes - 1024) as i32;
            function.set_attribute(Attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, dynamic)?;
        }
        functions.insert(kernel.name, Function { function, kernel, most_shared });
    }
    Ok(())
}
