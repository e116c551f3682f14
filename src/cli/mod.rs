//! The command line: what can be typed, and the way from there to the rest of the program. Data goes to
//! stdout, talk to stderr; exit codes are in [`crate::error::Error::exit_code`].

mod bench;
mod classifier;
mod completions;
mod directions;
mod doctor;
mod eval;
mod export;
mod inspect;
mod interpolate;
mod keys;
mod latents;
mod measured;
mod mix;
mod out;
mod overrides;
mod project;
mod report;
mod repro;
mod runs;
mod sample;
mod style;
mod targets;
mod train;
mod translate;

use crate::config::{MOST_EXAMPLES, nearest};
use crate::error::{Error, Result};
use crate::exec::{Device, Hardware};
use crate::train::signals;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Everything that can be typed.
#[derive(Debug, Parser)]
#[command(
    name = "gansaku",
    version,
    about = "Trains generative adversarial networks",
    long_about = "Trains generative adversarial networks: a forger G and an appraiser D, two networks in a minimax \
                  game.\n\nStart with `gansaku train`: it needs no data and no GPU, and leaves a picture in runs/.",
    after_help = "Exit codes: 0 done, 1 failure (also an alarm of doctor --fail), 2 usage, 3 data, 4 checkpoint, 5 device, 6 diverged,\n\
                  75 stopped by SIGTERM or SIGHUP after saving, 130 stopped by Ctrl-C after saving.",
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Train(train::Train),
    Sample(sample::Sample),
    Interpolate(interpolate::Interpolate),
    Mix(mix::Mix),
    Directions(directions::DirectionsArgs),
    Project(project::Project),
    Translate(translate::Translate),
    Eval(eval::Eval),
    Export(export::Export),
    Repro(repro::Repro),
    Report(report::Report),
    Runs(runs::Runs),
    Prune(runs::Prune),
    Classifier(classifier::Classifier),
    Plan(inspect::Plan),
    Data(inspect::Data),
    Bench(bench::Bench),
    Recipes(inspect::Recipes),
    Keys(keys::Keys),
    Doctor(doctor::Doctor),
    /// Print the completion script of a shell; that of bash, zsh and fish knows recipes and metrics.
    ///
    /// For example: gansaku completions bash > ~/.local/share/bash-completion/completions/gansaku
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Print the man page, or write it and one a subcommand into a folder.
    Man {
        /// Folder for gansaku.1, gansaku-train.1 …
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}

/// Runs the program with the arguments it was started with.
pub fn main() -> ExitCode {
    let cli = match command().try_get_matches().and_then(|m| Cli::from_arg_matches(&m)) {
        Ok(cli) => cli,
        Err(e) => {
            let e = without_dashes(e);
            // Help and version go to stdout and are no failure.
            let code = if e.use_stderr() { 2 } else { 0 };
            let _ = e.print();
            return ExitCode::from(code);
        }
    };
    match signals::outlive_file_limit().and_then(|()| run(cli.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            match e {
                Error::Interrupted(_) | Error::Terminated(_) => tell!("stopped: {e}"),
                _ => tell!("error: {e}"),
            }
            ExitCode::from(e.exit_code())
        }
    }
}

/// The command line. "-1" is a number that a flag refuses with its range, not a flag that nobody knows.
fn command() -> clap::Command {
    let takes_values = |arg: clap::Arg| match arg.get_action() {
        clap::ArgAction::Set | clap::ArgAction::Append => arg.allow_negative_numbers(true),
        _ => arg,
    };
    Cli::command().mut_subcommands(|s| s.mut_args(takes_values))
}

/// The error without clap's advice to write an unknown flag as a value behind "--": nobody means that here.
fn without_dashes(mut error: clap::Error) -> clap::Error {
    use clap::error::{ContextKind, ContextValue};
    if let Some(ContextValue::StyledStrs(tips)) = error.remove(ContextKind::Suggested) {
        let useful: Vec<_> = tips.into_iter().filter(|tip| !tip.to_string().contains("as a value")).collect();
        if !useful.is_empty() {
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(useful));
        }
    }
    error
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Train(args) => train::run(args),
        Command::Sample(args) => sample::sample(&args),
        Command::Interpolate(args) => interpolate::interpolate(&args),
        Command::Mix(args) => mix::run(&args),
        Command::Directions(args) => directions::run(&args),
        Command::Project(args) => project::run(&args),
        Command::Translate(args) => translate::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Repro(args) => repro::run(args),
        Command::Report(args) => report::run(&args),
        Command::Runs(args) => runs::runs(&args),
        Command::Prune(args) => runs::prune(&args),
        Command::Classifier(args) => classifier::run(&args),
        Command::Plan(args) => inspect::plan(&args),
        Command::Data(args) => inspect::data(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Recipes(args) => inspect::recipes(&args),
        Command::Keys(args) => keys::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Completions { shell } => completions::run(Cli::command(), shell),
        Command::Man { out } => man(out),
    }
}

fn man(out: Option<PathBuf>) -> Result<()> {
    let Some(out) = out else {
        let mut page = Vec::new();
        let rendered = clap_mangen::Man::new(Cli::command()).render(&mut page);
        rendered.expect("memory takes the page");
        return print(&String::from_utf8_lossy(&page));
    };
    std::fs::create_dir_all(&out).map_err(|e| Error::io("make the folder", &out, &e))?;
    clap_mangen::generate_to(Cli::command(), &out).map_err(|e| Error::io("write the pages into", &out, &e))
}

/// Prints data. A reader that closed the pipe has seen enough: no error.
fn print(text: &str) -> Result<()> {
    use std::io::Write;
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::Failure(format!("cannot write to stdout: {e}")))
        }
        _ => Ok(()),
    }
}

/// What `--threads` says: workers of every network, 0 for one a core. Reading and measuring, which share workers, take as
/// many: so each command asks once.
fn threads(wished: Option<u16>) -> Result<usize> {
    let Some(count) = wished.map(usize::from) else { return Ok(0) };
    let built = rayon::ThreadPoolBuilder::new().num_threads(count).build_global();
    built.map_err(|e| Error::Failure(format!("cannot start {count} threads: {e}; try --threads 1")))?;
    Ok(count)
}

/// Checks, before long work, that what it is to leave at a path, if it is, has a folder to lie in and is none.
fn has_folder(flag: &str, path: Option<&Path>) -> Result<()> {
    let Some(path) = path else { return Ok(()) };
    if path.is_dir() {
        return Err(Error::Usage(format!(
            "{flag} {}: that is a folder; expected a file's name",
            path.display()
        )));
    }
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    match folder.filter(|folder| !folder.is_dir()) {
        Some(folder) => Err(Error::Usage(format!(
            "{flag} {}: there is no folder {}; make it first",
            path.display(),
            folder.display()
        ))),
        None => Ok(()),
    }
}

/// What `--json` means: whether JSON is all that goes to stdout, and the file it goes to.
fn json(path: Option<&Path>) -> (bool, Option<&Path>) {
    match path {
        Some(path) if path == Path::new("-") => (true, None),
        file => (false, file),
    }
}

/// A whole number.
fn whole<N: std::str::FromStr>(text: &str) -> std::result::Result<N, String> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let why = if digits { "too large a number" } else { "expected a whole number, 0 or more" };
    text.parse().map_err(|_| why.to_string())
}

/// A whole number that is not 0.
fn positive(text: &str) -> std::result::Result<u64, String> {
    count(text).and_then(|n| if n == 0 { Err("expected at least 1".into()) } else { Ok(n) })
}

/// A flag's number as TOML holds it.
fn number(n: u64, flag: &str) -> Result<toml::Value> {
    number_to(i64::MAX, n, flag)
}

/// `--batch`.
fn batch(n: u64) -> Result<toml::Value> {
    number_to(MOST_EXAMPLES as i64, n, "batch")
}

fn number_to(most: i64, n: u64, flag: &str) -> Result<toml::Value> {
    let number = i64::try_from(n).ok().filter(|&n| n <= most).map(toml::Value::Integer);
    number.ok_or_else(|| Error::Usage(format!("--{flag} {n}: expected at most {most}")))
}

/// A count, also as 10k, 2.5M or 1e4.
fn count(text: &str) -> std::result::Result<u64, String> {
    let (number, factor) = match text.strip_suffix(['k', 'K']) {
        Some(number) => (number, 1e3),
        None => text.strip_suffix('M').map_or((text, 1.0), |number| (number, 1e6)),
    };
    let short = factor > 1.0 || number.contains(['e', 'E']);
    if !short || !number.starts_with(|c: char| c.is_ascii_digit()) {
        return whole(text);
    }
    let n = number.parse::<f64>().ok().map(|n| n * factor);
    // Every whole number up to here is a float.
    let n = n.filter(|n| n.fract() == 0.0 && *n <= 9e15);
    n.map(|n| n as u64).ok_or_else(|| "expected a whole number, such as 9000, 10k or 1e4".into())
}

/// "90s", "5m" or "5min", "1.5h", "1h30m", or seconds.
fn duration(text: &str) -> std::result::Result<Duration, String> {
    let seconds = seconds(text).filter(|s| *s > 0.0 && *s < 1e9);
    let expected = || "expected a time such as 60s, 5m, 1.5h or 1h30m".to_string();
    seconds.map(Duration::from_secs_f64).ok_or_else(expected)
}

/// Seconds of a time: numbers, each with its unit; a number alone is one of seconds.
fn seconds(text: &str) -> Option<f64> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(seconds);
    }
    let (mut rest, mut sum, mut greater) = (text.trim(), 0.0, f64::INFINITY);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, unit) = rest.split_at(digits);
        let letters = unit.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(unit.len());
        let (unit, after) = unit.split_at(letters);
        let factor = match unit {
            "s" | "sec" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        // From the greatest unit to the least, each once.
        if factor >= greater {
            return None;
        }
        sum += number.parse::<f64>().ok()? * factor;
        (rest, greater) = (after.trim_start(), factor);
    }
    Some(sum).filter(|_| greater.is_finite())
}

/// `--device` and `--threads`, of every command that runs networks.
#[derive(Debug, Clone, Copy, clap::Args)]
struct HardwareArgs {
    /// Where networks run: auto, cpu, cuda, cuda:N
    #[arg(long, value_name = "DEVICE", default_value = "auto", value_parser = device)]
    device: Device,
    /// Worker threads; any number gives the same bytes [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

impl HardwareArgs {
    /// What is meant; asked once a command, as [`threads`] is.
    fn settle(&self) -> Result<Hardware> {
        Ok(Hardware { device: self.device, threads: threads(self.threads)? })
    }
}

/// What a name of a device means.
fn device(text: &str) -> std::result::Result<Device, String> {
    match text {
        "auto" => Ok(Device::Auto),
        "cpu" => Ok(Device::Cpu),
        "cuda" => Ok(Device::Cuda(0)),
        _ => text.strip_prefix("cuda:").and_then(|n| n.parse().ok()).map(Device::Cuda).ok_or_else(|| {
            let near = nearest(text, ["auto", "cpu", "cuda"].into_iter());
            let near = if text == "gpu" { Some("cuda") } else { near };
            let hint = near.map_or(String::new(), |n| format!("; did you mean {n}?"));
            format!("expected auto, cpu, cuda or cuda:N{hint}")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        let seconds = |t: &str| duration(t).map(|d| d.as_secs_f64()).ok();
        assert_eq!(["60s", "5m", "1.5h", "90"].map(seconds), [60.0, 300.0, 5400.0, 90.0].map(Some));
        assert_eq!(
            ["5min", "1h30m", "1h 30min", "2m5s"].map(seconds),
            [300.0, 5400.0, 5400.0, 125.0].map(Some)
        );
        assert_eq!(["", "s", "-3s", "1d", "NaN", "1e30h"].map(seconds), [None; 6]);
        assert_eq!(["1h30", "30m1h", "1m1m", "1.2.3s", "5 m5", "0s"].map(seconds), [None; 6]);
    }

    #[test]
    fn counts_are_read_as_people_write_them() {
        assert_eq!(
            ["9000", "10k", "1e4", "2.5k", "1M", "0"].map(|t| count(t).ok()),
            [9000, 10_000, 10_000, 2500, 1_000_000, 0].map(Some)
        );
        assert_eq!(
            ["", "k", "-1k", "1.5", "1.0005k", "1e-3", "1e99", "NaN", "ten"].map(|t| count(t).ok()),
            [None; 9]
        );
    }

    #[test]
    fn devices_are_read_or_refused() {
        assert_eq!(device("cuda:1"), Ok(Device::Cuda(1)));
        assert!(device("cuda:x").is_err() && device("cuda1").is_err() && device("gpu").is_err());
        assert!(device("cudda").is_err_and(|e| e.contains("did you mean cuda")));
    }
}
