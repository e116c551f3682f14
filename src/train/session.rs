//! A training with its folder open: steps, and what is logged, drawn, probed and saved between them.

use super::best::Keeper;
use super::estimate;
use super::prepare::{Prepared, restore};
use super::progress::Progress;
use super::reporter::{Material, Reporter};
use super::request::{Request, Start, Trained};
use super::scalars;
use super::signals::Signals;
use super::trainer::Trainer;
use crate::config::Config;
use crate::console::typed;
use crate::data::Dataset;
use crate::doctor::{self, live::Live};
use crate::error::{Error, Result};
use crate::exec::Opened;
use crate::export::pytorch;
use crate::inference::{self, Engine};
use crate::models::statistic::loss_scale;
use crate::models::{Direction, Game};
use crate::numbers::{counted, grouped, readable};
use crate::pictures::{Display, columns};
use crate::records::State;
use crate::report::run::Status;
use crate::report::tensorboard::{Contents, Events};
use crate::run::{DataCard, Folder, Lock, Machine, Metrics, atomic, checkpoint};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A training with its folder open.
pub(super) struct Session {
    trainer: Trainer,
    display: Display,
    folder: Folder,
    _lock: Lock,
    metrics: Metrics,
    events: Events,
    reporter: Reporter,
    data: Arc<Dataset>,
    doctor: Live,
    /// Chooses the best checkpoint, where that is asked for.
    keeper: Option<Keeper>,
    pub(super) progress: Progress,
    signals: Signals,
    /// Seconds that resumed runs had trained before.
    seconds_before: f64,
    begun: Instant,
    /// Steps that were done before.
    from: u64,
    /// The newest checkpoint known to be whole.
    saved: Option<PathBuf>,
    /// When it was made, or the training began.
    saved_at: Instant,
    /// A checkpoint that was made because time had passed: the next one replaces it.
    interim: Option<PathBuf>,
}

impl Session {
    pub(super) fn open(request: &Request, device: Opened) -> Result<Session> {
        let config = &request.config;
        // What does not fit is told before anything is written.
        let Prepared { dataset, mut trainer, keeper, told } = Prepared::of(request, device)?;
        let display = Display::new(dataset.shape, &config.data);
        // From here on a signal leaves a run that can be resumed: before, it leaves nothing at all.
        let signals = Signals::listen()?;
        let (folder, lock, saved) = match &request.start {
            Start::New { out, name, .. } => {
                told.iter().for_each(|told| tell!("start: {told}"));
                let folder = Folder::create(out, name.as_deref(), &config.recipe)?;
                let lock = folder.lock()?;
                atomic::write(&folder.samples().join("reals.png"), &reals(&dataset, display, config))?;
                (folder, lock, None)
            }
            Start::Resume(path) => {
                let folder = Folder::open(path)?;
                let lock = folder.lock()?;
                let folder = folder.furnish()?;
                let path = restore(&mut trainer, &folder)?;
                checkpoint::settle_best(&folder.checkpoints(), &path, &trainer.state)?;
                let best = &mut trainer.state.best;
                *best = best.take().filter(|b| Some(b.metric) == config.checkpoint.best_by);
                (folder, lock, Some(path))
            }
        };
        folder.write_config(config)?;
        let code = pytorch::code(config, &trainer.state, Direction::Forward);
        atomic::write(&folder.path.join(pytorch::FILE), code.as_bytes())?;
        folder.write_data(&DataCard::of(&dataset, config.data.path.as_deref()))?;
        let (metrics, lines) = Metrics::open(&folder.metrics_file(), config.log.every, trainer.state.step)?;
        let (from, total) = (trainer.state.step, trainer.total());
        let seconds_before = lines.last().map_or(0.0, |l| l.seconds);
        folder.write_machine(&Machine {
            gansaku: env!("CARGO_PKG_VERSION").into(),
            device: trainer.machine(),
            trainings: folder.trainings(from, seconds_before),
        })?;
        let statistics = trainer.game.statistics();
        tell(&dataset, &trainer, &folder);
        let doctor = Live::open(&folder, config, &dataset, from, &lines)?;
        let scalars = scalars::of(&folder)?;
        let contents =
            Contents { config, statistics: statistics.clone(), step: from, total: Some(total), scalars };
        let events = Events::open(&folder, contents)?;
        Ok(Session {
            progress: Progress::new(from, total, request.time, statistics),
            signals,
            seconds_before,
            begun: Instant::now(),
            from,
            trainer,
            display,
            folder,
            _lock: lock,
            metrics,
            events,
            reporter: Reporter::default(),
            data: dataset,
            doctor,
            keeper,
            saved,
            saved_at: Instant::now(),
            interim: None,
        })
    }

    /// Steps until the last one, the time limit or a signal.
    pub(super) fn run(&mut self, time: Option<Duration>) -> Result<()> {
        if self.from == 0 {
            self.picture()?;
            self.report(Status::Training)?;
        }
        let mut more = String::new();
        while self.trainer.state.step < self.trainer.total() {
            if let Some(signal) = self.signals.come() {
                self.close()?;
                return Err(signal.stopped(self.trainer.state.step, &self.folder.path));
            }
            if time.is_some_and(|limit| self.begun.elapsed() >= limit) {
                break;
            }
            let best = self.trainer.state.best.as_ref();
            if let Some(why) = self.keeper.as_ref().and_then(|k| k.gives_up(best)) {
                tell!("best: {why}");
                let patience = self.trainer.config.checkpoint.patience;
                more = best
                    .and_then(|b| b.more_patience(patience))
                    .map_or(String::new(), |n| format!(" --patience {n}"));
                break;
            }
            self.trainer.advance(self.undisturbed())?;
            self.progress.step(self.trainer.state.step);
            self.do_what_is_due()?;
        }
        self.close()?;
        let (step, total) = (self.trainer.state.step, self.trainer.total());
        if step < total {
            tell!("go on with: gansaku train --resume {}{more}", typed(&self.folder.path));
        }
        Ok(())
    }

    /// What this step asks for beside training: a line of metrics, a picture, a checkpoint, the report.
    fn do_what_is_due(&mut self) -> Result<()> {
        let (log, every) = (self.trainer.config.log, self.trainer.config.checkpoint.every);
        let step = self.trainer.state.step;
        if step.is_multiple_of(log.every) {
            let line = self.trainer.line(self.seconds())?;
            self.metrics.add(&line)?;
            self.events.line(&line)?;
            self.progress.line(&line);
            let heard = self.doctor.line(&line)?;
            heard.iter().for_each(|word| tell!("doctor: {word}"));
        }
        if log.is_drawn(step) {
            self.picture()?;
        }
        if step.is_multiple_of(log.samples_every) {
            self.probe()?;
        }
        if step.is_multiple_of(every) {
            self.evaluate()?;
            self.save()?;
            self.keep_best()?;
        } else if self.is_overdue() {
            self.save()?;
            self.interim = self.saved.clone();
        }
        if log.is_drawn(step) && self.reporter.is_due(self.begun.elapsed()) {
            self.report(Status::Training)?;
        }
        Ok(())
    }

    /// Whether the last checkpoint is so long ago that one is made between those that are due.
    fn is_overdue(&self) -> bool {
        let minutes = self.trainer.config.checkpoint.minutes;
        minutes > 0.0 && self.saved_at.elapsed().as_secs_f64() >= 60.0 * minutes
    }

    /// Leaves all that a stopped or finished training leaves, and tells where.
    fn close(&mut self) -> Result<()> {
        self.save()?;
        let picture = self.picture()?;
        let (step, total) = (self.trainer.state.step, self.trainer.total());
        let last_word = self.doctor.last_word(&mut self.trainer.engine()?, step)?;
        self.report(if step >= total { Status::Finished } else { Status::Stopped })?;
        self.progress.finish();
        last_word.iter().for_each(|word| tell!("doctor: {word}"));
        let all = if self.from > 0 { format!(" ({} in all)", grouped(step)) } else { String::new() };
        let (done, time) = (step - self.from, readable(self.begun.elapsed()));
        tell!("{}{all} in {time}; samples: {}", counted(done, "step"), picture.display());
        tell!("what came of it: {}", self.folder.report_file().display());
        Ok(())
    }

    pub(super) fn trained(&self) -> Trained {
        Trained {
            run: self.folder.path.clone(),
            step: self.trainer.state.step,
            total: self.trainer.total(),
            seconds: self.seconds(),
            device: self.trainer.device(),
        }
    }

    /// Seconds of training, over all resumes.
    fn seconds(&self) -> f64 {
        self.seconds_before + self.begun.elapsed().as_secs_f64()
    }

    /// Steps until something else than a step is due.
    fn undisturbed(&self) -> u64 {
        let Config { log, checkpoint, .. } = &self.trainer.config;
        let step = self.trainer.state.step;
        let due = [log.every, log.samples_every, checkpoint.every].map(|every| every - step % every);
        // Pictures at powers of two come before the first that is due.
        let doubled = (step + 1).next_power_of_two() - step;
        let early = (step < log.samples_every).then_some(doubled);
        due.into_iter().chain(early).fold(self.trainer.total() - step, u64::min)
    }

    /// Saves a checkpoint, unless something in it is not finite.
    fn save(&mut self) -> Result<()> {
        let snapshot = self.trainer.snapshot()?;
        snapshot.check()?;
        self.metrics.flush()?;
        self.doctor.flush()?;
        let saved = checkpoint::replace(&self.folder.checkpoints(), &snapshot, self.interim.as_deref())?;
        (self.saved, self.saved_at, self.interim) = (Some(saved), Instant::now(), None);
        Ok(())
    }

    /// Samples of the same noise each time, into `samples/`.
    fn picture(&mut self) -> Result<PathBuf> {
        let (step, config) = (self.trainer.state.step, &self.trainer.config);
        let (count, seed) = (config.log.samples, config.seed);
        let translates = config.model.translates();
        let latent = inference::noise(config, seed, count);
        let game = self.trainer.game.clone();
        let mut engine = self.trainer.engine()?;
        let png = if translates {
            translations(&mut engine, &*game, &self.data, self.display, count)?
        } else {
            let labels = engine.labels_of(seed, 0..count);
            let samples = engine.sample(0, &latent, &labels)?;
            self.display.png(&samples, columns(count))
        };
        let path = self.folder.picture(step);
        atomic::write(&path, &png)?;
        self.events.picture(step, &png)?;
        Ok(path)
    }

    /// Writes `report.html`.
    fn report(&mut self, status: Status) -> Result<()> {
        let (step, game) = (self.trainer.state.step, self.trainer.game.clone());
        let (config, best) = (self.trainer.config.clone(), self.trainer.state.best.clone());
        let material = Material {
            game: &*game,
            config: &config,
            engine: Some(self.trainer.engine()?),
            display: self.display,
            data: Ok(&self.data),
            best,
            verdicts: self.doctor.verdicts(),
            notes: vec![],
        };
        self.reporter.write(&self.folder, step, status, material)
    }

    /// Leaves a report that tells what ended the training. The error is what counts: whatever else fails is not told.
    pub(super) fn tell_failure(&mut self, error: &Error) {
        if matches!(error, Error::Interrupted(_) | Error::Terminated(_)) {
            return;
        }
        if let Error::Diverged { step, why } = error {
            let _ = self.diverged(*step, why);
        }
        let recorded = doctor::recorded(&self.folder.path);
        let material = Material {
            game: &*self.trainer.game,
            config: &self.trainer.config,
            engine: None,
            display: self.display,
            data: Ok(&self.data),
            best: self.trainer.state.best.clone(),
            verdicts: recorded.map_or(vec![], |diagnosis| diagnosis.verdicts),
            notes: vec![],
        };
        let (step, status) = (self.trainer.state.step, Status::Failed(error.to_string()));
        let _ = self.reporter.write(&self.folder, step, status, material);
    }

    /// Measures the generator where the best is kept. Only ever where a checkpoint is due: a run that stops in between
    /// and goes on chooses as one that never stopped.
    fn evaluate(&mut self) -> Result<()> {
        let Some(keeper) = &mut self.keeper else { return Ok(()) };
        let before = self.trainer.state.best.clone();
        let generator = self.trainer.generator(self.data.shape)?;
        let (best, told) = keeper.judge(generator, before.as_ref())?;
        self.trainer.state.best = best;
        tell!("best: {told}");
        Ok(())
    }

    /// Keeps the checkpoint just saved if it is the best.
    fn keep_best(&mut self) -> Result<()> {
        let state = &self.trainer.state;
        let is_best = state.best.as_ref().is_some_and(|b| b.step == state.step);
        match &self.saved {
            Some(saved) if is_best => checkpoint::keep_best(&self.folder.checkpoints(), saved).map(|_| ()),
            _ => Ok(()),
        }
    }

    /// What the doctor measures and has to say.
    fn probe(&mut self) -> Result<()> {
        let step = self.trainer.state.step;
        let heard = self.doctor.probe(&mut self.trainer.engine()?, step)?;
        if let Some(probe) = self.doctor.last().filter(|probe| probe.step == step) {
            self.events.scalars(&scalars::of_probe(probe))?;
        }
        heard.iter().for_each(|word| tell!("doctor: {word}"));
        Ok(())
    }

    /// Notes in which step training ended, and why.
    fn diverged(&mut self, step: u64, why: &str) -> Result<()> {
        let sums = &self.trainer.state.window.sums;
        let floor = f64::from(crate::exec::scale::FLOOR);
        let networks = self.trainer.game.networks();
        let mut letters = networks.optimizers().map(|o| networks.role(o).letter());
        let fell = letters.any(|letter| sums.get(&loss_scale(letter)).is_some_and(|&s| s < floor));
        let state = if fell { State::LossScaleFloor } else { State::NonFinite };
        self.doctor.failed(state, step, why)
    }

    /// The error, and what a user still has.
    pub(super) fn with_last_good(&self, error: Error) -> Error {
        let rest = match (&self.saved, &error) {
            (None, _) => "; no checkpoint was made before".to_string(),
            (Some(good), Error::Diverged { .. }) => format!(
                "; the last good checkpoint is {}: start from it with --init-from and a smaller lr",
                good.display()
            ),
            (Some(good), _) => format!(
                "; the last good checkpoint is {}; go on with: gansaku train --resume {}",
                good.display(),
                typed(&self.folder.path)
            ),
        };
        match error {
            Error::Device(m) => Error::Device(m + &rest),
            Error::Failure(m) => Error::Failure(m + &rest),
            Error::Diverged { step, why } => Error::Diverged { step, why: why + &rest },
            other => other,
        }
    }
}

/// A PNG of so many translations, as many of each direction that there is: rows of what went in, what came out, and beside
/// them what came back, or should have come.
fn translations(
    engine: &mut Engine,
    game: &dyn Game,
    data: &Dataset,
    display: Display,
    count: usize,
) -> Result<Vec<u8>> {
    let directions: Vec<Direction> =
        Direction::ALL.into_iter().filter(|&d| game.translation(d).is_some()).collect();
    let (mut numbers, mut across) = (vec![], 1);
    for &direction in &directions {
        let rows = inference::rows(engine, game, data, direction, count.div_ceil(directions.len()))?;
        across = rows.columns.len();
        numbers.extend(rows.numbers);
    }
    Ok(display.png(&numbers, across * (ABREAST / across)))
}

/// Pictures of a sheet of translations beside each other, about.
const ABREAST: usize = 12;

/// A PNG of real examples, as many as samples will be shown.
fn reals(data: &Dataset, display: Display, config: &Config) -> Vec<u8> {
    let count = config.log.samples.min(data.train.count);
    let numbers = data.numbers_of(&data.train, data.train.shuffled(0..count));
    display.png(&numbers, columns(count))
}

fn tell(data: &Dataset, trainer: &Trainer, folder: &Folder) {
    match data.origin {
        Some(_) => tell!("data: {}, {}; {}", data.name, data.shape, data.counts()),
        None => tell!("data: {}, {} {}", data.name, data.train.count, data.shape),
    }
    data.notes.iter().for_each(|note| tell!("  {note}"));
    let networks = trainer.game.networks().all().iter();
    let sizes: Vec<String> = networks.map(|n| format!("{} {}", n.path, n.parameter_count())).collect();
    tell!(
        "model: {}, {} parameters, batch {}, seed {}",
        trainer.config.recipe,
        sizes.join(" and "),
        trainer.config.train.batch,
        trainer.config.seed,
    );
    let from = match trainer.state.step {
        0 => String::new(),
        step => format!(", from step {step}"),
    };
    tell!("run: {} on {}{from}", folder.path.display(), trainer.device());
    tell!("{}", estimate::told(trainer));
}
