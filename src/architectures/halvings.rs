//! How often a picture's side is halved on the way to the base, and whether it can be.

use super::norms;
use crate::config::Norm;
use crate::data::Shape;
use crate::error::{Error, Result};

/// The base's smaller side is below this, unless stages are said.
const BASE: usize = 8;

/// Sides of the maps from the picture down to the base.
pub fn sizes(picture: Shape, stages: Option<usize>) -> Vec<[usize; 2]> {
    let mut sizes = vec![[picture.height, picture.width]];
    loop {
        let size = sizes[sizes.len() - 1];
        let smaller = size[0].min(size[1]);
        let enough = stages.map_or(smaller < BASE, |stages| sizes.len() > stages);
        if enough || smaller == 1 {
            return sizes;
        }
        sizes.push(size.map(|n| n.div_ceil(2)));
    }
}

/// Halvings at which residual networks grow.
const GROWING: usize = 3;

/// Channels of a residual network's maps that are so many halvings away from the picture.
pub fn channels(width: usize, growth: usize, halvings: usize) -> usize {
    (0..halvings.min(GROWING)).fold(width, |channels, _| channels * growth)
}

/// The sides nearest to a picture's that are multiples of `unit` and at least `least`, in words: `28 or 32`.
pub fn multiples(picture: Shape, unit: usize, least: usize) -> String {
    let near = |n: usize| {
        let [below, above] = [n / unit, n.div_ceil(unit)].map(|times| (times * unit).max(least));
        if below == above { above.to_string() } else { format!("{below} or {above}") }
    };
    match picture.height == picture.width {
        true => near(picture.height),
        false => format!("{} by {}", near(picture.height), near(picture.width)),
    }
}

/// What an architecture needs of pictures.
#[derive(Debug, Clone, Copy)]
pub struct Needs<'a> {
    /// Name of the architecture.
    pub architecture: &'a str,
    /// Name of the network's table.
    pub name: &'a str,
    /// Halvings that its keys ask for.
    pub stages: Option<usize>,
    /// What normalises its maps, those of the base among them.
    pub norm: Norm,
    /// Why odd sides do not halve, and what to do about it beside other data and fewer stages; none where they do.
    pub even: Option<(&'a str, &'a str)>,
}

/// Checks that pictures can be halved as often as is asked for.
///
/// # Errors
/// When they are points, too small, or odd at a halving: with the size there and the nearest that works.
pub fn check(needs: Needs, picture: Shape) -> Result<()> {
    let Needs { architecture, name, stages, norm, even } = needs;
    let fail = |what: String| Err(Error::Usage(format!("{name}: architecture {architecture:?} {what}")));
    if picture.is_point() {
        let points = "makes and reads pictures, but the data are points";
        return fail(format!("{points}; take architecture = \"layers\", or data of pictures"));
    }
    let sizes = sizes(picture, stages);
    if let Some(stages) = stages
        && sizes.len() - 1 < stages
    {
        let (found, possible) = (picture.height.min(picture.width), sizes.len() - 1);
        if possible == 0 {
            return fail("halves pictures, but a side of 1 cannot be; take architecture = \"layers\"".into());
        }
        return fail(format!(
            "halves the picture {stages} times, but a side of {found} can be halved {possible} times at most; set \
             {name}.stages = {possible}"
        ));
    }
    if sizes.len() == 1 {
        return fail(format!(
            "halves pictures of {BASE} pixels or more, but the data's are {}×{}; take architecture = \"layers\", or set \
             {name}.stages",
            picture.height, picture.width
        ));
    }
    let odd = sizes[..sizes.len() - 1].iter().position(|size| size.iter().any(|n| n % 2 == 1));
    if let Some((i, (why, remedy))) = odd.zip(even) {
        let [height, width] = sizes[i];
        let unit = 1 << (sizes.len() - 1);
        let sides = multiples(picture, unit, unit);
        let fewer = if i > 0 { format!(", or {name}.stages = {i}") } else { String::new() };
        return fail(format!(
            "meets maps of {height}×{width} at halving {} of {} of pictures of {}×{}, but {why}; take data of {sides} \
             pixels (data.size){remedy}{fewer}",
            i + 1,
            sizes.len() - 1,
            picture.height,
            picture.width,
        ));
    }
    let base = sizes[sizes.len() - 1];
    let fewer = format!("set {name}.stages = {}", sizes.len().saturating_sub(2).max(1));
    norms::check(norm, &format!("{name}, at the base behind {} halvings", sizes.len() - 1), base, &fewer)
}
