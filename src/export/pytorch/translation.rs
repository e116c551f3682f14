//! Around a generator from pictures: pixels in, pixels out, colours that it makes from lightness.

use super::{Ends, FILE, Source, noise};
use crate::architectures::{Makes, Translates};
use crate::config::{Config, Given, Scale};
use crate::data::Shape;
use crate::models::{Direction, Game};
use crate::nn::Network;

/// sRGB and CIE Lab (D65): L in [0, 100].
const COLOUR: &str = "\
TO_XYZ = torch.tensor([
    [0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041],
])
FROM_XYZ = torch.tensor([
    [3.2404542, -1.5371385, -0.4985314], [-0.9692660, 1.8760108, 0.0415560], [0.0556434, -0.2040259, 1.0572252],
])
WHITE = torch.tensor([0.95047, 1.0, 1.08883])[:, None, None]


def to_lab(x):
    x = torch.where(x > 0.04045, ((x.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4, x / 12.92)
    x = torch.einsum(\"ij,njhw->nihw\", TO_XYZ.to(x), x) / WHITE.to(x)
    x, y, z = torch.where(x > 0.008856, x.clamp_min(0.008856) ** (1 / 3), 7.787 * x + 16 / 116).split(1, 1)
    return torch.cat([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def to_rgb(lab):
    l, a, b = lab.split(1, 1)
    y = (l + 16) / 116
    x = torch.cat([y + a / 500, y, y - b / 200], 1)
    x = torch.where(x > 0.008856 ** (1 / 3), x ** 3, (x - 16 / 116) / 7.787) * WHITE.to(x)
    x = torch.einsum(\"ij,njhw->nihw\", FROM_XYZ.to(x), x)
    return torch.where(x > 0.0031308, 1.055 * x.clamp_min(0.0031308) ** (1 / 2.4) - 0.055, 12.92 * x).clamp(0, 1)";

/// What stands around the code, and what that is made of.
pub(super) fn ends<'a>(
    game: &dyn Game,
    config: &'a Config,
    network: &'a Network,
    translates: Translates,
    direction: Direction,
) -> (Ends, Source<'a>) {
    let [read, made] = game.translation(direction).expect("a direction that the model has");
    let words = |Shape { channels, height, width }: Shape| format!("[n, {channels}, {height}, {width}]");
    let is_grey = config.data.given == Some(Given::Grey);
    let (before, after) = match (is_grey, config.data.scale) {
        (true, _) => (
            vec!["x = given = to_lab(x)[:, :1] / 50 - 1".to_string()],
            vec!["return to_rgb(torch.cat([(given + 1) * 50, x * 110], 1))".into()],
        ),
        (false, Scale::Signed) => (vec!["x = x * 2 - 1".into()], noise::pixels(Scale::Signed)),
        (false, scale) => (vec![], noise::pixels(scale)),
    };
    let mode = if read.channels == 1 { "L" } else { "RGB" };
    let shown = if made.channels == 1 { "x[0]" } else { "x.permute(1, 2, 0)" };
    let ends = Ends {
        packages: " pillow",
        usage: format!(
            "python {FILE} PICTURE [FILE.safetensors]    makes model.png of it, with the newest checkpoint unless told\n\n\
             model = load(FILE); model(x) makes pictures {} in [0, 1] of pictures x, {} in [0, 1].\n\
             Other sides do as well where they can be halved as often.",
            words(made),
            words(read),
        ),
        constants: vec![],
        arguments: "x".into(),
        before,
        after,
        functions: if is_grey { vec![COLOUR.into()] } else { vec![] },
        main: format!(
            "    from PIL import Image
    picture = Image.open(sys.argv[1]).convert(\"{mode}\")
    x = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8) / 255
    x = x.view(1, picture.height, picture.width, {}).permute(0, 3, 1, 2)
    with torch.no_grad():
        x = load(sys.argv[2] if len(sys.argv) > 2 else files[-1])(x)[0]
    Image.fromarray(({shown} * 255).round().byte().numpy()).save(\"model.png\")",
            read.channels
        ),
    };
    let makes = Makes { picture: translates.to, output: translates.output };
    (ends, Source { config, network, makes, reads: translates.from, classes: 0 })
}
