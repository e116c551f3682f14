//! The branches of kernels that a product takes, as far as kernels, sizes and blocks tell.

use gansaku::exec::cuda::launch::Packed;
use gansaku::lower::{Convolution, Form, Matmul, View, Work};

/// How a product was cut, how its operands lie, and each of its steps, kernel by kernel: "matmul_wide_bf16: rows whole and
/// ragged, columns whole and ragged, depth ragged, 1 slice, sums". Empty for works of no or of several products, whose
/// launches do not tell which is whose.
pub fn branches(work: &Work, packed: &[Packed]) -> Vec<String> {
    if let Work::Convolution(convolution) = work {
        return packed.first().map_or(vec![], |launch| of_convolution(convolution, launch));
    }
    let products = match work {
        Work::LossHead(head) => head.hidden.iter().map(|product| &**product).collect(),
        _ => work.products(),
    };
    let ([product], Some(launch)) = (&products[..], packed.iter().find(|p| p.kernel.starts_with("matmul")))
    else {
        return vec![];
    };
    let steps = product.epilogue.iter().map(|step| {
        let to = if product.out.place.is_narrow() { " to 16 bits" } else { "" };
        format!("{}: {}{to}", launch.kernel, step.name())
    });
    let operands = format!("{}: {}", launch.kernel, lie(product));
    [cut(product, launch), operands].into_iter().chain(steps).collect()
}

/// How a convolution was cut, how its taps are read, and each of its steps: "conv2d_dx_f16: 4 phases, whole pieces, some
/// slices".
fn of_convolution(c: &Convolution, launch: &Packed) -> Vec<String> {
    let kernel = launch.kernel;
    let piece = if c.a.place.is_narrow() { 8 } else { 4 };
    let whole = |channels: usize, pixel: isize| channels.is_multiple_of(piece) && pixel % piece as isize == 0;
    let channels = if c.form == Form::Picture { c.y[3] } else { c.x[3] };
    let pieces = if whole(channels, c.a.strides[2]) { "whole pieces" } else { "single elements" };
    let [m, n, _] = c.size();
    let (rows, phases) = match c.form {
        Form::Picture => {
            let [sh, sw] = c.window.stride;
            (c.x[0] * c.x[1].div_ceil(sh) * c.x[2].div_ceil(sw), launch.geometry.grid[1])
        }
        _ => (m + usize::from(c.column_sums.is_some()), 1),
    };
    let [high, wide] = match kernel {
        _ if !kernel.contains("narrow") => [64, 64],
        _ if kernel.ends_with("_f32") => [256, 4],
        _ => [128, 8],
    };
    let tiles = rows.div_ceil(high) * n.div_ceil(wide);
    let slices = if launch.geometry.grid[0] as usize > tiles { "some slices" } else { "1 slice" };
    let phases = if phases > 1 { "several phases" } else { "one phase" };
    let [rows, columns] =
        [rows > high, n > wide].map(|several| if several { "several tiles" } else { "one tile" });
    let steps = c.epilogue.iter().map(|step| {
        let to = if c.out.place.is_narrow() { " to 16 bits" } else { "" };
        format!("{kernel}: {}{to}", step.name())
    });
    [
        format!("{kernel}: {phases}, {pieces}, {slices}"),
        format!("{kernel}: rows of {rows}, columns of {columns}"),
    ]
    .into_iter()
    .chain(steps)
    .collect()
}

fn cut(product: &Matmul, launch: &Packed) -> String {
    let (kernel, [m, n, k]) = (launch.kernel, product.size);
    let hopper = kernel.contains("wgmma");
    let tile = if hopper || kernel.contains("wide") { 128 } else { 64 };
    let stage = match kernel {
        _ if hopper => 64,
        _ if kernel.ends_with("f16") => 32,
        _ => 16,
    };
    let part = |size: usize, of: usize| match (size / of, size % of) {
        (_, 0) => "whole",
        (0, _) => "ragged",
        _ => "whole and ragged",
    };
    let rows = m + usize::from(product.column_sums.is_some());
    let tiles = rows.div_ceil(tile) * n.div_ceil(tile);
    let slices = match launch.geometry.grid[0] as usize / tiles.max(1) {
        // Tiles of whole pieces: how many there are cannot be told from here.
        _ if !product.followers.is_empty() => "followed",
        0 | 1 => "1 slice",
        16 => "16 slices",
        _ => "some slices",
    };
    let sums = if product.column_sums.is_some() { ", sums" } else { "" };
    let (down, across, deep) = (part(rows, tile), part(n, tile), part(k, stage));
    format!("{kernel}: rows {down}, columns {across}, depth {deep}, {slices}{sums}")
}

/// How operands lie: which axis is contiguous, and whether lines start at whole pieces of 16 bytes.
fn lie(product: &Matmul) -> String {
    let operand = |view: &View, deep: usize| {
        let line = view.strides[1 - deep];
        let piece = if view.place.is_narrow() { 8 } else { 4 };
        let axis = if view.strides[deep] == 1 { "deep" } else { "turned" };
        let line = if axis == "deep" { line } else { view.strides[deep] };
        format!("{axis}{}", if line % piece == 0 { "" } else { ", not aligned" })
    };
    format!("left {}; right {}", operand(&product.a, 1), operand(&product.b, 0))
}
