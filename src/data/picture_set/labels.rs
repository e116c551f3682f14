//! Files of labels beside pictures: StyleGAN's `dataset.json`, a table `labels.csv` or `metadata.csv`, and `metadata.jsonl`
//! as the Hugging Face Hub has it.

use super::archive::{Kind, Label, plain};
use crate::error::{Error, Result};
use serde_json::Value;
use std::collections::HashMap;

/// Names of a column of files, in lower case.
const FILES: [&str; 9] =
    ["file_name", "filename", "file", "path", "image", "img", "image_path", "name", "image_id"];
/// Names of a column of classes.
const CLASSES: [&str; 6] = ["label", "class", "category", "target", "labels", "class_name"];

/// What a file of labels says.
pub struct Table {
    /// Path of the file, within the archive.
    pub name: String,
    /// Class of each picture, by path within the archive.
    labels: HashMap<String, Label>,
    /// Why it gives no class to any picture; then it has the last word, and folders are no classes.
    pub nothing: Option<String>,
}

impl Table {
    /// Reads a file of labels; `whence` names the archive in errors.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn parse(whence: &str, name: &str, bytes: &[u8]) -> Result<Table> {
        let mut table = Table { name: name.into(), labels: HashMap::new(), nothing: None };
        let wrong = |why: String| Error::Data(format!("{whence}: {name}: {why}"));
        let file = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
        match file.as_str() {
            "dataset.json" => table.dataset_json(bytes),
            "metadata.jsonl" => table.json_lines(bytes),
            _ => table.csv(bytes),
        }
        .map_err(wrong)?;
        Ok(table)
    }

    /// Whether StyleGAN's tools wrote it: its word is the last one.
    pub fn is_final(&self) -> bool {
        self.name.to_ascii_lowercase().ends_with("dataset.json")
    }

    /// The class of a picture. A bare file name is looked up only where `unique` says that no two pictures share one.
    pub fn label(&self, path: &str, unique: bool) -> Option<&Label> {
        let bare = || self.labels.get(&self.key(path.rsplit('/').next()?)).filter(|_| unique);
        self.labels.get(path).or_else(bare)
    }

    /// How many pictures it names.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// A path that the file writes, relative to where it lies, as one within the archive.
    fn key(&self, file: &str) -> String {
        let folder = self.name.rsplit_once('/').map_or("", |(folder, _)| folder);
        plain(&format!("{folder}/{}", file.replace('\\', "/")))
    }

    fn put(&mut self, file: &str, label: Label) {
        self.labels.insert(self.key(file), label);
    }

    /// `{"labels": [["00000/img00000000.png", 6], …]}`, or null for a set without classes.
    fn dataset_json(&mut self, bytes: &[u8]) -> std::result::Result<(), String> {
        let text: Value = serde_json::from_slice(bytes).map_err(|e| format!("not JSON: {}", place(&e)))?;
        let rows = match text.get("labels") {
            Some(Value::Null) => {
                self.nothing = Some(format!("{} says that there are none", self.name));
                return Ok(());
            }
            Some(Value::Array(rows)) => rows,
            _ => return Err("expected \"labels\": a list of [file, class], or null".into()),
        };
        for (i, row) in rows.iter().enumerate() {
            let (file, label) = match row.as_array().map(Vec::as_slice) {
                Some([Value::String(file), label]) => (file, label),
                _ => return Err(format!("labels[{i}]: expected [file, class]")),
            };
            match label {
                Value::Array(_) => {
                    self.nothing = Some(format!("{} has vectors instead of classes", self.name));
                    return Ok(());
                }
                label => {
                    let label =
                        value(label).ok_or(format!("labels[{i}]: expected a class, a whole number"))?;
                    self.put(file, label);
                }
            }
        }
        Ok(())
    }

    /// An object a line: `{"file_name": "a.png", "label": 3}`.
    fn json_lines(&mut self, bytes: &[u8]) -> std::result::Result<(), String> {
        let lines = bytes.split(|&b| b == b'\n').zip(1..).filter(|(text, _)| !text.trim_ascii().is_empty());
        let mut without = 0usize;
        for (text, line) in lines {
            let row: Value =
                serde_json::from_slice(text).map_err(|e| format!("line {line}: not JSON: {}", place(&e)))?;
            let field = |names: &[&str]| names.iter().find_map(|name| row.get(name)).cloned();
            let Some(Value::String(file)) = field(&FILES) else {
                return Err(format!("line {line}: expected an object with \"file_name\""));
            };
            match field(&CLASSES).as_ref().and_then(value) {
                Some(label) => self.put(&file, label),
                None => without += 1,
            }
        }
        if self.labels.is_empty() && without > 0 {
            self.nothing = Some(format!("no line of {} has a \"label\"", self.name));
        }
        Ok(())
    }

    /// A table of files and classes, with a line of headings or without; commas, semicolons or tabs.
    fn csv(&mut self, bytes: &[u8]) -> std::result::Result<(), String> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let first = bytes.split(|&b| b == b'\n').next().unwrap_or_default();
        let count = |of: u8| first.iter().filter(|&&b| b == of).count();
        let delimiter =
            [b',', b';', b'\t'].into_iter().max_by_key(|&d| (count(d), d == b',')).unwrap_or(b',');
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .trim(csv::Trim::All)
            .from_reader(bytes);
        let (mut file, mut class, mut headings) = (0, 1, true);
        for record in reader.byte_records() {
            let record = record.map_err(|e| {
                let line = e.position().map_or(0, csv::Position::line);
                format!("line {line}: not a line of a table")
            })?;
            let field = |i: usize| record.get(i).map(String::from_utf8_lossy);
            let line = record.position().map_or(0, csv::Position::line);
            if std::mem::take(&mut headings) && !(0..record.len()).any(|i| is_picture(field(i).as_deref())) {
                let find = |names: &[&str]| {
                    names.iter().find_map(|n| {
                        (0..record.len()).find(|&i| field(i).is_some_and(|f| f.eq_ignore_ascii_case(n)))
                    })
                };
                file = find(&FILES).unwrap_or(0);
                class = find(&CLASSES).unwrap_or(usize::from(file == 0));
                continue;
            }
            match (field(file), field(class)) {
                (Some(name), Some(label)) if !name.is_empty() && !label.is_empty() => {
                    let number = label.parse().map(Label::Number);
                    self.put(&name, number.unwrap_or_else(|_| Label::Name(label.into_owned())));
                }
                _ if record.iter().all(<[u8]>::is_empty) => {}
                _ => return Err(format!("line {line}: expected a file and its class")),
            }
        }
        Ok(())
    }
}

fn is_picture(field: Option<&str>) -> bool {
    field.is_some_and(|f| Kind::of(&plain(f)) == Kind::Picture)
}

/// A class as JSON has it.
fn value(label: &Value) -> Option<Label> {
    match label {
        Value::Number(n) => n.as_i64().map(Label::Number),
        Value::String(name) => Some(Label::Name(name.clone())),
        Value::Bool(b) => Some(Label::Number(i64::from(*b))),
        _ => None,
    }
}

/// Where JSON stops being JSON.
fn place(error: &serde_json::Error) -> String {
    format!("line {}, column {}", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(name: &str, text: &str, picture: &str) -> Option<Label> {
        let table = Table::parse("set", name, text.as_bytes()).unwrap_or_else(|e| panic!("{text:?}: {e}"));
        table.label(picture, true).cloned()
    }

    #[test]
    fn tables_are_read_with_headings_or_without() {
        let [one, sea] = [Some(Label::Number(1)), Some(Label::Name("sea".into()))];
        for (text, expected) in [
            ("a.png,1\nb.png,2", &one),
            ("file,label\na.png,1\n", &one),
            ("\u{feff}label;file_name\r\nsea;a.png\r\n\r\n", &sea),
            ("id\tpath\tclass\n7\ta.png\tsea\n", &sea),
            ("\"a.png\",\"sea\"", &sea),
            ("b.png,1", &None),
            ("", &None),
        ] {
            assert_eq!(&label("labels.csv", text, "a.png"), expected, "{text:?}");
        }
        assert_eq!(label("x/labels.csv", "a/b.png,1", "x/a/b.png"), one, "relative to the table");
        assert_eq!(label("labels.csv", "b.png,1", "a/b.png"), one, "a bare name");
        let json = r#"{"file_name": "a.png", "label": "sea"}"#;
        assert_eq!(label("train/metadata.jsonl", &format!("{json}\n\n"), "train/a.png"), sea);
        let json = r#"{"labels": [["00000/a.png", 1]]}"#;
        assert_eq!(label("dataset.json", json, "00000/a.png"), one);
    }

    #[test]
    fn damaged_tables_are_named_with_their_line() {
        for (name, text, told) in [
            ("labels.csv", "a.png,1\nb.png", "labels.csv: line 2: expected a file and its class"),
            ("metadata.jsonl", "{\"file_name\": \"a\"}\nno", "line 2: not JSON: line 1, column 2"),
            ("metadata.jsonl", "{}", "line 1: expected an object with \"file_name\""),
            ("dataset.json", "{}", "expected \"labels\""),
            ("dataset.json", r#"{"labels": [["a.png"]]}"#, "labels[0]: expected [file, class]"),
        ] {
            let error = Table::parse("set", name, text.as_bytes()).err().expect("damaged").to_string();
            assert!(error.contains(told), "{error}");
        }
        for text in [r#"{"labels": null}"#, r#"{"labels": [["a.png", [0.5, 1.0]]]}"#] {
            assert!(Table::parse("set", "dataset.json", text.as_bytes()).expect("sound").nothing.is_some());
        }
    }
}
