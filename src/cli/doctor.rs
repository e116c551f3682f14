//! `gansaku doctor RUN`: how a training is doing. `gansaku doctor`: what this build and this machine can train on, and
//! why not on more.

use super::print;
use crate::doctor::{Diagnosis, Means, Verdict, diagnose};
use crate::error::{Error, Result};
use crate::run::{atomic, checkpoint};
use crate::train::fit;
use clap::Args;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Judge a run, from its metrics and its samples; without RUN, say which devices this build and machine can train on.
///
/// States: healthy, D won, G won, oscillation, mode collapse, memorising, ignores labels, pixel noise, checkerboard, stalled,
/// non-finite, loss scale at its floor, too early to tell; of translations: inverted, left as they are, further from the
/// truth, does not come back. Each has the numbers it rests on and a command to type. A conditional run of pictures is asked
/// whether it obeys its labels, by a small classifier that is trained once, in seconds.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  gansaku doctor runs/00000-digits\n  gansaku doctor runs/00000-digits --fail --json -\n  gansaku doctor\n  gansaku doctor --kernels"
)]
pub struct Doctor {
    /// A run's folder, also while it trains, or a checkpoint's
    #[arg(value_name = "RUN|CHECKPOINT", conflicts_with = "kernels")]
    run: Option<PathBuf>,
    /// The data it was trained on, if they moved
    #[arg(long, value_name = "PATH", requires = "run")]
    data: Option<PathBuf>,
    /// Also write the diagnosis as JSON, or print nothing but it with -
    #[arg(long, value_name = "FILE", requires = "run")]
    json: Option<PathBuf>,
    /// Exit with 1 where something should be changed: on every state but healthy and too early to tell
    #[arg(long, requires = "run")]
    fail: bool,
    #[command(flatten)]
    hardware: super::HardwareArgs,
    /// List registers, shared memory and spills of every kernel as compiled: for the GPU at hand, else for all
    #[arg(long)]
    kernels: bool,
}

pub fn run(args: &Doctor) -> Result<()> {
    if let Some(run) = &args.run {
        return judge(run, args);
    }
    let mut out = format!("gansaku {}\n", env!("CARGO_PKG_VERSION"));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let _ = writeln!(out, "cpu: {} threads, {}", threads, std::env::consts::ARCH);
    let examined = gpu(args, &mut out);
    // What was found before a driver failed is part of the answer.
    print(&out)?;
    examined
}

fn judge(run: &Path, args: &Doctor) -> Result<()> {
    let (prints_json, file) = super::json(args.json.as_deref());
    super::has_folder("--json", file)?;
    let means = Means { data: args.data.as_deref(), hardware: args.hardware.settle()?, fit: fit::quietly };
    let diagnosis = diagnose(run, &means)?;
    let json = format!("{:#}\n", serde_json::to_value(&diagnosis).expect("names and numbers"));
    let words = told(run, &diagnosis);
    print(if prints_json { &json } else { &words })?;
    file.map_or(Ok(()), |path| atomic::write(path, json.as_bytes()))?;
    let alarms: Vec<&str> =
        diagnosis.verdicts.iter().filter(|v| v.state.is_alarm()).map(Verdict::name).collect();
    match args.fail && !alarms.is_empty() {
        true => Err(Error::Failure(format!("{}: {} (--fail)", run.display(), alarms.join(", ")))),
        false => Ok(()),
    }
}

fn told(run: &Path, diagnosis: &Diagnosis) -> String {
    let mut out = format!("{}, step {}\n", run.display(), diagnosis.step);
    // Commands are about the run, whichever checkpoint of it was judged.
    let home = checkpoint::run_of(run).unwrap_or_else(|| run.to_path_buf());
    for verdict in &diagnosis.verdicts {
        let since = match verdict.since_step {
            0 => String::new(),
            step => format!(" since step {step}"),
        };
        let _ = writeln!(out, "{}{since}: {}", verdict.name(), verdict.evidence);
        for open in &verdict.unknown {
            let _ = writeln!(out, "  not known: {open}");
        }
        let what = if verdict.state.is_alarm() { "change" } else { "next" };
        let _ = writeln!(out, "  {what}: {}", verdict.command(&home).unwrap_or_default());
        let _ = writeln!(out, "          {}", verdict.advice);
    }
    for note in &diagnosis.notes {
        let _ = writeln!(out, "note: {note}");
    }
    out
}

#[cfg(not(feature = "cuda"))]
fn gpu(_: &Doctor, out: &mut String) -> Result<()> {
    out.push_str(
        "cuda: this build is without CUDA, GPUs stay unused; `cargo build --release --features cuda` adds it \
         (needs no CUDA toolkit: `pip install nvidia-cuda-nvrtc-cu12` is enough)\n",
    );
    Ok(())
}

#[cfg(feature = "cuda")]
fn gpu(args: &Doctor, out: &mut String) -> Result<()> {
    use crate::error::Error;
    use crate::exec::cuda::driver::{HOPPER, Presence, presence, too_old, wants_hopper};
    use crate::exec::cuda::kernels::{BUILD, Module};
    let every: Vec<&Module> = BUILD.modules.iter().collect();
    summary(out);
    let (driver, gpus) = match presence()? {
        Presence::Absent(why) => {
            let _ = writeln!(out, "driver: none to use: {why}; training runs on the CPU");
            if args.kernels {
                table(&every, out);
            }
            return Ok(());
        }
        Presence::Present { driver, gpus } => (driver, gpus),
    };
    let _ = writeln!(out, "driver: CUDA {}.{}", driver.0, driver.1);
    let old = too_old(driver, BUILD.nvrtc);
    let mut shown: Vec<&Module> = vec![];
    for (number, gpu) in gpus.iter().enumerate() {
        let (major, minor) = gpu.capability;
        let _ = writeln!(
            out,
            "cuda:{number}: {}, compute capability {major}.{minor}, {} multiprocessors, {:.1} GiB",
            gpu.name,
            gpu.multiprocessors,
            gpu.memory as f64 / (1u64 << 30) as f64
        );
        match BUILD.choose(gpu.capability) {
            Ok(chosen) => {
                for module in chosen {
                    let form = format!("{:?}", module.form).to_lowercase();
                    let off = if module.is_special() && !wants_hopper() {
                        format!("  (unused: it has never run on a GPU; {HOPPER}=1 uses it)")
                    } else {
                        String::new()
                    };
                    let _ = writeln!(
                        out,
                        "  {:12} sm_{:4} {form:5} {:>8} bytes  sha256 {}{off}",
                        module.file,
                        module.arch,
                        module.image.len(),
                        module.sha256
                    );
                    if !shown.iter().any(|m| std::ptr::eq(*m, module)) {
                        shown.push(module);
                    }
                }
            }
            Err(why) => {
                let _ = writeln!(out, "  cannot be used: {why}");
            }
        }
    }
    if args.kernels {
        table(if shown.is_empty() { &every } else { &shown }, out);
    }
    old.map_or(Ok(()), |why| Err(Error::Device(why)))
}

/// What the build script made, in a line.
#[cfg(feature = "cuda")]
fn summary(out: &mut String) {
    use crate::exec::cuda::kernels::{BUILD, Form};
    let unique = |mut list: Vec<&'static str>| {
        list.sort_by_key(|name| (name.len(), *name));
        list.dedup();
        list
    };
    let modules = BUILD.modules.iter();
    let archs = |form| unique(modules.clone().filter(|m| m.form == form).map(|m| m.arch).collect()).join(" ");
    let names = unique(modules.clone().flat_map(|m| m.kernels.iter().map(|k| k.name)).collect());
    let _ = writeln!(
        out,
        "kernels: {} in cubins for sm {}, PTX for sm {} and newer; compiled by NVRTC {}",
        names.len(),
        archs(Form::Cubin),
        archs(Form::Ptx),
        BUILD.nvrtc
    );
}

/// A line a kernel and architecture. PTX has no row: what it occupies is known when a driver compiles it.
#[cfg(feature = "cuda")]
fn table(modules: &[&crate::exec::cuda::kernels::Module], out: &mut String) {
    use crate::exec::cuda::kernels::Form;
    let _ = writeln!(
        out,
        "\n{:24} {:12} {:6} {:>9} {:>12} {:>11} {:>7}",
        "kernel", "file", "arch", "registers", "shared bytes", "local bytes", "threads"
    );
    for module in modules.iter().filter(|m| m.form == Form::Cubin) {
        for kernel in module.kernels {
            let _ = writeln!(
                out,
                "{:24} {:12} sm_{:3} {:>9} {:>12} {:>11} {:>7}",
                kernel.name,
                module.file,
                module.arch,
                kernel.registers,
                kernel.shared_bytes,
                kernel.local_bytes,
                kernel.max_threads
            );
        }
    }
}
