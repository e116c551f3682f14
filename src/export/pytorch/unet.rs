//! The architecture "unet": down, across and up.

use super::{Body, Source, activation, norms};
use crate::architectures::unet::{KEEP, Unet};
use crate::config::Upsample;

/// Modules and forward pass of G.
pub(super) fn body(of: &Source) -> Body {
    let Source { config, makes, reads, .. } = *of;
    let net = Unet::of(&config.generator);
    let depth = net.depth(reads);
    let bias = |always: bool| if always || net.bias() { "" } else { ", bias=False" };
    let (mut body, mut down, mut up) = (Body::default(), vec![], vec![]);
    let (mut down_norms, mut up_norms, mut rising) = (vec![], vec![], vec![]);
    let norm = |channels: usize| norms::module(net.norm, &channels.to_string(), false);
    for i in 0..depth {
        let (made, above) = (net.channels(i), if i > 0 { net.channels(i - 1) } else { reads.channels });
        down.push(format!("nn.Conv2d({above}, {made}, 4, 2, padding=1{})", bias(false)));
        let read = if i > 0 { format!("F.leaky_relu(x{}, 0.2)", i - 1) } else { "x".into() };
        let x = format!("self.down[{i}]({read})");
        let x = match norm(made).filter(|_| i > 0 && i + 1 < depth) {
            None => x,
            Some(module) => {
                down_norms.push((i, module));
                format!("self.down_norms[\"{i}\"]({x})")
            }
        };
        body.forward.push(format!("x{i} = {x}"));

        let is_bottom = i + 1 == depth;
        let to = if i > 0 { above } else { makes.picture.channels };
        let from = if is_bottom { made } else { 2 * made };
        let read =
            if is_bottom { format!("F.relu(x{i})") } else { format!("F.relu(torch.cat([x{i}, x], 1))") };
        let (module, read) = match net.upsample {
            Upsample::Transposed => {
                (format!("nn.ConvTranspose2d({from}, {to}, 4, 2, padding=1{})", bias(i == 0)), read)
            }
            Upsample::Nearest => (
                format!("nn.Conv2d({from}, {to}, 3, padding=1{})", bias(i == 0)),
                format!("F.interpolate({read}, scale_factor=2)"),
            ),
        };
        up.push(module);
        let x = format!("self.up[{i}]({read})");
        let x = match norm(to).filter(|_| i > 0) {
            None => x,
            Some(module) => {
                up_norms.push((i, module));
                format!("self.up_norms[\"{i}\"]({x})")
            }
        };
        rising.push(match net.drops(i, depth) {
            true => format!("x = F.dropout({x}, 1 - {KEEP})"),
            false => format!("x = {x}"),
        });
    }
    if (0..depth).any(|i| net.drops(i, depth)) {
        rising.push("# Dropout is part of this generator: its masks are the noise that it has.".into());
    }
    body.forward.extend(rising.into_iter().rev());
    body.forward.push(format!("x = {}", activation(net.output.unwrap_or(makes.output), 0.0, "x".into())));
    body.list("down", &down);
    body.list("up", &up);
    body.dict("down_norms", &down_norms);
    body.dict("up_norms", &up_norms);
    body
}
