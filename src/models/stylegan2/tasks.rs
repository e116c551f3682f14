//! What a StyleGAN2 does beside training: noise to w, w to pictures, both at once; how w has to move to come near a picture; D's
//! scores.

use super::{DISCRIMINATOR, GENERATOR, Stylegan2};
use crate::architectures;
use crate::graph::Var;
use crate::graph::grad::grad;
use crate::models::task::{PortKind, Task, TaskKind};
use crate::nn::resample::mean_pool;
use crate::nn::{Pass, Scope, Statistics, Tracer};

/// Samples at once, of pictures up to [`SIDE`] pixels; of larger ones so many times fewer as they are larger.
const SAMPLED: usize = 100;
const SIDE: usize = 64;
/// Examples scored at once.
const SCORED: usize = 100;
/// Halvings at which a picture is compared with another.
const COMPARED: usize = 3;

/// Divisors of [`SAMPLED`], so that runs of rows begin where hundreds do.
const ROWS: [usize; 9] = [100, 50, 25, 20, 10, 5, 4, 2, 1];

fn pass(draw: &str) -> Pass<'_> {
    Pass { version: 0, draw, dropout: false, statistics: Statistics::Stored }
}

impl Stylegan2 {
    /// Rows of a task that makes pictures.
    fn rows(&self, most: usize) -> usize {
        let side = self.shape.height.max(SIDE);
        let fitting = most * SIDE * SIDE / (side * side);
        ROWS.into_iter().find(|&rows| rows <= fitting).unwrap_or(1)
    }

    pub(super) fn tasks(&self) -> Vec<Task> {
        vec![
            self.sampling_at(self.rows(SAMPLED)),
            self.scoring(),
            self.mapping(),
            self.synthesising(),
            self.approaching(),
        ]
    }

    /// Noise to pictures, with w drawn towards its average layer by layer: w̄ + ψ·(w − w̄) (1812.04948, appendix B).
    pub(super) fn sampling_at(&self, rows: usize) -> Task {
        let mut task = Task::new(TaskKind::Sample, rows, true);
        let (z, labels) = self.noise_of(&mut task);
        let layers = self.layers();
        let truncation = task.input("truncation", PortKind::Truncation, layers).expect("layers");
        let noise = task.input("noise", PortKind::Noise, self.noises());
        let tracer = Tracer::new(&task.graph, self.networks.get(GENERATOR));
        let pass = pass("sample");
        let s = tracer.pass(&pass);
        let (g, dim) = (s.g, self.config.latent.dim);
        let w = self.map(&s, z, labels, false);
        let average = architectures::styled(&s, &self.config.generator, |net| net.average(&s, dim));
        let apart = g.sub(w, average);
        let drawn = |l: usize| g.add(average, g.mul(apart, g.slice_axis(truncation, 1, l, l + 1)));
        let styles: Vec<Var> = (0..layers).map(drawn).collect();
        let made = self.synthesise(&s, &styles, noise);
        drop(s);
        drop(tracer);
        task.output("samples", PortKind::Examples, made);
        task
    }

    fn mapping(&self) -> Task {
        let mut task = Task::new(TaskKind::Map, SAMPLED, true);
        let (z, labels) = self.noise_of(&mut task);
        let tracer = Tracer::new(&task.graph, self.networks.get(GENERATOR));
        let w = self.map(&tracer.pass(&pass("map")), z, labels, false);
        drop(tracer);
        task.output("w", PortKind::Style, w);
        task
    }

    /// w of all layers to pictures, each drawn towards the average as in [`Stylegan2::sampling_at`].
    fn synthesising(&self) -> Task {
        let mut task = Task::new(TaskKind::Synthesise, self.rows(SAMPLED), true);
        let (styles, noise) = self.styles_of(&mut task);
        let (layers, dim) = (self.layers(), self.config.latent.dim);
        let truncation = task.input("truncation", PortKind::Truncation, layers).expect("layers");
        let tracer = Tracer::new(&task.graph, self.networks.get(GENERATOR));
        let pass = pass("synthesise");
        let s = tracer.pass(&pass);
        let g = s.g;
        let average = architectures::styled(&s, &self.config.generator, |net| net.average(&s, dim));
        let drawn = |l: usize| {
            let apart = g.sub(self.of_layer(&s, styles, l), average);
            g.add(average, g.mul(apart, g.slice_axis(truncation, 1, l, l + 1)))
        };
        let made = self.synthesise(&s, &(0..layers).map(drawn).collect::<Vec<Var>>(), noise);
        drop(s);
        drop(tracer);
        task.output("samples", PortKind::Examples, made);
        task
    }

    /// Pictures of w beside pictures that they should be: the mean squared difference, as they are and halved a few times, and its
    /// derivative by w.
    fn approaching(&self) -> Task {
        let mut task = Task::new(TaskKind::Approach, self.rows(SAMPLED / 4), true);
        let (styles, noise) = self.styles_of(&mut task);
        let target = task.input("target", PortKind::Examples, self.shape.len()).expect("numbers");
        let tracer = Tracer::new(&task.graph, self.networks.get(GENERATOR));
        let pass = pass("approach");
        let s = tracer.pass(&pass);
        let g = s.g;
        let made = self.synthesised(&s, styles, noise);
        let distance = self.distance(&s, made, target);
        let slope = grad(g, g.sum_all(distance), &[styles], None)[0];
        drop(s);
        drop(tracer);
        task.output("samples", PortKind::Examples, made);
        task.output("distance", PortKind::Distance, distance);
        task.output("slope", PortKind::Style, slope);
        task
    }

    /// Mean over sizes of the mean squared difference of two pictures, `[rows, 1]`.
    fn distance(&self, s: &Scope, a: Var, b: Var) -> Var {
        let (g, shape) = (s.g, self.shape);
        let rows = g.shape(a)[0];
        let mut apart = g.reshape(g.sub(a, b), &[rows, shape.height, shape.width, shape.channels]);
        let mut terms = vec![];
        for halving in 0..=COMPARED {
            if halving > 0 {
                apart = mean_pool(g, apart, 2);
            }
            let numbers: usize = g.shape(apart)[1..].iter().product();
            terms.push(g.scale(g.sum(g.square(apart), &[1, 2, 3]), 1.0 / numbers as f64));
        }
        let count = terms.len() as f64;
        let sum = terms.into_iter().reduce(|a, b| g.add(a, b)).expect("a size");
        g.reshape(g.scale(sum, 1.0 / count), &[rows, 1])
    }

    fn scoring(&self) -> Task {
        let mut task = Task::new(TaskKind::Score, self.rows(SCORED), false);
        let x = task.input("scored", PortKind::Examples, self.shape.len()).expect("examples have numbers");
        let labels = task.input("condition", PortKind::Labels, self.classes);
        let tracer = Tracer::new(&task.graph, self.networks.get(DISCRIMINATOR));
        let scored = self.judge(&tracer.pass(&pass("score")), x, labels);
        drop(tracer);
        task.output("logits", PortKind::Logits, scored.output);
        if let Some(features) = scored.features {
            task.output("features", PortKind::Features, features);
        }
        task
    }

    /// G's pictures of w of all layers, `[rows, layers·dim]`.
    fn synthesised(&self, s: &Scope, styles: Var, noise: Option<Var>) -> Var {
        let each: Vec<Var> = (0..self.layers()).map(|l| self.of_layer(s, styles, l)).collect();
        self.synthesise(s, &each, noise)
    }

    /// w of one layer, of those of all, `[rows, layers·dim]`.
    fn of_layer(&self, s: &Scope, styles: Var, layer: usize) -> Var {
        let dim = self.config.latent.dim;
        s.g.slice_axis(styles, 1, layer * dim, (layer + 1) * dim)
    }

    /// w of all layers and noise, from the host.
    fn styles_of(&self, task: &mut Task) -> (Var, Option<Var>) {
        let width = self.layers() * self.config.latent.dim;
        let styles = task.input("styles", PortKind::Style, width).expect("w has numbers");
        (styles, task.input("noise", PortKind::Noise, self.noises()))
    }

    /// Noise and labels, from the host.
    fn noise_of(&self, task: &mut Task) -> (Var, Option<Var>) {
        let z = task.input("latent", PortKind::Latent, self.config.latent.dim).expect("noise has numbers");
        (z, task.input("condition", PortKind::Labels, self.classes))
    }
}
