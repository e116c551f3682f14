//! The phases of a StyleGAN2's step, in the order of its step: G's update, G's by path lengths, D's update, D's by R1. Each draws
//! noise of its own; all see one real minibatch.

use super::{DISCRIMINATOR, GENERATOR, Stylegan2, mean_length};
use crate::config::Distribution;
use crate::graph::grad::grad;
use crate::graph::{Column, Dist, Graph, Input, OptimizerId, Var};
use crate::lower::{Ends, Stage};
use crate::models::augment::augmented;
use crate::models::objective;
use crate::models::packing::{halves, repeated};
use crate::models::phase::{Measured, Phase, Times, When, training, update};
use crate::models::statistic::{D_LOSS, G_LOSS, PATH_LENGTH, PATH_PENALTY, PENALTY};
use crate::nn::{Scope, Tracer};
use crate::precision::Precision;

/// Share of a minibatch's mean length in the running one.
const MOMENTUM: f64 = 0.01;
/// One of so many examples of a minibatch has its path measured.
const MEASURED: usize = 2;

/// What a phase computes of its graph, for one update.
struct Computed {
    optimizer: OptimizerId,
    loss: Var,
    outputs: Vec<(String, Var)>,
}

impl Stylegan2 {
    /// A phase of one update; `compute` builds it with G's and D's tracers.
    fn phase(
        &self,
        name: &str,
        (when, ends, measured): (When, Ends, Measured),
        compute: impl FnOnce(&Graph, [&Tracer; 2]) -> Computed,
    ) -> Phase {
        let g = Graph::new();
        let [of_g, of_d] = [GENERATOR, DISCRIMINATOR].map(|id| Tracer::new(&g, self.networks.get(id)));
        let Computed { optimizer, loss, outputs } = compute(&g, [&of_g, &of_d]);
        let scaled = self.config.train.precision == Precision::Fp16;
        let updates = vec![update(&g, loss, &self.networks, optimizer, 0, scaled)];
        let stores = [&of_g, &of_d].into_iter().flat_map(Tracer::stores).collect();
        drop((of_g, of_d));
        Phase {
            name: name.into(),
            when,
            times: Times::once(),
            ends,
            measured,
            graph: g,
            stages: vec![Stage { outputs, updates, stores }],
            losses: vec![(optimizer, loss)],
        }
    }

    fn minibatch(&self, g: &Graph, column: Column, width: usize) -> Var {
        g.input(Input::Minibatch { set: 0, order: 0, column }, &[self.config.train.batch, width])
    }

    fn examples(&self, g: &Graph) -> Var {
        self.minibatch(g, Column::Examples, self.shape.len())
    }

    fn real(&self, g: &Graph) -> Var {
        augmented(g, "", self.examples(g), self.shape, &self.config.data)
    }

    fn labels(&self, g: &Graph) -> Option<Var> {
        (self.classes > 0).then(|| self.minibatch(g, Column::Labels, self.classes))
    }

    /// G's update on its objective.
    pub(super) fn generator_phase(&self) -> Phase {
        self.phase("G", (When::Always, Ends::Nothing, Measured::Part), |g, [of_g, of_d]| {
            let labels = self.labels(g);
            let (_, made) =
                self.generate(&of_g.pass(&training(0, "g", &[0])), self.config.train.batch, labels);
            let said =
                g.scoped("G step", || self.judge(&of_d.pass(&training(0, "g", &[0])), made, labels).output);
            let loss = g.mean(objective::generator(g, &self.config.loss, None, said));
            Computed { optimizer: OptimizerId(0), loss, outputs: vec![(G_LOSS.into(), loss)] }
        })
    }

    /// G's update by path lengths: with y of variance 1 over the pixels, ‖∂(G(w)·y)/∂w‖ should be what it is on average
    /// (1912.04958, equation 4). The mean, a state, moves first and has no derivative.
    pub(super) fn path_phase(&self, when: When) -> Phase {
        self.phase("G path lengths", (when, Ends::Nothing, Measured::Statistics), |g, [of_g, _]| {
            let loss = &self.config.loss;
            let rows = (self.config.train.batch / MEASURED).max(1);
            let labels = self.labels(g).map(|labels| g.slice_axis(labels, 0, 0, rows));
            let pass = training(0, "path", &[0]);
            let s = of_g.pass(&pass);
            let (styles, made) = self.generate(&s, rows, labels);
            let pixels = (self.shape.height * self.shape.width) as f64;
            let y = g.rand("path/direction", Dist::Normal, &[rows, self.shape.len()]);
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
            let outputs = vec![(PATH_LENGTH.into(), length), (PATH_PENALTY.into(), penalty)];
            Computed { optimizer: OptimizerId(0), loss: penalty, outputs }
        })
    }

    /// D's update on its objective.
    pub(super) fn discriminator_phase(&self, when: When, ends: Ends) -> Phase {
        self.phase("D", (when, ends, Measured::Step), |g, [of_g, of_d]| {
            let (real, labels) = (self.real(g), self.labels(g));
            let (_, made) =
                self.generate(&of_g.pass(&training(0, "d", &[0])), self.config.train.batch, labels);
            let said = g.scoped("D step", || {
                let joined = g.concat(&[real, g.detach(made)], 0);
                self.judge(&of_d.pass(&training(0, "d", &[0, 1])), joined, repeated(g, labels, 2)).output
            });
            let (r, f) = halves(g, said);
            let loss = g.mean(objective::discriminator(g, &self.config.loss, r, f));
            let mut outputs = vec![(D_LOSS.to_string(), loss)];
            outputs.extend(objective::readings(g, &self.config.loss, r, f));
            Computed { optimizer: OptimizerId(1), loss, outputs }
        })
    }

    /// D's update by R1: γ/2·‖∇D‖² at real examples, as often as it is left out (1801.04406).
    pub(super) fn penalty_phase(&self, when: When) -> Phase {
        self.phase("D R1", (when, Ends::Step, Measured::Statistics), |g, [_, of_d]| {
            // By the examples as they come, through mirrors and crops.
            let (examples, real, labels) = (self.examples(g), self.real(g), self.labels(g));
            let said =
                g.scoped("R1", || self.judge(&of_d.pass(&training(0, "r1", &[0])), real, labels).output);
            let slope = grad(g, g.sum_all(said), &[examples], None)[0];
            assert!(g.as_constant(slope).is_none(), "D reads what it is penalised by");
            let rows = self.config.train.batch as f64;
            let factor = f64::from(self.gamma()) / 2.0 / rows * self.config.loss.penalty_every as f64;
            let penalty = g.scale(g.sum_all(g.square(slope)), factor);
            Computed { optimizer: OptimizerId(1), loss: penalty, outputs: vec![(PENALTY.into(), penalty)] }
        })
    }

    /// G on fresh noise: w of all layers, `[rows, layers, dim]`, and examples `[rows, numbers]`.
    ///
    /// With probability `style_mixing`, one draw for the minibatch, the layers from a random one on have w of other noise
    /// (1812.04948, section 3.1), which does not move w's average.
    fn generate(&self, s: &Scope, rows: usize, labels: Option<Var>) -> (Var, Var) {
        let g = s.g;
        let (layers, dim) = (self.layers(), self.config.latent.dim);
        let all = |w: Var| g.broadcast(g.reshape(w, &[rows, 1, dim]), &[rows, layers, dim]);
        let draw = s.pass.draw;
        let mut styles = all(self.map(s, self.noise(g, &format!("z/{draw}"), rows), labels, true));
        let mixing = f64::from(self.config.loss.style_mixing);
        // Where paths are measured, styles have to be a node of their own, by which can be differentiated.
        if mixing > 0.0 || self.config.loss.path_length > 0.0 {
            let u = g.rand(&format!("mixing/{draw}"), Dist::Uniform, &[2]);
            let number = |i: usize| g.reshape(g.slice_axis(u, 0, i, i + 1), &[]);
            let mixes = g.gt(g.constant(mixing, &[]), number(0));
            // Layer l, from 1 on, is behind the first other one where u·(layers − 1) is below l.
            let place = g.scale(number(1), (layers - 1) as f64);
            let behind = |l: usize| g.reshape(g.mul(mixes, g.gt(g.constant(l as f64, &[]), place)), &[1]);
            let mut masks = vec![g.constant(0.0, &[1])];
            masks.extend((1..layers).map(behind));
            let mask = g.reshape(g.concat(&masks, 0), &[1, layers, 1]);
            let other = match mixing > 0.0 {
                true => all(self.map(s, self.noise(g, &format!("z/mixing/{draw}"), rows), labels, false)),
                false => g.constant(0.0, &[rows, layers, dim]),
            };
            styles = g.select(g.broadcast(mask, &[rows, layers, dim]), other, styles);
        }
        let of_layer = |l: usize| g.reshape(g.slice_axis(styles, 1, l, l + 1), &[rows, dim]);
        let each: Vec<Var> = (0..layers).map(of_layer).collect();
        (styles, self.synthesise(s, &each, None))
    }

    /// Noise, `[rows, dim]`.
    fn noise(&self, g: &Graph, name: &str, rows: usize) -> Var {
        let shape = [rows, self.config.latent.dim];
        match self.config.latent.distribution {
            Distribution::Normal => g.rand(name, Dist::Normal, &shape),
            Distribution::Uniform => {
                let u = g.rand(name, Dist::Uniform, &shape);
                g.shift(g.scale(u, 2.0 * 3f64.sqrt()), -(3f64.sqrt()))
            }
        }
    }
}
