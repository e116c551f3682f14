//! No panic, and no more memory than told, whatever a reader is given: random bytes, damaged files of every format, and
//! files that lie about their sizes.

use crate::common::files::{cifar, failure, gz, jpeg, npy, picture, put, read, tar, zip};
use crate::common::idx::idx;
use crate::common::says::says;
use gansaku::config::Source;
use proptest::prelude::*;
use std::path::PathBuf;
use std::sync::LazyLock;
use tempfile::{TempDir, tempdir};

/// A valid file of a format.
struct Specimen {
    source: Source,
    /// Where its reader looks for it: a file of a folder, or what is given itself.
    name: &'static str,
    itself: bool,
    /// What lies in its folder beside it.
    beside: Option<(&'static str, Vec<u8>)>,
    bytes: Vec<u8>,
    /// Applied once the bytes are damaged: what is packed has sums of its own, which would catch the damage.
    pack: fn(&[u8]) -> Vec<u8>,
}

static SPECIMENS: LazyLock<Vec<Specimen>> = LazyLock::new(specimens);

fn specimens() -> Vec<Specimen> {
    let plain = <[u8]>::to_vec as fn(&[u8]) -> Vec<u8>;
    let within =
        |source, name, bytes| Specimen { source, name, itself: false, beside: None, bytes, pack: plain };
    let itself =
        |name, bytes, pack| Specimen { source: Source::Auto, name, itself: true, beside: None, bytes, pack };
    let table = |name, text: &str| Specimen {
        beside: Some(("a.png", picture(4, 4, |x, _| [x as u8; 3]))),
        ..within(Source::Folder, name, text.as_bytes().to_vec())
    };
    let image = image::RgbImage::from_fn(5, 4, |x, y| image::Rgb([x as u8, y as u8, 7]));
    let encoded = |format| {
        let mut bytes = std::io::Cursor::new(vec![]);
        image.write_to(&mut bytes, format).expect("memory");
        bytes.into_inner()
    };
    let png = picture(5, 4, |x, y| [x as u8, y as u8, 7]);
    let json = br#"{"labels": [["a/0.png", 1], ["b/0.png", 0]]}"#;
    let files: Vec<(&str, &[u8])> = vec![("a/0.png", &png), ("b/0.png", &png), ("dataset.json", json)];
    let array = npy("|u1", &[3, 2, 2], &[9; 12]);
    vec![
        within(Source::Idx, "train-images-idx3-ubyte", idx(&[3, 2, 3], &[9; 18])),
        within(Source::Idx, "train-images-idx3-ubyte.gz", gz(&idx(&[3, 2, 3], &[9; 18]))),
        within(Source::Cifar10, "data_batch_1.bin", cifar(&[1])),
        within(Source::Folder, "a.png", png.clone()),
        within(Source::Folder, "a.jpg", jpeg(9, 9)),
        within(Source::Folder, "a.webp", encoded(image::ImageFormat::WebP)),
        within(Source::Folder, "a.bmp", encoded(image::ImageFormat::Bmp)),
        within(Source::Folder, "a.tif", encoded(image::ImageFormat::Tiff)),
        within(Source::Folder, "a.gif", encoded(image::ImageFormat::Gif)),
        table("labels.csv", "file,label\n\"a.png\",sea\n"),
        table("metadata.jsonl", "{\"file_name\": \"a.png\", \"label\": 1}\n"),
        table("dataset.json", r#"{"labels": [["a.png", 1]]}"#),
        itself("a.zip", zip(&files), plain),
        itself("a.tar", tar(&files), plain),
        itself("a.tar", tar(&files), with_sums),
        itself("a.tar.gz", tar(&files), gz),
        itself("a.tar.gz", gz(&tar(&files)), plain),
        itself("a.npy", array.clone(), plain),
        itself("a.npy", npy("<f4", &[2, 1, 2], &[0; 16]), plain),
        itself("a.npz", array, |bytes| zip(&[("x_train.npy", bytes)])),
        itself("a.npz", zip(&[("x.npy", &npy("|u1", &[2, 1, 2], &[9; 4]))]), plain),
        #[cfg(feature = "parquet")]
        itself("a.parquet", super::parquet::shard(&[(&png, 0), (&png, 1)]), plain),
    ]
}

/// A tar file, the sums in its headers made right.
fn with_sums(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for block in bytes.chunks_exact_mut(512).filter(|block| &block[257..262] == b"ustar") {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|&b| u32::from(b)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    bytes
}

impl Specimen {
    /// Loads bytes as the format; only an error of the data is allowed.
    fn survives(&self, bytes: &[u8]) {
        let folder = tempdir().expect("a folder");
        let path = self.put(&folder, bytes);
        if let Err(e) = read(self.source, &path) {
            assert_eq!(e.exit_code(), 3, "{e}");
            assert!(!e.to_string().contains('\n'), "one line: {e}");
        }
    }

    fn put(&self, folder: &TempDir, bytes: &[u8]) -> PathBuf {
        put(folder.path(), self.name, &(self.pack)(bytes));
        self.beside.iter().for_each(|(name, bytes)| put(folder.path(), name, bytes));
        if self.itself { folder.path().join(self.name) } else { folder.path().to_path_buf() }
    }
}

#[test]
fn specimens_are_sound() {
    for specimen in SPECIMENS.iter() {
        let folder = tempdir().expect("a folder");
        let path = specimen.put(&folder, &specimen.bytes);
        let data = read(specimen.source, &path).unwrap_or_else(|e| panic!("{}: {e}", specimen.name));
        assert!(
            data.notes.iter().all(|note| !note.contains("damaged")),
            "{}: {:?}",
            specimen.name,
            data.notes
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(
        which in any::<prop::sample::Index>(),
        kept in 0..40usize,
        bytes in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        // Some begin as the format does, or they would be refused at their first byte.
        let specimen = which.get(&SPECIMENS[..]);
        let begin = &specimen.bytes[..kept.min(specimen.bytes.len())];
        specimen.survives(&[begin, &bytes].concat());
    }

    #[test]
    fn damaged_files_are_read_or_refused(
        which in any::<prop::sample::Index>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        keep in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let specimen = which.get(&SPECIMENS[..]);
        let mut bytes = specimen.bytes.clone();
        flips.iter().for_each(|(at, with)| { let i = at.index(bytes.len()); bytes[i] ^= with; });
        if cut { bytes.truncate(keep.index(bytes.len())); }
        specimen.survives(&bytes);
    }
}

#[test]
fn sizes_that_lie_cost_nothing() {
    let folder = tempdir().expect("a folder");
    let png = picture(4, 4, |_, _| [9; 3]);
    // A zip's directory: a file's size once unpacked stands 24 bytes behind the signature.
    let mut bytes = zip(&[("a.png", &png), ("b.png", &png)]);
    let at = bytes.windows(4).position(|w| w == b"PK\x01\x02").expect("a directory");
    for (size, why) in [(u32::MAX - 1, "expected at most 1073741824 bytes"), (70, "damaged in the zip file")]
    {
        bytes[at + 24..at + 28].copy_from_slice(&size.to_le_bytes());
        put(folder.path(), "a.zip", &bytes);
        let data = read(Source::Auto, &folder.path().join("a.zip")).expect("the other one");
        assert_eq!(data.train.count, 1);
        says(&data.notes.join("; "), &["skipped 1 of 2 pictures", "a.png: ", why]);
    }
    // A tar file's header: eleven octal digits from byte 124 on.
    let mut bytes = tar(&[("a.png", &png)]);
    bytes[124..135].fill(b'7');
    put(folder.path(), "a.tar", &with_sums(&bytes));
    says(
        &failure(read(Source::Auto, &folder.path().join("a.tar"))),
        &["a.tar: a damaged tar file", "fetch the file again"],
    );
    let array = npy("|u1", &[1 << 40, 1 << 10, 1 << 10], &[0; 4]);
    put(folder.path(), "a.npy", &array);
    says(
        &failure(read(Source::Auto, &folder.path().join("a.npy"))),
        &["a.npy", "expected 1152921504606846976 bytes"],
    );
}

#[test]
fn names_in_archives_open_nothing() {
    let folder = tempdir().expect("a folder");
    let png = picture(4, 4, |_, _| [9; 3]);
    put(folder.path(), "secret.png", &png);
    let mut bytes = tar(&[("aaaaaaaaaaaaaa/b.png", b"no picture"), ("c.png", &png)]);
    bytes[..20].copy_from_slice(b"../secret.png\0\0\0\0\0\0\0");
    put(folder.path(), "below/a.tar", &with_sums(&bytes));
    let data = read(Source::Auto, &folder.path().join("below/a.tar")).expect("one picture");
    assert_eq!(data.train.count, 1);
    says(&data.notes.join("; "), &["secret.png: expected PNG"]);
}
