//! Ranges and combinations: what a configuration must satisfy before anything is built from it.

use super::{
    Activation, Architecture, Bias, BiasPer, Checkpoint, Config, DrawnBias, Init, Kind, Layer, Metric,
    Network, Norm, Objective, Optimizer, Rule, SHARED_KEYS, Scale, Source, Train, Updates,
};
use crate::error::{Error, Result};

pub(super) fn fail(key: &str, found: impl std::fmt::Display, expected: &str) -> Result<()> {
    Err(Error::Usage(format!("{key} is {found}; expected {expected}")))
}

pub(super) fn need(ok: bool, key: &str, found: impl std::fmt::Display, expected: &str) -> Result<()> {
    if ok { Ok(()) } else { fail(key, found, expected) }
}

/// A value as a configuration file writes it.
pub(super) fn word(value: &impl serde::Serialize) -> String {
    toml::Value::try_from(value).map_or_else(|_| "?".into(), |v| v.to_string())
}

/// Units of a layer: far more than fit anything, few enough that no count of parameters overflows.
const MOST_UNITS: usize = 1_000_000;

/// Channels at half a picture's side, how often it is halved, and taps: likewise.
const MOST_CHANNELS: usize = 4096;
const MOST_STAGES: usize = 12;
const MOST_PATCHED: usize = 3;
const MOST_GROWTH: usize = 4;
const MOST_BLOCKS: usize = 64;
const MOST_TAPS: usize = 15;

/// Pixels that crops are moved by: each place is a choice of its own.
const MOST_CROPPED: usize = 16;
/// Pixels around a picture.
const MOST_PADDED: usize = 512;
/// Least side of pictures of two domains that are drawn here.
const LEAST_DRAWN: usize = 8;

/// Examples a minibatch: likewise for operations.
pub const MOST_EXAMPLES: usize = 1_000_000;

impl Config {
    /// Checks every range and combination; the first that does not hold is the error, by key.
    pub(super) fn validate(&self) -> Result<()> {
        let t = &self.train;
        // Folders and pages bear it.
        let is_name = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        need(
            is_name(&self.recipe) && self.recipe.starts_with(|c: char| c.is_ascii_alphanumeric()),
            "recipe",
            word(&self.recipe),
            "a name: letters, digits, - and _",
        )?;
        let most = format!("1 to {MOST_EXAMPLES}");
        need((1..=MOST_EXAMPLES).contains(&t.batch), "train.batch", t.batch, &most)?;
        need(
            (t.steps == 0) != (t.epochs == 0),
            "train",
            format!("steps = {}, epochs = {}", t.steps, t.epochs),
            "exactly one of them, at least 1",
        )?;
        updates(t)?;
        let dim = self.latent.dim;
        let noise = (1..=MOST_UNITS).contains(&dim) || self.model.translates();
        need(noise, "latent.dim", dim, &format!("1 to {MOST_UNITS}"))?;
        self.data()?;
        self.translations()?;
        self.styles()?;
        self.augmentation()?;
        self.losses()?;
        self.norms()?;
        network("generator", &self.generator)?;
        network("discriminator", &self.discriminator)?;
        need(self.generator.pack == 1, "generator.pack", self.generator.pack, "1: only D sees packs")?;
        let pack = self.discriminator.pack;
        need(
            pack >= 1 && t.batch.is_multiple_of(pack),
            "discriminator.pack",
            pack,
            &format!("a divisor of train.batch = {}", t.batch),
        )?;
        if let Some(last) = self.discriminator.layers.last() {
            need(
                last.units.is_none_or(|u| u == 1)
                    && last.activation == Activation::Linear
                    && last.kind == Kind::Linear
                    && last.reshape.is_none(),
                "discriminator's last layer",
                match last.kind {
                    Kind::Linear => format!("{} units, {}", last.units.unwrap_or(1), word(&last.activation)),
                    kind => format!("kind = {}", word(&kind)),
                },
                "1 unit, linear: D gives a logit, and the loss holds the sigmoid",
            )?;
        }
        let of_d = "nothing: D neither upsamples nor makes pictures";
        for (key, is_said, expected) in [
            ("discriminator.upsample", self.discriminator.upsample.is_some(), of_d),
            ("discriminator.output", self.discriminator.output.is_some(), of_d),
            ("generator.pool", self.generator.pool.is_some(), "nothing: G makes no vector of its maps"),
        ] {
            need(!is_said, key, "said", expected)?;
        }
        self.conditions()?;
        optimizer("optimizer.generator", &self.optimizer.generator)?;
        optimizer("optimizer.discriminator", &self.optimizer.discriminator)?;
        let e = &self.ema;
        need((0.0..1.0).contains(&e.decay), "ema.decay", e.decay, "0 (off) to below 1")?;
        need(e.ramp.is_finite() && e.ramp >= 1.0, "ema.ramp", e.ramp, "at least 1")?;
        need(self.log.every >= 1, "log.every", 0, "at least 1")?;
        need(self.log.samples_every >= 1, "log.samples_every", 0, "at least 1")?;
        need((1..=10_000).contains(&self.log.samples), "log.samples", self.log.samples, "1 to 10000")?;
        need(self.checkpoint.every >= 1, "checkpoint.every", 0, "at least 1")?;
        let minutes = self.checkpoint.minutes;
        need((0.0..=1e6).contains(&minutes), "checkpoint.minutes", minutes, "0 (off) to 1000000")?;
        let keep = self.checkpoint.keep;
        need(keep >= 2, "checkpoint.keep", keep, "at least 2: one may be damaged")?;
        let Checkpoint { best_by, patience, .. } = self.checkpoint;
        if let Some(metric) = best_by {
            metric.chooses(self)?;
            need(
                metric != Metric::Parzen || self.data.scale != Scale::Gcn,
                "checkpoint.best_by",
                "parzen",
                "swd: contrast-normalised data have no likelihood of pixels in [0, 1]",
            )?;
        }
        need(
            patience == 0 || best_by.is_some(),
            "checkpoint.patience",
            patience,
            "checkpoint.best_by (--best-by METRIC) beside it",
        )
    }

    fn data(&self) -> Result<()> {
        let d = &self.data;
        need((1..=100_000_000).contains(&d.count), "data.count", d.count, "1 to 100000000")?;
        need((0.0..=0.5).contains(&d.hold_out), "data.hold_out", d.hold_out, "a share: 0 (none) to 0.5")?;
        need((1..=4).contains(&d.stack), "data.stack", d.stack, "1 to 4 digits")?;
        need((1..=4096).contains(&d.size), "data.size", d.size, "1 to 4096 pixels")?;
        need(
            !d.source.is_made_of_two_domains() || d.size >= LEAST_DRAWN,
            "data.size",
            d.size,
            &format!("{LEAST_DRAWN} or more: nothing can be told in smaller pictures that are drawn here"),
        )?;
        need([0, 1, 3].contains(&d.channels), "data.channels", d.channels, "1, 3 or 0 (as found)")?;
        need(d.fold <= 4, "data.fold", d.fold, "0 to 4")?;
        let points = matches!(d.source, Source::Ring | Source::Grid | Source::Line);
        need(
            !points || d.scale == Scale::Unit,
            "data.scale",
            word(&d.scale),
            "\"unit\": points stay as they are",
        )?;
        need(!points || !d.flip, "data.flip", d.flip, "false: points have no sides")?;
        need(!points || d.crop == 0, "data.crop", d.crop, "0: points have no sides")?;
        need(!points || d.pad == 0, "data.pad", d.pad, "0: points have no sides")?;
        need(d.pad <= MOST_PADDED, "data.pad", d.pad, &format!("0 (off) to {MOST_PADDED} pixels"))?;
        need(d.crop <= MOST_CROPPED, "data.crop", d.crop, &format!("0 (off) to {MOST_CROPPED} pixels"))?;
        for (key, range) in [("data.train", d.train), ("data.valid", d.valid)] {
            if let Some([from, to]) = range {
                need(from < to, key, format!("[{from}, {to}]"), "[from, to) with from below to")?;
            }
        }
        if let (Some(a), Some(b)) = (d.train, d.valid) {
            let apart = a[1] <= b[0] || b[1] <= a[0];
            need(apart, "data.valid", format!("{b:?}"), &format!("no overlap with data.train = {a:?}"))?;
        }
        Ok(())
    }

    /// Batch norm needs several rows, and a D whose output for an example is of that example alone where its gradient is
    /// penalised.
    fn norms(&self) -> Result<()> {
        let with = |n: &Network| match n.norm {
            Some(Norm::Batch) => Some("norm".to_string()),
            _ => {
                let found = n.layers.iter().position(|l| l.norm == Some(Norm::Batch));
                found.map(|i| format!("layers.{i}.norm"))
            }
        };
        let rows = self.train.batch / self.discriminator.pack.max(1);
        let networks =
            [("generator", &self.generator, self.train.batch), ("discriminator", &self.discriminator, rows)];
        for (name, network, rows) in networks {
            let Some(key) = with(network) else { continue };
            need(
                rows >= 2,
                &format!("{name}.{key}"),
                "\"batch\"",
                "a minibatch of at least 2 rows: one row is its own mean; raise train.batch, or take \"layer\"",
            )?;
            let penalised = name == "discriminator" && self.loss.penalised();
            need(
                !penalised,
                &format!("{name}.{key}"),
                "\"batch\"",
                "\"layer\" or none beside a gradient penalty (loss.gradient_penalty, loss.r1, loss.r2): with batch norm D's \
                 gradient at an example is also its neighbours'",
            )?;
        }
        Ok(())
    }

    fn losses(&self) -> Result<()> {
        let l = &self.loss;
        let weights = [
            ("loss.gradient_penalty", l.gradient_penalty),
            ("loss.r1", l.r1),
            ("loss.r2", l.r2),
            ("loss.auxiliary", l.auxiliary),
            ("loss.auxiliary_generator", l.auxiliary_generator),
        ];
        for (key, value) in weights {
            need(value.is_finite() && value >= 0.0, key, value, "0 (off) or more")?;
        }
        let scale = l.discriminator_scale;
        need(scale.is_finite() && scale > 0.0, "loss.discriminator_scale", scale, "more than 0")?;
        need(l.penalty_every >= 1, "loss.penalty_every", 0, "at least 1")?;
        need(
            !(l.relativistic && l.objective == Objective::Minimax),
            "loss.relativistic",
            true,
            "an objective other than minimax: a pair has one statement, not a G that minimises D's gain; \
             non-saturating is the usual one",
        )?;
        let t = &self.train;
        need(
            !t.joint
                || (t.discriminator_updates == Updates::Always(1)
                    && t.generator_updates == 1
                    && !l.penalised()),
            "train.joint",
            true,
            "one D update, one G update and no penalties: joint updates share one forward pass",
        )
    }
}

/// Checks how often each network is updated in a step.
fn updates(t: &Train) -> Result<()> {
    let count = |key: &str, n: u64| need((1..=1000).contains(&n), key, n, "1 to 1000");
    count("train.generator_updates", t.generator_updates)?;
    let key = "train.discriminator_updates";
    let b = match t.discriminator_updates {
        Updates::Always(n) => return count(key, n),
        Updates::Bursts(b) => b,
    };
    count(&format!("{key}.usual"), b.usual)?;
    count(&format!("{key}.burst"), b.burst)?;
    need(
        b.first > 0 || b.every > 0,
        key,
        word(&b),
        "steps that are bursts: first = 25 (the first 25), every = 500 (every 500th), or both",
    )
}

/// Checks every range of a network, which messages call `name`.
pub fn network(name: &str, n: &Network) -> Result<()> {
    architecture(name, n)?;
    need(n.clip.is_finite() && n.clip >= 0.0, &format!("{name}.clip"), n.clip, "0 (off) or more")?;
    if n.architecture == Architecture::Layers {
        need(
            n.pretrained <= n.layers.len(),
            &format!("{name}.pretrained"),
            n.pretrained,
            &format!("at most its {} layers", n.layers.len()),
        )?;
    } else {
        let why = "0: only architecture \"layers\" starts from some layers of another";
        need(n.pretrained == 0, &format!("{name}.pretrained"), n.pretrained, why)?;
    }
    for (i, l) in n.layers.iter().enumerate() {
        layer(&format!("{name}.layers.{i}"), l, i + 1 == n.layers.len())?;
    }
    Ok(())
}

/// Checks that the keys are the architecture's, and their ranges.
fn architecture(name: &str, n: &Network) -> Result<()> {
    let (kind, own) = (word(&n.architecture), n.architecture.keys());
    let tree = toml::Table::try_from(n).expect("a network is a table");
    let foreign = tree.iter().find(|(key, _)| !SHARED_KEYS.contains(&&key[..]) && !own.contains(&&key[..]));
    if let Some((key, value)) = foreign {
        let with = Architecture::ALL.into_iter().filter(|a| a.keys().contains(&&key[..])).map(|a| word(&a));
        let with = with.collect::<Vec<_>>().join(", ");
        let keys = format!(
            "only keys that architecture {kind} has ({}); {key} is one of {with} ({name}.architecture)",
            own.join(", ")
        );
        return fail(&format!("{name}.{key}"), value, &keys);
    }
    if own.contains(&"layers") {
        return need(!n.layers.is_empty(), &format!("{name}.layers"), "empty", "at least one layer");
    }
    let within = |key: &str, value: Option<usize>, most: usize| {
        let ok = value.is_none_or(|value| (1..=most).contains(&value));
        need(ok, &format!("{name}.{key}"), value.unwrap_or(0), &format!("1 to {most}"))
    };
    within("width", n.width, MOST_CHANNELS)?;
    within("growth", n.growth, MOST_GROWTH)?;
    within("stages", n.stages, MOST_STAGES)?;
    within("depth", n.depth, if n.architecture == Architecture::Patch { MOST_PATCHED } else { MOST_STAGES })?;
    let blocks = n.blocks.unwrap_or(0);
    need(blocks <= MOST_BLOCKS, &format!("{name}.blocks"), blocks, &format!("0 to {MOST_BLOCKS}"))?;
    if let Some(channels) = n.channels {
        within("channels.base", Some(channels.base), MOST_UNITS)?;
        within("channels.most", Some(channels.most), MOST_CHANNELS)?;
    }
    if let Some(mapping) = n.mapping {
        within("mapping.layers", Some(mapping.layers), MOST_BLOCKS)?;
        let factor = mapping.lr_factor;
        let key = format!("{name}.mapping.lr_factor");
        need(factor.is_finite() && factor > 0.0 && factor <= 1.0, &key, factor, "above 0, at most 1")?;
    }
    within("kernel", n.kernel, MOST_TAPS)?;
    need(
        n.kernel != Some(1),
        &format!("{name}.kernel"),
        1,
        "at least 2: a kernel that halves meets every pixel",
    )?;
    let ranged =
        |output: &Activation| [Activation::Linear, Activation::Tanh, Activation::Sigmoid].contains(output);
    let fits = n.output.as_ref().is_none_or(ranged);
    need(
        fits,
        &format!("{name}.output"),
        n.output.map_or(String::new(), |o| word(&o)),
        "linear, tanh or sigmoid",
    )?;
    n.init.map_or(Ok(()), |init| start(&format!("{name}.init"), init, false))
}

fn layer(at: &str, l: &Layer, is_last: bool) -> Result<()> {
    sizes(at, l, is_last)?;
    let maxout = l.activation == Activation::Maxout;
    let expected = if maxout { "2 to 64 with maxout" } else { "1 without maxout" };
    let ok = if maxout { (2..=64).contains(&l.pieces) } else { l.pieces == 1 };
    need(ok, &format!("{at}.pieces"), l.pieces, expected)?;
    need(l.keep > 0.0 && l.keep <= 1.0, &format!("{at}.keep"), l.keep, "above 0, at most 1 (no dropout)")?;
    need((0.0..1.0).contains(&l.slope), &format!("{at}.slope"), l.slope, "0 to below 1")?;
    let norm = l.max_col_norm;
    need(norm.is_finite() && norm >= 0.0, &format!("{at}.max_col_norm"), norm, "0 (off) or more")?;
    let bias = match l.bias {
        None => true,
        Some(Bias::Value(x)) => x.is_finite(),
        Some(Bias::Drawn(DrawnBias::Uniform(r))) => r.is_finite() && r >= 0.0,
        Some(Bias::FromData(_)) => {
            let elements = l.kind == Kind::Linear || l.bias_per == Some(BiasPer::Element);
            is_last && elements && at.starts_with("generator")
        }
    };
    let expected = "a finite number; marginals only in G's last layer, whose biases are of single elements";
    need(bias, &format!("{at}.bias"), word(&l.bias), expected)?;
    need(
        !l.spectral_norm || l.max_col_norm == 0.0,
        &format!("{at}.spectral_norm"),
        true,
        "no max_col_norm beside it: both limit the same weights",
    )?;
    need(
        l.norm != Some(Norm::Instance) || [Kind::Conv, Kind::ConvTranspose].contains(&l.kind),
        &format!("{at}.norm"),
        "\"instance\"",
        "\"layer\" or \"batch\": a vector has no map whose pixels it could be normalised by",
    )?;
    start(&format!("{at}.init"), l.init, l.kind == Kind::Linear)
}

/// Checks the keys that say a layer's sizes: those of its kind, and no others.
fn sizes(at: &str, l: &Layer, is_last: bool) -> Result<()> {
    let own = l.kind.keys();
    let said = [
        ("units", l.units.is_some()),
        ("channels", l.channels.is_some()),
        ("kernel", l.kernel.is_some()),
        ("stride", l.stride.is_some()),
        ("pad", l.pad.is_some()),
        ("bias_per", l.bias_per.is_some()),
        ("reshape", l.reshape.is_some()),
    ];
    let foreign = said.iter().find(|(key, is_said)| *is_said && !own.contains(key));
    if let Some((key, _)) = foreign {
        let keys = format!("only keys that kind {} has: {}", word(&l.kind), own.join(", "));
        return fail(&format!("{at}.{key}"), "said", &keys);
    }
    let within = |key: &str, value: Option<usize>, least: usize, most: usize| match value {
        Some(value) if !(least..=most).contains(&value) => {
            fail(&format!("{at}.{key}"), value, &format!("{least} to {most}"))
        }
        _ => Ok(()),
    };
    within("units", l.units, 1, MOST_UNITS)?;
    within("channels", l.channels, 1, MOST_UNITS)?;
    within("kernel", l.kernel, 1, MOST_TAPS)?;
    within("stride", l.stride, 1, MOST_TAPS)?;
    within("pad", l.pad, 0, MOST_TAPS)?;
    let missing = |key: &str, why: &str| fail(&format!("{at}.{key}"), "missing", why);
    if l.kind != Kind::Linear && l.kernel.is_none() {
        return missing("kernel", "the taps of its kernel along each axis");
    }
    let alone = "nothing but kernel and stride: a pool has no weights, norm or activation";
    match l.kind {
        Kind::Linear if l.units.is_none() && !is_last => {
            missing("units", "a width; only the last layer fits itself")
        }
        Kind::Conv | Kind::ConvTranspose if l.channels.is_none() && !is_last => {
            missing("channels", "how many it makes; only the last layer fits itself")
        }
        Kind::Conv | Kind::ConvTranspose if l.max_col_norm > 0.0 => {
            fail(&format!("{at}.max_col_norm"), l.max_col_norm, "0: kernels have no columns to limit")
        }
        Kind::MaxPool if is_last => {
            fail(&format!("{at}.kind"), word(&l.kind), "a layer with weights as the last")
        }
        Kind::MaxPool
            if l.activation != Activation::Linear
                || l.norm.unwrap_or_default() != Norm::None
                || l.bias.is_some()
                || l.keep < 1.0
                || l.spectral_norm
                || l.max_col_norm > 0.0 =>
        {
            fail(at, "a pool with more", alone)
        }
        _ => match (l.reshape, l.units) {
            (Some(to), Some(units)) if to.iter().product::<usize>() != units => {
                let expected = format!("channels, height and width whose product is units = {units}");
                fail(&format!("{at}.reshape"), format!("{to:?}"), &expected)
            }
            _ => Ok(()),
        },
    }
}

/// Checks how weights start; `matrix` says whether they are one, of which single weights into a unit can be drawn.
fn start(at: &str, init: Init, matrix: bool) -> Result<()> {
    match init {
        Init::Sparse(count) => {
            need(
                matrix,
                &format!("{at}.sparse"),
                count,
                "another start: kernels have none with few weights",
            )?;
            need(count >= 1, &format!("{at}.sparse"), count, "at least 1")
        }
        Init::Uniform(x) | Init::Normal(x) | Init::FanIn(x) | Init::Glorot(x) => {
            need(x.is_finite() && x >= 0.0, at, x, "0 or more")
        }
    }
}

fn optimizer(at: &str, o: &Optimizer) -> Result<()> {
    need(o.lr.is_finite() && o.lr > 0.0, &format!("{at}.lr"), o.lr, "a finite number above 0")?;
    let factor = o.decay_factor;
    need(factor.is_finite() && factor >= 1.0, &format!("{at}.decay_factor"), factor, "1 (off) or more")?;
    need(o.min_lr >= 0.0 && o.min_lr <= o.lr, &format!("{at}.min_lr"), o.min_lr, "0 to lr")?;
    let share = o.final_share;
    need(share > 0.0 && share <= 1.0, &format!("{at}.final_share"), share, "above 0, at most 1")?;
    let unit =
        |key: &str, x: f32| need((0.0..1.0).contains(&x), &format!("{at}.rule.{key}"), x, "0 to below 1");
    let above =
        |key: &str, x: f32| need(x.is_finite() && x > 0.0, &format!("{at}.rule.{key}"), x, "more than 0");
    match o.rule {
        Rule::Sgd { momentum, final_momentum, saturate } => {
            unit("sgd.momentum", momentum)?;
            unit("sgd.final_momentum", final_momentum)?;
            let at = format!("{at}.rule.sgd");
            need(
                saturate != 1,
                &format!("{at}.saturate"),
                1,
                "0 (momentum stays), or at least 2: epoch 1 has momentum",
            )?;
            need(
                saturate == 0 || final_momentum >= momentum,
                &format!("{at}.final_momentum"),
                final_momentum,
                &format!(
                    "at least momentum = {momentum}, from which it rises until epoch saturate = {saturate}"
                ),
            )
        }
        Rule::Adam { beta1, beta2, eps } => {
            unit("adam.beta1", beta1)?;
            unit("adam.beta2", beta2)?;
            above("adam.eps", eps)
        }
        Rule::RmsProp { alpha, eps } => {
            unit("rms-prop.alpha", alpha)?;
            above("rms-prop.eps", eps)
        }
    }
}
