//! The run's metrics and sample pictures as TensorBoard reads them: `tensorboard --logdir runs`.
//!
//! The file is a series of records: length (u64), its masked CRC-32C (u32), an `Event` message of protocol buffers, and
//! the masked CRC-32C of that, all little-endian (TensorFlow's `tfrecord` and `event.proto`). It tells nothing that
//! metrics.jsonl and samples/ do not: opening it makes it anew from those, so that a resume is as exact as theirs.
//!
//! Equal runs make equal files but for times, as metrics.jsonl: an event's wall time is the *seconds of training* of the
//! newest line, counted from 1970, and the file's name tells no time. TensorBoard's “relative” axis is right, its
//! “wall” axis begins in 1970.

use crate::config::Config;
use crate::error::{Error, Result};
use crate::models::Statistic;
use crate::run::{Folder, Line, atomic, journal};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// TensorBoard knows its files by `tfevents` in the name.
pub const FILE: &str = "events.out.tfevents.0000000000.gansaku";

/// The open file.
#[derive(Debug)]
pub struct Events {
    path: PathBuf,
    file: File,
    /// What tells each number's tag.
    statistics: Vec<Statistic>,
    /// Seconds of training at the newest line.
    seconds: f64,
    /// The newest picture's step.
    pictured: Option<u64>,
}

impl Events {
    /// Makes the file of a run that has done `step` steps of `total` from its metrics and pictures, and opens it for
    /// more; `statistics` are its model's. Pictures are those of steps divisible by `log.samples_every`, and that of the last step: what a stop on
    /// the way left is no part of it.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn open(
        folder: &Folder,
        config: &Config,
        statistics: Vec<Statistic>,
        step: u64,
        total: Option<u64>,
    ) -> Result<Events> {
        let path = folder.path.join(FILE);
        let lines = journal::read::<Line>(&folder.metrics_file())?;
        let lines: Vec<&Line> = lines.iter().filter(|l| l.step <= step).collect();
        let mut pictures = vec![];
        for (at, png) in folder.pictures()? {
            if at <= step && (config.log.is_drawn(at) || Some(at) == total) {
                pictures.push((at, png));
            }
        }
        let mut bytes = record(&Event { seconds: 0.0, step: 0, what: What::Version }.encode());
        let (mut seconds, mut pictures) = (0.0, pictures.into_iter().peekable());
        let mut pictured = None;
        let picture = |bytes: &mut Vec<u8>, seconds: f64, at: u64, path: &Path| -> Result<()> {
            let png = std::fs::read(path).map_err(|e| Error::io("read", path, &e))?;
            bytes.extend(record(&Event { seconds, step: at, what: What::Picture(&png) }.encode()));
            Ok(())
        };
        for line in lines {
            while let Some((at, path)) = pictures.next_if(|(at, _)| *at < line.step) {
                picture(&mut bytes, seconds, at, &path)?;
                pictured = Some(at);
            }
            seconds = line.seconds;
            bytes.extend(record(
                &Event { seconds, step: line.step, what: What::Line(line, &statistics) }.encode(),
            ));
        }
        for (at, path) in pictures {
            picture(&mut bytes, seconds, at, &path)?;
            pictured = Some(at);
        }
        atomic::write(&path, &bytes)?;
        let file = OpenOptions::new().append(true).open(&path).map_err(|e| Error::io("open", &path, &e))?;
        Ok(Events { path, file, statistics, seconds, pictured })
    }

    /// Adds a line of metrics.
    pub fn line(&mut self, line: &Line) -> Result<()> {
        self.seconds = line.seconds;
        let what = What::Line(line, &self.statistics);
        let bytes = Event { seconds: line.seconds, step: line.step, what }.encode();
        self.add(&bytes)
    }

    /// Adds a picture of samples; one that is there already is left.
    pub fn picture(&mut self, step: u64, png: &[u8]) -> Result<()> {
        if self.pictured.is_some_and(|p| p >= step) {
            return Ok(());
        }
        self.pictured = Some(step);
        self.add(&Event { seconds: self.seconds, step, what: What::Picture(png) }.encode())
    }

    /// Adds an event with a single write, as a line of metrics.
    fn add(&mut self, event: &[u8]) -> Result<()> {
        self.file.write_all(&record(event)).map_err(|e| Error::io("write", &self.path, &e))
    }
}

/// A record around a message.
pub fn record(message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u64).to_le_bytes();
    let mut out = length.to_vec();
    out.extend(masked(&length).to_le_bytes());
    out.extend(message);
    out.extend(masked(message).to_le_bytes());
    out
}

/// CRC-32C, rotated and shifted, for data that hold CRCs themselves.
fn masked(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// One `Event`.
struct Event<'a> {
    seconds: f64,
    step: u64,
    what: What<'a>,
}

enum What<'a> {
    /// The first event of a file.
    Version,
    /// With the statistics of the model that made it.
    Line(&'a Line, &'a [Statistic]),
    /// PNG bytes.
    Picture(&'a [u8]),
}

impl Event<'_> {
    fn encode(&self) -> Vec<u8> {
        let mut out = Message::default();
        out.double(1, self.seconds);
        out.varint(2, self.step);
        match self.what {
            What::Version => out.bytes(3, b"brain.Event:2"),
            What::Line(line, statistics) => out.bytes(5, &scalars(line, statistics)),
            What::Picture(png) => out.bytes(5, &picture(png)),
        }
        out.0
    }
}

/// A `Summary` of every number in a line, by its statistic's tag; one that the model does not list keeps its own name.
fn scalars(line: &Line, statistics: &[Statistic]) -> Vec<u8> {
    let mut summary = Message::default();
    for (name, value) in line.values() {
        let tag = statistics.iter().find(|s| s.name == name).map_or(name, |s| &s.tag);
        let mut one = Message::default();
        one.bytes(1, tag.as_bytes());
        one.float(2, value as f32);
        summary.bytes(1, &one.0);
    }
    summary.0
}

/// A `Summary` of one picture: its size and colours are in its own header.
fn picture(png: &[u8]) -> Vec<u8> {
    let at = |i: usize| png.get(i..i + 4).map_or(0, |b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]));
    let mut image = Message::default();
    image.varint(1, at(20).into());
    image.varint(2, at(16).into());
    image.varint(3, if png.get(25) == Some(&0) { 1 } else { 3 });
    image.bytes(4, png);
    let mut value = Message::default();
    value.bytes(1, b"samples");
    value.bytes(4, &image.0);
    let mut summary = Message::default();
    summary.bytes(1, &value.0);
    summary.0
}

/// A message of protocol buffers: fields by number, each with its wire type.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn raw(&mut self, mut n: u64) {
        while n >= 0x80 {
            self.0.push(n as u8 | 0x80);
            n >>= 7;
        }
        self.0.push(n as u8);
    }

    fn varint(&mut self, field: u64, n: u64) {
        self.raw(field << 3);
        self.raw(n);
    }

    fn double(&mut self, field: u64, x: f64) {
        self.raw(field << 3 | 1);
        self.0.extend(x.to_le_bytes());
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.raw(field << 3 | 2);
        self.raw(bytes.len() as u64);
        self.0.extend(bytes);
    }

    fn float(&mut self, field: u64, x: f32) {
        self.raw(field << 3 | 5);
        self.0.extend(x.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_framed_with_the_published_checksums() {
        // CRC-32C of 32 zero bytes and of 0 to 31: RFC 3720, B.4.
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
        let ascending: Vec<u8> = (0..32).collect();
        assert_eq!(crc32c::crc32c(&ascending), 0x46dd_794e);
        let unmasked = |m: u32| m.wrapping_sub(0xa282_ead8).rotate_left(15);
        let framed = record(&ascending);
        assert_eq!(framed.len(), 8 + 4 + 32 + 4);
        assert_eq!(framed[..8], 32u64.to_le_bytes());
        let word = |i: usize| u32::from_le_bytes(framed[i..i + 4].try_into().expect("four"));
        assert_eq!(unmasked(word(8)), crc32c::crc32c(&framed[..8]));
        assert_eq!(unmasked(word(44)), 0x46dd_794e);
    }

    #[test]
    fn messages_are_protocol_buffers() {
        let mut m = Message::default();
        m.varint(2, 300);
        m.bytes(3, b"ab");
        m.float(2, 1.0);
        m.double(1, 1.0);
        let expected: [&[u8]; 4] = [
            &[0x10, 0xac, 0x02],
            &[0x1a, 2, b'a', b'b'],
            &[0x15, 0, 0, 0x80, 0x3f],
            &[9, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f],
        ];
        assert_eq!(m.0, expected.concat());
    }
}
