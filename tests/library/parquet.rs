//! Parquet as the Hugging Face Hub has it, written here by the crate that also reads it.

use crate::common::files::{failure, picture, put, read};
use crate::common::says::says;
use gansaku::config::Source;
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::sync::Arc;
use tempfile::tempdir;

const SCHEMA: &str = "message schema {
    optional group image { optional binary bytes; optional binary path (string); }
    optional int64 label;
}";
const NAMES: &str =
    r#"{"info": {"features": {"label": {"_type": "ClassLabel", "names": ["sky", "sea", "land"]}}}}"#;

/// A shard of pictures and labels.
pub fn shard(rows: &[(&[u8], i64)]) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(SCHEMA).expect("a schema"));
    let names = KeyValue::new("huggingface".into(), NAMES.to_string());
    let properties = WriterProperties::builder()
        .set_key_value_metadata(Some(vec![names]))
        .set_compression(parquet::basic::Compression::SNAPPY)
        .build();
    let mut bytes = vec![];
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::new(properties)).expect("memory");
    let mut group = writer.next_row_group().expect("memory");
    let images: Vec<ByteArray> = rows.iter().map(|(bytes, _)| bytes.to_vec().into()).collect();
    let paths: Vec<ByteArray> = (0..rows.len()).map(|i| format!("{i}.png").into_bytes().into()).collect();
    let labels: Vec<i64> = rows.iter().map(|(_, label)| *label).collect();
    for texts in [images, paths] {
        let mut column = group.next_column().expect("memory").expect("a column");
        let levels = vec![2; rows.len()];
        column.typed::<ByteArrayType>().write_batch(&texts, Some(&levels), None).expect("memory");
        column.close().expect("memory");
    }
    let mut column = group.next_column().expect("memory").expect("a column");
    column.typed::<Int64Type>().write_batch(&labels, Some(&vec![1; rows.len()]), None).expect("memory");
    column.close().expect("memory");
    group.close().expect("memory");
    writer.close().expect("memory");
    bytes
}

#[test]
fn shards_are_one_set_with_splits_and_names() {
    let folder = tempdir().expect("a folder");
    let level = |level: u8| picture(8, 8, |_, _| [level; 3]);
    let pictures: Vec<Vec<u8>> = (0..7).map(level).collect();
    let rows =
        |of: &[usize]| shard(&of.iter().map(|&i| (&pictures[i][..], i as i64 % 3)).collect::<Vec<_>>());
    put(folder.path(), "data/train-00000-of-00002.parquet", &rows(&[0, 1, 2]));
    put(folder.path(), "data/train-00001-of-00002.parquet", &rows(&[3]));
    put(folder.path(), "data/test-00000-of-00001.parquet", &rows(&[4, 5]));
    put(folder.path(), "README.md", b"a card");
    let data = read(Source::Auto, folder.path()).expect("whole data");
    assert_eq!([data.train.count, data.test.count, data.classes], [4, 2, 3]);
    assert_eq!(
        (data.train.labels.clone(), data.test.labels.clone()),
        (Some(vec![0, 1, 2, 0]), Some(vec![1, 2]))
    );
    assert_eq!(data.class_names, ["sky", "sea", "land"]);
    let first = |split, i| (data.numbers(split, i)[0] * 255.0).round();
    assert_eq!([first(&data.train, 3), first(&data.test, 1)], [3.0, 5.0]);
    // One file is a whole set; a label of −1 is one that is kept back.
    put(folder.path(), "one", &shard(&[(&pictures[6], -1), (b"damaged", -1)]));
    let data = read(Source::Auto, &folder.path().join("one")).expect("one picture");
    assert_eq!((data.train.count, data.classes), (1, 0));
    says(&data.notes.join("; "), &["skipped 1 of 2 pictures", "00000001 1.png: expected PNG"]);
    put(folder.path(), "cut", &rows(&[0, 1])[..200]);
    says(&failure(read(Source::Auto, &folder.path().join("cut"))), &["cut", "not a whole Parquet file"]);
}
