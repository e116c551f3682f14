//! Games over pictures in training: they save and resume to the byte across every boundary that they have, and say which data
//! they do not take.

use crate::common::says::says;
use crate::config::{message, refused};
use gansaku::config::{Config, ConfigBuilder};
use gansaku::data::{Dataset, Examples, Origin, Paired, Shape, Values, digits};
use gansaku::exec::{Device, open};
use gansaku::run::checkpoint;
use gansaku::train::Trainer;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Made-up pictures of 8×8 pixels.
pub fn pictures(count: usize, channels: usize, salt: usize) -> Dataset {
    let shape = Shape { channels, height: 8, width: 8 };
    let values = (0..count * shape.len()).map(|i| (i * i + salt * i) as u8).collect();
    Dataset::of("made up", shape, 0, Examples { count, values: Values::U8(values), labels: None })
}

/// Two domains of so many pictures, A and B.
fn domains([a, b]: [usize; 2], paired: bool) -> Arc<Dataset> {
    let paired = Paired { train: paired, ..Paired::default() };
    let origin = Origin { data: pictures(a, 1, 7), paired, unpaired: None };
    Arc::new(Dataset { origin: Some(Box::new(origin)), ..pictures(b, 1, 0) })
}

fn config(recipe: &str, sets: &[&str]) -> Config {
    let mut builder = ConfigBuilder::recipe(recipe).expect("a recipe");
    let small = ["train.batch=2", "generator.width=2", "discriminator.width=2", "ema.decay=0.9"];
    small.iter().chain(sets).for_each(|set| builder.set(set).expect("a known key"));
    builder.finish().expect("in range")
}

const CYCLEGAN: &[&str] = &[
    "generator.blocks=1",
    "train.pool=3",
    "data.flip=true",
    "optimizer.generator.hold_steps=4",
    "optimizer.generator.decay_steps=4",
    "optimizer.discriminator.hold_steps=2",
    "optimizer.discriminator.decay_steps=9",
];
const SUPERRES: &[&str] = &["generator.blocks=1", "train.pretrain=3", "data.factor=2"];

pub fn trainer(config: &Config, data: &Arc<Dataset>, threads: usize) -> Trainer {
    Trainer::new(config, data, open(Device::Cpu, threads).expect("threads")).expect("they go together")
}

fn save(trainer: &mut Trainer, folder: &Path) -> PathBuf {
    checkpoint::save(folder, &trainer.snapshot().expect("finite")).expect("saved")
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).expect("a checkpoint").map(|e| e.expect("listed"));
    let read = |e: std::fs::DirEntry| {
        (e.file_name().to_string_lossy().into_owned(), std::fs::read(e.path()).expect("read"))
    };
    entries.map(read).collect()
}

/// Trains `steps` steps at once and with a checkpoint behind `before` of them; the last checkpoint's files, which are the same.
pub fn resumed(config: &Config, data: &Arc<Dataset>, before: u64, steps: u64) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |part: &str| folder.path().join(part);
    let mut whole = trainer(config, data, 1);
    whole.steps(steps).expect("finite");
    let whole = files(&save(&mut whole, &at("whole")));
    let mut first = trainer(config, data, 2);
    first.steps(before).expect("finite");
    let half = save(&mut first, &at("half"));
    let mut second = trainer(config, data, 2);
    second.restore(checkpoint::load(&half).expect("whole")).expect("the same game");
    second.steps(steps - before).expect("finite");
    let resumed = files(&save(&mut second, &at("half")));
    assert!(whole.keys().eq(resumed.keys()));
    for (name, bytes) in &whole {
        assert!(*bytes == resumed[name], "{}, {before} of {steps} steps: {name}", config.recipe);
    }
    for (name, bytes) in files(&half).iter().filter(|(name, _)| name.ends_with(".safetensors")) {
        let moves = config.train.pretrain < steps || !name.starts_with("discriminator");
        assert_eq!(*bytes != whole[name], moves, "{name}: training moves it");
    }
    whole
}

/// The bytes of a tensor of a file.
pub fn tensor(files: &BTreeMap<String, Vec<u8>>, file: &str, name: &str) -> Vec<u8> {
    let read = safetensors::SafeTensors::deserialize(&files[file]).expect("safetensors");
    read.tensor(name).unwrap_or_else(|_| panic!("{name} among {:?}", read.names())).data().to_vec()
}

/// The pool is full in the second step; rates of D fall from the third on, those of G from the fifth.
#[test]
fn cyclegan_resumes_to_the_byte_with_its_pools() {
    let (config, data) = (config("cyclegan-digits", CYCLEGAN), domains([9, 12], false));
    for before in [1, 3, 5] {
        let files = resumed(&config, &data, before, 7);
        let networks = files.keys().filter_map(|name| name.strip_suffix(".safetensors"));
        let wanted = [
            "discriminator.a",
            "discriminator.b",
            "generator.a2b",
            "generator.b2a",
            "generator_ema.a2b",
            "generator_ema.b2a",
            "optimizer",
        ];
        assert_eq!(networks.collect::<Vec<_>>(), wanted);
        for of in ["a", "b"] {
            let file = format!("discriminator.{of}.safetensors");
            assert_eq!(tensor(&files, &file, "pool.count"), 3i64.to_le_bytes(), "{of}");
            let images = tensor(&files, &file, "pool.images");
            assert_eq!(images.len(), 4 * 3 * 64);
            let kept = images.chunks(4 * 64).all(|picture| picture.iter().any(|&byte| byte != 0));
            assert!(kept, "{of}: a picture in each of its places");
        }
    }
}

/// Before D plays, when it begins to, and afterwards.
#[test]
fn super_resolution_resumes_to_the_byte_where_d_begins() {
    let (config, data) = (config("superres", SUPERRES), Arc::new(pictures(9, 1, 0)));
    for before in [2, 3, 4] {
        resumed(&config, &data, before, 5);
    }
    let until = Config { train: gansaku::config::Train { pretrain: 5, ..config.train }, ..config };
    resumed(&until, &data, 2, 4);
}

#[test]
fn data_that_do_not_go_with_a_game_are_refused() {
    let refused = |config: &Config, data: &Arc<Dataset>| {
        let device = open(Device::Cpu, 1).expect("a thread");
        match Trainer::new(config, data, device) {
            Ok(_) => panic!("{} takes {}", config.recipe, data.name),
            Err(e) => e.to_string(),
        }
    };
    let cycle = |sets: &[&str]| config("cyclegan-digits", &[CYCLEGAN, sets].concat());
    says(
        &refused(&cycle(&["train.pool=10"]), &domains([9, 12], false)),
        &["train.pool is 10", "domain A of made up has 9 training examples", "--set train.pool=9 or less"],
    );
    says(
        &refused(&cycle(&["train.pool=10"]), &domains([12, 9], false)),
        &["train.pool is 10", "domain B of made up has 9 training examples"],
    );
    says(
        &refused(&cycle(&["train.pool=13"]), &domains([9, 12], false)),
        &["domain A of made up", "--set train.pool=9 or less"],
    );
    says(
        &refused(&cycle(&["train.batch=10"]), &domains([9, 12], false)),
        &["train.batch is 10", "domain A of made up has 9 training examples", "--batch 9 or less"],
    );
    let one = Arc::new(pictures(9, 1, 0));
    says(&refused(&cycle(&[]), &one), &["one domain", "trainA and trainB"]);
    let pix2pix = config("pix2pix", &["data.load_size=0", "discriminator.depth=1"]);
    says(&refused(&pix2pix, &one), &["one domain"]);
    says(&refused(&pix2pix, &domains([9, 9], false)), &["9 training examples of A and 9 of B are no pairs"]);
    let superres = config("superres", SUPERRES);
    says(&refused(&superres, &domains([9, 9], true)), &["two domains"]);
    let gan = ConfigBuilder::recipe("dcgan-mnist").and_then(ConfigBuilder::finish).expect("a recipe");
    says(&refused(&Config { train: superres.train, ..gan }, &domains([9, 9], true)), &["two domains"]);
    let colourise = config("colourise", &["discriminator.depth=1"]);
    says(&refused(&colourise, &one), &["data.given is \"grey\"", "no colour to learn", "3 channels"]);
    let thirds = config("superres", &["data.factor=3", "train.pretrain=0"]);
    says(
        &refused(&thirds, &Arc::new(digits::load(20, 0))),
        &["data.factor is 3", "28×28", "a multiple of it", "--size 27"],
    );
}

#[test]
fn games_over_pictures_refuse_what_is_of_other_games() {
    let of = |recipe: &str, sets: &[&str]| {
        let mut builder = ConfigBuilder::recipe(recipe).expect("a recipe");
        sets.iter().for_each(|set| builder.set(set).expect("a known key"));
        message(builder.finish())
    };
    for (set, model) in [
        ("loss.cycle=10", "\"cyclegan\""),
        ("loss.identity=0.5", "\"cyclegan\""),
        ("train.pool=50", "\"cyclegan\""),
        ("loss.reconstruction=1", "\"pix2pix\""),
        ("train.pretrain=10", "\"pix2pix\""),
        ("data.given=grey", "\"pix2pix\""),
        ("loss.adversarial=2", "a model that translates"),
    ] {
        says(&refused(set), &[set.split('=').next().expect("a key"), "only", model]);
    }
    says(&refused("data.source=strokes"), &["data.source is \"strokes\"", "two domains", "cyclegan"]);
    says(&refused("data.factor=9"), &["data.factor is 9", "1 to 8"]);
    says(&refused("data.load_size=5000"), &["data.load_size is 5000", "4096"]);
    says(&refused("latent={dim=0, distribution=\"normal\"}"), &["latent.dim is 0", "1 to"]);
    let cycle = |set: &str| of("cyclegan-digits", &[set]);
    says(&cycle("checkpoint.best_by=swd"), &["checkpoint.best_by is swd", "translations"]);
    says(&cycle("data.source=digits"), &["data.source is \"digits\"", "two domains", "two-folders"]);
    says(&cycle("train.pool=1001"), &["train.pool is 1001", "0 (off) to 1000"]);
    says(&cycle("loss.cycle=-1"), &["loss.cycle is -1", "0 (off) or more"]);
    says(
        &cycle("train.discriminator_updates=2"),
        &["train.discriminator_updates is 2", "one update of each"],
    );
    says(&cycle("train.generator_updates=2"), &["train.generator_updates is 2", "one update of each"]);
    says(&cycle("loss.relativistic=true"), &["loss.relativistic", "not compared in pairs"]);
    says(&cycle("conditional=true"), &["conditional", "not a label"]);
    says(&cycle("discriminator.pack=2"), &["discriminator.pack is 2"]);
    says(&cycle("train.joint=true"), &["train.joint", "one update of each"]);
    says(&cycle("train.noise=same"), &["train.noise", "there is no noise"]);
    says(&of("cyclegan-digits", &["latent={dim=3, distribution=\"normal\"}"]), &["latent.dim is 3"]);
    says(&of("pix2pix", &["data.source=folder"]), &["data.given is not said", "low-resolution", "grey"]);
    says(&of("pix2pix", &["data.given=grey"]), &["data.given is \"grey\"", "A is what G is given"]);
    says(&of("superres", &["loss.reconstruction=0"]), &["train.pretrain is 4000", "loss.reconstruction"]);
    says(&of("superres", &["loss.penalty_every=4"]), &["loss.penalty_every is 4", "train.pretrain"]);
}
