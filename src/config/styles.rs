//! What a generator with styles needs of a configuration, and what belongs to it alone.

use super::validate::{need, word};
use super::{Architecture, Config, Model, Noise, Rule, Updates};
use crate::error::Result;

impl Config {
    pub(super) fn styles(&self) -> Result<()> {
        let l = &self.loss;
        let share = l.style_mixing;
        need((0.0..=1.0).contains(&share), "loss.style_mixing", share, "0 (never) to 1 (always)")?;
        let path = l.path_length;
        need(path.is_finite() && path >= 0.0, "loss.path_length", path, "0 (off) or more")?;
        let every = l.path_length_every;
        need(every >= 1, "loss.path_length_every", every, "at least 1")?;
        for (key, is_said) in [
            ("loss.path_length", path > 0.0),
            ("loss.style_mixing", share > 0.0),
            ("loss.r1_auto", l.r1_auto),
        ] {
            let only = "nothing: only \"stylegan2\" has it (model)";
            need(self.model == Model::Stylegan2 || !is_said, key, "said", only)?;
        }
        let (d, t) = (&self.discriminator, &self.train);
        let parts = t.accumulate;
        let expected = format!("a divisor of train.batch = {}", t.batch);
        need(parts >= 1 && t.batch.is_multiple_of(parts), "train.accumulate", parts, &expected)?;
        let only = "1: only \"stylegan2\" takes minibatches in parts (model)";
        need(self.model == Model::Stylegan2 || parts == 1, "train.accumulate", parts, only)?;
        if let Some(group) = d.deviation
            && group > 0
        {
            let rows = t.batch / parts / d.pack.max(1);
            let of = if parts > 1 { "part of a minibatch" } else { "minibatch" };
            let expected = format!("0 (off) or a divisor of the {of}, {rows}, or all of it and more");
            need(rows.is_multiple_of(group.min(rows)), "discriminator.deviation", group, &expected)?;
        }
        for (key, is_said) in [
            ("deviation", self.generator.deviation.is_some()),
            ("residual", self.generator.residual.is_some()),
        ] {
            need(!is_said, &format!("generator.{key}"), "said", "nothing: only D has it")?;
        }
        match self.model {
            Model::Stylegan2 => self.of_stylegan2(),
            _ => Ok(()),
        }
    }

    /// A step of the model "stylegan2" is one update of each player, and those of the penalties.
    fn of_stylegan2(&self) -> Result<()> {
        let (t, l) = (&self.train, &self.loss);
        need(
            self.generator.architecture == Architecture::Stylegan2,
            "generator.architecture",
            word(&self.generator.architecture),
            "\"stylegan2\": the model is one of styles",
        )?;
        let one = "1: a step of this model is one update of each player, and those of the penalties";
        let updates = t.discriminator_updates;
        need(updates == Updates::Always(1), "train.discriminator_updates", word(&updates), one)?;
        need(t.generator_updates == 1, "train.generator_updates", t.generator_updates, one)?;
        need(t.noise == Noise::Fresh, "train.noise", word(&t.noise), "\"fresh\": every update draws noise")?;
        need(!t.joint, "train.joint", true, "false: G is updated before D")?;
        let alone = "0: this model penalises D by R1 and R2";
        need(l.gradient_penalty == 0.0, "loss.gradient_penalty", l.gradient_penalty, alone)?;
        let pack = self.discriminator.pack;
        need(pack == 1, "discriminator.pack", pack, "1: R1 of this model is by single pictures")?;
        for (key, rule) in [
            ("optimizer.generator.rule", self.optimizer.generator.rule),
            ("optimizer.discriminator.rule", self.optimizer.discriminator.rule),
        ] {
            let adam = matches!(rule, Rule::Adam { .. });
            need(adam, key, word(&rule), "adam: lazy updates correct its rates")?;
        }
        Ok(())
    }
}
