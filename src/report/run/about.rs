//! What is trained, in words.

use super::Story;
use crate::architectures::{self, Makes};
use crate::config::{
    Activation, Architecture, Condition, Config, Distribution, Layer, Noise, Norm, Optimizer, Role, Rule,
    Scale, Updates,
};
use crate::models;
use crate::numbers::{counted, grouped, number};
use crate::report::html::{Html, text};

/// Name and description of each part of a run.
pub fn pairs(story: &Story) -> Vec<(String, Html)> {
    let config = story.config;
    let mut out: Vec<(&str, String)> = vec![("Data", data(story))];
    let labels = match models::classes(story.game) {
        0 => String::new(),
        classes => format!(" and a class out of {classes}"),
    };
    let noise = match config.latent.distribution {
        Distribution::Normal => "standard normal",
        Distribution::Uniform => "uniform, of unit variance",
    };
    let from = match config.model.translates() {
        true => "pictures".into(),
        false => format!("{} {noise} numbers{labels}", config.latent.dim),
    };
    out.push(("Generator G", format!("from {from}: {}", network(story, Role::Generator))));
    let packed = match config.discriminator.pack {
        1 => String::new(),
        n => format!("; it sees {n} examples at once (PacGAN)"),
    };
    out.push(("Discriminator D", network(story, Role::Discriminator) + &packed));
    let head = match config.discriminator.condition {
        Some(Condition::Auxiliary) => format!(
            "; cross-entropy of D's class head, times {} in D's and times {} in G's",
            config.loss.auxiliary, config.loss.auxiliary_generator
        ),
        _ => String::new(),
    };
    out.push(("Loss", super::curves::loss_in_words(&config.loss) + &head));
    out.push(("Optimizer of G", optimizer(&config.optimizer.generator)));
    out.push(("Optimizer of D", optimizer(&config.optimizer.discriminator)));
    out.push(("Training", training(config)));
    if config.ema.decay > 0.0 {
        let average = format!(
            "samples come from a moving average of G's weights, decay {}, which is smoother than G itself",
            config.ema.decay
        );
        out.push(("Average", average));
    }
    if let Some(machine) = &story.machine {
        out.push(("Device", machine.device.clone()));
        out.push(("Program", format!("gansaku {}", machine.gansaku)));
    }
    out.into_iter().map(|(name, what)| (name.to_string(), text(&what))).collect()
}

fn data(story: &Story) -> String {
    let d = match &story.data {
        Ok(d) => d,
        Err(why) => return why.clone(),
    };
    let splits = [("for validation", d.valid.count), ("for testing", d.test.count)];
    let rest: String = splits
        .iter()
        .filter(|(_, n)| *n > 0)
        .map(|(name, n)| format!(", {} {name}", grouped(*n as u64)))
        .collect();
    let classes = if d.classes > 0 { format!(", {} classes", d.classes) } else { String::new() };
    let scale = match story.config.data.scale {
        _ if d.shape.is_point() => "",
        Scale::Unit => "; pixels in [0, 1]",
        Scale::Signed => "; pixels in [−1, 1]",
        Scale::Gcn => "; each normalised in contrast",
    };
    format!("{}: {} {} for training{rest}{classes}{scale}", d.name, grouped(d.train.count as u64), d.shape)
}

/// A role's single network: its maps or layers, and what else there is to say of it.
fn network(story: &Story, role: Role) -> String {
    let networks = story.game.networks();
    let own = networks.of_role(role).into_iter().flat_map(|o| networks.of(o)).next();
    let (Some(own), Some(table)) = (own, story.config.network(role)) else { return "none".into() };
    let mut widths = own.outline.split(" → ");
    let outline = match table.architecture {
        Architecture::Layers => {
            let input = widths.next().unwrap_or_default().to_string();
            let layers = table.layers.iter().zip(widths).map(|(l, width)| layer(l, width));
            std::iter::once(input).chain(layers).collect::<Vec<_>>().join(" → ")
        }
        _ => own.outline.clone(),
    };
    let fitting = (role == Role::Generator).then(|| Makes::fitting(story.config.data.scale));
    let words = architectures::words(table, fitting);
    let words = if words.is_empty() { String::new() } else { format!("; {}", words.join(", ")) };
    let clip = match table.clip {
        0.0 => String::new(),
        c => format!("; weights clipped to ±{c}"),
    };
    format!("{outline}{words}; {} parameters{clip}", grouped(own.parameter_count() as u64))
}

fn layer(l: &Layer, width: &str) -> String {
    let activation = match l.activation {
        Activation::Linear => String::new(),
        Activation::Relu => " relu".into(),
        Activation::LeakyRelu => format!(" leaky relu {}", l.slope),
        Activation::Tanh => " tanh".into(),
        Activation::Sigmoid => " sigmoid".into(),
        Activation::Maxout => format!(" maxout of {}", l.pieces),
    };
    let dropout = if l.keep < 1.0 { format!("dropout keep {} → ", l.keep) } else { String::new() };
    let norm = match l.norm.unwrap_or_default() {
        Norm::None => "",
        Norm::Batch => " batch norm",
        Norm::Layer => " layer norm",
        Norm::Instance => " instance norm",
    };
    let spectral = if l.spectral_norm { " (spectral norm)" } else { "" };
    let width = l.units.map_or_else(|| width.to_string(), |units| units.to_string());
    format!("{dropout}{width}{spectral}{norm}{activation}")
}

fn optimizer(o: &Optimizer) -> String {
    let rule = match o.rule {
        Rule::Sgd { momentum, final_momentum, saturate } => {
            let rise = if saturate > 0 {
                format!(" rising to {final_momentum} over {saturate} epochs")
            } else {
                String::new()
            };
            format!("SGD, momentum {momentum}{rise}")
        }
        Rule::Adam { beta1, beta2, .. } => format!("Adam, β₁ {beta1}, β₂ {beta2}"),
        Rule::RmsProp { alpha, .. } => format!("RMSProp, α {alpha}"),
    };
    let mut schedule = String::new();
    if o.decay_factor > 1.0 {
        let floor =
            if o.min_lr > 0.0 { format!(", not below {}", number(o.min_lr.into())) } else { String::new() };
        schedule += &format!(", divided by {} at every update{floor}", o.decay_factor);
    }
    if o.decay_steps > 0 {
        let share = number((100.0 * o.final_share).into());
        let held =
            if o.hold_steps > 0 { format!(" after {} steps", grouped(o.hold_steps)) } else { String::new() };
        schedule += &format!(", falling linearly to {share} % over {} steps{held}", grouped(o.decay_steps));
    }
    format!("{rule}; learning rate {}{schedule}", o.lr)
}

fn training(config: &Config) -> String {
    let t = &config.train;
    let length = match t.epochs {
        0 => counted(t.steps, "step"),
        1 => "1 pass through the data".into(),
        epochs => format!("{} passes through the data", grouped(epochs)),
    };
    let often = |n: u64| if n == 1 { "one".into() } else { grouped(n) };
    let noun = if t.discriminator_updates == Updates::Always(1) { "update" } else { "updates" };
    let d = match t.discriminator_updates {
        Updates::Always(n) => often(n),
        Updates::Bursts(b) => format!("{} ({} {})", often(b.usual), often(b.burst), b.steps()),
    };
    let same = if t.noise == Noise::Same { " on the same noise" } else { "" };
    let order = match t.joint {
        true => "D and G are updated from the same passes".into(),
        false => format!("{d} {noun} of D, then {} of G{same}", often(t.generator_updates)),
    };
    format!(
        "{length} of {} examples; a step is {order}; {}; seed {}",
        grouped(t.batch as u64),
        t.precision.name(),
        config.seed
    )
}
