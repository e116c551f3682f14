//! `gansaku eval RUN theory`: a D that faces one G for long becomes p_data / (p_data + p_g), and a G that learns
//! brings V to −log 4 (1406.2661, proposition 1 and theorem 1).

use crate::common::program::{self, refused, run, says};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Trains, measures; the measurement.
fn measured(folder: &Path, name: &str, arguments: &[&str]) -> Value {
    run(folder, &[&["train", "--name", name], arguments].concat());
    let path = format!("runs/{name}");
    run(folder, &["eval", &path, "theory", "-n", "100000"]);
    let json = fs::read(folder.join(&path).join("eval.json")).expect("kept");
    serde_json::from_slice::<Value>(&json).expect("JSON")["measurements"][0].clone()
}

fn number(m: &Value, row: &str, name: &str) -> f64 {
    let row = if row.is_empty() { &m["values"] } else { &m["reference"][row] };
    row[name].as_f64().unwrap_or_else(|| panic!("{name} in {m}"))
}

const BEST: &str = "the best D against this G";

#[test]
fn d_learns_the_best_answer_to_a_g_that_stands_still() {
    let folder = tempfile::tempdir().expect("a folder");
    // A smooth density far from the data, and a G that does not learn.
    let still = [
        "theory-1d",
        "--set",
        "optimizer.generator.lr=1e-30",
        "--set",
        "latent.distribution=normal",
        "--set",
        "generator.layers.2.init.uniform=2.0",
        "--set",
        "optimizer.discriminator.decay_steps=3000",
        "--steps",
    ];
    let m = measured(folder.path(), "still", &[&still[..], &["3000"]].concat());
    let (value, best) = (number(&m, "", "V(D, G)"), number(&m, BEST, "V(D, G)"));
    let (error, divergence) = (number(&m, "", "|D − D*|"), number(&m, "", "JSD"));
    println!("|D − D*| {error:.4} of .025; V {value:.4}, best {best:.4}; JSD {divergence:.4}");
    assert!(divergence > 0.15, "there is something to tell: JSD {divergence}");
    assert!((best - (2.0 * divergence - 4f64.ln())).abs() < 1e-9);
    assert!(error < 0.025, "|D − D*| is {error}");
    assert!((value - best).abs() < 0.02, "V is {value}, the best D's {best}");
    // A D that has learnt nothing is far from it.
    let m = measured(folder.path(), "new", &[&still[..], &["1"]].concat());
    assert!(number(&m, "", "|D − D*|") > 0.2, "{m}");
    assert!(number(&m, "", "V(D, G)") < number(&m, BEST, "V(D, G)") - 0.2, "{m}");
}

#[test]
fn a_g_that_learns_brings_the_value_to_minus_log_4() {
    let folder = tempfile::tempdir().expect("a folder");
    let m = measured(folder.path(), "run", &["theory-1d"]);
    let (error, value, divergence) =
        (number(&m, "", "|D − D*|"), number(&m, "", "V(D, G)"), number(&m, "", "JSD"));
    println!(
        "|D − D*| {error:.4} of .05; V {value:.4} against {:.4}; JSD {divergence:.4} of .02",
        -(4f64.ln())
    );
    assert!(divergence < 0.02, "JSD is {divergence}");
    assert!((value + 4f64.ln()).abs() < 0.05, "V is {value}");
    assert!(error < 0.05, "|D − D*| is {error}");
    // What the estimate of p_g adds by itself: nearly nothing of many samples, much of few.
    let floor = |m: &Value, count: &str| {
        let row = format!("{count} draws of the data, D = ½");
        ["|D − D*|", "JSD"].map(|name| number(m, &row, name))
    };
    let [many, few] = ["100000", "500"].map(|count| {
        run(folder.path(), &["eval", "runs/run", "theory", "-n", count, "--json", "floor.json"]);
        let json = fs::read(folder.path().join("floor.json")).expect("kept");
        let json: Value = serde_json::from_slice(&json).expect("JSON");
        floor(&json["measurements"][0], count)
    });
    println!("floors: {many:?} of 100,000 samples, {few:?} of 500");
    assert!(many[0] < 0.02 && many[1] < 0.002, "{many:?}");
    assert!(few[0] > 5.0 * many[0] && few[1] > 20.0 * many[1], "{few:?}, {many:?}");
    // Figure 1 stands in the report.
    run(folder.path(), &["report", "runs/run"]);
    let page = fs::read_to_string(folder.path().join("runs/run/report.html")).expect("a report");
    says(&page, &["D and the best D", "Densities", "p_data / (p_data + p_g)", "½: D cannot tell"]);
}

#[test]
fn in_the_plane_it_is_a_picture() {
    let folder = tempfile::tempdir().expect("a folder");
    let grid = [
        "grid",
        "--steps",
        "30",
        "--set",
        "data.count=2000",
        "--set",
        "log.samples=100",
        "--set",
        "generator.layers.0.units=20",
        "--set",
        "generator.layers.1.units=20",
    ];
    let m = measured(folder.path(), "grid", &grid);
    assert!((0.0..=2f64.ln() + 1e-3).contains(&number(&m, "", "JSD")), "{m}");
    assert!((0.0..=1.0).contains(&number(&m, "", "|D − D*|")), "{m}");
    let picture = image::open(folder.path().join("runs/grid/theory.png")).expect("a picture").to_rgb8();
    assert_eq!((picture.width(), picture.height()), (816, 400));
    // The best D knows the 25 modes, which G has not found: blue in the right panel.
    let blue = picture.enumerate_pixels().filter(|(x, _, p)| *x >= 416 && p[2] > 150 && p[0] < 80).count();
    assert!(blue > 500, "{blue} blue pixels");
    run(folder.path(), &["report", "runs/grid"]);
    let page = fs::read_to_string(folder.path().join("runs/grid/report.html")).expect("a report");
    says(&page, &["D over the plane beside the best D"]);
}

#[test]
fn where_theory_says_nothing_it_is_refused() {
    let folder = program::workplace();
    run(folder.path(), &["train", "digits", "--config", "small.toml", "--name", "digits"]);
    says(&refused(folder.path(), &["eval", "runs/digits", "theory"], 2), &["whose density is known"]);
    let short = ["--steps", "2", "--set", "log.samples=10", "--set", "data.count=300"];
    for (name, set, words) in [
        ("pairs", "loss.relativistic=true", "without relativistic pairing"),
        ("hinge", "loss.objective=hinge", "minimax and non-saturating"),
        ("packs", "discriminator.pack=2", "sees one example"),
    ] {
        run(folder.path(), &[&["train", "theory-1d", "--name", name, "--set", set], &short[..]].concat());
        let path = format!("runs/{name}");
        says(&refused(folder.path(), &["eval", &path, "theory"], 2), &[words]);
        assert!(!folder.path().join(path).join("eval.json").exists(), "nothing is written");
    }
}
