//! The kernel launches of matrix products, cut as `tiling.rs` says: parameters, the epilogue's steps, what follows, what
//! shares a launch.

use super::blocks::{
    Head, LossArguments, MAX_PRODUCTS, MAX_STEPS, MatmulArguments, MatmulLaunch, ProgramArguments, Step,
};
use super::launch::{Argument, Geometry, Packed};
use super::memory::PlanMemory;
use super::pack::{map, number};
use super::tiling::{Cut, Gradient, Multiprocessors, Scratch, Way, kernels};
use super::{program, update};
use crate::exec::UpdateRule;
use crate::graph::{MAX_OPTIMIZERS, OptimizerId};
use crate::lower::{Epilogue, Follower, Matmul, Place, Plan, View, Work};
use crate::precision::Precision;

/// Operands that are rounded where they are multiplied; beside `blocks::number_type`.
const TF32_TYPE: u32 = 3;

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
    memory: PlanMemory,
    products: &[&Matmul],
    programs: &mut Vec<ProgramArguments>,
) -> Result<Vec<Packed>, String> {
    let mut launches: Vec<Filling> = vec![];
    let mut behind = vec![];
    let mut used = Scratch::default();
    for product in products {
        let way = Way::new(product, memory.cut());
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
    memory: PlanMemory,
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

/// A launch of products that are an optimizer's whole gradient, of which the kernel makes more.
struct Whole<'a> {
    kernel: &'static str,
    optimizer: OptimizerId,
    /// Whether it updates; otherwise it measures the gradient.
    updates: bool,
    products: Vec<(&'a Matmul, Way)>,
}

/// A work as such a launch, if there is a kernel for it.
fn whole(work: &Work, cut: Cut) -> Option<Whole<'_>> {
    let updates = work.updated().is_some();
    let optimizer = work.updated().or(work.measured())?;
    let products: Vec<(&Matmul, Way)> = work.products().into_iter().map(|p| (p, Way::new(p, cut))).collect();
    let (first, _) = products.first()?;
    let kernels = kernels(&first.a, cut.precision);
    let kernel = match kernels.gradient {
        Gradient::Updates(kernel) if updates => kernel,
        Gradient::Measures(kernel) if !updates => kernel,
        _ => return None,
    };
    let alike = products.iter().all(|(p, way)| {
        way.kernel == kernels.small.0 && matches!(p.out.place, Place::Gradients(of, _) if of == optimizer)
    });
    let some = products.iter().any(|(_, way)| way.blocks() > 0);
    (alike && some && products.len() <= MAX_PRODUCTS).then_some(Whole {
        kernel,
        optimizer,
        updates,
        products,
    })
}

/// Blocks of the largest launch of the plans that computes an optimizer's whole gradient and makes more of it.
pub(super) fn gradient_blocks(
    plans: &[Plan],
    optimizer: OptimizerId,
    multiprocessors: Multiprocessors,
) -> usize {
    let cut = |p: &Plan| Cut { precision: p.precision, multiprocessors };
    let wholes = plans.iter().flat_map(|p| p.launches.iter().filter_map(move |l| whole(&l.work, cut(p))));
    let of = wholes.filter(|w| w.optimizer == optimizer);
    of.map(|w| w.products.iter().map(|(_, way)| way.blocks()).sum()).max().unwrap_or(0)
}

/// Whether a launch of the plan measures an optimizer's gradient while it computes it, by optimizer.
pub(super) fn measured(plan: &Plan, multiprocessors: Multiprocessors) -> [bool; MAX_OPTIMIZERS] {
    let cut = Cut { precision: plan.precision, multiprocessors };
    let wholes = plan.launches.iter().filter_map(|l| whole(&l.work, cut));
    let mut measured = [false; MAX_OPTIMIZERS];
    wholes.filter(|w| !w.updates).for_each(|w| measured[w.optimizer.index()] = true);
    measured
}

/// The launch of products that updates the parameters whose gradient they are, or measures it; where no kernel does, the
/// products and what is to be done after them.
pub(super) fn pack_gradient(
    memory: PlanMemory,
    work: &Work,
    rules: &[UpdateRule],
    programs: &mut Vec<ProgramArguments>,
) -> Result<Vec<Packed>, String> {
    let Some(Whole { kernel, optimizer, updates, products }) = whole(work, memory.cut()) else {
        let mut packed = pack(memory, &work.products(), programs)?;
        if let Some(optimizer) = work.updated() {
            packed.extend(update::pack(&memory, optimizer, &rules[optimizer.index()], false));
        }
        return Ok(packed);
    };
    let rule = &rules[optimizer.index()];
    assert!(rule.in_place() || !updates, "lowering lets no other update ride along");
    let mut launch =
        Filling { kernel, threads: products[0].1.threads, launch: MatmulLaunch::default(), blocks: 0 };
    launch.launch.update = update::arguments(&memory, optimizer, rule);
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

/// A product and the loss head that reads it in one launch, if there is a kernel for that. `head` tells of the parts behind
/// the logits, which have at most `slots`.
pub(super) fn pack_head(
    memory: PlanMemory,
    hidden: &Matmul,
    logits: &Matmul,
    (head, slots): (Head, u32),
    programs: &mut Vec<ProgramArguments>,
) -> Result<Option<Packed>, String> {
    let Some(way) = Way::with_head(hidden, memory.cut(), slots) else { return Ok(None) };
    let mut launch =
        Filling { kernel: way.kernel, threads: way.threads, launch: MatmulLaunch::default(), blocks: 0 };
    let mut used = Scratch::default();
    add(memory, hidden, &way, &mut used, &mut launch, programs)?;
    launch.launch.product[1] = arguments(memory, logits)?;
    let arrived = memory.arrived.address + 4 * used.arrived as u64;
    launch.launch.head = Head { logits: 1, arrived, ..head };
    Ok(Some(launch.packed()))
}

/// The logits of a loss head that has a launch of its own, whose blocks compute `rows` of them each, and how many blocks
/// that takes. `head` tells of the parts behind them.
pub(super) fn logits(
    memory: PlanMemory,
    products: &[Matmul],
    head: Head,
    rows: usize,
) -> Result<(LossArguments, usize), String> {
    let mut to = LossArguments { head, ..LossArguments::default() };
    to.head.arrived = memory.arrived.address;
    let mut blocks = 0;
    for product in products.iter().filter(|p| p.size[0] > 0) {
        let mut arguments = arguments(memory, product)?;
        arguments.first = number(blocks, "a launch's blocks")?;
        to.product[to.head.logits as usize] = arguments;
        to.head.logits += 1;
        blocks += product.size[0].div_ceil(rows);
    }
    Ok((to, blocks))
}

/// A product's parameters but for what depends on how it is cut.
fn arguments(memory: PlanMemory, product: &Matmul) -> Result<MatmulArguments, String> {
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
    memory: PlanMemory,
    product: &Matmul,
    way: &Way,
    arguments: &mut MatmulArguments,
    programs: &mut Vec<ProgramArguments>,
) -> Result<(), String> {
    let Some(run) = way.run else { return Ok(()) };
    arguments.followers = memory.programs.address + (programs.len() * size_of::<ProgramArguments>()) as u64;
    for Follower { shape, program, .. } in &product.followers {
        let packed = program::map(memory, shape, program, way.room)?;
        assert!(packed.numbers() <= way.room, "way.run says that there is room where the tiles were");
        programs.push(packed.arguments);
    }
    arguments.pieces = product.followers.first().map_or(1, |f| f.pieces as u32);
    arguments.follower_count = product.followers.len() as u32;
    arguments.units = arguments.n / arguments.pieces;
    arguments.run = run as u32;
    Ok(())
}

fn step(memory: PlanMemory, epilogue: &Epilogue, [m, n, _]: [usize; 3]) -> Result<Step, String> {
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
    let mut over = |view: &View| {
        to.base = view.base as i64;
        for axis in 0..2 {
            to.strides[axis] = view.strides[axis] as i64;
            (to.from[axis], to.to[axis]) = (view.windows[axis].0 as u32, view.windows[axis].1 as u32);
        }
    };
    if let Some(view) = epilogue.operand() {
        over(view);
        (to.at, to.number_type) = (memory.address(view.place), memory.number_type(view.place));
    }
    if let Epilogue::Dropout { stream, scale, view, .. } = epilogue {
        if view.is_windowed(&[m, n]) {
            return Err("a dropout mask of a part of the product".into());
        }
        over(view);
        (to.stream, to.y) = (*stream, *scale);
    }
    Ok(to)
}
