//! What a generator with styles is asked: truncation, noise, walks through w, mixed styles, directions, projections, path lengths.
//! And `docs/stylegan.md` as a reader follows it.

use crate::common::files::{picture, put};
use crate::common::program::{refused, refused_by_clap, run, says, stdout};
use crate::recipes::{blocks, shell};
use gansaku::data::npy::Array;
use std::fs;
use std::path::Path;

/// Flags that make a run of "stylegan2" and its like small.
const SMALL: [&str; 16] = [
    "--steps",
    "3",
    "--batch",
    "4",
    "--set",
    "latent.dim=8",
    "--set",
    "generator.channels={base=64, most=4}",
    "--set",
    "discriminator.channels={base=64, most=4}",
    "--set",
    "generator.mapping={layers=2, lr_factor=0.1}",
    "--set",
    "discriminator.deviation=4",
    "--set",
    "log.samples=9",
];

/// A run of 32×32 digits, `runs/s`, of eight layers with styles.
fn trained(here: &Path, more: &[&str]) {
    let digits = ["train", "stylegan2-digits", "--name", "s", "--set", "data.count=200"];
    run(here, &[&digits[..], &SMALL, more].concat());
}

/// A run without styles, `runs/plain`.
fn plain(here: &Path) {
    run(here, &["train", "digits", "--name", "plain", "--steps", "1", "--set", "data.count=100"]);
}

fn pixels(path: &Path) -> image::GrayImage {
    image::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).into_luma8()
}

/// Tiles of 32 pixels with four in between, row by row.
fn tiles(path: &Path, [columns, rows]: [u32; 2]) -> Vec<Vec<u8>> {
    let all = pixels(path);
    assert_eq!(all.dimensions(), (4 + 36 * columns, 4 + 36 * rows), "{}", path.display());
    let tile = |i: u32| {
        let at = [4 + 36 * (i % columns), 4 + 36 * (i / columns)];
        image::imageops::crop_imm(&all, at[0], at[1], 32, 32).to_image().into_raw()
    };
    (0..columns * rows).map(tile).collect()
}

/// Rows of an array of float32.
fn rows(path: &Path) -> Vec<Vec<f64>> {
    let array = Array::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let numbers: Vec<f64> = array.numbers().collect();
    numbers.chunks(numbers.len() / array.shape[0]).map(<[f64]>::to_vec).collect()
}

#[test]
fn styles_are_truncated_and_noise_is_a_samples_own_or_everyones() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    trained(here, &[]);
    plain(here);
    let sample = |out: &str, more: &[&str]| {
        run(here, &[&["sample", "runs/s", "--out", out], more].concat());
        rows(&here.join(out))
    };
    let many = sample("many.npy", &["-n", "130"]);
    let few = sample("few.npy", &["-n", "5"]);
    assert_eq!(few, many[..5], "noise is a sample's own, whatever else is drawn");
    assert_eq!(sample("one.npy", &["--index", "129"])[0], many[129]);
    let constant = sample("const.npy", &["-n", "5", "--noise", "const"]);
    assert_ne!(constant, few);
    let alike = |all: &[Vec<f64>]| all.iter().all(|one| *one == all[0]);
    assert!(!alike(&constant), "w is each one's own");
    assert!(alike(&sample("mean.npy", &["-n", "5", "--noise", "const", "--truncation", "0"])));
    assert!(!alike(&sample("grain.npy", &["-n", "5", "--truncation", "0"])), "noise is left");
    let early = sample("early.npy", &["-n", "5", "--noise", "const", "--truncation", "0", "--cutoff", "4"]);
    assert!(!alike(&early), "late layers keep their styles");
    assert_eq!(sample("whole.npy", &["-n", "5", "--noise", "const", "--truncation", "1"]), constant);
    let no = |more: &[&str]| refused(here, &[&["sample", "runs/s"], more].concat(), 2);
    says(&no(&["--truncation", "0.5", "--cutoff", "9"]), &["--cutoff 9: this model has 8 layers", "1 to 8"]);
    says(&no(&["--truncation", "3"]), &["--truncation 3", "expected −2 to 2"]);
    says(&refused_by_clap(here, &["sample", "runs/s", "--cutoff", "2"]), &["--truncation"]);
    for flags in [&["--truncation", "0.5"][..], &["--noise", "const"]] {
        let told = refused(here, &[&["sample", "runs/plain"], flags].concat(), 2);
        says(&told, &[flags[0], "has no styles", "stylegan2"]);
    }
    says(&refused(here, &["interpolate", "runs/plain", "--space", "w"], 2), &["--space w", "has no styles"]);
    says(&refused(here, &["interpolate", "runs/s", "--space", "w", "--slerp"], 2), &["--slerp", "straight"]);
    for command in
        [&["mix", "runs/plain"][..], &["directions", "runs/plain"], &["project", "runs/plain", "x.png"]]
    {
        says(&refused(here, command, 2), &["runs/plain", "has no styles", "stylegan2"]);
    }
}

#[test]
fn walks_mixtures_and_directions_are_pictures_of_w() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    trained(here, &[]);
    let at = |name: &str| here.join(name);
    // The ends of a walk are samples; drawn to the average, a walk stands still.
    let walk = |more: &[&str], out: &str| {
        let walk =
            ["interpolate", "runs/s", "--space", "w", "--indices", "3,14", "--frames", "4", "--scale", "1"];
        run(here, &[&walk[..], more, &["--out", out]].concat());
        tiles(&at(out), [4, 1])
    };
    let walked = walk(&[], "walk.png");
    let one = ["sample", "runs/s", "--noise", "const", "--scale", "1", "--out", "one.png", "--index"];
    for (index, end) in [("3", 0), ("14", 3)] {
        run(here, &[&one[..], &[index]].concat());
        assert_eq!(tiles(&at("one.png"), [1, 1])[0], walked[end]);
    }
    let still = walk(&["--truncation", "0"], "still.png");
    assert!(still.iter().all(|frame| *frame == still[0]) && still[0] != walked[0]);

    let mix = |more: &[&str]| {
        let mix = ["mix", "runs/s", "--rows", "3,5", "--columns", "14,6,2", "--scale", "1"];
        let told = run(here, &[&mix[..], more].concat());
        (told, tiles(&at("mix.png"), [4, 3]))
    };
    let (told, mixed) = mix(&["--layers", "0-3"]);
    says(&told, &["layer 0 at 4×4, layers 1-2 at 8×8, layer 3 at 16×16", "6 mixed pictures", "mix.png"]);
    assert_eq!([&mixed[4], &mixed[1]], [&walked[0], &walked[3]], "the samples at the left and at the top");
    assert!(mixed[0].iter().all(|&p| p == 40), "nothing in the corner");
    assert!(mixed[5] != mixed[1] && mixed[5] != mixed[4]);
    let (_, all) = mix(&["--layers", "7,0-7"]);
    assert_eq!([&all[5..8], &all[9..12]], [&all[1..4]; 2], "of the columns altogether");
    let (told, usual) = mix(&[]);
    says(&told, &["layer 0 at 4×4"]);
    assert_eq!(usual, mixed, "the first half");
    let no = |arguments: &[&str]| refused(here, arguments, 2);
    let told = no(&["mix", "runs/s", "--layers", "0-8"]);
    says(&told, &["--layers: this model has no layer 8", "it has 8: layer 0 at 4×4", "layers 5-7 at 32×32"]);
    says(&no(&["mix", "runs/s", "--rows", "0-200", "--columns", "0-200"]), &["40804 pictures", "10000"]);
    says(&no(&["mix", "runs/s", "--out", "x.gif"]), &["x.gif", "FILE.png"]);

    let directions = |more: &[&str]| {
        let base =
            ["directions", "runs/s", "--count", "2", "--samples", "300", "--frames", "3", "--scale", "1"];
        run(here, &[&base[..], more].concat())
    };
    says(&directions(&[]), &[" %: together ", "of 300 styles", "layers 5-7 at 32×32", "in directions.png"]);
    let steps = rows(&at("directions.npy"));
    let length = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let product: f64 = steps[0].iter().zip(&steps[1]).map(|(a, b)| a * b).sum();
    assert_eq!([steps.len(), steps[0].len()], [2, 8]);
    assert!(length(&steps[0]) >= length(&steps[1]) && product.abs() < 1e-4 * length(&steps[0]).powi(2));
    directions(&["--index", "3", "--out", "strips"]);
    // A strip's middle is what it goes through.
    assert_eq!(tiles(&at("strips/002.png"), [3, 1])[1], walked[0]);
    assert_eq!(rows(&at("strips/directions.npy")), steps);
    directions(&["--index", "3", "--layers", "7", "--out", "late"]);
    assert_ne!(tiles(&at("late/001.png"), [3, 1])[0], tiles(&at("strips/001.png"), [3, 1])[0]);
    says(&no(&["directions", "runs/s", "--count", "9"]), &["--count 9", "8 directions"]);
    says(&no(&["directions", "runs/s", "--layers", "8"]), &["no layer 8"]);
    says(&no(&["directions", "runs/s", "--out", "strips"]), &["--out strips", "3 files already"]);
    says(&no(&["directions", "runs/s", "--label", "1"]), &["unconditional"]);
}

#[test]
fn pictures_are_projected_each_by_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    trained(here, &[]);
    let own = ["sample", "runs/s", "--noise", "const", "--index", "3,7", "--out", "own"];
    run(here, &own);
    put(here, "in/colour.png", &picture(40, 30, |x, y| [(6 * x) as u8, (8 * y) as u8, 90]));
    put(here, "in/notes.txt", b"no picture");
    put(here, "none/notes.txt", b"no picture");
    put(here, "in/bad.png", b"\x89PNG\r\n\x1a\n");
    let project = |more: &[&str]| run(here, &[&["project", "runs/s"], more].concat());
    // A search begins at the nearest of samples: what one of them is, is found at once.
    let told = project(&["own/000003.png", "in", "--steps", "1", "--out", "once"]);
    says(
        &told,
        &[
            "passed over in in: 1 .txt",
            "in/bad.png: damaged",
            "1 of 2 pictures: the centred square resized to 28×28, as data are (40×30 pixels)",
            "1 of 2 pictures: 2 dark pixels around them, up to 32×32",
            "1 of 2 pictures: in colour, made grey",
            "2 projections from runs/s",
        ],
    );
    let decibels = |told: &str, name: &str| -> f64 {
        let line = told.lines().find(|line| line.starts_with(&format!("{name}: "))).expect("a PSNR");
        line.split(' ').nth(1).and_then(|x| x.parse().ok()).unwrap_or_else(|| panic!("{line}"))
    };
    assert!(decibels(&told, "000003") > 45.0, "{told}");
    let array = |name: &str| Array::read(&here.join(name)).expect("an array");
    assert_eq!(array("once/colour.npy").shape, [8, 8]);
    let found = array("once/colour.npy");
    let layers: Vec<f64> = found.numbers().collect();
    assert!(layers.chunks(8).all(|w| *w == layers[..8]), "one w for all layers");
    // More steps come nearer, and whatever else is projected.
    let longer = project(&["in", "--steps", "40", "--out", "longer"]);
    says(&longer, &["step 40/40  distance 0."]);
    assert!(decibels(&longer, "colour") > decibels(&told, "colour"), "{longer}");
    project(&["own/000007.png", "in/colour.png", "--steps", "40", "--out", "again"]);
    assert_eq!(array("again/colour.npy"), array("longer/colour.npy"));
    let each = project(&["in/colour.png", "--steps", "40", "--each-layer", "--out", "each"]);
    assert!(decibels(&each, "colour") > decibels(&longer, "colour"), "{each}");
    let layers: Vec<f64> = array("each/colour.npy").numbers().collect();
    assert!(layers.chunks(8).any(|w| *w != layers[..8]), "a w for each layer");
    // Training pictures beside those that were held out.
    let told = stdout(here, &["project", "runs/s", "--compare", "3", "--steps", "2", "--out", "both"]);
    says(&told, &["3 training pictures: PSNR ", "3 test pictures: PSNR ", "gap ", " dB: "]);
    assert!(here.join("both/training.png").is_file() && here.join("both/held-out.png").is_file());
    let no = |arguments: &[&str], code| refused(here, &[&["project", "runs/s"], arguments].concat(), code);
    says(&no(&["in/bad.png", "--out", "x"], 3), &["in/bad.png: damaged"]);
    says(&no(&["nowhere.png", "--out", "x"], 3), &["nowhere.png: no such file or folder"]);
    says(&no(&["none", "--out", "x"], 3), &["none"]);
    says(&no(&["in", "--out", "once"], 2), &["--out once: holds 4 files already"]);
    assert!(!here.join("x").exists(), "nothing is made by what is refused");
    says(&refused_by_clap(here, &["project", "runs/s"]), &["PICTURE"]);
}

#[test]
fn path_lengths_are_measured_in_pixels_and_features() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    trained(here, &[]);
    plain(here);
    let told = stdout(here, &["eval", "runs/s", "path-length", "-n", "100", "--json", "e.json"]);
    says(&told, &["straight lines of w", "pixel ratio", "straight lines between the ends"]);
    let json = fs::read_to_string(here.join("e.json")).expect("there");
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let (values, line) = (
        &json["measurements"][0]["values"],
        &json["measurements"][0]["reference"]["straight lines between the ends"],
    );
    let number = |of: &serde_json::Value, name: &str| of[name].as_f64().expect("a number");
    // The mean square of a pace is the straight line's or more, but for the places that were drawn.
    let (ratio, error) = (number(values, "pixel ratio"), number(values, "pixel se"));
    assert!((ratio * number(line, "pixel") / number(values, "pixel") - 1.0).abs() < 1e-9);
    assert!(ratio > 1.0 - 4.0 * error / number(line, "pixel") && ratio < 50.0, "{ratio}");
    says(&stdout(here, &["eval", "runs/plain", "path-length", "-n", "100"]), &["great circles of noise"]);
    run(here, &["train", "ring", "--steps", "1", "--name", "p", "--set", "data.count=300"]);
    says(&refused(here, &["eval", "runs/p", "path-length"], 2), &["a measure of pictures"]);
}

#[test]
fn every_command_of_the_page_does_what_it_says() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/stylegan.md")).expect("there");
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    for i in 0..12 {
        put(here, &format!("photos/{i}.png"), &picture(40, 40, |x, y| [(x * i) as u8, (3 * y) as u8, 40]));
    }
    put(here, "seven.png", &picture(28, 28, |x, y| [if y == 5 || x + y / 2 == 20 { 255 } else { 0 }; 3]));
    let mut ran = 0;
    for line in
        blocks(&page).iter().filter(|block| block.words == ["sh"]).flat_map(|block| block.text.lines())
    {
        let words: Vec<&str> = line.split(' ').collect();
        let small: Vec<String> = SMALL.iter().map(|word| format!("'{word}'")).collect();
        let more = match words[1] {
            "train" if line.contains("digits") => format!("{} --set data.count=200", small.join(" ")),
            "train" => small.join(" "),
            "eval" => "-n 100".into(),
            "project" => "--steps 2".into(),
            _ => String::new(),
        };
        let output = shell(here, &format!("{line} {more}"));
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        ran += 1;
    }
    assert!(ran >= 14, "{ran} commands");
    for file in ["mix.png", "directions.npy", "found/seven.npy", "g.onnx", "g/model.py"] {
        assert!(here.join(file).is_file(), "{file}");
    }
}
