//! Pictures inside a page. Those that show pixels are enlarged by whole factors alone: a factor in between makes some rows
//! wider than others, which looks like a fault of the generator.

use super::{Html, escape};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::{DynamicImage, ImageFormat};
use std::io::Cursor;

/// Pixels that a phone of 360 has beside the page's margins, and those of a page that is wide enough for text.
const PHONE: u32 = 328;
const TEXT: u32 = 624;
/// Enlargements that are looked for in a file.
const MOST: u32 = 16;

/// A PNG inside the page. `alt` is what it shows, in words. `crisp` shows every pixel of the picture as a square of the same
/// size, larger where there is room; where it is larger than the page, it is made smaller smoothly.
pub fn image(png: &[u8], alt: &str, crisp: bool) -> Html {
    match crisp.then(|| image::load_from_memory_with_format(png, ImageFormat::Png)) {
        Some(Ok(whole)) => pixels(&whole, alt),
        _ => {
            // Width and height keep the page from jumping while it is read.
            let size = png_size(png).map_or(String::new(), |[w, h]| format!(" width=\"{w}\" height=\"{h}\""));
            tag(&size, png, alt)
        }
    }
}

fn tag(attributes: &str, png: &[u8], alt: &str) -> Html {
    let (alt, data) = (escape(alt), STANDARD.encode(png));
    Html(format!("<img{attributes} alt=\"{alt}\" src=\"data:image/png;base64,{data}\">\n"))
}

fn pixels(whole: &DynamicImage, alt: &str) -> Html {
    let zoom = zoom(whole);
    let (width, height) = (whole.width() / zoom, whole.height() / zoom);
    let small = whole.resize_exact(width, height, image::imageops::FilterType::Nearest);
    let mut png = Cursor::new(Vec::new());
    small.write_to(&mut png, ImageFormat::Png).expect("memory takes it");
    let times = |room: u32| (room / width).clamp(1, zoom);
    // What does not fit at its own size is made smaller: on a phone, or everywhere.
    let class = match width {
        _ if width <= PHONE => "crisp",
        _ if width <= TEXT => "crisp wide",
        _ => "crisp vast",
    };
    let style = format!("--w:{width};--phone:{};--text:{}", times(PHONE), times(TEXT));
    let attributes = format!(" class=\"{class}\" width=\"{width}\" height=\"{height}\" style=\"{style}\"");
    tag(&attributes, &png.into_inner(), alt)
}

/// The greatest factor by which a picture is enlarged already: every block of so many pixels has one colour.
fn zoom(whole: &DynamicImage) -> u32 {
    let (width, height) = (whole.width(), whole.height());
    let pixels = whole.to_rgba8();
    let is_even = |n: &u32| {
        let block = |x: u32, y: u32| pixels.get_pixel(x / n * n, y / n * n);
        width.is_multiple_of(*n)
            && height.is_multiple_of(*n)
            && pixels.enumerate_pixels().all(|(x, y, pixel)| pixel == block(x, y))
    };
    (2..=MOST.min(width).min(height)).rev().find(is_even).unwrap_or(1)
}

/// Width and height of a PNG, from its header.
fn png_size(png: &[u8]) -> Option<[u32; 2]> {
    let at = |i: usize| Some(u32::from_be_bytes(png.get(i..i + 4)?.try_into().ok()?));
    (png.get(..8)? == b"\x89PNG\r\n\x1a\n").then_some([at(16)?, at(20)?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Shape;
    use crate::pictures::{grid, single};

    #[test]
    fn pictures_bring_their_size() {
        let png = single(&[0.0; 6], Shape { channels: 1, height: 2, width: 3 }).png();
        let html = image(&png, "six pixels", false);
        assert!(html.as_str().contains("width=\"3\" height=\"2\""), "{html:?}");
        assert!(html.as_str().contains("src=\"data:image/png;base64,iVBORw0KGgo"), "{html:?}");
    }

    #[test]
    fn enlarged_pixels_are_stored_once_and_shown_by_whole_factors() {
        let shape = Shape { channels: 1, height: 28, width: 28 };
        let unit: Vec<f32> = (0..20 * 28 * 28).map(|i| (i * 37 % 256) as f32 / 255.0).collect();
        let sheet = grid(&unit, shape, 10);
        assert_eq!((sheet.width, sheet.height), (604, 124));
        let html = image(&sheet.png(), "x", true);
        let parts = ["width=\"302\" height=\"62\"", "class=\"crisp\"", "--w:302;--phone:1;--text:2"];
        parts.iter().for_each(|part| assert!(html.as_str().contains(part), "{part}: {html:?}"));
        // Pictures of 64 pixels lie as they are, ten of them wider than a page.
        let shape = Shape { channels: 3, height: 64, width: 64 };
        let unit: Vec<f32> = (0..10 * 3 * 64 * 64).map(|i| (i * 37 % 256) as f32 / 255.0).collect();
        let html = image(&grid(&unit, shape, 10).png(), "x", true);
        assert!(html.as_str().contains("crisp vast") && html.as_str().contains("--text:1"), "{html:?}");
    }
}
