//! What games over pictures need of a configuration, and what belongs to them alone.

use super::validate::{need, word};
use super::{Config, Given, Loss, Metric, Model, Noise, Updates};
use crate::error::Result;

/// Pictures kept in a pool.
const MOST_POOLED: usize = 1000;
/// Times that a picture is made smaller.
const MOST_FACTOR: usize = 8;

impl Config {
    pub(super) fn translations(&self) -> Result<()> {
        let (d, l, t) = (&self.data, &self.loss, &self.train);
        let factors = [
            ("loss.adversarial", l.adversarial),
            ("loss.cycle", l.cycle),
            ("loss.identity", l.identity),
            ("loss.reconstruction", l.reconstruction),
        ];
        for (key, value) in factors {
            need(value.is_finite() && value >= 0.0, key, value, "0 (off) or more")?;
        }
        need(t.pool <= MOST_POOLED, "train.pool", t.pool, &format!("0 (off) to {MOST_POOLED} pictures"))?;
        let factor = format!("1 to {MOST_FACTOR}");
        need((1..=MOST_FACTOR).contains(&d.factor), "data.factor", d.factor, &factor)?;
        need(d.load_size <= 4096, "data.load_size", d.load_size, "0 (off) to 4096 pixels")?;
        self.of_other_models()?;
        if !self.model.translates() {
            return need(
                d.source.has_two_domains() != Some(true),
                "data.source",
                word(&d.source),
                "a source of examples: two domains go with a model that translates (model = \"cyclegan\" or \"pix2pix\")",
            );
        }
        self.players()?;
        need(
            self.checkpoint.best_by.is_none(),
            "checkpoint.best_by",
            self.checkpoint.best_by.map_or("", Metric::name),
            "nothing: what is measured of samples says nothing of translations",
        )?;
        // What a path holds shows when it is read.
        let two = d.source.has_two_domains() != Some(false);
        match (self.model, d.given) {
            (Model::Cyclegan, _) => need(
                two,
                "data.source",
                word(&d.source),
                "two domains: \"two-folders\", \"pairs\", or one that is made here (invert, outline, strokes, stripes)",
            )?,
            (_, None) => need(
                two,
                "data.given",
                "not said",
                "\"low-resolution\" or \"grey\": what G is given of each picture; or data of two domains (data.source)",
            )?,
            (_, Some(given)) => need(
                d.source.has_two_domains() != Some(true),
                "data.given",
                word(&given),
                "nothing: the data are of two domains, A is what G is given",
            )?,
        }
        need(
            t.pretrain == 0 || l.reconstruction > 0.0,
            "train.pretrain",
            t.pretrain,
            "loss.reconstruction above 0: the distance is all that G learns at first",
        )?;
        need(
            t.pretrain == 0 || !l.penalised() || l.penalty_every == 1,
            "loss.penalty_every",
            l.penalty_every,
            "1 beside train.pretrain",
        )?;
        let points = "nothing: a sampled picture's noise has no place where pictures are translated";
        need(self.latent.dim == 0, "latent.dim", self.latent.dim, points)
    }

    /// Refuses keys that only other models have.
    fn of_other_models(&self) -> Result<()> {
        let (d, l, t) = (&self.data, &self.loss, &self.train);
        let only = |ok: bool, is_said: bool, key: &str, models: &str| {
            need(ok || !is_said, key, "said", &format!("nothing: only {models} has it (model)"))
        };
        let (cycle, pairs) = (self.model == Model::Cyclegan, self.model == Model::Pix2pix);
        only(cycle, l.cycle > 0.0, "loss.cycle", "\"cyclegan\"")?;
        only(cycle, l.identity > 0.0, "loss.identity", "\"cyclegan\"")?;
        only(cycle, t.pool > 0, "train.pool", "\"cyclegan\"")?;
        only(pairs, l.reconstruction > 0.0, "loss.reconstruction", "\"pix2pix\"")?;
        only(pairs, t.pretrain > 0, "train.pretrain", "\"pix2pix\"")?;
        only(pairs, d.given.is_some(), "data.given", "\"pix2pix\"")?;
        only(cycle || pairs, l.adversarial != 1.0, "loss.adversarial", "a model that translates")
    }

    /// One update of each player a step, of single pictures without labels.
    fn players(&self) -> Result<()> {
        let (t, l) = (&self.train, &self.loss);
        let plain = "where pictures are translated, a step is one update of each player on one minibatch";
        let one = format!("1: {plain}");
        need(
            t.discriminator_updates == Updates::Always(1),
            "train.discriminator_updates",
            word(&t.discriminator_updates),
            &one,
        )?;
        need(t.generator_updates == 1, "train.generator_updates", t.generator_updates, &one)?;
        need(t.noise == Noise::Fresh, "train.noise", word(&t.noise), "nothing: there is no noise")?;
        need(!t.joint, "train.joint", true, &format!("false: {plain}"))?;
        need(!l.relativistic, "loss.relativistic", true, "false: translations are not compared in pairs")?;
        need(
            !self.conditional,
            "conditional",
            true,
            "false: the picture, not a label, says what is made of it",
        )?;
        let pack = self.discriminator.pack;
        need(pack == 1, "discriminator.pack", pack, "1: D reads single pictures or single pairs")
    }

    /// Why a key of games over pictures changes nothing; absent where it does.
    pub(super) fn idle_translation(&self, key: &str) -> Option<String> {
        let Loss { cycle, reconstruction, .. } = self.loss;
        let why = match key {
            "data.factor" if self.data.given != Some(Given::LowResolution) => {
                "data.given is not \"low-resolution\""
            }
            "loss.identity" if cycle == 0.0 => "loss.cycle is 0",
            "loss.distance" if cycle == 0.0 && reconstruction == 0.0 => {
                "no distance of pictures enters a loss"
            }
            _ => return None,
        };
        Some(why.into())
    }
}
