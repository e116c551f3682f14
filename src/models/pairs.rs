//! Pairs of pictures: what G is given and what it should make, read off a minibatch or made of single pictures.

use super::augment::augmented;
use crate::config::{Config, Given, Scale};
use crate::data::Shape;
use crate::graph::{Column, Graph, Input, Var};
use crate::nn::bicubic::reduced;
use crate::nn::colour;

/// How pairs come about.
#[derive(Debug, Clone, PartialEq)]
pub struct Pairs {
    config: Config,
    /// A picture as people see it.
    picture: Shape,
}

/// A pair as networks read it.
#[derive(Debug, Clone, Copy)]
pub struct Pair {
    /// What G is given, `[rows, numbers]`.
    pub given: Var,
    /// What it should make, `[rows, numbers]`.
    pub wanted: Var,
}

/// What a and b of Lab are divided by.
const CHROMA: f64 = 110.0;
/// L is divided by it, and 1 subtracted.
const HALF_LIGHTNESS: f64 = 50.0;

impl Pairs {
    /// Pairs of pictures of a shape, as a configuration wants them.
    pub fn new(config: &Config, picture: Shape) -> Pairs {
        Pairs { config: config.clone(), picture }
    }

    /// Shape of what the network reads.
    pub fn given(&self) -> Shape {
        match self.config.data.given {
            Some(Given::Grey) => Shape { channels: 1, ..self.picture },
            _ => self.read(),
        }
    }

    /// Shape of what the network makes.
    pub fn wanted(&self) -> Shape {
        match self.config.data.given {
            Some(Given::Grey) => Shape { channels: 2, ..self.picture },
            _ => self.picture,
        }
    }

    /// Shape of the pictures that are translated, as people see them.
    pub fn read(&self) -> Shape {
        match self.config.data.given {
            Some(Given::LowResolution) => {
                let smaller = |n: usize| n / self.config.data.factor;
                let Shape { channels, height, width } = self.picture;
                Shape { channels, height: smaller(height), width: smaller(width) }
            }
            _ => self.picture,
        }
    }

    /// Shape of what D reads: a pair side by side along channels where both have one size, else what G makes alone.
    pub fn judged(&self) -> Shape {
        let (given, wanted) = (self.given(), self.wanted());
        let channels = if self.is_joined() { given.channels + wanted.channels } else { wanted.channels };
        Shape { channels, ..wanted }
    }

    /// Whether D reads pairs.
    pub fn is_joined(&self) -> bool {
        let (given, wanted) = (self.given(), self.wanted());
        (given.height, given.width) == (wanted.height, wanted.width)
    }

    /// What D reads of a pair whose second picture is `made`.
    pub fn judge(&self, g: &Graph, given: Var, made: Var) -> Var {
        if self.is_joined() { self.beside(g, [(given, self.given()), (made, self.wanted())]) } else { made }
    }

    /// The pairs of a minibatch, changed at random as the configuration has it, both pictures alike.
    pub fn minibatch(&self, g: &Graph, batch: usize) -> Pair {
        let (picture, data) = (self.picture, &self.config.data);
        let set = |set| {
            g.input(Input::Minibatch { set, order: 0, column: Column::Examples }, &[batch, picture.len()])
        };
        if data.given.is_some() {
            return self.of(g, augmented(g, "", set(0), picture, data));
        }
        let both = Shape { channels: 2 * picture.channels, ..picture };
        let joined = self.beside(g, [(set(1), picture), (set(0), picture)]);
        let changed = self.pictures(g, augmented(g, "", joined, both, data), both);
        let channels = |from: usize| {
            let part = g.slice_axis(changed, 3, from, from + picture.channels);
            g.reshape(part, &[batch, picture.len()])
        };
        Pair { given: channels(0), wanted: channels(picture.channels) }
    }

    /// The pairs made of single pictures `[rows, numbers]`.
    fn of(&self, g: &Graph, x: Var) -> Pair {
        match self.config.data.given {
            Some(Given::Grey) => {
                let rows = g.shape(x)[0];
                let lab = self.lab(g, x);
                let part = |from, to| g.slice_axis(lab, 3, from, to);
                let area = self.picture.height * self.picture.width;
                let given = g.reshape(part(0, 1), &[rows, area]);
                Pair { given, wanted: g.reshape(part(1, 3), &[rows, 2 * area]) }
            }
            _ => Pair { given: self.give(g, x), wanted: x },
        }
    }

    /// What pictures are to be translated from, as pictures: `[rows, numbers]`.
    pub fn give(&self, g: &Graph, x: Var) -> Var {
        let rows = g.shape(x)[0];
        match self.config.data.given {
            Some(Given::LowResolution) => {
                let smaller = reduced(g, self.pictures(g, x, self.picture), self.config.data.factor);
                g.reshape(smaller, &[rows, self.read().len()])
            }
            Some(Given::Grey) => {
                let none = g.constant(0.0, &[rows, self.wanted().len()]);
                self.shown(g, self.network_reads(g, x), none)
            }
            None => x,
        }
    }

    /// What the network reads of pictures that are translated.
    pub fn network_reads(&self, g: &Graph, x: Var) -> Var {
        if self.config.data.given == Some(Given::Grey) { self.of(g, x).given } else { x }
    }

    /// What G made, as pictures `[rows, numbers]`; `given` is what it read.
    pub fn shown(&self, g: &Graph, given: Var, made: Var) -> Var {
        if self.config.data.given != Some(Given::Grey) {
            return made;
        }
        let rows = g.shape(made)[0];
        let lightness = g.scale(g.shift(self.pictures(g, given, self.given()), 1.0), HALF_LIGHTNESS);
        let chroma = g.scale(self.pictures(g, made, self.wanted()), CHROMA);
        let rgb = colour::rgb(g, g.concat(&[lightness, chroma], 3));
        let scaled = if self.is_signed() { g.shift(g.scale(rgb, 2.0), -1.0) } else { rgb };
        g.reshape(scaled, &[rows, self.picture.len()])
    }

    /// Lab as networks have it, `[rows, height, width, 3]`: about on [−1, 1].
    fn lab(&self, g: &Graph, x: Var) -> Var {
        let x = self.pictures(g, x, self.picture);
        let rgb = if self.is_signed() { g.scale(g.shift(x, 1.0), 0.5) } else { x };
        let lab = colour::lab(g, rgb);
        let lightness = g.shift(g.scale(g.slice_axis(lab, 3, 0, 1), 1.0 / HALF_LIGHTNESS), -1.0);
        g.concat(&[lightness, g.scale(g.slice_axis(lab, 3, 1, 3), 1.0 / CHROMA)], 3)
    }

    fn is_signed(&self) -> bool {
        self.config.data.scale == Scale::Signed
    }

    fn pictures(&self, g: &Graph, x: Var, shape: Shape) -> Var {
        let rows = g.shape(x)[0];
        g.reshape(x, &[rows, shape.height, shape.width, shape.channels])
    }

    /// Two pictures of one size as one of the channels of both, `[rows, numbers]`.
    fn beside(&self, g: &Graph, pair: [(Var, Shape); 2]) -> Var {
        let rows = g.shape(pair[0].0)[0];
        let joined = g.concat(&pair.map(|(x, shape)| self.pictures(g, x, shape)), 3);
        g.reshape(joined, &[rows, pair[0].1.len() + pair[1].1.len()])
    }
}
