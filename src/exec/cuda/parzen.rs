//! Parzen windows on a device: log Σ exp(−½‖x − μ‖²/σ²) over centres μ.

use super::blocks::ParzenArguments;
use super::launch::{Argument, Buffer, Driver, Geometry};
use super::limits::{MAX_WIDTHS, number};
use crate::error::{Error, Result};

/// The kernel that does it.
pub const KERNEL: &str = "parzen";
/// Centres of a slice; as in `kernels/parzen.cu`.
pub const SPAN: usize = 2048;
/// Points of a block; as there.
const TILE: usize = 64;

/// Computes sums on a device, whose memory it keeps from call to call.
pub struct Windows<D: Driver> {
    driver: D,
    points: Room,
    centres: Room,
    nearest: Room,
    sums: Room,
}

/// Memory that grows when more is asked for.
#[derive(Default)]
struct Room {
    buffer: Option<Buffer>,
    bytes: usize,
}

impl Room {
    /// At least so many bytes. What was smaller is given back with the device.
    fn of<D: Driver>(&mut self, driver: &mut D, bytes: usize) -> Result<Buffer> {
        match self.buffer {
            Some(buffer) if self.bytes >= bytes => Ok(buffer),
            _ => {
                let buffer = driver.allocate(bytes)?;
                (self.buffer, self.bytes) = (Some(buffer), bytes);
                Ok(buffer)
            }
        }
    }

    /// With `values` in it; its address.
    fn filled<D: Driver>(&mut self, driver: &mut D, values: &[f32]) -> Result<u64> {
        let bytes = bytemuck::cast_slice(values);
        let buffer = self.of(driver, bytes.len())?;
        driver.upload(buffer, 0, bytes)?;
        Ok(driver.address(buffer))
    }
}

impl<D: Driver> Windows<D> {
    /// On a device.
    pub fn new(driver: D) -> Windows<D> {
        let [points, centres, nearest, sums] = std::array::from_fn(|_| Room::default());
        Windows { driver, points, centres, nearest, sums }
    }

    /// The device.
    pub fn driver(&self) -> &D {
        &self.driver
    }

    /// log Σ exp(−½‖x − μ‖²/σ²) over `centres` `[…, dim]` of each of `points` `[…, dim]`, for each width σ:
    /// `[widths][points]`. −∞ where there are no centres.
    ///
    /// # Errors
    /// When the device fails or has too little memory, or there are more vectors than it indexes.
    ///
    /// # Panics
    /// When `dim` is 0 or does not divide the data.
    pub fn log_sums(
        &mut self,
        centres: &[f32],
        points: &[f32],
        dim: usize,
        widths: &[f64],
    ) -> Result<Vec<Vec<f64>>> {
        let vectors = |data: &[f32]| {
            assert!(dim > 0 && data.len().is_multiple_of(dim), "{} numbers in vectors of {dim}", data.len());
            data.len() / dim
        };
        let (count, centre_count) = (vectors(points), vectors(centres));
        if count == 0 || centre_count == 0 {
            return Ok(vec![vec![f64::NEG_INFINITY; count]; widths.len()]);
        }
        let size = |n, what| number(n, what).map_err(Error::Device);
        let arguments = ParzenArguments {
            points: self.points.filled(&mut self.driver, points)?,
            centres: self.centres.filled(&mut self.driver, centres)?,
            count: size(count, "a set of points")?,
            centre_count: size(centre_count, "a set of centres")?,
            dim: size(dim, "a vector")?,
            ..ParzenArguments::default()
        };
        let some = widths.chunks(MAX_WIDTHS).map(|widths| self.some_widths(arguments, widths));
        Ok(some.collect::<Result<Vec<_>>>()?.concat())
    }

    /// For as many widths as a launch takes.
    fn some_widths(&mut self, mut arguments: ParzenArguments, widths: &[f64]) -> Result<Vec<Vec<f64>>> {
        let count = arguments.count as usize;
        let slices = (arguments.centre_count as usize).div_ceil(SPAN);
        let mut nearest = vec![0.0f32; slices * count];
        let mut sums = vec![0.0f64; slices * widths.len() * count];
        let nearest_at = self.nearest.of(&mut self.driver, size_of_val(&nearest[..]))?;
        let sums_at = self.sums.of(&mut self.driver, size_of_val(&sums[..]))?;
        (arguments.nearest, arguments.sums) = (self.driver.address(nearest_at), self.driver.address(sums_at));
        arguments.widths = widths.len() as u32;
        for (scale, width) in arguments.scales.iter_mut().zip(widths) {
            *scale = (-0.5 / (width * width)) as f32;
        }
        let grid = [count.div_ceil(TILE) as u32, slices as u32, 1];
        let geometry = Geometry { grid, block: [256, 1, 1], shared_bytes: 0 };
        self.driver.launch(KERNEL, geometry, &[Argument::block("ParzenArguments", &arguments)])?;
        self.driver.download(nearest_at, 0, bytemuck::cast_slice_mut(&mut nearest))?;
        self.driver.download(sums_at, 0, bytemuck::cast_slice_mut(&mut sums))?;
        let value = |width: usize, point: usize| {
            let scale = f64::from(arguments.scales[width]);
            let slice = |i: usize| {
                (f64::from(nearest[i * count + point]), sums[(i * widths.len() + width) * count + point])
            };
            log_sum((0..slices).map(slice), scale)
        };
        Ok((0..widths.len()).map(|w| (0..count).map(|p| value(w, p)).collect()).collect())
    }
}

/// log Σ exp(scale·d) from the slices' nearest distances and sums relative to them, in order.
fn log_sum(slices: impl Iterator<Item = (f64, f64)> + Clone, scale: f64) -> f64 {
    let nearest = slices.clone().map(|(nearest, _)| nearest).fold(f64::INFINITY, f64::min);
    let sum: f64 = slices.map(|(own, sum)| sum * (scale * (own - nearest)).exp()).sum();
    scale * nearest + sum.ln()
}
