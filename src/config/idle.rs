//! Values that are set but change nothing: a slope where there is no leaky relu, a decay's length where nothing decays.

use super::{Activation, Condition, Config, Network, Optimizer, Rule, Source, Upsample};

impl Config {
    /// Why the value at a dotted key changes nothing in this configuration; absent where it does, or may.
    pub(super) fn idle(&self, key: &str) -> Option<String> {
        let parts: Vec<&str> = key.split('.').collect();
        match parts[..] {
            ["data", key] if key != "factor" => self.idle_data(key),
            ["generator", "layers", layer, key] => idle_layer(&self.generator, layer, key),
            ["discriminator", "layers", layer, key] => idle_layer(&self.discriminator, layer, key),
            ["loss", "penalty_every"] if !self.loss.penalised() => {
                Some("loss.r1, loss.r2 and loss.gradient_penalty are 0".into())
            }
            ["train", "noise"] if self.train.joint => Some("train.joint is true".into()),
            ["loss", "auxiliary" | "auxiliary_generator"]
                if self.discriminator.condition != Some(Condition::Auxiliary) =>
            {
                Some("discriminator.condition is not \"auxiliary\": D has no class head".into())
            }
            [network @ ("generator" | "discriminator"), key] => self.idle_network(
                if network == "generator" { &self.generator } else { &self.discriminator },
                key,
            ),
            ["optimizer", "generator", ref key @ ..] => idle_rate(&self.optimizer.generator, key),
            ["optimizer", "discriminator", ref key @ ..] => idle_rate(&self.optimizer.discriminator, key),
            ["augment", key] => self.idle_augmentation(key),
            ["data", "factor"] | ["loss", "identity" | "distance"] => self.idle_translation(key),
            ["ema", "ramp"] if self.ema.decay == 0.0 => Some("ema.decay is 0".into()),
            _ => None,
        }
    }

    fn idle_network(&self, network: &Network, key: &str) -> Option<String> {
        let doubles = network.upsample == Some(Upsample::Nearest);
        match key {
            "condition" if !self.conditional => Some("conditional is false".into()),
            "kernel" if doubles => Some("upsample is \"nearest\", whose kernels have 3 taps".into()),
            _ => None,
        }
    }

    fn idle_data(&self, key: &str) -> Option<String> {
        let source = self.data.source;
        let is = |sources: &[Source]| sources.contains(&source);
        let has_effect = match key {
            "path" => !source.is_built_in(),
            "count" => source.is_built_in() || is(&[Source::Stacked]),
            "stack" => is(&[Source::Stacked]),
            // What is made here has test examples of its own.
            "hold_out" => !source.is_built_in(),
            "shuffle" => {
                is(&[Source::Folder, Source::TwoFolders, Source::Pairs, Source::Arrays, Source::Auto])
            }
            "size" if source.is_made_of_two_domains() => true,
            "size" | "channels" | "strict" => {
                is(&[Source::Folder, Source::TwoFolders, Source::Pairs, Source::Auto])
            }
            "direction" => source.has_two_domains() != Some(false),
            "fold" => is(&[Source::Tfd, Source::Auto]),
            _ => true,
        };
        (!has_effect).then(|| format!("data.source is {}", super::validate::word(&source)))
    }
}

fn idle_layer(network: &Network, layer: &str, key: &str) -> Option<String> {
    let activation = network.layers.get(layer.parse::<usize>().ok()?)?.activation;
    let idle = key == "slope" && activation != Activation::LeakyRelu;
    idle.then(|| format!("the layer's activation is {}", super::validate::word(&activation)))
}

fn idle_rate(optimizer: &Optimizer, key: &[&str]) -> Option<String> {
    let still = match (key, optimizer.rule) {
        (["min_lr"], _) if optimizer.decay_factor == 1.0 => "decay_factor is 1",
        (["decay_steps" | "hold_steps"], _) if optimizer.final_share == 1.0 => "final_share is 1",
        (["final_share"], _) if optimizer.decay_steps == 0 => "decay_steps is 0",
        (["rule", "sgd", "final_momentum"], Rule::Sgd { saturate: 0, .. }) => "saturate is 0",
        _ => return None,
    };
    Some(still.into())
}

#[cfg(test)]
mod tests {
    use crate::config::ConfigBuilder;

    /// What a recipe's values do not change.
    fn idle(recipe: &str, sets: &[&str]) -> Vec<String> {
        let mut layers = ConfigBuilder::recipe(recipe).expect("a recipe");
        sets.iter().for_each(|s| layers.set(s).expect("a value"));
        layers.notes().expect("in range")
    }

    #[test]
    fn values_without_effect_are_told_with_the_value_that_would_give_them_one() {
        for (recipe, set, why) in [
            ("mnist", "data.count=500", "data.source is \"idx\""),
            ("digits", "data.size=16", "data.source is \"digits\""),
            ("ring", "data.hold_out=0.3", "data.source is \"ring\""),
            ("ring", "data.path=x", "data.source is \"ring\""),
            ("mnist", "generator.layers.0.slope=0.1", "the layer's activation is \"relu\""),
            ("mnist", "loss.penalty_every=4", "loss.r1, loss.r2 and loss.gradient_penalty are 0"),
            ("mnist-2014", "train.noise=same", "train.joint is true"),
            (
                "cgan-mnist",
                "loss.auxiliary=2.0",
                "discriminator.condition is not \"auxiliary\": D has no class head",
            ),
            ("ring", "optimizer.generator.decay_steps=10", "final_share is 1"),
            ("ring", "optimizer.discriminator.min_lr=1e-6", "decay_factor is 1"),
            ("mnist-2014", "ema.ramp=7", "ema.decay is 0"),
            ("dcgan", "discriminator.condition=everywhere", "conditional is false"),
        ] {
            assert_eq!(idle(recipe, &[set]), [format!("--set {set} changes nothing: {why}")], "{recipe}");
        }
    }

    #[test]
    fn values_with_an_effect_are_not() {
        assert_eq!(idle("digits", &["data.count=500", "train.batch=50"]), [""; 0]);
        assert_eq!(idle("ring-rpgan", &["loss.penalty_every=4", "ema.decay=0.9", "ema.ramp=7"]), [""; 0]);
        assert_eq!(
            idle("dcgan", &["conditional=true", "generator.condition=everywhere", "generator.kernel=6"]),
            [""; 0]
        );
        let both = ["optimizer.generator.decay_steps=10", "optimizer.generator.final_share=0.1"];
        assert_eq!(idle("ring", &both), [""; 0]);
        assert_eq!(
            idle("mnist", &["generator.layers.0.slope=0.1", "generator.layers.0.activation=leaky-relu"]),
            [""; 0]
        );
    }
}
