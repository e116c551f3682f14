//! Around a generator from noise: labels, how noise is drawn, samples as pixels.

use super::{Ends, FILE, Source};
use crate::architectures::Makes;
use crate::config::{Condition, Config, Distribution, Scale};
use crate::data::Shape;
use crate::models::{self, Game};
use crate::nn::Network;
use crate::run::checkpoint::State;

/// What stands around the code, and what that is made of.
pub(super) fn ends<'a>(
    game: &dyn Game,
    config: &'a Config,
    network: &'a Network,
    state: &State,
) -> (Ends, Source<'a>) {
    let (shape, dim) = (Shape::from(state.example), config.latent.dim);
    let classes = models::classes(game);
    let makes = Makes::of(shape, config.data.scale);
    let conditional = classes > 0;
    // Labels that norms read do not join the noise.
    let joined = conditional && config.generator.condition != Some(Condition::Norm);
    let inputs = dim + if joined { classes } else { 0 };
    let Shape { channels, height, width } = shape;
    let (made, packages) = match shape.is_point() {
        true => (format!("points [n, {channels}]"), ""),
        false => (format!("pictures [n, {channels}, {height}, {width}] in [0, 1]"), " pillow"),
    };
    let label = if conditional { ", label" } else { "" };
    let mut constants = vec![];
    if conditional {
        constants.push(format!("CLASSES = {classes}"));
        let table = state.class_table.as_ref().filter(|table| !table.names.is_empty());
        constants.extend(
            table.map(|table| format!("NAMES = {}", serde_json::to_string(&table.names).expect("texts"))),
        );
    }
    let drawn = match config.latent.distribution {
        Distribution::Normal => format!("    return torch.randn(n, {dim})"),
        Distribution::Uniform => format!("    return (2 * torch.rand(n, {dim}) - 1) * 3 ** 0.5"),
    };
    let read = if joined { "torch.cat([z, F.one_hot(label, CLASSES).to(z)], 1)" } else { "z" };
    let ends = Ends {
        packages,
        usage: format!(
            "python {FILE} [FILE.safetensors]    draws samples, from the newest checkpoint unless told\n\n\
             model = load(FILE); model(noise(n){label}) makes {made}."
        ),
        constants,
        arguments: format!("z{label}"),
        before: vec![format!("x = {read}")],
        after: if shape.is_point() { vec!["return x".into()] } else { pixels(config.data.scale) },
        functions: vec![format!("def noise(n):\n{drawn}")],
        main: main(shape, if conditional { ", torch.arange(n) % CLASSES" } else { "" }),
    };
    (ends, Source { config, network, makes, reads: inputs.into(), classes })
}

/// From what the last layer makes to pixels: lines of `forward`.
pub(super) fn pixels(scale: Scale) -> Vec<String> {
    match scale {
        Scale::Unit => vec!["return x.clamp(0, 1)".into()],
        Scale::Signed => vec!["return (x * 0.5 + 0.5).clamp(0, 1)".into()],
        Scale::Gcn => vec![
            "# Normalised pictures have lost their brightness: grey is in the middle.".into(),
            "return (x / x.abs().amax((1, 2, 3), keepdim=True).clamp_min(1e-8) * 0.5 + 0.5).clamp(0, 1)"
                .into(),
        ],
    }
}

/// What the file does as a program: sixteen samples as a picture, or as numbers.
fn main(shape: Shape, drawn: &str) -> String {
    let shown = match (shape.is_point(), shape.channels) {
        (true, _) => "    print(x)",
        (false, 3) => "    x = torch.cat(list(x), 2).permute(1, 2, 0)",
        (false, _) => "    x = torch.cat(list(x[:, 0]), 1)",
    };
    let saved = match shape.is_point() {
        true => "",
        false => {
            "\n    from PIL import Image\n    Image.fromarray((x * 255).round().byte().numpy()).save(\"model.png\")"
        }
    };
    format!(
        "    n = 16
    with torch.no_grad():
        x = load(sys.argv[1] if len(sys.argv) > 1 else files[-1])(noise(n){drawn})
{shown}{saved}"
    )
}
