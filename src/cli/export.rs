//! `gansaku export`: a trained generator for other programs.

use crate::console::typed;
use crate::error::{Error, Result};
use crate::export::{onnx, pytorch};
use crate::models::Direction;
use crate::run::atomic;
use crate::run::checkpoint::{self, Checkpoint};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

/// Write a trained generator for other programs: ONNX, or PyTorch's code and weights.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    gansaku export runs/00000-digits --onnx g.onnx      for onnxruntime, Netron, browsers; z [N, latent.dim] to image [N, c, h, w]\n  \
    gansaku export runs/00000-digits --torch g/         model.py and its weights: from model import load, noise\n  \
    gansaku export runs/00001-cyclegan --onnx g.onnx --direction B2A    picture [N, c, h, w] to image [N, c, h, w]")]
pub struct Export {
    /// A run's folder (its newest checkpoint) or a checkpoint's
    #[arg(value_name = "RUN|CHECKPOINT")]
    from: PathBuf,
    /// An ONNX file of G with the averaged weights where there are any: pixels in [0, 1], points as they are
    #[arg(long, value_name = "FILE.onnx", required_unless_present = "torch")]
    onnx: Option<PathBuf>,
    /// A folder for model.py and the weights that it loads
    #[arg(long, value_name = "DIR")]
    torch: Option<PathBuf>,
    /// Which way, of a model that translates both ways
    #[arg(long, value_enum, default_value = "A2B")]
    direction: Way,
}

/// A direction as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Way {
    /// Pictures like A's to pictures like B's
    #[value(name = "A2B")]
    AToB,
    /// Back
    #[value(name = "B2A")]
    BToA,
}

impl Way {
    fn direction(self) -> Direction {
        match self {
            Way::AToB => Direction::Forward,
            Way::BToA => Direction::Backward,
        }
    }
}

pub fn run(args: &Export) -> Result<()> {
    super::has_folder("--onnx", args.onnx.as_deref())?;
    if let Some(file) = args.torch.as_deref().filter(|path| path.is_file()) {
        return Err(Error::Usage(format!("--torch {}: that is a file; expected a folder", file.display())));
    }
    let (checkpoint, path, warnings) = checkpoint::locate(&args.from)?;
    warnings.iter().for_each(|w| tell!("warning: {w}"));
    let from = path.display();
    let (direction, game) =
        (args.direction.direction(), Checkpoint::model(&checkpoint.config, &checkpoint.state));
    if direction == Direction::Backward && game.translation(direction).is_none() {
        return Err(Error::Usage(
            "--direction B2A: this model has one direction; leave --direction out".into(),
        ));
    }
    if let Some(file) = &args.onnx {
        let exported = onnx::export(&checkpoint, &from.to_string(), direction)?;
        write(file, &exported.bytes)?;
        tell!(
            "{from} in {}: ONNX, operators {}, {}",
            file.display(),
            onnx::OPERATORS,
            exported.ports.join(", ")
        );
        if exported.random {
            tell!("its dropout is part of G: each run of the file draws masks anew");
        }
    }
    if let Some(folder) = &args.torch {
        let weights = pytorch::weights(&*game, direction);
        let bytes =
            std::fs::read(path.join(&weights)).map_err(|e| Error::io("read", &path.join(&weights), &e))?;
        std::fs::create_dir_all(folder).map_err(|e| Error::io("make the folder", folder, &e))?;
        let code = folder.join(pytorch::FILE);
        write(&folder.join(&weights), &bytes)?;
        write(&code, pytorch::code(&checkpoint.config, &checkpoint.state, direction).as_bytes())?;
        tell!("{from} in {}: {weights}, {}; try: python {}", folder.display(), pytorch::FILE, typed(&code));
    }
    Ok(())
}

/// Writes a file; one that is replaced is told.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let replaces = path.exists();
    atomic::write(path, bytes)?;
    if replaces {
        tell!("replaced {}", path.display());
    }
    Ok(())
}
