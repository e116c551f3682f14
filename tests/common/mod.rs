//! Small models for tests.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod asked;
pub mod devices;
pub mod files;
pub mod games;
pub mod golden;
pub mod idx;
pub mod madeup;
pub mod nodes;
pub mod program;
pub mod says;
pub mod session;

use gansaku::config::Config;
use gansaku::data::{Dataset, Examples, Origin, Paired, Shape, Values};
use gansaku::exec::cpu::Cpu;
use gansaku::exec::cpu::pool::Pool;
use gansaku::exec::{ExecutorSpec, Rate, States, UpdateRule};
use gansaku::graph::{MAX_OPTIMIZERS, OptimizerId};
use gansaku::lower::{Layout, Plan};
use gansaku::models::{self, Game, Phase};
use gansaku::precision::Precision;
use gansaku::rng::{PhiloxRng, stream};
use std::sync::Arc;

/// Two-layer networks in every style that models know, on examples of 6 numbers and 3 classes.
pub fn variants() -> Vec<(&'static str, Config)> {
    let variant = |name, changes: &str| (name, config(changes));
    vec![
        variant("non-saturating", ""),
        variant("dropout and maxout", DROPOUT_MAXOUT),
        variant("joint, dropout and maxout", &format!("{DROPOUT_MAXOUT}\ntrain.joint = true")),
        variant("minimax", "loss.objective = 'minimax'\nloss.discriminator_scale = 0.5"),
        variant("least squares", "loss.objective = 'least-squares'"),
        variant("hinge", "loss.objective = 'hinge'"),
        variant("relativistic hinge", "loss.objective = 'hinge'\nloss.relativistic = true"),
        variant("relativistic least squares", "loss.objective = 'least-squares'\nloss.relativistic = true"),
        variant(
            "WGAN",
            "loss.objective = 'wasserstein'\ntrain.discriminator_updates = 3\ndiscriminator.clip = 0.01",
        ),
        variant(
            "WGAN-GP",
            "loss.objective = 'wasserstein'\ntrain.discriminator_updates = 2\nloss.gradient_penalty = 10.0",
        ),
        variant("RpGAN + R1 + R2", "loss.relativistic = true\nloss.r1 = 0.5\nloss.r2 = 0.5"),
        variant("R1 now and then", "loss.r1 = 0.5\nloss.penalty_every = 4"),
        variant("R1 and R2 apart", "loss.r1 = 0.5\nloss.r2 = 0.25"),
        variant("conditional", "conditional = true"),
        variant(
            "conditional with penalties",
            "conditional = true\nloss.r1 = 0.5\nloss.gradient_penalty = 1.0",
        ),
        variant("packed", "discriminator.pack = 2\nloss.gradient_penalty = 1.0\nloss.r1 = 0.1"),
        variant("packed and conditional", "conditional = true\ndiscriminator.pack = 2\nloss.r2 = 0.1"),
        variant(
            "tanh",
            "generator.layers.0.activation = 'tanh'\ngenerator.layers.1.activation = 'tanh'\ndiscriminator.layers.0.activation = 'tanh'\nloss.r1 = 1.0",
        ),
        variant(
            "sigmoid hidden layers",
            "generator.layers.0.activation = 'sigmoid'\ndiscriminator.layers.0.activation = 'sigmoid'\nloss.r1 = 1.0",
        ),
        variant(
            "many pieces",
            "discriminator.layers.0.activation = 'maxout'\ndiscriminator.layers.0.pieces = 24\ndiscriminator.layers.0.units = 3",
        ),
        variant("one example", "train.batch = 1"),
        variant("batch norm", "generator.layers.0.norm = 'batch'\ndiscriminator.layers.0.norm = 'batch'"),
        variant(
            "batch norm and pairs",
            "generator.layers.0.norm = 'batch'\ndiscriminator.layers.0.norm = 'batch'\nloss.relativistic = true",
        ),
        variant(
            "layer norm with a penalty",
            "discriminator.layers.0.norm = 'layer'\nloss.objective = 'wasserstein'\nloss.gradient_penalty = 10.0\ntrain.discriminator_updates = 2",
        ),
        variant("batch norm and the same noise", SAME_NOISE),
        variant("spectral norm", SPECTRAL),
        variant("spectral norm with R1", &format!("{SPECTRAL}\nloss.r1 = 0.5")),
    ]
}

/// Every variant in every precision.
pub fn models() -> Vec<(&'static str, Model)> {
    let with = |precision| {
        variants().into_iter().map(move |(name, mut config)| {
            config.train.precision = precision;
            (name, Model::new(&config, NUMBERS, CLASSES))
        })
    };
    Precision::ALL.into_iter().flat_map(with).collect()
}

const SAME_NOISE: &str = "
generator.layers.0.norm = 'batch'
discriminator.layers.0.norm = 'batch'
loss.relativistic = true
train.noise = 'same'
train.generator_updates = 2";

const SPECTRAL: &str =
    "discriminator.layers.0.spectral_norm = true\ndiscriminator.layers.1.spectral_norm = true";

const DROPOUT_MAXOUT: &str = "
discriminator.layers.0 = { units = 5, activation = 'maxout', pieces = 3, keep = 0.8, init = { uniform = 0.5 } }
discriminator.layers.1 = { keep = 0.5, init = { uniform = 0.5 } }
latent.distribution = 'uniform'";

/// The base model with `changes`, one dotted key a line.
pub fn config(changes: &str) -> Config {
    let mut tree: toml::Table = toml::from_str(BASE).expect("the base is TOML");
    for line in changes.lines().filter(|l| !l.is_empty()) {
        let (key, value) = line.split_once(" = ").expect("key = value");
        let value: toml::Table = toml::from_str(&format!("v = {value}")).expect("a TOML value");
        set(&mut toml::Value::Table(std::mem::take(&mut tree)), key, value["v"].clone(), &mut tree);
    }
    tree.try_into().expect("a configuration")
}

fn set(root: &mut toml::Value, key: &str, value: toml::Value, out: &mut toml::Table) {
    let mut at = &mut *root;
    for part in key.split('.') {
        at = match at {
            toml::Value::Array(items) => &mut items[part.parse::<usize>().expect("an index")],
            toml::Value::Table(table) => {
                table.entry(part).or_insert_with(|| toml::Value::Table(toml::Table::new()))
            }
            other => panic!("{key}: {other} has no parts"),
        };
    }
    *at = value;
    *out = root.as_table().expect("still a table").clone();
}

const BASE: &str = "
recipe = 'test'
about = 'a small model'
seed = 7
data = { source = 'digits' }
latent = { dim = 4, distribution = 'normal' }
train = { batch = 4, steps = 10 }
loss = { objective = 'non-saturating' }
ema = { decay = 0.9 }
[generator]
layers = [
    { units = 7, activation = 'relu', init = { fan-in = 1.4 }, bias = 0.1 },
    { activation = 'sigmoid', init = { fan-in = 1.0 } },
]
[discriminator]
layers = [
    { units = 5, activation = 'leaky-relu', init = { fan-in = 1.4 }, bias = -0.1 },
    { init = { fan-in = 1.0 } },
]
[optimizer.generator]
lr = 0.01
rule.adam = { beta1 = 0.5, beta2 = 0.999 }
[optimizer.discriminator]
lr = 0.01
rule.adam = { beta1 = 0.5, beta2 = 0.999 }
";

/// Numbers and classes of the examples that [`variants`] are made for.
pub const NUMBERS: usize = 6;
/// See [`NUMBERS`].
pub const CLASSES: usize = 3;

/// Random examples of `numbers` numbers.
pub fn data(numbers: usize, classes: usize) -> Arc<Dataset> {
    let mut rng = PhiloxRng::new(11, stream("test data"), 0);
    let count = 50;
    let bytes = (0..count * numbers).map(|_| (rng.normal() * 40.0 + 128.0).clamp(0.0, 255.0) as u8).collect();
    let labels = Some((0..count).map(|i| (i % classes) as u8).collect());
    let train = Examples { count, values: Values::U8(bytes), labels };
    Arc::new(Dataset::of("test", Shape { channels: numbers, height: 1, width: 1 }, classes, train))
}

/// Random examples of two domains, other ones in A than in B.
pub fn domains(numbers: usize, classes: usize) -> Arc<Dataset> {
    let target = Dataset::clone(&data(numbers, classes));
    let values = (0..30 * numbers).map(|i| (i * i % 241) as u8).collect();
    let train = Examples { count: 30, values: Values::U8(values), labels: None };
    let paired = Paired::default();
    let data = Dataset::of("test", target.shape, 0, train);
    let origin = Some(Box::new(Origin { data, paired, unpaired: None }));
    Arc::new(Dataset { origin, ..target })
}

/// A rate that moves weights visibly.
pub fn rates(update: u64) -> [Rate; MAX_OPTIMIZERS] {
    [Rate { lr: 0.01, momentum: 0.5, update, average: 0.9 }; MAX_OPTIMIZERS]
}

/// A model with the configuration it came from.
pub struct Model {
    /// What was configured.
    pub config: Config,
    /// The model.
    pub game: Arc<dyn Game>,
    /// Numbers an example.
    pub numbers: usize,
}

impl Model {
    /// The configured model for examples of a shape, or for points of so many numbers.
    pub fn new(config: &Config, shape: impl Into<Shape>, classes: usize) -> Model {
        let shape = shape.into();
        Model { config: config.clone(), game: models::of(config, shape, classes), numbers: shape.len() }
    }

    pub fn phases(&self) -> Vec<Phase> {
        self.game.phases()
    }

    pub fn plan(&self, phase: &Phase) -> Plan {
        models::plan(&*self.game, phase)
    }

    pub fn plans(&self) -> Vec<Plan> {
        models::plans(&*self.game)
    }

    pub fn layout(&self) -> Layout {
        self.game.networks().layout()
    }

    pub fn rules(&self) -> Vec<UpdateRule> {
        models::rules(&*self.game)
    }

    /// The optimizers' states before training on data whose mean is .3 everywhere.
    pub fn start(&self) -> States {
        let (networks, marginals) = (self.game.networks(), vec![0.3; self.numbers]);
        let start = |(optimizer, rule): (OptimizerId, &UpdateRule)| {
            let (weights, states) = networks.start(optimizer, self.config.seed, &marginals);
            rule.start_with(weights, states)
        };
        networks.optimizers().zip(&self.rules()).map(start).collect()
    }
}

/// An executor of all phases of a model.
pub fn executor(model: &Model, threads: usize) -> Cpu {
    let mut states = model.start();
    if model.config.train.precision == Precision::Fp16 {
        // Small enough that no gradient overflows.
        states.iter_mut().for_each(|s| s.loss_scale.scale = 256.0);
    }
    let data = data(model.numbers, CLASSES);
    let pool = Pool::new(threads).expect("threads");
    Cpu::of(
        pool,
        ExecutorSpec {
            data: Some(data),
            seed: model.config.seed,
            ..ExecutorSpec::at_rest(model.plans(), states, model.rules())
        },
    )
    .expect("memory enough")
}
