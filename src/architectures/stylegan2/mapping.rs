//! The mapping network: noise and labels to w, and labels to what D's features are compared with (StyleGAN: 1812.04948;
//! projection: 1802.05637).

use super::Stylegan2;
use crate::graph::Var;
use crate::nn::{Equalised, Scope, StateStart, equalised_linear, leaky_sqrt2, normalised_rows};

/// Share of a minibatch's mean w in the average.
const MOMENTUM: f64 = 0.005;

impl Stylegan2 {
    /// Noise `[rows, dim]`, normalised row by row, and labels `[rows, classes]`, embedded and normalised alike: w `[rows, dim]`. The
    /// average over training, the state `w_avg`, moves where `averaged`.
    pub(super) fn mapped(&self, s: &Scope, z: Var, labels: Option<Var>, averaged: bool) -> Var {
        let g = s.g;
        let dim = g.shape(z)[1];
        let noise = normalised_rows(g, z);
        let read = match labels {
            Some(labels) => g.concat(&[noise, self.embedded(s, labels, dim)], 1),
            None => noise,
        };
        let w = self.layers(s, read, dim);
        let average = Stylegan2::average(s, dim);
        if averaged {
            let rows = g.shape(w)[0] as f64;
            let mean = g.reshape(g.scale(g.sum(g.detach(w), &[0]), 1.0 / rows), &[dim]);
            s.store("w_avg", g.add(g.scale(average, 1.0 - MOMENTUM), g.scale(mean, MOMENTUM)));
        }
        w
    }

    /// The average of w over training, `[dim]`.
    pub(super) fn average(s: &Scope, dim: usize) -> Var {
        s.state("w_avg", &[dim], StateStart::Value(0.0))
    }

    /// Labels alone, `[rows, classes]`, to what D's features are compared with, `[rows, dim]`.
    pub(super) fn compared(&self, s: &Scope, labels: Var, dim: usize) -> Var {
        let embedded = self.embedded(s, labels, dim);
        self.layers(s, embedded, dim)
    }

    fn embedded(&self, s: &Scope, labels: Var, dim: usize) -> Var {
        let embedded = s.within("embed", |s| equalised_linear(s, labels, Equalised::to(dim)));
        normalised_rows(s.g, embedded)
    }

    fn layers(&self, s: &Scope, x: Var, dim: usize) -> Var {
        let layer = Equalised { lr_factor: self.mapping.lr_factor, ..Equalised::to(dim) };
        (0..self.mapping.layers)
            .fold(x, |h, i| leaky_sqrt2(s.g, s.within(&format!("fc{i}"), |s| equalised_linear(s, h, layer))))
    }
}
