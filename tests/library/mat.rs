//! MAT-files in every spelling and with every kind of lie in them, read as the Toronto Face Database.

use crate::common::asked::asked;
use crate::common::says::says;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use gansaku::config::{Data, Source};
use gansaku::data::{Dataset, Values, load};
use proptest::prelude::*;
use std::fs;
use std::io::Write;
use std::path::Path;
use tempfile::tempdir;

/// What is made of a file; an error must be the data's and name the file.
fn tfd(bytes: &[u8], fold: usize) -> Result<Dataset, String> {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("TFD_48x48.mat");
    fs::write(&path, bytes).expect("a file");
    load(&Data { fold, ..asked(Source::Tfd, &path) }, 0).map_err(|e| {
        assert_eq!(e.exit_code(), 3, "{e}");
        assert!(e.to_string().contains("TFD_48x48.mat: ") && !e.to_string().contains('\n'), "{e}");
        e.to_string()
    })
}

/// How a MAT-file is spelt.
#[derive(Clone, Copy, Debug)]
struct Spelling {
    big: bool,
    pack: bool,
    small: bool,
}

const PLAIN: Spelling = Spelling { big: false, pack: false, small: false };

impl Spelling {
    fn word(self, word: u32) -> [u8; 4] {
        if self.big { word.to_be_bytes() } else { word.to_le_bytes() }
    }

    fn words(self, words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|&w| self.word(w)).collect()
    }

    fn element(self, kind: u32, data: &[u8]) -> Vec<u8> {
        let small = self.small && (1..=4).contains(&data.len());
        let tag = if small { vec![(data.len() as u32) << 16 | kind] } else { vec![kind, data.len() as u32] };
        let mut bytes = self.words(&tag);
        bytes.extend_from_slice(data);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }

    fn packed(self, variable: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(vec![], Compression::best());
        let data = encoder.write_all(variable).and_then(|()| encoder.finish()).expect("memory");
        [self.words(&[15, data.len() as u32]), data].concat()
    }

    /// `flags`: 6 is double, 9 uint8, 0x0800 complex.
    fn variable(self, name: &str, flags: u32, dimensions: &[u32], kind: u32, numbers: &[u8]) -> Vec<u8> {
        let parts = [
            self.element(6, &self.words(&[flags, 0])),
            self.element(5, &self.words(dimensions)),
            self.element(1, name.as_bytes()),
            self.element(kind, numbers),
        ];
        let variable = [self.words(&[14, parts.concat().len() as u32]), parts.concat()].concat();
        if self.pack { self.packed(&variable) } else { variable }
    }

    fn file(self, variables: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = b"MATLAB 5.0 MAT-file, for a test".to_vec();
        bytes.resize(124, b' ');
        bytes.extend(if self.big { *b"\x01\x00MI" } else { *b"\x00\x01IM" });
        bytes.extend(variables.concat());
        bytes
    }

    /// `n` images of side × side, and folds of 5 columns stored as signed bytes.
    fn faces(self, n: usize, side: usize) -> Vec<Vec<u8>> {
        let [count, edge] = [n as u32, side as u32];
        let mut pixels = vec![0; n * side * side];
        for (i, row, column) in each(n, side) {
            pixels[i + n * (row + side * column)] = pixel(i, row, column);
        }
        let folds: Vec<u8> = (0..5 * n).map(|k| place(k % n, k / n)).collect();
        vec![
            self.variable("images", 9, &[count, edge, edge], 2, &pixels),
            self.variable("folds", 6, &[count, 5], 1, &folds),
        ]
    }
}

fn each(n: usize, side: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..n * side * side).map(move |k| (k / side / side, k / side % side, k % side))
}

fn pixel(i: usize, row: usize, column: usize) -> u8 {
    (i * 37 + row * 11 + column * 3) as u8
}

fn place(i: usize, fold: usize) -> u8 {
    ((i + fold) % 4) as u8
}

#[test]
fn tfd_is_the_same_in_every_spelling() {
    // More images than are turned at a time, and a number that no block divides.
    let (n, side) = (263, 5);
    for bits in 0..8 {
        let spelling = Spelling { big: bits & 1 > 0, pack: bits & 2 > 0, small: bits & 4 > 0 };
        let data =
            tfd(&spelling.file(&spelling.faces(n, side)), 3).unwrap_or_else(|e| panic!("{spelling:?}: {e}"));
        for (split, wanted) in [(&data.train, 0), (&data.valid, 2), (&data.test, 3)] {
            let upright = each(n, side).filter(|e| place(e.0, 3) == wanted).map(|(i, r, c)| pixel(i, r, c));
            assert_eq!(split.values, Values::U8(upright.collect()), "{spelling:?}, folds = {wanted}");
            assert_eq!(split.count, (0..n).filter(|&i| place(i, 3) == wanted).count());
            assert_eq!(split.labels, None);
        }
    }
}

#[test]
fn tfd_is_found_by_its_name_and_in_its_folder() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("TFD_48x48.mat");
    fs::write(&path, PLAIN.file(&PLAIN.faces(4, 2))).expect("a file");
    for (source, path) in
        [(Source::Tfd, Path::new(&path)), (Source::Tfd, folder.path()), (Source::Auto, folder.path())]
    {
        let data = load(&asked(source, path), 0).expect("whole data");
        assert_eq!(data.train.values, Values::U8(vec![0, 3, 11, 14]), "{source:?}, {}", path.display());
    }
}

#[test]
fn tfd_s_folds_may_be_of_any_numeric_type() {
    for spelling in [PLAIN, Spelling { big: true, ..PLAIN }] {
        macro_rules! folds {
            ($t:ty) => {
                (0..20).flat_map(|k| {
                    let number = place(k % 4, k / 4) as $t;
                    if spelling.big { number.to_be_bytes() } else { number.to_le_bytes() }
                })
            };
        }
        let spelt: [(u32, Vec<u8>); 10] = [
            (1, folds!(i8).collect()),
            (2, folds!(u8).collect()),
            (3, folds!(i16).collect()),
            (4, folds!(u16).collect()),
            (5, folds!(i32).collect()),
            (6, folds!(u32).collect()),
            (7, folds!(f32).collect()),
            (9, folds!(f64).collect()),
            (12, folds!(i64).collect()),
            (13, folds!(u64).collect()),
        ];
        for (kind, bytes) in spelt {
            let folds = spelling.variable("folds", 6, &[4, 5], kind, &bytes);
            let data = tfd(&spelling.file(&[spelling.faces(4, 2)[0].clone(), folds]), 1).expect("whole data");
            assert_eq!([data.train.count, data.valid.count, data.test.count], [1; 3], "type {kind}");
        }
    }
}

#[test]
fn what_is_not_numeric_is_passed_over() {
    let faces = PLAIN.faces(4, 2);
    let others: Vec<Vec<u8>> = [
        // Text, a cell, a structure, a sparse array, complex numbers.
        (4, 16),
        (1, 14),
        (2, 5),
        (5, 5),
        (6 | 0x0800, 2),
    ]
    .map(|(flags, kind)| PLAIN.variable("images", flags, &[1, 1], kind, &[0; 8]))
    .into();
    // An opaque object has a name where others have dimensions.
    let opaque =
        PLAIN.element(14, &[PLAIN.element(6, &PLAIN.words(&[17, 0])), PLAIN.element(1, b"s")].concat());
    let all = [others, vec![opaque, PLAIN.element(14, &[])], faces].concat();
    assert_eq!(tfd(&PLAIN.file(&all), 0).expect("whole data").train.count, 1);
}

#[test]
fn a_lie_in_a_mat_file_is_named_with_its_byte() {
    let faces = PLAIN.faces(4, 2);
    let file = |variables: &[Vec<u8>]| tfd(&PLAIN.file(variables), 0).expect_err("refused");
    let folds = 128 + faces[0].len();
    let with = |variable: Vec<u8>| file(&[faces[0].clone(), variable]);
    // Flags take 16 bytes behind the variable's tag of 8, dimensions 16 more, the name 16 more.
    let of = |dimensions: &[u32], kind, n| PLAIN.variable("folds", 6, dimensions, kind, &vec![0; n]);
    let numbers = format!("at byte {}", folds + 56);
    says(&with(of(&[4, 5], 2, 19)), &[&numbers, "the [4, 5] numbers of \"folds\"", "found 19"]);
    says(&with(of(&[u32::MAX; 2], 2, 19)), &[&numbers, "found 19"]);
    says(&with(of(&[4, 5], 9, 19)), &[&numbers, "type 9, 19 bytes"]);
    says(&with(of(&[4, 5], 77, 20)), &[&numbers, "type 77"]);
    let flip = |at: usize, word: u32| {
        let mut bytes = PLAIN.file(&faces);
        bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
        tfd(&bytes, 0).expect_err("refused")
    };
    says(&flip(folds, 3), &[&format!("at byte {folds}"), "a variable (type 14 or 15), found type 3"]);
    says(&flip(folds + 4, u32::MAX), &[&format!("at byte {}", folds + 8), "4294967295 bytes of a variable"]);
    says(&flip(folds + 8, 5), &[&format!("at byte {}", folds + 8), "flags (type 6", "found type 5"]);
    says(&flip(folds + 24, 9), &[&format!("at byte {}", folds + 24), "dimensions (type 5", "found type 9"]);
    says(&flip(folds + 40, 5), &[&format!("at byte {}", folds + 40), "name (type 1)", "found type 5"]);
    says(&flip(folds + 40, 5 << 16 | 1), &["a small element of at most 4 bytes, found 5 bytes"]);
    let whole = PLAIN.file(&faces);
    let cut = tfd(&whole[..whole.len() - 9], 0).expect_err("refused");
    says(&cut, &[&format!("at byte {}", folds + 8), &format!("{} bytes of a variable", faces[1].len() - 8)]);
    for (rest, found) in [(&[0; 3][..], "the end of the data"), (&[0; 8], "type 0")] {
        let trailing = tfd(&[&whole, rest].concat(), 0).expect_err("refused");
        says(&trailing, &[&format!("at byte {}", whole.len()), found]);
    }
}

#[test]
fn other_versions_of_mat_files_are_refused_with_the_way_out() {
    let mut later = PLAIN.file(&[]);
    later[124..126].copy_from_slice(&[0, 2]);
    says(&tfd(&later, 0).expect_err("refused"), &["at byte 124", "0x0100", "'-v7'"]);
    // As MATLAB writes HDF5, behind a text of its own, and as others do.
    let mut text = later;
    text[..10].copy_from_slice(b"MATLAB 7.3");
    for hdf5 in [&text[..], b"\x89HDF\r\n\x1a\n rest of an HDF5 file"] {
        says(&tfd(hdf5, 0).expect_err("refused"), &["at byte 0", "7.3 (HDF5)", "'-v7' or '-v6'"]);
    }
    for byte in [0, 7] {
        let told = tfd(&[byte; 200], 0).expect_err("refused");
        says(&told, &["at byte 126", "IM or MI", "version 4", "'-v7'"]);
    }
    says(&tfd(b"short", 0).expect_err("refused"), &["at byte 5", "header of 128 bytes"]);
}

#[test]
fn no_more_is_unpacked_than_a_variable_says_it_holds() {
    let bomb = |len: u32, kind: u32, zeros: usize| {
        let packed = PLAIN.packed(&[PLAIN.words(&[kind, len]), vec![0; zeros]].concat());
        tfd(&PLAIN.file(&[packed]), 0).expect_err("refused")
    };
    let at = "at byte 128: expected";
    says(&bomb(16, 14, 1 << 26), &[at, "the end of the variable at byte 24 of what is packed there"]);
    says(&bomb(u32::MAX, 14, 1 << 20), &[at, "a length that", "found 4294967295"]);
    says(&bomb(1000, 14, 992), &[at, "8 more bytes", "at byte 1000 of"]);
    says(&bomb(16, 1, 16), &[at, "type 14", "type 1"]);
    let good = Spelling { pack: true, ..PLAIN };
    let mut bytes = good.file(&good.faces(40, 8));
    bytes[200] ^= 0x10;
    says(&tfd(&bytes, 0).expect_err("refused"), &["at byte 128", "packed"]);
}

#[test]
fn variables_that_are_not_tfd_s_are_refused() {
    let faces = PLAIN.faces(4, 2);
    let file = |variables: &[Vec<u8>], fold| tfd(&PLAIN.file(variables), fold).expect_err("refused");
    let images = |dimensions: &[u32], kind, n| {
        file(&[PLAIN.variable("images", 9, dimensions, kind, &vec![0; n]), faces[1].clone()], 0)
    };
    says(&file(&[], 0), &["a numeric variable \"images\"", "found []"]);
    says(&file(&faces[..1], 0), &["a numeric variable \"folds\"", "found [\"images\"]"]);
    says(&images(&[4, 2, 3], 2, 24), &["at byte 128", "[n, side, side]", "[4, 2, 3]"]);
    says(&images(&[4, 4], 2, 16), &["at byte 128", "[4, 4] of bytes"]);
    says(&images(&[4, 2, 2], 1, 16), &["at byte 128", "of other numbers"]);
    says(&images(&[0, 2, 2], 2, 0), &["at byte 128", "[0, 2, 2]"]);
    let folds = format!("at byte {}", 128 + faces[0].len());
    says(&file(&faces, 5), &[&folds, "fold 5 of 0 to 4", "[4, 5]"]);
    // As many folds as there are columns can be chosen.
    let two = [faces[0].clone(), PLAIN.variable("folds", 6, &[4, 2], 2, &[0, 1, 2, 3, 0, 0, 3, 3])];
    assert_eq!(tfd(&PLAIN.file(&two), 1).expect("whole data").train.count, 2);
    says(&file(&two, 2), &[&folds, "\"folds\" of dimensions [4, 5]", "found [4, 2]"]);
    let with = |rows: u32, value| {
        let folds = PLAIN.variable("folds", 6, &[rows, 5], 2, &vec![value; rows as usize * 5]);
        file(&[faces[0].clone(), folds], 0)
    };
    says(&with(3, 0), &[&folds, "[4, 5]", "[3, 5]"]);
    says(&with(4, 7), &[&folds, "0, 1, 2 and 3", "7 for image 0"]);
    says(&with(4, 1), &[&folds, "unlabelled", "none in fold 0"]);
}

#[test]
fn every_beginning_of_a_mat_file_is_refused() {
    for spelling in [PLAIN, Spelling { pack: true, big: true, small: true }] {
        let whole = spelling.file(&spelling.faces(4, 2));
        for len in 0..whole.len() {
            // What is cut may be the padding of the last element, at most 7 bytes in all.
            assert!(tfd(&whole[..len], 0).is_err(), "{spelling:?}: {len} of {} bytes", whole.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    // `tfd` asserts the exit code and the file's name.
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = tfd(&bytes, 0);
    }

    #[test]
    fn damaged_mat_files_are_read_or_refused(
        bits in 0..8usize,
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        keep in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let spelling = Spelling { big: bits & 1 > 0, pack: bits & 2 > 0, small: bits & 4 > 0 };
        let mut file = spelling.file(&spelling.faces(5, 3));
        flips.iter().for_each(|(at, with)| { let i = at.index(file.len()); file[i] ^= with; });
        if cut { file.truncate(keep.index(file.len())); }
        let _ = tfd(&file, 0);
    }

    #[test]
    fn no_word_in_a_mat_file_is_trusted(
        bits in 0..8usize,
        words in prop::collection::vec((any::<prop::sample::Index>(), any::<u32>()), 1..4),
        keep in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let spelling = Spelling { big: bits & 1 > 0, pack: bits & 2 > 0, small: bits & 4 > 0 };
        // The lies are told before packing, so that they reach the parser.
        let plain = Spelling { pack: false, ..spelling };
        let mut variables = plain.faces(5, 3).concat();
        for (at, word) in words {
            let at = at.index(variables.len() / 4) * 4;
            variables[at..at + 4].copy_from_slice(&spelling.word(if word % 2 == 0 { word % 64 } else { word }));
        }
        if cut { variables.truncate(keep.index(variables.len())); }
        let file = spelling.file(&[if spelling.pack { spelling.packed(&variables) } else { variables }]);
        let _ = tfd(&file, 0);
    }
}
