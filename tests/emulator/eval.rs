//! Evaluation on the emulated GPU: the Parzen measure of the CPU, on a device.

use crate::bench::normals;
use crate::reference::U;
use gansaku::eval::parzen::{Threads, measure};
use gansaku::exec::cuda::launch::Driver;
use gansaku::exec::cuda::parzen::Windows;

#[test]
fn the_parzen_measure_is_the_cpus() {
    let Some(library) = crate::library(1) else { return };
    let dim = 50;
    let pixels = |name: &str, count: usize| -> Vec<f32> {
        normals(name, count * dim).iter().map(|x| (0.25 * x + 0.5).clamp(0.0, 1.0)).collect()
    };
    let (samples, valid, test) = (pixels("samples", 150), pixels("valid", 40), pixels("test", 70));
    let mut device = Windows::new(crate::gpu(&library, 1));
    let found = measure(&mut device, &samples, &valid, &test, dim).expect("no fault");
    let wanted = measure(&mut Threads, &samples, &valid, &test, dim).expect("no device, no fault");
    assert_eq!(found.sigma, wanted.sigma, "the same width is best");
    // The CPU's distances are ‖x‖² + ‖μ‖² − 2·x·μ, each of at most dim, the GPU's are nearer to the exact ones.
    let exponent = 0.5 / wanted.sigma.powi(2) * 4.0 * dim as f64;
    let tolerance = (dim as f64 + 6.0) * U * exponent;
    for (name, found, wanted) in
        [("validation", found.valid, wanted.valid), ("test", found.test, wanted.test)]
    {
        let share = (found - wanted).abs() / tolerance;
        println!("{name}: {found:.6} nats, {share:.1e} of the tolerance");
        assert!(share <= 1.0, "{name}: {found}, not {wanted} ± {tolerance:.1e}");
    }
    assert_eq!(device.driver().counters().launches, 2, "ten widths at once, then the best one");
}
