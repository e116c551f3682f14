//! Launches recorded as a CUDA graph: one call starts them all.
#![deny(unsafe_code)]

use cudarc::driver::sys::{CUgraphInstantiate_flags, CUresult, CUstreamCaptureMode};
use cudarc::driver::{CudaGraph, CudaStream, DriverError};
use std::sync::Arc;

/// A graph of kernel launches. It holds what they point to by address alone: buffers and functions must outlive it.
pub struct Graph {
    graph: CudaGraph,
    /// How many launches it starts.
    pub launches: u64,
    /// The kernel it starts last.
    pub last: Option<&'static str>,
}

/// Why nothing was recorded.
pub enum Refused<E> {
    /// The driver did not record.
    Driver(DriverError),
    /// A launch failed.
    Launch(E),
}

impl Graph {
    /// Records what each of `starts` launches on the stream, in order; each gives its kernel's name. Whatever
    /// fails, the stream runs launches again when this returns.
    ///
    /// `starts` must do nothing with the context but launch.
    pub fn record<E>(
        stream: &Arc<CudaStream>,
        starts: impl Iterator<Item = Result<&'static str, E>>,
    ) -> Result<Graph, Refused<E>> {
        // Relaxed, since nothing but launches is called meanwhile, and the driver may load a kernel at its first.
        let mode = CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_RELAXED;
        stream.begin_capture(mode).map_err(Refused::Driver)?;
        let kernels = starts.collect::<Result<Vec<_>, E>>();
        // Ended also after an error, or the stream would record for ever. cudarc asks first whether an object that
        // was dropped had failed, and would then not end it: but none was dropped since `begin_capture`, which
        // asked the same.
        let ended = stream.end_capture(CUgraphInstantiate_flags(0));
        // What failed first is what is told; half a recording is dropped here.
        let kernels = kernels.map_err(Refused::Launch)?;
        let graph = ended.map_err(Refused::Driver)?;
        let graph =
            graph.ok_or(Refused::Driver(DriverError(CUresult::CUDA_ERROR_STREAM_CAPTURE_INVALIDATED)))?;
        Ok(Graph { graph, launches: kernels.len() as u64, last: kernels.last().copied() })
    }

    /// Starts the launches on the stream that they were recorded on.
    pub fn start(&self) -> Result<(), DriverError> {
        self.graph.launch()
    }
}
