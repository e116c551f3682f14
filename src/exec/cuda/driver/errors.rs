//! The driver's errors as ours.
#![deny(unsafe_code)]

use crate::error::Error;
use cudarc::driver::DriverError;
use cudarc::driver::sys::CUresult as Code;

/// A driver's error as ours: what was asked of which device, what the driver said, what to do next.
pub fn failure(device: &str, what: &str, error: DriverError) -> Error {
    let text = |s: std::result::Result<&std::ffi::CStr, DriverError>| {
        s.map_or_else(|_| format!("error {}", error.0 as u32), |s| s.to_string_lossy().into_owned())
    };
    let (name, said) = (text(error.error_name()), text(error.error_string()));
    Error::Device(format!("{device}: {what}: {said} ({name}); {}", advice(error.0)))
}

/// What a user can do about a driver's error.
pub fn advice(code: Code) -> &'static str {
    match code {
        Code::CUDA_ERROR_ILLEGAL_ADDRESS
        | Code::CUDA_ERROR_MISALIGNED_ADDRESS
        | Code::CUDA_ERROR_INVALID_ADDRESS_SPACE
        | Code::CUDA_ERROR_INVALID_PC
        | Code::CUDA_ERROR_ILLEGAL_INSTRUCTION
        | Code::CUDA_ERROR_HARDWARE_STACK_ERROR
        | Code::CUDA_ERROR_ASSERT
        | Code::CUDA_ERROR_LAUNCH_FAILED => {
            "a kernel failed, and nothing on the GPU counts any more: go on from the last checkpoint with \
             --resume; if it fails again, report this line and what `gansaku doctor` prints"
        }
        Code::CUDA_ERROR_ECC_UNCORRECTABLE => {
            "the GPU's memory is faulty: go on from the last checkpoint on another device"
        }
        Code::CUDA_ERROR_LAUNCH_TIMEOUT => {
            "the GPU also drives a display and stopped a long kernel: use another GPU, or a smaller train.batch"
        }
        Code::CUDA_ERROR_OUT_OF_MEMORY => {
            "lower train.batch, or free the GPU of other programs (`nvidia-smi`)"
        }
        Code::CUDA_ERROR_NO_BINARY_FOR_GPU => "build with GANSAKU_ARCHS naming this GPU's compute capability",
        Code::CUDA_ERROR_UNSUPPORTED_PTX_VERSION => "install a newer NVIDIA driver, or use --device cpu",
        Code::CUDA_ERROR_DEVICE_UNAVAILABLE => {
            "another program may hold the GPU for itself: see `nvidia-smi`"
        }
        Code::CUDA_ERROR_SYSTEM_DRIVER_MISMATCH => {
            "the driver was updated while its kernel module was loaded: restart the machine"
        }
        _ => "see what `nvidia-smi` says, or use --device cpu",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_end_with_what_to_do() {
        assert!(advice(Code::CUDA_ERROR_ILLEGAL_ADDRESS).contains("--resume"));
        assert!(advice(Code::CUDA_ERROR_OUT_OF_MEMORY).contains("train.batch"));
        assert!(advice(Code::CUDA_ERROR_NO_BINARY_FOR_GPU).contains("GANSAKU_ARCHS"));
        assert!(advice(Code::CUDA_ERROR_UNKNOWN).contains("nvidia-smi"));
    }
}
