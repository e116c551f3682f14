//! Made-up games of one and of three networks: what training, checkpoints and inference know of a model is the `Game` alone.

use gansaku::architectures::layers::Layers;
use gansaku::config::{Activation, Config, ConfigBuilder, Ema, Init, Kind, Layer, Norm, Role};
use gansaku::data::{Dataset, Examples, Shape, Values};
use gansaku::graph::{Dist, Graph, Input, NetworkId, OptimizerId, Var};
use gansaku::lower::{Ends, Stage};
use gansaku::models::phase::update;
use gansaku::models::statistic::{Statistic, of_updates};
use gansaku::models::{Game, Measured, Optimizing, Phase, PortKind, Task, TaskKind, Times, When};
use gansaku::nn::{Networks, Pass, Statistics, Tracer};
use gansaku::precision::Precision;
use std::sync::Arc;

/// Numbers an example.
const NUMBERS: usize = 3;

/// A configuration that carries what a training needs beside its game: batch, length, seed.
pub fn carrier(precision: Precision) -> Config {
    let mut config = ConfigBuilder::recipe("ring").and_then(ConfigBuilder::finish).expect("a recipe");
    config.train.batch = 6;
    config.train.steps = 100;
    config.train.precision = precision;
    config.seed = 3;
    config
}

/// Forty made-up examples.
pub fn data() -> Arc<Dataset> {
    let values = (0..40 * NUMBERS).map(|i| ((i * i) as f32 * 0.37).sin()).collect();
    let train = Examples { count: 40, values: Values::F32(values), labels: None };
    Arc::new(Dataset::of("made up", Shape { channels: NUMBERS, height: 1, width: 1 }, 0, train))
}

fn layer(units: usize, norm: Option<Norm>, spectral_norm: bool) -> Layer {
    Layer {
        kind: Kind::Linear,
        units: Some(units),
        channels: None,
        kernel: None,
        stride: None,
        pad: None,
        bias_per: None,
        reshape: None,
        activation: Activation::LeakyRelu,
        pieces: 1,
        slope: 0.2,
        keep: 1.0,
        init: Init::FanIn(1.0),
        bias: None,
        norm,
        spectral_norm,
        max_col_norm: 0.0,
    }
}

/// Layers whose widths are all said, on plain numbers.
fn plain(layers: &[Layer]) -> Layers<'_> {
    Layers { layers, output: 1, reads: None, makes: None }
}

fn training(order: &[usize], version: u8) -> Pass<'_> {
    Pass { version, draw: "t", dropout: true, statistics: Statistics::Minibatches(order) }
}

/// One network that learns to give examples back.
pub struct Autoencoder {
    networks: Networks,
    layers: Vec<Layer>,
    config: Config,
}

impl Autoencoder {
    /// With a batch norm between its two layers.
    pub fn new(config: &Config) -> Autoencoder {
        let mut last = layer(NUMBERS, None, false);
        last.activation = Activation::Linear;
        let layers = vec![layer(5, Some(Norm::Batch), false), last];
        let mut networks = Networks::default();
        networks.declare(Role::Generator, None, |s| {
            let layers = plain(&layers);
            layers.forward(s, s.g.host_input("x", &[1, NUMBERS]));
            layers.outline(NUMBERS)
        });
        Autoencoder { networks, layers, config: config.clone() }
    }
}

impl Game for Autoencoder {
    fn networks(&self) -> &Networks {
        &self.networks
    }

    fn optimizers(&self) -> Vec<Optimizing> {
        vec![Optimizing {
            rule: self.config.optimizer.generator,
            clip: 0.0,
            ema: Ema { decay: 0.9, ..self.config.ema },
        }]
    }

    fn precision(&self) -> Precision {
        self.config.train.precision
    }

    fn phases(&self) -> Vec<Phase> {
        let g = Graph::new();
        let x = g.input(Input::EXAMPLES, &[self.config.train.batch, NUMBERS]);
        let tracer = Tracer::new(&g, &self.networks.all()[0]);
        let back = plain(&self.layers).forward(&tracer.pass(&training(&[0], 0)), x).output;
        let loss = g.mean(g.square(g.sub(back, x)));
        let scaled = self.precision() == Precision::Fp16;
        let optimizer = OptimizerId(0);
        let updates = vec![update(&g, loss, &self.networks, optimizer, 0, scaled)];
        let stage = Stage {
            outputs: vec![("loss".into(), loss)],
            updates,
            stores: tracer.stores(),
            ..Stage::default()
        };
        drop(tracer);
        vec![Phase {
            name: "A".into(),
            when: When::Always,
            times: Times::once(),
            ends: Ends::Step,
            measured: Measured::Step,
            graph: g,
            stages: vec![stage],
            losses: vec![(optimizer, loss)],
        }]
    }

    fn statistics(&self) -> Vec<Statistic> {
        let scaled = self.precision() == Precision::Fp16;
        [vec![Statistic::mean("loss", "loss", "loss")], of_updates(&["G"], scaled)].concat()
    }

    fn tasks(&self) -> Vec<Task> {
        let mut task = Task::new(TaskKind::Score, 4, true);
        let x = task.input("x", PortKind::Examples, NUMBERS).expect("numbers");
        let tracer = Tracer::new(&task.graph, &self.networks.all()[0]);
        let pass = Pass { version: 0, draw: "t", dropout: false, statistics: Statistics::Stored };
        let back = plain(&self.layers).forward(&tracer.pass(&pass), x).output;
        drop(tracer);
        task.output("back", PortKind::Logits, back);
        vec![task]
    }
}

/// Two generators under one optimizer, whose sum a discriminator tells from examples.
pub struct Trio {
    networks: Networks,
    tables: [Vec<Layer>; 2],
    config: Config,
}

/// Numbers of noise.
const LATENT: usize = 2;

impl Trio {
    /// With batch norm in the generators and spectral norm in the discriminator.
    pub fn new(config: &Config) -> Trio {
        let mut last = layer(NUMBERS, None, false);
        last.activation = Activation::Tanh;
        let generator = vec![layer(4, Some(Norm::Batch), false), last];
        let mut logit = layer(1, None, true);
        logit.activation = Activation::Linear;
        let discriminator = vec![layer(5, Some(Norm::Layer), true), logit];
        let mut networks = Networks::default();
        for (role, instance, table, input) in [
            (Role::Generator, Some("a"), &generator, LATENT),
            (Role::Generator, Some("b"), &generator, LATENT),
            (Role::Discriminator, None, &discriminator, NUMBERS),
        ] {
            networks.declare(role, instance, |s| {
                plain(table).forward(s, s.g.host_input("x", &[1, input]));
                plain(table).outline(input)
            });
        }
        Trio { networks, tables: [generator, discriminator], config: config.clone() }
    }

    fn forward(&self, tracer: &Tracer, x: Var, table: usize, pass: &Pass) -> Var {
        plain(&self.tables[table]).forward(&tracer.pass(pass), x).output
    }
}

impl Game for Trio {
    fn networks(&self) -> &Networks {
        &self.networks
    }

    fn optimizers(&self) -> Vec<Optimizing> {
        let none = Ema { decay: 0.0, ..self.config.ema };
        let of = |rule, ema| Optimizing { rule, clip: 0.0, ema };
        let average = Ema { decay: 0.9, ..none };
        vec![of(self.config.optimizer.generator, average), of(self.config.optimizer.discriminator, none)]
    }

    fn precision(&self) -> Precision {
        self.config.train.precision
    }

    fn phases(&self) -> Vec<Phase> {
        let g = Graph::new();
        let batch = self.config.train.batch;
        let real = g.input(Input::EXAMPLES, &[batch, NUMBERS]);
        let [a, b, d] = [0, 1, 2].map(|i| Tracer::new(&g, self.networks.get(NetworkId(i))));
        let made = |tracer: &Tracer, name: &str| {
            let z = g.rand(name, Dist::Normal, &[batch, LATENT]);
            self.forward(tracer, z, 0, &training(&[0], 0))
        };
        let fake = g.add(made(&a, "z/a"), made(&b, "z/b"));
        let both = g.concat(&[real, fake], 0);
        let logits = self.forward(&d, both, 1, &training(&[0, 1], 0));
        let [r, f] = [0, 1].map(|i| g.slice_axis(logits, 0, i * batch, (i + 1) * batch));
        let loss_d = g.mean(g.add(g.softplus(g.neg(r)), g.softplus(f)));
        let again = self.forward(&d, fake, 1, &training(&[0], 1));
        let loss_g = g.mean(g.softplus(g.neg(again)));
        let scaled = self.precision() == Precision::Fp16;
        let [of_g, of_d] = [OptimizerId(0), OptimizerId(1)];
        let updated = |loss, optimizer| vec![update(&g, loss, &self.networks, optimizer, 0, scaled)];
        let [first, second] = [("d_loss", loss_d, of_d), ("g_loss", loss_g, of_g)].map(|(name, loss, of)| {
            Stage { outputs: vec![(name.into(), loss)], updates: updated(loss, of), ..Stage::default() }
        });
        let stores = [&a, &b, &d].into_iter().flat_map(Tracer::stores).collect();
        drop([a, b, d]);
        vec![Phase {
            name: "D+G".into(),
            when: When::Always,
            times: Times::once(),
            ends: Ends::Step,
            measured: Measured::Step,
            graph: g,
            stages: vec![first, Stage { stores, ..second }],
            losses: vec![(of_d, loss_d), (of_g, loss_g)],
        }]
    }

    fn statistics(&self) -> Vec<Statistic> {
        let losses = ["d_loss", "g_loss"].map(|name| Statistic::mean(name, name, name));
        [losses.to_vec(), of_updates(&["D", "G"], self.precision() == Precision::Fp16)].concat()
    }

    fn tasks(&self) -> Vec<Task> {
        let mut task = Task::new(TaskKind::Sample, 4, true);
        let z = task.input("z", PortKind::Latent, LATENT).expect("numbers");
        let pass = Pass { version: 0, draw: "t", dropout: false, statistics: Statistics::Stored };
        let tracers = [0, 1].map(|i| Tracer::new(&task.graph, self.networks.get(NetworkId(i))));
        let [a, b] = tracers.each_ref().map(|tracer| self.forward(tracer, z, 0, &pass));
        drop(tracers);
        let sum = task.graph.add(a, b);
        task.output("samples", PortKind::Examples, sum);
        vec![task]
    }
}
