//! A margin around pictures: MNIST's 28 pixels become the 32 of networks that double a square of 4.

use super::{Dataset, Examples, Shape, Values};

impl Dataset {
    /// Pictures with `pad` dark pixels more on each side.
    #[must_use]
    pub fn padded(self, pad: usize) -> Dataset {
        if pad == 0 {
            return self;
        }
        let from = self.shape;
        let shape = Shape { height: from.height + 2 * pad, width: from.width + 2 * pad, ..from };
        let framed = |split: Examples| {
            let values = match split.values {
                Values::U8(bytes) => Values::U8(framed(&bytes, from, pad)),
                Values::F32(numbers) => Values::F32(framed(&numbers, from, pad)),
            };
            Examples { values, ..split }
        };
        let mut notes = self.notes;
        notes.push(format!("{pad} dark pixels around each: {}×{}", shape.width, shape.height));
        let origin = self.origin.map(|mut origin| {
            origin.data = origin.data.padded(pad);
            origin
        });
        let (train, valid, test) = (framed(self.train), framed(self.valid), framed(self.test));
        Dataset { shape, train, valid, test, notes, origin, ..self }
    }
}

/// Examples of a shape, with `pad` zeros on each side.
fn framed<T: Copy + Default>(all: &[T], from: Shape, pad: usize) -> Vec<T> {
    let row = from.width * from.channels;
    let (margin, wide) = (pad * from.channels, (from.width + 2 * pad) * from.channels);
    let mut framed = vec![];
    for example in all.chunks_exact(from.len()) {
        framed.resize(framed.len() + pad * wide, T::default());
        for row in example.chunks_exact(row) {
            framed.resize(framed.len() + margin, T::default());
            framed.extend_from_slice(row);
            framed.resize(framed.len() + margin, T::default());
        }
        framed.resize(framed.len() + pad * wide, T::default());
    }
    framed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_lie_in_the_middle() {
        let shape = Shape { channels: 2, height: 1, width: 2 };
        let train = Examples { count: 2, values: Values::U8((1..=8).collect()), labels: None };
        let data = Dataset::of("two", shape, 0, train).padded(1);
        assert_eq!(data.shape, Shape { channels: 2, height: 3, width: 4 });
        let Values::U8(bytes) = data.train.values else { panic!("bytes") };
        let empty = [0; 8];
        let expected =
            [&empty[..], &[0, 0, 1, 2, 3, 4, 0, 0], &empty, &empty, &[0, 0, 5, 6, 7, 8, 0, 0], &empty];
        assert_eq!(bytes, expected.concat());
    }
}
