//! Samples and walks: grids, arrays and files, latents out and in, what cannot be drawn.

use crate::common::program::{gansaku, refused, run, says, workplace};
use std::fs;
use std::path::Path;

/// Width and height of a PNG that decodes.
fn size(path: &Path) -> (u32, u32) {
    let image = image::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    (image.width(), image.height())
}

#[test]
fn samples_come_as_a_grid_an_array_or_files() {
    let folder = workplace();
    run(
        folder.path(),
        &["train", "digits", "--config", "small.toml", "--name", "r", "--set", "conditional=true"],
    );
    let sample = |more: &[&str]| run(folder.path(), &[&["sample", "runs/r"], more].concat());
    says(&sample(&["-n", "20"]), &["classes, row by row: 0, 1, 2", "20 samples from", "in samples.png"]);
    // Two of each class in a row behind its number, five rows beside five.
    assert_eq!(size(&folder.path().join("samples.png")), (2 * (31 + 2 * 256) + 4, 5 * 256 + 4));
    says(&sample(&["-n", "7", "--label", "3"]), &["samples.png, which replaces the file that was there"]);
    assert_eq!(size(&folder.path().join("samples.png")), (3 * 256 + 4, 3 * 256 + 4));
    sample(&["-n", "7", "--label", "3", "--scale", "2"]);
    assert_eq!(size(&folder.path().join("samples.png")), (3 * 60 + 4, 3 * 60 + 4));
    sample(&["-n", "12", "--out", "x.npy", "--label", "3"]);
    let npy = fs::read(folder.path().join("x.npy")).expect("there");
    assert!(String::from_utf8_lossy(&npy[..128]).contains("'shape': (12, 1, 28, 28,)"));
    let pixels: Vec<f32> =
        npy[128..].chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    assert_eq!(pixels.len(), 12 * 784);
    assert!(pixels.iter().all(|x| (0.0..=1.0).contains(x)));
    sample(&["-n", "3", "--out", "many"]);
    let mut names: Vec<String> = fs::read_dir(folder.path().join("many"))
        .expect("there")
        .flatten()
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["000000.png", "000001.png", "000002.png"]);
    assert_eq!(size(&folder.path().join("many/000001.png")), (28, 28));
    // The first samples do not depend on how many are drawn; another seed draws others.
    let read = |name: &str| fs::read(folder.path().join(name)).expect("there");
    sample(&["-n", "5", "--out", "five.npy", "--label", "3"]);
    assert_eq!(read("five.npy")[128..], read("x.npy")[128..128 + 5 * 784 * 4]);
    sample(&["-n", "5", "--out", "other.npy", "--label", "3", "--seed", "1"]);
    assert_ne!(read("five.npy"), read("other.npy"));
    sample(&["-n", "5", "--out", "label.npy", "--label", "4"]);
    assert_ne!(read("five.npy"), read("label.npy"), "the label matters");
    // However many there are, they come part by part.
    sample(&["-n", "1203", "--out", "all.npy", "--label", "3"]);
    let all = read("all.npy");
    assert_eq!(all.len(), 128 + 1_203 * 784 * 4);
    assert_eq!(all[128..128 + 12 * 784 * 4], read("x.npy")[128..]);
    sample(&["-n", "1003", "--out", "all"]);
    assert_eq!(fs::read_dir(folder.path().join("all")).expect("there").count(), 1_003);
    let no = |more: &[&str], code| refused(folder.path(), &[&["sample", "runs/r"], more].concat(), code);
    says(&no(&["--out", "many"], 2), &["--out many", "3 files already", "a new folder, or empty it"]);
    says(&no(&["--out", "nowhere/x.npy"], 2), &["no folder nowhere"]);
    says(&no(&["-n", "20000"], 2), &["one picture takes at most 10000"]);
    // 2³⁴ numbers of noise are 8 million samples' of 2,000.
    run(folder.path(), &["train", "ring", "--steps", "1", "--name", "deep", "--set", "latent.dim=2000"]);
    let many = ["sample", "runs/deep", "-n", "9000000", "--out", "many.npy"];
    says(&refused(folder.path(), &many, 2), &["--count 9000000", "the noise of 8589934 samples", "--seed"]);
    says(&no(&["--label", "10"], 2), &["--label 10", "0 to 9"]);
    says(&no(&["--out", "x.jpg"], 2), &["x.jpg", "FILE.png, FILE.npy or a folder"]);
    says(&refused(folder.path(), &["sample", "runs/q"], 4), &["runs/q: no such run"]);
    says(&refused(folder.path(), &["sample", "."], 4), &["not a run"]);
}

#[test]
fn latents_go_out_and_come_in() {
    let folder = workplace();
    let here = folder.path();
    run(here, &["train", "digits", "--config", "small.toml", "--name", "r", "--set", "conditional=true"]);
    let sample = |more: &[&str]| run(here, &[&["sample", "runs/r"], more].concat());
    let read = |name: &str| fs::read(here.join(name)).expect("there");
    let body = |name: &str| read(name)[128..].chunks(784 * 4).map(<[u8]>::to_vec).collect::<Vec<_>>();
    says(
        &sample(&["-n", "130", "--out", "all.npy", "--save-latents", "z.npy"]),
        &["as often as the training data have them", "their noise in z.npy, labels in z.labels.npy"],
    );
    let all = body("all.npy");
    sample(&["--index", "129,3,14-16", "--out", "some.npy"]);
    let expected = [129, 3, 14, 15, 16].map(|i: usize| all[i].clone());
    assert_eq!(body("some.npy"), expected);
    sample(&["--index", "129", "--out", "files"]);
    assert!(here.join("files/000129.png").is_file());
    // Noise and labels of a file are samples of the same bytes; a label asked for goes before the file's.
    says(&sample(&["--latents", "z.npy", "--out", "again.npy"]), &["labels: z.labels.npy"]);
    assert_eq!(read("again.npy"), read("all.npy"));
    sample(&["--latents", "z.npy", "--label", "4", "--out", "four.npy"]);
    sample(&["-n", "130", "--label", "4", "--out", "four-by-seed.npy"]);
    assert_eq!(read("four.npy"), read("four-by-seed.npy"));
    // A walk passes the samples that sample draws.
    let pixels = |name: &str| image::open(here.join(name)).expect("a picture").into_luma8();
    let walk = ["interpolate", "runs/r", "--indices", "3,14", "--frames", "2", "--scale", "1"];
    says(&run(here, &[&walk[..], &["--out", "walk.png"]].concat()), &["2 frames of class 0"]);
    for (index, left) in [("3", 4), ("14", 36)] {
        sample(&["--index", index, "--label", "0", "--scale", "1", "--out", "one.png"]);
        let [tile, stop] = [("one.png", 4), ("walk.png", left)]
            .map(|(name, x)| image::imageops::crop_imm(&pixels(name), x, 4, 28, 28).to_image());
        assert!(tile == stop, "sample {index}");
    }
    // A picture for another program, and no folder of that name.
    let piped = gansaku(here, &["sample", "runs/r", "-n", "3", "--out", "-"]).output().expect("starts");
    assert!(piped.stdout.starts_with(b"\x89PNG") && !here.join("-").exists());
    let no = |more: &[&str], code| refused(here, &[&["sample", "runs/r"], more].concat(), code);
    says(
        &no(&["--latents", "all.npy"], 3),
        &["all.npy", "[130, 1, 28, 28], expected numbers [n, ", "latent.dim"],
    );
    says(&no(&["--label", "sea"], 2), &["--label sea", "a class from 0 to 9"]);
    says(&no(&["--save-latents", "z.txt"], 2), &["z.txt", "expected FILE.npy"]);
    says(&no(&["--out", "x.npy", "--scale", "2"], 2), &["--scale", "FILE.png"]);
    let best = ["sample", "runs/r/checkpoints/best"];
    says(&refused(here, &best, 4), &["keeps no best checkpoint", "--best-by METRIC", "--resume runs/r"]);
}

#[test]
fn interpolations_walk_between_seeds() {
    let folder = workplace();
    run(folder.path(), &["train", "digits", "--config", "small.toml", "--name", "r"]);
    let walk = |more: &[&str]| run(folder.path(), &[&["interpolate", "runs/r"], more].concat());
    walk(&["--seeds", "4,5,6", "--frames", "7"]);
    let row = folder.path().join("interpolation.png");
    assert_eq!(size(&row), (7 * 228 + 4, 2 * 228 + 4), "enlarged eight times");
    let straight = fs::read(&row).expect("there");
    walk(&["--seeds", "4,5,6", "--frames", "7", "--slerp"]);
    assert_ne!(fs::read(&row).expect("there"), straight);
    walk(&["--seeds", "1,2", "--frames", "5", "--out", "walk.gif"]);
    let gif = fs::File::open(folder.path().join("walk.gif")).expect("there");
    let mut frames = gif::DecodeOptions::new().read_info(std::io::BufReader::new(gif)).expect("a GIF");
    let mut count = 0;
    while frames.read_next_frame().expect("a frame").is_some() {
        count += 1;
    }
    assert_eq!(count, 10, "there and back");
    // Of points, a walk is a line through one plot.
    run(folder.path(), &["train", "ring", "--steps", "3", "--set", "data.count=300", "--name", "points"]);
    let talk = run(folder.path(), &["interpolate", "runs/points", "--out", "line.png"]);
    says(&talk, &["1,000 frames"]);
    assert_eq!(size(&folder.path().join("line.png")), (640, 640));
    let no = |more: &[&str]| refused(folder.path(), &[&["interpolate", "runs/r"], more].concat(), 2);
    says(&no(&["--seeds", "1"]), &["at least two"]);
    let negative =
        gansaku(folder.path(), &["interpolate", "runs/r", "--seeds", "-1,2"]).output().expect("starts");
    says(
        &String::from_utf8_lossy(&negative.stderr),
        &["'-1' for '--seeds <A,B,…>'", "a whole number, 0 or more"],
    );
    says(&no(&["--label", "1"]), &["unconditional model"]);
    says(&no(&["--out", "x.mp4"]), &["FILE.png or FILE.gif"]);
}
