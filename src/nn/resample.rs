//! Pictures `[rows, height, width, channels]` made larger, smaller, cut, framed and turned. Nothing here has parameters but
//! [`depthwise_covering`].
//!
//! What works on both axes in turn does so because it can: a greatest of greatest ones and a filter's outer product of
//! itself take a few elements of one axis each time, in one pointwise program an axis.

use crate::graph::{Cut, Graph, Var};

/// Axes that a picture's pixels lie along.
pub(super) const SIDES: [usize; 2] = [1, 2];

fn picture(g: &Graph, x: Var) -> [usize; 4] {
    let shape = g.shape(x);
    shape[..]
        .try_into()
        .unwrap_or_else(|_| panic!("a picture is [rows, height, width, channels], not {shape:?}"))
}

/// Every pixel repeated `factor` times down and across: `[rows, factor·height, factor·width, channels]`.
pub fn nearest(g: &Graph, x: Var, factor: usize) -> Var {
    let [rows, height, width, channels] = picture(g, x);
    let apart = g.reshape(x, &[rows, height, 1, width, 1, channels]);
    let repeated = g.broadcast(apart, &[rows, height, factor, width, factor, channels]);
    g.reshape(repeated, &[rows, factor * height, factor * width, channels])
}

/// The mean of each square of `size`² pixels: `[rows, height/size, width/size, channels]`.
///
/// # Panics
/// When squares leave pixels over.
pub fn mean_pool(g: &Graph, x: Var, size: usize) -> Var {
    let [rows, height, width, channels] = picture(g, x);
    assert!(
        size > 0 && height % size == 0 && width % size == 0,
        "squares of {size} pixels leave some of {height}×{width} over"
    );
    let (down, across) = (height / size, width / size);
    let squares = g.reshape(x, &[rows, down, size, across, size, channels]);
    let share = g.scale(squares, 1.0 / (size * size) as f64);
    g.reshape(g.sum(share, &[2, 4]), &[rows, down, across, channels])
}

/// The greatest of every `size`² pixels, `stride` apart: `[rows, positions down, positions across, channels]` with
/// ⌈(n − size) / stride⌉ + 1 positions on a side of n pixels, as pylearn2's `max_pool_c01b`. A last position that reaches over
/// the edge takes the pixels that there are. Of equal pixels the last one gets the gradient.
///
/// # Panics
/// When positions are further apart than they are large, so that some could lie beyond the edge.
pub fn max_pool(g: &Graph, x: Var, size: usize, stride: usize) -> Var {
    picture(g, x);
    assert!(
        0 < stride && stride <= size,
        "a pool of {size} pixels with a stride of {stride} leaves some out"
    );
    SIDES.into_iter().fold(x, |x, axis| max_pool_axis(g, x, axis, size, stride))
}

fn max_pool_axis(g: &Graph, x: Var, axis: usize, size: usize, stride: usize) -> Var {
    let n = g.shape(x)[axis];
    let positions = n.saturating_sub(size).div_ceil(stride) + 1;
    let first = g.cut_axis(x, axis, Cut::strided(0, positions, stride));
    let tap = |tap: usize| {
        let there = positions.min((n - tap).div_ceil(stride));
        let pixels = g.cut_axis(x, axis, Cut::strided(tap, there, stride));
        // Where the tap is beyond the edge, a pixel of the same position that is not.
        let instead = g.slice_axis(first, axis, there, positions);
        if there == positions { pixels } else { g.concat(&[pixels, instead], axis) }
    };
    (1..size.min(n)).fold(first, |greatest, t| g.max(greatest, tap(t)))
}

/// The pixels but `cut` of them at the top, bottom, left and right.
///
/// # Panics
/// When nothing would be left.
pub fn crop(g: &Graph, x: Var, [top, bottom, left, right]: [usize; 4]) -> Var {
    let [rows, height, width, channels] = picture(g, x);
    assert!(
        top + bottom < height && left + right < width,
        "{top} + {bottom} rows and {left} + {right} columns cannot be cut off {height}×{width}"
    );
    g.slice(x, &[(0, rows), (top, height - bottom), (left, width - right), (0, channels)])
}

/// The picture as a mirror shows it: columns from right to left.
pub fn flip(g: &Graph, x: Var) -> Var {
    picture(g, x);
    g.flip(x, 2)
}

/// `pad` pixels more on each side, mirrored at the outermost ones, which are not repeated: PyTorch's `ReflectionPad2d`.
///
/// # Panics
/// When there are not so many pixels behind the outermost one.
pub fn reflect_pad(g: &Graph, x: Var, pad: usize) -> Var {
    let [_, height, width, _] = picture(g, x);
    assert!(pad < height.min(width), "{height}×{width} has no {pad} pixels to mirror behind its edge");
    if pad == 0 {
        return x;
    }
    SIDES.into_iter().fold(x, |x, axis| {
        let n = g.shape(x)[axis];
        let mirrored = |from: usize, to: usize| g.flip(g.slice_axis(x, axis, from, to), axis);
        g.concat(&[mirrored(1, pad + 1), x, mirrored(n - 1 - pad, n - 1)], axis)
    })
}

/// Channels laid out as pixels: `[rows, factor·height, factor·width, channels/factor²]`. Channel c·factor² + i·factor + j
/// becomes channel c of the pixel i down and j across, as in PyTorch's `PixelShuffle` (Shi et al., 1609.05158).
///
/// # Panics
/// When the channels are no multiple of factor².
pub fn pixel_shuffle(g: &Graph, x: Var, factor: usize) -> Var {
    let [rows, height, width, channels] = picture(g, x);
    let left = channels / (factor * factor);
    assert_eq!(left * factor * factor, channels, "{channels} channels make no squares of {factor}² pixels");
    let apart = g.reshape(x, &[rows, height, width, left, factor, factor]);
    let laid = g.permute(apart, &[0, 1, 4, 2, 5, 3]);
    g.reshape(laid, &[rows, factor * height, factor * width, left])
}

/// Twice the side, through the filter [1, 3, 3, 1]/4 along each axis, zeros outside (StyleGAN2's and R3GAN's `upsample2d`):
/// y\[2i\] = ¼·x\[i − 1\] + ¾·x\[i\] and y\[2i + 1\] = ¾·x\[i\] + ¼·x\[i + 1\].
pub fn upsample_fir(g: &Graph, x: Var) -> Var {
    picture(g, x);
    SIDES.into_iter().fold(x, |x, axis| {
        let mut shape = g.shape(x);
        let n = shape[axis];
        let mut split = shape.clone();
        split.insert(axis + 1, 1);
        let apart = g.reshape(x, &split);
        // Pixels [from, to) as those of one parity from pair `at` on, of pairs: [.., n, 2, ..].
        let lay = |from, to, at, parity| {
            let mut padding = [(0, 0); 5];
            padding[axis] = (at, n - at - (to - from));
            padding[axis + 1] = (parity, 1 - parity);
            g.pad(g.slice_axis(apart, axis, from, to), &padding)
        };
        let near = g.add(lay(0, n, 0, 0), lay(0, n, 0, 1));
        let far = g.add(lay(0, n - 1, 1, 0), lay(1, n, 0, 1));
        shape[axis] = 2 * n;
        g.reshape(g.add(g.scale(near, 0.75), g.scale(far, 0.25)), &shape)
    })
}

/// Half the side, through the filter [1, 3, 3, 1]/8 along each axis, zeros outside (StyleGAN2's and R3GAN's `downsample2d`):
/// y\[i\] = (x\[2i − 1\] + 3·x\[2i\] + 3·x\[2i + 1\] + x\[2i + 2\]) / 8.
///
/// # Panics
/// When a side is odd.
pub fn downsample_fir(g: &Graph, x: Var) -> Var {
    let [_, height, width, _] = picture(g, x);
    assert!(height % 2 == 0 && width % 2 == 0, "{height}×{width} has no half");
    SIDES.into_iter().fold(x, |x, axis| {
        let half = g.shape(x)[axis] / 2;
        let tap = |from, count| g.cut_axis(x, axis, Cut::strided(from, count, 2));
        let framed = |y: Var, before, after| {
            let mut frame = [(0, 0); 4];
            frame[axis] = (before, after);
            g.pad(y, &frame)
        };
        let near = g.add(tap(0, half), tap(1, half));
        let far = g.add(framed(tap(1, half - 1), 1, 0), framed(tap(2, half - 1), 0, 1));
        g.add(g.scale(near, 0.375), g.scale(far, 0.125))
    })
}

/// Through the filter [1, 3, 3, 1]/8 along each axis, with `pad` zeros in front and as many behind: sides of n + 2·pad − 3, all
/// numbers multiplied by `gain`.
///
/// # Panics
/// When nothing would be left.
pub fn filtered(g: &Graph, x: Var, pad: usize, gain: f64) -> Var {
    picture(g, x);
    SIDES.into_iter().fold(x, |x, axis| {
        let n = g.shape(x)[axis];
        assert!(n + 2 * pad > 3, "{n} pixels and {pad} zeros on each side are fewer than 4 taps");
        let length = n + 2 * pad - 3;
        // What the tap `t` meets: pixel i + t − pad, zeros outside.
        let tap = |t: usize| {
            let (from, to) = (t.saturating_sub(pad), (length + t).saturating_sub(pad).min(n));
            let before = from + pad - t;
            let mut frame = [(0, 0); 4];
            frame[axis] = (before, length - before - (to - from));
            g.pad(g.slice_axis(x, axis, from, to), &frame)
        };
        let (near, far) = (g.add(tap(1), tap(2)), g.add(tap(0), tap(3)));
        let gain = gain.sqrt();
        g.add(g.scale(near, 0.375 * gain), g.scale(far, 0.125 * gain))
    })
}

/// Every channel by a kernel `[height, width, channels]` of its own that covers the picture: `[rows, channels]`, R3GAN's last
/// layer of a convolutional stack (Huang et al., 2501.05441).
pub fn depthwise_covering(g: &Graph, x: Var, kernel: Var) -> Var {
    let [rows, _, _, channels] = picture(g, x);
    g.reshape(g.sum(g.mul(x, kernel), &SIDES), &[rows, channels])
}
