//! Training and measuring: one run folder and one result a recipe and seed, each whole or not there.
//!
//! ```text
//! repro/gan-2014/
//!   index.html     the page                    results.json   the table
//!   results/       mnist-rpgan-seed-0.json …   runs/          mnist-rpgan-seed-0/ …, as `gansaku train` makes them; beside
//!                                                             them what each was begun with
//!   pictures/      mnist-rpgan-samples.png …
//! ```
//!
//! Called again, it keeps what is finished and goes on with what is not, exactly.

use super::order::{Job, Order, jobs};
use super::outcome::{Outcome, Said};
use super::{classifier, measuring, page, pictures, table, words};
use crate::config::Config;
use crate::data;
use crate::doctor::{self, Means};
use crate::error::{Error, Result};
use crate::eval::compare::blank;
use crate::eval::kept::Kept;
use crate::eval::parzen;
use crate::inference::LoadedRun;
use crate::numbers::{Numbers, counted, duration_in_words};
use crate::records::{Diagnosis, Verdict};
use crate::run::{Folder, Line, atomic, checkpoint, journal};
use crate::train::reporter;
use crate::train::signals::Signals;
use crate::train::{Request, Start, Trained, fit, train};
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

/// Does what is asked. The table as text.
///
/// # Errors
/// What cannot be used is told before anything is written; after that, whatever stops a training.
pub fn reproduce(order: &Order) -> Result<String> {
    // A device that is not there is told first, too.
    parzen::open(order.hardware.device)?;
    let jobs = jobs(order)?;
    rehearse(order, &jobs)?;
    fs::create_dir_all(&order.out).map_err(|e| Error::io("make the folder", &order.out, &e))?;
    let _lock = Folder { path: order.out.clone() }.lock()?;
    let signals = Signals::listen()?;
    let deadline = order.time.map(|time| Instant::now() + time);
    let (mut waiting, mut diverged) = (0, None);
    for (i, job) in jobs.iter().enumerate() {
        let place = format!("[{}/{}] {}", i + 1, jobs.len(), job.name());
        if let Some(kept) = kept(order, job)? {
            let time = duration_in_words(kept.seconds);
            tell!("{place}: kept, {} in {time}", counted(kept.step, "step"));
            continue;
        }
        if left(deadline) == Some(Duration::ZERO) {
            waiting += 1;
            continue;
        }
        tell!("{place}");
        claim(order, job)?;
        classifier::make(order, job)?;
        match work(order, job, deadline) {
            Ok(Some(outcome)) if outcome.step >= job.wanted => {}
            Ok(_) => waiting += 1,
            // Other runs need not wait for one that cannot go on.
            Err(e @ Error::Diverged { step, .. }) => {
                tell!("{place}: {e}");
                failed(order, job, step)?.write(&order.out)?;
                diverged.get_or_insert(e);
            }
            Err(e) => return Err(e),
        }
        write_up(order)?;
        if let Some(signal) = signals.come() {
            return Err(signal.ended(format!("{place} is done; the same command goes on")));
        }
    }
    if waiting > 0 {
        let all = jobs.len();
        tell!("time is up: {waiting} of {all} runs are unfinished; the same command goes on with them");
    }
    let tables = write_up(order)?;
    match diverged {
        None => Ok(tables),
        Some(e) => {
            tell!("{tables}");
            Err(e)
        }
    }
}

/// Tables and page of all that was measured; the table as text.
fn write_up(order: &Order) -> Result<String> {
    let outcomes = Outcome::all(&order.paper, &order.out)?;
    let tables = table::tables(&order.paper, &outcomes);
    let json = serde_json::json!({ "paper": order.paper.name, "tables": tables, "runs": outcomes });
    atomic::write(&order.out.join("results.json"), format!("{json:#}\n").as_bytes())?;
    let page = page::page(&order.paper, &tables, &outcomes, &order.out);
    atomic::write(&order.out.join("index.html"), page.as_bytes())?;
    Ok(words::text(&order.paper, &tables))
}

/// The result of an earlier call, where it goes as far as is asked.
fn kept(order: &Order, job: &Job) -> Result<Option<Outcome>> {
    let path = Outcome::file(&order.out, job.recipe.recipe(), job.seed);
    let Some(kept) = Outcome::read(&path)? else { return Ok(None) };
    if kept.sha256 != job.hash() {
        let changes = if kept.changes.is_empty() { "no --set".into() } else { kept.changes.join(", ") };
        return Err(Error::Checkpoint(format!(
            "{}: trained with another configuration ({changes}) or on other data; give another --out, or the same \
             --set values and data",
            path.display()
        )));
    }
    Ok((kept.step >= job.wanted && !kept.diverged).then_some(kept))
}

/// Writes beside a run what decides its weights before it begins, so that an unfinished one only ever goes on with the
/// same data and configuration.
fn claim(order: &Order, job: &Job) -> Result<()> {
    let folder = order.out.join("runs");
    let path = folder.join(format!("{}-seed-{}.sha256", job.recipe.recipe(), job.seed));
    match fs::read_to_string(&path) {
        Ok(before) if before.trim() == job.hash() => Ok(()),
        Ok(_) => Err(Error::Checkpoint(format!(
            "{}: begun with another configuration or other data; give another --out, or the same --set values and data",
            path.with_extension("").display()
        ))),
        Err(e) if e.kind() != ErrorKind::NotFound => Err(Error::io("read", &path, &e)),
        Err(_) => {
            fs::create_dir_all(&folder).map_err(|e| Error::io("make the folder", &folder, &e))?;
            atomic::write(&path, format!("{}\n", job.hash()).as_bytes())
        }
    }
}

/// Measures a blank model of each experiment that has something to train.
fn rehearse(order: &Order, jobs: &[Job]) -> Result<()> {
    let mut rehearsed: Vec<&str> = Vec::new();
    for job in jobs {
        let name = job.experiment.name.as_str();
        if rehearsed.contains(&name) || kept(order, job)?.is_some() {
            continue;
        }
        let config = job.config();
        measuring::rehearse(order, job, &data::load(&config.data, config.seed)?)?;
        rehearsed.push(name);
    }
    Ok(())
}

fn left(deadline: Option<Instant>) -> Option<Duration> {
    deadline.map(|end| end.saturating_duration_since(Instant::now()))
}

/// Trains what is missing and measures it; nothing where the time did not reach the last stage.
fn work(order: &Order, job: &Job, deadline: Option<Instant>) -> Result<Option<Outcome>> {
    let mut seconds = 0.0;
    let mut before: Option<Trained> = None;
    for config in &job.configs {
        if before.as_ref().is_some_and(|stage| stage.step < stage.total) {
            return Ok(None);
        }
        let trained = stage(order, config, before.as_ref(), left(deadline))?;
        seconds += trained.seconds;
        before = Some(trained);
    }
    let trained = before.expect("a recipe has stages");
    let outcome = measure(order, job, &trained, seconds)?;
    outcome.write(&order.out)?;
    Ok(Some(outcome))
}

/// Trains one stage from the weights of the stage before it, or goes on with it; begins anew where that stage was trained
/// on since.
fn stage(order: &Order, config: &Config, from: Option<&Trained>, time: Option<Duration>) -> Result<Trained> {
    let (out, name) = (order.out.join("runs"), folder_name(config));
    let run = out.join(&name);
    if let Some(before) = from {
        let stage = before.run.file_name().unwrap_or_default().to_string_lossy();
        begins_with(&run, &format!("step {} of {stage}", before.step))?;
    }
    let mut config = config.clone();
    if let Some(steps) = order.steps {
        (config.train.steps, config.train.epochs) = (steps, 0);
    }
    let start = if let Some((done, _)) = checkpoint::list(&run.join("checkpoints"))?.first() {
        // What an earlier call trained is not taken back.
        if config.train.epochs == 0 {
            config.train.steps = config.train.steps.max(*done);
        }
        Start::Resume(run)
    } else {
        if run.exists() {
            // Killed before its first checkpoint.
            fs::remove_dir_all(&run).map_err(|e| Error::io("remove", &run, &e))?;
        }
        Start::New { out, name: Some(name), init_from: from.map(|before| before.run.clone()) }
    };
    train(&Request { config, start, device: order.hardware.device, threads: order.hardware.threads, time })
}

/// What the run of a stage is called.
fn folder_name(config: &Config) -> String {
    format!("{}-seed-{}", config.recipe, config.seed)
}

/// Writes beside a run which weights it begins with; one that was begun with others is removed. Of a run from before this
/// was written nothing is known, and it stays.
fn begins_with(run: &Path, weights: &str) -> Result<()> {
    let file = run.with_extension("from");
    let known = fs::read_to_string(&file).ok();
    if known.as_deref() == Some(weights) {
        return Ok(());
    }
    if known.is_some() && run.exists() {
        tell!("{} begins anew, with {weights}", run.display());
        fs::remove_dir_all(run).map_err(|e| Error::io("remove", run, &e))?;
    }
    if let Some(folder) = run.parent() {
        fs::create_dir_all(folder).map_err(|e| Error::io("make the folder", folder, &e))?;
    }
    atomic::write(&file, weights.as_bytes())
}

/// What is known of a job's run before anything is measured.
fn unmeasured(order: &Order, job: &Job, step: u64, diagnosis: Diagnosis) -> Outcome {
    let said = |v: Verdict| Said { state: v.state, evidence: v.evidence };
    Outcome {
        experiment: job.experiment.name.clone(),
        recipe: job.config().recipe.clone(),
        edition: job.recipe.edition,
        seed: job.seed,
        step,
        full: job.full,
        diverged: false,
        changes: order.sets.clone(),
        sha256: job.hash(),
        version: env!("CARGO_PKG_VERSION").into(),
        device: String::new(),
        seconds: 0.0,
        data: String::new(),
        protocols: BTreeMap::new(),
        values: BTreeMap::new(),
        references: BTreeMap::new(),
        doctor: diagnosis.verdicts.into_iter().map(said).collect(),
        warnings: diagnosis.notes,
    }
}

/// The outcome of a job whose numbers ceased to be finite: it stands in the table, without a number, lest a mean of the
/// others pass for that of all.
fn failed(order: &Order, job: &Job, step: u64) -> Result<Outcome> {
    let run = |config: &Config| order.out.join("runs").join(folder_name(config));
    // The stage that failed is the last that was begun.
    let begun = job.configs.iter().map(run).rfind(|run| run.is_dir());
    let folder = Folder { path: begun.unwrap_or_else(|| run(job.config())) };
    let lines = journal::read::<Line>(&folder.metrics_file())?;
    Ok(Outcome {
        diverged: true,
        device: folder.machine().map_or(String::new(), |machine| machine.device),
        seconds: lines.last().map_or(0.0, |line| line.seconds),
        ..unmeasured(order, job, step, doctor::recorded(&folder.path)?)
    })
}

/// Measures a run and draws the pictures of the first seed.
fn measure(order: &Order, job: &Job, trained: &Trained, seconds: f64) -> Result<Outcome> {
    let config = job.config();
    let (checkpoint, from, warnings) = checkpoint::locate(&trained.run)?;
    warnings.iter().for_each(|w| tell!("warning: {w}"));
    let dataset = data::load(&config.data, config.seed)?;
    let means = Means { data: None, hardware: order.hardware, fit: fit::quietly };
    let mut outcome = Outcome {
        device: trained.device.clone(),
        seconds,
        data: dataset.name.clone(),
        ..unmeasured(order, job, trained.step, doctor::diagnose(&trained.run, &means)?)
    };
    // The run's own page has the numbers too.
    let whose = (from.as_path(), checkpoint.state.step);
    let blank = blank(whose, &checkpoint.config, &dataset, job.data.clone());
    let mut kept = Kept::open(None, blank)?;
    for m in measuring::measurements(order, job, checkpoint.clone(), &from, &dataset, None)? {
        kept.add(m.clone())?;
        outcome.protocols.insert(m.metric.clone(), m.protocol);
        outcome.values.extend(named(&m.metric, &m.values));
        for (who, values) in m.reference {
            outcome.references.entry(who).or_default().extend(named(&m.metric, &values));
        }
        outcome.warnings.extend(m.warnings.into_iter().map(|w| format!("{}: {w}", m.metric)));
    }
    reporter::again(&Folder { path: trained.run.clone() }, None, order.hardware)?;
    if job.seed == 0 {
        let mut run = LoadedRun::of(checkpoint, from, order.hardware.open()?)?;
        pictures::draw(job.experiment, &mut run, &dataset, &order.out.join("pictures"))?;
    }
    Ok(outcome)
}

/// `METRIC.VALUE`; what is not finite has no number.
fn named(metric: &str, values: &Numbers) -> BTreeMap<String, Option<f64>> {
    values.iter().map(|(name, x)| (format!("{metric}.{name}"), x.is_finite().then_some(*x))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_goes_on_only_from_the_weights_it_was_begun_with() {
        let folder = tempfile::tempdir().expect("a folder");
        let run = folder.path().join("runs/tfd-2014-seed-0");
        let begins = |weights: &str| begins_with(&run, weights).expect("writable");
        begins("step 100 of tfd-2014-pretrain-seed-0");
        fs::create_dir(&run).expect("made");
        begins("step 100 of tfd-2014-pretrain-seed-0");
        assert!(run.exists(), "the same weights");
        begins("step 4000 of tfd-2014-pretrain-seed-0");
        assert!(!run.exists(), "others");
        fs::create_dir(&run).expect("made");
        begins("step 4000 of tfd-2014-pretrain-seed-0");
        assert!(run.exists());
        fs::remove_file(run.with_extension("from")).expect("there");
        begins("step 5000 of tfd-2014-pretrain-seed-0");
        assert!(run.exists(), "nothing is known of it");
    }
}
