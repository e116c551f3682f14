//! Data sets as the Hugging Face Hub keeps them: Parquet files whose rows have an image, a struct of `bytes` and `path`,
//! and most often a label. Names of classes stand in the schema's metadata. `train-*.parquet`, `validation-*.parquet` and
//! `test-*.parquet` are splits.

use super::archive::{Archive, Entry, LARGEST_PICTURE, Label, Listing, Split};
use crate::error::{Error, Result};
use parquet::basic::Compression;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};
use parquet::schema::types::{Type, TypePtr};
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Usual names of the column of pictures, of the column of classes.
const IMAGES: [&str; 4] = ["image", "img", "picture", "png"];
const LABELS: [&str; 6] = ["label", "labels", "fine_label", "class", "target", "cls"];
/// Rows that are held at once.
const ROWS: usize = 64;

/// Parquet files, one data set.
pub struct Shards {
    root: PathBuf,
    files: Vec<PathBuf>,
    /// Rows in each file.
    rows: Vec<usize>,
    /// The rows of a file, from one on.
    open: Option<(usize, RowIter<'static>)>,
}

/// Columns of a file.
struct Columns {
    image: TypePtr,
    label: Option<TypePtr>,
    names: Vec<String>,
}

impl Shards {
    /// The data set of these files, which lie at or below `root`.
    pub fn new(root: &Path, files: Vec<PathBuf>) -> Shards {
        Shards { root: root.to_path_buf(), files, rows: vec![], open: None }
    }

    fn wrong(&self, file: usize, why: &str) -> Error {
        Error::Data(format!("{}: {why}", self.files[file].display()))
    }

    fn reader(&self, file: usize) -> Result<SerializedFileReader<std::fs::File>> {
        let opened = std::fs::File::open(&self.files[file])
            .map_err(|e| self.wrong(file, &format!("cannot read it: {e}")))?;
        let damaged = || self.wrong(file, "not a whole Parquet file; fetch the file again");
        guarded(|| SerializedFileReader::new(opened)).and_then(std::result::Result::ok).ok_or_else(damaged)
    }

    fn columns(&self, file: usize, reader: &dyn FileReader) -> Result<Columns> {
        let data = reader.metadata().file_metadata();
        let fields = data.schema().get_fields();
        let is_image = |f: &&TypePtr| f.is_group() && f.get_fields().iter().any(|c| c.name() == "bytes");
        let named = |names: &[&str], f: &TypePtr| names.iter().position(|n| f.name().eq_ignore_ascii_case(n));
        let image = fields.iter().filter(is_image).min_by_key(|f| named(&IMAGES, f).unwrap_or(IMAGES.len()));
        let image = image.ok_or_else(|| {
            let names: Vec<&str> = fields.iter().map(|f| f.name()).collect();
            self.wrong(
                file,
                &format!("expected a column of images, a struct of bytes and path; found {names:?}"),
            )
        })?;
        let label = fields.iter().filter(|f| !f.is_group() && named(&LABELS, f).is_some());
        let label = label.min_by_key(|f| named(&LABELS, f)).cloned();
        let metadata = data.key_value_metadata().into_iter().flatten();
        let text = metadata.filter(|kv| kv.key == "huggingface").find_map(|kv| kv.value.as_ref());
        let features = text.and_then(|text| serde_json::from_str::<Value>(text).ok());
        let names = |column: &str| {
            let feature = features.as_ref()?.get("info")?.get("features")?.get(column)?;
            let names = feature.get("names")?.as_array()?;
            names.iter().map(|n| n.as_str().map(String::from)).collect::<Option<Vec<String>>>()
        };
        let names = label.as_ref().and_then(|l| names(l.name())).unwrap_or_default();
        Ok(Columns { image: image.clone(), label, names })
    }

    /// Refuses what is packed in a way that this build does not unpack.
    fn is_unpacked(&self, file: usize, reader: &dyn FileReader) -> Result<()> {
        let groups = reader.metadata().row_groups().iter();
        let mut packed = groups.flat_map(|group| group.columns().iter().map(|column| column.compression()));
        match packed.find(|by| !matches!(by, Compression::UNCOMPRESSED | Compression::SNAPPY)) {
            Some(by) => {
                let by = by.to_string();
                let by = by.split('(').next().unwrap_or_default();
                Err(self.wrong(
                    file,
                    &format!(
                        "packed by {by}, expected Snappy or nothing; write it with compression=\"snappy\""
                    ),
                ))
            }
            None => Ok(()),
        }
    }

    /// The rows of a file, only some columns of them.
    fn rows_of(&self, file: usize, columns: Vec<TypePtr>) -> Result<RowIter<'static>> {
        let reader = self.reader(file)?;
        let name = reader.metadata().file_metadata().schema().name().to_string();
        let damaged = || self.wrong(file, "its columns cannot be read; fetch the file again");
        guarded(|| {
            let schema = Type::group_type_builder(&name).with_fields(columns).build().ok()?;
            RowIter::from_file_into(Box::new(reader))
                .project(Some(schema))
                .ok()
                .map(|rows| rows.with_batch_size(ROWS))
        })
        .flatten()
        .ok_or_else(damaged)
    }

    /// A part of a column of pictures: one of its fields alone.
    fn part(image: &TypePtr, name: &str) -> Option<TypePtr> {
        let field = image.get_fields().iter().find(|f| f.name() == name)?.clone();
        let info = image.get_basic_info();
        let builder =
            Type::group_type_builder(info.name()).with_repetition(info.repetition()).with_fields(vec![field]);
        builder.build().ok().map(Arc::new)
    }
}

impl Archive for Shards {
    fn list(&mut self) -> Result<Listing> {
        let mut listing = Listing::default();
        self.rows.clear();
        let of_file = |path: &Path| {
            let stem = path.file_stem()?.to_str()?;
            Split::named(stem.split(['-', '_', '.']).next()?)
                .or_else(|| Split::named(path.parent()?.file_name()?.to_str()?))
        };
        let mut splits: Vec<Option<Split>> = self.files.iter().map(|f| of_file(f)).collect();
        // One split alone is no split: it is what there is.
        let means: std::collections::BTreeSet<_> = splits.iter().flatten().collect();
        if !means.contains(&Split::Train) || means.len() < 2 {
            splits.fill(None);
        }
        let mut place = 0;
        for file in 0..self.files.len() {
            let reader = self.reader(file)?;
            self.is_unpacked(file, &reader)?;
            let columns = self.columns(file, &reader)?;
            if listing.class_names.is_empty() {
                listing.class_names = columns.names;
            }
            let wanted = columns.label.into_iter().chain(Self::part(&columns.image, "path"));
            let rows = self.rows_of(file, wanted.collect())?;
            let shard =
                self.files[file].strip_prefix(&self.root).unwrap_or(Path::new("")).display().to_string();
            let mut count = 0;
            for row in Guarded(rows) {
                let row = row.map_err(|()| {
                    self.wrong(file, &format!("row {count} is damaged; fetch the file again"))
                })?;
                let (label, path) = label_and_path(&row);
                let number = format!("{count:08}");
                let name = [&shard, &number, path.as_deref().unwrap_or("image")];
                let name = name
                    .iter()
                    .filter(|part| !part.is_empty())
                    .map(|part| part.replace('/', " "))
                    .collect::<Vec<_>>();
                listing.pictures.push(Entry {
                    name: name.join(" "),
                    place,
                    size: 0,
                    label,
                    split: splits[file],
                });
                (place, count) = (place + 1, count + 1);
            }
            self.rows.push(count);
        }
        Ok(listing)
    }

    fn read(&mut self, entry: &Entry) -> std::result::Result<Vec<u8>, String> {
        let (mut file, mut row) = (0, entry.place);
        while row >= self.rows[file] {
            row -= self.rows[file];
            file += 1;
        }
        let fresh = self.open.as_ref().is_none_or(|(at, _)| *at != entry.place);
        if fresh {
            let reader = self.reader(file).map_err(|e| e.to_string())?;
            let image = self.columns(file, &reader).map_err(|e| e.to_string())?.image;
            let bytes = Self::part(&image, "bytes").ok_or("its column of bytes is gone")?;
            let mut rows = self.rows_of(file, vec![bytes]).map_err(|e| e.to_string())?;
            guarded(|| rows.by_ref().take(row).for_each(drop)).ok_or("a row before it is damaged")?;
            self.open = Some((entry.place, rows));
        }
        let Some((at, rows)) = &mut self.open else { return Err("no rows".into()) };
        *at += 1;
        let found = guarded(|| rows.next());
        if row + 1 == self.rows[file] || found.is_none() {
            self.open = None;
        }
        let found = found.flatten().and_then(std::result::Result::ok).ok_or("its row is damaged")?;
        let bytes = image_bytes(&found).ok_or("it has no bytes, only a path: such files are not read")?;
        if bytes.len() as u64 > LARGEST_PICTURE {
            return Err(format!("expected at most {LARGEST_PICTURE} bytes, found {}", bytes.len()));
        }
        Ok(bytes)
    }
}

/// What a reader gives, or nothing where it panics: the crate's readers do on some damaged files.
fn guarded<T>(read: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(read)).ok()
}

/// Rows until the first damaged one.
struct Guarded(RowIter<'static>);

impl Iterator for Guarded {
    type Item = std::result::Result<Row, ()>;

    fn next(&mut self) -> Option<Self::Item> {
        match guarded(|| self.0.next()) {
            None => Some(Err(())),
            Some(row) => row.map(|row| row.map_err(drop)),
        }
    }
}

fn label_and_path(row: &Row) -> (Option<Label>, Option<String>) {
    let (mut label, mut path) = (None, None);
    for (_, field) in row.get_column_iter() {
        match field {
            Field::Group(image) => {
                let text = image.get_column_iter().find_map(|(_, f)| match f {
                    Field::Str(s) => Some(s.clone()),
                    _ => None,
                });
                path = path.or(text);
            }
            Field::Str(name) => label = Some(Label::Name(name.clone())),
            Field::Bool(b) => label = Some(Label::Number((*b).into())),
            Field::Byte(n) => label = Some(Label::Number((*n).into())),
            Field::Short(n) => label = Some(Label::Number((*n).into())),
            Field::Int(n) => label = Some(Label::Number((*n).into())),
            Field::Long(n) => label = Some(Label::Number(*n)),
            Field::UByte(n) => label = Some(Label::Number((*n).into())),
            Field::UShort(n) => label = Some(Label::Number((*n).into())),
            Field::UInt(n) => label = Some(Label::Number((*n).into())),
            Field::ULong(n) => label = i64::try_from(*n).ok().map(Label::Number),
            _ => {}
        }
    }
    // −1 stands for a label that is kept back.
    (label.filter(|l| *l != Label::Number(-1)), path)
}

fn image_bytes(row: &Row) -> Option<Vec<u8>> {
    row.get_column_iter().find_map(|(_, field)| match field {
        Field::Group(image) => image.get_column_iter().find_map(|(_, f)| match f {
            Field::Bytes(bytes) => Some(bytes.data().to_vec()),
            _ => None,
        }),
        _ => None,
    })
}
