//! The synthesis network: w of every layer, and noise, to pictures. At each size maps become colours, which are added to those
//! of the size before (1912.04958, figure 7b).

use super::super::ends::Makes;
use super::super::net::Styled;
use super::{BASE, Stylegan2};
use crate::config::Init;
use crate::data::Shape;
use crate::graph::{Dist, Var};
use crate::nn::resample::upsample_fir;
use crate::nn::{Fans, Modulated, Scope, Start, leaky_sqrt2, modulated_conv2d};

/// Where a layer's noise lies among all of a picture's.
struct Grain {
    given: Option<Var>,
    used: usize,
}

impl Grain {
    /// Noise of a layer, `[rows, side, side, 1]`: of those given, else drawn.
    fn of_layer(&mut self, s: &Scope, rows: usize, side: usize) -> Var {
        let g = s.g;
        let from = self.used;
        self.used += side * side;
        match self.given {
            Some(all) => g.reshape(g.slice_axis(all, 1, from, self.used), &[rows, side, side, 1]),
            None => {
                g.rand(&format!("{}/noise/{}", s.path(), s.pass.draw), Dist::Normal, &[rows, side, side, 1])
            }
        }
    }
}

impl Stylegan2 {
    /// A modulated convolution, then noise by a strength that is learnt, a bias, and the rectifier.
    fn layer(&self, s: &Scope, h: Var, w: Var, side: usize, kind: Modulated, grain: &mut Grain) -> Var {
        let g = s.g;
        let channels = self.channels_at(side);
        let convolved = modulated_conv2d(s, h, w, channels, kind);
        let noise = grain.of_layer(s, g.shape(h)[0], side);
        let strength = s.parameter("noise_strength", &[1], Start::Value(0.0));
        let bias = s.parameter("bias", &[channels], Start::Value(0.0));
        leaky_sqrt2(g, g.add(g.add(convolved, g.mul(noise, strength)), bias))
    }
}

impl Styled for Stylegan2 {
    fn layers(&self, picture: Shape) -> usize {
        2 * Stylegan2::sides(picture).len()
    }

    fn side(&self, picture: Shape, layer: usize) -> usize {
        (BASE << layer.div_ceil(2)).min(picture.height)
    }

    fn noises(&self, picture: Shape) -> usize {
        let sides = Stylegan2::sides(picture);
        sides.iter().map(|side| if *side == BASE { side * side } else { 2 * side * side }).sum()
    }

    fn mapping(&self, s: &Scope, z: Var, labels: Option<Var>, averaged: bool) -> Var {
        s.within("mapping", |s| self.mapped(s, z, labels, averaged))
    }

    fn average(&self, s: &Scope, dim: usize) -> Var {
        Stylegan2::average(&s.under("mapping"), dim)
    }

    fn synthesis(&self, s: &Scope, makes: Makes, styles: &[Var], noise: Option<Var>) -> Var {
        let (g, rows) = (s.g, s.g.shape(styles[0])[0]);
        let Shape { channels, .. } = makes.picture;
        let mut grain = Grain { given: noise, used: 0 };
        let s = s.under("synthesis");
        let mut maps = None;
        let mut picture: Option<Var> = None;
        for (i, side) in Stylegan2::sides(makes.picture).into_iter().enumerate() {
            (maps, picture) = s.within(&format!("b{side}"), |s| {
                let h = match maps {
                    None => {
                        let shape = [side, side, self.channels_at(side)];
                        let start = Start::Weight(Init::Normal(1.0), Fans { into: 1, out: 1 });
                        let constant = s.parameter("const", &shape, start);
                        let one = g.reshape(constant, &[1, side, side, shape[2]]);
                        g.broadcast(one, &[rows, side, side, shape[2]])
                    }
                    Some(h) => s.within("conv0", |s| {
                        self.layer(s, h, styles[2 * i - 1], side, Modulated::Up, &mut grain)
                    }),
                };
                let h =
                    s.within("conv1", |s| self.layer(s, h, styles[2 * i], side, Modulated::Same, &mut grain));
                let colours = s.within("torgb", |s| {
                    let made = modulated_conv2d(s, h, styles[2 * i + 1], channels, Modulated::Pixels);
                    g.add(made, s.parameter("bias", &[channels], Start::Value(0.0)))
                });
                let sum = picture.map_or(colours, |before| g.add(upsample_fir(g, before), colours));
                (Some(h), Some(sum))
            });
        }
        g.reshape(picture.expect("a size at least"), &[rows, makes.picture.len()])
    }
}
