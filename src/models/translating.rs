//! What games over pictures share: distances, passes, optimizers, the phases' variants, tasks.

use super::equilibrium;
use super::phase::When;
use super::statistic::{Statistic, Unit};
use super::task::{Direction, PortKind, Task, TaskKind};
use super::{Optimizing, objective};
use crate::architectures::{Forward, Translates};
use crate::config::{Config, Distance, Ema, Loss};
use crate::data::Shape;
use crate::graph::{Graph, Var};
use crate::nn::{Network, Pass, Scope, Statistics, Tracer};

/// Mean distance between a picture and what came back of it.
pub const CYCLE: &str = "cycle";
/// Mean distance between a picture and its translation into the domain that it is of.
pub const IDENTITY: &str = "identity";
/// Mean distance between what G made and what it should have made.
pub const DISTANCE: &str = "distance";

/// Pictures translated at once: one, so that what is drawn for a picture depends on its place alone.
pub const TRANSLATED: usize = 1;

/// The mean distance of two pictures' numbers.
pub fn distance(g: &Graph, loss: &Loss, a: Var, b: Var) -> Var {
    let difference = g.sub(a, b);
    g.mean(match loss.distance {
        Distance::L1 => g.max(difference, g.neg(difference)),
        Distance::L2 => g.square(difference),
    })
}

/// The optimizers of G and D.
pub fn optimizers(config: &Config) -> Vec<Optimizing> {
    let none = Ema { decay: 0.0, ..config.ema };
    let of = |network: &crate::config::Network, rule, ema| Optimizing { rule, clip: network.clip, ema };
    vec![
        of(&config.generator, config.optimizer.generator, config.ema),
        of(&config.discriminator, config.optimizer.discriminator, none),
    ]
}

/// The variants of a step's phase: when it runs, whether penalties enter, and what is said behind its name.
pub fn variants(loss: &Loss) -> Vec<(When, bool, &'static str)> {
    match loss.penalty_every {
        _ if !loss.penalised() => vec![(When::Always, false, "")],
        1 => vec![(When::Always, true, "")],
        n => vec![(When::Every(n), true, " with penalties"), (When::Between(n), false, "")],
    }
}

/// G's objective over all that D said of its pictures, and with the factor that it has.
pub fn adversarial(g: &Graph, loss: &Loss, said: &[Forward]) -> [Var; 2] {
    let said: Vec<Var> = said.iter().map(|forward| forward.output).collect();
    let mean = g.mean(objective::generator(g, loss, None, g.concat(&said, 0)));
    // Each D's mean counts once.
    [mean, g.scale(mean, said.len() as f64 * f64::from(loss.adversarial))]
}

/// The statistics of a game over pictures: those of G and D, and distances.
pub fn statistics(config: &Config) -> Vec<Statistic> {
    let distance = |name: &str, label: &str, about| Statistic {
        unit: Unit::Magnitude,
        digits: Some(4),
        chart: Some("Distances of pictures"),
        about,
        ..Statistic::mean(name, label, &format!("distance/{name}"))
    };
    let loss = &config.loss;
    let mut all = equilibrium::statistics(config);
    if loss.cycle > 0.0 {
        let about = "Logarithmic. Mean distances of numbers as networks see them, without their factors. The way there and \
                     back should give what it began with: this falls, but falls as well where nothing true is learnt.";
        all.push(distance(CYCLE, "there and back", about));
        if loss.identity > 0.0 {
            all.push(distance(IDENTITY, "already there", ""));
        }
    }
    if loss.reconstruction > 0.0 {
        let about = "Logarithmic. The mean distance between what G makes and what it should make, as networks see them, \
                     without its factor: this should fall.";
        all.push(distance(DISTANCE, "to the pair", about));
    }
    all
}

/// The task of a direction: pictures in, as people see them, pictures out.
pub fn task(
    (direction, rows): (Direction, usize),
    shape: Shape,
    network: &Network,
    make: impl FnOnce(&Scope, Var) -> Var,
) -> Task {
    let mut task = Task::new(TaskKind::Translate(direction), rows, true);
    let x = task.input("pictures", PortKind::Examples, shape.len()).expect("pictures have numbers");
    let tracer = Tracer::new(&task.graph, network);
    // Dropout is part of what the network was trained to be: its masks are the only noise there is.
    let pass = Pass { version: 0, draw: "translate", dropout: true, statistics: Statistics::Stored };
    let made = make(&tracer.pass(&pass), x);
    drop(tracer);
    task.output("translated", PortKind::Examples, made);
    task
}

/// A translator that reads pictures of one shape and makes those of another.
pub fn translates(config: &Config, from: Shape, to: Shape) -> Translates {
    let output = crate::architectures::Makes::fitting(config.data.scale);
    Translates { from, to, output }
}
