//! `report.html` of a run: gathered and drawn while it trains, and again by `gansaku report`.

use super::{fit, scalars};
use crate::config::Config;
use crate::console::typed;
use crate::data::{Dataset, Shape, identity};
use crate::doctor::{self, Means};
use crate::error::{Error, Result};
use crate::eval::neighbours::nearest;
use crate::eval::theory;
use crate::exec::Hardware;
use crate::inference::{Engine, LoadedRun, Rows, noise, rows};
use crate::models::{Direction, Game};
use crate::pictures::{Display, Points};
use crate::records::{Evaluation, Verdict};
use crate::report::run::{Judged, Neighbours, Status, Story, Translated, Walk, shots};
use crate::report::tensorboard::{Contents, Events};
use crate::run::checkpoint::{self, Best, Checkpoint};
use crate::run::{Folder, Line, atomic, journal};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

/// Walks, and samples that are looked up among the training examples.
const WALKS: u64 = 4;
const LOOKED_UP: usize = 10;
/// Pictures translated for the page, of each direction.
const TRANSLATED: usize = 12;
/// Samples that the density of G's is estimated from.
const JUDGED: usize = 50_000;

/// Draws a run's report when asked, and while it trains no more often than a hundredth of the time allows.
#[derive(Debug, Default)]
pub struct Reporter {
    spent: Duration,
    last: Duration,
}

/// What a report is made from beside the run's folder: a model, what draws from it, and what is said of it.
pub struct Material<'a> {
    /// The model.
    pub game: &'a dyn Game,
    /// How it trains.
    pub config: &'a Config,
    /// What runs G; absent where it is lost.
    pub engine: Option<Engine<'a>>,
    /// From its numbers to pixels.
    pub display: Display,
    /// The data, or why they are not at hand.
    pub data: std::result::Result<&'a Dataset, String>,
    /// The best evaluation so far, where there are such.
    pub best: Option<Best>,
    /// What the doctor says.
    pub verdicts: Vec<Verdict>,
    /// What it could not measure, and why.
    pub notes: Vec<String>,
}

impl Reporter {
    /// Whether another report keeps all of them below a hundredth of `elapsed`; the first one is always due.
    pub fn is_due(&self, elapsed: Duration) -> bool {
        (self.spent + self.last) * 100 <= elapsed || self.spent.is_zero()
    }

    /// Writes the report of `folder` at `step`.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&mut self, folder: &Folder, step: u64, status: Status, material: Material) -> Result<()> {
        let begun = Instant::now();
        let page = story(folder, step, status, material)?.page();
        atomic::write(&folder.report_file(), page.as_bytes())?;
        self.last = begun.elapsed();
        self.spent += self.last;
        Ok(())
    }
}

/// Everything a report tells.
fn story<'a>(folder: &'a Folder, step: u64, status: Status, material: Material<'a>) -> Result<Story<'a>> {
    let Material { game, config, mut engine, display, data, best, verdicts, mut notes } = material;
    let mut told = |e: Error| notes.push(e.to_string());
    let saved = checkpoint::list(&folder.checkpoints()).map_err(&mut told).unwrap_or_default();
    let sums = saved.into_iter().find(|(s, _)| *s <= step).and_then(|(_, path)| {
        let name = path.file_name()?.to_string_lossy().into_owned();
        checkpoint::sums(&path).ok().map(|sums| (name, sums))
    });
    // Of single numbers a walk would show nothing.
    let samples = !config.model.translates();
    let drawing = engine.as_mut().filter(|_| display.shape.len() > 1 && samples);
    let walk = drawing.map(|engine| walk(config, engine, display)).transpose()?;
    let translations = match (&mut engine, &data) {
        (Some(engine), Ok(data)) if !samples => translations(engine, game, data, display)?,
        _ => vec![],
    };
    let judged = engine.as_mut().map(|engine| judged(config, engine)).transpose()?.flatten();
    let neighbours = match (&status, &mut engine, &data) {
        _ if !samples => {
            Err("Pictures are translated, not drawn from noise: what came out stands beside what went in."
                .into())
        }
        _ if display.shape.is_point() => {
            Err("The data are points: the plots above tell more than neighbours would.".to_string())
        }
        (Status::Training, ..) if sums.is_none() => Err("They are looked up when training ends.".into()),
        (Status::Training, ..) => Err(format!(
            "They are looked up when training ends; until then, gansaku eval {} neighbours does it.",
            typed(&folder.path)
        )),
        (_, None, _) => Err("They are not looked up where an error ended the training.".into()),
        (_, _, Err(why)) => Err(format!("They were not looked up: {why}.")),
        (_, Some(engine), Ok(data)) => Ok(neighbours(config, engine, display, data)?),
    };
    let mut lines = journal::read::<Line>(&folder.metrics_file()).map_err(&mut told).unwrap_or_default();
    lines.retain(|l| l.step <= step);
    let pictures = folder.pictures().map_err(&mut told).unwrap_or_default();
    let evaluated = Some(folder.eval_file()).filter(|file| file.exists());
    let measured = evaluated.map(|file| Evaluation::read(&file)).transpose().map_err(|e| e.to_string());
    let examples = data.as_ref().map(|d| d.train.count as u64).ok();
    let total = match config.train.epochs {
        0 => Some(config.train.steps),
        _ => examples.map(|n| config.train.total(n)),
    };
    Ok(Story {
        run: &folder.path,
        config,
        game,
        machine: folder.machine(),
        classes: folder.data().and_then(|card| card.classes).map_or(vec![], |classes| classes.names),
        data,
        status,
        written: SystemTime::now(),
        best,
        verdicts,
        notes,
        steps: [Some(step), total],
        lines,
        shots: shots(pictures, config.log, step),
        reals: std::fs::read(folder.samples().join("reals.png")).ok(),
        walk,
        translations,
        judged,
        neighbours,
        measured,
        theory: std::fs::read(folder.theory_file()).ok(),
        sums,
    })
}

/// D beside the best D over the line: where the data's density is known, and samples come from the very G that D faces.
fn judged(config: &Config, engine: &mut Engine) -> Result<Option<Judged>> {
    if config.ema.decay > 0.0 {
        return Ok(None);
    }
    let curves = theory::curves(config, engine, config.seed, JUDGED)?;
    Ok(curves.map(|curves| Judged { curves, samples: JUDGED }))
}

/// Straight walks from noise to noise: a row each, or, of points, the lines they draw.
fn walk(config: &Config, engine: &mut Engine, display: Display) -> Result<Walk> {
    let frames = display.frames();
    let ends: Vec<Vec<f32>> = (0..=WALKS).map(|seed| noise(config, seed, 1)).collect();
    let latent = crate::inference::walk(&ends, frames, false);
    // A row keeps its class.
    let rows = engine.labels_of(config.seed, 0..WALKS as usize);
    let labels: Vec<usize> = rows.into_iter().flat_map(|label| std::iter::repeat_n(label, frames)).collect();
    let samples = engine.sample(0, &latent, &labels)?;
    Ok(match display.shape.is_point() {
        true => Walk::Trails(Points::new(&samples, display.shape.channels)),
        false => Walk::Rows(display.picture(&samples, frames)),
    })
}

/// Rows of held-out pictures, by direction, with the differences that they are read by.
fn translations(
    engine: &mut Engine,
    game: &dyn Game,
    data: &Dataset,
    display: Display,
) -> Result<Vec<Translated>> {
    let mut all = vec![];
    for (direction, words) in [(Direction::Forward, "A to B"), (Direction::Backward, "B to A")] {
        if game.translation(direction).is_none() {
            continue;
        }
        let Rows { columns, split, numbers } = rows(engine, game, data, direction, TRANSLATED)?;
        let unit = display.unit(&numbers);
        let (across, size) = (columns.len(), display.shape.len());
        let between = |a: &'static str, b: &'static str| {
            let at = |name: &str| columns.iter().position(|column| *column == name);
            let (i, j) = (at(a)?, at(b)?);
            let column = |i: usize| unit.chunks_exact(size).skip(i).step_by(across).flatten();
            let sum: f64 = column(i).zip(column(j)).map(|(x, y)| f64::from((x - y).abs())).sum();
            Some(([a, b], sum * across as f64 / unit.len() as f64))
        };
        let pairs = [("in", "out"), ("out", "truth"), ("in", "truth"), ("in", "back")];
        let differences = pairs.into_iter().filter_map(|(a, b)| between(a, b)).collect();
        let one_way = game.translation(Direction::Backward).is_none();
        all.push(Translated {
            direction: if one_way { "Held-out pictures" } else { words },
            picture: display.headed(&numbers, &columns, 2),
            columns,
            split,
            differences,
        });
    }
    Ok(all)
}

/// The first samples of the sample pictures, above their nearest training examples.
fn neighbours(config: &Config, engine: &mut Engine, display: Display, data: &Dataset) -> Result<Neighbours> {
    let latent = noise(config, config.seed, LOOKED_UP);
    let labels = engine.labels_of(config.seed, 0..LOOKED_UP);
    let samples = engine.sample(0, &latent, &labels)?;
    let samples = display.unit(&samples);
    let dim = display.shape.len();
    let train = data.pieces(&data.train, data.train.count);
    let found = nearest(&samples, train.map(|x| display.unit(&x)), dim);
    let mut both = samples;
    found.iter().for_each(|n| both.extend(display.unit(&data.numbers(&data.train, n.index))));
    Ok(Neighbours {
        picture: crate::pictures::grid(&both, display.shape, LOOKED_UP),
        distances: found.iter().map(|n| n.distance).collect(),
        searched: data.train.count,
    })
}

/// Writes the report and TensorBoard's file of a run that nobody trains, from what lies in its folder: the newest good
/// checkpoint, the metrics and pictures, and the data if they load. `data` says where those moved. Where the report is.
///
/// # Errors
/// When there is no run, no good checkpoint, or somebody trains there.
pub fn again(folder: &Folder, data: Option<PathBuf>, hardware: Hardware) -> Result<PathBuf> {
    let _lock = folder.lock()?;
    let (checkpoint, path, warnings) = checkpoint::newest(&folder.checkpoints())?;
    warnings.iter().for_each(|w| tell!("warning: {w}"));
    // The run's own configuration knows how long it should be and where its data lie.
    let mut config = folder.resolved()?;
    let given = data.is_some();
    config.data.moved(data.as_deref(), &folder.path)?;
    let game = Checkpoint::model(&config, &checkpoint.state);
    let shape = Shape::from(checkpoint.state.example);
    let loaded = match crate::data::load(&config.data, config.seed) {
        Ok(data) if data.shape != shape => Err(Error::Data(format!(
            "the run makes {shape}, {} has {}; give the data it was trained on with --data",
            data.name, data.shape
        ))),
        Ok(data) => {
            identity::same(&folder.path, checkpoint.state.data.as_deref(), &config.data, &data).map(|()| data)
        }
        Err(e) => Err(e),
    };
    let loaded = match loaded {
        // What was asked for must work; what merely lies no more where it lay is told in the report.
        Err(e) if given => return Err(e),
        other => other,
    };
    let step = checkpoint.state.step;
    let total = match (&loaded, config.train.epochs) {
        (_, 0) => Some(config.train.steps),
        (Ok(data), _) => Some(config.train.total(data.train.count as u64)),
        _ => None,
    };
    let diagnosis =
        doctor::diagnose(&folder.path, &Means { data: data.as_deref(), hardware, fit: fit::quietly })?;
    let best = checkpoint.state.best.clone();
    let mut model = LoadedRun::of(checkpoint, path, hardware.open()?)?;
    let failure = diagnosis.verdicts.iter().find(|v| v.state.ends_training());
    let status = match (total, failure) {
        (Some(total), _) if step >= total => Status::Finished,
        (_, Some(failure)) => Status::Failed(failure.evidence.clone()),
        (Some(_), None) => Status::Stopped,
        (None, None) => Status::Ended,
    };
    let material = Material {
        best,
        verdicts: diagnosis.verdicts,
        notes: diagnosis.notes,
        game: &*game,
        config: &config,
        engine: Some(model.engine()),
        display: Display::new(shape, &config.data),
        data: loaded.as_ref().map_err(ToString::to_string),
    };
    Reporter::default().write(folder, step, status, material)?;
    let (statistics, scalars) = (game.statistics(), scalars::of(folder)?);
    Events::open(folder, Contents { config: &config, statistics, step, total: Some(step), scalars })?;
    Ok(folder.report_file())
}
