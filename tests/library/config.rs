//! Recipes and the layers over them: everything resolves, everything wrong is named.

use crate::common::says::says;
use gansaku::config::{Config, ConfigBuilder, Init, RECIPES};
use gansaku::error::Error;
use std::io::Write;
use toml::{Table, Value};

pub(crate) fn message(result: Result<impl Sized, Error>) -> String {
    match result {
        Ok(_) => panic!("this should have been refused"),
        Err(e) => {
            assert_eq!(e.exit_code(), 2, "{e}");
            assert!(!e.to_string().contains('\n'), "one line: {e}");
            e.to_string()
        }
    }
}

/// What a file with that text makes of a recipe.
fn laid_over(recipe: &str, text: &str) -> Result<Config, Error> {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    write!(file, "{text}").expect("written");
    let mut layers = ConfigBuilder::recipe(recipe)?;
    layers.file(file.path()).and_then(|()| layers.finish())
}

/// What `digits` says to one `--set`.
pub(crate) fn refused(assignment: &str) -> String {
    message(ConfigBuilder::recipe("digits").and_then(|mut l| l.set(assignment).and_then(|()| l.finish())))
}

#[test]
fn every_recipe_resolves_and_reads_back_the_same() {
    for (name, _) in RECIPES {
        let config = ConfigBuilder::recipe(name)
            .and_then(ConfigBuilder::finish)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(config.recipe, name);
        let again =
            ConfigBuilder::resolved(&config.to_toml(), "a test").and_then(ConfigBuilder::finish).expect(name);
        assert_eq!(again, config, "{name}");
        assert_eq!(config.first_difference(&again), None);
    }
}

#[test]
fn later_layers_win() {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    writeln!(file, "train.batch = 32\n[optimizer.generator]\nlr = 0.5").expect("written");
    let mut layers = ConfigBuilder::recipe("mnist").expect("a recipe");
    layers.file(file.path()).expect("a partial file");
    layers.set("train.batch=8").expect("a number");
    layers.set("generator.layers.0.units=64").expect("a list's element");
    layers.set("data.source=folder").expect("a bare word");
    layers.set("optimizer.discriminator.rule.sgd.momentum=0.5").expect("another rule");
    let config = layers.finish().expect("all in range");
    assert_eq!(config.train.batch, 8);
    assert_eq!(config.optimizer.generator.lr, 0.5);
    assert_eq!(config.generator.layers[0].units, Some(64));
    assert_eq!(config.data.source, gansaku::config::Source::Folder);
    let toml = config.to_toml();
    assert!(toml.contains("[optimizer.discriminator.rule.sgd]"), "{toml}");
    let difference = config
        .first_difference(&ConfigBuilder::recipe("mnist").and_then(ConfigBuilder::finish).expect("a recipe"));
    assert_eq!(difference, Some(("data.source".into(), "\"folder\"".into(), "\"idx\"".into())));
}

#[test]
fn unknown_names_get_the_nearest() {
    says(
        &message(ConfigBuilder::recipe("minst")),
        &["no recipe \"minst\"", "did you mean \"mnist\"?", "gansaku recipes"],
    );
    says(&message(ConfigBuilder::recipe("qqqqqq")), &["no recipe \"qqqqqq\";"]);
    says(
        &refused("train.btach=3"),
        &["--set train.btach=3", "unknown key \"btach\"", "did you mean \"batch\"?"],
    );
    says(&refused("trian.batch=3"), &["unknown key \"trian\"", "did you mean \"train\"?"]);
    says(&refused("loss.objective=hing"), &["loss.objective", "did you mean \"hinge\"?"]);
    says(&refused("generator.layers.9.units=3"), &["layers is a list", "N from 0 to 2"]);
    says(
        &refused("generator.layers.1.actvation=relu"),
        &["in [generator.layers.1]", "did you mean \"activation\"?"],
    );
}

#[test]
fn wrong_types_are_named_by_key() {
    says(
        &refused("train.batch=many"),
        &["--set train.batch=many", "train.batch", "found the text \"many\"", "a whole number"],
    );
    says(&refused("train.batch=1.5"), &["train.batch"]);
    says(&refused("train.steps=-5"), &["train.steps", "found -5", "a whole number, 0 or more"]);
    says(&refused("conditional=yes"), &["conditional", "found the text \"yes\"", "true or false"]);
    says(&refused("generator.layers=5"), &["generator.layers: found 5; expected a list"]);
    says(&refused("latent.distribution=5"), &["latent.distribution: found something else; expected a name"]);
    says(&refused("data.train=[1, 2, 3]"), &["data.train: found a list of 3; expected a list of two"]);
    says(&refused("seed=99999999999999999999"), &["seed: found 99999999999999999999, which is too large"]);
    says(&refused("seed="), &["seed: found nothing; expected a whole number"]);
    says(
        &refused("generator.layers.1.init={}"),
        &["generator.layers.1.init: found no key; expected exactly one of uniform, normal, sparse, fan-in"],
    );
    says(
        &refused("optimizer.generator.rule={sgd={}, rms-prop={}}"),
        &["rule: found more than one key; expected exactly one of sgd, adam, rms-prop"],
    );
    says(
        &refused("generator.layers.1.bias=none"),
        &[
            "generator.layers.1.bias: expected a number, \"marginals\", or a table as in bias = { uniform = 0.05 }",
        ],
    );
    let second = "[generator]\nlayers = [{ units = 9, init = { normal = 0.1 } }, { units = true }]";
    says(
        &message(laid_over("digits", second)),
        &["generator.layers.1.units: found true; expected a whole number"],
    );
    says(&refused("recipe=grid"), &["name the recipe itself", "gansaku train grid"]);
    says(&refused("batch"), &["expected key=value"]);
    says(&refused("seed.x=1"), &["seed has no parts"]);
    // Serde would take a table's parts in order.
    says(&refused("train=[100]"), &["train: found a list; expected a table"]);
    says(&refused("discriminator=[{units=5}]"), &["discriminator: found a list; expected a table"]);
    says(&refused("generator.layers=[[5]]"), &["generator.layers.0: found a list; expected a table"]);
    says(
        &refused("optimizer.generator.rule=sgd"),
        &["rule: found a name alone; expected a table with one key"],
    );
    says(
        &refused("generator.layers.0.init=normal"),
        &["init: found a name alone; expected a table with one key"],
    );
}

#[test]
fn values_out_of_range_say_what_was_expected() {
    let lr = "optimizer.generator.lr";
    for value in ["-0.1", "0", "nan", "inf"] {
        says(&refused(&format!("{lr}={value}")), &[lr, "expected a finite number above 0"]);
    }
    says(&refused("train.steps=0"), &["train is steps = 0, epochs = 0", "at least 1"]);
    says(&refused("train.batch=0"), &["train.batch is 0", "1 to 1000000"]);
    says(&refused("ema.decay=1"), &["ema.decay is 1", "below 1"]);
    says(&refused("generator.layers.0.keep=0"), &["generator.layers.0.keep is 0"]);
    says(&refused("generator.layers.0.pieces=3"), &["pieces is 3", "1 without maxout"]);
    says(&refused("loss.r1=-1"), &["loss.r1 is -1"]);
    says(&refused("discriminator.pack=3"), &["discriminator.pack is 3", "a divisor of train.batch = 64"]);
    says(&refused("discriminator.layers.2.units=2"), &["discriminator's last layer", "D gives a logit"]);
    says(&refused("discriminator.layers.2.activation=leaky-relu"), &["is 1 units, \"leaky-relu\""]);
    says(&refused("data.hold_out=1"), &["data.hold_out is 1", "0 (none) to 0.5"]);
    says(
        &refused("train.batch=9223372036854775807"),
        &["train.batch is 9223372036854775807", "1 to 1000000"],
    );
    says(&refused("loss.objective=minimax"), &["loss.relativistic", "other than minimax"]);
    says(&refused("train.joint=true"), &["train.joint", "no penalties"]);
    says(&refused("checkpoint.keep=1"), &["checkpoint.keep is 1", "at least 2"]);
    says(&refused("data.train=[5, 5]"), &["data.train", "from below to"]);
    says(&refused("train.discriminator_updates=0"), &["discriminator_updates is 0", "1 to 1000"]);
    says(&refused("train.discriminator_updates=1001"), &["discriminator_updates is 1001", "1 to 1000"]);
    let cropped = |recipe: &str, set: &str| {
        let mut builder = ConfigBuilder::recipe(recipe).expect("a recipe");
        builder.set(set).expect("a known key");
        builder.finish().expect_err("out of range").to_string()
    };
    says(&cropped("digits", "data.crop=17"), &["data.crop is 17", "0 (off) to 16 pixels"]);
    says(&cropped("ring", "data.crop=1"), &["data.crop is 1", "points have no sides"]);
    says(&cropped("ring", "data.flip=true"), &["data.flip is true", "points have no sides"]);
    let bursts = |table: &str| refused(&format!("train.discriminator_updates={table}"));
    says(&bursts("{usual=5, burst=100}"), &["burst = 100", "first = 25", "every = 500"]);
    says(&bursts("{usual=5, burst=0, every=9}"), &["discriminator_updates.burst is 0", "1 to 1000"]);
    says(&bursts("{usual=5, first=9}"), &["a whole number, or a table", "burst = 100"]);
    says(&bursts("often"), &["a whole number, or a table"]);
    says(&refused("train.generator_updates=0"), &["generator_updates is 0", "1 to 1000"]);
    says(&refused("train.noise=stale"), &["stale", "fresh", "same"]);
    let sgd = |rule: &str| refused(&format!("optimizer.generator.rule.sgd={rule}"));
    says(&sgd("{momentum=0.5, final_momentum=0.7, saturate=1}"), &["saturate is 1", "at least 2"]);
    says(&sgd("{momentum=0.5, saturate=9}"), &["final_momentum is 0", "at least momentum = 0.5"]);
}

/// What a file of that name and text makes without a recipe on the command line.
fn alone(name: &str, text: &str) -> Result<Config, Error> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("written");
    ConfigBuilder::from_file(&path).and_then(ConfigBuilder::finish)
}

#[test]
fn a_recipe_in_a_file_is_that_recipe() {
    for (name, text) in RECIPES {
        let recipe = ConfigBuilder::recipe(name).and_then(ConfigBuilder::finish).expect(name);
        let mut own = alone("my.toml", text).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(own.recipe, "my");
        own.recipe.clone_from(&recipe.recipe);
        assert_eq!(own, recipe);
        // A run's file says its name.
        assert_eq!(alone("config.toml", &recipe.to_toml()), Ok(recipe));
    }
}

/// What such a file lacks, the run did without: nothing was held out.
#[test]
fn a_runs_file_of_before_is_whole_and_means_what_it_meant() {
    let text = ConfigBuilder::recipe("ring").and_then(ConfigBuilder::finish).expect("a recipe").to_toml();
    let before =
        |line: &&str| !["hold_out", "minutes", "penalty_every"].iter().any(|key| line.starts_with(key));
    let before = text.lines().filter(before).collect::<Vec<_>>().join("\n");
    let config = alone("config.toml", &before).expect("whole");
    assert_eq!((&config.recipe[..], config.data.hold_out, config.loss.penalty_every), ("ring", 0.0, 1));
    assert_eq!(alone("my.toml", RECIPES[0].1).expect("whole").data.hold_out, 0.1);
}

/// The default of `init` is for files to come: what trained before trains the same.
#[test]
fn recipes_say_how_every_layer_starts() {
    for (name, text) in RECIPES {
        let tree: Table = toml::from_str(text).expect(name);
        for network in ["generator", "discriminator"] {
            let layers = tree[network].get("layers").and_then(|layers| layers.as_array());
            let pools = |layer: &Value| layer.get("kind").and_then(Value::as_str) == Some("max-pool");
            let said = |layer: &Value| pools(layer) || layer.get("init").is_some();
            assert!(layers.into_iter().flatten().all(said), "{name}: {network}");
        }
    }
}

#[test]
fn weights_start_as_the_activation_asks_where_nothing_is_said() {
    let layers = "layers = [{ units = 9, activation = 'relu' }, { units = 9, activation = 'leaky-relu', slope = 0.5 }, \
                  { units = 9, activation = 'maxout', pieces = 2 }, { activation = 'sigmoid' }]";
    let config = alone("x.toml", &format!("base = 'digits'\n[generator]\n{layers}")).expect("enough");
    let gains: Vec<Init> = config.generator.layers.iter().map(|layer| layer.init).collect();
    let gain = |squared: f64| Init::FanIn(squared.sqrt() as f32);
    assert_eq!(gains, [gain(2.0), gain(2.0 / 1.25), gain(1.0), gain(1.0)]);
    // What is resolved holds the number, and another activation brings another one.
    assert!(config.to_toml().contains("fan-in = 1.4142"), "{}", config.to_toml());
    let mut builder = ConfigBuilder::recipe("digits").expect("a recipe");
    builder.set("generator.layers.0={ units = 5 }").expect("a layer");
    builder.set("generator.layers.0.activation=relu").expect("a word");
    assert_eq!(builder.finish().expect("in range").generator.layers[0].init, gain(2.0));
}

#[test]
fn a_whole_file_tells_all_that_it_lacks() {
    let told = message(alone("x.toml", "loss = { objective = 'hinge' }"));
    let all = "missing: data.source, latent.dim, latent.distribution, generator.layers, \
               discriminator.layers, train.batch, optimizer.generator.rule, optimizer.generator.lr, \
               optimizer.discriminator.rule, optimizer.discriminator.lr";
    says(
        &told,
        &["--config ", "x.toml: 11 keys are missing: ", "train.steps (or train.epochs)", "base = \"digits\""],
    );
    for key in all.split(": ").nth(1).expect("a list").split(", ") {
        assert!(told.contains(key), "{key}: {told}");
    }
    // Models that make pictures of pictures have no noise.
    let told = message(alone("x.toml", "model = 'cyclegan'"));
    assert!(told.contains("train.batch") && !told.contains("latent"), "{told}");
    // Within a rule, a layer, and beside what is there.
    let full = RECIPES[0].1;
    let without = |from: &str, to: &str| message(alone("x.toml", &full.replacen(from, to, 1)));
    says(&without(", beta2 = 0.99", ""), &["a key is missing: optimizer.generator.rule.adam.beta2; "]);
    says(&without("units = 384, ", ""), &["a key is missing: generator.layers.1.units; "]);
    says(&without(", steps = 9000", ""), &["a key is missing: train.steps (or train.epochs); "]);
    says(&without("dim = 64, ", "dimm = 64, "), &["unknown key \"dimm\"", "did you mean \"dim\"?"]);
    says(&without("rule.adam", "rule.adm"), &["unknown value `adm`", "did you mean \"adam\"?"]);
}

#[test]
fn a_partial_file_lies_over_its_base_and_says_what_came_from_there() {
    let text = "base = 'digits'\nloss = { objective = 'hinge', r1 = 0.5 }\ntrain.epochs = 3";
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("hinge.toml");
    std::fs::write(&path, text).expect("written");
    let builder = ConfigBuilder::from_file(&path).expect("partial");
    let notes = builder.notes().expect("a configuration");
    says(
        &notes[0],
        &[
            "digits gives what hinge.toml leaves out: ",
            "loss.r2 = 0.2",
            "loss.relativistic = true",
            "ema.decay",
        ],
    );
    says(&notes[0], &["keys of ", "generator", "optimizer"]);
    assert!(!notes[0].contains("loss.r1") && !notes[0].contains("objective"), "{}", notes[0]);
    let config = builder.finish().expect("in range");
    assert_eq!((&config.recipe[..], &config.about[..]), ("hinge", "hinge.toml over digits"));
    assert_eq!((config.train.steps, config.train.epochs, config.loss.r1), (0, 3, 0.5));
    let named = alone("x.toml", "base = 'ring'\nrecipe = 'mine'\nabout = 'of mine'").expect("partial");
    assert_eq!((&named.recipe[..], &named.about[..]), ("mine", "of mine"));
    says(&message(alone("x.toml", "base = 'rin'")), &["base: no recipe \"rin\"", "did you mean \"ring\"?"]);
    says(&message(alone("x.toml", "base = 3")), &["base: found 3; expected a recipe's name"]);
    // Behind a recipe it is that recipe's, or none.
    assert_eq!(laid_over("digits", "base = 'digits'\nseed = 4").map(|c| c.seed), Ok(4));
    says(&message(laid_over("ring", "base = 'digits'\nseed = 4")), &["base = \"digits\"", "lie over ring"]);
}

#[test]
fn keys_are_suggested_from_the_whole_tree() {
    says(
        &refused("lr=1"),
        &["did you mean optimizer.generator.lr or optimizer.discriminator.lr (--lr sets both)?"],
    );
    says(&refused("optimizer.lr=1"), &["did you mean optimizer.generator.lr or optimizer.discriminator.lr"]);
    says(&refused("unit=1"), &["did you mean generator.layers.0.units or discriminator.layers.0.units?"]);
    says(&refused("generator.layers.0.unit=1"), &["did you mean \"units\"?"]);
    says(&refused("batch=1"), &["did you mean train.batch?"]);
    let far = refused("fid=1");
    assert!(!far.contains("did you mean"), "{far}");
}

#[test]
fn files_that_are_no_toml_say_where() {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    writeln!(file, "[train]\nbatch = = 3").expect("written");
    let mut layers = ConfigBuilder::recipe("digits").expect("a recipe");
    says(&message(layers.file(file.path())), &["--config", ":2:", "not TOML"]);
    says(&message(layers.file(std::path::Path::new("gone.toml"))), &["--config gone.toml", "cannot read it"]);
}

#[test]
fn a_difference_is_told_in_numbers_as_typed() {
    let with = |set: &str| {
        let mut layers = ConfigBuilder::recipe("digits").expect("a recipe");
        layers.set(set).and_then(|()| layers.finish()).expect("in range")
    };
    let difference = with("loss.r1=0.3").first_difference(&with("loss.r1=0.7"));
    assert_eq!(difference, Some(("loss.r1".into(), "0.3".into(), "0.7".into())));
    let rule = with("optimizer.generator.rule.sgd.momentum=0.6").first_difference(&with("seed=0"));
    assert!(rule.is_some_and(|(_, is, _)| is.contains("momentum = 0.6,")), "tables too");
}

#[test]
fn the_last_layer_says_how_long_in_its_own_way() {
    let length = |config: Config| (config.train.steps, config.train.epochs);
    assert_eq!(laid_over("digits", "train.epochs = 3").map(length), Ok((0, 3)));
    assert_eq!(laid_over("mnist-2014", "train.steps = 7").map(length), Ok((7, 0)));
    says(&message(laid_over("digits", "[train]\nsteps = 7\nepochs = 3")), &["steps = 7, epochs = 3"]);
    let mut layers = ConfigBuilder::recipe("digits").expect("a recipe");
    layers.set("train.epochs=3").and_then(|()| layers.set("train.batch=8")).expect("numbers");
    assert_eq!(layers.finish().map(length), Ok((0, 3)));
}

#[test]
fn a_file_brings_a_recipe_only_where_it_is_whole() {
    for name in ["../../evil", "", "<b>x", "grid"] {
        let told = message(laid_over("digits", &format!("recipe = {name:?}")));
        says(&told, &[&format!("recipe = {name:?}"), "leave it out", "name the recipe itself"]);
    }
    assert_eq!(laid_over("digits", "recipe = 'digits'").map(|c| c.recipe), Ok("digits".into()));
    let whole = ConfigBuilder::recipe("grid").and_then(ConfigBuilder::finish).expect("a recipe").to_toml();
    assert_eq!(laid_over("digits", &whole).map(|c| c.recipe), Ok("grid".into()));
    let evil = whole.replacen("\"grid\"", "\"../../evil\"", 1);
    says(&message(laid_over("digits", &evil)), &["recipe is \"../../evil\"", "a name: letters"]);
}
