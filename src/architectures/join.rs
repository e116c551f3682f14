//! How labels join noise and pictures, and how several examples become one (PacGAN, 1712.04086).

use super::ends::Reads;
use crate::config::Condition;
use crate::data::Shape;
use crate::graph::{Graph, Var};

/// `[rows, width]` with one-hot labels `[rows, classes]` joined behind, where there are any.
pub fn with_labels(g: &Graph, x: Var, labels: Option<Var>) -> Var {
    labels.map_or(x, |l| g.concat(&[x, l], 1))
}

/// `[rows, numbers]` and labels as the input of vectors, `[rows / pack, pack·(numbers + classes)]`.
pub fn packed(g: &Graph, x: Var, labels: Option<Var>, pack: usize) -> Var {
    let x = with_labels(g, x, labels);
    let [rows, width] = g.shape(x)[..] else { unreachable!("examples are rows") };
    g.reshape(x, &[rows / pack, pack * width])
}

/// `[rows, numbers]` as pictures whose channels are those of a pack, `[rows / pack, height, width, pack·channels]`.
pub fn packed_pictures(g: &Graph, x: Var, shape: Shape, pack: usize) -> Var {
    let rows = g.shape(x)[0] / pack;
    let Shape { channels, height, width } = shape;
    if pack == 1 {
        return g.reshape(x, &[rows, height, width, channels]);
    }
    let apart = g.reshape(x, &[rows, pack, height, width, channels]);
    let joined = g.permute(apart, &[0, 2, 3, 1, 4]);
    g.reshape(joined, &[rows, height, width, pack * channels])
}

/// Labels of the examples of each pack side by side, `[rows / pack, pack·classes]`.
pub fn packed_labels(g: &Graph, labels: Var, pack: usize) -> Var {
    let [rows, classes] = g.shape(labels)[..] else { unreachable!("labels are rows") };
    g.reshape(labels, &[rows / pack, pack * classes])
}

/// Pictures with labels `[rows, classes]` as planes behind their channels, where there are any.
pub fn with_planes(g: &Graph, pictures: Var, labels: Option<Var>) -> Var {
    let Some(labels) = labels else { return pictures };
    let [rows, height, width, _] = g.shape(pictures)[..] else { unreachable!("pictures have four axes") };
    let classes = g.shape(labels)[1];
    let planes = g.broadcast(g.reshape(labels, &[rows, 1, 1, classes]), &[rows, height, width, classes]);
    g.concat(&[pictures, planes], 3)
}

/// Packs of examples `[rows, numbers]` as a discriminator that convolves reads them: pictures, with labels as planes behind
/// their channels where the condition has them there; and the labels of each pack.
pub fn read(
    g: &Graph,
    reads: Reads,
    condition: Condition,
    x: Var,
    labels: Option<Var>,
) -> (Var, Option<Var>) {
    let labels = labels.map(|labels| packed_labels(g, labels, reads.pack));
    let planes = labels.filter(|_| condition.joins_pictures());
    (with_planes(g, packed_pictures(g, x, reads.picture, reads.pack), planes), labels)
}

/// Channels that [`read`] makes.
pub fn channels_read(reads: Reads, condition: Condition) -> usize {
    reads.pack * (reads.picture.channels + if condition.joins_pictures() { reads.classes } else { 0 })
}
