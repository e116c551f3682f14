//! `gansaku runs`: what lies in a folder of runs. `gansaku prune`: what of it can be removed.

use super::print;
use crate::catalog::{self, Summary, prune::Plan};
use crate::error::{Error, Result};
use crate::numbers::bytes_in_words;
use crate::run::atomic;
use clap::Args;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// List the runs of a folder, and write its index.html.
///
/// A line a run: its recipe and data, steps, the doctor's verdict, the best checkpoint where one is kept, its size on the
/// disk and when training last wrote there; a damaged run says what is damaged. index.html, in the same folder, shows the same
/// with pictures, and curves of the runs over each other: one file that loads nothing. It is written by this command alone.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    gansaku runs\n  \
    gansaku runs experiments --json - | jq '.[] | select(.status == \"stopped\") | .path'")]
pub struct Runs {
    /// Folder of the runs
    #[arg(value_name = "DIR", default_value = "runs")]
    folder: PathBuf,
    /// Print the list as JSON (-), or write it to a file; no table and no page
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Remove the checkpoints of runs but the newest and the best.
///
/// Says what it would free. Only --yes removes: checkpoints that are neither the newest whole one nor the best, and those
/// that a crash left unfinished. Pictures, metrics and measurements stay, and so does whatever is no part of a checkpoint. A
/// run that is being trained is refused.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    gansaku prune runs/00000-digits\n  \
    gansaku prune runs/* --yes")]
pub struct Prune {
    /// Folders of runs
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// Remove, instead of only saying what would be
    #[arg(long, short)]
    yes: bool,
}

pub fn runs(args: &Runs) -> Result<()> {
    super::has_folder("--json", args.json.as_deref().filter(|path| path.as_os_str() != "-"))?;
    // Nobody has trained yet: that is no mistake of who asks.
    let nothing_yet = args.folder.as_os_str() == "runs" && !args.folder.exists();
    let runs = if nothing_yet { vec![] } else { catalog::runs_in(&args.folder)? };
    if let Some(to) = &args.json {
        return json(&runs, to);
    }
    if runs.is_empty() {
        tell!("{}: no run here; `gansaku train` makes one", args.folder.display());
        return Ok(());
    }
    print(&catalog::table(&runs, width(), SystemTime::now()))?;
    match catalog::write(&args.folder, &runs) {
        Ok(page) => tell!("{}: open it in a browser", page.display()),
        // The list is there; a folder that may not be written to has no page.
        Err(e) => tell!("warning: {e}"),
    }
    Ok(())
}

/// Columns of the terminal that stdout is; none of a file. Programs learn them from COLUMNS, where a shell exports it.
fn width() -> Option<usize> {
    let told = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let usual = std::io::stdout().is_terminal().then_some(80);
    told.filter(|&columns: &usize| columns >= 20).or(usual)
}

fn json(runs: &[Summary], to: &Path) -> Result<()> {
    let text = serde_json::to_string_pretty(runs).expect("names and numbers") + "\n";
    if to.as_os_str() == "-" {
        return print(&text);
    }
    let is_ours = |text: Vec<u8>| {
        let list: Option<Vec<serde_json::Value>> = serde_json::from_slice(&text).ok();
        list.is_some_and(|all| {
            all.iter().all(|run| run.get("path").is_some() && run.get("verdicts").is_some())
        })
    };
    if to.exists() && !std::fs::read(to).is_ok_and(is_ours) {
        return Err(Error::Usage(format!(
            "--json {}: the file holds something else than a list of runs; choose another name",
            to.display()
        )));
    }
    atomic::write(to, text.as_bytes())
}

pub fn prune(args: &Prune) -> Result<()> {
    // All are looked at, and held, before anything is removed. One that is named twice is one.
    let mut folders: Vec<PathBuf> = vec![];
    let mut plans: Vec<Plan> = vec![];
    for run in &args.runs {
        let whole = run.canonicalize().unwrap_or_else(|_| run.clone());
        if !folders.contains(&whole) {
            plans.push(Plan::of(run)?);
            folders.push(whole);
        }
    }
    for plan in &plans {
        print(&plan.told())?;
    }
    let bytes = bytes_in_words(plans.iter().map(|plan| plan.bytes).sum());
    if plans.iter().all(|plan| plan.gone.is_empty()) {
        return Ok(());
    }
    if !args.yes {
        tell!("nothing was removed; --yes removes it and frees {bytes}");
        return Ok(());
    }
    plans.into_iter().try_for_each(Plan::carry_out)?;
    tell!("removed: {bytes}");
    Ok(())
}
