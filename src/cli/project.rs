//! `gansaku project`: the styles of given pictures.

use super::out;
use super::targets::Targets;
use crate::data::{Dataset, npy};
use crate::error::{Error, Result};
use crate::eval::fidelity::psnr;
use crate::inference::{Generator, Grain, LoadedRun, Search, Stand, Style, project};
use crate::numbers::{counted, mean_and_error};
use crate::pictures::TableRow;
use crate::run::atomic;
use crate::train::signals::Signals;
use clap::Args;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Find styles whose picture is the nearest to a given one, by descent.
///
/// Adam moves w so that the generator's picture comes near the target, by pixels at several sizes; what was found, and
/// its PSNR, tell what the generator can make. With --compare, training pictures are projected beside held-out ones.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    gansaku project runs/00000-stylegan2 me.png --out found            found/me.png, and w in found/me.npy\n  \
    gansaku project runs/00000-stylegan2 faces/ --each-layer --out found\n  \
    gansaku project runs/00000-stylegan2 --compare 50                  does it know its training pictures better?")]
pub struct Project {
    /// A run's folder (its newest checkpoint) or a checkpoint's
    #[arg(value_name = "RUN|CHECKPOINT")]
    from: PathBuf,
    /// Pictures, or folders, zip or tar files of them; brought to the run's size and channels
    #[arg(value_name = "PICTURE", required_unless_present = "compare", conflicts_with = "compare")]
    pictures: Vec<PathBuf>,
    /// Project so many training pictures, and as many held-out ones, of the run's data
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=10_000))]
    compare: Option<u32>,
    /// The data it was trained on, if they moved
    #[arg(long, value_name = "PATH", requires = "compare")]
    data: Option<PathBuf>,
    /// Steps of descent
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    steps: u32,
    /// A w for each layer, w+: nearer, but less of a style that the generator knows
    #[arg(long)]
    each_layer: bool,
    /// Seeds where the search begins, and the noise on w
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = super::whole::<u64>)]
    seed: u64,
    /// A folder, new or empty: NAME.png, target and projection, and NAME.npy, w [layers, latent.dim]; with --compare
    /// training.png and held-out.png [default: projected, or with --compare none]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    hardware: super::HardwareArgs,
}

pub fn run(args: &Project) -> Result<()> {
    let out = match (&args.out, args.compare) {
        (Some(out), _) => Some(out.clone()),
        (None, Some(_)) => None,
        (None, None) => Some("projected".into()),
    };
    if let Some(out) = &out {
        out::check_new("--out", out)?;
    }
    let mut run = LoadedRun::load(&args.from, args.hardware.settle()?.open()?)?;
    run.require_styles()?;
    let mut config = run.config.clone();
    let mut generator = run.generator();
    generator.set_style(Style { grain: Grain::Constant, ..Style::default() });
    let projecting = Projecting { args, signals: Signals::listen()? };
    if let Some(count) = args.compare {
        let (from, shape) = (generator.from.to_path_buf(), generator.display.shape);
        let data = super::eval::data_of([&args.from, &from], &mut config, args.data.as_deref(), shape)?;
        return projecting.compare(&mut generator, &data, count as usize, out.as_deref());
    }
    let targets = Targets::read(&args.pictures, &config.data, generator.display.shape)?;
    targets.tell();
    let out = out.expect("a folder");
    let found = projecting.project(&mut generator, &targets.numbers, "")?;
    std::fs::create_dir_all(&out).map_err(|e| Error::io("make the folder", &out, &e))?;
    let (dim, layers) = (generator.config.latent.dim, generator.layers());
    for (i, name) in targets.names.iter().enumerate() {
        let w = &found.styles[i * layers * dim..][..layers * dim];
        let bytes = w.iter().flat_map(|x| x.to_le_bytes()).collect();
        atomic::write(
            &out.join(format!("{name}.npy")),
            &[npy::header("<f4", &[layers, dim]), bytes].concat(),
        )?;
        let row = found.row(i);
        atomic::write(&out.join(format!("{name}.png")), &generator.display.table(&[row], None).png())?;
        tell!("{name}: {:.2} dB", found.psnrs[i]);
    }
    let pictures = counted(targets.names.len() as u64, "projection");
    tell!("{pictures} from {} in {}", generator.from.display(), out.display());
    Ok(())
}

/// Targets with what was found of them.
struct Found {
    targets: Vec<f32>,
    samples: Vec<f32>,
    /// w of all layers, `[count, layers·dim]`.
    styles: Vec<f32>,
    /// How near each came, as people see pictures.
    psnrs: Vec<f64>,
}

impl Found {
    /// Target and projection.
    fn row(&self, at: usize) -> TableRow {
        let numbers = self.targets.len() / self.psnrs.len();
        let one = |all: &[f32]| Some(all[at * numbers..][..numbers].to_vec());
        TableRow { caption: String::new(), cells: vec![one(&self.targets), one(&self.samples)] }
    }
}

struct Projecting<'a> {
    args: &'a Project,
    signals: Signals,
}

impl Projecting<'_> {
    /// Projects pictures, and tells how it goes; `what` they are, where that is to be said.
    fn project(&self, generator: &mut Generator, targets: &[f32], what: &str) -> Result<Found> {
        let search = Search {
            steps: self.args.steps as usize,
            each_layer: self.args.each_layer,
            seed: self.args.seed,
        };
        let mut told = Instant::now();
        let mut each_step = |stand: Stand| {
            if let Some(signal) = self.signals.come() {
                let done = format!("{} of {} steps were done", stand.step, search.steps);
                return Err(signal.ended(format!("{done}; nothing was written")));
            }
            if told.elapsed() > Duration::from_secs(5) || stand.step == search.steps {
                told = Instant::now();
                tell!("{what}step {}/{}  distance {:.5}", stand.step, search.steps, stand.distance);
            }
            Ok(())
        };
        let found = project(generator, targets, search, &mut each_step)?;
        let numbers = generator.display.shape.len();
        let unit = |numbers: &[f32]| generator.display.unit(numbers);
        let each = found.samples.chunks_exact(numbers).zip(targets.chunks_exact(numbers));
        let psnrs = each.map(|(made, target)| psnr(&unit(made), &unit(target))).collect();
        Ok(Found { targets: targets.to_vec(), samples: found.samples, styles: found.styles, psnrs })
    }

    /// Projects training pictures and held-out ones, and says what their PSNRs tell.
    fn compare(
        &self,
        generator: &mut Generator,
        data: &Dataset,
        count: usize,
        out: Option<&Path>,
    ) -> Result<()> {
        let (split, unseen) = data.held_out();
        if split == "training" {
            return Err(Error::Data(format!(
                "{}: {} holds no pictures out that training never saw, so there is nothing to compare with",
                generator.from.display(),
                data.name
            )));
        }
        let count = count.min(unseen.count).min(data.train.count);
        let mut measured = vec![];
        for (name, examples) in [("training", &data.train), (split, unseen)] {
            let targets = data.numbers_of(examples, examples.shuffled(0..count));
            let found = self.project(generator, &targets, &format!("{name} pictures: "))?;
            let (mean, error) = mean_and_error(&found.psnrs);
            let deviation = error * (count as f64).sqrt();
            super::print(&format!(
                "{}: PSNR {mean:.2} ± {error:.2} dB, deviation {deviation:.2}\n",
                counted(count as u64, &format!("{name} picture"))
            ))?;
            if let Some(out) = out {
                std::fs::create_dir_all(out).map_err(|e| Error::io("make the folder", out, &e))?;
                let rows: Vec<TableRow> = (0..count).map(|at| found.row(at)).collect();
                let file = out.join(if name == "training" { "training.png" } else { "held-out.png" });
                atomic::write(&file, &generator.display.table(&rows, None).png())?;
            }
            measured.push((mean, error));
        }
        let gap = measured[0].0 - measured[1].0;
        let error = measured[0].1.hypot(measured[1].1);
        super::print(&format!("gap {gap:.2} ± {error:.2} dB: {}\n", verdict(gap, error)))
    }
}

/// Standard errors from 0 on which a gap is more than chance.
const SURE: f64 = 3.0;

/// What a gap between training and unseen pictures says, and what it does not.
fn verdict(gap: f64, error: f64) -> &'static str {
    if gap > SURE * error {
        "the generator comes nearer to pictures that it was trained on than to others of their kind: it has learnt something of \
         them by heart. How much, it does not say: look at gansaku eval RUN neighbours, and at the pairs (--out)"
    } else if gap < -SURE * error {
        "held-out pictures are found better than training pictures: nothing is memorised; the held-out ones may be easier"
    } else {
        "no more than chance: these numbers show nothing learnt by heart. They do not show that samples are new either: a search \
         finds only what it can reach, and a generator may know a few pictures among many"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_told_by_its_error() {
        let told = [(1.0, 0.1), (0.2, 0.1), (-1.0, 0.1)].map(|(gap, error)| verdict(gap, error));
        assert!(told[0].contains("by heart.") && told[1].contains("no more than chance"));
        assert!(told[2].contains("nothing is memorised"));
    }
}
