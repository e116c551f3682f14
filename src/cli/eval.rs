//! `gansaku eval`: how good a trained generator is, and compared to what.

use super::measured::{beside, describe};
use crate::config::{self, Config, Metric, Scale, Source};
use crate::console::typed;
use crate::data::{self, Dataset, Shape, identity};
use crate::error::{Error, Result};
use crate::eval::classifier::Classifier;
use crate::eval::compare::{self, blank};
use crate::eval::kept::Kept;
use crate::eval::translation::Translations;
use crate::eval::{Measures, Subject, parzen};
use crate::inference::{LoadedRun, Means, Translator};
use crate::records::Evaluation;
use crate::run::{Folder, checkpoint};
use crate::train::fit;
use clap::builder::TypedValueParser;
use clap::{Args, ValueEnum};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Measure a run: each number with its protocol, and real data measured the same way.
///
/// Nothing is downloaded. Samples come from the averaged weights where there are any.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    gansaku eval runs/00000-digits\n  \
    gansaku eval runs/00001-mnist parzen --json parzen.json\n  \
    gansaku eval runs/00001-mnist fd prdc --classifier classifiers/mnist.safetensors\n  \
    gansaku eval runs/00001-mnist swd --json -\n  \
    gansaku eval runs/00002-cyclegan paired cycle\n  \
    gansaku eval runs/00003-superres superres --pictures ~/data/kodak\n  \
    gansaku eval --compare runs/00001-mnist runs/00002-mnist")]
pub struct Eval {
    /// A run's folder (its newest checkpoint) or a checkpoint's
    #[arg(value_name = "RUN|CHECKPOINT", required_unless_present = "compare")]
    from: Option<PathBuf>,
    /// What to measure [default: all that fit the data, but cas, which trains two classifiers]
    #[arg(value_name = "METRIC", value_parser = Metrics)]
    metrics: Vec<Metric>,
    /// Samples to draw [default: the protocol's number]
    #[arg(short = 'n', long = "count", value_name = "N", value_parser = clap::value_parser!(u32).range(100..=10_000_000))]
    count: Option<u32>,
    /// Seeds the noise
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = super::whole::<u64>)]
    seed: u64,
    /// The data it was trained on, if they moved
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// What `gansaku classifier` made of these data, for fd, kid, prdc, classes, cas, modes of stacked digits and class-kept (where it knows domain B alone)
    #[arg(long, value_name = "FILE")]
    classifier: Option<PathBuf>,
    /// Print what was measured of runs (or files of --json) side by side; unlike data and protocols are told, not compared
    #[arg(long, value_name = "RUN|FILE", num_args = 2.., conflicts_with_all = ["from", "json", "classifier", "data", "pictures", "count", "seed", "device", "threads"])]
    compare: Vec<PathBuf>,
    /// Also write the measurements as JSON here, or print nothing but them with -; the run's folder keeps them in eval.json
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Pictures of any size for superres and colour, in place of the test pictures
    #[arg(long, value_name = "PATH")]
    pictures: Option<PathBuf>,
    #[command(flatten)]
    hardware: super::HardwareArgs,
}

/// Bytes of intermediate results of a translation, beyond which a picture is worked on in tiles.
const TRANSLATING: usize = 2 << 30;

pub fn run(args: &Eval) -> Result<()> {
    let Some(from) = &args.from else { return compare(&args.compare) };
    let hardware = args.hardware.settle()?;
    let (prints_json, json) = super::json(args.json.as_deref());
    super::has_folder("--json", json)?;
    if !from.exists()
        && let Some(named) = from.to_str().and_then(|name| Metric::from_str(name, false).ok())
    {
        return Err(Error::Usage(format!(
            "{} is a metric; the run comes first: gansaku eval RUN {}",
            named.name(),
            named.name()
        )));
    }
    // A device that is not there is told before anything is read.
    let mut windows = parzen::open(hardware.device)?;
    let device = hardware.open()?;
    let (checkpoint, path, warnings) = checkpoint::locate(from)?;
    warnings.iter().for_each(|w| tell!("warning: {w}"));
    let mut config = checkpoint.config.clone();
    if args.pictures.is_some() && config.data.given.is_none() {
        return Err(Error::Usage(format!(
            "--pictures: {} makes no pairs of single pictures (data.given), which superres and colour measure; leave it out",
            path.display()
        )));
    }
    let mut classifier = args.classifier.as_deref().map(|c| Classifier::load(c, hardware)).transpose()?;
    let example = checkpoint.state.example.into();
    let dataset = data_of([from, &path], &mut config, args.data.as_deref(), example)?;
    let data_identity = identity::identity(&config.data)?;
    if let Some(classifier) = &classifier {
        looks_at(classifier, &config.data, &data_identity, &dataset)?;
    }
    let step = checkpoint.state.step;
    let report = blank((&path, step), &checkpoint.config, &dataset, data_identity);
    let mut kept = Kept::open(json, report)?;
    let mut wished: Vec<Metric> = vec![];
    let default = || Metric::all_for(&config, classifier.is_some());
    for metric in if args.metrics.is_empty() { default() } else { args.metrics.clone() } {
        if !wished.contains(&metric) {
            wished.push(metric);
        }
    }
    let known = checkpoint.state.data.clone();
    let same = || identity::same(&path, known.as_deref(), &config.data, &dataset);
    let (data, seed, count) = (&dataset, args.seed, args.count.map(|n| n as usize));
    let (windows, classifier) = (&mut *windows, classifier.as_mut());
    if checkpoint.config.model.translates() {
        if data.origin.is_none() && config.data.given.is_none() {
            data.require_origin()?;
        }
        let means = Means { hardware, seed, limit: TRANSLATING };
        let translator = &mut Translator::of(checkpoint, path.clone(), means)?;
        let pictures = args.pictures.as_deref();
        let mut subject = Translations { translator, data, seed, count, classifier, pictures };
        measured(args, &mut subject, wished, &same, &mut kept)?;
    } else {
        let mut run = LoadedRun::of(checkpoint, path.clone(), device)?;
        let (generator, fit) = (run.generator(), fit::quietly);
        let mut subject = Subject { generator, data, seed, count, classifier, hardware, windows, fit };
        measured(args, &mut subject, wished, &same, &mut kept)?;
    }
    if prints_json {
        let json = serde_json::to_string_pretty(kept.report()).expect("names and numbers");
        super::print(&format!("{json}\n"))?;
    }
    kept.told();
    Ok(())
}

/// Measures what is wished, one metric after the other; `same` tells of data that are not those of the training.
fn measured(
    args: &Eval,
    subject: &mut dyn Measures,
    wished: Vec<Metric>,
    same: &dyn Fn() -> Result<()>,
    kept: &mut Kept,
) -> Result<()> {
    // What cannot be measured is told before anything is; asked for by name, it ends the program.
    let mut metrics = vec![];
    for metric in wished {
        match subject.check(metric) {
            Ok(()) => metrics.push(metric),
            Err(why) if args.metrics.is_empty() => tell!("left out: {why}"),
            Err(why) => return Err(why),
        }
    }
    if metrics.is_empty() {
        let from = args.from.as_deref().unwrap_or(Path::new("")).display();
        return Err(Error::Data(format!("{from}: no metric fits these data")));
    }
    same()?;
    for metric in metrics {
        let measurement = subject.measure(metric)?;
        if !super::json(args.json.as_deref()).0 {
            super::print(&describe(&measurement))?;
        }
        kept.add(measurement)?;
    }
    Ok(())
}

/// Refuses a classifier that these data are not for.
fn looks_at(classifier: &Classifier, data: &config::Data, identity: &str, examples: &Dataset) -> Result<()> {
    let shape = examples.shape;
    if shape.is_point() {
        return Err(Error::Data("--classifier: the run makes points, a classifier sees pictures".into()));
    }
    if data.scale == Scale::Gcn {
        return Err(Error::Data(
            "--classifier: the run's data are contrast-normalised, a classifier sees pixels in [0, 1]".into(),
        ));
    }
    // A stack's channels are looked at one by one.
    let channels = if data.source == Source::Stacked { 1 } else { shape.channels };
    classifier.fits(identity, Shape { channels, ..shape })?;
    if data.source.is_built_in() || data.source == Source::Stacked {
        return Ok(());
    }
    let (cut, whole) = (data.train.or(data.valid), || data::load(&identity::whole(data), 0));
    if examples.test.count > 0 && cut.is_some() && whole()?.test.count == 0 {
        return Err(Error::Data(
            "--classifier: the run holds test examples out of a part of its file (data.train, data.valid), and the \
             classifier was trained on some of them; train on the whole file, or give data with test examples"
                .into(),
        ));
    }
    classifier.unseen(examples.test.count)
}

/// Runs side by side, metric by metric.
fn compare(paths: &[PathBuf]) -> Result<()> {
    let all = paths.iter().map(|path| compare::read(path)).collect::<Result<Vec<Evaluation>>>()?;
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let rows = compare::rows(&all, &names);
    for row in &rows {
        super::print(&beside(row, &names))?;
    }
    compare::remarks(&all, &names).iter().for_each(|remark| tell!("note: {remark}"));
    match rows.iter().any(|row| row.unlike.is_none()) {
        true => Ok(()),
        false => Err(Error::Usage(
            "--compare: no metric was measured alike in all of them; measure them the same way".into(),
        )),
    }
}

/// Metrics by name, with a hint for those who type something near.
#[derive(Debug, Clone)]
struct Metrics;

impl TypedValueParser for Metrics {
    type Value = Metric;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &OsStr,
    ) -> std::result::Result<Metric, clap::Error> {
        let text = value.to_string_lossy();
        let refuse = |why: String| {
            Err(clap::Error::raw(clap::error::ErrorKind::ValueValidation, why + "\n").with_cmd(command))
        };
        match &text.to_lowercase()[..] {
            "fid" | "is" | "inception" => {
                return refuse(format!(
                    "{text} needs Inception's features, and nothing is downloaded here; fd is the same distance in features \
                     of one's own, kid its unbiased sister"
                ));
            }
            _ if Path::new(value).exists() => {
                return refuse(format!(
                    "{text} is no metric; the run comes first: gansaku eval {} METRIC",
                    typed(Path::new(value))
                ));
            }
            _ => {}
        }
        clap::builder::EnumValueParser::<Metric>::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = clap::builder::PossibleValue> + '_>> {
        Some(Box::new(Metric::value_variants().iter().filter_map(ValueEnum::to_possible_value)))
    }
}

/// The data of a run that was named as `from`, whose checkpoint lies at `path`; they may have moved.
///
/// # Errors
/// When they cannot be read, or are not of its shape.
pub fn data_of(
    [from, path]: [&Path; 2],
    config: &mut Config,
    moved: Option<&Path>,
    example: Shape,
) -> Result<Dataset> {
    config.data.moved(moved, path)?;
    if moved.is_none() {
        config.data.path = data_path(from)?;
    }
    let dataset = data::load_again(&config.data, config.seed)?;
    if dataset.shape != example {
        return Err(Error::Data(format!(
            "{} is of {example}, the data are {}; give the data it was trained on with --data",
            path.display(),
            dataset.shape
        )));
    }
    Ok(dataset)
}

/// The path a run was trained from: its own configuration knows it, a checkpoint's does not.
fn data_path(from: &Path) -> Result<Option<PathBuf>> {
    let given = Folder { path: from.to_path_buf() };
    let is_run = given.config_file().is_file() && given.checkpoints().is_dir();
    let run = if is_run { Some(given) } else { checkpoint::run_of(from).map(|path| Folder { path }) };
    let config = run.map(|run| run.resolved()).transpose()?;
    Ok(config.and_then(|config| config.data.path))
}
