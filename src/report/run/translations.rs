//! What became of held-out pictures: the heart of the page of a model that translates.

use super::Story;
use crate::numbers::number;
use crate::pictures::Picture;
use crate::report::html::{Html, figure, image, sheets};

/// Held-out pictures of one direction, in rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Translated {
    /// From what to what, in words: "A to B".
    pub direction: &'static str,
    /// What stands in each column: "in", "out", "back", "truth".
    pub columns: Vec<&'static str>,
    /// Where the pictures come from: "test", "validation", "training".
    pub split: &'static str,
    /// The rows.
    pub picture: Picture,
    /// Mean absolute differences of pixels in [0, 1], with the columns that they are between.
    pub differences: Vec<([&'static str; 2], f64)>,
}

/// The section: a figure a direction.
pub(super) fn section(story: &Story) -> Vec<Html> {
    let meaning = |column: &&str| match *column {
        "in" => "what went in",
        "out" => "what came out",
        "back" => "what the way back made of that",
        _ => "what should have come out",
    };
    let figures = story.translations.iter().map(|t| {
        let order: Vec<&str> = t.columns.iter().map(meaning).collect();
        let seen = match t.split {
            "training" => "pictures that training has seen, since nothing was held out".to_string(),
            split => format!("{split} pictures, which training has not seen"),
        };
        let differences = t.differences.iter().map(|([a, b], d)| format!("{a} and {b} {}", number(*d)));
        let differences = differences.collect::<Vec<_>>().join(", ");
        let reading = match t.columns.contains(&"truth") {
            true => {
                "It worked as far as out and truth are nearer to each other than in and truth, which is the picture left as \
                 it was."
            }
            false => {
                "What should have come out is not known here: whether it worked is for the eye. A small difference of in and \
                 back proves nothing alone, since a secret code would do as well."
            }
        };
        let caption = format!(
            "{}, {seen}. In each group from left to right: {}. Mean absolute differences of pixels in [0, 1]: {differences}. \
             {reading}",
            t.direction,
            order.join("; ")
        );
        figure(image(&t.picture.png(), &format!("translations, {}", t.direction), true), &caption)
    });
    vec![sheets(figures)]
}
