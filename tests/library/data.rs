//! Readers: every layout they accept, every kind of damage they name, and no panic whatever they are given. MAT-files
//! have a test of their own, `mat.rs`.

use crate::common::asked::asked;
use crate::common::idx::idx;
use crate::common::says::says;
use flate2::Compression;
use flate2::write::GzEncoder;
use gansaku::config::{Data, Source};
use gansaku::data::{Dataset, Shape, Values, load};
use gansaku::error::Error;
use proptest::prelude::*;
use std::fs;
use std::io::Write;
use std::path::Path;
use tempfile::{TempDir, tempdir};

fn read(source: Source, path: &Path) -> Result<Dataset, Error> {
    load(&asked(source, path), 0)
}

/// The message of a failure, which must be the data's: exit code 3.
fn failure(result: Result<Dataset, Error>) -> String {
    let error = result.expect_err("damaged data are refused");
    assert_eq!(error.exit_code(), 3, "{error}");
    assert!(!error.to_string().contains('\n'), "one line: {error}");
    error.to_string()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory")
}

fn put(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, bytes).expect("a file");
}

// ---- IDX ----

/// Three training images of 2×3 and two test images.
fn mnist(folder: &Path, ending: &str, pack: fn(&[u8]) -> Vec<u8>) {
    let body: Vec<u8> = (0..18).collect();
    put(folder, &format!("train-images-idx3-ubyte{ending}"), &pack(&idx(&[3, 2, 3], &body)));
    put(folder, &format!("train-labels-idx1-ubyte{ending}"), &pack(&idx(&[3], &[7, 0, 9])));
    put(folder, &format!("t10k-images-idx3-ubyte{ending}"), &pack(&idx(&[2, 2, 3], &body[..12])));
    put(folder, &format!("t10k-labels-idx1-ubyte{ending}"), &pack(&idx(&[2], &[1, 2])));
}

#[test]
fn idx_is_read_flat_or_as_torchvision_lays_it_out_plain_or_packed() {
    for (below, ending, pack) in [
        ("", "", <[u8]>::to_vec as fn(&[u8]) -> Vec<u8>),
        ("MNIST/raw", ".gz", gz),
        ("FashionMNIST/raw", "", <[u8]>::to_vec),
    ] {
        for source in [Source::Idx, Source::Auto] {
            let folder = tempdir().expect("a folder");
            mnist(&folder.path().join(below), ending, pack);
            let data = read(source, folder.path()).expect("whole data");
            assert_eq!(data.shape, Shape { channels: 1, height: 2, width: 3 });
            assert_eq!((data.train.count, data.test.count, data.classes), (3, 2, 10));
            assert_eq!(data.train.values, Values::U8((0..18).collect()));
            assert_eq!(data.train.labels, Some(vec![7, 0, 9]));
            assert_eq!(data.numbers(&data.train, 1)[0], 6.0 * (1.0 / 255.0));
        }
    }
}

#[test]
fn splits_come_from_the_training_file() {
    let folder = tempdir().expect("a folder");
    mnist(folder.path(), "", <[u8]>::to_vec);
    let mut config = asked(Source::Idx, folder.path());
    (config.train, config.valid) = (Some([0, 2]), Some([2, 3]));
    let data = load(&config, 0).expect("whole data");
    assert_eq!((data.train.count, data.valid.count), (2, 1));
    assert_eq!(data.valid.values, Values::U8((12..18).collect()));
    config.train = None;
    config.valid = Some([1, 2]);
    let data = load(&config, 0).expect("whole data");
    assert_eq!(
        data.train.values,
        Values::U8((0..6).chain(12..18).collect()),
        "what is kept is not trained on"
    );
    assert_eq!((data.train.labels, data.valid.labels), (Some(vec![7, 9]), Some(vec![0])));
    config.valid = Some([0, 3]);
    says(&failure(load(&config, 0)), &["data.valid is [0, 3]", "none are left to train on"]);
    config.train = Some([0, 50_000]);
    says(
        &failure(load(&config, 0)),
        &["data.train is [0, 50000]", "3 training examples", "--set data.train"],
    );
}

#[test]
fn where_no_file_is_for_testing_a_share_is_held_out() {
    let folder = tempdir().expect("a folder");
    // Every picture and label is its own number.
    let body: Vec<u8> = (0..50).flat_map(|i| [i; 4]).collect();
    put(folder.path(), "train-images-idx3-ubyte", &idx(&[50, 2, 2], &body));
    put(folder.path(), "train-labels-idx1-ubyte", &idx(&[50], &(0..50).collect::<Vec<_>>()));
    let with =
        |share| load(&Data { hold_out: share, ..asked(Source::Idx, folder.path()) }, 0).expect("sound");
    let whole = with(0.0);
    assert_eq!([whole.train.count, whole.test.count], [50, 0]);
    let data = read(Source::Idx, folder.path()).expect("sound");
    assert_eq!([data.train.count, data.test.count], [45, 5], "a tenth, unless asked for more");
    says(&data.notes.join("; "), &["5 of 50 are held out", "data.hold_out"]);
    let data = with(0.5);
    let labels = [&data.train, &data.test].map(|split| split.labels.clone().expect("labelled"));
    assert!(labels.iter().all(|l| l.len() == 25 && !l.is_sorted()), "by a shuffle: {labels:?}");
    for (split, labels) in [&data.train, &data.test].into_iter().zip(&labels) {
        let Values::U8(bytes) = &split.values else { panic!("pictures are bytes") };
        assert!(bytes.chunks(4).zip(labels).all(|(picture, label)| picture == [*label; 4]));
    }
    let mut all = labels.concat();
    all.sort_unstable();
    assert_eq!(all, (0..50).collect::<Vec<_>>(), "each once");
    // Test images of the files' own stay.
    mnist(folder.path(), "", <[u8]>::to_vec);
    assert_eq!([with(0.5).train.count, with(0.5).test.count], [3, 2]);
}

#[test]
fn a_part_of_a_file_sorted_by_class_has_its_classes() {
    let folder = tempdir().expect("a folder");
    // Ten classes of a hundred pictures each, one behind the other.
    let labels: Vec<u8> = (0..10).flat_map(|class| [class; 100]).collect();
    let body: Vec<u8> = labels.iter().flat_map(|&l| [l; 4]).collect();
    put(folder.path(), "train-images-idx3-ubyte", &idx(&[1000, 2, 2], &body));
    put(folder.path(), "train-labels-idx1-ubyte", &idx(&[1000], &labels));
    put(folder.path(), "t10k-images-idx3-ubyte", &idx(&[1000, 2, 2], &body));
    put(folder.path(), "t10k-labels-idx1-ubyte", &idx(&[1000], &labels));
    let data = read(Source::Idx, folder.path()).expect("sound");
    for split in [&data.train, &data.test] {
        let mut order: Vec<usize> = split.shuffled(0..1000).collect();
        let mut classes = [0; 10];
        order[..200].iter().for_each(|&i| classes[usize::from(labels[i])] += 1);
        assert!(classes.iter().all(|c| (8..40).contains(c)), "about twenty of each: {classes:?}");
        assert_eq!(
            split.shuffled(150..200).collect::<Vec<_>>(),
            order[150..200],
            "one order, wherever it begins"
        );
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<_>>(), "each once");
    }
}

#[test]
fn damaged_idx_is_named_with_its_offset() {
    let with = |name: &str, bytes: &[u8]| {
        let folder = tempdir().expect("a folder");
        mnist(folder.path(), "", <[u8]>::to_vec);
        put(folder.path(), name, bytes);
        failure(read(Source::Idx, folder.path()))
    };
    let (images, labels) = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte");
    let body = [0; 18];
    says(&with(images, b"\x89PNG\r\n\x1a\n"), &[images, "at byte 0", "0x00000803", "0x89504e47"]);
    says(&with(images, &idx(&[3, 2, 3], &body[..17])), &[images, "at byte 33", "34 bytes", "1 bytes short"]);
    says(&with(images, &idx(&[3, 2, 3], &[0; 20])), &[images, "at byte 34", "2 more bytes"]);
    says(&with(images, &idx(&[3, 0, 3], &[])), &[images, "at byte 8", "at least 1"]);
    says(&with(images, &idx(&[u32::MAX; 3], &[])), &[images, "product fits memory"]);
    says(&with(images, &[0, 0]), &[images, "at byte 0", "the end of the file"]);
    says(&with(labels, &idx(&[4], &[1; 4])), &[labels, "4 labels for the 3 images"]);
    says(
        &with("t10k-images-idx3-ubyte", &idx(&[2, 3, 3], &body)),
        &["test images are 3×3", "training images 3×2"],
    );
    let packed = gz(&idx(&[3, 2, 3], &body));
    says(&with(images, &packed[..packed.len() - 6]), &[images, "damaged gzip stream"]);
    let mut flipped = packed;
    let middle = flipped.len() - 7;
    flipped[middle] ^= 0x40;
    says(&with(images, &flipped), &[images, "damaged gzip stream", "fetch the file again"]);
}

#[test]
fn what_is_not_there_is_said_plainly() {
    let folder = tempdir().expect("a folder");
    says(&failure(read(Source::Idx, &folder.path().join("gone"))), &["gone", "no such file or folder"]);
    says(&failure(read(Source::Idx, folder.path())), &["no train-images-idx3-ubyte"]);
    says(&failure(read(Source::Cifar10, folder.path())), &["no data_batch_1.bin"]);
    says(&failure(read(Source::Tfd, folder.path())), &["TFD_48x48.mat"]);
    says(&failure(read(Source::Folder, folder.path())), &["no PNG or JPEG files"]);
    says(&failure(read(Source::Auto, folder.path())), &["nothing known there"]);
    let mut none = asked(Source::Idx, folder.path());
    none.path = None;
    says(&failure(load(&none, 0)), &["--data PATH", "gansaku train digits"]);
}

// ---- stacks ----

#[test]
fn a_stacks_digits_are_the_channels_of_its_pixels() {
    let folder = tempdir().expect("a folder");
    mnist(folder.path(), "", <[u8]>::to_vec);
    let mut config = asked(Source::Stacked, folder.path());
    (config.stack, config.count) = (2, 50);
    let data = load(&config, 0).expect("whole data");
    assert_eq!((data.shape, data.train.count), (Shape { channels: 2, height: 2, width: 3 }, 50));
    let Values::U8(bytes) = &data.train.values else { panic!("pictures are bytes") };
    // Picture d holds the bytes from 6d on, so that a channel tells which digit it is.
    let firsts: Vec<[u8; 2]> = bytes.chunks_exact(12).map(|stack| [stack[0], stack[1]]).collect();
    for (stack, firsts) in bytes.chunks_exact(12).zip(&firsts) {
        assert!(firsts.iter().all(|first| first.is_multiple_of(6)));
        assert!((0..12).all(|i| stack[i] == firsts[i % 2] + (i / 2) as u8), "{stack:?}");
    }
    assert!(firsts.iter().any(|[a, b]| a != b), "digits are drawn one by one");
}

// ---- CIFAR-10 ----

fn cifar(labels: &[u8]) -> Vec<u8> {
    labels
        .iter()
        .flat_map(|&l| std::iter::once(l).chain((0..3072).map(move |i| (i % 251) as u8 ^ l)))
        .collect()
}

#[test]
fn cifar_10_is_read_packed_or_not_with_batches_missing() {
    let folder = tempdir().expect("a folder");
    let below = folder.path().join("cifar-10-batches-bin");
    put(&below, "data_batch_1.bin", &cifar(&[3, 9]));
    put(&below, "data_batch_3.bin.gz", &gz(&cifar(&[0])));
    put(&below, "test_batch.bin", &cifar(&[1]));
    for (source, path) in [(Source::Cifar10, folder.path()), (Source::Auto, &below)] {
        let data = read(source, path).expect("whole data");
        assert_eq!((data.train.count, data.test.count, data.shape.len()), (3, 1, 3072));
        assert_eq!(data.train.labels, Some(vec![3, 9, 0]));
        // Pixel 2 of the second picture: a byte of each plane, side by side.
        let Values::U8(bytes) = &data.train.values else { panic!("pictures are bytes") };
        assert_eq!(bytes[3072 + 6..][..3], [2, 1026, 2050].map(|i| (i % 251) as u8 ^ 9));
        assert!(
            data.notes.iter().any(|n| n.contains("data_batch_2.bin, data_batch_4.bin")),
            "{:?}",
            data.notes
        );
    }
}

#[test]
fn damaged_cifar_10_is_named_with_its_offset() {
    let with = |bytes: &[u8]| {
        let folder = tempdir().expect("a folder");
        put(folder.path(), "data_batch_1.bin", bytes);
        failure(read(Source::Cifar10, folder.path()))
    };
    says(&with(&cifar(&[1, 2])[..4000]), &["data_batch_1.bin", "at byte 3073", "927 bytes"]);
    says(&with(&cifar(&[1, 10])), &["at byte 3073", "a label from 0 to 9", "found 10"]);
    says(&with(&[]), &["at byte 0", "whole record"]);
    let packed = gz(&cifar(&[1]));
    let mut flipped = packed.clone();
    flipped[packed.len() - 6] ^= 1;
    for damaged in [&packed[..packed.len() - 3], &flipped] {
        says(&with(damaged), &["data_batch_1.bin", "damaged gzip stream near byte"]);
    }
}

#[test]
fn contrast_normalisation_leaves_mean_0_and_norm_55() {
    let folder = tempdir().expect("a folder");
    put(folder.path(), "data_batch_1.bin", &cifar(&[4, 5]));
    let mut config = asked(Source::Cifar10, folder.path());
    config.scale = gansaku::config::Scale::Gcn;
    let data = load(&config, 0).expect("whole data");
    for i in 0..2 {
        let x: Vec<f64> = data.numbers(&data.train, i).into_iter().map(f64::from).collect();
        let (sum, norm) = (x.iter().sum::<f64>(), x.iter().map(|x| x * x).sum::<f64>().sqrt());
        assert!(sum.abs() < 1e-2 && (norm - 55.0).abs() < 1e-3, "sum {sum}, norm {norm}");
    }
}

// ---- folders ----

fn picture(width: u32, height: u32, f: impl Fn(u32, u32) -> [u8; 3]) -> Vec<u8> {
    let image = image::RgbImage::from_fn(width, height, |x, y| image::Rgb(f(x, y)));
    let mut bytes = std::io::Cursor::new(vec![]);
    image.write_to(&mut bytes, image::ImageFormat::Png).expect("memory");
    bytes.into_inner()
}

fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let image = image::GrayImage::from_fn(width, height, |x, _| image::Luma([(x * 10) as u8]));
    let mut bytes = std::io::Cursor::new(vec![]);
    image.write_to(&mut bytes, image::ImageFormat::Jpeg).expect("memory");
    bytes.into_inner()
}

#[test]
fn mixed_pictures_become_one_shape_and_what_was_done_is_told() {
    let folder = tempdir().expect("a folder");
    put(folder.path(), "b/grey.png", &picture(8, 8, |x, _| [x as u8; 3]));
    put(folder.path(), "a/wide.JPG", &jpeg(20, 10));
    put(folder.path(), "a/colour.png", &picture(16, 16, |_, _| [200, 100, 0]));
    put(folder.path(), "a/notes.txt", b"not a picture");
    put(folder.path(), ".hidden/x.png", b"not looked at");
    let data = read(Source::Auto, folder.path()).expect("whole data");
    assert_eq!((data.shape, data.train.count), (Shape { channels: 3, height: 8, width: 8 }, 3));
    assert_eq!(
        (data.classes, &data.train.labels),
        (2, &Some(vec![0, 0, 1])),
        "sorted: a/colour, a/wide, b/grey"
    );
    assert_eq!(data.numbers(&data.train, 0)[..4], [200.0, 100.0, 0.0, 200.0].map(|x: f32| x * (1.0 / 255.0)));
    let notes = data.notes.join("; ");
    says(
        &notes,
        &[
            "1 of 3 pictures cut to their centred square",
            "2 of 3 pictures resized to 8×8",
            "2 of 3 pictures grey",
            "2 classes",
        ],
    );
    let mut grey = asked(Source::Folder, folder.path());
    grey.channels = 1;
    let data = load(&grey, 0).expect("whole data");
    // Rec. 601: .299·200 + .587·100.
    assert!((data.numbers(&data.train, 0)[5] * 255.0 - 118.5).abs() < 1.0);
}

#[test]
fn resizing_is_antialiased_and_centred() {
    let folder = tempdir().expect("a folder");
    // Stripes finer than the target's pixels average to grey; a ramp keeps its slope.
    put(folder.path(), "a.png", &picture(64, 64, |x, _| [if x % 2 == 0 { 0 } else { 254 }; 3]));
    put(folder.path(), "b.png", &picture(96, 64, |x, _| [2 * x as u8; 3]));
    let data = read(Source::Folder, folder.path()).expect("whole data");
    let stripes = data.numbers(&data.train, 0);
    assert!(stripes.iter().all(|x| (x * 255.0 - 127.0).abs() < 8.0), "{stripes:?}");
    let ramp = &data.numbers(&data.train, 1)[..8];
    for (i, x) in ramp.iter().enumerate().take(7).skip(1) {
        // Pixel i covers columns 16 + 8i … 16 + 8i + 7 of the original, mean value 2·(19.5 + 8i).
        let expected = 2.0 * (19.5 + 8.0 * i as f32);
        assert!((x * 255.0 - expected).abs() < 2.0, "pixel {i}: {} instead of {expected}", x * 255.0);
    }
}

#[test]
fn a_damaged_picture_is_skipped_and_named_unless_strict() {
    let folder = tempdir().expect("a folder");
    let whole = jpeg(16, 16);
    put(folder.path(), "good.jpg", &whole);
    put(folder.path(), "bad.jpg", &whole[..whole.len() / 3]);
    let mut config = asked(Source::Folder, folder.path());
    let data = load(&config, 0).expect("one good picture");
    assert_eq!(data.train.count, 1);
    says(&data.notes.join("; "), &["skipped 1 of 2 pictures", "bad.jpg"]);
    config.strict = true;
    says(&failure(load(&config, 0)), &["bad.jpg"]);
    fs::remove_file(folder.path().join("good.jpg")).expect("removed");
    config.strict = false;
    says(&failure(load(&config, 0)), &["bad.jpg"]);
}

#[test]
fn transparent_pixels_lie_on_white() {
    let folder = tempdir().expect("a folder");
    let image = image::RgbaImage::from_fn(8, 8, |x, _| image::Rgba([0, 0, 0, if x < 4 { 0 } else { 255 }]));
    image.save(folder.path().join("a.png")).expect("a file");
    let data = read(Source::Folder, folder.path()).expect("whole data");
    assert_eq!(data.numbers(&data.train, 0)[..8], [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn pictures_are_turned_upright() {
    let folder = tempdir().expect("a folder");
    // Black above white, as the camera stored it; a quarter turn clockwise makes it upright.
    let stored = image::RgbImage::from_fn(16, 16, |_, y| image::Rgb([if y < 8 { 0 } else { 255 }; 3]));
    let mut jpeg = std::io::Cursor::new(vec![]);
    stored.write_to(&mut jpeg, image::ImageFormat::Jpeg).expect("memory");
    let jpeg = jpeg.into_inner();
    // EXIF's directory of one entry: tag 0x0112 (orientation), a 16-bit number, 6.
    let exif = b"\xff\xe1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    put(folder.path(), "a.jpg", &[&jpeg[..2], exif, &jpeg[2..]].concat());
    put(folder.path(), "b.jpg", &jpeg);
    let data = read(Source::Folder, folder.path()).expect("whole data");
    says(&data.notes.join("; "), &["1 of 2 pictures turned upright"]);
    let [turned, as_stored] = [0, 1].map(|i| data.numbers(&data.train, i));
    let dark = |picture: &[f32], x: usize, y: usize| picture[8 * y + x] < 0.2;
    for (x, y) in [(1, 1), (6, 1), (1, 6), (6, 6)] {
        assert_eq!(dark(&as_stored, x, y), y < 4, "as stored, at {x}, {y}");
        assert_eq!(dark(&turned, x, y), x >= 4, "turned, at {x}, {y}");
    }
}

// ---- anything at all ----

/// A valid file of each format, and where its reader looks for it.
fn specimens() -> Vec<(Source, &'static str, Vec<u8>)> {
    vec![
        (Source::Idx, "train-images-idx3-ubyte", idx(&[3, 2, 3], &[9; 18])),
        (Source::Idx, "train-images-idx3-ubyte.gz", gz(&idx(&[3, 2, 3], &[9; 18]))),
        (Source::Cifar10, "data_batch_1.bin", cifar(&[1])),
        (Source::Folder, "a.png", picture(5, 4, |x, y| [x as u8, y as u8, 7])),
        (Source::Folder, "a.jpg", jpeg(9, 9)),
    ]
}

/// Loads bytes as a format; only an error of the data is allowed.
fn survive(folder: &TempDir, source: Source, name: &str, bytes: &[u8]) {
    put(folder.path(), name, bytes);
    if let Err(e) = read(source, folder.path()) {
        assert_eq!(e.exit_code(), 3, "{e}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(which in 0..5usize, bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let (source, name, _) = &specimens()[which];
        survive(&tempdir().expect("a folder"), *source, name, &bytes);
    }

    #[test]
    fn damaged_files_are_read_or_refused(
        which in 0..5usize,
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        keep in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let (source, name, mut bytes) = specimens().swap_remove(which);
        flips.iter().for_each(|(at, with)| { let i = at.index(bytes.len()); bytes[i] ^= with; });
        if cut { bytes.truncate(keep.index(bytes.len())); }
        survive(&tempdir().expect("a folder"), source, name, &bytes);
    }
}
