//! One picture: from the bytes of a file to a square of one size. Pictures are turned upright by their EXIF orientation,
//! transparent pixels lie on white, 16 bits become 8; the greatest centred square is cut out and resized with an
//! antialiased Lanczos filter.
//!
//! A picture has colour when some pixel of it has unequal red, green and blue, whatever the file's colour type:
//! files often store grey as RGB. Grey stays one channel until the end: large pictures are most often grey.

use super::archive::{FORMATS, LARGEST_PICTURE};
use super::budget::{Budget, Loan};
use fast_image_resize::images::{CroppedImage, Image, ImageRef};
use fast_image_resize::{FilterType, IntoImageView, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::error::ImageError;
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, GrayImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};
use std::io::Cursor;

/// Largest side of a picture that is decoded.
const LARGEST_SIDE: u32 = 32_768;

/// What is cut out of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The greatest centred square.
    Square,
    /// The left and the right half, squares both, of a picture twice as wide as high.
    Halves,
}

/// One decoded picture.
pub struct Decoded {
    /// A square, or two, one behind the other; pixels interleaved, in one channel or three.
    pixels: Vec<u8>,
    channels: usize,
    /// Width and height, of a half where it was halved, before it was cut to a square.
    pub size: [u32; 2],
    /// By its EXIF data.
    pub turned: bool,
    /// Some pixel is not grey.
    pub coloured: bool,
    /// Some pixel is not opaque.
    pub transparent: bool,
    /// It had more than 8 bits a channel.
    pub deep: bool,
}

impl Decoded {
    /// Pixels in `channels` channels, 1 or 3: colour becomes grey by Rec. 601 luma, grey is repeated.
    pub fn interleaved(&self, channels: usize) -> Vec<u8> {
        in_channels(&self.pixels, self.channels, channels)
    }
}

/// Pixels of `from` channels in `to` channels, 1 or 3: colour becomes grey by Rec. 601 luma, grey is repeated.
pub fn in_channels(pixels: &[u8], from: usize, to: usize) -> Vec<u8> {
    let luma = |p: &[u8]| {
        ((299 * u32::from(p[0]) + 587 * u32::from(p[1]) + 114 * u32::from(p[2]) + 500) / 1000) as u8
    };
    match (from, to) {
        (1, 3) => pixels.iter().flat_map(|&v| [v; 3]).collect(),
        (3, 1) => pixels.chunks_exact(3).map(luma).collect(),
        _ => pixels.to_vec(),
    }
}

/// A decoded picture of its own size.
pub struct Whole {
    /// `[height, width, channels]`.
    pub pixels: Vec<u8>,
    /// 1 or 3.
    pub channels: usize,
    /// Width and height.
    pub size: [u32; 2],
    /// By its EXIF data.
    pub turned: bool,
    /// Some pixel is not grey.
    pub coloured: bool,
    /// Some pixel is not opaque.
    pub transparent: bool,
    /// It had more than 8 bits a channel.
    pub deep: bool,
}

/// The picture that a file's bytes are, cut to `side`×`side` pixels, decoded within `budget`; or why it cannot be read.
pub fn decode(bytes: &[u8], side: u32, cut: Cut, budget: &Budget) -> Result<Decoded, String> {
    let (decoded, _loan) = whole(bytes, budget)?;
    let Whole { pixels, channels, size: whole @ [width, height], turned, coloured, transparent, deep } =
        decoded;
    let edge = width.min(height);
    let (size, corners) = match cut {
        Cut::Square => (whole, vec![[(width - edge) / 2, (height - edge) / 2]]),
        Cut::Halves if u64::from(width) == 2 * u64::from(height) => ([height; 2], vec![[0, 0], [height, 0]]),
        Cut::Halves => {
            return Err(format!(
                "expected two squares side by side, {}×{height} pixels, found {width}×{height}",
                2 * u64::from(height)
            ));
        }
    };
    let square = |corner| square(&pixels, whole, channels, corner, edge, side);
    let squares = corners.into_iter().map(square).collect::<Result<Vec<_>, _>>();
    let pixels = squares.map_err(|e| format!("it cannot be resized: {e}"))?.concat();
    Ok(Decoded { pixels, channels, size, turned, coloured, transparent, deep })
}

/// The whole picture that a file's bytes are, with what it keeps of `budget`; or why it cannot be read.
pub fn whole<'b>(bytes: &[u8], budget: &'b Budget) -> Result<(Whole, Loan<'b>), String> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|e| e.to_string())?;
    let Some(format) = reader.format() else {
        let first: Vec<String> = bytes.iter().take(4).map(|b| format!("{b:02x}")).collect();
        let found = if first.is_empty() {
            "nothing".into()
        } else {
            format!("a file that begins with {}", first.join(" "))
        };
        return Err(format!("expected {FORMATS}, found {found}"));
    };
    if format == ImageFormat::Jpeg && !has_end(bytes) {
        let end = bytes.len();
        return Err(format!("at byte {end}: expected JPEG's end mark ff d9, found the end of the file"));
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(LARGEST_SIDE);
    limits.max_image_height = Some(LARGEST_SIDE);
    limits.max_alloc = Some(LARGEST_PICTURE);
    reader.limits(limits);
    let why = |e: ImageError| in_words(&e, format);
    let mut decoder = reader.into_decoder().map_err(why)?;
    let (color, whole) = (decoder.color_type(), decoder.total_bytes());
    if whole > LARGEST_PICTURE {
        return Err(format!("decoded it has {whole} bytes, more than {LARGEST_PICTURE}"));
    }
    // What cannot be read of it turns nothing.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let turned = orientation != Orientation::NoTransforms;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err("it has no pixels".into());
    }
    // JPEG, WebP and GIF keep planes or frames of their own beside the pixels; a turned picture is a copy.
    let own = if matches!(format, ImageFormat::Jpeg | ImageFormat::WebP | ImageFormat::Gif) { 3 } else { 1 };
    let loan = budget.take(whole * own.max(1 + u64::from(turned)));
    let mut pixels = vec![0; whole as usize];
    decoder.read_image(&mut pixels).map_err(why)?;
    let (channels, transparent, deep) = eight_bits(&mut pixels, color);
    let mut image = match channels {
        1 => GrayImage::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8),
        _ => RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8),
    }
    .ok_or("fewer pixels than its size says")?;
    image.apply_orientation(orientation);
    let (size, pixels) = ([image.width(), image.height()], image.into_bytes());
    let coloured = channels == 3 && pixels.chunks_exact(3).any(|p| p[0] != p[1] || p[1] != p[2]);
    Ok((Whole { pixels, channels, size, turned, coloured, transparent, deep }, loan))
}

/// What is wrong with a picture, in our words.
fn in_words(error: &ImageError, format: ImageFormat) -> String {
    let name = format!("{format:?}").to_uppercase();
    match error {
        ImageError::Limits(_) => format!(
            "it is larger than {LARGEST_SIDE} pixels a side, or than {} GiB decoded",
            LARGEST_PICTURE >> 30
        ),
        ImageError::Unsupported(_) => format!("a kind of {name} that is not read"),
        ImageError::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            format!("damaged: its {name} data end too early")
        }
        _ => format!("damaged: its {name} data cannot be decoded"),
    }
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

/// Makes a decoder's numbers opaque bytes of one channel or three, within the memory they have: how many channels,
/// whether any pixel was transparent, whether there were more than 8 bits a channel.
fn eight_bits(pixels: &mut Vec<u8>, color: ColorType) -> (usize, bool, bool) {
    let all = usize::from(color.channel_count());
    let bytes = usize::from(color.bytes_per_pixel()) / all;
    let alpha = color.has_alpha();
    let kept = all - usize::from(alpha);
    // Rounded as the `image` crate rounds.
    let byte = |at: &[u8]| match *at {
        [a] => a,
        [a, b] => ((u32::from(u16::from_ne_bytes([a, b])) + 128) / 257) as u8,
        [a, b, c, d] => (f32::from_ne_bytes([a, b, c, d]).clamp(0.0, 1.0) * 255.0).round() as u8,
        _ => unreachable!("channels have 1, 2 or 4 bytes"),
    };
    if bytes == 1 && !alpha {
        return (kept, false, false);
    }
    let (mut to, mut transparent) = (0, false);
    for from in (0..pixels.len()).step_by(all * bytes) {
        let mut pixel = [0; 4];
        let channels = pixels[from..from + all * bytes].chunks_exact(bytes);
        channels.zip(&mut pixel).for_each(|(at, v)| *v = byte(at));
        let opaque = if alpha { u32::from(pixel[kept]) } else { 255 };
        transparent |= opaque < 255;
        for v in &pixel[..kept] {
            pixels[to] = ((u32::from(*v) * opaque + 255 * (255 - opaque) + 127) / 255) as u8;
            to += 1;
        }
    }
    pixels.truncate(to);
    (kept, transparent, bytes > 1)
}

/// The square of this corner and edge, cut first, then resized: the filter sees nothing outside it.
pub fn square(
    pixels: &[u8],
    [width, height]: [u32; 2],
    channels: usize,
    [left, top]: [u32; 2],
    edge: u32,
    side: u32,
) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    if edge == side {
        let rows = pixels.chunks_exact(width as usize * channels).skip(top as usize).take(edge as usize);
        let [from, to] = [left, left + edge].map(|x| x as usize * channels);
        return Ok(rows.flat_map(|row| &row[from..to]).copied().collect());
    }
    let kind = if channels == 1 { PixelType::U8 } else { PixelType::U8x3 };
    let whole = ImageRef::new(width, height, pixels, kind)?;
    let cut = CroppedImage::new(&whole, left, top, edge, edge)?;
    resized(&cut, kind, side)
}

fn resized(
    source: &impl IntoImageView,
    kind: PixelType,
    side: u32,
) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut target = Image::new(side, side, kind);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    Resizer::new().resize(source, &mut target, &options)?;
    Ok(target.into_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(image: &DynamicImage) -> Vec<u8> {
        let mut bytes = Cursor::new(vec![]);
        image.write_to(&mut bytes, ImageFormat::Png).expect("memory");
        bytes.into_inner()
    }

    fn decoded(bytes: &[u8], side: u32) -> Decoded {
        decode(bytes, side, Cut::Square, &Budget::new(LARGEST_PICTURE)).expect("a picture")
    }

    #[test]
    fn grey_in_one_channel_is_grey_in_three() {
        for (width, height, side) in
            [(37, 37, 16), (64, 41, 32), (20, 90, 32), (16, 16, 16), (3, 5, 8), (300, 200, 64)]
        {
            let grey =
                GrayImage::from_fn(width, height, |x, y| image::Luma([(x * 31 + y * 57 + x * y % 91) as u8]));
            let one = DynamicImage::ImageLuma8(grey);
            let three = DynamicImage::ImageRgb8(one.to_rgb8());
            let [one, three] = [one, three].map(|i| decoded(&png(&i), side));
            assert_eq!((one.channels, three.channels), (1, 3));
            assert_eq!(one.interleaved(3), three.interleaved(3), "{width}×{height} to {side}");
            assert_eq!(one.interleaved(1), three.interleaved(1), "{width}×{height} to {side}");
        }
    }

    #[test]
    fn a_square_is_what_the_cut_picture_resized_is() {
        let image =
            RgbImage::from_fn(61, 40, |x, y| image::Rgb([(x * 7) as u8, (y * 11) as u8, (x * y) as u8]));
        let cut = image::imageops::crop_imm(&image, 10, 0, 40, 40).to_image();
        let whole = Image::from_vec_u8(40, 40, cut.into_raw(), PixelType::U8x3).expect("a picture");
        let expected = resized(&whole, PixelType::U8x3, 16).expect("resized");
        assert_eq!(decoded(&png(&DynamicImage::ImageRgb8(image)), 16).pixels, expected);
    }

    #[test]
    fn every_colour_type_becomes_the_bytes_that_the_crate_makes_of_it() {
        let color = |x: u32, y: u32| {
            [x * 4099 % 65536, y * 7001 % 65536, x * y * 257 % 65536, 65535].map(|v| v as u16)
        };
        let deep =
            image::ImageBuffer::<image::Rgba<u16>, _>::from_fn(16, 16, |x, y| image::Rgba(color(x, y)));
        let deep = DynamicImage::ImageRgba16(deep);
        let all = [
            DynamicImage::ImageLuma8(deep.to_luma8()),
            DynamicImage::ImageLumaA8(deep.to_luma_alpha8()),
            DynamicImage::ImageRgb8(deep.to_rgb8()),
            DynamicImage::ImageRgba8(deep.to_rgba8()),
            DynamicImage::ImageLuma16(deep.to_luma16()),
            DynamicImage::ImageLumaA16(deep.to_luma_alpha16()),
            DynamicImage::ImageRgb16(deep.to_rgb16()),
            deep,
        ];
        for image in all {
            let found = decoded(&png(&image), 16);
            assert_eq!(found.interleaved(3), image.to_rgb8().into_raw(), "{:?}", image.color());
            assert!(!found.transparent);
        }
    }
}
