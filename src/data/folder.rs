//! Any tree of PNG and JPEG files, made one size and one number of channels. Pictures are turned upright by their EXIF
//! orientation, transparent pixels lie on white, 16 bits become 8; the greatest centred square is cut out and resized
//! with an antialiased Lanczos filter. Asked for one channel, colour becomes grey by Rec. 601 luma; asked for three, grey
//! is repeated.
//!
//! A picture has colour when some pixel of it has unequal red, green and blue, whatever the file's colour type:
//! files often store grey as RGB.

use super::{Dataset, Examples, Shape, Values};
use crate::config;
use crate::error::{Error, Result};
use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::imageops::crop_imm;
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// Largest side of a picture that is decoded.
const LARGEST_SIDE: u32 = 32_768;
/// Largest file and, separately, most memory that decoding it may take.
const LARGEST_BYTES: u64 = 1 << 30;
/// Damaged pictures that are named; the others are counted.
const NAMED: usize = 20;

/// PNG and JPEG files below a folder, sorted; hidden ones are left out.
///
/// # Errors
/// When a folder cannot be listed.
pub fn pictures(path: &Path) -> Result<Vec<PathBuf>> {
    let hidden = |e: &walkdir::DirEntry| e.depth() > 0 && e.file_name().as_encoded_bytes().starts_with(b".");
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(path).follow_links(true).into_iter().filter_entry(|e| !hidden(e)) {
        let entry = match entry {
            Ok(entry) => entry,
            // A link that leads nowhere, or in a circle, is no picture.
            Err(e) if e.depth() > 0 && e.path().is_some_and(Path::is_symlink) => continue,
            Err(e) => return Err(Error::Data(format!("{}: cannot list it: {e}", path.display()))),
        };
        let ending = entry.path().extension().map(OsStr::to_ascii_lowercase);
        if entry.file_type().is_file() && ending.is_some_and(|e| e == "png" || e == "jpg" || e == "jpeg") {
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
    turned: bool,
    coloured: bool,
    transparent: bool,
    deep: bool,
}

/// Reads every picture below `path`. A damaged one is skipped and noted, or an error where `config.strict`.
///
/// # Errors
/// When there is no picture, none is whole, or a folder cannot be listed.
pub fn load(path: &Path, config: &config::Data) -> Result<Dataset> {
    if !path.is_dir() {
        return Err(Error::Data(format!("{}: expected a folder of PNG or JPEG files", path.display())));
    }
    let files = pictures(path)?;
    if files.is_empty() {
        return Err(Error::Data(format!("{}: no PNG or JPEG files there nor below", path.display())));
    }
    let side = config.size as u32;
    let decoded: Vec<std::result::Result<Decoded, String>> =
        files.par_iter().map(|f| decode(f, side)).collect();
    let mut notes = Vec::new();
    let damaged: Vec<&String> = decoded.iter().filter_map(|d| d.as_ref().err()).collect();
    if let Some(first) = damaged.first()
        && (config.strict || damaged.len() == files.len())
    {
        let all = format!("{} of {} pictures cannot be read", damaged.len(), files.len());
        return Err(Error::Data(format!("{first}; {all}")));
    }
    if !damaged.is_empty() {
        let named: Vec<&str> = damaged.iter().take(NAMED).map(|d| &d[..]).collect();
        let more = if damaged.len() > NAMED { "; …" } else { "" };
        notes.push(format!(
            "skipped {} of {} pictures: {}{more}",
            damaged.len(),
            files.len(),
            named.join("; ")
        ));
    }
    let good: Vec<(&Path, &Decoded)> =
        files.iter().zip(&decoded).filter_map(|(f, d)| Some((f.as_path(), d.as_ref().ok()?))).collect();
    let count = |has: fn(&Decoded) -> bool| good.iter().filter(|(_, d)| has(d)).count();
    let coloured = count(|d| d.coloured);
    let channels = match config.channels {
        0 if coloured > 0 => 3,
        0 => 1,
        asked => asked,
    };
    let mut note = |count: usize, what: &str| {
        if count > 0 {
            notes.push(format!("{count} of {} pictures {what}", good.len()));
        }
    };
    note(count(|d| d.turned), "turned upright, as their EXIF data say");
    note(count(|d| d.size[0] != d.size[1]), "cut to their centred square");
    let resized = good.iter().filter(|(_, d)| d.size[0].min(d.size[1]) != side).count();
    note(resized, &format!("resized to {side}×{side} (data.size)"));
    note(count(|d| d.transparent), "laid on white where they are transparent");
    note(count(|d| d.deep), "converted from 16 bits to 8");
    match channels {
        1 => note(coloured, "converted from colour to grey (data.channels)"),
        _ => note(good.len() - coloured, "grey, repeated in three channels (data.channels)"),
    }
    let bytes = good.par_iter().flat_map_iter(|(_, d)| interleaved(&d.pixels, channels)).collect();
    let (labels, classes) = classes(path, good.iter().map(|(f, _)| *f), &mut notes);
    let train = Examples { count: good.len(), values: Values::U8(bytes), labels };
    let shape = Shape { channels, height: config.size, width: config.size };
    Ok(Dataset { notes, ..Dataset::of("pictures", shape, classes, train) })
}

/// Where every picture lies in one of 2 to 256 folders directly below `path`, or deeper in one, those folders
/// are the classes.
fn classes<'a>(
    path: &Path,
    files: impl Iterator<Item = &'a Path>,
    notes: &mut Vec<String>,
) -> (Option<Vec<u8>>, usize) {
    let class = |f: &'a Path| {
        let mut below = f.strip_prefix(path).ok()?.components();
        let first = below.next()?.as_os_str();
        below.next().map(|_| first)
    };
    let files: Vec<&Path> = files.collect();
    let each: Vec<&OsStr> = files.iter().filter_map(|&f| class(f)).collect();
    if let Some(loose) = files.iter().find(|&&f| class(f).is_none()) {
        if !each.is_empty() {
            let name = loose.strip_prefix(path).unwrap_or(loose).display();
            notes.push(format!("no classes: {name} lies outside of any subfolder"));
        }
        return (None, 0);
    }
    let names: Vec<&OsStr> = each.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    if !(2..=256).contains(&names.len()) {
        return (None, 0);
    }
    let [first, last] = [names[0], names[names.len() - 1]].map(|n| n.to_string_lossy());
    notes.push(format!("{} classes from the names of folders, {first} to {last}", names.len()));
    let label = |name: &&OsStr| names.binary_search(name).map_or(0, |i| i as u8);
    (Some(each.iter().map(label).collect()), names.len())
}

/// The picture, or a message that names the file.
fn decode(path: &Path, side: u32) -> std::result::Result<Decoded, String> {
    let wrong =
        |what: &dyn std::fmt::Display| format!("{}: {}", path.display(), what.to_string().replace('\n', " "));
    let size = std::fs::metadata(path).map_err(|e| wrong(&e))?.len();
    if size > LARGEST_BYTES {
        return Err(wrong(&format!("expected at most {LARGEST_BYTES} bytes, found {size}")));
    }
    let bytes = std::fs::read(path).map_err(|e| wrong(&e))?;
    let mut reader = ImageReader::new(Cursor::new(&bytes)).with_guessed_format().map_err(|e| wrong(&e))?;
    if reader.format() == Some(ImageFormat::Jpeg) && !has_end(&bytes) {
        let end = bytes.len();
        return Err(wrong(&format!(
            "at byte {end}: expected JPEG's end mark ff d9, found the end of the file"
        )));
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(LARGEST_SIDE);
    limits.max_image_height = Some(LARGEST_SIDE);
    limits.max_alloc = Some(LARGEST_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|e| wrong(&e))?;
    if decoder.total_bytes() > LARGEST_BYTES {
        return Err(wrong(&format!(
            "decoded it has {} bytes, more than {LARGEST_BYTES}",
            decoder.total_bytes()
        )));
    }
    // What cannot be read of it turns nothing.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(|e| wrong(&e))?;
    image.apply_orientation(orientation);
    let turned = orientation != Orientation::NoTransforms;
    let size = [image.width(), image.height()];
    if size.contains(&0) {
        return Err(wrong(&"it has no pixels"));
    }
    let deep =
        matches!(image.color(), ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16);
    let (whole, transparent) = on_white(image);
    let coloured = whole.pixels().any(|p| p.0[0] != p.0[1] || p.0[1] != p.0[2]);
    let pixels = square(whole, side).map_err(|e| wrong(&e))?;
    Ok(Decoded { pixels, size, turned, coloured, transparent, deep })
}

/// Whether an end mark follows the JPEG's first scan; where it does not, the decoder would fill the rest with
/// grey. Segments before the scan carry their lengths: previews in them have end marks of their own.
fn has_end(jpeg: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&[0xff, mark, high, low]) = jpeg.get(at..).and_then(|rest| rest.first_chunk()) {
        match mark {
            0xda => return jpeg[at..].windows(2).any(|w| w == [0xff, 0xd9]),
            0xff => at += 1,
            _ => at += 2 + usize::from(u16::from_be_bytes([high, low])),
        }
    }
    // Not laid out as segments: the decoder says why.
    true
}

/// The picture in 8-bit RGB, and whether any of it was transparent.
fn on_white(image: DynamicImage) -> (RgbImage, bool) {
    if !image.color().has_alpha() {
        return (image.into_rgb8(), false);
    }
    let rgba = image.into_rgba8();
    let mut out = RgbImage::new(rgba.width(), rgba.height());
    let mut transparent = false;
    for (to, from) in out.pixels_mut().zip(rgba.pixels()) {
        let alpha = u32::from(from.0[3]);
        transparent |= alpha < 255;
        to.0 = [0, 1, 2].map(|k| ((u32::from(from.0[k]) * alpha + 255 * (255 - alpha) + 127) / 255) as u8);
    }
    (out, transparent)
}

/// Cut first, then resized: the filter sees nothing outside the square.
fn square(image: RgbImage, side: u32) -> std::result::Result<RgbImage, Box<dyn std::error::Error>> {
    let (width, height) = image.dimensions();
    let edge = width.min(height);
    let cut = if width == height {
        image
    } else {
        crop_imm(&image, (width - edge) / 2, (height - edge) / 2, edge, edge).to_image()
    };
    if edge == side {
        return Ok(cut);
    }
    let source = Image::from_vec_u8(edge, edge, cut.into_raw(), PixelType::U8x3)?;
    let mut target = Image::new(side, side, PixelType::U8x3);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    Resizer::new().resize(&source, &mut target, &options)?;
    RgbImage::from_raw(side, side, target.into_vec()).ok_or_else(|| "the resized picture is too small".into())
}

/// Pixels in `channels` channels; grey is Rec. 601 luma.
fn interleaved(image: &RgbImage, channels: usize) -> Vec<u8> {
    if channels == 3 {
        return image.as_raw().clone();
    }
    let luma = |[r, g, b]: [u8; 3]| {
        ((299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b) + 500) / 1000) as u8
    };
    image.pixels().map(|p| luma(p.0)).collect()
}
