//! `gansaku export`: a trained generator for other programs.

use crate::console::typed;
use crate::error::{Error, Result};
use crate::export::{onnx, pytorch};
use crate::run::atomic;
use crate::run::checkpoint::{self, Checkpoint};
use clap::Args;
use std::path::{Path, PathBuf};

/// Write a trained generator for other programs: ONNX, or PyTorch's code and weights.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    gansaku export runs/00000-digits --onnx g.onnx      for onnxruntime, Netron, browsers; z [N, latent.dim] to image [N, c, h, w]\n  \
    gansaku export runs/00000-digits --torch g/         model.py and its weights: from model import load, noise")]
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
}

pub fn run(args: &Export) -> Result<()> {
    super::has_folder("--onnx", args.onnx.as_deref())?;
    if let Some(file) = args.torch.as_deref().filter(|path| path.is_file()) {
        return Err(Error::Usage(format!("--torch {}: that is a file; expected a folder", file.display())));
    }
    let (checkpoint, path, warnings) = checkpoint::locate(&args.from)?;
    warnings.iter().for_each(|w| tell!("warning: {w}"));
    let from = path.display();
    if let Some(file) = &args.onnx {
        let exported = onnx::export(&checkpoint, &from.to_string())?;
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
        let weights = pytorch::weights(&*Checkpoint::model(&checkpoint.config, &checkpoint.state));
        let bytes =
            std::fs::read(path.join(&weights)).map_err(|e| Error::io("read", &path.join(&weights), &e))?;
        std::fs::create_dir_all(folder).map_err(|e| Error::io("make the folder", folder, &e))?;
        let code = folder.join(pytorch::FILE);
        write(&folder.join(&weights), &bytes)?;
        write(&code, pytorch::code(&checkpoint.config, &checkpoint.state).as_bytes())?;
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
