//! Flags of commands that draw from a generator with styles, and how they tell of its layers.

use crate::error::{Error, Result};
use crate::inference::{Generator, Grain, Style};
use clap::{Args, ValueEnum};

/// How styles and noise enter, where a model has styles.
#[derive(Debug, Clone, Copy, Args)]
pub struct StyleArgs {
    /// How near styles stay to their average, 0 to 1, where a model has styles; below 1 samples are cleaner and more alike
    /// [default: 1]
    #[arg(long, value_name = "PSI", allow_negative_numbers = true)]
    truncation: Option<f32>,
    /// Truncate the first so many layers alone [default: all]
    #[arg(long, value_name = "LAYERS", requires = "truncation")]
    cutoff: Option<usize>,
    /// The noise beside styles: each sample has its own, or all have one
    #[arg(long, value_enum)]
    noise: Option<NoiseKind>,
}

/// What `--noise` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NoiseKind {
    /// Each sample has its own.
    Random,
    /// All have one.
    Const,
}

impl StyleArgs {
    /// Hands the flags to a generator; `usual` is the noise where nothing is said.
    ///
    /// # Errors
    /// When the model has no styles, or fewer layers, or ψ is out of range.
    pub fn apply(&self, generator: &mut Generator, usual: Grain) -> Result<()> {
        let fail = |what: String| Err(Error::Usage(what));
        let layers = generator.layers();
        let flags = [("--truncation", self.truncation.is_some()), ("--noise", self.noise.is_some())];
        if let Some((flag, _)) = flags.iter().find(|(_, said)| *said && layers == 0) {
            return fail(format!(
                "{flag}: {} has no styles; a model that has (model = \"stylegan2\") takes it, this one samples without",
                generator.from.display()
            ));
        }
        if let Some(cutoff) = self.cutoff
            && !(1..=layers).contains(&cutoff)
        {
            return fail(format!(
                "--cutoff {cutoff}: this model has {layers} layers with styles; expected 1 to {layers}"
            ));
        }
        let truncation = self.truncation.unwrap_or(1.0);
        if !(-2.0..=2.0).contains(&truncation) {
            return fail(format!(
                "--truncation {truncation}: expected −2 to 2; 0 is the average, 1 leaves styles as they are"
            ));
        }
        let grain = match self.noise {
            None => usual,
            Some(NoiseKind::Random) => Grain::Random,
            Some(NoiseKind::Const) => Grain::Constant,
        };
        generator.set_style(Style { truncation, cutoff: self.cutoff, grain });
        Ok(())
    }
}

/// Layers that a flag names, in order and each once.
///
/// # Errors
/// When the model has no such layer.
pub fn checked(flag: &str, layers: &[usize], generator: &Generator) -> Result<Vec<usize>> {
    let count = generator.layers();
    if let Some(layer) = layers.iter().find(|&&layer| layer >= count) {
        let all: Vec<usize> = (0..count).collect();
        return Err(Error::Usage(format!(
            "{flag}: this model has no layer {layer} with styles; it has {count}: {}",
            told(&all, generator)
        )));
    }
    Ok((0..count).filter(|layer| layers.contains(layer)).collect())
}

/// Layers with the sizes that they work on: "layer 0 at 4×4, layers 1-2 at 8×8".
pub fn told(layers: &[usize], generator: &Generator) -> String {
    let side = |layer: usize| generator.side(layer);
    let runs = layers.chunk_by(|&a, &b| b == a + 1 && side(a) == side(b));
    let run = |run: &[usize]| match run {
        [one] => format!("layer {one} at {0}×{0}", side(*one)),
        all => format!("layers {}-{} at {2}×{2}", all[0], all[all.len() - 1], side(all[0])),
    };
    match layers.is_empty() {
        true => "no layer".into(),
        false => runs.map(run).collect::<Vec<_>>().join(", "),
    }
}

/// The class that `--label` means; the first that was learnt, where a conditional model's is not said.
///
/// # Errors
/// When the model has no such class.
pub fn label(typed: Option<&str>, generator: &Generator) -> Result<Option<usize>> {
    match typed {
        Some(typed) => generator.class(typed).map(Some),
        None => Ok(generator.learnt().first().copied()),
    }
}
