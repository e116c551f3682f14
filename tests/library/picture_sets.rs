//! Sets of pictures, wherever they lie: what is made of each picture, splits and classes, and NumPy's arrays beside them.

use crate::common::asked::asked;
use crate::common::files::{failure, gz, jpeg, npy, picture, put, read, tar, zip};
use crate::common::says::says;
use gansaku::config::Source;
use gansaku::data::{Dataset, Examples, Shape, Values, load};
use std::fs;
use tempfile::tempdir;

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

// ---- formats ----

/// A grey picture of one level.
fn level(level: u8) -> Vec<u8> {
    picture(8, 8, |_, _| [level; 3])
}

/// The level of each example.
fn levels(split: &Examples) -> Vec<u8> {
    let Values::U8(bytes) = &split.values else { panic!("pictures are bytes") };
    bytes.chunks_exact(bytes.len() / split.count).map(|picture| picture[0]).collect()
}

#[test]
fn every_format_of_pictures_is_read_and_what_is_not_is_counted() {
    let folder = tempdir().expect("a folder");
    let image = image::RgbImage::from_fn(9, 9, |x, y| image::Rgb([x as u8, y as u8, 90]));
    let image = image::DynamicImage::ImageRgb8(image);
    use image::ImageFormat::{Bmp, Gif, Jpeg, Png, Tiff, WebP};
    let kinds = [
        ("BMP", Bmp),
        ("tif", Tiff),
        ("gif", Gif),
        ("webp", WebP),
        ("jfif", Jpeg),
        ("JPE", Jpeg),
        ("png", Png),
    ];
    for (i, (ending, format)) in kinds.iter().enumerate() {
        let mut bytes = std::io::Cursor::new(vec![]);
        image.write_to(&mut bytes, *format).expect("memory");
        put(folder.path(), &format!("{i}.{ending}"), &bytes.into_inner());
    }
    for name in ["a.heic", "b.HEIC", "c.txt", "no-ending"] {
        put(folder.path(), name, b"?");
    }
    for name in ["@eaDir/a.png", "__MACOSX/a.png", ".x/a.png", ".DS_Store"] {
        put(folder.path(), name, b"not looked at");
    }
    let data = read(Source::Auto, folder.path()).expect("whole data");
    assert_eq!((data.train.count, data.classes), (kinds.len(), 0));
    says(&data.notes.join("; "), &["not read: 2 .heic, 1 .txt, 1 without an ending"]);
    let only = tempdir().expect("a folder");
    put(only.path(), "a.heic", b"?");
    for source in [Source::Auto, Source::Folder] {
        says(&failure(read(source, only.path())), &["found 1 .heic", "PNG, JPEG, WebP, BMP, TIFF or GIF"]);
    }
    put(only.path(), "b.zip", b"?");
    says(&failure(read(Source::Auto, only.path())), &["1 .zip", "give one of the files themselves"]);
}

#[test]
fn what_is_done_to_odd_pictures_is_counted() {
    let folder = tempdir().expect("a folder");
    put(folder.path(), "a.png", &picture(300, 7, |_, _| [1; 3]));
    put(folder.path(), "b.png", &picture(1, 1, |_, _| [1; 3]));
    put(folder.path(), "c.png", &picture(9, 9, |_, _| [1; 3]));
    let notes = read(Source::Auto, folder.path()).expect("whole data").notes.join("; ");
    says(
        &notes,
        &[
            "1 of 3 pictures more than 4 times as long as wide, up to 300×7",
            "2 of 3 pictures enlarged, the smallest from 1 pixel a side",
        ],
    );
}

// ---- classes and splits ----

/// Names and pictures of a set: twelve classes named 0 to 11, in three splits below a folder of no meaning.
fn set() -> Vec<(String, Vec<u8>)> {
    let mut files = vec![];
    for (split, count) in [("train", 3), ("val", 1), ("test", 2)] {
        for class in 0..12u8 {
            for i in 0..count {
                files.push((format!("set/{split}/{class}/{i}.png"), level(20 * class + i)));
            }
        }
    }
    files
}

/// What the archive of [`set`] must be read as.
fn is_the_set(data: &Dataset, whence: &str) {
    assert_eq!([data.train.count, data.valid.count, data.test.count], [36, 12, 24], "{whence}");
    let names: Vec<String> = (0..12).map(|c| c.to_string()).collect();
    assert_eq!((data.classes, &data.class_names), (12, &names), "{whence}: in natural order");
    for split in [&data.train, &data.valid, &data.test] {
        let labels = split.labels.as_ref().expect("labelled");
        let shown: Vec<u8> = levels(split).iter().map(|level| level / 20).collect();
        assert_eq!(&shown, labels, "{whence}: class c is of level 20 c");
    }
    says(
        &data.notes.join("; "),
        &["splits from the names of folders: train 36, valid 12, test 24", "12 classes"],
    );
}

#[test]
fn folders_zip_and_tar_files_are_the_same_set() {
    let folder = tempdir().expect("a folder");
    let set = set();
    let files: Vec<(&str, &[u8])> = set.iter().map(|(name, bytes)| (&name[..], &bytes[..])).collect();
    // An archive keeps files in an order of its own.
    let turned: Vec<_> = files.iter().rev().copied().collect();
    files.iter().for_each(|(name, bytes)| put(folder.path(), &format!("plain/{name}"), bytes));
    put(folder.path(), "a.zip", &zip(&turned));
    put(folder.path(), "a.tar", &tar(&turned));
    // What a file is, its first bytes say.
    put(folder.path(), "packed", &gz(&tar(&turned)));
    let plain = read(Source::Auto, &folder.path().join("plain")).expect("whole data");
    for name in ["plain", "a.zip", "a.tar", "packed"] {
        let data = read(Source::Auto, &folder.path().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        is_the_set(&data, name);
        assert_eq!(data.sha256(), plain.sha256(), "{name}");
    }
}

#[test]
fn a_class_keeps_its_number_whatever_becomes_of_its_pictures() {
    let folder = tempdir().expect("a folder");
    for (name, bytes) in [("a/0.png", level(0)), ("b/0.png", b"damaged".to_vec()), ("c/0.png", level(2))] {
        put(folder.path(), name, &bytes);
    }
    let data = read(Source::Auto, folder.path()).expect("two good pictures");
    assert_eq!((data.classes, &data.train.labels), (3, &Some(vec![0, 2])));
    assert_eq!(data.class_names, ["a", "b", "c"]);
    assert_eq!(data.class_table().counts, [1, 0, 1]);
    says(
        &data.notes.join("; "),
        &[
            "skipped 1 of 3 pictures, which are damaged:",
            "b/0.png: expected PNG",
            "begins with 64 61 6d 61",
            "class 1 (b)",
        ],
    );
}

#[test]
fn more_classes_than_a_label_tells_apart_are_no_classes_and_it_is_said() {
    let folder = tempdir().expect("a folder");
    (0..257).for_each(|c| put(folder.path(), &format!("{c}/a.png"), &level(c as u8)));
    let data = read(Source::Auto, folder.path()).expect("whole data");
    assert_eq!((data.classes, data.train.labels.is_none()), (0, true));
    says(&data.notes.join("; "), &["no labels: 257 classes", "256 are the most"]);
}

#[test]
fn a_split_without_classes_has_no_labels_and_one_without_training_is_no_split() {
    let folder = tempdir().expect("a folder");
    for name in ["train/a/0.png", "train/b/0.png", "test/0.png", "extra/0.png"] {
        put(folder.path(), name, &level(1));
    }
    let data = read(Source::Auto, folder.path()).expect("whole data");
    assert_eq!([data.train.count, data.test.count, data.classes], [2, 1, 2]);
    assert_eq!((data.train.labels, data.test.labels), (Some(vec![0, 1]), None));
    says(&data.notes.join("; "), &["left out: 1 picture in none of these splits"]);
    let folder = tempdir().expect("a folder");
    ["test/0.png", "car/0.png"].iter().for_each(|name| put(folder.path(), name, &level(1)));
    let data = read(Source::Auto, folder.path()).expect("whole data");
    assert_eq!((data.train.count, &data.class_names[..]), (2, &["car".to_string(), "test".into()][..]));
}

#[test]
fn ranges_of_pictures_cut_a_fixed_shuffle() {
    let folder = tempdir().expect("a folder");
    for class in 0..4u8 {
        (0..25).for_each(|i| put(folder.path(), &format!("{class}/{i}.png"), &level(50 * class + i)));
    }
    let mut config = asked(Source::Auto, folder.path());
    config.hold_out = 0.0;
    config.valid = Some([0, 40]);
    let data = load(&config, 0).expect("whole data");
    assert_eq!([data.train.count, data.valid.count], [60, 40]);
    let each = data.class_table().counts;
    assert!(each.iter().all(|&count| count > 5), "every class is trained on: {each:?}");
    says(&data.notes.join("; "), &["ranges of a fixed shuffle"]);
    let kept = levels(&data.valid);
    let mut all = [kept.clone(), levels(&data.train)].concat();
    all.sort_unstable();
    assert_eq!(all, (0..4u8).flat_map(|c| (0..25).map(move |i| 50 * c + i)).collect::<Vec<_>>(), "each once");
    (config.train, config.valid) = (Some([40, 100]), Some([0, 40]));
    let again = load(&config, 1).expect("whole data");
    assert_eq!((levels(&again.valid), again.train), (kept, data.train), "whatever the seed");
}

// ---- labels beside pictures ----

#[test]
fn labels_stand_beside_pictures_in_every_usual_form() {
    let pictures: Vec<(String, Vec<u8>)> = (0..4u8).map(|i| (format!("00000/{i}.png"), level(i))).collect();
    let stylegan =
        r#"{"labels": [["00000/0.png", 2], ["00000/1.png", 0], ["00000/2.png", 2], ["00000/3.png", 0]]}"#;
    let lines = "{\"file_name\": \"0.png\", \"label\": \"sea\"}\n".to_string()
        + &(1..4)
            .map(|i| format!("{{\"file_name\": \"{i}.png\", \"label\": \"land\"}}\n"))
            .collect::<String>();
    let named = Some(vec![1, 0, 0, 0]);
    for (table, text, labels, names) in [
        ("dataset.json", stylegan, Some(vec![2, 0, 2, 0]), 0),
        ("dataset.json", r#"{"labels": null}"#, None, 0),
        ("labels.csv", "file,label\n0.png,sea\n1.png,land\n2.png,land\n3.png,land\n", named.clone(), 2),
        ("00000/metadata.jsonl", &lines, named, 2),
        ("labels.csv", "0.png,1\n1.png,1\n2.png,1\n", None, 0),
    ] {
        let folder = tempdir().expect("a folder");
        let mut files: Vec<(&str, &[u8])> =
            pictures.iter().map(|(name, bytes)| (&name[..], &bytes[..])).collect();
        files.push((table, text.as_bytes()));
        put(folder.path(), "a.zip", &zip(&files));
        let data = read(Source::Auto, &folder.path().join("a.zip")).expect("whole data");
        assert_eq!((&data.train.labels, data.class_names.len()), (&labels, names), "{table}: {text}");
        if labels.is_none() {
            says(&data.notes.join("; "), &["no labels", table]);
        }
    }
    let folder = tempdir().expect("a folder");
    put(folder.path(), "0.png", &level(0));
    put(folder.path(), "metadata.jsonl", b"{\"file_name\": \"0.png\"");
    says(&failure(read(Source::Auto, folder.path())), &["metadata.jsonl: line 1: not JSON"]);
}

// ---- arrays ----

#[test]
fn arrays_are_known_by_their_names_and_shapes() {
    let folder = tempdir().expect("a folder");
    let [train, test]: [Vec<u8>; 2] = [(0..36).collect(), (100..124).collect()];
    let labels: Vec<u8> = [2i64, 0, 1].iter().flat_map(|l| l.to_le_bytes()).collect();
    let texts: Vec<u8> = "sky\0sea\0land".chars().flat_map(|c| (c as u32).to_le_bytes()).collect();
    let arrays = [
        ("train_images.npy", npy("|u1", &[3, 2, 2, 3], &train)),
        ("train_labels.npy", npy("<i8", &[3, 1], &labels)),
        ("test_images.npy", npy("|u1", &[2, 2, 2, 3], &test)),
        ("class_names.npy", npy("<U4", &[3], &texts)),
        ("masks.npy", npy("|u1", &[1], &[0])),
    ];
    let files: Vec<(&str, &[u8])> = arrays.iter().map(|(name, bytes)| (*name, &bytes[..])).collect();
    put(folder.path(), "a.npz", &zip(&files));
    arrays.iter().for_each(|(name, bytes)| put(folder.path(), &format!("plain/{name}"), bytes));
    for name in ["a.npz", "plain"] {
        let data = read(Source::Auto, &folder.path().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(data.shape, Shape { channels: 3, height: 2, width: 2 });
        assert_eq!([data.train.count, data.test.count, data.classes], [3, 2, 3]);
        assert_eq!(data.train.values, Values::U8(train.clone()));
        assert_eq!((data.train.labels, data.test.labels), (Some(vec![2, 0, 1]), None));
        assert_eq!(data.class_names, ["sky", "sea", "land"]);
        says(&data.notes.join("; "), &["not read: the array masks", "[3, 2, 2, 3]"]);
    }
}

#[test]
fn floats_and_planes_become_pixels() {
    let folder = tempdir().expect("a folder");
    let with = |numbers: &[f32], shape: &[usize]| {
        let body: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        put(folder.path(), "a.npy", &npy("<f4", shape, &body));
        let mut config = asked(Source::Auto, &folder.path().join("a.npy"));
        config.hold_out = 0.0;
        load(&config, 0)
    };
    let data = with(&[-1.0, 0.0, 1.0, 0.5], &[2, 1, 2]).expect("sound");
    assert_eq!(data.train.values, Values::U8(vec![0, 128, 255, 191]));
    let planes: Vec<f32> = (0..12).map(|i| i as f32 * 20.0).collect();
    let data = with(&planes, &[1, 3, 2, 2]).expect("sound");
    assert_eq!(
        data.train.values,
        Values::U8([0, 80, 160, 20, 100, 180, 40, 120, 200, 60, 140, 220].to_vec())
    );
    let data = with(&[0.25, -3.0, 7.5, 1e3], &[2, 2]).expect("sound");
    assert_eq!((data.shape, data.train.values), (Shape::from(2), Values::F32(vec![0.25, -3.0, 7.5, 1e3])));
    says(&failure(with(&[0.0, 400.0], &[1, 2, 1])), &["go from 0 to 400", "[0, 255]"]);
    says(&failure(with(&[0.0, f32::NAN], &[1, 2, 1])), &["expected [0, 1]"]);
    says(&failure(with(&[0.0, f32::NAN], &[1, 2])), &["a NaN or an infinity"]);
    says(&failure(with(&[], &[0, 2, 2])), &["nothing in it"]);
}

#[test]
fn arrays_that_do_not_fit_are_told() {
    let folder = tempdir().expect("a folder");
    let with = |arrays: &[(&str, Vec<u8>)]| {
        let files: Vec<(&str, &[u8])> = arrays.iter().map(|(name, bytes)| (*name, &bytes[..])).collect();
        put(folder.path(), "a.npz", &zip(&files));
        read(Source::Auto, &folder.path().join("a.npz"))
    };
    let images = || npy("|u1", &[2, 1, 2], &[9; 4]);
    says(
        &failure(with(&[("a.npy", images()), ("b.npy", images())])),
        &["found [\"a\", \"b\"]", "expected images"],
    );
    says(&failure(with(&[("x.npy", images()), ("data.npy", images())])), &["data: a second array"]);
    says(&failure(with(&[("x.npy", npy("|u1", &[3, 1, 2], &[9; 4]))])), &["x: at byte", "expected 6 bytes"]);
    let other = npy("|u1", &[2, 2, 1], &[9; 4]);
    says(&failure(with(&[("x_train.npy", images()), ("x_test.npy", other)])), &["test: ", "1×2", "2×1"]);
    for (labels, why) in [
        (npy("|u1", &[3], &[0; 3]), "their shape is [3] for 2 examples"),
        (npy("<i2", &[2], &[0, 0, 0, 1]), "one of them is 256"),
        (npy("|u1", &[2, 2], &[1, 1, 0, 1]), "not all rows are one-hot"),
    ] {
        let data = with(&[("x.npy", images()), ("y.npy", labels)]).expect("pictures without labels");
        assert_eq!((data.classes, &data.train.labels), (0, &None), "{why}");
        says(&data.notes.join("; "), &["no labels for train", why]);
    }
    let data =
        with(&[("x.npy", images()), ("y.npy", npy("|u1", &[2, 3], &[0, 0, 1, 1, 0, 0]))]).expect("sound");
    assert_eq!(data.train.labels, Some(vec![2, 0]));
}
