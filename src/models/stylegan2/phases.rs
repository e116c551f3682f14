//! The phases of a StyleGAN2's step, in the order of its step: G's update, G's by path lengths, D's update, D's by R1. Each draws
//! noise of its own; all see one real minibatch, in equal parts one after the other where gradients are accumulated.

use super::{DISCRIMINATOR, GENERATOR, Stylegan2, mean_length};
use crate::graph::grad::grad;
use crate::graph::{Column, Dist, Graph, Input, OptimizerId, Var};
use crate::lower::{Ends, Stage, Update};
use crate::models::augment::augmented;
use crate::models::noise::noise;
use crate::models::objective;
use crate::models::packing::{halves, repeated};
use crate::models::phase::{Measured, Phase, Times, When, gathered, training, update};
use crate::models::statistic::{D_LOSS, G_LOSS, PATH_LENGTH, PATH_PENALTY, PENALTY};
use crate::nn::{Scope, Tracer};
use crate::precision::Precision;

/// Share of a minibatch's mean length in the running one.
const MOMENTUM: f64 = 0.01;
/// One of so many examples of a minibatch has its path measured.
const MEASURED: usize = 2;

/// When a phase runs, what is over then, and what of it is told.
type Turn = (When, Ends, Measured);

/// A part of a minibatch while a phase is built.
struct Part<'a> {
    g: &'a Graph,
    of_g: &'a Tracer<'a>,
    of_d: &'a Tracer<'a>,
    number: usize,
    /// Examples.
    rows: usize,
    /// How likely D sees transforms.
    p: Option<Var>,
}

impl Part<'_> {
    /// The name of a stream of random numbers: each part draws its own.
    fn named(&self, draw: &str) -> String {
        if self.number == 0 { draw.into() } else { format!("{draw}/{}", self.number) }
    }

    /// The part's rows of a whole minibatch.
    fn of(&self, whole: Var) -> Var {
        self.rows_of(whole, self.rows)
    }

    /// The part's share of something that has so many rows for each.
    fn rows_of(&self, whole: Var, rows: usize) -> Var {
        self.g.slice_axis(whole, 0, self.number * rows, (self.number + 1) * rows)
    }
}

impl Stylegan2 {
    /// A phase of one update, of a loss that is the mean over parts; `compute` gives a part's, and what is told of it.
    fn phase(
        &self,
        name: &str,
        optimizer: OptimizerId,
        (when, ends, measured): Turn,
        compute: impl Fn(&Part) -> (Var, Vec<(String, Var)>),
    ) -> Phase {
        let g = Graph::new();
        let [of_g, of_d] = [GENERATOR, DISCRIMINATOR].map(|id| Tracer::new(&g, self.networks.get(id)));
        let p = self.augmenter.strength(&of_d.pass(&training(0, "d", &[0])));
        let parts = self.config.train.accumulate;
        let rows = self.config.train.batch / parts;
        let scaled = self.config.train.precision == Precision::Fp16;
        let (mut losses, mut told, mut stages) = (vec![], vec![], vec![]);
        let mut so_far: Option<Update> = None;
        for number in 0..parts {
            let part = Part { g: &g, of_g: &of_g, of_d: &of_d, number, rows, p };
            let (loss, outputs) = compute(&part);
            let loss = g.scale(loss, 1.0 / parts as f64);
            // Derivatives follow at once, in a stage of the part's own: its memory is free before the next one begins.
            let own = update(&g, loss, &self.networks, optimizer, 0, scaled);
            let sum = match so_far {
                Some(before) => gathered(&g, before, own),
                None => own,
            };
            stages.push(Stage { sums: sum.gradients.iter().map(|(v, _)| *v).collect(), ..Stage::default() });
            so_far = Some(sum);
            losses.push(loss);
            told.push(outputs);
        }
        let sum = |terms: Vec<Var>| terms.into_iter().reduce(|a, b| g.add(a, b)).expect("a part at least");
        let mean = |i: usize| g.scale(sum(told.iter().map(|of| of[i].1).collect()), 1.0 / parts as f64);
        let last = stages.last_mut().expect("a part at least");
        last.outputs = (0..told[0].len()).map(|i| (told[0][i].0.clone(), mean(i))).collect();
        last.sums = vec![];
        last.updates = so_far.into_iter().collect();
        let losses = vec![(optimizer, sum(losses))];
        last.stores = [&of_g, &of_d].into_iter().flat_map(Tracer::stores).collect();
        drop((of_g, of_d));
        Phase { name: name.into(), when, times: Times::once(), ends, measured, graph: g, stages, losses }
    }

    fn minibatch(&self, g: &Graph, column: Column, width: usize) -> Var {
        g.input(Input::Minibatch { set: 0, order: 0, column }, &[self.config.train.batch, width])
    }

    fn examples(&self, g: &Graph) -> Var {
        self.minibatch(g, Column::Examples, self.shape.len())
    }

    fn real(&self, part: &Part) -> Var {
        part.of(augmented(part.g, "", self.examples(part.g), self.shape, &self.config.data))
    }

    fn labels(&self, part: &Part) -> Option<Var> {
        (self.classes > 0).then(|| part.of(self.minibatch(part.g, Column::Labels, self.classes)))
    }

    /// D's logits of joined minibatches, which it sees augmented where that is configured.
    fn said(&self, part: &Part, draw: &str, minibatches: &[usize], x: Var, labels: Option<Var>) -> Var {
        let draw = part.named(draw);
        let seen = self.augmenter.seen(part.g, &draw, x, part.p);
        let labels = repeated(part.g, labels, minibatches.len());
        self.judge(&part.of_d.pass(&training(0, &draw, minibatches)), seen, labels).output
    }

    /// G's update on its objective.
    pub(super) fn generator_phase(&self) -> Phase {
        let turn = (When::Always, Ends::Nothing, Measured::Part);
        self.phase("G", OptimizerId(0), turn, |part| {
            let (g, labels) = (part.g, self.labels(part));
            let draw = part.named("g");
            let pass = training(0, &draw, &[0]);
            let (_, made) = self.generate(part, &part.of_g.pass(&pass), "g", part.rows, labels);
            let (r, f) = g.scoped("G step", || match self.config.loss.relativistic {
                true => {
                    let joined = g.concat(&[self.real(part), made], 0);
                    let (r, f) = halves(g, self.said(part, "g", &[0, 1], joined, labels));
                    (Some(r), f)
                }
                false => (None, self.said(part, "g", &[0], made, labels)),
            });
            let loss = g.mean(objective::generator(g, &self.config.loss, r, f));
            (loss, vec![(G_LOSS.into(), loss)])
        })
    }

    /// G's update by path lengths: with y of variance 1 over the pixels, ‖∂(G(w)·y)/∂w‖ should be what it is on average
    /// (1912.04958, equation 4). The mean, a state, moves first and has no derivative.
    pub(super) fn path_phase(&self, when: When) -> Phase {
        let turn = (when, Ends::Nothing, Measured::Statistics);
        self.phase("G path lengths", OptimizerId(0), turn, |part| {
            let (g, loss) = (part.g, &self.config.loss);
            let rows = (part.rows / MEASURED).max(1);
            let labels = self.labels(part).map(|labels| g.slice_axis(labels, 0, 0, rows));
            let draw = part.named("path");
            let pass = training(0, &draw, &[0]);
            let s = part.of_g.pass(&pass);
            let (styles, made) = self.generate(part, &s, "path", rows, labels);
            let pixels = (self.shape.height * self.shape.width) as f64;
            let whole = [rows * self.config.train.accumulate, self.shape.len()];
            let y = part.rows_of(g.rand("path/direction", Dist::Normal, &whole), rows);
            let along = g.sum_all(g.scale(g.mul(made, y), 1.0 / pixels.sqrt()));
            let slope = grad(g, along, &[styles], None)[0];
            assert!(g.as_constant(slope).is_none(), "G reads what paths are measured by");
            // [rows, layers, dim]: the mean over layers of squared lengths.
            let squares = g.sum(g.square(slope), &[1, 2]);
            let length = g.sqrt(g.shift(g.scale(squares, 1.0 / self.layers() as f64), 1e-12));
            let length = g.reshape(length, &[rows]);
            let met = g.detach(g.mean(length));
            let before = mean_length(&s);
            let mean = g.add(g.scale(before, 1.0 - MOMENTUM), g.scale(g.reshape(met, &[1]), MOMENTUM));
            s.under("path_length").store("mean", mean);
            let apart = g.mean(g.square(g.sub(length, g.broadcast(mean, &[rows]))));
            let penalty = g.scale(apart, f64::from(loss.path_length) * loss.path_length_every as f64);
            // Lines tell means over steps.
            let length = g.scale(met, loss.path_length_every as f64);
            (penalty, vec![(PATH_LENGTH.into(), length), (PATH_PENALTY.into(), penalty)])
        })
    }

    /// D's update on its objective.
    pub(super) fn discriminator_phase(&self, when: When, ends: Ends) -> Phase {
        self.phase("D", OptimizerId(1), (when, ends, Measured::Step), |part| {
            let (g, labels) = (part.g, self.labels(part));
            let draw = part.named("d");
            let pass = training(0, &draw, &[0]);
            let (_, made) = self.generate(part, &part.of_g.pass(&pass), "d", part.rows, labels);
            let joined = g.concat(&[self.real(part), g.detach(made)], 0);
            let said = g.scoped("D step", || self.said(part, "d", &[0, 1], joined, labels));
            let (r, f) = halves(g, said);
            let loss = g.mean(objective::discriminator(g, &self.config.loss, r, f));
            let mut outputs = vec![(D_LOSS.to_string(), loss)];
            outputs.extend(objective::readings(g, &self.config.loss, r, f));
            outputs.extend(self.augmenter.adapt(&part.of_d.pass(&pass), r));
            (loss, outputs)
        })
    }

    /// D's update by R1, γ/2·‖∇D‖² at real examples, and R2, at generated ones, as often as it is left out (1801.04406).
    pub(super) fn penalty_phase(&self, when: When) -> Phase {
        let turn = (when, Ends::Step, Measured::Statistics);
        self.phase("D penalties", OptimizerId(1), turn, |part| {
            let (g, labels) = (part.g, self.labels(part));
            let real = self.real(part);
            let mean_square = |slope: Var, gamma: f32| {
                assert!(g.as_constant(slope).is_none(), "D reads what it is penalised by");
                let factor = f64::from(gamma) / 2.0 / part.rows as f64;
                g.scale(g.sum_all(g.square(slope)), factor * self.config.loss.penalty_every as f64)
            };
            let of_real = |said: Var| {
                // By the examples as they come, through mirrors, crops and augmentation.
                mean_square(grad(g, g.sum_all(said), &[self.examples(g)], None)[0], self.gamma())
            };
            let r2 = self.config.loss.r2;
            let penalty = if r2 > 0.0 {
                let draw = part.named("r2");
                let pass = training(0, &draw, &[0]);
                let (_, made) = self.generate(part, &part.of_g.pass(&pass), "r2", part.rows, labels);
                let joined = g.concat(&[real, g.detach(made)], 0);
                let said = g.scoped("R1, R2", || self.said(part, "r1", &[0, 1], joined, labels));
                let (r, f) = halves(g, said);
                // What D says of an example depends on its minibatch alone, where it sees deviations: halves are apart.
                let slope = grad(g, g.sum_all(f), &[joined], None)[0];
                let r2 = mean_square(slope, r2);
                if self.gamma() > 0.0 { g.add(of_real(r), r2) } else { r2 }
            } else {
                of_real(g.scoped("R1", || self.said(part, "r1", &[0], real, labels)))
            };
            (penalty, vec![(PENALTY.into(), penalty)])
        })
    }

    /// G on the part's share of fresh noise: w of all layers, `[rows, layers, dim]`, and examples `[rows, numbers]`.
    ///
    /// With probability `style_mixing`, one draw for the minibatch, the layers from a random one on have w of other noise
    /// (1812.04948, section 3.1), which does not move w's average.
    fn generate(&self, part: &Part, s: &Scope, draw: &str, rows: usize, labels: Option<Var>) -> (Var, Var) {
        let g = s.g;
        let (layers, dim) = (self.layers(), self.config.latent.dim);
        let all = |w: Var| g.broadcast(g.reshape(w, &[rows, 1, dim]), &[rows, layers, dim]);
        // Parts share one draw of z, so that they are the minibatch that they were cut from.
        let z = |name: String| {
            part.rows_of(noise(g, &name, rows * self.config.train.accumulate, &self.config.latent), rows)
        };
        let mut styles = all(self.map(s, z(format!("z/{draw}")), labels, true));
        let mixing = f64::from(self.config.loss.style_mixing);
        // Where paths are measured, styles have to be a node of their own, by which can be differentiated.
        if mixing > 0.0 || self.config.loss.path_length > 0.0 {
            let u = g.rand(&part.named(&format!("mixing/{draw}")), Dist::Uniform, &[2]);
            let number = |i: usize| g.reshape(g.slice_axis(u, 0, i, i + 1), &[]);
            let mixes = g.gt(g.constant(mixing, &[]), number(0));
            // Layer l, from 1 on, is behind the first other one where u·(layers − 1) is below l.
            let place = g.scale(number(1), (layers - 1) as f64);
            let behind = |l: usize| g.reshape(g.mul(mixes, g.gt(g.constant(l as f64, &[]), place)), &[1]);
            let mut masks = vec![g.constant(0.0, &[1])];
            masks.extend((1..layers).map(behind));
            let mask = g.reshape(g.concat(&masks, 0), &[1, layers, 1]);
            let other = match mixing > 0.0 {
                true => all(self.map(s, z(format!("z/mixing/{draw}")), labels, false)),
                false => g.constant(0.0, &[rows, layers, dim]),
            };
            styles = g.select(g.broadcast(mask, &[rows, layers, dim]), other, styles);
        }
        let of_layer = |l: usize| g.reshape(g.slice_axis(styles, 1, l, l + 1), &[rows, dim]);
        let each: Vec<Var> = (0..layers).map(of_layer).collect();
        (styles, self.synthesise(s, &each, None))
    }
}
