//! Minibatches.

use crate::data::{Dataset, Examples, Values, shuffle};
use crate::graph::Column;
use crate::lower::Gather;
use crate::rng::Moment;

/// The minibatch of a tick: examples scaled to the network's numbers, or labels one-hot.
///
/// Positions tick·rows … of an endless sequence of shuffled passes through the training split.
pub fn gather(data: &Dataset, moment: Moment, input: &Gather, to: &mut [f32]) {
    let Gather { order, column, width, .. } = *input;
    let Examples { count, values, labels } = &data.train;
    let rows = to.len() / width;
    for (row, to) in to.chunks_mut(width).enumerate() {
        let position = moment.tick * rows as u64 + row as u64;
        let example = shuffle::at_in(order, moment.seed, *count, position);
        if column == Column::Examples {
            match values {
                Values::U8(bytes) => {
                    let bytes = &bytes[example * width..][..width];
                    to.iter_mut()
                        .zip(bytes)
                        .for_each(|(t, &b)| *t = f32::from(b) * data.factor + data.offset);
                }
                Values::F32(numbers) => to.copy_from_slice(&numbers[example * width..][..width]),
            }
        } else {
            to.fill(0.0);
            let labels = labels.as_ref().expect("a conditional model has labels");
            to[usize::from(labels[example])] = 1.0;
        }
    }
}
