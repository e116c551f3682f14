//! The kernel launches of matrix products: which tiles, how many slices, the epilogue's steps, what follows.

use super::blocks::{
    LossArguments, MAX_PRODUCTS, MAX_STEPS, MatmulArguments, MatmulLaunch, ProgramArguments, Step,
};
use super::launch::{Argument, Geometry, Packed};
use super::memory::Memory;
use super::pack::{map, map_arguments, number};
use super::update;
use crate::exec::UpdateRule;
use crate::graph::Player;
use crate::lower::{Epilogue, Follower, MAX_REGISTERS, Matmul, Place, Plan, View, Work};
use crate::precision::{Narrow, Precision};

/// Blocks that a launch should have. A number of today's larger GPUs (an H100 has 132 multiprocessors), but the
/// same for all: it decides who adds what, and so the bits of a product.
const BLOCKS: usize = 132;
/// Least depth of a slice: less is not worth the traffic of its sums.
const LEAST_DEPTH: usize = 64;
const MOST_SLICES: usize = 16;
/// Operands that are rounded where they are multiplied; beside `blocks::number_type`.
const TF32_TYPE: u32 = 3;

/// The two kernels of one number type.
struct Kernels {
    /// Tiles of 64 × 64, and threads of a block.
    small: (&'static str, u32),
    /// Tiles of 128 × 128, and threads of a block.
    wide: (&'static str, u32),
    /// Tiles of 64 × 64 with followers, with as many threads as the small ones.
    followed: &'static str,
    /// The same, updating the parameters whose gradient they compute, where scaled losses do not forbid it.
    update: Option<&'static str>,
    /// Elements of k that a tile holds.
    depth: usize,
}

const SIMT: Kernels = Kernels {
    small: ("matmul_f32", 256),
    wide: ("matmul_wide_f32", 256),
    followed: "matmul_followed_f32",
    update: Some("matmul_update_f32"),
    depth: 16,
};
const TF32: Kernels = Kernels {
    small: ("matmul_tf32", 128),
    wide: ("matmul_wide_tf32", 256),
    followed: "matmul_followed_tf32",
    update: Some("matmul_update_tf32"),
    depth: 16,
};
const F16: Kernels = Kernels {
    small: ("matmul_f16", 128),
    wide: ("matmul_wide_f16", 256),
    followed: "matmul_followed_f16",
    update: None,
    depth: 32,
};
const BF16: Kernels = Kernels {
    small: ("matmul_bf16", 128),
    wide: ("matmul_wide_bf16", 256),
    followed: "matmul_followed_bf16",
    update: Some("matmul_update_bf16"),
    depth: 32,
};

/// The kernels of a product whose operands lie as `a` does.
fn kernels(a: &View, precision: Precision) -> &'static Kernels {
    match precision.stored().filter(|_| a.place.is_narrow()) {
        Some(Narrow::F16) => &F16,
        Some(Narrow::Bf16) => &BF16,
        None if precision == Precision::Tf32 => &TF32,
        None => &SIMT,
    }
}

/// Whether a kernel exists from compute capability 8.0 on only: older tensor cores know no bf16 and no tf32.
pub(super) fn needs_ampere(kernel: &str) -> bool {
    let of = |k: &Kernels| [k.small.0, k.wide.0, k.followed].contains(&kernel) || k.update == Some(kernel);
    [&TF32, &BF16].into_iter().any(of)
}

/// How a product is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tiling {
    /// Rows and columns of a tile.
    tile: usize,
    /// Parts of k.
    slices: usize,
    /// Depth of each but the last.
    span: usize,
}

impl Tiling {
    /// For tiles that hold `depth` elements of k.
    fn new([m, n, k]: [usize; 3], depth: usize) -> Tiling {
        let tiles = |tile: usize| m.div_ceil(tile) * n.div_ceil(tile);
        let whole = |tile| Tiling { tile, slices: 1, span: k.next_multiple_of(depth).max(depth) };
        if tiles(128) >= BLOCKS {
            return whole(128);
        }
        // Half-filled GPUs are left alone: slices cost their sums' traffic.
        let wanted = (BLOCKS / tiles(64).max(1)).min(k / LEAST_DEPTH).min(MOST_SLICES);
        if wanted < 2 {
            return whole(64);
        }
        let span = k.div_ceil(wanted).next_multiple_of(depth);
        Tiling { tile: 64, slices: k.div_ceil(span), span }
    }
}

/// Units of each piece that a tile of a followed product holds: whole pieces of 16 bytes of them. `None` where the
/// product has large tiles, or a tile does not hold that many pieces: what follows then has a launch of its own.
fn run_of_units(follower: &Follower, tiling: Tiling) -> Option<usize> {
    let run = tiling.tile / follower.pieces / 8 * 8;
    (tiling.tile == 64 && run > 0).then_some(run)
}

/// How a product is computed.
struct Way {
    kernel: &'static str,
    threads: u32,
    tiling: Tiling,
    /// m, n and k, with the row that sums columns: a row of ones under the left operand.
    size: [usize; 3],
    /// Tiles down and across.
    tiles: [usize; 2],
    /// Units of each piece in a tile, where followers run in the launch.
    run: Option<usize>,
}

impl Way {
    fn new(product: &Matmul, precision: Precision) -> Way {
        let kernels = kernels(&product.a, precision);
        let [m, n, k] = product.size;
        let size = [m + usize::from(product.column_sums.is_some()), n, k];
        let tiling = Tiling::new(size, kernels.depth);
        let follower = product.followers.first();
        let run = follower.and_then(|f| run_of_units(f, tiling));
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
        Way { kernel, threads, tiling, size, tiles, run }
    }

    fn blocks(&self) -> usize {
        self.tiles[0] * self.tiles[1] * self.tiling.slices
    }

    fn scratch(&self) -> Scratch {
        match self.tiling.slices {
            1 => Scratch::default(),
            slices => {
                Scratch { sums: slices * self.size[0] * self.size[1], arrived: self.tiles[0] * self.tiles[1] }
            }
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
    fn and(self, other: Scratch) -> Scratch {
        Scratch { sums: self.sums + other.sums, arrived: self.arrived + other.arrived }
    }

    /// Of any launch of the plans.
    pub fn of(plans: &[Plan]) -> Scratch {
        let works = plans.iter().flat_map(|p| p.launches.iter().map(|l| (&l.work, p.precision)));
        let of = |(work, precision): (&Work, Precision)| match work {
            // Its blocks are counted, its logits have no slices.
            Work::Loss { .. } => Scratch { sums: 0, arrived: 1 },
            _ => {
                let each = work.products().into_iter().map(|p| Way::new(p, precision).scratch());
                each.fold(Scratch::default(), Scratch::and)
            }
        };
        let most =
            |a: Scratch, b: Scratch| Scratch { sums: a.sums.max(b.sums), arrived: a.arrived.max(b.arrived) };
        works.map(of).fold(Scratch::default(), most)
    }
}

/// One launch in the making.
struct Filling {
    kernel: &'static str,
    threads: u32,
    launch: MatmulLaunch,
    blocks: usize,
}

impl Filling {
    fn packed(self) -> Packed {
        Packed {
            kernel: self.kernel,
            geometry: Geometry::row(self.blocks, self.threads),
            arguments: vec![Argument::block("MatmulLaunch", &self.launch)],
        }
    }
}

/// The launch of products that do not need each other: one, where all are computed by the same kernel. Behind it the maps
/// that cannot follow within it.
pub(super) fn pack(
    memory: &Memory,
    products: &[&Matmul],
    programs: &mut Vec<ProgramArguments>,
) -> Result<Vec<Packed>, String> {
    let mut launches: Vec<Filling> = vec![];
    let mut behind = vec![];
    let mut used = Scratch::default();
    for product in products {
        let way = Way::new(product, memory.precision);
        if way.size[0] * way.size[1] > 0 {
            let open = |f: &Filling| f.kernel == way.kernel && (f.launch.count as usize) < MAX_PRODUCTS;
            let at = launches.iter().position(open).unwrap_or_else(|| {
                let launch = MatmulLaunch::default();
                launches.push(Filling { kernel: way.kernel, threads: way.threads, launch, blocks: 0 });
                launches.len() - 1
            });
            add(memory, product, &way, &mut used, &mut launches[at], programs)?;
        }
        if way.run.is_none() {
            for Follower { shape, program, .. } in &product.followers {
                behind.extend(map(memory, shape, program)?);
            }
        }
    }
    Ok(launches.into_iter().map(Filling::packed).chain(behind).collect())
}

/// Adds a product to a launch, with `used` for the slices of the products before it.
fn add(
    memory: &Memory,
    product: &Matmul,
    way: &Way,
    used: &mut Scratch,
    to: &mut Filling,
    programs: &mut Vec<ProgramArguments>,
) -> Result<(), String> {
    let mut arguments = arguments(memory, product)?;
    arguments.slices = way.tiling.slices as u32;
    arguments.span = number(way.tiling.span, "a depth")?;
    arguments.partial = memory.partial.address + 4 * used.sums as u64;
    arguments.arrived = memory.arrived.address + 4 * used.arrived as u64;
    arguments.first = to.blocks as u32;
    arguments.across = way.tiles[1] as u32;
    follow(memory, product, way, &mut arguments, programs)?;
    to.launch.product[to.launch.count as usize] = arguments;
    to.launch.count += 1;
    to.blocks += way.blocks();
    *used = used.and(way.scratch());
    number(to.blocks, "a launch's blocks").map(drop)
}

/// A launch that also updates the network whose gradient its products are.
struct Updating<'a> {
    kernel: &'static str,
    player: Player,
    products: Vec<(&'a Matmul, Way)>,
}

/// A work as such a launch, if there is a kernel for it.
fn updating(work: &Work, precision: Precision) -> Option<Updating<'_>> {
    let player = Player::ALL.into_iter().find(|&player| work.updates(player))?;
    let products: Vec<(&Matmul, Way)> =
        work.products().into_iter().map(|p| (p, Way::new(p, precision))).collect();
    let (first, _) = products.first()?;
    let kernels = kernels(&first.a, precision);
    let alike = products.iter().all(|(p, way)| {
        way.kernel == kernels.small.0 && matches!(p.out.place, Place::Gradients(of, _) if of == player)
    });
    let some = products.iter().any(|(_, way)| way.blocks() > 0);
    let kernel = kernels.update.filter(|_| alike && some && products.len() <= MAX_PRODUCTS)?;
    Some(Updating { kernel, player, products })
}

/// Blocks of the largest launch of the plans that updates a network.
pub(super) fn updating_blocks(plans: &[Plan], player: Player) -> usize {
    let works = plans.iter().flat_map(|p| p.launches.iter().map(|l| (&l.work, p.precision)));
    let updating = works.filter_map(|(work, precision)| updating(work, precision));
    let of = updating.filter(|u| u.player == player);
    of.map(|u| u.products.iter().map(|(_, way)| way.blocks()).sum()).max().unwrap_or(0)
}

/// The launch of products that updates the network whose gradient they are; products and update apart, where no kernel
/// does both.
pub(super) fn pack_update(
    memory: &Memory,
    work: &Work,
    rules: &[UpdateRule; 2],
    programs: &mut Vec<ProgramArguments>,
) -> Result<Vec<Packed>, String> {
    let Some(Updating { kernel, player, products }) = updating(work, memory.precision) else {
        let mut packed = pack(memory, &work.products(), programs)?;
        for player in Player::ALL.into_iter().filter(|&player| work.updates(player)) {
            packed.extend(update::pack(memory, player, &rules[player as usize]));
        }
        return Ok(packed);
    };
    let rule = &rules[player as usize];
    assert!(rule.in_place(), "lowering lets no other update ride along");
    let mut launch =
        Filling { kernel, threads: products[0].1.threads, launch: MatmulLaunch::default(), blocks: 0 };
    launch.launch.update = update::arguments(memory, player, rule);
    let mut used = Scratch::default();
    for (product, way) in products {
        let at = |view: &View| match view.place {
            Place::Gradients(_, at) => number(at, "a network"),
            other => unreachable!("a gradient in {other:?}"),
        };
        let place = launch.launch.count as usize;
        add(memory, product, &way, &mut used, &mut launch, programs)?;
        launch.launch.product[place].out_at = at(&product.out)?;
        launch.launch.product[place].sums_at = product.column_sums.as_ref().map_or(Ok(0), at)?;
    }
    Ok(vec![launch.packed()])
}

/// The logits of a loss head, whose blocks compute `rows` of them each, and how many blocks that takes.
pub(super) fn logits(
    memory: &Memory,
    products: &[Matmul],
    rows: usize,
) -> Result<(LossArguments, usize), String> {
    let mut head = LossArguments { arrived: memory.arrived.address, ..LossArguments::default() };
    let mut blocks = 0;
    for product in products.iter().filter(|p| p.size[0] > 0) {
        let to = &mut head.product[head.logits as usize];
        *to = arguments(memory, product)?;
        to.first = number(blocks, "a launch's blocks")?;
        head.logits += 1;
        blocks += product.size[0].div_ceil(rows);
    }
    Ok((head, blocks))
}

/// A product's parameters but for what depends on how it is cut.
fn arguments(memory: &Memory, product: &Matmul) -> Result<MatmulArguments, String> {
    let Matmul { a, b, out, size, epilogue, column_sums, .. } = product;
    let [m, n, k] = *size;
    if epilogue.len() > MAX_STEPS {
        return Err(format!("{} epilogue steps, the GPU's matmul takes {MAX_STEPS}", epilogue.len()));
    }
    assert_eq!(a.place.is_narrow(), b.place.is_narrow(), "operands of one type");
    let strides = |view: &View| [view.strides[0] as i64, view.strides[1] as i64];
    let rounded = memory.precision == Precision::Tf32;
    let mut arguments = MatmulArguments {
        a: memory.start(a),
        b: memory.start(b),
        out: memory.start(out),
        clock: memory.clock.address,
        a_strides: strides(a),
        b_strides: strides(b),
        out_stride: if m > 1 { out.strides[0] as i64 } else { n as i64 },
        m: number(m, "rows")?,
        n: number(n, "columns")?,
        k: number(k, "a depth")?,
        steps: epilogue.len() as u32,
        out_type: memory.number_type(out.place),
        in_type: if rounded { TF32_TYPE } else { memory.number_type(a.place) },
        sums: u32::from(column_sums.is_some()),
        column_sums: column_sums.as_ref().map_or(0, |view| memory.start(view)),
        ..MatmulArguments::default()
    };
    for (to, from) in arguments.step.iter_mut().zip(epilogue) {
        *to = step(memory, from, *size)?;
    }
    Ok(arguments)
}

/// What follows a product within its launch.
fn follow(
    memory: &Memory,
    product: &Matmul,
    way: &Way,
    arguments: &mut MatmulArguments,
    programs: &mut Vec<ProgramArguments>,
) -> Result<(), String> {
    let Some(run) = way.run else { return Ok(()) };
    arguments.followers = memory.programs.address + (programs.len() * size_of::<ProgramArguments>()) as u64;
    for Follower { pieces, shape, program } in &product.followers {
        let (program, slots) = map_arguments(memory, shape, program)?;
        assert!(slots as usize <= MAX_REGISTERS, "a slot each thread has room for where the tiles were");
        programs.push(program);
        arguments.pieces = *pieces as u32;
    }
    arguments.follower_count = product.followers.len() as u32;
    arguments.units = arguments.n / arguments.pieces;
    arguments.run = run as u32;
    Ok(())
}

fn step(memory: &Memory, epilogue: &Epilogue, [m, n, _]: [usize; 3]) -> Result<Step, String> {
    let (kind, x) = match *epilogue {
        Epilogue::Bias(_) | Epilogue::Accumulate(_) => (0, 0.0),
        Epilogue::Scale(c) => (1, c),
        Epilogue::Relu => (2, 0.0),
        Epilogue::LeakyRelu(slope) => (3, slope),
        Epilogue::Tanh => (4, 0.0),
        Epilogue::Sigmoid => (5, 0.0),
        Epilogue::Dropout { threshold, .. } => (6, threshold),
        Epilogue::ReluGrad(_) => (7, 0.0),
        Epilogue::LeakyReluGrad(_, slope) => (8, slope),
        Epilogue::TanhGrad(_) => (9, 0.0),
        Epilogue::SigmoidGrad(_) => (10, 0.0),
    };
    let mut to = Step { kind, x, ..Step::default() };
    if let Some(view) = epilogue.view() {
        to.base = view.base as i64;
        for axis in 0..2 {
            to.strides[axis] = view.strides[axis] as i64;
            (to.from[axis], to.to[axis]) = (view.windows[axis].0 as u32, view.windows[axis].1 as u32);
        }
        match *epilogue {
            Epilogue::Dropout { .. } if view.is_windowed(&[m, n]) => {
                return Err("a dropout mask of a part of the product".into());
            }
            Epilogue::Dropout { stream, scale, .. } => (to.stream, to.y) = (stream, scale),
            _ => {
                to.at = memory.address(view.place);
                to.number_type = memory.number_type(view.place);
            }
        }
    }
    Ok(to)
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
            let Tiling { slices, span, .. } = Tiling::new(size, 16);
            assert!(slices * span >= size[2], "{size:?}: {slices} slices of {span}");
            assert!(slices == 1 || (slices - 1) * span < size[2], "{size:?}: the last of {slices} is empty");
            assert_eq!(span % 16, 0, "{size:?}");
        }
    }

    #[test]
    fn small_deep_products_are_cut_and_large_ones_get_large_tiles() {
        assert_eq!(Tiling::new([100, 1200, 784], 16), Tiling { tile: 64, slices: 3, span: 272 });
        assert_eq!(Tiling::new([784, 1200, 100], 16), Tiling { tile: 64, slices: 1, span: 112 });
        assert_eq!(Tiling::new([100, 1200, 784], 32), Tiling { tile: 64, slices: 3, span: 288 });
        assert_eq!(Tiling::new([8192, 1200, 784], 16), Tiling { tile: 128, slices: 1, span: 784 });
    }
}
