//! How a matrix product is cut: by which kernel, into which tiles, into how many slices of its depth.

use super::slots;
use crate::lower::{Convolution, Follower, Form, Matmul, Plan, View, Work};
use crate::precision::{Narrow, Precision};

/// Multiprocessors that a launch should keep busy, a block each: an H100's 132 on every GPU, for the number decides who
/// adds what, and so the bits of a product. Tests set a few, so that small products take the branches of large ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Multiprocessors(pub usize);

impl Default for Multiprocessors {
    fn default() -> Multiprocessors {
        Multiprocessors(132)
    }
}

/// What decides about a product's kernel and tiles, beside its sizes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    pub precision: Precision,
    pub multiprocessors: Multiprocessors,
}

/// Least depth of a slice: less is not worth the traffic of its sums.
const LEAST_DEPTH: usize = 64;
const MOST_SLICES: usize = 16;
/// Slices of a convolution: positions are many where a kernel's gradient is small.
const MOST_CONVOLUTION_SLICES: usize = 64;
/// Rows and columns of a convolution's tile, and most columns of those that get narrow tiles instead: pictures of few
/// channels, of which a square tile would have most columns empty.
const CONVOLUTION_TILE: [usize; 2] = [64, 64];
const FEW_COLUMNS: usize = 8;

/// What a kernel makes of the gradient that it computes.
pub(super) enum Gradient {
    /// It updates the parameters.
    Updates(&'static str),
    /// It finds out whether the gradient of a scaled loss is finite.
    Measures(&'static str),
}

/// The kernels of one number type.
pub(super) struct Kernels {
    /// Tiles of 64 × 64, and threads of a block.
    pub small: (&'static str, u32),
    /// Tiles of 128 × 128, and threads of a block.
    pub wide: (&'static str, u32),
    /// Tiles of 64 × 64 with followers, with as many threads as the small ones.
    pub followed: &'static str,
    /// Tiles of 64 × 64 with followers and the loss head behind them.
    pub head: &'static str,
    /// Tiles of 64 × 64 of a network's whole gradient.
    pub gradient: Gradient,
    /// Convolutions of each [`crate::lower::Form`], in tiles of 64 × 64 with as many threads as the small ones.
    pub convolutions: [&'static str; 3],
    /// Convolutions of few columns, with as many threads.
    pub narrow: [&'static str; 3],
    /// Rows and columns of their tiles: as few columns as the units that multiply have.
    pub narrow_tile: [usize; 2],
    /// Elements of k that a tile holds.
    pub depth: usize,
    /// Numbers of shared memory for each thread of the small ones where the tiles were.
    pub room: u32,
}

const SIMT: Kernels = Kernels {
    small: ("matmul_f32", 256),
    wide: ("matmul_wide_f32", 256),
    followed: "matmul_followed_f32",
    head: "matmul_head_f32",
    gradient: Gradient::Updates("matmul_update_f32"),
    convolutions: ["conv2d_f32", "conv2d_dx_f32", "conv2d_dw_f32"],
    narrow: ["conv2d_narrow_f32", "conv2d_dx_narrow_f32", "conv2d_dw_narrow_f32"],
    narrow_tile: [256, 4],
    depth: 16,
    room: 17,
};
const TF32: Kernels = Kernels {
    small: ("matmul_tf32", 128),
    wide: ("matmul_wide_tf32", 256),
    followed: "matmul_followed_tf32",
    head: "matmul_head_tf32",
    gradient: Gradient::Updates("matmul_update_tf32"),
    convolutions: ["conv2d_tf32", "conv2d_dx_tf32", "conv2d_dw_tf32"],
    narrow: ["conv2d_narrow_tf32", "conv2d_dx_narrow_tf32", "conv2d_dw_narrow_tf32"],
    narrow_tile: [128, 8],
    depth: 16,
    room: 48,
};
const F16: Kernels = Kernels {
    small: ("matmul_f16", 128),
    wide: ("matmul_wide_f16", 256),
    followed: "matmul_followed_f16",
    head: "matmul_head_f16",
    gradient: Gradient::Measures("matmul_measure_f16"),
    convolutions: ["conv2d_f16", "conv2d_dx_f16", "conv2d_dw_f16"],
    narrow: ["conv2d_narrow_f16", "conv2d_dx_narrow_f16", "conv2d_dw_narrow_f16"],
    narrow_tile: [128, 8],
    depth: 32,
    room: 48,
};
const BF16: Kernels = Kernels {
    small: ("matmul_bf16", 128),
    wide: ("matmul_wide_bf16", 256),
    followed: "matmul_followed_bf16",
    head: "matmul_head_bf16",
    gradient: Gradient::Updates("matmul_update_bf16"),
    convolutions: ["conv2d_bf16", "conv2d_dx_bf16", "conv2d_dw_bf16"],
    narrow: ["conv2d_narrow_bf16", "conv2d_dx_narrow_bf16", "conv2d_dw_narrow_bf16"],
    narrow_tile: [128, 8],
    depth: 32,
    room: 48,
};

/// The kernels of a product whose operands lie as `a` does.
pub(super) fn kernels(a: &View, precision: Precision) -> &'static Kernels {
    match precision.stored().filter(|_| a.place.is_narrow()) {
        Some(Narrow::F16) => &F16,
        Some(Narrow::Bf16) => &BF16,
        None if precision == Precision::Tf32 => &TF32,
        None => &SIMT,
    }
}

/// Whether a kernel exists from compute capability 8.0 on only: older tensor cores know no bf16 and no tf32.
pub(super) fn needs_ampere(kernel: &str) -> bool {
    let of = |k: &Kernels| {
        let (Gradient::Updates(gradient) | Gradient::Measures(gradient)) = k.gradient;
        let products = [k.small.0, k.wide.0, k.followed, k.head, gradient];
        products.contains(&kernel) || [k.convolutions, k.narrow].as_flattened().contains(&kernel)
    };
    [&TF32, &BF16].into_iter().any(of)
}

/// How a product is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tiling {
    /// Rows of a tile, and columns but of a narrow one.
    pub tile: usize,
    /// Parts of k.
    pub slices: usize,
    /// Depth of each but the last.
    pub span: usize,
}

impl Tiling {
    /// A product's tiling by tiles that hold `depth` elements of k.
    fn new([m, n, k]: [usize; 3], depth: usize, Multiprocessors(most): Multiprocessors) -> Tiling {
        let tiles = |tile: usize| m.div_ceil(tile) * n.div_ceil(tile);
        if tiles(128) >= most {
            return Tiling { tile: 128, slices: 1, span: k.next_multiple_of(depth).max(depth) };
        }
        Tiling::sliced(64, tiles(64), k, depth, MOST_SLICES, Multiprocessors(most))
    }

    /// So many tiles of this size, each cut into as many slices as fill the GPU, at most `most_slices`.
    pub fn sliced(
        tile: usize,
        tiles: usize,
        k: usize,
        depth: usize,
        most_slices: usize,
        Multiprocessors(most): Multiprocessors,
    ) -> Tiling {
        // Half-filled GPUs are left alone: slices cost their sums' traffic.
        let wanted = (most / tiles.max(1)).min(k / LEAST_DEPTH).min(most_slices);
        if wanted < 2 {
            return Tiling { tile, slices: 1, span: k.next_multiple_of(depth).max(depth) };
        }
        let span = k.div_ceil(wanted).next_multiple_of(depth);
        Tiling { tile, slices: k.div_ceil(span), span }
    }
}

/// Units of each piece that a tile of a followed product holds: whole pieces of 16 bytes of them. `None` where the
/// product has large tiles, or a tile does not hold that many pieces: what follows then has a launch of its own, as where
/// its numbers find no room.
fn run_of_units(follower: &Follower, tiling: Tiling) -> Option<usize> {
    let run = tiling.tile / follower.pieces / 8 * 8;
    (tiling.tile == 64 && run > 0).then_some(run)
}

/// How a product is computed.
pub(super) struct Way {
    pub kernel: &'static str,
    pub threads: u32,
    pub tiling: Tiling,
    /// m, n and k, with the row that sums columns: a row of ones under the left operand.
    pub size: [usize; 3],
    /// Tiles down and across.
    pub tiles: [usize; 2],
    /// Units of each piece in a tile, where followers run in the launch.
    pub run: Option<usize>,
    /// Numbers of shared memory for each thread there.
    pub room: u32,
}

impl Way {
    pub fn new(product: &Matmul, cut: Cut) -> Way {
        let kernels = kernels(&product.a, cut.precision);
        let [m, n, k] = product.size;
        let size = [m + usize::from(product.column_sums.is_some()), n, k];
        let tiling = Tiling::new(size, kernels.depth, cut.multiprocessors);
        let follower = product.followers.first();
        let fit = product.followers.iter().all(|f| slots::slot_count(&f.program) <= kernels.room);
        let run = follower.filter(|_| fit).and_then(|f| run_of_units(f, tiling));
        let (kernel, threads) = match tiling.tile {
            128 => kernels.wide,
            _ if run.is_some() => (kernels.followed, kernels.small.1),
            _ => kernels.small,
        };
        let across = match (follower, run) {
            (Some(f), Some(run)) => (n / f.pieces).div_ceil(run),
            _ => n.div_ceil(tiling.tile),
        };
        let tiles = [size[0].div_ceil(tiling.tile), across];
        Way { kernel, threads, tiling, size, tiles, run, room: kernels.room }
    }

    /// A product that takes the loss head along, which reads it and whose parts have at most `slots`; `None` where the
    /// product has large tiles, or there is no room.
    pub fn with_head(product: &Matmul, cut: Cut, slots: u32) -> Option<Way> {
        let way = Way::new(product, cut);
        let Kernels { head, small: (_, threads), .. } = kernels(&product.a, cut.precision);
        let run = way.run.or(Some(way.tiling.tile).filter(|_| product.followers.is_empty()))?;
        let filled = way.tiling.tile == 64 && way.blocks() > 0 && slots <= way.room;
        filled.then_some(Way { kernel: head, threads: *threads, run: Some(run), ..way })
    }

    pub fn blocks(&self) -> usize {
        self.tiles[0] * self.tiles[1] * self.tiling.slices
    }

    pub fn scratch(&self) -> Scratch {
        match self.tiling.slices {
            1 => Scratch::default(),
            slices => {
                Scratch { sums: slices * self.size[0] * self.size[1], arrived: self.tiles[0] * self.tiles[1] }
            }
        }
    }
}

/// How a convolution is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ConvolutionWay {
    pub kernel: &'static str,
    pub threads: u32,
    pub tiling: Tiling,
    /// m, n and k: of all phases together, and the most of one; with the row that sums columns.
    pub size: [usize; 3],
    /// Tiles down and across, of the largest phase.
    pub tiles: [usize; 2],
    /// Phases down and across: products of pixels that see the same taps.
    pub phases: [usize; 2],
}

impl ConvolutionWay {
    pub fn new(c: &Convolution, cut: Cut) -> ConvolutionWay {
        let kernels = kernels(&c.a, cut.precision);
        let [m, n, k] = c.size();
        let size = [m + usize::from(c.column_sums.is_some()), n, k];
        let (phases, most) = match c.form {
            Form::Picture => {
                let [rows, height, width, _] = c.x;
                let [sh, sw] = c.window.stride;
                ([sh.min(height), sw.min(width)], rows * height.div_ceil(sh) * width.div_ceil(sw))
            }
            Form::Result | Form::Kernel => ([1, 1], size[0]),
        };
        let (names, [down, across]) = if n <= FEW_COLUMNS {
            (kernels.narrow, kernels.narrow_tile)
        } else {
            (kernels.convolutions, CONVOLUTION_TILE)
        };
        let tiles = [most.div_ceil(down), n.div_ceil(across)];
        let blocks = tiles[0] * tiles[1] * phases[0] * phases[1];
        let tiling =
            Tiling::sliced(down, blocks, k, kernels.depth, MOST_CONVOLUTION_SLICES, cut.multiprocessors);
        let kernel = names[c.form as usize];
        ConvolutionWay { kernel, threads: kernels.small.1, tiling, size, tiles, phases }
    }

    pub fn scratch(&self) -> Scratch {
        match self.tiling.slices {
            1 => Scratch::default(),
            slices => Scratch {
                sums: slices * self.size[0] * self.size[1],
                arrived: self.tiles.iter().chain(&self.phases).product(),
            },
        }
    }
}

/// What the slices of a launch's products need.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Scratch {
    /// Sums.
    pub sums: usize,
    /// Counters.
    pub arrived: usize,
}

impl Scratch {
    pub fn and(self, other: Scratch) -> Scratch {
        Scratch { sums: self.sums + other.sums, arrived: self.arrived + other.arrived }
    }

    /// Most that any launch of the plans needs.
    pub fn of(plans: &[Plan], multiprocessors: Multiprocessors) -> Scratch {
        let cut = |p: &Plan| Cut { precision: p.precision, multiprocessors };
        let works = plans.iter().flat_map(|p| p.launches.iter().map(move |l| (&l.work, cut(p))));
        let of = |(work, cut): (&Work, Cut)| match work {
            // Its logits have no slices. Its blocks are counted, by rows of tiles and all together.
            Work::LossHead(head) => {
                head.hidden.iter().fold(Scratch { sums: 0, arrived: 1 }, |head, hidden| {
                    let way = Way::new(hidden, cut);
                    head.and(way.scratch()).and(Scratch { sums: 0, arrived: way.tiles[0] })
                })
            }
            Work::Convolution(c) => ConvolutionWay::new(c, cut).scratch(),
            _ => {
                let each = work.products().into_iter().map(|p| Way::new(p, cut).scratch());
                each.fold(Scratch::default(), Scratch::and)
            }
        };
        let most =
            |a: Scratch, b: Scratch| Scratch { sums: a.sums.max(b.sums), arrived: a.arrived.max(b.arrived) };
        works.map(of).fold(Scratch::default(), most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_of_k_is_in_one_slice() {
        for size in [
            [0, 0, 0],
            [1, 1, 0],
            [1, 1, 1],
            [100, 1200, 784],
            [20, 70, 300],
            [3, 3, 100_000],
            [5000, 5000, 7],
        ] {
            let Tiling { slices, span, .. } = Tiling::new(size, 16, Multiprocessors::default());
            assert!(slices * span >= size[2], "{size:?}: {slices} slices of {span}");
            assert!(slices == 1 || (slices - 1) * span < size[2], "{size:?}: the last of {slices} is empty");
            assert_eq!(span % 16, 0, "{size:?}");
        }
    }

    #[test]
    fn small_deep_products_are_cut_and_large_ones_get_large_tiles() {
        let of = |size, depth| Tiling::new(size, depth, Multiprocessors::default());
        assert_eq!(of([100, 1200, 784], 16), Tiling { tile: 64, slices: 3, span: 272 });
        assert_eq!(of([784, 1200, 100], 16), Tiling { tile: 64, slices: 1, span: 112 });
        assert_eq!(of([100, 1200, 784], 32), Tiling { tile: 64, slices: 3, span: 288 });
        assert_eq!(of([8192, 1200, 784], 16), Tiling { tile: 128, slices: 1, span: 784 });
    }
}
