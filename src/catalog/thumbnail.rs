//! The newest picture of a run, small.

use super::Summary;
use crate::pictures::Points;
use crate::report::html::{Html, density, escape};
use crate::run::Folder;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::ImageFormat;
use std::fmt::Write;
use std::io::Cursor;

/// Pixels a side that are shown of a picture, at half their size: three samples of the usual size and the lines between.
const CORNER: u32 = 184;
/// Points that a small plot shows.
const DOTS: usize = 400;

/// The upper left corner of the newest picture, or all of its points; an empty place where there is none.
pub fn thumbnail(run: &Summary) -> Html {
    let folder = Folder { path: run.path.clone() };
    let newest = folder.pictures().ok().and_then(|all| std::fs::read(&all.last()?.1).ok());
    let drawn = newest.and_then(|png| match Points::from_png(&png) {
        Some(points) => Some(plot(&points, &run.name)),
        None => picture(&png, &run.name),
    });
    drawn.unwrap_or_else(|| Html::vouched("<span class=\"thumbnail\"></span>"))
}

fn picture(png: &[u8], name: &str) -> Option<Html> {
    let whole = image::load_from_memory_with_format(png, ImageFormat::Png).ok()?;
    let mut bytes = Cursor::new(Vec::new());
    whole.crop_imm(0, 0, CORNER, CORNER).write_to(&mut bytes, ImageFormat::Png).ok()?;
    let (name, data) = (escape(name), STANDARD.encode(bytes.into_inner()));
    Some(Html::vouched(format!(
        "<img class=\"thumbnail\" alt=\"samples of {name}\" src=\"data:image/png;base64,{data}\">"
    )))
}

fn plot(points: &Points, name: &str) -> Html {
    let reach = 1.1 * points.numbers.iter().fold(1e-6f32, |m, x| m.max(x.abs()));
    let (class, mut path) =
        if points.axes == 2 { ("dots", String::new()) } else { ("area", "M0 1000".to_string()) };
    if points.axes == 2 {
        let place = |x: f32| ((x / reach * 0.5 + 0.5) * 1000.0).round();
        for p in points.numbers.chunks_exact(2).take(DOTS) {
            let _ = write!(path, "M{} {}h0", place(p[0]), place(-p[1]));
        }
    } else {
        let heights = density(&points.numbers, [-f64::from(reach), reach.into()]);
        let top = heights.iter().copied().fold(1e-9, f64::max);
        let step = 1000.0 / heights.len() as f64;
        for (i, height) in heights.iter().enumerate() {
            let _ = write!(path, "V{:.0}H{:.1}", 1000.0 - 950.0 * height / top, (i + 1) as f64 * step);
        }
        path += "V1000Z";
    }
    Html::vouched(format!(
        "<svg class=\"thumbnail\" viewBox=\"0 0 1000 1000\" role=\"img\" aria-label=\"samples of {}\">\
         <path class=\"{class} few c0\" d=\"{path}\"/></svg>",
        escape(name)
    ))
}
