//! Translations: pictures of any size in, pictures out, what cannot be translated; and measures of such runs. And
//! `docs/translation.md` as a reader follows it.

use crate::common::files::{picture, put};
use crate::common::program::{refused, run, says, stdout};
use crate::recipes::{blocks, shell};
use gansaku::data::Shape;
use gansaku::eval::fidelity::{chroma, lab, luma, psnr, without_border};
use gansaku::pictures::{Picture, resize};
use std::fs;
use std::path::Path;

/// Flags that make every run small: two steps on pictures of 16 or, where something needs more, 32 or 64 pixels.
fn small(recipe: &str) -> Vec<&'static str> {
    let base =
        ["--steps", "2", "--batch", "1", "--set", "generator.width=4", "--set", "discriminator.width=4"];
    let own: &[&str] = match recipe {
        "cyclegan-digits" => &["data.size=16", "data.count=24", "generator.blocks=1", "train.pool=2"],
        "cyclegan" => &[
            "data.size=16",
            "data.load_size=18",
            "generator.blocks=1",
            "discriminator.depth=1",
            "train.pool=2",
        ],
        // Dropout stands in U-Nets of depth six and more.
        "pix2pix" => &["data.size=64", "data.load_size=0", "discriminator.depth=1"],
        "superres" => &["data.size=32", "generator.blocks=1", "train.pretrain=1"],
        "colourise" => &["data.size=16", "discriminator.depth=1"],
        _ => panic!("{recipe}?"),
    };
    base.into_iter().chain(own.iter().flat_map(|key| ["--set", *key])).collect()
}

fn train(here: &Path, recipe: &str, name: &str, more: &[&str]) {
    run(here, &[&["train", recipe, "--name", name], more, &small(recipe)[..]].concat());
}

/// A picture that is not alike anywhere, in colour.
fn mixed(width: u32, height: u32, seed: u32) -> Vec<u8> {
    let shade = |x: u32, y: u32, c: u32| {
        ((x * (31 + c) + y * (57 + 2 * c) + (x * y * seed) % 91 + 40 * c) % 256) as u8
    };
    picture(width, height, |x, y| [0, 1, 2].map(|c| shade(x, y, c)))
}

fn photos(folder: &Path, count: u32, [width, height]: [u32; 2]) {
    (1..=count).for_each(|i| put(folder, &format!("{i}.png"), &mixed(width, height, i)));
}

fn decoded(path: &Path) -> image::DynamicImage {
    image::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("there").flatten();
    let mut names: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn pictures_of_any_size_and_kind_are_translated() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    train(here, "cyclegan-digits", "c", &[]);
    put(here, "in/odd.png", &mixed(23, 37, 1));
    put(here, "in/sub/odd.png", &mixed(16, 16, 2));
    put(here, "in/notes.txt", b"no picture");
    put(here, "in/bad.png", b"\x89PNG\r\n\x1a\n");
    let alpha = image::RgbaImage::from_fn(16, 16, |x, y| image::Rgba([x as u8, y as u8, 9, (x * 16) as u8]));
    alpha.save(here.join("in/soft.png")).expect("written");
    put(here, "dot.png", &mixed(1, 1, 1));
    let translate = |more: &[&str]| run(here, &[&["translate", "runs/c"], more].concat());
    let told = translate(&["in", "dot.png", "--out", "one", "--grid"]);
    says(
        &told,
        &[
            "passed over in in: 1 .txt",
            "in/bad.png: damaged",
            "4 of 4 pictures: in colour, made grey",
            "1 of 4 pictures: transparent pixels laid on white",
            "2 of 4 pictures: mirrored at the edges",
            "4 pictures from runs/c",
        ],
    );
    assert_eq!(names(&here.join("one")), ["dot.png", "grid.png", "odd-2.png", "odd.png", "soft.png"]);
    let size = |name: &str| (decoded(&here.join(name)).width(), decoded(&here.join(name)).height());
    assert_eq!(
        [size("one/odd.png"), size("one/odd-2.png"), size("one/dot.png")],
        [(23, 37), (16, 16), (1, 1)]
    );
    // In, out and back: three columns of what is 23 pixels wide, four rows; enlarged seven times.
    assert_eq!(size("one/grid.png"), (4 + 3 * (7 * 23 + 4), 4 + 7 * (37 + 16 + 16 + 1) + 4 * 4));
    // Equal commands make equal bytes, a picture by itself is what it is among others, and the ways differ.
    translate(&["in/odd.png", "--out", "two", "--threads", "1"]);
    translate(&["in/odd.png", "--out", "three", "--direction", "B2A"]);
    let bytes = |name: &str| fs::read(here.join(name)).expect("there");
    assert_eq!(bytes("one/odd.png"), bytes("two/odd.png"));
    assert_ne!(bytes("two/odd.png"), bytes("three/odd.png"));
    // A picture is mirrored to a size that two halvings divide, and cut back: as by hand.
    let whole = decoded(&here.join("in/odd.png")).into_rgb8();
    let by_hand = image::RgbImage::from_fn(24, 40, |x, y| {
        let back = |at: i64, length: i64| if at < 0 { -at } else { at.min(2 * (length - 1) - at) } as u32;
        *whole.get_pixel(back(i64::from(x), 23), back(i64::from(y) - 1, 37))
    });
    by_hand.save(here.join("hand.png")).expect("written");
    translate(&["hand.png", "--out", "four"]);
    let cut = image::imageops::crop_imm(&decoded(&here.join("four/hand.png")).into_luma8(), 0, 1, 23, 37)
        .to_image();
    assert_eq!(cut.into_raw(), decoded(&here.join("one/odd.png")).into_luma8().into_raw());
    // The doctor has no noise to probe, and the page is of pictures that became others.
    says(&stdout(here, &["doctor", "runs/c"]), &["too early to tell"]);
    run(here, &["report", "runs/c"]);
    let page = fs::read_to_string(here.join("runs/c/report.html")).expect("a page");
    says(
        &page,
        &["what came out, what came back of it", "Generator G", "from pictures: ", "gansaku translate"],
    );
    assert!(!page.contains("same noise") && !page.contains("gansaku interpolate"), "there is no noise");
    let no = |more: &[&str], code| refused(here, &[&["translate", "runs/c"], more].concat(), code);
    says(&no(&["in", "--out", "one"], 2), &["--out one: holds 5 files already", "a new folder, or empty it"]);
    says(&no(&["dot.png", "--out", "x.png"], 2), &["--out x.png", "a picture's name", "expected a folder"]);
    assert!(!here.join("x.png").exists(), "no folder of that name");
    says(&no(&["in/bad.png", "--out", "x"], 3), &["in/bad.png: damaged"]);
    says(&no(&["nowhere", "--out", "x"], 3), &["nowhere: no such file or folder"]);
    // What makes pictures of noise translates none, and the other way round.
    run(here, &["train", "digits", "--steps", "1", "--name", "g", "--set", "data.count=100"]);
    let told = refused(here, &["translate", "runs/g", "in", "--out", "x"], 2);
    says(&told, &["runs/g", "pictures of noise", "gansaku sample"]);
    for command in ["sample", "interpolate"] {
        says(&refused(here, &[command, "runs/c"], 2), &["runs/c", "not of noise", "gansaku translate"]);
    }
    says(
        &refused(here, &["eval", "runs/g", "paired"], 2),
        &["paired measures translations", "measure parzen"],
    );
    says(
        &refused(here, &["eval", "runs/c", "fd"], 2),
        &["fd measures samples of noise", "measure paired or cycle"],
    );
    says(
        &refused(here, &["eval", "runs/c", "colour"], 2),
        &["is for runs that colour", "measure paired or cycle"],
    );
    says(&refused(here, &["eval", "runs/c", "class-kept"], 2), &["class-kept", "--classifier"]);
    says(&refused(here, &["eval", "runs/c", "--pictures", "in"], 2), &["--pictures", "leave it out"]);
    assert!(!here.join("x").exists(), "nothing is made by what is refused");
}

#[test]
fn dropout_is_drawn_by_seed_and_place_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    photos(&here.join("pairs"), 4, [128, 64]);
    photos(&here.join("in"), 3, [64, 64]);
    train(here, "pix2pix", "p", &["--data", "pairs"]);
    let translate = |out: &str, inputs: &[&str], more: &[&str]| {
        run(here, &[&["translate", "runs/p", "--out", out], inputs, more].concat());
    };
    let bytes = |name: &str| fs::read(here.join(name)).expect("there");
    translate("a", &["in/1.png", "in/2.png"], &[]);
    translate("b", &["in/3.png", "in/2.png"], &[]);
    translate("c", &["in/2.png", "in/1.png"], &[]);
    translate("d", &["in/1.png", "in/2.png"], &["--seed", "1"]);
    assert_eq!(bytes("a/2.png"), bytes("b/2.png"), "whatever its neighbour is");
    assert_ne!(bytes("a/2.png"), bytes("c/2.png"), "at another place");
    assert_ne!(bytes("a/2.png"), bytes("d/2.png"), "by another seed");
    let told = refused(here, &["translate", "runs/p", "in", "--out", "x", "--direction", "b2a"], 2);
    says(&told, &["--direction", "translates from A to B alone", "leave it out"]);
}

#[test]
fn larger_pictures_and_colours_are_made_and_measured() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    photos(&here.join("photos"), 24, [32, 32]);
    put(here, "wide.png", &mixed(66, 41, 5));
    put(here, "large.png", &mixed(64, 64, 3));
    train(here, "superres", "s", &["--data", "photos"]);
    train(here, "colourise", "k", &["--data", "photos"]);
    let told = run(here, &["translate", "runs/s", "large.png", "--out", "whole"]);
    assert!(!told.contains("tiles"), "{told}");
    let told = run(here, &["translate", "runs/s", "large.png", "--out", "tiles", "--memory", "1"]);
    says(&told, &["64×64 pixels take", "more than --memory 1: worked on in tiles of 32×32 that overlap"]);
    // Far from the edge of the first tile its network sees what the whole's does.
    let [whole, tiles] = ["whole", "tiles"].map(|of| decoded(&here.join(of).join("large.png")).into_rgb8());
    assert_eq!([whole.dimensions(), tiles.dimensions()], [(256, 256); 2]);
    let corner =
        |image: &image::RgbImage| image::imageops::crop_imm(image, 0, 0, 64, 64).to_image().into_raw();
    let unlike = corner(&whole).iter().zip(corner(&tiles)).filter(|(a, b)| a.abs_diff(*b) > 1).count();
    assert_eq!(unlike, 0, "bytes that differ");
    let measured = |run: &str, metric: &str| -> serde_json::Value {
        let text = stdout(here, &["eval", run, metric, "--pictures", "wide.png", "--json", "-"]);
        serde_json::from_str::<serde_json::Value>(&text).expect("JSON")["measurements"][0].clone()
    };
    let near = |found: &serde_json::Value, expected: f64| {
        let found = found.as_f64().expect("a number");
        assert!((found - expected).abs() <= 1e-5 * expected.abs(), "{found}, expected {expected}");
    };
    // Bicubic enlargement by hand: cut to multiples of four, on Y without four pixels at each edge.
    let image = decoded(&here.join("wide.png")).into_rgb8();
    let cut = image::imageops::crop_imm(&image, 0, 0, 64, 40).to_image().into_raw();
    let picture = Picture { width: 64, height: 40, channels: 3, pixels: cut };
    let again = resize::bicubic(&resize::bicubic(&picture, [16, 10]), [64, 40]);
    let shape = Shape { channels: 3, height: 40, width: 64 };
    let unit = |bytes: &[u8]| bytes.iter().map(|&b| f32::from(b) / 255.0).collect::<Vec<f32>>();
    let [y, other] = [&picture, &again].map(|p| {
        let (y, shape) = luma(&unit(&p.pixels), shape);
        without_border(&y, shape, 4).0
    });
    let found = measured("runs/s", "superres");
    near(&found["reference"]["bicubic"]["PSNR"], psnr(&other, &y));
    assert!(found["values"]["SSIM"].is_number() && found["samples"] == 1, "{found}");
    // Without colour, the error of a and b is what they are.
    let found = measured("runs/k", "colour");
    let pixels = lab(&unit(&image.clone().into_raw()));
    let squares: f64 = pixels.iter().map(|[_, a, b]| a * a + b * b).sum();
    let grey = (squares / (2 * pixels.len()) as f64).sqrt();
    let reported = found["reference"]["grey"]["ab error"].as_f64().expect("a number");
    assert!((reported - grey).abs() < 0.1 && chroma(&pixels) > 0.0, "{reported}, expected about {grey}");
    for run in ["runs/s", "runs/k"] {
        let told = refused(here, &["translate", run, "wide.png", "--out", "x", "--direction", "a2b"], 2);
        says(&told, &["--direction", "goes one way", "leave it out"]);
    }
}

#[test]
fn every_command_of_the_page_does_what_it_says() {
    let page =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/translation.md")).expect("there");
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    photos(&here.join("photos"), 24, [32, 32]);
    photos(&here.join("facades/train"), 4, [128, 64]);
    photos(&here.join("facades/test"), 20, [128, 64]);
    put(here, "new.png", &mixed(70, 64, 9));
    for (domain, count) in [("trainA", 3), ("trainB", 4), ("testA", 2), ("testB", 2)] {
        photos(&here.join("horse2zebra").join(domain), count, [20, 16]);
    }
    let mut ran = 0;
    for line in blocks(&page).iter().flat_map(|block| block.text.lines()) {
        let words: Vec<&str> = line.split(' ').collect();
        let more = match words[1] {
            "train" => small(words[2]),
            "eval" if !line.contains("--pictures") => vec!["-n", "100"],
            _ => vec![],
        };
        let output = shell(here, &[&words[..], &more].concat().join(" "));
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        ran += 1;
    }
    assert!(ran >= 14, "{ran} commands");
    assert_eq!(names(&here.join("as-zebras")), ["1.png", "2.png", "grid.png"]);
    assert_eq!(decoded(&here.join("large/1.png")).width(), 128);
    let coloured = decoded(&here.join("coloured/1.png"));
    assert_eq!((coloured.width(), coloured.color()), (32, image::ColorType::Rgb8));
}
