//! What becomes of a picture's pixels on the way from its file, against numbers computed here.

use crate::common::asked::asked;
use crate::common::says::says;
use gansaku::config::{Data, Source};
use gansaku::data::{Dataset, Values, load};
use image::{ExtendedColorType, ImageEncoder, ImageFormat, Luma, Rgb, RgbImage, Rgba};
use proptest::prelude::*;
use std::fs;
use std::io::Cursor;
use tempfile::tempdir;

fn encoded(image: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(vec![]);
    image.write_to(&mut bytes, format).expect("memory");
    bytes.into_inner()
}

fn bytes(data: &Dataset) -> &[u8] {
    let Values::U8(bytes) = &data.train.values else { panic!("pictures are bytes") };
    bytes
}

/// Weights of the Lanczos filter with three lobes, widened when shrinking, for output `i` of `to` from `from`
/// inputs: truncated at the borders and scaled to sum 1.
fn lanczos(i: usize, from: usize, to: usize) -> Vec<f64> {
    let sinc = |x: f64| if x == 0.0 { 1.0 } else { x.sin() / x };
    let scale = from as f64 / to as f64;
    let centre = (i as f64 + 0.5) * scale;
    let weight = |j: usize| {
        let x = (j as f64 + 0.5 - centre) / scale.max(1.0);
        let pi = std::f64::consts::PI;
        if x.abs() < 3.0 { sinc(pi * x) * sinc(pi * x / 3.0) } else { 0.0 }
    };
    let weights: Vec<f64> = (0..from).map(weight).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|w| w / sum).collect()
}

#[test]
fn a_gradient_is_cut_and_resized_as_computed_in_f64() {
    let edge = 32;
    let value = |x: usize, y: usize, k: usize| match k {
        0 => 20 + 6 * x,
        1 => 230 - 5 * y,
        _ => 30 + 3 * x + 2 * y,
    };
    for (width, height) in [(edge + 9, edge), (edge, edge + 9), (edge, edge)] {
        let [left, top] = [width, height].map(|side| (side - edge) / 2);
        // Outside the square black and white take turns: a filter that looked there would show it.
        let image = RgbImage::from_fn(width as u32, height as u32, |x, y| {
            let [x, y] = [(x as usize).wrapping_sub(left), (y as usize).wrapping_sub(top)];
            if x >= edge || y >= edge {
                return Rgb([if x > 100 || y > 100 { 0 } else { 255 }; 3]);
            }
            Rgb([0, 1, 2].map(|k| value(x, y, k) as u8))
        });
        for size in [5, 12, 16, 31, 32, 33, 50] {
            let folder = tempdir().expect("a folder");
            image.save(folder.path().join("a.png")).expect("a file");
            let config = Data { size, ..asked(Source::Folder, folder.path()) };
            let data = load(&config, 0).expect("a picture");
            let weights: Vec<Vec<f64>> = (0..size).map(|i| lanczos(i, edge, size)).collect();
            // Half a step from rounding between the two passes, grown by the second one's absolute weights, half
            // from rounding at the end, and weights in 15 bits on values up to 255 in each pass.
            let growth = weights.iter().map(|w| w.iter().map(|w| w.abs()).sum::<f64>()).fold(1.0, f64::max);
            let bound = 0.5 * growth + 0.5 + 2.0 * growth * edge as f64 * 255.0 / f64::from(1 << 16);
            let mut worst = 0.0f64;
            for (n, &got) in bytes(&data).iter().enumerate() {
                let (y, x, k) = (n / 3 / size, n / 3 % size, n % 3);
                let row = |j: usize| (0..edge).map(|i| weights[x][i] * value(i, j, k) as f64).sum::<f64>();
                let expected = (0..edge).map(|j| weights[y][j] * row(j)).sum::<f64>();
                worst = worst.max((f64::from(got) - expected).abs());
            }
            println!(
                "{width}×{height} to {size}: off by {worst:.3}, {:.0} % of the bound",
                100.0 * worst / bound
            );
            assert!(worst <= bound, "{width}×{height} to {size}: off by {worst}, bound {bound}");
        }
    }
}

#[test]
fn a_jpeg_cut_anywhere_is_skipped_and_named() {
    let image = RgbImage::from_fn(24, 24, |x, y| Rgb([(x * 9) as u8, (y * 9) as u8, 40]));
    let whole = encoded(&image, ImageFormat::Jpeg);
    // A preview, end mark and all, in a segment of its own.
    let preview = [&[0xff, 0xe1, 0, 8, 0xff, 0xd8, 1, 2, 0xff, 0xd9], &whole[2..]].concat();
    let preview = [&whole[..2], &preview].concat();
    for (jpeg, cut) in [(&whole, 1), (&whole, 40), (&preview, 1), (&preview, 60)] {
        let folder = tempdir().expect("a folder");
        fs::write(folder.path().join("b.jpg"), jpeg).expect("a file");
        // The content decides, not the ending.
        fs::write(folder.path().join("a.png"), jpeg).expect("a file");
        let end = jpeg.len() - cut;
        fs::write(folder.path().join("cut.jpeg"), &jpeg[..end]).expect("a file");
        let mut config = asked(Source::Folder, folder.path());
        let data = load(&config, 0).expect("two good pictures");
        assert_eq!(data.train.count, 2);
        says(&data.notes.join("; "), &["skipped 1 of 3", "cut.jpeg: at byte", &end.to_string(), "end mark"]);
        config.strict = true;
        let refused = load(&config, 0).expect_err("strict");
        assert_eq!(refused.exit_code(), 3);
        says(&refused.to_string(), &["cut.jpeg: at byte", &end.to_string()]);
    }
}

#[test]
fn depth_transparency_and_colour_are_converted_and_told() {
    let folder = tempdir().expect("a folder");
    let deep = image::ImageBuffer::from_pixel(8, 8, Luma([0x80ff_u16]));
    deep.save(folder.path().join("a.png")).expect("a file");
    image::RgbaImage::from_pixel(8, 8, Rgba([255, 0, 100, 51]))
        .save(folder.path().join("b.png"))
        .expect("a file");
    // Grey and alpha, of 16 bits each: 0 on white at 0x4000 of 0xffff.
    let pairs: Vec<u8> = (0..64).flat_map(|_| [0u16, 0x4000]).flat_map(u16::to_ne_bytes).collect();
    let mut file = fs::File::create(folder.path().join("c.png")).expect("a file");
    let encoder = image::codecs::png::PngEncoder::new(&mut file);
    encoder.write_image(&pairs, 8, 8, ExtendedColorType::La16).expect("a picture");
    let data = load(&asked(Source::Folder, folder.path()), 0).expect("pictures");
    let firsts: Vec<u8> = bytes(&data).chunks(3 * 64).flat_map(|picture| picture[..3].to_vec()).collect();
    // 255 − 51, then 255·.2 + 255·.8, 204, 100·.2 + 204; and 255·(1 − 64/255).
    assert_eq!(firsts, [128, 128, 128, 255, 204, 224, 191, 191, 191]);
    let told = data.notes.join("; ");
    says(
        &told,
        &["2 of 3 pictures converted from 16 bits", "2 of 3 pictures laid on white", "2 of 3 pictures grey"],
    );
}

#[test]
fn grey_stored_as_colour_is_grey_and_classes_need_every_picture() {
    let folder = tempdir().expect("a folder");
    let grey = encoded(&RgbImage::from_fn(9, 9, |x, _| Rgb([x as u8 * 20; 3])), ImageFormat::Png);
    for name in ["b/1.png", "a/deep/2.PNG", "a/3.png"] {
        fs::create_dir_all(folder.path().join(name).parent().expect("a parent")).expect("a folder");
        fs::write(folder.path().join(name), &grey).expect("a file");
    }
    let config = asked(Source::Auto, folder.path());
    let data = load(&config, 0).expect("pictures");
    assert_eq!((data.shape.channels, data.classes, data.train.labels), (1, 2, Some(vec![0, 0, 1])));
    fs::write(folder.path().join("loose.png"), &grey).expect("a file");
    let data = load(&config, 0).expect("pictures");
    assert_eq!((data.train.count, data.classes, data.train.labels), (4, 0, None));
    says(&data.notes.join("; "), &["no classes: loose.png lies outside of any subfolder"]);
    let told = |notes: &[String]| notes.iter().any(|n| n.contains("classes"));
    ["a", "b"].iter().for_each(|name| fs::remove_dir_all(folder.path().join(name)).expect("there"));
    assert!(!told(&load(&config, 0).expect("a picture").notes), "no folders, nothing to tell");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_byte_in_a_picture_is_trusted(
        jpeg in any::<bool>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        tail in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let format = if jpeg { ImageFormat::Jpeg } else { ImageFormat::Png };
        let mut file = encoded(&RgbImage::from_fn(9, 7, |x, y| Rgb([x as u8, y as u8, 7])), format);
        flips.iter().for_each(|(at, with)| { let i = at.index(file.len()); file[i] ^= with; });
        file.extend(tail);
        let folder = tempdir().expect("a folder");
        fs::write(folder.path().join("a.png"), &file).expect("a file");
        if let Err(e) = load(&asked(Source::Folder, folder.path()), 0) {
            assert_eq!(e.exit_code(), 3, "{e}");
            assert!(e.to_string().contains("a.png: ") && !e.to_string().contains('\n'), "{e}");
        }
    }
}
