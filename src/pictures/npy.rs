//! NumPy's `.npy` files: heads to write, and rows of numbers to read.

use crate::error::{Error, Result};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// The head of an `.npy` file (NumPy's format 1.0), which little-endian numbers in C order follow: `<f4`, `<i8`.
pub fn npy_header(numbers: &str, shape: &[usize]) -> Vec<u8> {
    let dimensions: String = shape.iter().map(|d| format!("{d}, ")).collect();
    let header =
        format!("{{'descr': '{numbers}', 'fortran_order': False, 'shape': ({}), }}", dimensions.trim_end());
    // Magic, version and length take 10 bytes; the whole header is a multiple of 64 and ends in a newline.
    let padded = (10 + header.len() + 1).next_multiple_of(64) - 11;
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(padded + 1).expect("a short header").to_le_bytes());
    bytes.extend(format!("{header:padded$}\n").into_bytes());
    bytes
}

/// Bytes of the longest head that is read.
const LONGEST: usize = 1 << 16;

/// What a head says.
#[derive(Debug, PartialEq)]
struct Head {
    /// How NumPy calls the numbers: `<f4`.
    numbers: String,
    is_fortran: bool,
    shape: Vec<usize>,
}

/// Rows of numbers in an `.npy` file, read a few at a time.
#[derive(Debug)]
pub struct NpyRows {
    path: PathBuf,
    file: BufReader<File>,
    /// Numbers of 8 bytes, not 4.
    is_double: bool,
    /// Rows in all.
    pub rows: usize,
    /// Rows that have been read.
    read: usize,
    width: usize,
}

impl NpyRows {
    /// Opens an array `[n, width]` of float32 or float64.
    ///
    /// # Errors
    /// When it is another array, or none.
    pub fn open(path: &Path, width: usize) -> Result<NpyRows> {
        let (file, head) = open(path)?;
        let wrong = |what: String| Err(Error::Data(format!("{}: {what}", path.display())));
        let is_double = match head.numbers.as_str() {
            "<f4" => false,
            "<f8" => true,
            other => {
                return wrong(format!(
                    "holds numbers of type {other:?}, expected float32 ('<f4') or float64 ('<f8'); save it as \
                     x.astype('<f4')"
                ));
            }
        };
        let rows = match head.shape[..] {
            [rows, found] if found == width && rows > 0 => rows,
            _ => return wrong(format!("has the shape {:?}, expected [n, {width}]", head.shape)),
        };
        Ok(NpyRows { path: path.to_path_buf(), file, is_double, rows, read: 0, width })
    }

    /// The next rows, as many as are left of `count`, `[rows, width]`.
    ///
    /// # Errors
    /// When the file ends too early, or a number is not finite.
    pub fn next(&mut self, count: usize) -> Result<Vec<f32>> {
        let count = count.min(self.rows - self.read);
        let size = if self.is_double { 8 } else { 4 };
        let mut bytes = vec![0; count * self.width * size];
        self.file.read_exact(&mut bytes).map_err(|e| Error::io("read", &self.path, &e))?;
        let numbers: Vec<f32> = match self.is_double {
            true => bytes.as_chunks().0.iter().map(|&x| f64::from_le_bytes(x) as f32).collect(),
            false => bytes.as_chunks().0.iter().map(|&x| f32::from_le_bytes(x)).collect(),
        };
        if let Some(at) = numbers.iter().position(|x| !x.is_finite()) {
            let (row, column) = (self.read + at / self.width, at % self.width);
            return Err(Error::Data(format!(
                "{}: number {column} of row {row} is {}, expected finite numbers",
                self.path.display(),
                numbers[at]
            )));
        }
        self.read += count;
        Ok(numbers)
    }
}

/// Reads an array `[rows]` of whole numbers from 0 on.
///
/// # Errors
/// When it is another array, or none.
pub fn npy_labels(path: &Path, rows: usize) -> Result<Vec<usize>> {
    let (mut file, head) = open(path)?;
    let wrong = |what: String| Error::Data(format!("{}: {what}", path.display()));
    if head.shape != [rows] {
        return Err(wrong(format!("has the shape {:?}, expected [{rows}]", head.shape)));
    }
    let size = match head.numbers.as_str() {
        "|u1" | "|i1" => 1,
        "<u2" | "<i2" => 2,
        "<u4" | "<i4" => 4,
        "<u8" | "<i8" => 8,
        other => {
            return Err(wrong(format!("holds numbers of type {other:?}, expected whole ones such as '<i8'")));
        }
    };
    let mut bytes = vec![0; rows * size];
    file.read_exact(&mut bytes).map_err(|e| Error::io("read", path, &e))?;
    // Negative ones are too large to be classes.
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |number, &byte| number << 8 | usize::from(byte));
    Ok(bytes.chunks_exact(size).map(number).collect())
}

/// Opens an array in C order whose file is as long as its head says.
fn open(path: &Path) -> Result<(BufReader<File>, Head)> {
    let file = File::open(path).map_err(|e| Error::io("open", path, &e))?;
    let length = file.metadata().map_err(|e| Error::io("look at", path, &e))?.len();
    let wrong = |what: &str| Error::Data(format!("{}: {what}", path.display()));
    let mut file = BufReader::new(file);
    let (head, behind) = head(&mut file).ok_or_else(|| wrong("not an array of numpy.save"))?;
    if head.is_fortran {
        return Err(wrong("its numbers lie in Fortran's order; save numpy.ascontiguousarray(x)"));
    }
    // Kind and bytes of a number; whoever reads knows others.
    let size = match head.numbers.as_bytes() {
        [_, b'f' | b'i' | b'u', size @ b'1'..=b'8'] => u64::from(size - b'0'),
        _ => return Ok((file, head)),
    };
    let numbers = head.shape.iter().try_fold(size, |product, &d| product.checked_mul(d as u64));
    let expected = numbers.and_then(|n| n.checked_add(behind as u64));
    if expected != Some(length) {
        let shape = &head.shape;
        return Err(wrong(&format!(
            "{length} bytes, which are not those of an array {shape:?}: it was cut off"
        )));
    }
    Ok((file, head))
}

/// A file's head, and its length.
fn head(file: &mut impl Read) -> Option<(Head, usize)> {
    let mut start = [0; 8];
    file.read_exact(&mut start).ok()?;
    let version = start.strip_prefix(b"\x93NUMPY")?[0];
    let mut length = [0; 4];
    let words = if version == 1 { 2 } else { 4 };
    file.read_exact(&mut length[..words]).ok()?;
    let length = usize::try_from(u32::from_le_bytes(length)).ok().filter(|&n| n <= LONGEST)?;
    let mut text = vec![0; length];
    file.read_exact(&mut text).ok()?;
    Some((parsed(std::str::from_utf8(&text).ok()?)?, 8 + words + length))
}

/// `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }` as what it says.
fn parsed(text: &str) -> Option<Head> {
    let value = |key: &str| Some(text.split_once(&format!("'{key}':"))?.1.trim_start());
    let shape = value("shape")?.strip_prefix('(')?.split_once(')')?.0;
    let dimensions = shape.split(',').map(str::trim).filter(|d| !d.is_empty());
    Some(Head {
        numbers: value("descr")?.strip_prefix('\'')?.split_once('\'')?.0.to_string(),
        is_fortran: !value("fortran_order")?.starts_with("False"),
        shape: dimensions.map(|d| d.parse().ok()).collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_aligned_and_whole() {
        let bytes = npy_header("<f4", &[2]);
        let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        assert_eq!((10 + length) % 64, 0);
        assert_eq!(bytes.len(), 10 + length);
        assert!(String::from_utf8_lossy(&bytes[10..10 + length]).contains("'shape': (2,)"));
        assert_eq!(bytes[9 + length], b'\n');
    }

    #[test]
    fn rows_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.npy");
        let write =
            |head: Vec<u8>, body: &[u8]| std::fs::write(&path, [&head[..], body].concat()).expect("written");
        let numbers = [1.5f32, -2.0, 0.1, 4.0, 5.0, 6.0];
        let single: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        let double: Vec<u8> = numbers.iter().flat_map(|&x| f64::from(x).to_le_bytes()).collect();
        for (kind, body) in [("<f4", &single), ("<f8", &double)] {
            write(npy_header(kind, &[3, 2]), body);
            let mut rows = NpyRows::open(&path, 2).expect("an array");
            assert_eq!(rows.rows, 3);
            assert_eq!([rows.next(2), rows.next(2)], [Ok(numbers[..4].to_vec()), Ok(numbers[4..].to_vec())]);
        }
        write(npy_header("<i8", &[3]), &[3u64, 0, 7].map(u64::to_le_bytes).concat());
        assert_eq!(npy_labels(&path, 3), Ok(vec![3, 0, 7]));
        write(npy_header("|u1", &[2]), &[3, 255]);
        assert_eq!(npy_labels(&path, 2), Ok(vec![3, 255]));
    }

    #[test]
    fn what_is_no_such_array_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.npy");
        let refused = |head: Vec<u8>, body: &[u8], word: &str| {
            std::fs::write(&path, [&head[..], body].concat()).expect("written");
            let found = NpyRows::open(&path, 2).and_then(|mut rows| rows.next(9));
            let told = found.expect_err("refused").to_string();
            assert!(told.contains(word) && told.contains("x.npy"), "{told}");
        };
        refused(npy_header("<f4", &[2, 3]), &[0; 24], "the shape [2, 3], expected [n, 2]");
        refused(npy_header("<f4", &[0, 2]), &[], "the shape [0, 2]");
        refused(npy_header("<f4", &[2]), &[0; 8], "the shape [2]");
        refused(npy_header(">f4", &[1, 2]), &[0; 8], "expected float32");
        refused(npy_header("<f4", &[1, 2]), &[0; 7], "cut off");
        refused(npy_header("<f4", &[usize::MAX, 2]), &[0; 8], "cut off");
        refused(npy_header("<f4", &[1, 2]), &f32::NAN.to_le_bytes().repeat(2), "number 0 of row 0 is NaN");
        refused(b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec(), b"{", "not an array of numpy.save");
        refused(b"PK\x03\x04".to_vec(), &[0; 90], "not an array of numpy.save");
        let text = String::from_utf8_lossy(&npy_header("<f4", &[1, 2])).replace("False", " True");
        assert!(parsed(&text).is_some_and(|head| head.is_fortran));
    }
}
