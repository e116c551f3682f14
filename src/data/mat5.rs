//! MATLAB's MAT-file, version 5: the numeric arrays in it, compressed or not. Format: MathWorks, "MAT-File
//! Format". Arrays keep MATLAB's order: the first dimension runs fastest.

use super::file::File;
use crate::error::{Error, Result};
use flate2::read::ZlibDecoder;
use std::io::Read;
use std::path::Path;

const HEADER: usize = 128;
/// Element types.
const MI_INT8: u32 = 1;
const MI_UINT8: u32 = 2;
const MI_INT32: u32 = 5;
const MI_UINT32: u32 = 6;
const MI_MATRIX: u32 = 14;
const MI_COMPRESSED: u32 = 15;
/// Most bytes that a compressed variable may unpack to.
const LIMIT: u64 = 2 << 30;

/// A numeric array.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// First one fastest.
    pub dimensions: Vec<usize>,
    /// All numbers.
    pub numbers: Numbers,
}

/// How the numbers were stored.
#[derive(Debug, Clone, PartialEq)]
pub enum Numbers {
    /// `miUINT8`.
    U8(Vec<u8>),
    /// Every other type.
    F64(Vec<f64>),
}

impl Variable {
    /// Number `i`.
    pub fn number(&self, i: usize) -> f64 {
        match &self.numbers {
            Numbers::U8(n) => f64::from(n[i]),
            Numbers::F64(n) => n[i],
        }
    }
}

/// The numeric arrays of a file; other variables are passed over.
///
/// # Errors
/// When it is no MAT-file of version 5, or damaged.
pub fn read(path: &Path) -> Result<Vec<Variable>> {
    let file = File::read(path)?;
    let bytes = &file.bytes;
    if bytes.starts_with(b"\x89HDF\r\n\x1a\n") || bytes.starts_with(b"MATLAB 7.3") {
        return Err(Error::Data(format!(
            "{}: a MAT-file of version 7.3 (HDF5); save it again in MATLAB with -v7, or with scipy.io.savemat",
            path.display()
        )));
    }
    let big = match bytes.get(126..HEADER) {
        Some(b"IM") => false,
        Some(b"MI") => true,
        Some(other) => {
            return Err(file.wrong(
                126,
                "IM or MI, the mark of a MAT-file of version 5",
                format!("{other:?}"),
            ));
        }
        None => {
            return Err(file.wrong(bytes.len(), "a MAT-file's header of 128 bytes", "the end of the file"));
        }
    };
    let mut reader = Reader { file: &file, bytes, at: HEADER, base: 0, big };
    let mut variables = Vec::new();
    while reader.at < reader.bytes.len() {
        let offset = reader.at;
        let (kind, data) = reader.element()?;
        if kind == MI_COMPRESSED {
            let mut unpacked = Vec::new();
            let mut decoder = ZlibDecoder::new(data).take(LIMIT);
            if let Err(e) = decoder.read_to_end(&mut unpacked) {
                return Err(file.wrong(offset, "a compressed variable", format!("a damaged one: {e}")));
            }
            let mut inner = Reader { file: &file, bytes: &unpacked, at: 0, base: offset, big };
            let (kind, data) = inner.element()?;
            if kind == MI_MATRIX {
                variables.extend(matrix(&file, data, offset, big)?);
            }
        } else if kind == MI_MATRIX {
            variables.extend(matrix(&file, data, offset, big)?);
        }
    }
    Ok(variables)
}

/// Walks elements; offsets in errors are of the file, or of the compressed variable's start.
struct Reader<'a> {
    file: &'a File,
    bytes: &'a [u8],
    at: usize,
    base: usize,
    big: bool,
}

impl<'a> Reader<'a> {
    fn wrong(&self, expected: &str, found: impl std::fmt::Display) -> Error {
        self.file.wrong(self.base + self.at, expected, found)
    }

    fn word(&self, at: usize) -> Result<u32> {
        let bytes = self.bytes.get(at..at + 4).and_then(|b| <[u8; 4]>::try_from(b).ok());
        let bytes = bytes.ok_or_else(|| self.wrong("an element's tag", "the end of the data"))?;
        Ok(if self.big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    /// Type and data of the next element; small elements keep their data in the tag.
    fn element(&mut self) -> Result<(u32, &'a [u8])> {
        let tag = self.word(self.at)?;
        let (kind, length, from) = match tag >> 16 {
            0 => (tag, self.word(self.at + 4)? as usize, self.at + 8),
            small => (tag & 0xffff, small as usize, self.at + 4),
        };
        if from == self.at + 4 && length > 4 {
            return Err(self.wrong("a small element of at most 4 bytes", length));
        }
        let Some(data) = from.checked_add(length).and_then(|to| self.bytes.get(from..to)) else {
            let rest = self.bytes.len().saturating_sub(from);
            return Err(
                self.wrong(&format!("an element of {length} bytes"), format!("{rest} bytes to the end"))
            );
        };
        self.at = match (from == self.at + 4, kind) {
            (true, _) => self.at + 8,
            // Compressed variables alone are not padded.
            (_, MI_COMPRESSED) => from + length,
            _ => (from + length).next_multiple_of(8),
        };
        Ok((kind, data))
    }
}

/// A matrix element's parts: flags, dimensions, name, real part. None where it is not numeric.
fn matrix(file: &File, data: &[u8], offset: usize, big: bool) -> Result<Option<Variable>> {
    let mut reader = Reader { file, bytes: data, at: 0, base: offset, big };
    let wrong = |expected: &str, found: String| Err(file.wrong(offset, expected, found));
    if data.is_empty() {
        return Ok(None);
    }
    let (kind, flags) = reader.element()?;
    if kind != MI_UINT32 || flags.len() < 8 {
        return wrong("a matrix's flags", format!("type {kind}, {} bytes", flags.len()));
    }
    let class = if big { flags[3] } else { flags[0] };
    let (kind, sizes) = reader.element()?;
    if kind != MI_INT32 || sizes.len() % 4 != 0 || sizes.is_empty() {
        return wrong("a matrix's dimensions", format!("type {kind}, {} bytes", sizes.len()));
    }
    let dimensions: Vec<usize> = sizes
        .chunks_exact(4)
        .map(|c| [c[0], c[1], c[2], c[3]])
        .map(|c| if big { u32::from_be_bytes(c) } else { u32::from_le_bytes(c) } as usize)
        .collect();
    let (kind, name) = reader.element()?;
    if kind != MI_INT8 {
        return wrong("a matrix's name", format!("type {kind}"));
    }
    let name = String::from_utf8_lossy(name).into_owned();
    // Classes 6 to 15 are double, single and the integers; the others are cells, structures, text.
    if !(6..=15).contains(&class) {
        return Ok(None);
    }
    let (kind, real) = reader.element()?;
    let Some(numbers) = numbers(kind, real, big) else {
        return wrong("numbers", format!("type {kind} in {name:?}"));
    };
    let count = match &numbers {
        Numbers::U8(n) => n.len(),
        Numbers::F64(n) => n.len(),
    };
    if dimensions.iter().try_fold(1usize, |n, &d| n.checked_mul(d)) != Some(count) {
        return wrong(&format!("{dimensions:?} numbers in {name:?}"), count.to_string());
    }
    Ok(Some(Variable { name, dimensions, numbers }))
}

fn numbers(kind: u32, data: &[u8], big: bool) -> Option<Numbers> {
    macro_rules! each {
        ($t:ty) => {{
            const SIZE: usize = size_of::<$t>();
            let (parts, rest) = data.as_chunks::<SIZE>();
            let number = |b: &[u8; SIZE]| if big { <$t>::from_be_bytes(*b) } else { <$t>::from_le_bytes(*b) };
            rest.is_empty().then(|| Numbers::F64(parts.iter().map(|b| number(b) as f64).collect()))
        }};
    }
    match kind {
        MI_INT8 => each!(i8),
        MI_UINT8 => Some(Numbers::U8(data.to_vec())),
        3 => each!(i16),
        4 => each!(u16),
        MI_INT32 => each!(i32),
        MI_UINT32 => each!(u32),
        7 => each!(f32),
        9 => each!(f64),
        12 => each!(i64),
        13 => each!(u64),
        _ => None,
    }
}
