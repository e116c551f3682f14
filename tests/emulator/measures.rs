//! `gansaku bench` on the emulated GPU, whose times mean nothing: every launch runs alone without a fault.

use super::{gpu, library};
use crate::common::{self, CLASSES, NUMBERS};
use gansaku::bench::{Limits, Protocol, measure, noise};
use gansaku::exec::Opened;
use gansaku::exec::cuda::Cuda;
use gansaku::precision::Precision;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn every_launch_of_every_precision_runs_alone() {
    let Some(library) = library(4) else { return };
    let open = || -> gansaku::error::Result<Opened> {
        let device = gpu(&library, 1);
        Ok(Box::new(|job| Ok(Box::new(Cuda::of(device, job)?))))
    };
    let limits = Limits {
        products: &[40],
        longest_product: Duration::ZERO,
        copy_bytes: 4096,
        alone: Duration::ZERO,
        repetitions: 1,
    };
    let protocol = Protocol { steps: 1, rounds: 1, warmup: 1, alone: true, profile: false, limits };
    let configs = Precision::ALL.map(|precision| {
        let mut config = common::variants().swap_remove(0).1;
        config.train.precision = precision;
        config
    });
    let data = Arc::new(noise(NUMBERS, CLASSES, 20));
    let found = measure(&configs, &data, &open, &protocol).expect("no fault");
    for f in &found {
        let name = f.precision.name();
        let kernels = f.kernels.as_ref().expect("asked for");
        let updates: Vec<usize> =
            kernels.iter().filter(|k| k.kernel == "update").map(|k| k.launches).collect();
        // Elsewhere gradients update where they are computed.
        let each: &[usize] = if f.precision == Precision::Fp16 { &[1, 1] } else { &[] };
        assert_eq!(updates, each, "{name}: fp16 measures gradients before it updates");
        assert_eq!(kernels.last().map(|k| k.kernel), Some("end"), "{name}");
        let launches: usize = kernels.iter().map(|k| k.launches).sum();
        assert_eq!(f.launches_per_step, launches as f64, "{name}");
        assert!(f.host_us_per_step.is_some() && f.to_fp32.is_some(), "{name}");
        assert_eq!((f.device.as_str(), f.ceilings.product_size), ("emulated GPU", 40), "{name}");
    }
}
