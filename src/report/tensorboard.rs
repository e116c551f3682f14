//! The run's metrics and sample pictures as TensorBoard reads them: `tensorboard --logdir runs`.
//!
//! The file is a series of records: length (u64), its masked CRC-32C (u32), an `Event` message of protocol buffers, and
//! the masked CRC-32C of that, all little-endian (TensorFlow's `tfrecord` and `event.proto`). It tells nothing that
//! the run's other files do not: opening it makes it anew from those, so that a resume is as exact as theirs. It holds the
//! configuration as text, the lines of metrics.jsonl, the pictures of samples/, and whatever other numbers it is given.
//!
//! Equal runs make equal files but for times, as metrics.jsonl: an event's wall time is what the clock showed when its step
//! was done, from machine.json (when training began) and metrics.jsonl (seconds of training since). The file's name tells no
//! time.

use crate::config::Config;
use crate::error::{Error, Result};
use crate::models::Statistic;
use crate::protobuf::Message;
use crate::run::{Began, Folder, Line, atomic, journal};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::SystemTime;

/// TensorBoard knows its files by `tfevents` in the name.
pub const FILE: &str = "events.out.tfevents.0000000000.gansaku";

/// The open file.
#[derive(Debug)]
pub struct Events {
    path: PathBuf,
    file: File,
    /// What tells each number's tag.
    statistics: Vec<Statistic>,
    /// When training began, and went on.
    trainings: Vec<Began>,
    /// Seconds of training at the newest line.
    seconds: f64,
    /// The newest picture's step.
    pictured: Option<u64>,
}

/// What the file of a run is made from, beside what lies in its folder.
#[derive(Debug)]
pub struct Contents<'a> {
    /// How it trains.
    pub config: &'a Config,
    /// What its model tells in a line of metrics.
    pub statistics: Vec<Statistic>,
    /// Steps done; what is later is left out.
    pub step: u64,
    /// The last step of all, whose picture is part of the run. Other pictures are those of the steps that are drawn: what a
    /// stop on the way left is not.
    pub total: Option<u64>,
    /// Numbers that others measured, step by step, each under its tag.
    pub scalars: Vec<Scalars>,
}

/// Numbers of a step, each under its tag.
#[derive(Debug, Clone, PartialEq)]
pub struct Scalars {
    /// The step.
    pub step: u64,
    /// Tag and number.
    pub values: Vec<(String, f64)>,
}

impl Events {
    /// Makes the file of a run from its folder and `contents`, and opens it for more.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn open(folder: &Folder, contents: Contents) -> Result<Events> {
        let Contents { config, statistics, step, total, scalars } = contents;
        let path = folder.path.join(FILE);
        let lines = journal::read::<Line>(&folder.metrics_file())?;
        let lines: Vec<&Line> = lines.iter().filter(|l| l.step <= step).collect();
        let trainings = trainings(folder, lines.last().map_or(0.0, |l| l.seconds));
        // In the order in which a training adds them: a step's line, its picture, other numbers.
        let mut all: Vec<(u64, u8, What)> = vec![];
        all.extend(lines.iter().map(|line| (line.step, 0, What::Line(line, &statistics))));
        let mut pictures = vec![];
        for (at, png) in folder.pictures()? {
            if at <= step && (config.log.is_drawn(at) || Some(at) == total) {
                pictures.push((at, std::fs::read(&png).map_err(|e| Error::io("read", &png, &e))?));
            }
        }
        all.extend(pictures.iter().map(|(at, png)| (*at, 1, What::Picture(png))));
        let known = scalars.iter().filter(|scalars| scalars.step <= step);
        all.extend(known.map(|scalars| (scalars.step, 2, What::Scalars(&scalars.values))));
        all.sort_by_key(|(step, kind, _)| (*step, *kind));
        let began = Began::clock(&trainings, 0, 0.0).unwrap_or_default();
        // Where data lie is no part of what the run is.
        let mut text = config.clone();
        text.data.path = None;
        let text = text.to_toml();
        let mut bytes = record(&Event { clock: began, step: 0, what: What::Version }.encode());
        bytes.extend(record(&Event { clock: began, step: 0, what: What::Text(&text) }.encode()));
        let mut seconds = 0.0;
        for (step, _, what) in all {
            if let What::Line(line, _) = what {
                seconds = line.seconds;
            }
            let clock = Began::clock(&trainings, step, seconds).unwrap_or_default();
            bytes.extend(record(&Event { clock, step, what }.encode()));
        }
        atomic::write(&path, &bytes)?;
        let file = OpenOptions::new().append(true).open(&path).map_err(|e| Error::io("open", &path, &e))?;
        let pictured = pictures.last().map(|(at, _)| *at);
        Ok(Events { path, file, statistics, trainings, seconds, pictured })
    }

    /// Adds a line of metrics.
    pub fn line(&mut self, line: &Line) -> Result<()> {
        self.seconds = line.seconds;
        self.add(line.step, What::Line(line, &self.statistics))
    }

    /// Adds a picture of samples; one that is there already is left.
    pub fn picture(&mut self, step: u64, png: &[u8]) -> Result<()> {
        if self.pictured.is_some_and(|p| p >= step) {
            return Ok(());
        }
        self.pictured = Some(step);
        self.add(step, What::Picture(png))
    }

    /// Adds numbers.
    pub fn scalars(&mut self, scalars: &Scalars) -> Result<()> {
        self.add(scalars.step, What::Scalars(&scalars.values))
    }

    /// Adds an event with a single write, as a line of metrics.
    fn add(&self, step: u64, what: What) -> Result<()> {
        let clock = Began::clock(&self.trainings, step, self.seconds).unwrap_or_default();
        let event = Event { clock, step, what }.encode();
        (&self.file).write_all(&record(&event)).map_err(|e| Error::io("write", &self.path, &e))
    }
}

/// When a run's trainings began. One that did not note it is taken to have trained until its last line was written.
fn trainings(folder: &Folder, seconds: f64) -> Vec<Began> {
    let noted = folder.machine().map_or(vec![], |machine| machine.trainings);
    if !noted.is_empty() {
        return noted;
    }
    let written = folder.metrics_file().metadata().and_then(|m| m.modified()).ok();
    let unix = written.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    unix.map(|unix| Began { step: 0, seconds: 0.0, unix: unix.as_secs_f64() - seconds }).into_iter().collect()
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
    /// Seconds since 1970.
    clock: f64,
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
    /// Numbers by tag.
    Scalars(&'a [(String, f64)]),
    /// The configuration.
    Text(&'a str),
}

impl Event<'_> {
    fn encode(&self) -> Vec<u8> {
        let mut out = Message::default();
        out.double(1, self.clock);
        out.int(2, self.step as i64);
        match self.what {
            What::Version => out.bytes(3, b"brain.Event:2"),
            What::Line(line, statistics) => out.bytes(5, &scalars(line, statistics)),
            What::Picture(png) => out.bytes(5, &picture(png)),
            What::Scalars(values) => {
                out.bytes(5, &summary(values.iter().map(|(tag, value)| (&tag[..], *value))));
            }
            What::Text(config) => out.bytes(5, &text(config)),
        }
        out.0
    }
}

/// A `Summary` of every number in a line, by its statistic's tag; one that the model does not list keeps its own name.
fn scalars(line: &Line, statistics: &[Statistic]) -> Vec<u8> {
    let tag = |name: &str| -> String {
        statistics.iter().find(|s| s.name == name).map_or(name, |s| &s.tag).to_string()
    };
    let values: Vec<(String, f64)> = line.values().map(|(name, value)| (tag(name), value)).collect();
    summary(values.iter().map(|(tag, value)| (&tag[..], *value)))
}

/// A `Summary` of numbers by tag.
fn summary<'a>(values: impl Iterator<Item = (&'a str, f64)>) -> Vec<u8> {
    let mut summary = Message::default();
    for (tag, value) in values {
        let mut one = Message::default();
        one.bytes(1, tag.as_bytes());
        one.float(2, value as f32);
        summary.bytes(1, &one.0);
    }
    summary.0
}

/// A `Summary` of text, for the plugin of that name: lines that are set in stay as they are in Markdown.
fn text(config: &str) -> Vec<u8> {
    let lines: String = config.lines().map(|line| format!("    {line}\n")).collect();
    let message = |fields: &[(u64, &[u8])]| {
        let mut message = Message::default();
        fields.iter().for_each(|(field, bytes)| message.bytes(*field, bytes));
        message.0
    };
    let plugin = message(&[(1, &message(&[(1, b"text")]))]);
    let mut dimension = Message::default();
    dimension.int(1, 1);
    let mut tensor = Message::default();
    // A tensor of one string.
    tensor.int(1, 7);
    tensor.bytes(2, &message(&[(2, &dimension.0)]));
    tensor.bytes(8, lines.as_bytes());
    message(&[(1, &message(&[(1, b"config/text_summary"), (8, &tensor.0), (9, &plugin)]))])
}

/// A `Summary` of one picture: its size and colours are in its own header.
fn picture(png: &[u8]) -> Vec<u8> {
    let at = |i: usize| png.get(i..i + 4).map_or(0, |b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]));
    let mut image = Message::default();
    image.int(1, at(20).into());
    image.int(2, at(16).into());
    image.int(3, if png.get(25) == Some(&0) { 1 } else { 3 });
    image.bytes(4, png);
    let mut value = Message::default();
    value.bytes(1, b"samples");
    value.bytes(4, &image.0);
    let mut summary = Message::default();
    summary.bytes(1, &value.0);
    summary.0
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
}
