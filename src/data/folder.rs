//! Any tree of PNG and JPEG files, made one size and one number of channels. The rule: transparent pixels lie on
//! white, 16 bits become 8, colour becomes grey by Rec. 601 luma (or grey becomes colour) where the channels ask
//! for it, the greatest centred square is cut out and resized with an antialiased Lanczos filter.

use super::{Dataset, Examples, Shape, Values};
use crate::config;
use crate::error::{Error, Result};
use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::{DynamicImage, ImageReader, Limits, RgbImage};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Largest side and memory of a picture that is decoded.
const LARGEST_SIDE: u32 = 32_768;
const LARGEST_BYTES: u64 = 1 << 30;
/// Damaged pictures that are named; the others are counted.
const NAMED: usize = 3;

/// PNG and JPEG files below a folder, sorted; hidden ones are left out.
///
/// # Errors
/// When a folder cannot be listed.
pub fn pictures(path: &Path) -> Result<Vec<PathBuf>> {
    let hidden = |e: &walkdir::DirEntry| e.depth() > 0 && e.file_name().to_string_lossy().starts_with('.');
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(path).follow_links(true).into_iter().filter_entry(|e| !hidden(e)) {
        let entry = entry.map_err(|e| Error::Data(format!("cannot list {}: {e}", path.display())))?;
        let ending = entry.path().extension().map(|e| e.to_string_lossy().to_lowercase());
        if entry.file_type().is_file() && ending.is_some_and(|e| ["png", "jpg", "jpeg"].contains(&&e[..])) {
            found.push(entry.into_path());
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// One decoded picture.
struct Decoded {
    /// Square, in three channels.
    pixels: RgbImage,
    /// Before it was cut.
    size: [u32; 2],
    coloured: bool,
}

/// Reads every picture below `path`.
pub fn load(path: &Path, config: &config::Data) -> Result<Dataset> {
    if !path.is_dir() {
        return Err(Error::Data(format!(
            "--data {}: expected a folder of PNG or JPEG files",
            path.display()
        )));
    }
    let files = pictures(path)?;
    if files.is_empty() {
        return Err(Error::Data(format!("--data {}: no PNG or JPEG files there nor below", path.display())));
    }
    let side = config.size as u32;
    let decoded: Vec<std::result::Result<Decoded, String>> =
        files.par_iter().map(|f| decode(f, side)).collect();
    let mut notes = Vec::new();
    let damaged: Vec<String> = files
        .iter()
        .zip(&decoded)
        .filter_map(|(f, d)| d.as_ref().err().map(|e| format!("{}: {e}", f.display())))
        .collect();
    if let Some(first) = damaged.first()
        && (config.strict || damaged.len() == files.len())
    {
        let others = damaged.len() - 1;
        return Err(Error::Data(format!("{first}; {others} other pictures cannot be read either")));
    }
    if !damaged.is_empty() {
        let named = damaged[..damaged.len().min(NAMED)].join("; ");
        let more = if damaged.len() > NAMED { "; …" } else { "" };
        notes.push(format!("skipped {} of {} pictures: {named}{more}", damaged.len(), files.len()));
    }
    let good: Vec<(&PathBuf, &Decoded)> =
        files.iter().zip(&decoded).filter_map(|(f, d)| d.as_ref().ok().map(|d| (f, d))).collect();
    let coloured = good.iter().filter(|(_, d)| d.coloured).count();
    let channels = match config.channels {
        0 => {
            if coloured > 0 {
                3
            } else {
                1
            }
        }
        asked => asked,
    };
    let other_size = good.iter().filter(|(_, d)| d.size != [side, side]).count();
    if other_size > 0 {
        notes.push(format!(
            "{other_size} pictures cut to a centred square and resized to {side}×{side} (data.size)"
        ));
    }
    match (channels, coloured) {
        (1, 1..) => notes.push(format!("{coloured} colour pictures made grey (data.channels)")),
        (3, c) if c < good.len() => {
            notes.push(format!("{} grey pictures made colour (data.channels)", good.len() - c))
        }
        _ => {}
    }
    let bytes = good.par_iter().flat_map_iter(|(_, d)| planes(&d.pixels, channels)).collect();
    let (labels, classes) = classes(path, good.iter().map(|(f, _)| f.as_path()), &mut notes);
    let train = Examples { count: good.len(), values: Values::U8(bytes), labels };
    Ok(Dataset {
        name: "pictures".into(),
        shape: Shape { channels, height: config.size, width: config.size },
        classes,
        factor: 1.0,
        offset: 0.0,
        valid: Examples::none(&train),
        test: Examples::none(&train),
        train,
        notes,
    })
}

/// Where every picture lies in one of 2 to 256 folders below `path`, those are the classes.
fn classes<'a>(
    path: &Path,
    files: impl Iterator<Item = &'a Path> + Clone,
    notes: &mut Vec<String>,
) -> (Option<Vec<u8>>, usize) {
    let class = |f: &Path| -> Option<String> {
        let below = f.strip_prefix(path).ok()?;
        let first = below.components().next()?.as_os_str().to_string_lossy().into_owned();
        (below.components().count() > 1).then_some(first)
    };
    let Some(each) = files.map(class).collect::<Option<Vec<String>>>() else { return (None, 0) };
    let names: Vec<String> = each.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
    if !(2..=256).contains(&names.len()) {
        return (None, 0);
    }
    notes.push(format!(
        "{} classes from the folders' names, {} to {}",
        names.len(),
        names[0],
        names[names.len() - 1]
    ));
    let label = |name: &String| names.binary_search(name).map_or(0, |i| i as u8);
    (Some(each.iter().map(label).collect()), names.len())
}

fn decode(path: &Path, side: u32) -> std::result::Result<Decoded, String> {
    let text = |e: &dyn std::fmt::Display| e.to_string().replace('\n', " ");
    let mut reader =
        ImageReader::open(path).map_err(|e| text(&e))?.with_guessed_format().map_err(|e| text(&e))?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(LARGEST_SIDE);
    limits.max_image_height = Some(LARGEST_SIDE);
    limits.max_alloc = Some(LARGEST_BYTES);
    reader.limits(limits);
    let image = reader.decode().map_err(|e| text(&e))?;
    let size = [image.width(), image.height()];
    if size.contains(&0) {
        return Err("it has no pixels".into());
    }
    let whole = on_white(&image);
    // Files often store grey as colour: what counts is what is seen.
    let coloured = whole.pixels().any(|p| p.0[0] != p.0[1] || p.0[1] != p.0[2]);
    let pixels = square(whole, side).map_err(|e| text(&e))?;
    Ok(Decoded { pixels, size, coloured })
}

fn on_white(image: &DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.to_rgb8();
    }
    let rgba = image.to_rgba8();
    let mut out = RgbImage::new(rgba.width(), rgba.height());
    for (to, from) in out.pixels_mut().zip(rgba.pixels()) {
        let alpha = u32::from(from.0[3]);
        to.0 = [0, 1, 2].map(|k| ((u32::from(from.0[k]) * alpha + 255 * (255 - alpha) + 127) / 255) as u8);
    }
    out
}

fn square(image: RgbImage, side: u32) -> std::result::Result<RgbImage, Box<dyn std::error::Error>> {
    let (width, height) = image.dimensions();
    if (width, height) == (side, side) {
        return Ok(image);
    }
    let edge = width.min(height);
    let source = Image::from_vec_u8(width, height, image.into_raw(), PixelType::U8x3)?;
    let mut target = Image::new(side, side, PixelType::U8x3);
    let (left, top) = (f64::from((width - edge) / 2), f64::from((height - edge) / 2));
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3)).crop(
        left,
        top,
        f64::from(edge),
        f64::from(edge),
    );
    Resizer::new().resize(&source, &mut target, &options)?;
    RgbImage::from_raw(side, side, target.into_vec()).ok_or_else(|| "the resized picture is too small".into())
}

/// Pixels as planes; grey is Rec. 601 luma.
fn planes(image: &RgbImage, channels: usize) -> Vec<u8> {
    if channels == 3 {
        return (0..3).flat_map(|k| image.pixels().map(move |p| p.0[k])).collect();
    }
    let luma = |[r, g, b]: [u8; 3]| {
        ((299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b) + 500) / 1000) as u8
    };
    image.pixels().map(|p| luma(p.0)).collect()
}
