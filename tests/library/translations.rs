//! Measures of a run between two domains against the same by hand, picture by picture.

use gansaku::config::{ConfigBuilder, Metric, Scale};
use gansaku::data::{self, Dataset};
use gansaku::eval::Measures;
use gansaku::eval::classifier::{Classifier, ClassifierSpec};
use gansaku::eval::fidelity::{absolute_error, psnr, rounded};
use gansaku::eval::translation::Translations;
use gansaku::exec::{Device, Hardware};
use gansaku::inference::{Image, Means, Translator};
use gansaku::models::Direction;
use gansaku::models::classifier::Recipe;
use gansaku::train::{Request, Start, fit, train};
use std::path::Path;
use std::sync::Arc;

const HARDWARE: Hardware = Hardware { device: Device::Cpu, threads: 1 };
/// Test pictures that are looked at.
const COUNT: usize = 24;

/// A translation that saw two pictures, its data, and a classifier of them.
fn small(folder: &Path) -> (Translator, Dataset, Classifier) {
    let mut builder = ConfigBuilder::recipe("cyclegan-digits").expect("a recipe");
    let sets = [
        "data.size=16",
        "data.count=300",
        "generator.width=4",
        "generator.blocks=1",
        "discriminator.width=4",
        "train.batch=1",
        "train.steps=2",
    ];
    sets.iter().for_each(|set| builder.set(set).expect("a known key"));
    let config = builder.finish().expect("in range");
    let start = Start::New { out: folder.into(), name: Some("run".into()), init_from: None };
    let request = Request { config: config.clone(), start, device: Device::Cpu, threads: 1, time: None };
    train(&request).expect("trained");
    let means = Means { hardware: HARDWARE, seed: 0, limit: 1 << 30 };
    let translator = Translator::load(&folder.join("run"), means).expect("a run that translates");
    let learnt = data::load(&config.data, config.seed).expect("drawn");
    let unit = gansaku::config::Data { scale: Scale::Unit, ..config.data };
    let pixels = Arc::new(data::load(&unit, config.seed).expect("drawn"));
    let recipe = Recipe { epochs: 4, ..Recipe::perceptron() };
    let spec = ClassifierSpec {
        name: "strokes".into(),
        identity: "strokes".into(),
        recipe,
        seed: 0,
        hardware: HARDWARE,
    };
    let classifier = fit::quietly(&spec, &pixels).expect("trained");
    (translator, learnt, classifier)
}

#[test]
fn measures_of_two_domains_are_those_by_hand() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut translator, data, mut classifier) = small(folder.path());
    let mut measured = |metric: Metric| {
        let (translator, classifier) = (&mut translator, Some(&mut classifier));
        let mut subject =
            Translations { translator, data: &data, seed: 0, count: Some(COUNT), classifier, pictures: None };
        subject.measure(metric).expect("measured")
    };
    let [paired, cycle, kept] = [Metric::Paired, Metric::Cycle, Metric::ClassKept].map(&mut measured);
    assert!(paired.reduced, "fewer than all");
    let a = &data.origin.as_ref().expect("two domains").data;
    let unit =
        |numbers: &[f32]| numbers.iter().map(|x| (x * 0.5 + 0.5).clamp(0.0, 1.0)).collect::<Vec<f32>>();
    let mut sums = [0.0; 4];
    let (mut right, mut known, mut untouched) = (0, 0, 0);
    let labels = |data: &Dataset| data.test.labels.clone().expect("labelled");
    for number in data.test.shuffled(0..COUNT) {
        let given = Image { shape: data.shape, numbers: a.numbers(&a.test, number) };
        let (start, truth) = (unit(&given.numbers), unit(&data.numbers(&data.test, number)));
        let there = translator.translate(Direction::Forward, number, &given).expect("translated");
        let back = translator.translate(Direction::Backward, number, &there).expect("translated");
        let made = unit(&there.numbers);
        let terms = [
            absolute_error(&rounded(&made), &truth),
            psnr(&rounded(&made), &truth),
            absolute_error(&unit(&back.numbers), &start),
            absolute_error(&start, &truth),
        ];
        sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term / COUNT as f64);
        right += usize::from(classifier.labels(&made).expect("seen")[0] == labels(a)[number]);
        untouched += usize::from(classifier.labels(&start).expect("seen")[0] == labels(a)[number]);
        known += usize::from(classifier.labels(&truth).expect("seen")[0] == labels(&data)[number]);
    }
    let near =
        |found: f64, expected: f64| assert!((found - expected).abs() < 1e-6, "{found}, by hand {expected}");
    near(paired.values["L1"], sums[0]);
    near(paired.values["PSNR"], sums[1]);
    near(cycle.values["A→B→A"], sums[2]);
    near(paired.reference["the pictures as they are"]["L1"], sums[3]);
    let percent = |count: usize| 100.0 * count as f64 / COUNT as f64;
    near(kept.values["kept %"], percent(right));
    near(kept.reference["the pictures as they are"]["kept %"], percent(untouched));
    near(kept.reference["test pictures of the domain aimed at"]["kept %"], percent(known));
    assert!(kept.protocol.contains("knows domain B alone"), "{}", kept.protocol);
    // What nobody translates comes back as it was, but for the noise.
    let untouched = &cycle.reference["without translating"];
    assert!(untouched["A→B→A"] == 0.0 && (untouched["A→B→A noised"] - 0.00626).abs() < 1e-5);
    // The mean difference takes a domain's mean to the other's: of many pictures it is nearer than nothing at all.
    let moved = &paired.reference["adding the mean difference"];
    assert!(moved["PSNR"] > paired.reference["the pictures as they are"]["PSNR"]);
    assert!(
        paired.warnings.iter().any(|told| told.contains("is nearer to the truth")),
        "{:?}",
        paired.warnings
    );
}
