//! The gradient that each update uses is the derivative of the loss it says it minimises: directional
//! derivatives of every recipe's whole D and G loss, penalties included, in f64.

use crate::common::{CLASSES, Model, NUMBERS, variants};
use gansaku::config::{Architecture, Channels, Config, ConfigBuilder, Given, RECIPES};
use gansaku::data::Shape;
use gansaku::graph::interp::{self, Tensor, Values};
use gansaku::graph::{Graph, Op, OptimizerId, Var};
use gansaku::models::Phase;
use gansaku::nn::Network;
use gansaku::rng::{Moment, PhiloxRng, stream};

const STEP: f64 = 1e-6;
const TOLERANCE: f64 = 1e-6;
const MOMENT: Moment = Moment { seed: 5, tick: 2 };

/// A recipe with narrow layers and a small minibatch: the same graph, other sizes.
pub fn shrunk(name: &str) -> Config {
    let mut config = ConfigBuilder::recipe(name).and_then(ConfigBuilder::finish).expect("a recipe");
    if config.model.translates() {
        config.train.batch = 2;
        config.train.pool = config.train.pool.min(3);
        config.data.load_size = config.data.load_size.min(10);
        config.data.factor = 2;
        config.discriminator.depth = config.discriminator.depth.map(|_| 1);
    } else {
        config.latent.dim = 3;
        config.train.batch = 4;
    }
    for network in [&mut config.generator, &mut config.discriminator] {
        for layer in &mut network.layers {
            layer.reshape = layer.reshape.map(|_| [2, 2, 2]);
            layer.units = layer.units.map(|u| if layer.reshape.is_some() { 8 } else { u.min(5) });
            layer.channels = layer.channels.map(|c| c.min(2));
        }
        network.width = network.width.map(|_| 2);
        network.stages = network.stages.map(|_| 1);
        network.blocks = network.blocks.map(|_| 1);
        if network.architecture == Architecture::Stylegan2 {
            network.channels = Some(Channels { base: 16, most: 3 });
        }
    }
    config
}

/// What a network of this kind takes: points, or the smallest picture that is halved.
pub fn smallest(config: &Config) -> Shape {
    let channels = if config.data.given == Some(Given::Grey) { 3 } else { 1 };
    match config.generator.convolves() {
        false => NUMBERS.into(),
        true => Shape { channels, height: 8, width: 8 },
    }
}

/// Numbers for every leaf that a phase reads: parameters of a size that keeps all paths alive.
fn leaves(g: &Graph, roots: &[Var], rng: &mut PhiloxRng) -> Values {
    let mut values = Values::new();
    for v in g.topological(roots) {
        let node = g.node(v);
        let sd = match node.op {
            Op::Param { .. } | Op::State { .. } => 0.7,
            Op::Input(_) => 1.0,
            _ => continue,
        };
        let count = node.shape.iter().product();
        values
            .insert(v, Tensor::new(&node.shape, (0..count).map(|_| sd * f64::from(rng.normal())).collect()));
    }
    values
}

/// The worst relative error over three directions of one network's loss.
pub fn check(name: &str, model: &Model, phase: &Phase, optimizer: OptimizerId, loss: Var) -> f64 {
    let g = &phase.graph;
    let mut rng = PhiloxRng::new(9, stream(name), u64::from(optimizer.0));
    let update = phase
        .stages
        .iter()
        .flat_map(|s| &s.updates)
        .find(|u| u.optimizer == optimizer)
        .expect("it is updated");
    let gradients: Vec<Var> = update.gradients.iter().map(|(v, _)| *v).collect();
    let networks = model.game.networks();
    let nodes =
        |n: &Network| n.parameters.iter().map(|p| g.param(n.id, &p.name, 0, &p.shape)).collect::<Vec<_>>();
    let parameters: Vec<Var> = networks.of(optimizer).flat_map(nodes).collect();
    let roots: Vec<Var> = gradients.iter().copied().chain([loss]).chain(parameters.iter().copied()).collect();
    let mut bound = leaves(g, &roots, &mut rng);
    let mut values = bound.clone();
    interp::run(g, &gradients, MOMENT, &mut values);
    // What no derivative goes through stays as it is while parameters move.
    let held = g.topological(&roots).into_iter().filter(|&v| g.node(v).op == Op::Detach);
    bound.extend(held.filter_map(|v| Some((v, values.get(&v)?.clone()))));
    let mut worst = 0.0f64;
    for _ in 0..3 {
        let directions: Vec<Vec<f64>> = parameters
            .iter()
            .map(|v| bound[v].data.iter().map(|_| f64::from(rng.normal())).collect())
            .collect();
        // A gradient may have another shape of the same elements: a bias as a row.
        let analytic: f64 = gradients
            .iter()
            .zip(&directions)
            .map(|(v, d)| values[v].data.iter().zip(d).map(|(a, b)| a * b).sum::<f64>())
            .sum();
        let at = |t: f64| {
            let mut moved = bound.clone();
            for (v, d) in parameters.iter().zip(&directions) {
                let value = moved.get_mut(v).expect("a parameter");
                value.data.iter_mut().zip(d).for_each(|(x, d)| *x += t * d);
            }
            interp::run(g, &[loss], MOMENT, &mut moved);
            moved[&loss].data[0]
        };
        let quotient = |step: f64| {
            let numeric = (at(step) - at(-step)) / (2.0 * step);
            (numeric, (analytic - numeric).abs() / analytic.abs().max(numeric.abs()).max(1.0))
        };
        // Of many rectifiers one may bend within a step, not within the shorter one as well.
        let (numeric, error) = match quotient(STEP) {
            (_, error) if error > TOLERANCE => quotient(STEP / 10.0),
            found => found,
        };
        assert!(
            error <= TOLERANCE,
            "{name}, {}, {}: gradient {analytic}, difference quotient {numeric}",
            phase.name,
            networks.role(optimizer).name()
        );
        worst = worst.max(error);
    }
    worst
}

fn check_all(name: &str, config: &Config) {
    let model = Model::new(config, smallest(config), CLASSES);
    for phase in model.phases() {
        for &(optimizer, loss) in &phase.losses {
            let worst = check(name, &model, &phase, optimizer, loss);
            let letter = model.game.networks().role(optimizer).letter();
            println!("{name:28} {:20} {letter} {worst:.1e} of {TOLERANCE:.0e}", phase.name);
        }
    }
}

#[test]
fn every_recipes_losses() {
    for (name, _) in RECIPES {
        check_all(name, &shrunk(name));
    }
}

#[test]
fn every_style_of_loss() {
    for (name, config) in variants() {
        check_all(name, &config);
    }
}
