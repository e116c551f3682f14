//! The generative adversarial network of Goodfellow et al. (1406.2661) and its kin: conditional, packed,
//! relativistic, with gradient penalties. A step is a few phases, each a graph of one or two stages.

use super::objective::{self, is_logit, threshold};
use crate::config::{Config, Distribution};
use crate::data::{self, Shape};
use crate::graph::grad::grad;
use crate::graph::{Dist, Graph, Input, Var};
use crate::lower::{Along, Plan, Stage, Update, lower};
use crate::nn::{self, Mlp, Role};
use crate::precision::Precision;

/// Host-filled input of a sampling plan: noise, `[rows, latent]`.
pub const LATENT: &str = "latent";
/// Host-filled input of a sampling plan: labels one-hot, `[rows, classes]`.
pub const CONDITION: &str = "condition";
/// Output of a sampling plan, `[rows, numbers]`.
pub const SAMPLES: &str = "samples";

/// Host-filled input of a scoring plan: examples, `[rows, numbers]`.
pub const SCORED: &str = "scored";
/// Output of a scoring plan: D's outputs, `[rows / pack, 1]`.
pub const LOGITS: &str = "logits";
/// Output of a scoring plan where D has layers before its last: what that one sees, `[rows / pack, width]`.
pub const FEATURES: &str = "features";

/// Labels as a conditional model's [`CONDITION`]: `[labels, classes]`, 1 at each one's class. Without classes, nothing.
pub fn one_hot(labels: &[usize], classes: usize) -> Vec<f32> {
    if classes == 0 {
        return vec![];
    }
    let mut condition = vec![0.0; labels.len() * classes];
    labels.iter().enumerate().for_each(|(row, &label)| condition[row * classes + label] = 1.0);
    condition
}

/// A configured GAN with all widths settled.
#[derive(Debug, Clone, PartialEq)]
pub struct Gan {
    /// What was asked for.
    pub config: Config,
    /// G.
    pub generator: Mlp,
    /// D.
    pub discriminator: Mlp,
    /// Numbers an example.
    pub numbers: usize,
    /// One-hot length; 0 where labels are not used.
    pub classes: usize,
}

/// When a phase runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Every step.
    Always,
    /// Steps divisible by n.
    Every(u64),
    /// Steps not divisible by n.
    Between(u64),
}

impl When {
    /// Whether a step, counted from 0, has the phase.
    pub fn holds(self, step: u64) -> bool {
        match self {
            When::Always => true,
            When::Every(n) => step.is_multiple_of(n),
            When::Between(n) => !step.is_multiple_of(n),
        }
    }

    /// After so many steps everything comes again.
    pub fn period(self) -> u64 {
        match self {
            When::Always => 1,
            When::Every(n) | When::Between(n) => n,
        }
    }
}

/// A phase before lowering.
pub struct Phase {
    /// "D", "D+G", "D+G with penalties".
    pub name: String,
    /// Which steps have it.
    pub when: When,
    /// How often in a row.
    pub times: u64,
    /// Its graph.
    pub graph: Graph,
    /// What is computed and updated, in order.
    pub stages: Vec<Stage>,
    /// The mean objectives (D's with penalties), for whoever wants to check gradients.
    pub losses: Vec<(Role, Var)>,
}

impl Gan {
    /// The model of a recipe without its data: for such examples as their source usually holds.
    pub fn usual(config: &Config) -> Gan {
        let (shape, classes) = data::usual(&config.data);
        Gan::new(config, shape, classes)
    }

    /// Settles the model for data of examples of a shape, or of points of so many numbers, and of `classes` classes.
    pub fn new(config: &Config, example: impl Into<Shape>, classes: usize) -> Gan {
        let example = example.into();
        let numbers = example.len();
        let classes = if config.conditional { classes } else { 0 };
        let pack = config.discriminator.pack;
        let block = numbers + classes;
        let g = Mlp::new(Role::Generator, &config.generator, config.latent.dim + classes, numbers);
        let d = Mlp::new(Role::Discriminator, &config.discriminator, pack * block, 1);
        let (g, d) = (g.making(example), d.reading(example, block));
        Gan { config: config.clone(), generator: g, discriminator: d, numbers, classes }
    }

    /// The network of a role.
    pub fn network(&self, role: Role) -> &Mlp {
        match role {
            Role::Generator => &self.generator,
            Role::Discriminator => &self.discriminator,
        }
    }

    /// The phases of a step, in order.
    pub fn phases(&self) -> Vec<Phase> {
        let loss = &self.config.loss;
        let train = &self.config.train;
        let variants: &[(When, bool, &str)] = match loss.penalty_every {
            _ if !loss.penalised() => &[(When::Always, false, "")],
            1 => &[(When::Always, true, "")],
            n => &[(When::Every(n), true, " with penalties"), (When::Between(n), false, "")],
        };
        let mut phases = Vec::new();
        for &(when, penalties, suffix) in variants {
            // All but the last D update stand alone; the last shares its draw of noise with G's.
            if train.discriminator_updates > 1 {
                let name = format!("D{suffix}");
                phases.push(self.phase(name, when, train.discriminator_updates - 1, false, penalties));
            }
            phases.push(self.phase(format!("D+G{suffix}"), when, 1, true, penalties));
        }
        phases
    }

    /// The phases of a step, lowered.
    pub fn plans(&self) -> Vec<Plan> {
        self.phases().iter().map(|p| self.plan(p)).collect()
    }

    /// A phase, lowered.
    pub fn plan(&self, phase: &Phase) -> Plan {
        let plan = self.lower(&phase.graph, &phase.stages, self.config.train.precision);
        // G's update is a step's last.
        let ends_step = plan.updates()[Role::Generator as usize];
        Plan { ends_step, ..plan }
    }

    fn lower(&self, graph: &Graph, stages: &[Stage], precision: Precision) -> Plan {
        lower(graph, stages, precision, &nn::layout(&[&self.generator, &self.discriminator]))
    }

    /// A plan that turns noise (and labels) into samples, `rows` at once, in fp32 whatever the training's precision.
    pub fn sampling_plan(&self, rows: usize) -> Plan {
        let g = Graph::new();
        let z = g.host_input(LATENT, &[rows, self.config.latent.dim]);
        let labels = (self.classes > 0).then(|| g.host_input(CONDITION, &[rows, self.classes]));
        let samples = self.generator.forward(&g, self.with_labels(&g, z, labels), 0, "sample");
        let stage = Stage { outputs: vec![(SAMPLES.into(), samples)], updates: vec![] };
        self.lower(&g, &[stage], Precision::Fp32)
    }

    /// A plan that shows what D makes of examples (and labels), `rows` at once, in fp32 and without dropout.
    pub fn scoring_plan(&self, rows: usize) -> Plan {
        let g = Graph::new();
        let x = g.host_input(SCORED, &[rows, self.numbers]);
        let labels = (self.classes > 0).then(|| g.host_input(CONDITION, &[rows, self.classes]));
        let packs = rows / self.config.discriminator.pack;
        let x = g.reshape(self.with_labels(&g, x, labels), &[packs, self.discriminator.input]);
        let whole = self.discriminator.without_dropout();
        let mut outputs = vec![(LOGITS.into(), whole.forward(&g, x, 0, "score"))];
        let depth = whole.network.layers.len();
        if depth > 1 {
            outputs.push((FEATURES.into(), whole.first_layers(depth - 1, &g, x, 0, "score")));
        }
        self.lower(&g, &[Stage { outputs, updates: vec![] }], Precision::Fp32)
    }

    fn phase(&self, name: String, when: When, times: u64, both: bool, penalties: bool) -> Phase {
        let g = Graph::new();
        let batch = self.config.train.batch;
        let joint = both && self.config.train.joint;
        let real = g.input(Input::EXAMPLES, &[batch, self.numbers]);
        let labels = (self.classes > 0).then(|| g.input(Input::LABELS, &[batch, self.classes]));
        // One pass of G makes the fakes of both updates: G does not change in between.
        let draws = if both && !joint { 2 } else { 1 };
        let made = self.generate(&g, draws, labels);
        let fake = |i: usize| g.slice_axis(made, 0, i * batch, (i + 1) * batch);
        // D's fakes are the last ones: they are then the same rows of G's result as of [real; fake], so that the launch which
        // makes them can also put them there.
        let [for_d, for_g] = [fake(draws - 1), fake(0)];

        let version = 0;
        let (r, f) = g.scoped("D step", || self.score_both(&g, real, for_d, labels, version, "d"));
        let mut loss_d = g.mean(objective::discriminator(&g, &self.config.loss, r, f));
        let mut outputs = vec![("d_loss".to_string(), loss_d)];
        outputs.extend(self.statistics(&g, r, f));
        if penalties {
            let penalty = g.scoped("penalty", || self.penalties(&g, real, for_d, labels, version));
            outputs.push(("penalty".into(), penalty));
            loss_d = g.add(loss_d, penalty);
        }
        let update_d = g.scoped("D'", || self.update(&g, loss_d, &self.discriminator, version));
        let mut losses = vec![(Role::Discriminator, loss_d)];
        let mut stages = vec![Stage { outputs, updates: vec![update_d] }];

        if both {
            let (r, f) = if joint { (Some(r), f) } else { self.score_again(&g, real, for_g, labels) };
            let r = r.filter(|_| self.config.loss.relativistic);
            let loss_g = g.mean(objective::generator(&g, &self.config.loss, r, f));
            let update_g = g.scoped("G'", || self.update(&g, loss_g, &self.generator, 0));
            losses.push((Role::Generator, loss_g));
            let output = ("g_loss".to_string(), loss_g);
            if joint {
                stages[0].outputs.push(output);
                stages[0].updates.push(update_g);
            } else {
                stages.push(Stage { outputs: vec![output], updates: vec![update_g] });
            }
        }
        Phase { name, when, times, graph: g, stages, losses }
    }

    /// The gradients of a loss, scaled where products multiply fp16, by a network's parameters.
    fn update(&self, g: &Graph, loss: Var, network: &Mlp, version: u8) -> Update {
        let parameters = network.parameter_nodes(g, version);
        let scaled = self.config.train.precision == Precision::Fp16;
        let scale = scaled.then(|| g.input(Input::LossScale(network.role.optimizer()), &g.shape(loss)));
        let gradients = grad(g, loss, &parameters, scale);
        let placed = gradients.into_iter().zip(&network.parameters).map(|(v, p)| (v, p.offset));
        let free = network.network.layers.iter().all(|layer| layer.max_col_norm == 0.0);
        let along = match (scaled, free) {
            (true, _) => Along::Measure,
            (false, true) => Along::Update,
            (false, false) => Along::Nothing,
        };
        Update { optimizer: network.role.optimizer(), gradients: placed.collect(), along }
    }

    /// G on fresh noise, for `draws` minibatches with the same labels: `[draws·batch, numbers]`.
    fn generate(&self, g: &Graph, draws: usize, labels: Option<Var>) -> Var {
        let latent = &self.config.latent;
        let rows = draws * self.config.train.batch;
        let z = match latent.distribution {
            Distribution::Normal => g.rand("z", Dist::Normal, &[rows, latent.dim]),
            Distribution::Uniform => {
                let u = g.rand("z", Dist::Uniform, &[rows, latent.dim]);
                g.shift(g.scale(u, 2.0 * 3f64.sqrt()), -(3f64.sqrt()))
            }
        };
        let labels = labels.map(|l| g.concat(&vec![l; draws], 0));
        self.generator.forward(g, self.with_labels(g, z, labels), 0, "g")
    }

    fn with_labels(&self, g: &Graph, x: Var, labels: Option<Var>) -> Var {
        labels.map_or(x, |l| g.concat(&[x, l], 1))
    }

    /// D's outputs, one a pack: `[rows / pack, 1]`.
    fn score(&self, g: &Graph, x: Var, labels: Option<Var>, version: u8, draw: &str) -> Var {
        let x = self.with_labels(g, x, labels);
        let rows = g.shape(x)[0] / self.config.discriminator.pack;
        let packed = g.reshape(x, &[rows, self.discriminator.input]);
        self.discriminator.forward(g, packed, version, draw)
    }

    /// D on real and fake as one minibatch.
    fn score_both(
        &self,
        g: &Graph,
        real: Var,
        fake: Var,
        labels: Option<Var>,
        version: u8,
        draw: &str,
    ) -> (Var, Var) {
        let joined = g.concat(&[real, fake], 0);
        let logits = self.score(g, joined, labels.map(|l| g.concat(&[l, l], 0)), version, draw);
        let half = g.shape(logits)[0] / 2;
        (g.slice_axis(logits, 0, 0, half), g.slice_axis(logits, 0, half, 2 * half))
    }

    /// D after its update, on G's minibatch; the real one comes along only where pairs are compared.
    fn score_again(&self, g: &Graph, real: Var, fake: Var, labels: Option<Var>) -> (Option<Var>, Var) {
        g.scoped("G step", || {
            if self.config.loss.relativistic {
                let (r, f) = self.score_both(g, real, fake, labels, 1, "g");
                (Some(r), f)
            } else {
                (None, self.score(g, fake, labels, 1, "g"))
            }
        })
    }

    /// Means over the minibatch that tell who is winning.
    fn statistics(&self, g: &Graph, real: Var, fake: Var) -> Vec<(String, Var)> {
        let objective = self.config.loss.objective;
        let read = |l: Var| g.mean(if is_logit(objective) { g.sigmoid(l) } else { l });
        let (right_real, right_fake) = if self.config.loss.relativistic {
            (g.gt(real, fake), g.gt(real, fake))
        } else {
            let undecided = g.constant(threshold(objective), &[]);
            (g.gt(real, undecided), g.gt(undecided, fake))
        };
        vec![
            ("d_real".into(), read(real)),
            ("d_fake".into(), read(fake)),
            ("accuracy_real".into(), g.mean(right_real)),
            ("accuracy_fake".into(), g.mean(right_fake)),
        ]
    }

    /// Gradient penalties, with their factors.
    fn penalties(&self, g: &Graph, real: Var, fake: Var, labels: Option<Var>, version: u8) -> Var {
        let loss = &self.config.loss;
        let mut terms = Vec::new();
        let mean_square = |x: Var, packs: usize, weight: f32| {
            // γ/2 · mean over packs of ‖∇‖².
            g.sum_all(g.scale(g.square(x), f64::from(weight) / 2.0 / packs as f64))
        };
        if loss.r1 > 0.0 || loss.r2 > 0.0 {
            let joined = g.concat(&[real, fake], 0);
            let labels = labels.map(|l| g.concat(&[l, l], 0));
            let logits = self.score(g, joined, labels, version, "d");
            let half = g.shape(logits)[0] / 2;
            if loss.r1 == loss.r2 {
                let slope = grad(g, logits, &[joined], None)[0];
                terms.push(mean_square(slope, half, loss.r1));
            } else {
                for (i, weight) in [(0, loss.r1), (1, loss.r2)].into_iter().filter(|(_, w)| *w > 0.0) {
                    let side = g.slice_axis(logits, 0, i * half, (i + 1) * half);
                    let slope = grad(g, side, &[joined], None)[0];
                    terms.push(mean_square(slope, half, weight));
                }
            }
        }
        if loss.gradient_penalty > 0.0 {
            let batch = g.shape(real)[0];
            let pack = self.config.discriminator.pack;
            // One ε a pack: x̂ lies on the line between a packed real and a packed fake.
            let u = g.rand("interpolation", Dist::Uniform, &[batch / pack, 1, 1]);
            let u = g.reshape(g.broadcast(u, &[batch / pack, pack, 1]), &[batch, 1]);
            let between = g.add(g.mul(real, u), g.mul(fake, g.shift(g.neg(u), 1.0)));
            let logits = self.score(g, between, labels, version, "penalty");
            let slope = grad(g, logits, &[between], None)[0];
            let packed = g.reshape(g.square(slope), &[batch / pack, pack * self.numbers]);
            let norm = g.sqrt(g.shift(g.sum(packed, &[1]), 1e-12));
            let excess = g.square(g.shift(norm, -1.0));
            terms.push(g.scale(g.mean(excess), f64::from(loss.gradient_penalty)));
        }
        let sum = terms.into_iter().reduce(|a, b| g.add(a, b)).expect("at least one penalty");
        g.scale(sum, loss.penalty_every as f64)
    }
}
