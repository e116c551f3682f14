//! Plain and striped animals, horse and zebra in small: ellipses for body, neck, head, legs and tail in a random pose on
//! a random ground. Stripes run in the animal's own frame and begin at its chest, so that the striped picture is a
//! function of the plain one.

use crate::rng::{PhiloxRng, unit};
use rand::Rng;
use std::f32::consts::TAU;

/// Samples a pixel, each way.
const SAMPLES: usize = 4;
/// Length of a stripe and the gap behind it, in half lengths of the body.
const PERIOD: f32 = 0.42;
/// Brightness of a stripe, as a share of the animal's colour.
const DARK: f32 = 0.12;

/// An ellipse in the animal's frame, whose body has half length 1: x to the head, y down.
struct Ellipse {
    centre: [f32; 2],
    /// 1 over each half axis.
    inverse: [f32; 2],
    /// The longer half axis.
    reach: f32,
    /// Cosine and sine of its turn.
    turn: [f32; 2],
}

impl Ellipse {
    fn new(centre: [f32; 2], axes: [f32; 2], angle: f32) -> Ellipse {
        let turn = [angle.cos(), angle.sin()];
        Ellipse { centre, inverse: axes.map(|a| 1.0 / a), reach: axes[0].max(axes[1]), turn }
    }

    /// An ellipse of this thickness from one point to another.
    fn between(from: [f32; 2], to: [f32; 2], thickness: f32) -> Ellipse {
        let [dx, dy] = [to[0] - from[0], to[1] - from[1]];
        let centre = [0.5 * (from[0] + to[0]), 0.5 * (from[1] + to[1])];
        Ellipse::new(centre, [0.5 * dx.hypot(dy) + 0.5 * thickness, thickness], dy.atan2(dx))
    }

    /// Whether it may hold a point within this distance of another.
    fn is_near(&self, [x, y]: [f32; 2], distance: f32) -> bool {
        let ([dx, dy], reach) = ([x - self.centre[0], y - self.centre[1]], self.reach + distance);
        dx * dx + dy * dy <= reach * reach
    }

    fn holds(&self, [x, y]: [f32; 2]) -> bool {
        let ([dx, dy], [cos, sin]) = ([x - self.centre[0], y - self.centre[1]], self.turn);
        let u = (dx * cos + dy * sin) * self.inverse[0];
        let v = (dy * cos - dx * sin) * self.inverse[1];
        u * u + v * v <= 1.0
    }
}

/// Draws one animal, `[side, side, 3]`, of one colour or, where `striped`, with stripes. There is one class.
pub fn draw(rng: &mut PhiloxRng, side: usize, striped: bool, picture: &mut [u8]) -> u8 {
    let mut uniform = |from: f32, to: f32| from + (to - from) * unit(rng.next_u32());
    let height = uniform(0.42, 0.6);
    let parts = parts(height, &mut uniform);
    let length = side as f32 * uniform(0.23, 0.28);
    let facing = if uniform(0.0, 1.0) < 0.5 { 1.0 } else { -1.0 };
    let (sin, cos) = uniform(-0.12, 0.12).sin_cos();
    let centre = [uniform(0.46, 0.54), uniform(0.5, 0.56)].map(|x| x * side as f32);
    // Bay, dun, grey: a warm colour of any brightness, never so dark that its stripes drown.
    let (bright, warm) = (uniform(0.62, 0.95), uniform(0.25, 0.75));
    let coat = [bright, bright * (1.0 - 0.4 * warm), bright * (1.0 - 0.85 * warm)];
    // Sky above, ground below, each of one colour.
    let sky = [uniform(0.55, 0.75), uniform(0.75, 0.88), uniform(0.9, 1.0)];
    let ground = [uniform(0.3, 0.5), uniform(0.5, 0.68), uniform(0.2, 0.32)];
    let horizon = centre[1] + length * uniform(-0.2, 0.5);
    // Stripes begin at the chest: the narrower the body, the more they lean.
    let (lean_sin, lean_cos) = (0.9 * (height - 0.42)).sin_cos();
    let is_dark = |[x, y]: [f32; 2]| (TAU * ((x - 1.0) * lean_cos + y * lean_sin) / PERIOD).sin() > 0.0;
    let own = |[x, y]: [f32; 2]| {
        let [dx, dy] = [(x - centre[0]) / length, (y - centre[1]) / length];
        [facing * (dx * cos + dy * sin), dy * cos - dx * sin]
    };
    let behind = |y: f32| if y < horizon { sky } else { ground };
    let sample = |at: [f32; 2], near: &[&Ellipse]| -> [f32; 3] {
        let place = own(at);
        if near.iter().any(|part| part.holds(place)) {
            let shade = if striped && is_dark(place) { DARK } else { 1.0 };
            coat.map(|c| c * shade)
        } else {
            behind(at[1])
        }
    };
    let step = 1.0 / SAMPLES as f32;
    let mut near = Vec::with_capacity(parts.len());
    for (i, pixel) in picture.chunks_exact_mut(3).enumerate() {
        let corner = [(i % side) as f32, (i / side) as f32];
        let middle = corner.map(|x| x + 0.5);
        near.clear();
        let place = own(middle);
        near.extend(parts.iter().filter(|part| part.is_near(place, 1.0 / length)));
        let mean = if near.is_empty() && (middle[1] - horizon).abs() > 1.0 {
            behind(middle[1])
        } else {
            let mut sum = [0.0f32; 3];
            for n in 0..SAMPLES * SAMPLES {
                let offset = [n % SAMPLES, n / SAMPLES].map(|k| step * (k as f32 + 0.5));
                let at = [corner[0] + offset[0], corner[1] + offset[1]];
                sum.iter_mut().zip(sample(at, &near)).for_each(|(s, v)| *s += v);
            }
            sum.map(|s| s * step * step)
        };
        pixel.iter_mut().zip(mean).for_each(|(v, m)| *v = (255.0 * m).round() as u8);
    }
    0
}

/// Parts of an animal whose body is so high, in half lengths of the body.
fn parts(height: f32, uniform: &mut impl FnMut(f32, f32) -> f32) -> Vec<Ellipse> {
    let body = Ellipse::new([0.0, 0.0], [1.0, height], 0.0);
    let nape = [0.72 + uniform(0.25, 0.5), -height - uniform(0.25, 0.55)];
    let neck = Ellipse::between([0.7, -0.1], nape, 0.22);
    let nose = [nape[0] + uniform(0.3, 0.42), nape[1] + uniform(0.1, 0.3)];
    let head = Ellipse::between(nape, nose, 0.17);
    let ear = Ellipse::between(nape, [nape[0] - 0.06, nape[1] - 0.34], 0.08);
    let tail = Ellipse::between([-0.92, -0.1], [-1.25, uniform(0.25, 0.6)], 0.09);
    let mut all = vec![body, neck, head, ear, tail];
    let ground = height + uniform(0.6, 0.75);
    for hip in [-0.72, -0.5, 0.45, 0.68] {
        let foot = [hip + uniform(-0.22, 0.22), ground];
        all.push(Ellipse::between([hip, 0.2 * height], foot, 0.115));
    }
    all
}
