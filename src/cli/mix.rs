//! `gansaku mix`: the grid of mixed styles.

use super::latents::{Indices, indices};
use super::out::{self, ending, is_stdout};
use super::sample::GRID;
use super::style::{self, StyleArgs};
use crate::error::{Error, Result};
use crate::inference::{Generator, Grain, LoadedRun, mixed, noise_of};
use crate::numbers::counted;
use crate::pictures::TableRow;
use clap::Args;
use std::path::PathBuf;

/// Mix the styles of samples: each picture of a row has its column's styles in some layers, its row's in the others.
///
/// The samples themselves stand at the left and at the top, as in figure 3 of the StyleGAN paper (1812.04948). Early layers
/// decide what is large in a picture, late ones what is small.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    gansaku mix runs/00000-stylegan2\n  \
    gansaku mix runs/00000-stylegan2 --rows 3,14 --columns 15,92,65 --layers 4-7 --out colours.png")]
pub struct Mix {
    /// A run's folder (its newest checkpoint) or a checkpoint's
    #[arg(value_name = "RUN|CHECKPOINT")]
    from: PathBuf,
    /// The samples at the left, by their numbers among those of the seed, from 0 on
    #[arg(long, value_name = "I,J-K,…", value_parser = indices, default_value = "0-3")]
    rows: Indices,
    /// The samples at the top
    #[arg(long, value_name = "I,J-K,…", value_parser = indices, default_value = "4-9")]
    columns: Indices,
    /// Seeds the noise of both
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = super::whole::<u64>)]
    seed: u64,
    /// Layers that have the column's styles, from 0 on; which size each works on is told [default: the first half]
    #[arg(long, value_name = "L,M-N,…", value_parser = indices)]
    layers: Option<Indices>,
    /// Class of every sample, for conditional models, by name or number [default: the first]
    #[arg(long, value_name = "CLASS")]
    label: Option<String>,
    /// FILE.png; - sends it to stdout
    #[arg(long, value_name = "FILE", default_value = "mix.png")]
    out: PathBuf,
    /// Enlarge the samples by this whole factor [default: to a size to look at]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=16))]
    scale: Option<u32>,
    #[command(flatten)]
    style: StyleArgs,
    #[command(flatten)]
    hardware: super::HardwareArgs,
}

pub fn run(args: &Mix) -> Result<()> {
    if ending(&args.out) != "png" && !is_stdout(&args.out) {
        return Err(Error::Usage(format!("--out {}: expected FILE.png", args.out.display())));
    }
    super::has_folder("--out", Some(&*args.out).filter(|out| !is_stdout(out)))?;
    out::check_stdout(&args.out)?;
    let (Indices(rows), Indices(columns)) = (&args.rows, &args.columns);
    let pictures = (rows.len() + 1).saturating_mul(columns.len() + 1);
    if pictures > GRID {
        return Err(Error::Usage(format!(
            "--rows and --columns ask for {pictures} pictures: expected at most {GRID} in a file"
        )));
    }
    let mut run = LoadedRun::load(&args.from, args.hardware.settle()?.open()?)?;
    run.require_styles()?;
    let mut generator = run.generator();
    args.style.apply(&mut generator, Grain::Constant)?;
    let layers = match &args.layers {
        Some(Indices(layers)) => style::checked("--layers", layers, &generator)?,
        None => (0..generator.layers() / 2).collect(),
    };
    let label = style::label(args.label.as_deref(), &generator)?;
    generator.check_count(rows.iter().chain(columns).max().map_or(0, |most| most + 1))?;
    let mut styles = |which: &[usize]| {
        let noise: Vec<f32> =
            which.iter().flat_map(|&i| noise_of(generator.config, args.seed, i..i + 1)).collect();
        let labels: Vec<usize> = label.into_iter().cycle().take(which.len()).collect();
        generator.map(&noise, &labels)
    };
    let (left, top) = (styles(rows)?, styles(columns)?);
    let grid = grid(&mut generator, [&left, &top], &layers)?;
    let picture = generator.display.table(&grid, args.scale.map(|scale| scale as usize));
    let place = out::write(&args.out, &picture.png())?;
    tell!("of the columns: {}; of the rows: the others", style::told(&layers, &generator));
    let mixed = counted((rows.len() * columns.len()) as u64, "mixed picture");
    tell!("{mixed} from {} {place}", generator.from.display());
    Ok(())
}

/// Rows of the picture: nothing and the columns' own, then a row's own and its mixtures.
fn grid(generator: &mut Generator, [left, top]: [&[f32]; 2], layers: &[usize]) -> Result<Vec<TableRow>> {
    let [left, top, crossed] = mixed(generator, [left, top], layers)?;
    let numbers = generator.display.shape.len();
    let cells = |all: &[f32]| all.chunks_exact(numbers).map(|one| Some(one.to_vec())).collect::<Vec<_>>();
    let row = |first: Option<Vec<f32>>, rest: &[f32]| TableRow {
        caption: String::new(),
        cells: std::iter::once(first).chain(cells(rest)).collect(),
    };
    let mut rows = vec![row(None, &top)];
    let each = left.chunks_exact(numbers).zip(crossed.chunks_exact(top.len()));
    rows.extend(each.map(|(own, mixtures)| row(Some(own.to_vec()), mixtures)));
    Ok(rows)
}
