//! Rows of pictures that tell of a translation: what went in, what came out, and beside them what came back or should have
//! come. Held-out pictures where there are such.

use super::engine::Engine;
use crate::data::{Dataset, Shape};
use crate::error::Result;
use crate::models::{Direction, Game, TaskKind};

/// Pictures in rows, all of one shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// What stands in each column: "in", "out", "back", "truth".
    pub columns: Vec<&'static str>,
    /// Where the pictures that went in come from: "test", "validation", "training".
    pub split: &'static str,
    /// `[rows, columns, numbers]`.
    pub numbers: Vec<f32>,
}

/// Pictures of one direction: what goes in, and what should come out where that is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// Where they come from: "test", "validation", "training".
    pub split: &'static str,
    /// What goes in, `[count, numbers]`.
    pub inputs: Vec<f32>,
    /// What should come out, `[count, numbers]`.
    pub truth: Option<Vec<f32>>,
}

/// Up to `count` pictures of a direction, of what was held out where anything was, chosen by a fixed shuffle.
///
/// # Errors
/// When the device fails.
///
/// # Panics
/// When the model does not translate, or the data are not its own.
pub fn held(engine: &mut Engine, data: &Dataset, direction: Direction, count: usize) -> Result<Held> {
    if engine.tasks.has(TaskKind::Give) {
        let (split, examples) = data.held_out();
        let which = examples.shuffled(0..count.min(examples.count));
        let truth = data.numbers_of(examples, which);
        return Ok(Held { split, inputs: engine.give(&truth)?, truth: Some(truth) });
    }
    if let Some(pairs) = data.held_out_pairs(count).filter(|pairs| pairs.split != "training") {
        let (inputs, truth) = match direction {
            Direction::Forward => (pairs.a, pairs.b),
            Direction::Backward => (pairs.b, pairs.a),
        };
        return Ok(Held { split: pairs.split, inputs, truth: Some(truth) });
    }
    let domain = match direction {
        Direction::Forward => data.set(1),
        Direction::Backward => data.set(0),
    };
    let (split, examples) = domain.held_out();
    let which = examples.shuffled(0..count.min(examples.count));
    Ok(Held { split, inputs: domain.numbers_of(examples, which), truth: None })
}

/// Rows of up to `count` translations of a direction.
///
/// # Errors
/// When the device fails.
///
/// # Panics
/// When [`held`] panics.
pub fn rows(
    engine: &mut Engine,
    game: &dyn Game,
    data: &Dataset,
    direction: Direction,
    count: usize,
) -> Result<Rows> {
    let [from, to] = game.translation(direction).expect("the model translates");
    let Held { split, inputs, truth } = held(engine, data, direction, count)?;
    let made = engine.translate(direction, 0, &inputs)?;
    let back = direction.reversed();
    let back = match game.translation(back) {
        Some(_) => Some(engine.translate(back, 0, &made)?),
        None => None,
    };
    let (mut columns, mut pictures) = (vec!["in", "out"], vec![enlarged(&inputs, from, to), made]);
    for (name, column) in [("back", back), ("truth", truth)] {
        if let Some(column) = column {
            columns.push(name);
            pictures.push(column);
        }
    }
    let (rows, numbers) = (pictures[1].len() / to.len(), to.len());
    let at = |row: usize| row * numbers..(row + 1) * numbers;
    let joined = (0..rows).flat_map(|row| pictures.iter().flat_map(move |p| p[at(row)].iter().copied()));
    Ok(Rows { columns, split, numbers: joined.collect() })
}

/// Pictures of one shape in another that is so many times larger: every pixel a square.
fn enlarged(pictures: &[f32], from: Shape, to: Shape) -> Vec<f32> {
    if from == to {
        return pictures.to_vec();
    }
    let [down, across] = [to.height / from.height, to.width / from.width];
    let mut all = Vec::with_capacity(pictures.len() * down * across);
    for picture in pictures.chunks_exact(from.len()) {
        for y in 0..to.height {
            for x in 0..to.width {
                let at = (y / down * from.width + x / across) * from.channels;
                all.extend_from_slice(&picture[at..at + from.channels]);
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_pictures_grow_pixel_by_pixel() {
        let [from, to] = [[2, 1, 2], [2, 2, 4]].map(Shape::from);
        let grown = enlarged(&[1.0, 2.0, 3.0, 4.0], from, to);
        let row = [1.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 4.0];
        assert_eq!(grown, [row, row].concat());
    }
}
