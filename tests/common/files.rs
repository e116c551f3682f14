//! Files of data as tests make them.

use crate::common::asked::asked;
use flate2::Compression;
use flate2::write::GzEncoder;
use gansaku::config::Source;
use gansaku::data::{Dataset, load};
use gansaku::error::Error;
use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

/// What a reader makes of a path, pictures resized to 8×8.
pub fn read(source: Source, path: &Path) -> Result<Dataset, Error> {
    load(&asked(source, path), 0)
}

/// The message of a failure, which must be the data's: exit code 3.
pub fn failure(result: Result<Dataset, Error>) -> String {
    let error = result.expect_err("damaged data are refused");
    assert_eq!(error.exit_code(), 3, "{error}");
    assert!(!error.to_string().contains('\n'), "one line: {error}");
    error.to_string()
}

/// Bytes in gzip.
pub fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory")
}

/// A file in a folder, with the folders on the way.
pub fn put(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, bytes).expect("a file");
}

/// CIFAR-10's records of these labels.
pub fn cifar(labels: &[u8]) -> Vec<u8> {
    labels
        .iter()
        .flat_map(|&l| std::iter::once(l).chain((0..3072).map(move |i| (i % 251) as u8 ^ l)))
        .collect()
}

/// A PNG in colour.
pub fn picture(width: u32, height: u32, f: impl Fn(u32, u32) -> [u8; 3]) -> Vec<u8> {
    let image = image::RgbImage::from_fn(width, height, |x, y| image::Rgb(f(x, y)));
    let mut bytes = Cursor::new(vec![]);
    image.write_to(&mut bytes, image::ImageFormat::Png).expect("memory");
    bytes.into_inner()
}

/// A grey ramp as JPEG.
pub fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let image = image::GrayImage::from_fn(width, height, |x, _| image::Luma([(x * 10) as u8]));
    let mut bytes = Cursor::new(vec![]);
    image.write_to(&mut bytes, image::ImageFormat::Jpeg).expect("memory");
    bytes.into_inner()
}

/// A zip file of these files, deflated.
pub fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(vec![]));
    let packed =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (name, bytes) in files {
        writer.start_file(*name, packed).and_then(|()| Ok(writer.write_all(bytes)?)).expect("memory");
    }
    writer.finish().expect("memory").into_inner()
}

/// A tar file of these files.
pub fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(vec![]);
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *bytes).expect("memory");
    }
    builder.into_inner().expect("memory")
}

/// An array as NumPy saves it: what its numbers are, its shape, its bytes.
pub fn npy(descr: &str, shape: &[usize], body: &[u8]) -> Vec<u8> {
    let shape: String = shape.iter().map(|d| format!("{d}, ")).collect();
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}\n");
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\0", &length[..], header.as_bytes(), body].concat()
}
