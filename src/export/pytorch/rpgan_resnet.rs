//! The architecture "rpgan-resnet": blocks without norms, filtered resampling.

use super::{Body, Source, activation};
use crate::architectures::rpgan_resnet::RpganResnet;

const CLASSES: &str = "\
class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv3 = nn.Conv2d(channels, channels, 1, bias=False)

    def forward(self, x):
        r = F.leaky_relu(self.conv1(x), 0.2)
        return x + self.conv3(F.leaky_relu(self.conv2(r), 0.2))


def doubled(x):
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]).to(x) / 4
    kernel = (taps[:, None] * taps).expand(x.shape[1], 1, 4, 4)
    return F.conv_transpose2d(x, kernel, stride=2, padding=1, groups=x.shape[1])";

/// The blocks of G.
pub(super) fn body(of: &Source) -> Body {
    let Source { config, makes, reads, .. } = *of;
    let inputs = reads.len();
    let resnet = RpganResnet::of(&config.generator);
    let sizes = resnet.sizes(makes.picture);
    let (halvings, [height, width]) = (sizes.len() - 1, sizes[sizes.len() - 1]);
    let channels = |stage: usize| resnet.channels(halvings - stage);
    let mut body = Body { classes: vec![CLASSES.into()], ..Body::default() };
    body.init.push(format!("self.linear = nn.Linear({inputs}, {}, bias=False)", channels(0)));
    body.init.push(format!("self.basis = nn.Parameter(torch.zeros({}, {height}, {width}))", channels(0)));
    body.forward.push("x = self.basis * self.linear(x)[:, :, None, None]".into());
    let (mut blocks, mut resized) = (vec![], vec![]);
    for stage in 0..=halvings {
        if stage > 0 {
            let [from, to] = [channels(stage - 1), channels(stage)];
            let x = if from == to { "x".into() } else { format!("self.resized[\"{stage}\"](x)") };
            resized.extend((from != to).then(|| (stage, format!("nn.Conv2d({from}, {to}, 1, bias=False)"))));
            body.forward.push(format!("x = doubled({x})"));
        }
        for _ in 0..resnet.blocks {
            body.forward.push(format!("x = self.blocks[{}](x)", blocks.len()));
            blocks.push(format!("Block({})", channels(stage)));
        }
    }
    body.list("blocks", &blocks);
    body.dict("resized", &resized);
    let last = format!("nn.Conv2d({}, {}, 1, bias=False)", channels(halvings), makes.picture.channels);
    body.init.push(format!("self.output = {last}"));
    body.forward.push(format!("x = {}", activation(resnet.output, 0.0, "self.output(x)".into())));
    body
}
