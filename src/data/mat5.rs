//! MATLAB's MAT-files of version 5 (what `-v6` and `-v7` save): the real numeric arrays in them, packed or not,
//! either byte order. Arrays keep MATLAB's order, the first dimension running fastest. Format: MathWorks,
//! "MAT-File Format", level 5.
//!
//! No length in the file is believed before it is compared with the bytes that are there, so a damaged file
//! costs no more memory than deflate's greatest ratio allows its size.

use super::file::File;
use crate::error::Result;
use flate2::read::ZlibDecoder;
use std::io::Read;
use std::path::Path;

/// Bytes of the file before the first element.
const HEADER: usize = 128;
/// Types of elements; 3, 4, 7, 9, 12 and 13 are i16, u16, f32, f64, i64 and u64.
const INT8: u32 = 1;
const UINT8: u32 = 2;
const INT32: u32 = 5;
const UINT32: u32 = 6;
const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;
/// In a matrix's flags.
const COMPLEX: u32 = 0x0800;
/// Deflate makes at most this many bytes of one.
const DEFLATE_RATIO: usize = 1032;

/// A real numeric array.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    /// The variable's name.
    pub name: String,
    /// Where in the file it begins.
    pub offset: usize,
    /// First one fastest.
    pub dimensions: Vec<usize>,
    /// Numbers, as many as the product of the dimensions.
    pub values: Numbers,
}

/// Numbers, by how they are stored.
#[derive(Debug, Clone, PartialEq)]
pub enum Numbers {
    /// Unsigned bytes.
    U8(Vec<u8>),
    /// Every other type; integers beyond 2⁵³ are rounded.
    F64(Vec<f64>),
}

impl Variable {
    /// Number `i`.
    ///
    /// # Panics
    /// When there are not so many.
    pub fn number(&self, i: usize) -> f64 {
        match &self.values {
            Numbers::U8(n) => f64::from(n[i]),
            Numbers::F64(n) => n[i],
        }
    }
}

/// The real numeric arrays of a file; text, cells, structures, sparse and complex arrays are passed over.
///
/// # Errors
/// When it is no MAT-file of version 5, or damaged: the message names the byte.
pub fn read(path: &Path) -> Result<Vec<Variable>> {
    let file = File::read(path)?;
    let bytes = &file.bytes[..];
    let big = match bytes.get(126..HEADER) {
        _ if bytes.starts_with(b"\x89HDF\r\n\x1a\n") || bytes.starts_with(b"MATLAB 7.3") => {
            let found = "version 7.3 (HDF5); save it again in MATLAB with '-v7' or '-v6'";
            return Err(file.wrong(0, "a MAT-file of version 5", found));
        }
        Some(b"IM") => false,
        Some(b"MI") => true,
        Some(other) => {
            let found =
                format!("{other:02x?}; one of version 4 can be saved again in MATLAB with '-v7' or '-v6'");
            return Err(file.wrong(126, "IM or MI, the mark of a MAT-file of version 5", found));
        }
        None => {
            return Err(file.wrong(bytes.len(), "a MAT-file's header of 128 bytes", "the end of the file"));
        }
    };
    let version = if big { [bytes[124], bytes[125]] } else { [bytes[125], bytes[124]] };
    if version != [1, 0] {
        let found = format!("{version:02x?}; save it again in MATLAB with '-v7' or '-v6'");
        return Err(file.wrong(124, "a MAT-file's version 0x0100", found));
    }
    let mut reader = Reader { file: &file, bytes, at: HEADER, start: 0, packed: false, big };
    let mut variables = Vec::new();
    while reader.at < bytes.len() {
        let Element { kind, data, at, from } = reader.element("a variable")?;
        let variable = match kind {
            MATRIX => Reader { bytes: data, at: 0, start: from, ..reader }.matrix(at)?,
            COMPRESSED => {
                let unpacked = reader.unpacked(data, at)?;
                Reader { bytes: &unpacked, at: 8, start: at, packed: true, ..reader }.matrix(at)?
            }
            other => return Err(reader.wrong(at, "a variable (type 14 or 15)", format!("type {other}"))),
        };
        variables.extend(variable);
    }
    Ok(variables)
}

/// One element: its type, its data, where its tag and its data begin in the reader's bytes.
struct Element<'a> {
    kind: u32,
    data: &'a [u8],
    at: usize,
    from: usize,
}

/// Walks the elements of a file, or of one variable.
#[derive(Clone, Copy)]
struct Reader<'a> {
    file: &'a File,
    bytes: &'a [u8],
    at: usize,
    /// Where `bytes` begin in the file, or the element they were unpacked from.
    start: usize,
    packed: bool,
    big: bool,
}

impl<'a> Reader<'a> {
    fn wrong(&self, at: usize, expected: &str, found: impl std::fmt::Display) -> crate::error::Error {
        if self.packed {
            let expected = format!("{expected} at byte {at} of what is packed there");
            return self.file.wrong(self.start, &expected, found);
        }
        self.file.wrong(self.start + at, expected, found)
    }

    fn u32(&self, bytes: [u8; 4]) -> u32 {
        if self.big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    fn word(&self, at: usize, what: &str) -> Result<u32> {
        match self.bytes.get(at..).and_then(|rest| rest.first_chunk()) {
            Some(&bytes) => Ok(self.u32(bytes)),
            None => Err(self.wrong(at, &format!("the tag of {what}"), "the end of the data")),
        }
    }

    /// The next element; small ones keep their data in the tag.
    fn element(&mut self, what: &str) -> Result<Element<'a>> {
        let at = self.at;
        let tag = self.word(at, what)?;
        let (kind, len, from) = match (tag & 0xffff, (tag >> 16) as usize) {
            (_, 0) => (tag, self.word(at + 4, what)? as usize, at + 8),
            (kind, len @ 1..=4) => (kind, len, at + 4),
            (_, len) => {
                return Err(self.wrong(at, "a small element of at most 4 bytes", format!("{len} bytes")));
            }
        };
        let Some(data) = from.checked_add(len).and_then(|to| self.bytes.get(from..to)) else {
            let rest = self.bytes.len().saturating_sub(from);
            let found = format!("{rest} bytes before the end; fetch the file again");
            return Err(self.wrong(from, &format!("{len} bytes of {what}"), found));
        };
        self.at = match kind {
            // Packed variables alone are not padded.
            COMPRESSED => from + len,
            _ => (from + len).next_multiple_of(8),
        };
        Ok(Element { kind, data, at, from })
    }

    /// A packed variable, tag and all: no more is unpacked than its tag says and `packed` can hold.
    fn unpacked(&self, packed: &[u8], at: usize) -> Result<Vec<u8>> {
        let inner = Reader { bytes: &[], at: 0, start: at, packed: true, ..*self };
        let damaged = |e: std::io::Error| self.wrong(at, "a packed variable", format!("a damaged one: {e}"));
        let mut decoder = ZlibDecoder::new(packed);
        let mut tag = [0; 8];
        decoder.read_exact(&mut tag).map_err(damaged)?;
        let [k0, k1, k2, k3, l0, l1, l2, l3] = tag;
        let (kind, len) = (self.u32([k0, k1, k2, k3]), self.u32([l0, l1, l2, l3]) as usize);
        if kind != MATRIX {
            return Err(inner.wrong(0, "a variable (type 14)", format!("type {kind}")));
        }
        if len / DEFLATE_RATIO > packed.len() {
            let most = format!("a length that {} packed bytes can hold", packed.len());
            return Err(inner.wrong(4, &most, len));
        }
        let mut unpacked = tag.to_vec();
        decoder.take(len as u64 + 1).read_to_end(&mut unpacked).map_err(damaged)?;
        match unpacked.len() - tag.len() {
            found if found > len => Err(inner.wrong(8 + len, "the end of the variable", "more bytes")),
            found if found < len => {
                Err(inner.wrong(8 + found, &format!("{} more bytes of the variable", len - found), "its end"))
            }
            _ => Ok(unpacked),
        }
    }

    /// A matrix's parts: flags, dimensions, name, real part. None where it holds no real numbers.
    fn matrix(mut self, offset: usize) -> Result<Option<Variable>> {
        if self.at == self.bytes.len() {
            return Ok(None);
        }
        let flags = self.element("a variable's flags")?;
        let ([a, b, c, d, ..], UINT32) = (flags.data, flags.kind) else {
            let found = format!("type {}, {} bytes", flags.kind, flags.data.len());
            return Err(self.wrong(flags.at, "a variable's flags (type 6, 8 bytes)", found));
        };
        let word = self.u32([*a, *b, *c, *d]);
        // Classes 6 to 15 are double, single and the integers.
        if !(6..=15).contains(&(word & 0xff)) || word & COMPLEX != 0 {
            return Ok(None);
        }
        let sizes = self.element("a variable's dimensions")?;
        let (words, rest) = sizes.data.as_chunks::<4>();
        // Some writers mark them as unsigned.
        if ![INT32, UINT32].contains(&sizes.kind) || words.is_empty() || !rest.is_empty() {
            let found = format!("type {}, {} bytes", sizes.kind, sizes.data.len());
            return Err(self.wrong(sizes.at, "a variable's dimensions (type 5, 4 bytes each)", found));
        }
        let dimensions: Vec<usize> = words.iter().map(|&w| self.u32(w) as usize).collect();
        let name = self.element("a variable's name")?;
        if name.kind != INT8 {
            return Err(self.wrong(name.at, "a variable's name (type 1)", format!("type {}", name.kind)));
        }
        let name = String::from_utf8_lossy(name.data).into_owned();
        let real = self.element(&format!("{name:?}"))?;
        let Some((values, count)) = numbers(real.kind, real.data, self.big) else {
            let found = format!("type {}, {} bytes", real.kind, real.data.len());
            return Err(self.wrong(real.at, &format!("whole numbers of a known type in {name:?}"), found));
        };
        if dimensions.iter().try_fold(1usize, |n, &d| n.checked_mul(d)) != Some(count) {
            let expected = format!("the {dimensions:?} numbers of {name:?}");
            return Err(self.wrong(real.at, &expected, format!("{count} numbers")));
        }
        Ok(Some(Variable { name, offset, dimensions, values }))
    }
}

/// The numbers and how many; none where the type is unknown or a number is cut.
fn numbers(kind: u32, data: &[u8], big: bool) -> Option<(Numbers, usize)> {
    macro_rules! each {
        ($t:ty) => {{
            let (parts, rest) = data.as_chunks::<{ size_of::<$t>() }>();
            let number = |&b| if big { <$t>::from_be_bytes(b) } else { <$t>::from_le_bytes(b) };
            let all = || (Numbers::F64(parts.iter().map(|b| number(b) as f64).collect()), parts.len());
            rest.is_empty().then(all)
        }};
    }
    match kind {
        INT8 => each!(i8),
        UINT8 => Some((Numbers::U8(data.to_vec()), data.len())),
        3 => each!(i16),
        4 => each!(u16),
        INT32 => each!(i32),
        UINT32 => each!(u32),
        7 => each!(f32),
        9 => each!(f64),
        12 => each!(i64),
        13 => each!(u64),
        _ => None,
    }
}
