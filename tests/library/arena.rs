//! The arena: launches write where the plan says and nowhere else, nobody overwrites what is still to be
//! read, nothing is read that was not written; sizes are pinned.

use crate::common;
use crate::common::madeup::MadeUp;
use crate::common::{CLASSES, Model, NUMBERS, executor, rates, variants};
use gansaku::config::{ConfigBuilder, RECIPES};
use gansaku::exec::PhaseRun;
use gansaku::exec::cpu::Cpu;
use gansaku::exec::cpu::pool::Pool;
use gansaku::lower::{Map, Matmul, Place, Program, Reduce, Stored, View, Work};
use gansaku::precision::Precision;

/// Arena elements of a view, if it lies in the arena.
fn elements(view: &View) -> Vec<usize> {
    let Place::Arena(start) = view.place else { return vec![] };
    let mut found = vec![(start as isize + view.base) as usize];
    for (&(lo, hi), &stride) in view.windows.iter().zip(&view.strides) {
        let along =
            |at: &usize| (lo..hi).map(|i| (*at as isize + i as isize * stride) as usize).collect::<Vec<_>>();
        found = found.iter().flat_map(along).collect();
    }
    found
}

/// What a launch may write: everything it stores.
fn targets(cpu: &Cpu, plan: usize, launch: usize) -> Vec<bool> {
    let plan = &cpu.plans()[plan];
    let mut allowed = vec![false; plan.arena];
    views(&plan.launches[launch].work).iter().flat_map(elements).for_each(|i| allowed[i] = true);
    allowed
}

fn views(work: &Work) -> Vec<View> {
    let of = |program: &Program| program.results.iter().map(|(_, view)| view.clone()).collect::<Vec<View>>();
    let product = |m: &Matmul| {
        let behind = m.followers.iter().flat_map(|f| of(&f.program));
        m.column_sums.iter().chain([&m.out]).cloned().chain(behind).collect::<Vec<View>>()
    };
    let products = work.products().into_iter().flat_map(product);
    match work {
        Work::Minibatch(minibatch) => {
            let gathers = minibatch.gathers.iter().map(|g| View::contiguous(g.to, &[g.rows, g.width]));
            gathers.chain(minibatch.draws.iter().flat_map(|draw| of(&draw.program))).collect()
        }
        Work::Map(Map { program, .. }) | Work::Reduce(Reduce { program, .. }) => of(program),
        Work::LossHead(head) => {
            products.chain(head.parts.iter().flat_map(|part| of(part.program().1))).collect()
        }
        Work::Matmul(_) | Work::Gradients(_) => products.collect(),
        Work::Convolution(c) => c.column_sums.iter().chain([&c.out]).cloned().collect(),
        Work::Update(_) | Work::StoreStates(_) => vec![],
    }
}

/// Executors of every style of model, and of one with states.
fn executors(threads: usize) -> Vec<(&'static str, Cpu)> {
    let gans = variants().into_iter().map(|(name, config)| {
        let model = Model::new(&config, NUMBERS, CLASSES);
        (name, executor(&model, threads))
    });
    let pool = Pool::new(threads).expect("threads");
    let states = Cpu::of(pool, MadeUp::new(3, Precision::Fp32).spec()).expect("memory enough");
    gans.chain([("states", states)]).collect()
}

#[test]
fn launches_write_their_results_and_nothing_else() {
    for (name, mut cpu) in executors(2) {
        for plan in 0..cpu.plans().len() {
            let launches = cpu.plans()[plan].launches.clone();
            let allowed: Vec<Vec<bool>> = (0..launches.len()).map(|l| targets(&cpu, plan, l)).collect();
            // Sentinels everywhere: every element holds a number of its own.
            let sentinel = |i: usize| 1000.0 + i as f32;
            cpu.arena_mut().iter_mut().enumerate().for_each(|(i, x)| *x = sentinel(i));
            let mut before = cpu.arena_mut().to_vec();
            cpu.run_observed(&PhaseRun::alone(plan, 3, rates(1)), &mut |launch, cpu| {
                let after = cpu.arena_mut();
                for (i, (x, y)) in before.iter().zip(after.iter()).enumerate() {
                    let written = x.to_bits() != y.to_bits();
                    let may = allowed[launch].get(i) == Some(&true);
                    assert!(!written || may, "{name}: {} wrote element {i}", launches[launch].name);
                }
                before.copy_from_slice(after);
            });
        }
    }
}

#[test]
fn nothing_is_overwritten_before_its_last_reader() {
    for (name, mut cpu) in executors(1) {
        for plan in 0..cpu.plans().len() {
            let stored = cpu.plans()[plan].stored.clone();
            let last = cpu.plans()[plan].launches.len() - 1;
            let mut written: Vec<Option<Vec<f32>>> = vec![None; stored.len()];
            let read = |cpu: &mut Cpu, node: &Stored| {
                let arena = cpu.arena_mut();
                elements(&node.view).iter().map(|&i| arena[i]).collect::<Vec<f32>>()
            };
            cpu.run_observed(&PhaseRun::alone(plan, 3, rates(1)), &mut |launch, cpu| {
                for (node, written) in stored.iter().zip(&mut written) {
                    if node.writers.last() == Some(&launch) {
                        *written = Some(read(cpu, node));
                    }
                    // The launch before the last reader has run: what the reader will see.
                    if launch + 1 == node.last_reader.min(last + 1)
                        && let Some(written) = written
                    {
                        let now = read(cpu, node);
                        assert_eq!(
                            &now,
                            written,
                            "{name}: node {} lost before launch {}",
                            node.var.index(),
                            launch + 1
                        );
                    }
                }
            });
        }
    }
}

/// Every launch of a phase reads the states that the phase began with: the last one alone writes them, and no number
/// between two states.
#[test]
fn states_change_when_a_phase_ends() {
    let model = MadeUp::new(3, Precision::Fp32);
    let mut cpu = Cpu::of(Pool::single(), model.spec()).expect("memory enough");
    // Sentinels everywhere: every number is one of its own.
    let mut states = cpu.states().clone();
    states.iter_mut().for_each(|s| s.states.iter_mut().enumerate().for_each(|(i, x)| *x = 0.01 * i as f32));
    cpu.set_states(states.clone());
    for turn in model.turns(2) {
        let last = cpu.plans()[turn.plan].launches.len() - 1;
        let before: Vec<Vec<f32>> = cpu.states().iter().map(|s| s.states.clone()).collect();
        cpu.run_observed(&turn, &mut |launch, cpu| {
            let now = cpu.states().iter().map(|s| &s.states);
            assert_eq!(launch < last, now.eq(&before), "launch {launch} of {last}");
        });
    }
    for (i, (is, was)) in cpu.states().iter().zip(&states).enumerate() {
        let owned = model.layout.networks.iter().filter(|n| n.optimizer.index() == i);
        let ranges: Vec<_> = owned.flat_map(|n| n.states.values().cloned()).collect();
        for (at, (x, y)) in is.states.iter().zip(&was.states).enumerate() {
            assert_eq!(x != y, ranges.iter().any(|range| range.contains(&at)), "optimizer {i}, number {at}");
        }
    }
}

#[test]
fn nothing_is_read_that_was_not_written() {
    for (name, model) in common::models() {
        let weights = |poison: f32| {
            let mut cpu = executor(&model, 2);
            for plan in 0..cpu.plans().len() {
                cpu.arena_mut().fill(poison);
                cpu.narrow_mut().fill(poison);
                cpu.run(&PhaseRun::alone(plan, 3, rates(1)));
            }
            cpu.states().iter().map(|s| s.weights.clone()).collect::<Vec<_>>()
        };
        assert_eq!(weights(f32::NAN), weights(0.0), "{name}");
        let narrow = model.plans().iter().any(|p| p.narrow > 0);
        assert_eq!(narrow, model.config.train.precision.stored().is_some(), "{name}");
    }
}

/// Launches of a step's phases and bytes of their arena. A change here is a change of speed or memory: measure
/// it, then write the new numbers down.
const PINS: [(&str, &[usize], usize); 37] = [
    ("digits", &[27], 3_953_472),
    ("mnist", &[17], 7_409_152),
    ("mnist-2014", &[17], 7_702_016),
    ("mnist-rpgan", &[27], 9_770_752),
    ("cgan-mnist", &[22], 6_923_584),
    ("stacked-mnist", &[27], 16_829_952),
    ("stacked-mnist-rpgan", &[93], 55_121_984),
    ("stacked-mnist-dcgan", &[167, 107], 59_315_264),
    ("pictures", &[128], 46_200_896),
    ("dcgan", &[167], 288_425_024),
    ("dcgan-mnist", &[93], 33_447_104),
    ("cgan-dcgan", &[94], 48_784_960),
    ("acgan-mnist", &[91], 28_167_872),
    ("wgan", &[82, 174], 385_979_712),
    ("wgan-gp-mnist", &[38, 59], 34_992_832),
    ("wgan-gp-cifar10", &[55, 103], 171_830_656),
    ("sngan", &[168, 327], 1_754_802_816),
    ("rpgan-resnet", &[307], 502_437_056),
    ("cyclegan-digits", &[839], 22_536_896),
    ("cyclegan-invert", &[839], 22_536_896),
    ("cyclegan", &[1831], 2_034_097_216),
    ("pix2pix", &[306], 85_833_344),
    ("superres", &[95, 175], 101_599_488),
    ("colourise", &[218], 11_273_152),
    ("stylegan2-digits", &[269, 180, 203, 180], 50_386_816),
    ("stylegan2", &[394, 422, 251, 318, 251], 3_191_935_872),
    ("stylegan2-cifar", &[290, 203, 181, 203], 2_311_731_072),
    ("tfd-2014-pretrain", &[19], 38_006_016),
    ("tfd-2014", &[24], 41_246_016),
    ("cifar10-fc-2014", &[16], 47_298_816),
    ("cifar10-conv-2014", &[70], 294_734_208),
    ("ring", &[18], 3_845_952),
    ("grid", &[18], 3_845_952),
    ("ring-rpgan", &[34], 5_503_104),
    ("grid-rpgan", &[34], 5_503_104),
    ("wgan-gp-grid", &[27, 36], 5_501_120),
    ("theory-1d", &[10, 20], 794_944),
];

#[test]
fn launches_and_bytes_of_every_recipe() {
    let mut found = vec![];
    for (name, _) in RECIPES {
        let config = ConfigBuilder::recipe(name).and_then(ConfigBuilder::finish).expect("a recipe");
        let plans = gansaku::models::plans(&*gansaku::models::usual(&config));
        let launches: Vec<usize> = plans.iter().map(|p| p.launches.len()).collect();
        let bytes = plans.iter().map(|p| 4 * p.arena).max().expect("at least one phase");
        println!("    ({name:?}, &{launches:?}, {bytes}),");
        found.push((name, launches, bytes));
    }
    assert!(
        RECIPES.iter().map(|r| r.0).eq(PINS.map(|p| p.0)),
        "a recipe without a pin, or a pin without a recipe"
    );
    for ((name, launches, bytes), pinned) in found.iter().zip(PINS) {
        assert_eq!((*name, &launches[..], *bytes), pinned);
    }
}
