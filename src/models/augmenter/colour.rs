//! ADA's colour transforms: one affine map of (red, green, blue) a picture.

use super::draws::{Chance, Draws};
use crate::graph::{Dist, Graph, Var};
use std::f64::consts::LN_2;

/// The map of each picture. With y the pixel's channels in [−1, 1], m their mean, and every factor `[rows, 1, 1, 1]`:
///
/// y ← gain·(flip·(m + brightness) + saturation·R(y − m)), R a turn by the hue's angle about (1, 1, 1).
///
/// That is ADA's product of 4×4 matrices, in its order (brightness, contrast, luma inversion, hue, saturation): all of
/// them keep the grey axis and the plane across it apart, so each acts on one of the two or scales both.
struct Map {
    brightness: Var,
    gain: Var,
    flip: Var,
    hue: Option<Hue>,
}

/// What happens in the plane across the grey axis: saturation · (cosine, sine).
struct Hue {
    along: Var,
    across: Var,
}

/// Pictures `[rows, height, width, 1 or 3]`, each with probability p: brightness + N(0, .2); contrast · 2^N(0, .5); luma
/// inverted half of the time; in colour the hue turned by any angle, saturation · 2^N(0, 1). Grey has the mean of the map's
/// rows. `from_zero` where black is 0, not −1.
///
/// Uniform numbers of a picture: five that say whether, in this order, and one of the inversion. Normal ones: brightness,
/// contrast, saturation, and two that point where the hue turns.
pub fn coloured(chance: &Chance, x: Var, from_zero: bool) -> Var {
    let (g, channels) = (chance.g, chance.g.shape(x)[3]);
    let u = chance.draws("colour", Dist::Uniform, 6);
    let normal = chance.draws("colour amounts", Dist::Normal, 5);
    let map = Map::drawn(g, &u, &normal, channels == 3);
    // y = 2x − 1 goes in and x = (y + 1)/2 comes out: the linear part is the same.
    let luma = g.mul(map.gain, map.flip);
    let offset = match from_zero {
        true => g.scale(g.shift(g.mul(luma, g.shift(map.brightness, -1.0)), 1.0), 0.5),
        false => g.mul(luma, map.brightness),
    };
    let Some(Hue { along, across }) = map.hue else { return g.add(g.mul(x, luma), offset) };
    // The map's matrix is circulant: a channel by itself, by the next one, by the one after.
    let third = |v: Var| g.scale(g.mul(map.gain, v), 1.0 / 3.0);
    let across = g.scale(across, 3f64.sqrt());
    let rest = g.sub(map.flip, along);
    let row =
        [third(g.add(map.flip, g.scale(along, 2.0))), third(g.sub(rest, across)), third(g.add(rest, across))];
    let channel = |c: usize| g.slice_axis(x, 3, c % 3, c % 3 + 1);
    let mixed = |c: usize| (0..3).fold(offset, |sum, i| g.add(sum, g.mul(channel(c + i), row[i])));
    g.concat(&[mixed(0), mixed(1), mixed(2)], 3)
}

impl Map {
    fn drawn(g: &Graph, u: &Draws, normal: &Draws, has_hue: bool) -> Map {
        let power_of_two = |v: Var| g.exp(g.scale(v, LN_2));
        let is_inverted = g.mul(u.happens(2), g.gt(u.number(5), g.constant(0.5, &[])));
        let hue = has_hue.then(|| {
            // Two normal numbers point in every direction alike.
            let [a, b] = [normal.number(3), normal.number(4)];
            let length = g.sqrt(g.shift(g.add(g.square(a), g.square(b)), 1e-12));
            let part = |v: Var| g.mul(v, g.recip(length));
            let saturation = u.perhaps(4, power_of_two(normal.number(2)), 1.0);
            let along = g.mul(saturation, u.perhaps(3, part(a), 1.0));
            Hue { along, across: g.mul(saturation, u.perhaps(3, part(b), 0.0)) }
        });
        Map {
            brightness: u.perhaps(0, g.scale(normal.number(0), 0.2), 0.0),
            gain: u.perhaps(1, power_of_two(g.scale(normal.number(1), 0.5)), 1.0),
            flip: g.shift(g.scale(is_inverted, -2.0), 1.0),
            hue,
        }
    }
}
