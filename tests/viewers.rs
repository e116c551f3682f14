//! The run's report in a headless Chromium, its events in TensorBoard, exported generators in onnxruntime and PyTorch:
//! programs that nobody here wrote.
//!
//! Where one is absent its cases are ignored and counted, with the reason; GANSAKU_REQUIRE_CHROMIUM=1,
//! GANSAKU_REQUIRE_TENSORBOARD=1, GANSAKU_REQUIRE_ONNX=1 and GANSAKU_REQUIRE_TORCH=1 make absence a failure. CHROMIUM names a
//! browser, PYTHON a Python.

mod common;
#[path = "viewers/exports.rs"]
mod exports;
#[path = "viewers/generators.rs"]
mod generators;
#[path = "viewers/styles.rs"]
mod styles;
#[path = "viewers/translations.rs"]
mod translations;

use common::program;
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

fn main() {
    let browser = browser();
    let python = python(TENSORBOARD);
    let (onnx, torch) = (self::python(ONNX), self::python(TORCH));
    let mut trials = vec![];
    type Case = fn(&str) -> Result<(), Failed>;
    let with_browser: [(&str, Case); 5] = [
        ("pages_open_without_a_word_on_the_console", pages_open_without_a_word_on_the_console),
        ("light_and_dark_are_two_pictures_of_a_page", light_and_dark_are_two_pictures_of_a_page),
        ("a_phone_shows_all_of_it_and_the_slider_slides", a_phone_shows_all_of_it_and_the_slider_slides),
        ("pixels_are_enlarged_by_whole_factors", pixels_are_enlarged_by_whole_factors),
        ("the_page_of_runs_sorts_and_draws_what_is_chosen", the_page_of_runs_sorts_and_draws_what_is_chosen),
    ];
    let with_python: [(&str, Case); 1] =
        [("tensorboard_reads_what_was_logged", tensorboard_reads_what_was_logged)];
    let with_onnx: [(&str, Case); 4] = [
        ("onnxruntime_makes_the_same_samples", |python| {
            exports::onnxruntime_makes_the_same_samples(&mut with_packages(python, ONNX))
        }),
        ("onnxruntime_makes_the_same_pictures_of_styles", |python| {
            styles::onnxruntime_makes_the_same_pictures_of_styles(&mut with_packages(python, ONNX))
        }),
        ("onnxruntime_translates_alike", |python| {
            translations::onnxruntime_translates_alike(&mut with_packages(python, ONNX))
        }),
        ("every_operation_of_the_graph_has_its_operators", |python| {
            exports::every_operation_of_the_graph_has_its_operators(&mut with_packages(python, ONNX))
        }),
    ];
    let with_torch: [(&str, Case); 8] = [
        ("pytorch_makes_the_same_samples", |python| {
            exports::pytorch_makes_the_same_samples(&mut with_packages(python, TORCH))
        }),
        ("pytorch_makes_the_same_pictures_of_styles", |python| {
            styles::pytorch_makes_the_same_pictures_of_styles(&mut with_packages(python, TORCH))
        }),
        ("a_plain_stylegan2_takes_the_weights", |python| {
            styles::a_plain_stylegan2_takes_the_weights(&mut with_packages(python, TORCH))
        }),
        ("pytorch_translates_alike", |python| {
            translations::pytorch_translates_alike(&mut with_packages(python, TORCH))
        }),
        ("networks_of_the_papers_take_the_weights", |python| {
            translations::networks_of_the_papers_take_the_weights(&mut with_packages(python, TORCH))
        }),
        ("model_py_translates_a_file", |python| {
            translations::model_py_translates_a_file(&mut with_packages(python, TORCH))
        }),
        ("a_plain_dcgan_takes_the_weights", |python| {
            exports::a_plain_dcgan_takes_the_weights(&mut with_packages(python, TORCH))
        }),
        ("model_py_stands_in_the_run_and_draws", |python| {
            exports::model_py_stands_in_the_run_and_draws(&mut with_packages(python, TORCH))
        }),
    ];
    let mut add = |cases: &[(&'static str, Case)], found: &Option<String>, what: &str, variable: &str| {
        let required = std::env::var_os(variable).is_some();
        for &(name, case) in cases {
            let found = found.clone();
            let what = what.to_string();
            let reason = if found.is_none() { format!("no {what}") } else { String::new() };
            let ignored = found.is_none() && !required;
            let run = move || case(&found.ok_or_else(|| format!("{what} is required and absent"))?);
            trials.push(Trial::test(name, run).with_kind(reason).with_ignored_flag(ignored));
        }
    };
    add(&with_browser, &browser, "Chromium", "GANSAKU_REQUIRE_CHROMIUM");
    add(&with_python, &python, "TensorBoard", "GANSAKU_REQUIRE_TENSORBOARD");
    add(&with_onnx, &onnx, "onnxruntime", "GANSAKU_REQUIRE_ONNX");
    add(&with_torch, &torch, "PyTorch with safetensors and Pillow", "GANSAKU_REQUIRE_TORCH");
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// A browser that starts.
fn browser() -> Option<String> {
    let given = std::env::var("CHROMIUM").ok();
    let usual = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"].map(String::from);
    let starts =
        |name: &String| Command::new(name).arg("--version").output().is_ok_and(|o| o.status.success());
    given.into_iter().chain(usual).find(starts)
}

/// Packages of Python: their folder below `target/`, and what imports them.
type Packages = (&'static str, &'static str);

const TENSORBOARD: Packages =
    ("tensorboard", "import tensorboard.backend.event_processing.event_accumulator");
const ONNX: Packages = ("onnxruntime", "import numpy, onnxruntime");
const TORCH: Packages = ("torch", "import numpy, torch, safetensors.torch, PIL");

/// A Python with these packages, its own or those below `target/`.
fn python(packages: Packages) -> Option<String> {
    let given = std::env::var("PYTHON").ok();
    let imports = |name: &String| {
        with_packages(name, packages).args(["-c", packages.1]).output().is_ok_and(|o| o.status.success())
    };
    given.into_iter().chain(["python3".to_string()]).find(imports)
}

fn with_packages(python: &str, (folder, _): Packages) -> Command {
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("target").join(folder);
    let mut command = Command::new(python);
    if packages.is_dir() {
        command.env("PYTHONPATH", packages);
    }
    command
}

/// Two small runs: pictures and points.
fn runs() -> (tempfile::TempDir, [PathBuf; 2]) {
    let folder = program::workplace();
    program::run(folder.path(), &["train", "digits", "--config", "small.toml", "--name", "digits"]);
    let sets = ["data.count=300", "log.every=5", "log.samples_every=10", "log.samples=200"];
    let mut ring = vec!["train", "ring", "--steps", "20", "--name", "ring"];
    sets.iter().for_each(|set| ring.extend(["--set", set]));
    program::run(folder.path(), &ring);
    let runs = ["digits", "ring"].map(|name| folder.path().join("runs").join(name));
    (folder, runs)
}

/// A headless browser on a page, with a profile of its own.
fn browse(browser: &str, page: &Path, more: &[&str]) -> Output {
    let profile = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(browser);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
    command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    command.args(["--hide-scrollbars", "--virtual-time-budget=2000"]);
    command.arg(format!("--user-data-dir={}", profile.path().display()));
    command.args(more).arg(format!("file://{}", page.display()));
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Lines that a page leaves on the console.
fn console(browser: &str, page: &Path) -> Vec<String> {
    let output = browse(browser, page, &["--enable-logging=stderr", "--v=0", "--dump-dom"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    told.lines().filter(|l| l.contains("CONSOLE")).map(String::from).collect()
}

fn pages_open_without_a_word_on_the_console(browser: &str) -> Result<(), Failed> {
    let (folder, runs) = runs();
    for run in runs {
        assert_eq!(console(browser, &run.join("report.html")), Vec::<String>::new(), "{}", run.display());
    }
    // That would be heard: of a broken script, and of whatever a page might load.
    let mut page = gansaku::report::html::Page::new("bad", "test");
    page.script("nothing.at.all();\n");
    let bad = folder.path().join("bad.html");
    fs::write(&bad, page.finish())?;
    assert!(console(browser, &bad).iter().any(|l| l.contains("nothing is not defined")));
    let loads = page.finish().replace("<main>", "<main><img src=\"file:///x.png\">");
    fs::write(&bad, loads)?;
    assert!(console(browser, &bad).iter().any(|l| l.contains("Content Security Policy")));
    Ok(())
}

fn light_and_dark_are_two_pictures_of_a_page(browser: &str) -> Result<(), Failed> {
    let (folder, runs) = runs();
    for run in runs {
        let shot = |name: &str, scheme: &str| -> Result<image::RgbImage, Failed> {
            let to = folder.path().join(name);
            let more = [
                "--window-size=900,1400",
                &format!("--screenshot={}", to.display()),
                &format!("--blink-settings=preferredColorScheme={scheme}"),
            ];
            browse(browser, &run.join("report.html"), &more);
            Ok(image::open(&to)?.to_rgb8())
        };
        let (dark, light) = (shot("dark.png", "0")?, shot("light.png", "1")?);
        let corner = |image: &image::RgbImage| image.get_pixel(3, 3).0.map(u32::from).iter().sum::<u32>() / 3;
        assert!(corner(&light) > 230 && corner(&dark) < 50, "{} {}", corner(&light), corner(&dark));
        for image in [&dark, &light] {
            let colours: std::collections::HashSet<[u8; 3]> = image.pixels().map(|p| p.0).collect();
            assert!(colours.len() > 100, "text, curves and pictures: {} colours", colours.len());
        }
    }
    Ok(())
}

/// In a frame of 390 pixels, measured from inside: how wide it gets, and what the slider shows.
const MEASURE: &str = r#"<script>
addEventListener("load", () => {
  const shown = () => [...document.querySelectorAll("[data-step]")].map((e) => !e.hasAttribute("hidden"));
  const found = { width: document.documentElement.scrollWidth, client: document.documentElement.clientWidth };
  found.last = shown();
  const input = document.querySelector(".slider input");
  found.visible = input.offsetWidth > 0;
  input.value = 0;
  input.dispatchEvent(new Event("input"));
  found.first = shown();
  found.label = document.querySelector(".slider output").textContent;
  found.text = Number.parseFloat(getComputedStyle(document.querySelector("section p")).fontSize);
  const svg = document.querySelector("svg");
  found.chart = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width * 12;
  parent.postMessage(found, "*");
});
</script>"#;

/// What a page posts to the frame around it, of so many pixels; `script` runs in the page.
fn measured(browser: &str, folder: &Path, page: &Path, script: &str, width: u32) -> Result<Value, Failed> {
    let html = fs::read_to_string(page)?.replace("</body>", &format!("{script}</body>"));
    fs::write(folder.join("measured.html"), html)?;
    let frame = folder.join("frame.html");
    let script =
        "addEventListener(\"message\", (e) => { document.body.dataset.found = JSON.stringify(e.data); });";
    let around = format!(
        "<!doctype html><body><script>{script}</script>\
         <iframe src=\"measured.html\" style=\"width:{width}px;height:800px;border:0\"></iframe></body>"
    );
    fs::write(&frame, around)?;
    let window = format!("--window-size={},900", width + 100);
    let output = browse(browser, &frame, &[&window, "--dump-dom"]);
    let dom = String::from_utf8_lossy(&output.stdout).replace("&quot;", "\"");
    let (_, found) = dom.split_once("data-found=\"").ok_or("the page has not answered")?;
    Ok(serde_json::Deserializer::from_str(found).into_iter().next().ok_or("JSON")??)
}

fn a_phone_shows_all_of_it_and_the_slider_slides(browser: &str) -> Result<(), Failed> {
    let (folder, runs) = runs();
    for run in runs {
        let found = measured(browser, folder.path(), &run.join("report.html"), MEASURE, 390)?;
        assert_eq!((&found["client"], &found["width"]), (&390.into(), &390.into()), "{found}");
        let shown = |key: &str| -> Vec<bool> {
            found[key].as_array().into_iter().flatten().filter_map(Value::as_bool).collect()
        };
        let (last, first) = (shown("last"), shown("first"));
        assert!(last.len() > 2 && found["visible"] == true, "{found}");
        assert!(last.iter().rev().skip(1).all(|s| !s) && last.ends_with(&[true]), "{found}");
        assert!(first.iter().skip(1).all(|s| !s) && first[0], "{found}");
        assert!(found["label"].as_str().is_some_and(|l| l.starts_with("step ")), "{found}");
        let readable = |key: &str, least: f64| found[key].as_f64().is_some_and(|x| x >= least);
        assert!(readable("text", 15.0) && readable("chart", 9.0), "{found}");
    }
    Ok(())
}

/// Widths at which pictures of pixels are shown, and their own; how each is scaled.
const PIXELS: &str = r#"<script>
addEventListener("load", () => {
  const one = (e) => [e.getBoundingClientRect().width, e.naturalWidth, getComputedStyle(e).imageRendering];
  const shown = [...document.querySelectorAll("img.crisp")].filter((e) => e.offsetWidth > 0).map(one);
  const client = document.documentElement.clientWidth;
  parent.postMessage({ shown, width: document.documentElement.scrollWidth, client }, "*");
});
</script>"#;

fn pixels_are_enlarged_by_whole_factors(browser: &str) -> Result<(), Failed> {
    let (folder, [digits, _]) = runs();
    for width in [390, 700, 1200] {
        let found = measured(browser, folder.path(), &digits.join("report.html"), PIXELS, width)?;
        assert_eq!(found["width"], found["client"], "at {width}: {found}");
        let shown = found["shown"].as_array().ok_or("pictures")?;
        assert_eq!(shown.len(), 4, "samples, examples, walks, neighbours: {found}");
        for picture in shown {
            let [shown, own] = [0, 1].map(|i| picture[i].as_f64().unwrap_or(f64::NAN));
            let factor = if width == 390 { 1.0 } else { 2.0 };
            assert_eq!((shown / own, &picture[2]), (factor, &"pixelated".into()), "at {width}");
        }
    }
    Ok(())
}

/// Sorts the table by its second column twice, and takes the second run's tick away.
const CHOOSE: &str = r#"<script>
addEventListener("load", () => {
  const names = () => [...document.querySelectorAll("table.runs tbody th")].map((e) => e.textContent);
  const lines = () => document.querySelectorAll(".chosen path.line").length;
  const client = document.documentElement.clientWidth;
  const found = { width: document.documentElement.scrollWidth, client, lines: [lines()], names: [names()] };
  const button = document.querySelectorAll("table.runs thead button")[0];
  for (const _ of [0, 1]) { button.click(); found.names.push(names()); }
  const tick = document.querySelector("[data-run='1']");
  tick.checked = false;
  tick.dispatchEvent(new Event("input", { bubbles: true }));
  found.lines.push(lines());
  const select = document.querySelector("select");
  select.value = [...select.options].find((o) => o.textContent === "Loss of G").value;
  select.dispatchEvent(new Event("input", { bubbles: true }));
  found.label = document.querySelector(".chosen svg").getAttribute("aria-label");
  found.hidden = document.querySelector(".every").offsetWidth === 0;
  parent.postMessage(found, "*");
});
</script>"#;

fn the_page_of_runs_sorts_and_draws_what_is_chosen(browser: &str) -> Result<(), Failed> {
    let (folder, _) = runs();
    program::run(folder.path(), &["runs"]);
    let page = folder.path().join("runs/index.html");
    assert_eq!(console(browser, &page), Vec::<String>::new());
    for width in [390, 1200] {
        let found = measured(browser, folder.path(), &page, CHOOSE, width)?;
        assert_eq!(found["width"], found["client"], "at {width}: {found}");
        assert_eq!(
            found["names"],
            serde_json::json!([["digits", "ring"], ["digits", "ring"], ["ring", "digits"]])
        );
        assert_eq!(found["lines"], serde_json::json!([2, 1]), "{found}");
        assert_eq!((&found["label"], &found["hidden"]), (&"Loss of G by step".into(), &true.into()));
    }
    Ok(())
}

/// Prints all that TensorBoard finds in a run, as JSON.
const READ: &str = r#"
import hashlib, json, sys
from tensorboard.backend.event_processing import event_accumulator as ea
acc = ea.EventAccumulator(sys.argv[1], size_guidance={ea.SCALARS: 0, ea.IMAGES: 0})
acc.Reload()
sha = lambda b: hashlib.sha256(b).hexdigest()
print(json.dumps({
    "version": acc.file_version,
    "scalars": {t: [[e.step, e.wall_time, e.value] for e in acc.Scalars(t)] for t in acc.Tags()["scalars"]},
    "texts": [e.tensor_proto.string_val[0].decode() for e in acc.Tensors("config/text_summary")],
    "images": [[e.step, e.width, e.height, sha(e.encoded_image_string)] for e in acc.Images("samples")],
}))
"#;

fn tensorboard_reads_what_was_logged(python: &str) -> Result<(), Failed> {
    let (folder, [digits, ring]) = runs();
    // A resumed run, too: cut back and gone on.
    let base = ["train", "digits", "--config", "small.toml", "--precision", "fp16", "--name", "half"];
    program::run(folder.path(), &[&base[..], &["--steps", "25"]].concat());
    program::run(folder.path(), &["train", "--resume", "runs/half", "--steps", "40"]);
    program::run(folder.path(), &["eval", "runs/ring", "swd", "-n", "100"]);
    program::run(folder.path(), &["report", "runs/ring"]);
    let measured = ring.clone();
    for run in [digits, ring, folder.path().join("runs/half")] {
        let output = with_packages(python, TENSORBOARD).args(["-c", READ]).arg(&run).output()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let found: Value = serde_json::from_slice(&output.stdout)?;
        assert_eq!(found["version"], 2.0);
        let metrics = fs::read_to_string(run.join("metrics.jsonl"))?;
        let lines = metrics.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
        let names = [
            ("loss/D", "d_loss"),
            ("loss/G", "g_loss"),
            ("output/real", "d_real"),
            ("output/generated", "d_fake"),
            ("accuracy/real", "accuracy_real"),
            ("accuracy/generated", "accuracy_fake"),
            ("penalty", "penalty"),
            ("gradient_norm/D", "d_gradient_norm"),
            ("gradient_norm/G", "g_gradient_norm"),
            ("loss_scale/D", "d_loss_scale"),
            ("loss_scale/G", "g_loss_scale"),
            ("skipped_updates", "skipped_updates"),
        ];
        let there = names.iter().filter(|(_, key)| lines[0].get(key).is_some());
        let scalars = found["scalars"].as_object().ok_or("scalars")?;
        let own = scalars.keys().filter(|tag| !tag.starts_with("doctor/") && !tag.starts_with("eval/"));
        assert_eq!(own.count(), there.clone().count(), "{:?}", scalars.keys());
        let text = found["texts"][0].as_str().ok_or("a text")?;
        assert!(text.contains("    recipe = \"") && text.contains("[generator]"), "{text}");
        // What the doctor measured, and what was measured afterwards.
        let probes = fs::read_to_string(run.join("doctor.jsonl"))?;
        let probes = probes.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
        let probes: Vec<&Value> = probes.iter().filter(|p| p["kind"] == "probe").collect();
        let spread = scalars["doctor/spread"].as_array().ok_or("events")?;
        assert!(!probes.is_empty() && spread.len() == probes.len());
        for (event, probe) in spread.iter().zip(&probes) {
            let value = [&event[2], &probe["spread"]].map(|x| x.as_f64().map(|x| x as f32));
            assert_eq!((&event[0], value[0]), (&probe["step"], value[1]));
        }
        assert_eq!(scalars.contains_key("eval/swd/distance"), run == measured, "{:?}", scalars.keys());
        let machine: Value = serde_json::from_slice(&fs::read(run.join("machine.json"))?)?;
        let trainings = machine["trainings"].as_array().ok_or("when it began")?;
        let clock = |step: &Value, seconds: &Value| -> Option<f64> {
            let began = trainings.iter().rev().find(|t| t["step"].as_u64() < step.as_u64())?;
            Some(began["unix"].as_f64()? + (seconds.as_f64()? - began["seconds"].as_f64()?))
        };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs_f64();
        for (tag, key) in there {
            let events = scalars[*tag].as_array().ok_or("events")?;
            assert_eq!(events.len(), lines.len(), "{tag}");
            for (event, line) in events.iter().zip(&lines) {
                assert_eq!(
                    (&event[0], event[1].as_f64()),
                    (&line["step"], clock(&line["step"], &line["seconds"])),
                    "{tag}"
                );
                assert!(
                    event[1].as_f64().is_some_and(|t| (now - 600.0..=now).contains(&t)),
                    "{tag}: {event}"
                );
                assert_eq!(
                    event[2].as_f64().map(|x| x as f32),
                    line[key].as_f64().map(|x| x as f32),
                    "{tag}"
                );
            }
        }
        let steps: Vec<u64> =
            found["images"].as_array().ok_or("images")?.iter().filter_map(|i| i[0].as_u64()).collect();
        let last = lines[lines.len() - 1]["step"].as_u64().ok_or("a step")?;
        assert!(steps.is_sorted() && steps[0] == 0 && steps.ends_with(&[last / 2, last]), "{steps:?}");
        for image in found["images"].as_array().ok_or("images")? {
            let path = run.join(format!("samples/step-{:09}.png", image[0].as_u64().ok_or("a step")?));
            let png = fs::read(&path)?;
            let size = image::load_from_memory(&png)?;
            assert_eq!((&image[1], &image[2]), (&size.width().into(), &size.height().into()));
            use sha2::Digest;
            let sum: String = sha2::Sha256::digest(&png).iter().map(|b| format!("{b:02x}")).collect();
            assert_eq!(image[3], sum.as_str());
        }
    }
    Ok(())
}
