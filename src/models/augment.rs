//! Random flips and crops of real examples, drawn anew whenever they are seen: more data for D, made where it reads them.

use crate::config::Data;
use crate::data::Shape;
use crate::error::{Error, Result};
use crate::graph::{Dist, Graph, Var};
use crate::nn::bicubic::enlarged_and_cut;
use crate::nn::resample::{flip, reflect_pad};

/// Real examples, `[rows, numbers]`, as a configuration has them seen; as they are where it says nothing.
///
/// With [`Data::load_size`] each is enlarged to that side, and a place of its own size is cut out of it. With [`Data::flip`] each is mirrored left to right with probability ½. With [`Data::crop`] = n it is then padded by n
/// pixels on each side, mirrored at the edge, and a place of its own size is cut out of that, each of (2n + 1)² alike.
///
/// `domain` stands before the names of the random streams: of two domains each is changed by itself.
pub fn augmented(g: &Graph, domain: &str, x: Var, shape: Shape, data: &Data) -> Var {
    if !data.flip && data.crop == 0 && data.load_size == 0 {
        return x;
    }
    let named = |draw: &str| format!("{domain}{draw}");
    g.scoped("augment", || {
        let rows = g.shape(x)[0];
        let mut pictures = g.reshape(x, &[rows, shape.height, shape.width, shape.channels]);
        if data.load_size > 0 {
            let places = g.rand(&named("places"), Dist::Uniform, &[rows, 2]);
            pictures = enlarged_and_cut(g, pictures, data.load_size, places);
        }
        if data.flip {
            let u = uniform(g, &named("flip"), pictures);
            pictures = g.select(g.gt(u, g.constant(0.5, &[])), flip(g, pictures), pictures);
        }
        if data.crop > 0 {
            let padded = reflect_pad(g, pictures, data.crop);
            pictures = cut(g, &named("crop rows"), padded, 1, shape.height);
            pictures = cut(g, &named("crop columns"), pictures, 2, shape.width);
        }
        g.reshape(pictures, &[rows, shape.len()])
    })
}

/// A number on [0, 1) for each picture, at each of its places.
fn uniform(g: &Graph, name: &str, pictures: Var) -> Var {
    let shape = g.shape(pictures);
    g.broadcast(g.rand(name, Dist::Uniform, &[shape[0], 1, 1, 1]), &shape)
}

/// `length` neighbours of an axis from a random place on, one for each picture.
fn cut(g: &Graph, name: &str, pictures: Var, axis: usize, length: usize) -> Var {
    let places = g.shape(pictures)[axis] - length + 1;
    let from = |place: usize| g.slice_axis(pictures, axis, place, place + length);
    let first = from(0);
    let u = uniform(g, name, first);
    (1..places).fold(first, |before, place| {
        let beyond = g.gt(u, g.constant(place as f64 / places as f64, &[]));
        g.select(beyond, from(place), before)
    })
}

/// Checks that examples can be flipped and cropped as asked.
///
/// # Errors
/// When they are points, or have too few pixels to mirror.
pub fn check(data: &Data, shape: Shape) -> Result<()> {
    let [key, value] = match (data.flip, data.crop, data.load_size) {
        (false, 0, 0) => return Ok(()),
        (true, ..) => ["data.flip", "true"].map(String::from),
        (_, 0, side) => ["data.load_size".into(), side.to_string()],
        (_, crop, _) => ["data.crop".into(), crop.to_string()],
    };
    if shape.is_point() {
        return Err(Error::Usage(format!(
            "{key} is {value}, but the data are points of {} numbers, which have no sides; expected pictures, or leave it out",
            shape.len()
        )));
    }
    let side = shape.height.min(shape.width);
    if data.load_size > 0 && (shape.height != shape.width || data.load_size < side) {
        return Err(Error::Usage(format!(
            "data.load_size is {}, but the pictures are {}×{}: they are enlarged to it before they are cut; expected squares, \
             and {} or more",
            data.load_size,
            shape.height,
            shape.width,
            shape.height.max(shape.width)
        )));
    }
    if data.crop >= side {
        return Err(Error::Usage(format!(
            "data.crop is {}, but the pictures are {}×{}: so many pixels behind the edge are not there to mirror; expected \
             {} or less",
            data.crop,
            shape.height,
            shape.width,
            side - 1
        )));
    }
    Ok(())
}
