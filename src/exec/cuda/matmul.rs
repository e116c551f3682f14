//! The kernel launches of matrix products, cut as `tiling.rs` says: parameters, the epilogue's steps, what follows, what
//! shares a launch.

use super::blocks::{MatmulArguments, MatmulLaunch, Step};
use super::launch::{Argument, Geometry, Packed};
use super::limits::{MAX_PRODUCTS, MAX_STEPS, number};
use super::packer::Packer;
use super::plan_memory::PlanMemory;
use super::tiling::{Scratch, Way};
use super::{maps, program};
use crate::lower::{Epilogue, Follower, Matmul, View};
use crate::precision::Precision;

/// Operands that are rounded where they are multiplied; beside `blocks::number_type`.
const TF32_TYPE: u32 = 3;

/// One launch in the making.
pub(super) struct Filling {
    kernel: &'static str,
    threads: u32,
    pub launch: MatmulLaunch,
    blocks: usize,
    /// Scratch of the slices of its products.
    pub used: Scratch,
}

impl Filling {
    /// A launch of no product yet.
    pub fn new(kernel: &'static str, threads: u32) -> Filling {
        Filling { kernel, threads, launch: MatmulLaunch::default(), blocks: 0, used: Scratch::default() }
    }

    /// Adds a product.
    pub fn add(&mut self, packer: &mut Packer, product: &Matmul, way: &Way) -> Result<(), String> {
        let memory = packer.memory;
        let mut arguments = arguments(memory, product)?;
        arguments.slices = way.tiling.slices as u32;
        arguments.span = number(way.tiling.span, "a depth")?;
        arguments.partial = memory.partial.address + 4 * self.used.sums as u64;
        arguments.arrived = memory.arrived.address + 4 * self.used.arrived as u64;
        arguments.first = self.blocks as u32;
        arguments.across = way.tiles[1] as u32;
        follow(packer, product, way, &mut arguments)?;
        self.launch.product[self.launch.count as usize] = arguments;
        self.launch.count += 1;
        self.blocks += way.blocks();
        self.used = self.used.and(way.scratch());
        number(self.blocks, "a launch's blocks").map(drop)
    }

    pub fn packed(self) -> Packed {
        Packed {
            kernel: self.kernel,
            geometry: Geometry::row(self.blocks, self.threads),
            arguments: vec![Argument::block("MatmulLaunch", &self.launch)],
        }
    }
}

/// The launch of products that do not need each other: one, where all are computed by the same kernel. Behind it the maps
/// that cannot follow within it.
pub(super) fn pack<'a>(
    packer: &mut Packer,
    products: impl Iterator<Item = &'a Matmul>,
) -> Result<Vec<Packed>, String> {
    let mut launches: Vec<Filling> = vec![];
    let mut behind = vec![];
    for product in products {
        let way = Way::new(product, packer.memory.cut());
        if way.size[0] * way.size[1] > 0 {
            let open = |f: &Filling| f.kernel == way.kernel && (f.launch.count as usize) < MAX_PRODUCTS;
            let at = launches.iter().position(open).unwrap_or_else(|| {
                launches.push(Filling::new(way.kernel, way.threads));
                launches.len() - 1
            });
            launches[at].add(packer, product, &way)?;
        }
        if way.run.is_none() {
            for Follower { shape, program, .. } in &product.followers {
                behind.extend(maps::map(packer.memory, shape, program)?);
            }
        }
    }
    Ok(launches.into_iter().map(Filling::packed).chain(behind).collect())
}

/// A product's parameters but for what depends on how it is cut.
pub(super) fn arguments(memory: PlanMemory, product: &Matmul) -> Result<MatmulArguments, String> {
    let Matmul { a, b, out, size, epilogue, column_sums, .. } = product;
    let [m, n, k] = *size;
    assert_eq!(a.place.is_narrow(), b.place.is_narrow(), "operands of one type");
    let strides = |view: &View| [view.strides[0] as i64, view.strides[1] as i64];
    let rounded = memory.precision == Precision::Tf32;
    Ok(MatmulArguments {
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
        step: steps(memory, epilogue, [m, n])?,
        ..MatmulArguments::default()
    })
}

/// The steps of an epilogue over `[m, n]`.
pub(super) fn steps(
    memory: PlanMemory,
    epilogue: &[Epilogue],
    size: [usize; 2],
) -> Result<[Step; MAX_STEPS], String> {
    if epilogue.len() > MAX_STEPS {
        return Err(format!("{} epilogue steps, the GPU's matmul takes {MAX_STEPS}", epilogue.len()));
    }
    let mut steps = [Step::default(); MAX_STEPS];
    for (to, from) in steps.iter_mut().zip(epilogue) {
        *to = step(memory, from, size)?;
    }
    Ok(steps)
}

/// What follows a product within its launch.
fn follow(
    packer: &mut Packer,
    product: &Matmul,
    way: &Way,
    arguments: &mut MatmulArguments,
) -> Result<(), String> {
    let Some(run) = way.run else { return Ok(()) };
    arguments.followers = packer.next_program();
    for Follower { shape, program, .. } in &product.followers {
        let packed = program::map(packer.memory, (shape, program), way.room)?;
        assert!(packed.numbers() <= way.room, "way.run says that there is room where the tiles were");
        packer.programs.push(packed.arguments);
    }
    arguments.pieces = product.followers.first().map_or(1, |f| f.pieces as u32);
    arguments.follower_count = product.followers.len() as u32;
    arguments.units = arguments.n / arguments.pieces;
    arguments.run = run as u32;
    Ok(())
}

fn step(memory: PlanMemory, epilogue: &Epilogue, size: [usize; 2]) -> Result<Step, String> {
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
    if let Some(view) = epilogue.operand() {
        over(&mut to, view);
        (to.at, to.number_type) = (memory.address(view.place), memory.number_type(view.place));
    }
    if let Epilogue::Dropout { stream, scale, view, .. } = epilogue {
        if view.is_windowed(&size) {
            return Err("a dropout mask of a part of the product".into());
        }
        over(&mut to, view);
        (to.stream, to.y) = (*stream, *scale);
    }
    Ok(to)
}

/// Where a step's operand or draw lies over the product.
fn over<P>(to: &mut Step, view: &View<P>) {
    to.base = view.base as i64;
    for axis in 0..2 {
        to.strides[axis] = view.strides[axis] as i64;
        (to.from[axis], to.to[axis]) = (view.windows[axis].0 as u32, view.windows[axis].1 as u32);
    }
}
