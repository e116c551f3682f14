//! pix2pix (Isola et al., 1611.07004) and its kin: pictures to the pictures that belong to them, learnt from pairs. Super-resolution
//! (SRGAN, 1609.04802, without its VGG loss) and colourisation are such games whose pairs are made of single pictures.

use super::equilibrium::{self, Equilibrium};
use super::pairs::Pairs;
use super::penalty::Penalised;
use super::phase::{Measured, Phase, Times, When, training, update};
use super::statistic::{D_LOSS, G_LOSS, PENALTY, Statistic};
use super::task::{Direction, PortKind, Task, TaskKind};
use super::translating::{self, DISTANCE, TRANSLATED};
use super::{Game, Optimizing, objective, packing};
use crate::architectures::{self, Forward, Purpose, Reads, Translates};
use crate::config::{Activation, Config, Given, Role};
use crate::data::Shape;
use crate::error::{Error, Result};
use crate::graph::{Graph, NetworkId, OptimizerId, Var};
use crate::lower::{Ends, Stage};
use crate::nn::{Networks, Pass, Scope, Statistics, Tracer};
use crate::precision::Precision;

/// A configured game of pairs with every shape settled.
#[derive(Debug, Clone, PartialEq)]
pub struct Pix2pix {
    config: Config,
    networks: Networks,
    pairs: Pairs,
    /// An example.
    shape: Shape,
}

const GENERATOR: NetworkId = NetworkId(0);
const DISCRIMINATOR: NetworkId = NetworkId(1);

/// Pictures of which what G is given is made at once.
const GIVEN: usize = 1;

/// What G and D are for.
///
/// # Errors
/// When pairs cannot be made of such pictures.
pub fn purposes(config: &Config, shape: Shape) -> Result<(Purpose, Purpose)> {
    let data = &config.data;
    let Shape { channels, height, width } = shape;
    if data.given == Some(Given::Grey) && channels != 3 {
        return Err(Error::Usage(format!(
            "data.given is \"grey\", but the data are {shape}: there is no colour to learn; expected pictures of 3 channels"
        )));
    }
    let odd = [height, width].iter().any(|n| !n.is_multiple_of(data.factor));
    if data.given == Some(Given::LowResolution) && odd {
        let near = (height / data.factor).max(1) * data.factor;
        return Err(Error::Usage(format!(
            "data.factor is {}, but the pictures are {width}×{height}, which do not become so many times smaller; expected a \
             multiple of it, as with --size {near}",
            data.factor
        )));
    }
    let pairs = Pairs::new(config, shape);
    let translator = Purpose::Translator { from: pairs.given(), to: pairs.wanted() };
    Ok((translator, Purpose::PatchDiscriminator(pairs.judged())))
}

/// What D reads.
fn reads(pairs: &Pairs) -> Reads {
    Reads { picture: pairs.judged(), pack: 1, classes: 0, outputs: 1 }
}

impl Pix2pix {
    /// Settles the model for pictures of a shape.
    pub fn new(config: &Config, shape: Shape) -> Pix2pix {
        let pairs = Pairs::new(config, shape);
        let mut game = Pix2pix { config: config.clone(), networks: Networks::default(), pairs, shape };
        let mut networks = Networks::default();
        networks.declare(Role::Generator, None, |s| {
            game.make(s, s.g.host_input("x", &[1, game.pairs.given().len()]));
            architectures::translator_outline(&config.generator, game.translates())
        });
        networks.declare(Role::Discriminator, None, |s| {
            game.judge(s, s.g.host_input("x", &[1, game.pairs.judged().len()]));
            architectures::discriminator_outline(&config.discriminator, reads(&game.pairs))
        });
        game.networks = networks;
        game
    }

    fn translates(&self) -> Translates {
        let translates = translating::translates(&self.config, self.pairs.given(), self.pairs.wanted());
        match self.config.data.given {
            // a and b of Lab lie on both sides of 0, whatever the pictures' scale.
            Some(Given::Grey) => Translates { output: Activation::Tanh, ..translates },
            _ => translates,
        }
    }

    /// G on what it is given, `[rows, numbers]`.
    fn make(&self, s: &Scope, x: Var) -> Var {
        architectures::translator(s, &self.config.generator, self.translates(), x)
    }

    /// D on pairs, `[rows, numbers]`.
    fn judge(&self, s: &Scope, x: Var) -> Forward {
        architectures::discriminator(s, &self.config.discriminator, reads(&self.pairs), x, None)
    }

    /// A step: D's update, then G's; without D while G learns distances alone.
    fn phase(&self, (when, penalties, suffix): (When, bool, &str), plays: bool) -> Phase {
        let g = Graph::new();
        let (config, loss) = (&self.config, &self.config.loss);
        let pair = g.scoped("pairs", || self.pairs.minibatch(&g, config.train.batch));
        let traced = |id| Tracer::new(&g, self.networks.get(id));
        let [generator, discriminator] = [GENERATOR, DISCRIMINATOR].map(traced);
        let [of_g, of_d] = [OptimizerId(0), OptimizerId(1)];
        let scaled = config.train.precision == Precision::Fp16;
        let updated = |loss, optimizer| update(&g, loss, &self.networks, optimizer, 0, scaled);
        let made = self.make(&generator.pass(&training(0, "g", &[0])), pair.given);
        let (mut stages, mut losses) = (vec![], vec![]);
        let joined = |made: Var| self.pairs.judge(&g, pair.given, made);
        if plays {
            let (real, fake) = (joined(pair.wanted), joined(g.detach(made)));
            let pass = training(0, "d", &[0, 1]);
            let said = g.scoped("D step", || {
                self.judge(&discriminator.pass(&pass), g.concat(&[real, fake], 0)).output
            });
            let (r, f) = packing::halves(&g, said);
            let mut loss_d = g.mean(objective::discriminator(&g, loss, r, f));
            let mut outputs = vec![(D_LOSS.to_string(), loss_d)];
            outputs.extend(objective::readings(&g, loss, r, f));
            if penalties {
                let again = |x: Var, draw: &str| {
                    let minibatches = g.shape(x)[0] / config.train.batch;
                    let pass = Pass { statistics: Statistics::Again(minibatches), ..training(0, draw, &[]) };
                    self.judge(&discriminator.pass(&pass), x).output
                };
                let penalised = Penalised { loss, real, fake, pack: 1, score: &again };
                let penalty = g.scoped("penalty", || penalised.sum(&g));
                outputs.push((PENALTY.into(), penalty));
                loss_d = g.add(loss_d, penalty);
            }
            let updates = vec![g.scoped("D'", || updated(loss_d, of_d))];
            losses.push((of_d, loss_d));
            stages.push(Stage { outputs, updates, ..Stage::default() });
        }
        let distance = translating::distance(&g, loss, made, pair.wanted);
        let mut whole = g.scale(distance, f64::from(loss.reconstruction));
        let mut outputs = vec![(DISTANCE.to_string(), distance)];
        if plays {
            let pass = training(1, "g", &[0]);
            let said = g.scoped("G step", || self.judge(&discriminator.pass(&pass), joined(made)));
            let [loss_g, weighed] = translating::adversarial(&g, loss, &[said]);
            outputs.insert(0, (G_LOSS.to_string(), loss_g));
            whole = if loss.reconstruction > 0.0 { g.add(weighed, whole) } else { weighed };
        }
        if loss.reconstruction == 0.0 {
            outputs.retain(|(name, _)| name != DISTANCE);
        }
        let updates = vec![g.scoped("G'", || updated(whole, of_g))];
        losses.push((of_g, whole));
        let stores = [&generator, &discriminator].into_iter().flat_map(Tracer::stores).collect();
        stages.push(Stage { outputs, updates, stores, ..Stage::default() });
        drop([generator, discriminator]);
        Phase {
            name: format!("{}{suffix}", if plays { "D+G" } else { "G" }),
            when,
            times: Times::once(),
            ends: Ends::Step,
            measured: Measured::Step,
            graph: g,
            stages,
            losses,
        }
    }
}

impl Game for Pix2pix {
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
        let alone = self.config.train.pretrain;
        let variants = translating::variants(&self.config.loss);
        if alone == 0 {
            return variants.into_iter().map(|variant| self.phase(variant, true)).collect();
        }
        // Penalties are in every step then.
        let (_, penalties, suffix) = variants[0];
        vec![
            self.phase((When::First(alone), false, ""), false),
            self.phase((When::After(alone), penalties, suffix), true),
        ]
    }

    fn statistics(&self) -> Vec<Statistic> {
        translating::statistics(&self.config)
    }

    fn equilibrium(&self) -> Option<Equilibrium> {
        Some(equilibrium::equilibrium(&self.config.loss))
    }

    fn translation(&self, direction: Direction) -> Option<[Shape; 2]> {
        (direction == Direction::Forward).then(|| [self.pairs.read(), self.shape])
    }

    fn translates(&self) -> Option<Translates> {
        Some(self.translates())
    }

    fn translating(&self, direction: Direction, rows: usize) -> Option<Task> {
        let (network, read) = (self.networks.get(GENERATOR), self.pairs.read());
        (direction == Direction::Forward).then(|| {
            translating::task((direction, rows), read, network, |s, x| {
                let given = self.pairs.network_reads(s.g, x);
                let made = self.make(s, given);
                self.pairs.shown(s.g, given, made)
            })
        })
    }

    fn tasks(&self) -> Vec<Task> {
        let mut tasks: Vec<Task> = self.translating(Direction::Forward, TRANSLATED).into_iter().collect();
        if self.config.data.given.is_some() {
            let mut give = Task::new(TaskKind::Give, GIVEN, true);
            let x = give.input("examples", PortKind::Examples, self.shape.len()).expect("numbers");
            let given = self.pairs.give(&give.graph, x);
            give.output("given", PortKind::Examples, given);
            tasks.push(give);
        }
        tasks
    }
}
