//! Filled shapes and their outlines: a circle, square, triangle or star of random place, size, turn and colour on white.
//! The outline lies within the shape, so that both have one silhouette.

use crate::rng::{PhiloxRng, below, unit};
use rand::Rng;
use std::f32::consts::TAU;

/// Names of the shapes, by class.
pub const NAMES: [&str; 4] = ["circle", "square", "triangle", "star"];
/// Pixels that an outline is wide.
const OUTLINE: f32 = 1.5;

/// Corners of each shape on and within the unit circle; a circle has none. A star's inner corners lie at this radius.
const INNER: f32 = 0.48;

/// Draws one shape, `[side, side, 3]`, filled or, where `outlined`, as its outline; its class.
pub fn draw(rng: &mut PhiloxRng, side: usize, outlined: bool, picture: &mut [u8]) -> u8 {
    let class = below(rng.next_u32(), NAMES.len());
    let mut uniform = |from: f32, to: f32| from + (to - from) * unit(rng.next_u32());
    // Triangles and stars fill less of the circle around them.
    let grown = [1.0, 1.1, 1.2, 1.25][class];
    let radius = grown * side as f32 * uniform(0.19, 0.34);
    let room = radius + 1.0;
    let centre = [0, 1].map(|_| uniform(room, side as f32 - room));
    let turn = uniform(0.0, TAU);
    let colour = colour(uniform(0.0, 6.0), uniform(0.6, 0.9));
    let corners: Vec<[f32; 2]> = outline(class)
        .iter()
        .map(|&[angle, length]| {
            let (sin, cos) = (angle + turn).sin_cos();
            [radius * length * cos, radius * length * sin]
        })
        .collect();
    for (i, pixel) in picture.chunks_exact_mut(3).enumerate() {
        let at = [(i % side) as f32 + 0.5 - centre[0], (i / side) as f32 + 0.5 - centre[1]];
        let outside = distance(at, &corners, radius);
        let filled = (0.5 - outside).clamp(0.0, 1.0);
        let hollow = (0.5 - outside - OUTLINE).clamp(0.0, 1.0);
        let ink = if outlined { filled - hollow } else { filled };
        pixel.iter_mut().zip(colour).for_each(|(v, c)| *v = (255.0 * (1.0 - ink * (1.0 - c))).round() as u8);
    }
    class as u8
}

/// Angle and distance from the centre of each corner of a class's shape.
fn outline(class: usize) -> Vec<[f32; 2]> {
    let corners = [0, 4, 3, 10][class];
    let length = |i: usize| if class == 3 && i % 2 == 1 { INNER } else { 1.0 };
    (0..corners).map(|i| [TAU * i as f32 / corners as f32, length(i)]).collect()
}

/// A saturated colour: its hue in [0, 6), the greatest of its channels.
fn colour(hue: f32, value: f32) -> [f32; 3] {
    [5.0, 3.0, 1.0].map(|offset| {
        let k = (offset + hue) % 6.0;
        value * (1.0 - 0.85 * k.min(4.0 - k).clamp(0.0, 1.0))
    })
}

/// Distance of a point from a shape's edge, negative within: of the polygon of these corners, or of a circle.
fn distance([x, y]: [f32; 2], corners: &[[f32; 2]], radius: f32) -> f32 {
    let Some(&last) = corners.last() else { return x.hypot(y) - radius };
    let (mut nearest, mut inside, mut from) = (f32::INFINITY, false, last);
    for &to in corners {
        let edge = [to[0] - from[0], to[1] - from[1]];
        let along = (x - from[0]) * edge[0] + (y - from[1]) * edge[1];
        let t = (along / (edge[0] * edge[0] + edge[1] * edge[1])).clamp(0.0, 1.0);
        nearest = nearest.min((x - from[0] - t * edge[0]).hypot(y - from[1] - t * edge[1]));
        if (from[1] > y) != (to[1] > y) && x < from[0] + (y - from[1]) * edge[0] / edge[1] {
            inside = !inside;
        }
        from = to;
    }
    if inside { -nearest } else { nearest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_squares_edge_is_where_it_should_be() {
        let corners: Vec<[f32; 2]> =
            outline(1).iter().map(|[a, r]| [10.0 * r * a.cos(), 10.0 * r * a.sin()]).collect();
        let half = 50.0f32.sqrt();
        for (at, expected) in [([0.0, 0.0], -half), ([10.0, 10.0], half), ([13.0, 0.0], 3.0)] {
            assert!((distance(at, &corners, 10.0) - expected).abs() < 1e-4, "{at:?}");
        }
        assert_eq!(distance([3.0, 4.0], &[], 10.0), -5.0);
    }
}
