//! NumPy's arrays in files (<https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>): a header that is a
//! Python dictionary, then numbers. Whole numbers, floats and texts are read, in C's order or Fortran's; objects are not,
//! as they would be programs.
//!
//! No length in the header is believed before it is compared with the bytes that are there.

use crate::error::Error;
use half::f16;
use std::path::Path;

/// The head of an `.npy` file (NumPy's format 1.0), which little-endian numbers in C order follow: `<f4`, `<i8`.
pub fn header(numbers: &str, shape: &[usize]) -> Vec<u8> {
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

/// How an array's file begins.
const MAGIC: &[u8] = b"\x93NUMPY";
/// Most dimensions, NumPy's own limit.
const MOST_DIMENSIONS: usize = 64;

/// An array, in C's order: the last dimension runs fastest.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Length of each dimension.
    pub shape: Vec<usize>,
    /// What its numbers are.
    kind: Kind,
    /// Bytes a number.
    size: usize,
    big_endian: bool,
    bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    Unsigned,
    Signed,
    Float,
    /// Characters of four bytes.
    Text,
    /// Characters of one byte.
    Bytes,
}

impl Array {
    /// The array that a file holds.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged or none.
    pub fn read(path: &Path) -> Result<Array, Error> {
        let bytes = std::fs::read(path).map_err(|e| Error::io("read", path, &e))?;
        Array::parse(bytes).map_err(|why| Error::Data(format!("{}: {why}", path.display())))
    }

    /// The array that a file's bytes are, or what is wrong with them, and where.
    pub fn parse(mut file: Vec<u8>) -> Result<Array, String> {
        let wrong = |at: usize, expected: &str| format!("at byte {at}: expected {expected}");
        if !file.starts_with(MAGIC) {
            return Err(wrong(0, "\\x93NUMPY, as .npy files begin"));
        }
        let length = match (file.get(6), file.get(8..12)) {
            (Some(1), Some(&[a, b, ..])) => Some((10, usize::from(u16::from_le_bytes([a, b])))),
            (Some(2 | 3), Some(&[a, b, c, d])) => Some((12, u32::from_le_bytes([a, b, c, d]) as usize)),
            _ => None,
        };
        let (from, length): (usize, usize) =
            length.ok_or_else(|| wrong(6, "version 1, 2 or 3 and a header's length"))?;
        let header = file.get(from..from.saturating_add(length));
        let header = header.ok_or_else(|| wrong(from, &format!("a header of {length} bytes")))?;
        let header = String::from_utf8_lossy(header).into_owned();
        let field = |name: &str| {
            let quoted = [format!("'{name}':"), format!("\"{name}\":")];
            let rest =
                quoted.iter().find_map(|key| header.split_once(key.as_str())).map(|(_, rest)| rest.trim());
            rest.ok_or_else(|| wrong(from, &format!("{name:?} in the header")))
        };
        let (kind, size, big_endian) = descr(field("descr")?).ok_or_else(|| {
            wrong(from, "numbers or texts ('descr' of '|u1', '<f4' …); objects and records are not read")
        })?;
        let fortran = field("fortran_order")?.starts_with("True");
        let shape =
            shape(field("shape")?).ok_or_else(|| wrong(from, "'shape': whole numbers in parentheses"))?;
        let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        let body = from + length;
        let expected = count.and_then(|n| n.checked_mul(size)).filter(|&n| n.checked_add(body).is_some());
        let expected =
            expected.ok_or_else(|| wrong(from, &format!("a shape that fits memory, not {shape:?}")))?;
        let found = file.len() - body;
        if found != expected {
            return Err(format!(
                "{} after the header, {found} there",
                wrong(body, &format!("{expected} bytes"))
            ));
        }
        file.drain(..body);
        let array = Array { shape, kind, size, big_endian, bytes: file };
        Ok(if fortran { array.turned() } else { array })
    }

    /// The array with its bytes brought from Fortran's order, the first dimension fastest, to C's.
    fn turned(mut self) -> Array {
        let from = std::mem::take(&mut self.bytes);
        self.bytes.reserve_exact(from.len());
        let mut strides = vec![1; self.shape.len()];
        (1..self.shape.len()).for_each(|d| strides[d] = strides[d - 1] * self.shape[d - 1]);
        let mut index = vec![0; self.shape.len()];
        let mut at = 0;
        for _ in 0..from.len() / self.size.max(1) {
            self.bytes.extend_from_slice(&from[at * self.size..(at + 1) * self.size]);
            for d in (0..index.len()).rev() {
                index[d] += 1;
                at += strides[d];
                if index[d] < self.shape[d] {
                    break;
                }
                at -= index[d] * strides[d];
                index[d] = 0;
            }
        }
        self
    }

    /// How many bytes it takes.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it holds texts.
    pub fn is_text(&self) -> bool {
        matches!(self.kind, Kind::Text | Kind::Bytes)
    }

    /// Whether its numbers are whole.
    pub fn is_whole(&self) -> bool {
        matches!(self.kind, Kind::Bool | Kind::Unsigned | Kind::Signed)
    }

    /// The bytes, where its numbers are bytes without a sign; itself otherwise.
    pub fn into_bytes(self) -> Result<Vec<u8>, Array> {
        if self.kind == Kind::Unsigned && self.size == 1 { Ok(self.bytes) } else { Err(self) }
    }

    /// All numbers; whole ones beyond 2⁵³ are rounded. Texts have none.
    pub fn numbers(&self) -> impl Iterator<Item = f64> + '_ {
        let texts = self.is_text();
        let size = if texts { usize::MAX } else { self.size };
        let value = move |bytes: &[u8]| {
            let mut word = [0; 8];
            word[..bytes.len()].copy_from_slice(bytes);
            if self.big_endian {
                word[..bytes.len()].reverse();
            }
            let bits = u64::from_le_bytes(word);
            match (self.kind, bytes.len()) {
                (Kind::Float, 2) => f64::from(f16::from_bits(bits as u16)),
                (Kind::Float, 4) => f64::from(f32::from_bits(bits as u32)),
                (Kind::Float, _) => f64::from_bits(bits),
                (Kind::Signed, n) => {
                    let unused = 64 - 8 * n as u32;
                    (((bits << unused) as i64) >> unused) as f64
                }
                _ => bits as f64,
            }
        };
        self.bytes.chunks_exact(size).map(value)
    }

    /// All texts; none where it holds numbers.
    pub fn texts(&self) -> Vec<String> {
        if !self.is_text() || self.size == 0 {
            return vec![];
        }
        let text = |bytes: &[u8]| match self.kind {
            Kind::Text => bytes
                .chunks_exact(4)
                .filter_map(|c| c.first_chunk())
                .map(|&c| if self.big_endian { u32::from_be_bytes(c) } else { u32::from_le_bytes(c) })
                .take_while(|&c| c != 0)
                .map(|c| char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect(),
            _ => String::from_utf8_lossy(bytes).trim_end_matches('\0').to_string(),
        };
        self.bytes.chunks_exact(self.size).map(text).collect()
    }
}

/// What numbers are, bytes a number, and whether the greatest byte comes first.
fn descr(text: &str) -> Option<(Kind, usize, bool)> {
    let quote = text.chars().next().filter(|&c| c == '\'' || c == '"')?;
    let word = text[1..].split_once(quote)?.0;
    let (order, word) = match word.split_at_checked(1)? {
        (order @ ("<" | ">" | "|" | "="), rest) => (order, rest),
        _ => ("|", word),
    };
    let (kind, size) = word.split_at_checked(1)?;
    let size: usize = size.parse().ok()?;
    let (kind, sizes): (Kind, &[usize]) = match kind {
        "b" => (Kind::Bool, &[1]),
        "u" => (Kind::Unsigned, &[1, 2, 4, 8]),
        "i" => (Kind::Signed, &[1, 2, 4, 8]),
        "f" => (Kind::Float, &[2, 4, 8]),
        "U" => return Some((Kind::Text, size.checked_mul(4)?, order == ">")),
        "S" => return Some((Kind::Bytes, size, false)),
        _ => return None,
    };
    sizes.contains(&size).then_some((kind, size, order == ">"))
}

/// A tuple of lengths.
fn shape(text: &str) -> Option<Vec<usize>> {
    let inner = text.strip_prefix('(')?.split_once(')')?.0;
    let parts = inner.split(',').map(str::trim).filter(|part| !part.is_empty());
    let shape: Vec<usize> =
        parts.map(|part| part.trim_end_matches('L').parse().ok()).collect::<Option<_>>()?;
    (shape.len() <= MOST_DIMENSIONS).then_some(shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(descr: &str, fortran: bool, shape: &str, body: &[u8]) -> Vec<u8> {
        let fortran = if fortran { "True" } else { "False" };
        let header = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
        let mut bytes = [MAGIC, &[1, 0], &(header.len() as u16).to_le_bytes(), header.as_bytes()].concat();
        bytes.extend_from_slice(body);
        bytes
    }

    fn numbers(descr: &str, body: &[u8], count: usize) -> Vec<f64> {
        Array::parse(file(descr, false, &format!("({count},)"), body)).expect("sound").numbers().collect()
    }

    #[test]
    fn numbers_of_every_kind_are_read() {
        assert_eq!(numbers("|u1", &[0, 255], 2), [0.0, 255.0]);
        assert_eq!(numbers("|b1", &[0, 1], 2), [0.0, 1.0]);
        assert_eq!(numbers("<i2", &[0xff, 0xff, 1, 2], 2), [-1.0, 513.0]);
        assert_eq!(numbers(">i4", &[0xff, 0xff, 0xff, 0xfe], 1), [-2.0]);
        assert_eq!(numbers("<u8", &7u64.to_le_bytes(), 1), [7.0]);
        assert_eq!(numbers("<f4", &1.5f32.to_le_bytes(), 1), [1.5]);
        assert_eq!(numbers(">f8", &(-2.25f64).to_be_bytes(), 1), [-2.25]);
        assert_eq!(numbers("<f2", &f16::from_f32(0.5).to_le_bytes(), 1), [0.5]);
        let texts: Vec<u8> = "cat\0sea\0".chars().flat_map(|c| (c as u32).to_le_bytes()).collect();
        assert_eq!(Array::parse(file("<U4", false, "(2,)", &texts)).expect("sound").texts(), ["cat", "sea"]);
    }

    #[test]
    fn headers_are_aligned_and_whole() {
        let bytes = header("<f4", &[2]);
        let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        assert_eq!((10 + length) % 64, 0);
        assert_eq!(bytes.len(), 10 + length);
        assert!(String::from_utf8_lossy(&bytes[10..10 + length]).contains("'shape': (2,)"));
        assert_eq!(bytes[9 + length], b'\n');
    }

    #[test]
    fn fortrans_order_becomes_cs() {
        // Element [i, j, k] of 2×3×4 is 100i + 10j + k.
        let element = |i: u8, j: u8, k: u8| 100 * i + 10 * j + k;
        let mut body = vec![];
        (0..4).for_each(|k| (0..3).for_each(|j| (0..2).for_each(|i| body.push(element(i, j, k)))));
        let array = Array::parse(file("|u1", true, "(2, 3, 4)", &body)).expect("sound");
        let mut expected = vec![];
        (0..2).for_each(|i| (0..3).for_each(|j| (0..4).for_each(|k| expected.push(element(i, j, k)))));
        assert_eq!(array.into_bytes(), Ok(expected));
    }

    #[test]
    fn what_is_no_array_is_told() {
        for (bytes, told) in [
            (b"PK".to_vec(), "at byte 0"),
            (b"\x93NUMPY\x09\0\0\0\0\0".to_vec(), "at byte 6: expected version 1, 2 or 3"),
            (b"\x93NUMPY\x01\0\xff\0{".to_vec(), "at byte 6"),
            (b"\x93NUMPY\x01\0\xff\0{}  ".to_vec(), "at byte 10: expected a header of 255 bytes"),
            (file("|O", false, "(2,)", &[0; 2]), "objects and records are not read"),
            (file("|u1", false, "(3,)", &[0; 2]), "expected 3 bytes after the header, 2 there"),
            (file("<f8", false, "(4294967296, 4294967296, 4294967296)", &[]), "a shape that fits memory"),
            (file("|u1", false, "(-1,)", &[]), "'shape'"),
        ] {
            let error = Array::parse(bytes).expect_err("damaged");
            assert!(error.contains(told), "{error:?} says {told:?}");
        }
    }
}
