//! Errors between pictures, and bicubic resizing, against independent implementations: `golden/fidelity.py` made the
//! numbers, which stand at its end.

use gansaku::data::Shape;
use gansaku::eval::fidelity::{self, absolute_error, psnr, ssim};
use gansaku::pictures::{Picture, resize};

use crate::common::golden;

const SHAPE: Shape = Shape { channels: 3, height: 20, width: 24 };

fn compare(metric: &str, found: &[f64]) {
    golden::compare(include_str!("../golden/fidelity.py"), metric, found);
}

fn bytes(name: &str, count: usize) -> Vec<u8> {
    golden::uniform(name, count).into_iter().map(|x| (256.0 * x) as u8).collect()
}

/// Two pictures that are alike, in [0, 1].
fn pictures() -> [Vec<f32>; 2] {
    let [one, other] = ["picture", "other picture"].map(|name| bytes(name, SHAPE.len()));
    let mixed = one.iter().zip(&other).map(|(&a, &b)| ((3 * u32::from(a) + u32::from(b)) / 4) as u8);
    [one.clone(), mixed.collect()].map(|bytes| bytes.into_iter().map(|b| f32::from(b) / 255.0).collect())
}

#[test]
fn errors_of_channels_agree_with_numpy() {
    let [a, b] = pictures();
    let similar = ssim(&a, &b, SHAPE).expect("a window fits");
    compare("channels", &[absolute_error(&a, &b), psnr(&a, &b), similar]);
}

#[test]
fn errors_of_luma_without_the_border_agree_with_numpy() {
    let [a, b] = pictures().map(|picture| {
        let (y, shape) = fidelity::luma(&picture, SHAPE);
        fidelity::without_border(&y, shape, 4)
    });
    assert_eq!(a.1, Shape { channels: 1, height: 12, width: 16 });
    compare("luma", &[psnr(&a.0, &b.0), ssim(&a.0, &b.0, a.1).expect("a window fits")]);
}

#[test]
fn errors_of_colour_agree_with_numpy() {
    let [a, b] = pictures().map(|picture| fidelity::lab(&picture));
    let pixels = a.len() as f64;
    let error = (fidelity::squared_ab_error(&a, &b) / pixels / 2.0).sqrt();
    compare("colour", &[error, fidelity::chroma(&a) / pixels, fidelity::chroma(&b) / pixels]);
}

#[test]
fn equal_pictures_count_as_one_number_that_differs_a_little() {
    let [a, _] = pictures();
    let one = a.iter().enumerate().map(|(i, x)| if i == 7 { x + 1.0 / 255.0 } else { *x });
    let one: Vec<f32> = one.collect();
    assert!((psnr(&a, &a) - psnr(&a, &one)).abs() < 1e-4 && psnr(&a, &a) > 75.0);
    assert_eq!((absolute_error(&a, &a), ssim(&a, &a, SHAPE)), (0.0, Some(1.0)));
    assert_eq!(ssim(&a[..300], &a[..300], Shape { channels: 3, height: 10, width: 10 }), None);
    assert_eq!(fidelity::rounded(&[-0.1, 0.5, 0.251, 2.0]), [0.0, 128.0 / 255.0, 64.0 / 255.0, 1.0]);
    let (kept, shape) = fidelity::without_border(&a, SHAPE, 10);
    assert_eq!((kept, shape), (a, SHAPE), "a border that leaves nothing");
}

/// Asserts that bytes are those of a line of Pillow's.
fn are_pillows(line: &str, found: &Picture) {
    let expected = &golden::lines(include_str!("../golden/fidelity.py"), line)[0];
    let found: Vec<f64> = found.pixels.iter().map(|&byte| f64::from(byte)).collect();
    assert_eq!(&found, expected, "{line}");
}

#[test]
fn bicubic_resizing_is_pillows_to_the_bit() {
    let (height, width) = (SHAPE.height, SHAPE.width);
    let whole = Picture { width, height, channels: 3, pixels: bytes("picture", SHAPE.len()) };
    let small = Picture { width: 3, height: 2, channels: 1, pixels: bytes("small picture", 6) };
    are_pillows("smaller", &resize::bicubic(&whole, [6, 5]));
    are_pillows("larger", &resize::bicubic(&small, [12, 8]));
    assert_eq!(resize::bicubic(&whole, [width, height]), whole);
}
