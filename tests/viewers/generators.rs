//! Generators to be exported: of every layer kind, norm and architecture, and random ones.

use crate::common::program;
use crate::exports::{DRAWS, ROWS, saved, write};
use gansaku::config::{Activation, Config, ConfigBuilder, Distribution, Layer, Norm, Scale};
use gansaku::data::Shape;
use gansaku::exec::{self, Device};
use gansaku::inference::LoadedRun;
use gansaku::models;
use gansaku::rng::{PhiloxRng, stream};
use rand::RngExt;
use serde_json::json;
use std::path::Path;

/// A generator to be exported.
pub struct Case {
    pub config: Config,
    shape: Shape,
    classes: usize,
}

fn picture(channels: usize) -> Shape {
    Shape { channels, height: 3, width: 4 }
}

fn layer(units: Option<usize>, activation: Activation) -> Layer {
    let config = ConfigBuilder::recipe("digits").and_then(ConfigBuilder::finish).expect("a recipe");
    let pieces = if activation == Activation::Maxout { 3 } else { 1 };
    let plain = config.generator.layers[0].clone();
    Layer { units, activation, pieces, norm: None, spectral_norm: false, bias: None, keep: 1.0, ..plain }
}

impl Case {
    fn new(shape: Shape, classes: usize, layers: Vec<Layer>) -> Case {
        let recipe = if shape.is_point() { "ring" } else { "digits" };
        let mut config = ConfigBuilder::recipe(recipe).and_then(ConfigBuilder::finish).expect("a recipe");
        config.generator.layers = layers;
        config.conditional = classes > 0;
        config.latent.dim = 5;
        Case { config, shape, classes }
    }

    /// Every activation with every norm, in front of a last layer with a norm: of grey and colour pictures.
    pub fn of_all_kinds() -> Vec<Case> {
        use Activation::{LeakyRelu, Linear, Maxout, Relu, Sigmoid, Tanh};
        let norms = [None, Some(Norm::Batch), Some(Norm::Layer)];
        let case = |(i, norm): (usize, Option<Norm>)| {
            let all = [Linear, Relu, LeakyRelu, Tanh, Sigmoid, Maxout];
            let mut layers: Vec<Layer> = all.map(|a| Layer { norm, slope: 0.3, ..layer(Some(9), a) }).into();
            layers[1].spectral_norm = true;
            layers[5].spectral_norm = true;
            let last = [Sigmoid, Tanh, Maxout][i];
            layers.push(Layer { norm, spectral_norm: i != 1, ..layer(None, last) });
            let mut case = Case::new(picture([1, 3, 3][i]), [0, 4, 0][i], layers);
            case.config.data.scale = [Scale::Unit, Scale::Signed, Scale::Gcn][i];
            case
        };
        norms.into_iter().enumerate().map(case).collect()
    }

    /// A random generator without dropout.
    pub fn random(number: u64) -> Case {
        let mut rng = PhiloxRng::new(number, stream("exports"), 0);
        let mut pick = |n: usize| rng.random_range(0..n);
        let activations = [
            Activation::Linear,
            Activation::Relu,
            Activation::LeakyRelu,
            Activation::Tanh,
            Activation::Sigmoid,
            Activation::Maxout,
        ];
        let depth = 1 + pick(4);
        let mut layers = vec![];
        for i in 0..depth {
            let units = (i + 1 < depth).then(|| 1 + pick(12));
            let mut layer = layer(units, activations[pick(6)]);
            layer.norm = [None, Some(Norm::Batch), Some(Norm::Layer)][pick(3)];
            layer.spectral_norm = pick(3) == 0;
            layer.slope = [0.0, 0.01, 0.2][pick(3)];
            layers.push(layer);
        }
        let shape = [picture(1), picture(3), picture(4), 2.into(), 7.into()][pick(5)];
        // Layer norm divides few units, where they are nearly equal, by little but their rounding.
        for layer in &mut layers {
            let few = layer.pieces * layer.units.unwrap_or(shape.len()) < 4;
            layer.norm = layer.norm.filter(|&norm| norm != Norm::Layer || !few);
        }
        let mut case = Case::new(shape, [0, 1, 2, 11][pick(4)], layers);
        if !shape.is_point() {
            case.config.data.scale = [Scale::Unit, Scale::Signed, Scale::Gcn][pick(3)];
        }
        case.config.latent.dim = 1 + pick(9);
        case.config.latent.distribution = [Distribution::Normal, Distribution::Uniform][pick(2)];
        case.config.ema.decay = [0.0, 0.9][pick(2)];
        case
    }

    /// Dropout in front of two layers.
    pub fn dropping() -> Case {
        let first = layer(Some(30), Activation::Relu);
        let last = Layer { keep: 0.5, ..layer(None, Activation::Sigmoid) };
        Case::new(picture(1), 3, vec![Layer { keep: 0.8, ..first }, last])
    }

    /// Convolutions: even kernels and odd ones on sides that halve unevenly, both ways to double a side, every norm, labels at
    /// both places.
    pub fn convolving() -> Vec<Case> {
        let case = |shape: [usize; 3], classes, scale, keys: &str| {
            let mut config = ConfigBuilder::recipe("dcgan").expect("a recipe");
            config.set(&format!("conditional={}", classes > 0)).expect("a known key");
            config.set(&format!("generator={{architecture='dcgan', width=4, {keys}}}")).expect("known keys");
            let small = ["latent.dim=5", "discriminator={architecture='dcgan', width=2, kernel=5, stages=1}"];
            small.iter().for_each(|set| config.set(set).expect("known keys"));
            let mut config = config.finish().expect("in range");
            config.data.scale = scale;
            let case = Case { config, shape: shape.into(), classes };
            models::check(&case.config, case.shape).expect("sizes fit");
            case
        };
        vec![
            Case::plain_dcgan(),
            case([1, 13, 10], 3, Scale::Gcn, "kernel=5, stages=2, norm='layer', condition='everywhere'"),
            case([3, 8, 12], 0, Scale::Unit, "kernel=6, spectral_norm=true, bias=false, output='sigmoid'"),
            case(
                [1, 11, 6],
                2,
                Scale::Signed,
                "kernel=3, stages=3, spectral_norm=true, norm='batch', bias=true, init={fan-in=2}",
            ),
            case(
                [3, 9, 14],
                2,
                Scale::Unit,
                "kernel=5, upsample='nearest', norm='batch', condition='everywhere'",
            ),
            case([1, 8, 8], 0, Scale::Signed, "upsample='nearest', spectral_norm=true, output='linear'"),
            case([1, 8, 8], 3, Scale::Signed, "norm='batch', condition='norm', init={fan-in=1}"),
        ]
    }

    /// Residual networks.
    pub fn residual() -> Vec<Case> {
        let case = |shape: [usize; 3], classes, scale, architecture: &str, keys: &str| {
            let mut config = ConfigBuilder::recipe("dcgan").expect("a recipe");
            let conditional = format!("conditional={}", classes > 0);
            let generator = format!("generator={{architecture='{architecture}', width=3, {keys}}}");
            let small = ["latent.dim=5", "discriminator={architecture='dcgan', width=2, kernel=5, stages=1}"];
            let sets = small.into_iter().chain([&conditional[..], &generator]);
            sets.for_each(|set| config.set(set).expect("known keys"));
            let mut config = config.finish().expect("in range");
            config.data.scale = scale;
            let case = Case { config, shape: shape.into(), classes };
            models::check(&case.config, case.shape).expect("sizes fit");
            case
        };
        vec![
            case(
                [3, 8, 12],
                3,
                Scale::Signed,
                "resnet",
                "growth=2, norm='batch', condition='norm', stages=2",
            ),
            case([1, 8, 8], 2, Scale::Unit, "resnet", "blocks=2, norm='layer', bias=false"),
            case([3, 8, 8], 0, Scale::Gcn, "resnet", "spectral_norm=true, output='linear'"),
            case([3, 8, 12], 2, Scale::Signed, "rpgan-resnet", "growth=2, stages=2, blocks=2"),
        ]
    }

    /// Lists of layers that convolve: both ways, pools over an edge and larger than their maps, every norm, biases a channel
    /// and an element, and linear layers that read maps, make maps, or both.
    pub fn convolving_lists() -> Vec<Case> {
        let case = |shape: [usize; 3], classes, scale, layers: &str| {
            let mut config = ConfigBuilder::recipe("dcgan").expect("a recipe");
            let conditional = format!("conditional={}", classes > 0);
            let generator = format!("generator={{layers=[{layers}]}}");
            let small = ["latent.dim=5", "discriminator={architecture='dcgan', width=2, kernel=5, stages=1}"];
            let sets = small.into_iter().chain([&conditional[..], &generator]);
            sets.for_each(|set| config.set(set).expect("known keys"));
            let mut config = config.finish().expect("in range");
            config.data.scale = scale;
            let case = Case { config, shape: shape.into(), classes };
            models::check(&case.config, case.shape).expect("sizes fit");
            case
        };
        vec![
            case(
                [3, 8, 10],
                0,
                Scale::Gcn,
                "{units=6, activation='relu'},
                 {units=36, reshape=[6, 2, 3], norm='batch', pieces=2, activation='maxout'},
                 {kind='conv-transpose', channels=4, kernel=4, stride=2, pad=1, norm='batch', activation='relu'},
                 {kind='conv-transpose', kernel=5, bias_per='element'}",
            ),
            case(
                [3, 2, 4],
                0,
                Scale::Signed,
                "{units=36, reshape=[3, 4, 3], norm='layer', spectral_norm=true, activation='leaky-relu'},
                 {kind='conv', channels=4, pieces=2, activation='maxout', kernel=3, pad=1, norm='layer', \
                  bias_per='element', spectral_norm=true},
                 {kind='max-pool', kernel=2, stride=2},
                 {kind='conv-transpose', channels=2, kernel=3, stride=2, spectral_norm=true, bias=0.1},
                 {units=12, reshape=[3, 2, 2], norm='batch', spectral_norm=true, activation='tanh'},
                 {norm='batch', spectral_norm=true, bias=0.0, activation='tanh'}",
            ),
            case(
                [1, 8, 8],
                2,
                Scale::Unit,
                "{units=12, reshape=[2, 2, 3]}, {kind='max-pool', kernel=3, stride=3},
                 {kind='conv', channels=3, kernel=1, bias_per='element', norm='batch', activation='sigmoid'},
                 {kind='conv-transpose', kernel=8, activation='sigmoid'}",
            ),
        ]
    }

    /// The generator of PyTorch's example, for 16×16 pixels and of few channels.
    pub fn plain_dcgan() -> Case {
        let mut config = ConfigBuilder::recipe("dcgan").expect("a recipe");
        config.set("generator.width=4").expect("a known key");
        Case { config: config.finish().expect("in range"), shape: [3, 16, 16].into(), classes: 0 }
    }

    /// Writes a checkpoint with drawn weights, exports it, and writes noise and our samples of it, all into `folder`.
    pub fn write(&self, folder: &Path, flags: &[&str]) {
        let mut rng = PhiloxRng::new(6, stream("weights"), 0);
        let (checkpoint, _) = saved(&self.config, self.shape, self.classes, folder);
        let name = checkpoint.display().to_string();
        program::run(folder, &[&["export", &name], flags].concat());
        let channels = self.shape.channels;
        let mut run =
            LoadedRun::load(&checkpoint, exec::open(Device::Cpu, 1).expect("a thread")).expect("loaded");
        let (display, dim, random) = (run.display, self.config.latent.dim, self.random_draws());
        let count = if random { DRAWS } else { ROWS };
        let mut z: Vec<f32> = (0..count * dim).map(|_| rng.normal()).collect();
        let mut labels: Vec<usize> = (0..count).map(|i| i % self.classes.max(1)).collect();
        if random {
            z = z[..dim].repeat(count);
        }
        labels.truncate(if self.classes > 0 { count } else { 0 });
        let samples = run.engine().sample(0, &z, &labels).expect("samples");
        let samples = self.shape.planes(&display.unit(&samples));
        let Shape { height, width, .. } = self.shape;
        let axes = if self.shape.is_point() { json!([channels]) } else { json!([channels, height, width]) };
        let about =
            json!({"dim": dim, "classes": self.classes, "shape": axes, "random": random, "alone": true});
        write(folder, &about, &z, &samples).expect("written");
    }

    pub fn random_draws(&self) -> bool {
        self.config.generator.layers.iter().any(|l| l.keep < 1.0)
    }
}
