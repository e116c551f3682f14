//! CycleGAN (Zhu et al., 1703.10593): two domains, two translators, two discriminators, no pairs. What went there and back
//! should be what it was.

use super::augment::augmented;
use super::equilibrium::{self, Equilibrium};
use super::penalty::Penalised;
use super::phase::{Measured, Phase, Times, When, training, update};
use super::statistic::{D_LOSS, G_LOSS, PENALTY, Statistic};
use super::task::{Direction, Task};
use super::translating::{self, CYCLE, IDENTITY, TRANSLATED};
use super::{Game, Optimizing, objective, packing, pool};
use crate::architectures::{self, Forward, Purpose, Reads, Translates};
use crate::config::{Config, Role};
use crate::data::Shape;
use crate::graph::{Column, Graph, Input, NetworkId, OptimizerId, Var};
use crate::lower::{Ends, Stage};
use crate::nn::{Networks, Pass, Scope, Statistics, Tracer};
use crate::precision::Precision;

/// A configured CycleGAN with every shape settled.
#[derive(Debug, Clone, PartialEq)]
pub struct CycleGan {
    config: Config,
    networks: Networks,
    /// A picture of either domain.
    shape: Shape,
}

const A_TO_B: NetworkId = NetworkId(0);
const B_TO_A: NetworkId = NetworkId(1);
const OF_A: NetworkId = NetworkId(2);
const OF_B: NetworkId = NetworkId(3);

/// What D reads: single pictures.
fn reads(picture: Shape) -> Reads {
    Reads { picture, pack: 1, classes: 0, outputs: 1 }
}

/// What G and D are for.
pub fn purposes(shape: Shape) -> (Purpose, Purpose) {
    (Purpose::Translator { from: shape, to: shape }, Purpose::PatchDiscriminator(shape))
}

impl CycleGan {
    /// Settles the model for pictures of a shape.
    pub fn new(config: &Config, shape: Shape) -> CycleGan {
        let mut game = CycleGan { config: config.clone(), networks: Networks::default(), shape };
        let mut networks = Networks::default();
        for instance in ["a2b", "b2a"] {
            networks.declare(Role::Generator, Some(instance), |s| {
                game.make(s, s.g.host_input("x", &[1, shape.len()]));
                architectures::translator_outline(&config.generator, game.translates())
            });
        }
        for instance in ["a", "b"] {
            networks.declare(Role::Discriminator, Some(instance), |s| {
                let shown = pool::shown(s, s.g.host_input("x", &[1, shape.len()]), config.train.pool);
                game.judge(s, shown);
                architectures::discriminator_outline(&config.discriminator, reads(shape))
            });
        }
        game.networks = networks;
        game
    }

    fn translates(&self) -> Translates {
        translating::translates(&self.config, self.shape, self.shape)
    }

    /// A translator on pictures `[rows, numbers]`.
    fn make(&self, s: &Scope, x: Var) -> Var {
        architectures::translator(s, &self.config.generator, self.translates(), x)
    }

    /// A discriminator on pictures `[rows, numbers]`.
    fn judge(&self, s: &Scope, x: Var) -> Forward {
        architectures::discriminator(s, &self.config.discriminator, reads(self.shape), x, None)
    }

    fn minibatch(&self, g: &Graph, set: u8, domain: &str) -> Var {
        let size = [self.config.train.batch, self.shape.len()];
        // Each domain in an order of its own: no pairs are looked at.
        let x = g.input(Input::Minibatch { set, order: set, column: Column::Examples }, &size);
        g.scoped(domain, || augmented(g, &format!("{domain}/"), x, self.shape, &self.config.data))
    }

    /// Both translators' update, and behind it both discriminators' on what the translators made before it.
    fn phase(&self, (when, penalties, suffix): (When, bool, &str)) -> Phase {
        let g = Graph::new();
        let (config, loss) = (&self.config, &self.config.loss);
        let (a, b) = (self.minibatch(&g, 1, "A"), self.minibatch(&g, 0, "B"));
        let traced = |id| Tracer::new(&g, self.networks.get(id));
        let [to_b, to_a, of_a, of_b] = [A_TO_B, B_TO_A, OF_A, OF_B].map(traced);
        let [of_g, of_d] = [OptimizerId(0), OptimizerId(1)];
        let scaled = config.train.precision == Precision::Fp16;
        let updated = |loss, optimizer| update(&g, loss, &self.networks, optimizer, 0, scaled);

        // One pass makes a translation and, where it counts, what the translator makes of its own domain.
        let identity = loss.cycle > 0.0 && loss.identity > 0.0;
        let there = |tracer: &Tracer, from: Var, own: Var| {
            if !identity {
                return (self.make(&tracer.pass(&training(0, "there", &[0])), from), None);
            }
            let pass = training(0, "there", &[0, 1]);
            let made = self.make(&tracer.pass(&pass), g.concat(&[from, own], 0));
            let (made, same) = packing::halves(&g, made);
            (made, Some(same))
        };
        let ((made_b, same_b), (made_a, same_a)) =
            g.scoped("there", || (there(&to_b, a, b), there(&to_a, b, a)));
        let said = g.scoped("G step", || {
            let pass = training(0, "g", &[0]);
            [self.judge(&of_b.pass(&pass), made_b), self.judge(&of_a.pass(&pass), made_a)]
        });
        let [loss_g, mut whole] = translating::adversarial(&g, loss, &said);
        let mut outputs = vec![(G_LOSS.to_string(), loss_g)];
        if loss.cycle > 0.0 {
            let weight = f64::from(loss.cycle);
            let cycle = g.scoped("back", || {
                let pass = training(0, "back", &[0]);
                let back_a = self.make(&to_a.pass(&pass), made_b);
                let back_b = self.make(&to_b.pass(&pass), made_a);
                g.add(translating::distance(&g, loss, back_a, a), translating::distance(&g, loss, back_b, b))
            });
            outputs.push((CYCLE.into(), g.scale(cycle, 0.5)));
            whole = g.add(whole, g.scale(cycle, weight));
            if let Some((same_a, same_b)) = same_a.zip(same_b) {
                let same = g.add(
                    translating::distance(&g, loss, same_a, a),
                    translating::distance(&g, loss, same_b, b),
                );
                outputs.push((IDENTITY.into(), g.scale(same, 0.5)));
                whole = g.add(whole, g.scale(same, weight * f64::from(loss.identity)));
            }
        }
        let update_g = g.scoped("G'", || updated(whole, of_g));
        let first = Stage { outputs, updates: vec![update_g], ..Stage::default() };

        let mut penalty = vec![];
        let pass = training(0, "d", &[0, 1]);
        let judged = |tracer: &Tracer, real: Var, made: Var| {
            let s = tracer.pass(&pass);
            let shown = pool::shown(&s, g.detach(made), config.train.pool);
            let (r, f) = packing::halves(&g, self.judge(&s, g.concat(&[real, shown], 0)).output);
            (r, f, shown)
        };
        let (r_a, f_a, shown_a) = g.scoped("D step", || g.scoped("A", || judged(&of_a, a, made_a)));
        let (r_b, f_b, shown_b) = g.scoped("D step", || g.scoped("B", || judged(&of_b, b, made_b)));
        if penalties {
            for (tracer, real, fake) in [(&of_a, a, shown_a), (&of_b, b, shown_b)] {
                let again = |x: Var, draw: &str| {
                    let minibatches = g.shape(x)[0] / config.train.batch;
                    let pass = Pass { statistics: Statistics::Again(minibatches), ..training(0, draw, &[]) };
                    self.judge(&tracer.pass(&pass), x).output
                };
                let penalised = Penalised { loss, real, fake, pack: 1, score: &again };
                penalty.push(g.scoped("penalty", || penalised.sum(&g)));
            }
        }
        let (real, fake) = (g.concat(&[r_a, r_b], 0), g.concat(&[f_a, f_b], 0));
        let loss_d = g.mean(objective::discriminator(&g, loss, real, fake));
        let mut outputs = vec![(D_LOSS.to_string(), loss_d)];
        outputs.extend(objective::readings(&g, loss, real, fake));
        let mut whole_d = g.scale(loss_d, 2.0);
        if let Some(penalty) = penalty.into_iter().reduce(|a, b| g.add(a, b)) {
            outputs.push((PENALTY.into(), penalty));
            whole_d = g.add(whole_d, penalty);
        }
        let update_d = g.scoped("D'", || updated(whole_d, of_d));
        let stores = [&to_b, &to_a, &of_a, &of_b].into_iter().flat_map(Tracer::stores).collect();
        let second = Stage { outputs, updates: vec![update_d], stores, ..Stage::default() };
        drop([to_b, to_a, of_a, of_b]);
        Phase {
            name: format!("G+D{suffix}"),
            when,
            times: Times::once(),
            ends: Ends::Step,
            measured: Measured::Step,
            graph: g,
            stages: vec![first, second],
            losses: vec![(of_g, whole), (of_d, whole_d)],
        }
    }
}

impl Game for CycleGan {
    fn networks(&self) -> &Networks {
        &self.networks
    }

    fn optimizers(&self) -> Vec<Optimizing> {
        translating::optimizers(&self.config)
    }

    fn precision(&self) -> Precision {
        self.config.train.precision
    }

    fn phases(&self) -> Vec<Phase> {
        translating::variants(&self.config.loss).into_iter().map(|variant| self.phase(variant)).collect()
    }

    fn statistics(&self) -> Vec<Statistic> {
        translating::statistics(&self.config)
    }

    fn equilibrium(&self) -> Option<Equilibrium> {
        Some(equilibrium::equilibrium(&self.config.loss))
    }

    fn translation(&self, _direction: Direction) -> Option<[Shape; 2]> {
        Some([self.shape; 2])
    }

    fn tasks(&self) -> Vec<Task> {
        let task = |direction| self.translating(direction, TRANSLATED);
        Direction::ALL.into_iter().filter_map(task).collect()
    }

    fn translates(&self) -> Option<Translates> {
        Some(self.translates())
    }

    fn translating(&self, direction: Direction, rows: usize) -> Option<Task> {
        let network = match direction {
            Direction::Forward => A_TO_B,
            Direction::Backward => B_TO_A,
        };
        let network = self.networks.get(network);
        Some(translating::task((direction, rows), self.shape, network, |s, x| self.make(s, x)))
    }
}
