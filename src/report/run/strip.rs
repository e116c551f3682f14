//! Sample pictures through time: a slider over a bounded number of bytes.

use crate::config::Log;
use crate::numbers::grouped;
use crate::pictures::Points;
use crate::report::html::{Html, Plot, density, escape, image};
use std::path::PathBuf;

/// Pictures at most, and their bytes at most: a report stays under a few MB.
const MOST: usize = 24;
const BYTES: usize = 2_000_000;
/// A picture of more bytes than this is cut to its upper left corner.
const LARGE: usize = 600_000;
/// Pixels a side that are left of it.
const CORNER: u32 = 640;

/// A picture of samples at a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shot {
    /// The step.
    pub step: u64,
    /// A PNG.
    pub png: Vec<u8>,
}

/// Shows the picture that the slider says. Without JavaScript the last one stands there, and no slider.
pub const SCRIPT: &str = r#"for (const strip of document.querySelectorAll(".strip")) {
  const [input, output] = [strip.querySelector("input"), strip.querySelector("output")];
  if (!input) continue;
  const pictures = strip.querySelectorAll("[data-step]");
  const show = () => {
    pictures.forEach((picture, i) => { picture.toggleAttribute("hidden", i !== Number(input.value)); });
    output.textContent = pictures[input.value].dataset.step;
  };
  input.addEventListener("input", show);
  strip.querySelector(".slider").hidden = false;
  show();
}
"#;

/// Up to [`MOST`] of a run's pictures, evenly in time, the first and the last among them: those that `log` asks for, up to
/// `last`, and that of `last`. A resumed run thus shows what a whole one shows.
pub fn shots(pictures: Vec<(u64, PathBuf)>, log: Log, last: u64) -> Vec<Shot> {
    let shown = |step: u64| step <= last && (step == last || log.is_drawn(step));
    let all: Vec<_> = pictures.into_iter().filter(|(step, _)| shown(*step)).collect();
    let mut count = all.len().min(MOST);
    loop {
        let chosen = evenly(all.len(), count);
        let read = chosen.iter().filter_map(|&i| Some((all[i].0, std::fs::read(&all[i].1).ok()?)));
        let shots: Vec<Shot> = read.map(|(step, png)| Shot { step, png: bounded(&png) }).collect();
        if count <= 2 || shots.iter().map(|s| s.png.len()).sum::<usize>() <= BYTES {
            return shots;
        }
        // At most a few rounds: each takes a quarter off.
        count = (count * 3 / 4).max(2);
    }
}

/// `count` of `0..of`, both ends included.
fn evenly(of: usize, count: usize) -> Vec<usize> {
    match count {
        0 => vec![],
        1 => vec![of - 1],
        _ => (0..count).map(|i| i * (of - 1) / (count - 1)).collect(),
    }
}

/// A PNG, cut to its upper left corner where it is large.
pub fn bounded(png: &[u8]) -> Vec<u8> {
    if png.len() <= LARGE || Points::from_png(png).is_some() {
        return png.to_vec();
    }
    let Ok(whole) = image::load_from_memory(png) else { return png.to_vec() };
    let corner = whole.crop_imm(0, 0, CORNER, CORNER);
    let mut bytes = std::io::Cursor::new(Vec::new());
    match corner.write_to(&mut bytes, image::ImageFormat::Png) {
        Ok(()) => bytes.into_inner(),
        Err(_) => png.to_vec(),
    }
}

/// The slider and its pictures; all but the last are hidden.
pub fn strip(shots: &[Shot]) -> Html {
    let last = shots.len() - 1;
    let pictures = shots.iter().enumerate().map(|(i, shot)| {
        let hidden = if i == last { "" } else { " hidden" };
        let picture = image(&shot.png, &format!("samples at {}", label(shot)), true);
        let step = escape(&label(shot));
        Html::vouched(format!("<div data-step=\"{step}\"{hidden}>{}</div>\n", picture.as_str()))
    });
    slide(Html::all(pictures), last)
}

/// Points of every picture, over the real ones that lie in `reals`, in the colours of the page; none where the pictures do
/// not bring their points. `reach` is how far the plots go, where that is known.
pub fn plots(shots: &[Shot], reals: Option<&[u8]>, reach: Option<f32>) -> Option<Html> {
    let points: Option<Vec<Points>> = shots.iter().map(|shot| Points::from_png(&shot.png)).collect();
    let (points, reals) = (points?, reals.and_then(Points::from_png));
    let last = points.last()?;
    let reach = f64::from(reach.unwrap_or_else(|| farthest(points.iter().chain(&reals))));
    let title = "samples over real examples";
    let mut plot = match last.axes {
        2 => Plot::plane(title, reach),
        _ => {
            let top = |p: &Points| density(&p.numbers, [-reach, reach]).into_iter().fold(0.0, f64::max);
            Plot::line(title, reach, 1.15 * reals.iter().chain([last]).map(top).fold(1e-9, f64::max))
        }
    };
    if let Some(reals) = reals.filter(|r| r.axes == last.axes) {
        plot = plot.named(REAL, "real").layer(REAL, &reals.numbers, None);
    }
    plot = plot.named(SAMPLE, "generated");
    for (i, (shot, points)) in shots.iter().zip(&points).enumerate() {
        plot = plot.layer(SAMPLE, &points.numbers, Some((&label(shot), i + 1 < shots.len())));
    }
    Some(slide(plot.html(), shots.len() - 1))
}

/// Colours of real and of generated points.
pub const REAL: usize = 1;
pub const SAMPLE: usize = 0;

/// The next of 1.25, 2.5, 5 times a power of ten beyond all of these points.
pub fn farthest<'a>(points: impl Iterator<Item = &'a Points>) -> f32 {
    let greatest = points.flat_map(|p| &p.numbers).fold(1e-6f32, |m, x| m.max(x.abs()));
    let decade = 10f32.powf(greatest.log10().floor());
    [1.25, 2.5, 5.0, 10.0].into_iter().map(|m| m * decade).find(|&r| r >= greatest).unwrap_or(greatest)
}

fn label(shot: &Shot) -> String {
    format!("step {}", grouped(shot.step))
}

/// Pictures or layers, and a slider over them from 0 to `last`.
fn slide(pictures: Html, last: usize) -> Html {
    let slider = format!(
        "<div class=\"slider\" hidden><input type=\"range\" min=\"0\" max=\"{last}\" value=\"{last}\" \
         aria-label=\"step\"><output></output></div>\n"
    );
    let slider = if last > 0 { slider } else { String::new() };
    Html::vouched(format!("<div class=\"strip\">\n{}{slider}</div>\n", pictures.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Folder;

    #[test]
    fn a_long_run_shows_a_few_pictures_with_both_ends() {
        let temporary = tempfile::tempdir().expect("a folder");
        let folder = Folder { path: temporary.path().to_path_buf() }.furnish().expect("furnished");
        let write = |step: u64, bytes: usize| {
            std::fs::write(folder.picture(step), vec![7; bytes]).expect("written");
        };
        let log = Log { samples_every: 10, ..Log::default() };
        let shots = |last| shots(folder.pictures().expect("listed"), log, last);
        (1..=100).for_each(|i| write(i * 10, 1000));
        write(17, 1000);
        std::fs::write(folder.samples().join("reals.png"), b"x").expect("written");
        let steps = |last| shots(last).iter().map(|s| s.step).collect::<Vec<_>>();
        let all = steps(1000);
        assert_eq!((all.len(), all[0], all[MOST - 1]), (MOST, 10, 1000));
        assert_eq!(steps(17), [10, 17], "the last step's, whatever its number");
        assert_eq!(steps(20), [10, 20], "none that a stop on the way left");
        // Large ones are fewer.
        (1..=100).for_each(|i| write(i * 10, 500_000));
        let few = shots(1000);
        assert!(few.iter().map(|s| s.png.len()).sum::<usize>() <= BYTES, "{}", few.len());
        assert_eq!((few[0].step, few[few.len() - 1].step), (10, 1000));
        assert!(few.len() >= 3);
    }
}
