//! The residual D (1912.04958, figure 7c), with the deviation over the minibatch in front of its last convolution.

use super::super::ends::{Forward, Reads};
use super::super::join::{packed_labels, packed_pictures};
use super::{BASE, Stylegan2};
use crate::data::Shape;
use crate::graph::{Var, Window};
use crate::nn::resample::{downsample_fir, filtered};
use crate::nn::{Equalised, Scope, equalised_conv2d, equalised_linear, leaky_sqrt2, with_deviation};
use std::f64::consts::FRAC_1_SQRT_2;

impl Stylegan2 {
    /// Pictures `[rows, numbers]` and labels to a logit a pack. Labels are compared with the features: ⟨mapped labels, features⟩ /
    /// √dim.
    pub(super) fn judged(&self, s: &Scope, reads: Reads, x: Var, labels: Option<Var>) -> Forward {
        let g = s.g;
        let pictures = packed_pictures(g, x, reads.picture, reads.pack);
        let sides = Stylegan2::sides(reads.picture);
        let top = sides[sides.len() - 1];
        let mut h = convolved(s, "fromrgb", pictures, self.channels_at(top), 1);
        for &side in sides[1..].iter().rev() {
            h = s.within(&format!("b{side}"), |s| self.halved(s, h, self.channels_at(side / 2)));
        }
        let (channels, under) = (self.channels_at(BASE), s.under("b4"));
        if self.deviation > 0 {
            h = with_deviation(&under, h, self.deviation);
        }
        h = s.within("b4", |s| convolved(s, "conv", h, channels, 3));
        let rows = g.shape(h)[0];
        let last = Shape { channels, height: BASE, width: BASE };
        let flat = g.reshape(h, &[rows, last.len()]);
        let reading = Equalised { reads: Some(last), ..Equalised::to(channels) };
        let features = leaky_sqrt2(g, equalised_linear(&under.under("fc"), flat, reading));
        let classes = labels.map(|labels| packed_labels(g, labels, reads.pack));
        let outputs = if classes.is_some() { channels } else { reads.outputs };
        let said = equalised_linear(&under.under("out"), features, Equalised::to(outputs));
        let output = match classes {
            None => said,
            Some(labels) => {
                let compared = s.within("mapping", |s| self.compared(s, labels, outputs));
                g.scale(g.sum(g.mul(said, compared), &[1]), 1.0 / (outputs as f64).sqrt())
            }
        };
        Forward { output, features: Some(features), classes: None }
    }

    /// Half the side and so many channels: two 3×3 convolutions, the second behind a filter, beside a filtered skip; the sum keeps
    /// its second moment.
    fn halved(&self, s: &Scope, h: Var, channels: usize) -> Var {
        let g = s.g;
        let inputs = g.shape(h)[3];
        let first = convolved(s, "conv0", h, inputs, 3);
        let half = Window::square(3, 2, 0);
        let filtered = filtered(g, first, 2, 1.0);
        let second =
            s.within("conv1", |s| leaky_sqrt2(g, equalised_conv2d(s, filtered, channels, half, true)));
        if !self.residual {
            return second;
        }
        let (smaller, pixels) = (downsample_fir(g, h), Window::square(1, 1, 0));
        let skip = s.within("skip", |s| equalised_conv2d(s, smaller, channels, pixels, false));
        g.scale(g.add(second, skip), FRAC_1_SQRT_2)
    }
}

/// A convolution that keeps the size, and the rectifier.
fn convolved(s: &Scope, name: &str, h: Var, channels: usize, kernel: usize) -> Var {
    let window = Window::square(kernel, 1, kernel / 2);
    s.within(name, |s| leaky_sqrt2(s.g, equalised_conv2d(s, h, channels, window, true)))
}
