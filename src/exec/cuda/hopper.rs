//! Large products on Hopper's asynchronous units: which launches of `matmul_wide_*` become launches of
//! `kernels/matmul_sm90a.cu`, where a driver makes tensor maps.

use super::blocks::{MatmulArguments, MatmulLaunch};
use super::launch::{Argument, Boxed, Driver, Geometry, Packed, TensorMap};
use crate::error::Result;

/// Kernels with tiles of 128 × 128, and those that take their place.
const KERNELS: [(&str, &str); 2] =
    [("matmul_wide_f16", "matmul_wgmma_f16"), ("matmul_wide_bf16", "matmul_wgmma_bf16")];

// As in `kernels/matmul_sm90a.cu`.
const THREADS: u32 = 288;
const TILE: u32 = 128;
/// Three stages of four boxes of 8 KiB, and what aligning them takes at most.
const SHARED_BYTES: u32 = 3 * (32 << 10) + 1024;
/// Alignment of the parameter struct: a tensor map's.
const ALIGNMENT: usize = 128;

/// The launches with every product on Hopper's units that can be there, each in a launch of its own; what is left of a
/// launch comes behind.
///
/// # Errors
/// When the driver refuses a tensor map.
pub(super) fn take_over(driver: &impl Driver, launches: Vec<Packed>) -> Result<Vec<Packed>> {
    let mut all = vec![];
    for packed in launches {
        match KERNELS.iter().find(|(wide, _)| *wide == packed.kernel) {
            Some((_, kernel)) => all.extend(split(driver, packed, kernel)?),
            None => all.push(packed),
        }
    }
    Ok(all)
}

fn split(driver: &impl Driver, packed: Packed, kernel: &'static str) -> Result<Vec<Packed>> {
    let whole: MatmulLaunch = bytemuck::pod_read_unaligned(&packed.arguments[0].bytes);
    let mut rest = MatmulLaunch { count: 0, product: Default::default(), ..whole };
    let tiles = |p: &MatmulArguments| (p.m + p.sums).div_ceil(TILE) * p.across;
    let (mut blocks, mut taken) = (0, vec![]);
    for product in &whole.product[..whole.count as usize] {
        let without_sums = MatmulArguments { first: 0, sums: 0, ..*product };
        let mut left = *product;
        if let Some(arguments) = arguments(driver, &without_sums)? {
            let blocks = tiles(&without_sums) as usize;
            let geometry = Geometry { shared_bytes: SHARED_BYTES, ..Geometry::row(blocks, THREADS) };
            taken.push(Packed { kernel, geometry, arguments: vec![arguments] });
            // A copy by boxes puts no row of ones under an operand: that row alone stays with the portable kernel.
            left = MatmulArguments { m: 0, steps: 0, ..*product };
        }
        if left.m + left.sums > 0 {
            rest.product[rest.count as usize] = MatmulArguments { first: blocks, ..left };
            rest.count += 1;
            blocks += tiles(&left);
        }
    }
    if taken.is_empty() {
        return Ok(vec![packed]);
    }
    if rest.count > 0 {
        let geometry = Geometry::row(blocks as usize, packed.geometry.block[0]);
        taken.push(Packed { geometry, arguments: vec![Argument::block("MatmulLaunch", &rest)], ..packed });
    }
    Ok(taken)
}

/// `WgmmaArguments` of `kernels/matmul_sm90a.cu`, if the product is one for it.
fn arguments(driver: &impl Driver, product: &MatmulArguments) -> Result<Option<Argument>> {
    let &MatmulArguments { a, b, a_strides, b_strides, m, n, k, .. } = product;
    let left = tensor_map(driver, a, a_strides, [m, k])?;
    let right = tensor_map(driver, b, [b_strides[1], b_strides[0]], [n, k])?;
    let (Some(left), Some(right)) = (left, right) else { return Ok(None) };
    let mut bytes =
        [bytemuck::bytes_of(&left), bytemuck::bytes_of(&right), bytemuck::bytes_of(product)].concat();
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
    Ok(Some(Argument { kind: "WgmmaArguments", bytes }))
}

/// An operand with the strides and sizes along m or n and along k, if bulk copies can read it.
fn tensor_map(
    driver: &impl Driver,
    address: u64,
    [along, deep]: [i64; 2],
    [lines, depth]: [u32; 2],
) -> Result<Option<TensorMap>> {
    // The kernel decides the same way which axis is contiguous.
    let (size, pitch) = match (along, deep) {
        (pitch, 1) => ([depth, lines], pitch),
        (1, pitch) => ([lines, depth], pitch),
        _ => return Ok(None),
    };
    let matrix = Boxed { address, size: size.map(u64::from), pitch: 2 * pitch.unsigned_abs() };
    // A pitch below the line's length would be a matrix that overlaps itself.
    let fits =
        address.is_multiple_of(16) && matrix.pitch.is_multiple_of(16) && matrix.pitch >= 2 * matrix.size[0];
    if pitch < 0 || !fits || size.contains(&0) {
        return Ok(None);
    }
    driver.tensor_map(&matrix)
}
