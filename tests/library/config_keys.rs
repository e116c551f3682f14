//! Keys of configurations: each stands in the documents with its default, and what belongs to another architecture is told.

use crate::common::says::says;
use crate::config::{message, refused};
use gansaku::config::{Config, ConfigBuilder, RECIPES, keys};
use std::collections::{BTreeMap, BTreeSet};
use toml::{Table, Value};

/// `docs/configuration.md`, row by row: the keys of the first column, and the default as TOML writes it.
fn documented() -> Vec<(String, Option<Value>)> {
    let default = |cell: &str| {
        let word = cell.split('`').nth(1)?;
        let table: Table = toml::from_str(&format!("x = {word}")).expect("a default is TOML");
        Some(table["x"].clone())
    };
    keys::all().iter().map(|key| (key.name.to_string(), default(key.default))).collect()
}

/// The leaves of a tree by dotted key, both networks as `*` and layers as `N`.
fn leaves(at: &str, value: &Value, found: &mut BTreeMap<String, Value>) {
    let mut below = |key: &str, value: &Value| {
        let key = match key {
            "generator" | "discriminator" => "*",
            key if key.bytes().all(|b| b.is_ascii_digit()) => "N",
            key => key,
        };
        leaves(&if at.is_empty() { key.to_string() } else { format!("{at}.{key}") }, value, found);
    };
    match value {
        Value::Table(table) => table.iter().for_each(|(key, value)| below(key, value)),
        Value::Array(list) if list.iter().all(Value::is_table) => {
            list.iter().enumerate().for_each(|(i, value)| below(&i.to_string(), value));
        }
        leaf => drop(found.insert(at.to_string(), leaf.clone())),
    }
}

fn leaves_of(config: &Config) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    leaves("", &toml::from_str(&config.to_toml()).expect("TOML"), &mut found);
    found
}

/// What says no more than it must, with that rule for both networks.
fn least(rule: &str) -> Config {
    let network = "layers = [{ units = 3, init = { normal = 1.0 } }, { init = { normal = 1.0 } }]";
    let optimizer = format!("lr = 0.1\nrule.{rule}");
    let text = format!(
        "recipe = \"least\"\nabout = \"\"\ndata = {{ source = \"ring\" }}\n\
         latent = {{ dim = 2, distribution = \"normal\" }}\nloss = {{ objective = \"hinge\" }}\n\
         train = {{ batch = 4, epochs = 1 }}\n[generator]\n{network}\n[discriminator]\n{network}\n\
         [optimizer.generator]\n{optimizer}\n[optimizer.discriminator]\n{optimizer}\n"
    );
    ConfigBuilder::resolved(&text, "a test").and_then(ConfigBuilder::finish).expect("enough")
}

#[test]
fn keys_of_another_architecture_are_told_with_theirs() {
    says(
        &refused("generator.kernel=4"),
        &["generator.kernel is 4", "\"layers\"", "kernel is one of \"dcgan\"", "generator.architecture"],
    );
    let set = |assignment: &str| {
        let builder = ConfigBuilder::recipe("dcgan");
        message(builder.and_then(|mut b| b.set(assignment).and_then(|()| b.finish())))
    };
    says(
        &set("generator.layers.0.units=4"),
        &["generator.layers.0.units=4", "\"dcgan\" has no list of layers", "gansaku keys generator"],
    );
    says(&set("discriminator.layers=[{units=4}]"), &["discriminator.layers", "kernel", "one of \"layers\""]);
    says(&set("generator.output=relu"), &["generator.output", "linear, tanh or sigmoid"]);
    says(&set("discriminator.upsample=nearest"), &["discriminator.upsample", "D neither upsamples"]);
    says(&set("train.batch=1"), &["generator.norm", "at least 2 rows"]);
}

#[test]
fn pictures_that_cannot_be_halved_are_told_with_those_that_can() {
    let check = |sets: &[&str], shape: [usize; 3]| {
        let mut builder = ConfigBuilder::recipe("dcgan").expect("a recipe");
        sets.iter().for_each(|set| builder.set(set).expect("a key"));
        gansaku::models::check(&builder.finish().expect("in range"), shape.into())
    };
    let refused = |sets: &[&str], shape| message(check(sets, shape));
    says(
        &refused(&[], [3, 30, 30]),
        &["generator", "15×15 at halving 2 of 3", "30×30", "24 or 32 pixels", "kernel = 5", "stages = 1"],
    );
    let wide = refused(&[], [1, 15, 24]);
    says(&wide, &["15×24 at halving 1 of 2", "12 or 16 by 24 pixels", "an odd kernel"]);
    assert!(!wide.contains("stages ="), "no halving at all is no way out: {wide}");
    says(&refused(&[], [1, 7, 40]), &["8 pixels or more", "7×40", "\"layers\""]);
    says(&refused(&["generator.stages=3"], [1, 4, 4]), &["3 times", "a side of 4", "generator.stages = 2"]);
    says(&refused(&["generator.stages=1"], [1, 1, 40]), &["a side of 1 cannot be", "\"layers\""]);
    says(&refused(&[], [2, 1, 1]), &["the data are points", "\"layers\""]);
    check(&["generator.kernel=5", "discriminator.kernel=5"], [3, 30, 31]).expect("odd kernels take any side");
    let beyond = ["generator.kernel=15", "discriminator.kernel=15"];
    check(&beyond, [1, 9, 9]).expect("a kernel beyond its maps meets zeros");
    let nearest = ["generator.upsample=nearest", "discriminator.kernel=5"];
    check(&nearest, [1, 11, 30]).expect("doubled pixels are cut");
}

#[test]
fn every_key_is_documented_with_its_default() {
    let documented = documented();
    let rules = ["adam = { beta1 = 0.5, beta2 = 0.5 }", "sgd = {}", "rms-prop = {}"];
    let mut defaults: BTreeMap<String, Value> =
        rules.iter().flat_map(|rule| leaves_of(&least(rule))).collect();
    // A share is held out unless a recipe says otherwise; what was written before there was a choice holds out none.
    let ring = ConfigBuilder::recipe("ring-rpgan").and_then(ConfigBuilder::finish).expect("a recipe");
    let mut of_ring = leaves_of(&ring);
    defaults.extend(
        ["data.hold_out", "data.shuffle", "train.epochs"]
            .map(|key| of_ring.remove_entry(key).expect("there")),
    );
    // What says nothing where it is off.
    let integers = ["checkpoint.patience", "data.load_size", "train.pool", "train.pretrain"];
    let integers = integers.into_iter().chain(["optimizer.*.hold_steps"]).map(|key| (key, Value::Integer(0)));
    let factors =
        ["loss.cycle", "loss.identity", "loss.reconstruction", "loss.path_length", "loss.style_mixing"];
    let factors = factors.map(|key| (key, Value::Float(0.0)));
    let others = [
        ("model", Value::String("gan".into())),
        ("data.factor", Value::Integer(4)),
        ("loss.adversarial", Value::Float(1.0)),
        ("loss.distance", Value::String("l1".into())),
        ("loss.r1_auto", Value::Boolean(false)),
        ("loss.path_length_every", Value::Integer(4)),
        ("train.accumulate", Value::Integer(1)),
    ];
    let transforms = ["blit", "colour"].map(|name| Value::String(name.into()));
    let augment = [
        ("augment.transforms", Value::Array(transforms.to_vec())),
        ("augment.ada_target", Value::Float(0.6)),
        ("augment.ada_kimg", Value::Float(500.0)),
        ("augment.ada_interval", Value::Integer(4)),
    ];
    let silent = integers.chain(factors).chain(others).chain(augment);
    defaults.extend(silent.map(|(key, value)| (key.to_string(), value)));
    let mut known: BTreeSet<String> = defaults.keys().cloned().collect();
    for (name, _) in RECIPES {
        let config = ConfigBuilder::recipe(name).and_then(ConfigBuilder::finish).expect(name);
        known.extend(leaves_of(&config).into_keys());
    }
    let mut every = ConfigBuilder::recipe("mnist").expect("a recipe");
    let absent = [
        "data.path=x",
        "data.train=[0, 9]",
        "data.valid=[9, 10]",
        "checkpoint.best_by=swd",
        "generator.layers.0.norm=batch",
        "checkpoint.patience=3",
        "augment.p=0.5",
    ];
    absent.iter().for_each(|set| every.set(set).expect("a key"));
    known.extend(leaves_of(&every.finish().expect("in range")).into_keys());
    let mut pairs = ConfigBuilder::recipe("superres").expect("a recipe");
    ["data.factor=2", "loss.distance=l2"].iter().for_each(|set| pairs.set(set).expect("a key"));
    known.extend(leaves_of(&pairs.finish().expect("in range")).into_keys());
    let mut convolutions = ConfigBuilder::recipe("dcgan").expect("a recipe");
    for set in [
        "generator.stages=3",
        "generator.kernel=5",
        "generator.upsample=nearest",
        "generator.output=linear",
        "generator.bias=true",
        "generator.init.normal=0.1",
        "discriminator.spectral_norm=true",
        "generator.condition=everywhere",
    ] {
        convolutions.set(set).expect("a key");
    }
    let mut list = ConfigBuilder::recipe("cifar10-conv-2014").expect("a recipe");
    list.set("generator.layers.2.channels=3").expect("a key");
    known.extend(leaves_of(&list.finish().expect("in range")).into_keys());
    known.extend(leaves_of(&convolutions.finish().expect("in range")).into_keys());
    let mut residual = ConfigBuilder::recipe("dcgan").expect("a recipe");
    for set in [
        "discriminator.architecture=resnet",
        "discriminator.growth=2",
        "discriminator.blocks=2",
        "discriminator.pool=sum",
    ] {
        residual.set(set).expect("a key");
    }
    known.extend(leaves_of(&residual.finish().expect("in range")).into_keys());
    let mut patches = ConfigBuilder::recipe("dcgan").expect("a recipe");
    for set in ["discriminator.architecture=patch", "discriminator.depth=2"] {
        patches.set(set).expect("a key");
    }
    known.extend(leaves_of(&patches.finish().expect("in range")).into_keys());
    let mut styles = ConfigBuilder::recipe("stylegan2").expect("a recipe");
    for set in [
        "generator.channels={base=512, most=64}",
        "discriminator.channels={base=512, most=64}",
        "discriminator.mapping={layers=2, lr_factor=0.1}",
        "discriminator.deviation=2",
        "discriminator.residual=false",
        "loss.path_length_every=8",
    ] {
        styles.set(set).expect("a key");
    }
    known.extend(leaves_of(&styles.finish().expect("in range")).into_keys());
    let covers = |row: &str, key: &str| key == row || key.starts_with(&format!("{row}."));
    for key in &known {
        assert!(documented.iter().any(|(row, _)| covers(row, key)), "{key} is not documented");
    }
    for (row, default) in &documented {
        assert!(known.iter().any(|key| covers(row, key)), "{row} is documented, but no such key");
        if let Some(default) = default {
            assert_eq!(defaults.get(row), Some(default), "the default of {row}");
        }
    }
    assert!(documented.iter().filter(|(_, default)| default.is_some()).count() > 30);
}
