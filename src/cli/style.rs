//! Flags of commands that draw from a generator with styles.

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
