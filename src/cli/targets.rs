//! Pictures of one's own in the shape that a run's data have: cut, resized and framed as its reader does it.

use super::translate::{Names, stem};
use crate::config;
use crate::data::{Dataset, Examples, Photo, Photos, Shape, Values};
use crate::error::{Error, Result};
use crate::numbers::counted;
use std::path::PathBuf;

/// Pictures as a network has them.
pub struct Targets {
    /// What files of theirs may be called, each once.
    pub names: Vec<String>,
    /// `[count, numbers]`.
    pub numbers: Vec<f32>,
    shape: Shape,
    /// Dark pixels around what was resized.
    pad: usize,
    resized: usize,
    framed: usize,
    grey: usize,
    coloured: usize,
    transparent: usize,
    /// A size among them, where some were resized.
    size: [usize; 2],
    passed_over: Vec<String>,
}

impl Targets {
    /// Reads pictures for a run of these data, whose examples have this shape.
    ///
    /// # Errors
    /// When a path cannot be read, or no picture is whole.
    pub fn read(inputs: &[PathBuf], data: &config::Data, shape: Shape) -> Result<Targets> {
        let mut targets = Targets {
            names: vec![],
            numbers: vec![],
            shape,
            pad: data.pad,
            resized: 0,
            framed: 0,
            grey: 0,
            coloured: 0,
            transparent: 0,
            size: [0; 2],
            passed_over: vec![],
        };
        let mut names = Names::default();
        for input in inputs {
            let mut photos = Photos::at(input)?;
            let all: Vec<String> = photos.names().map(String::from).collect();
            let passed_over = photos.passed_over.iter().map(|what| format!("in {}: {what}", input.display()));
            targets.passed_over.extend(passed_over);
            for (number, name) in all.iter().enumerate() {
                match photos.read(number) {
                    Ok(photo) => targets.add(names.take(stem(name)), &photo, data)?,
                    // One of many is passed over; one that was asked for is not.
                    Err(why) if input.is_file() && all.len() == 1 => return Err(why),
                    Err(why) => targets.passed_over.push(why.to_string()),
                }
            }
        }
        match (targets.names.is_empty(), targets.passed_over.last()) {
            (true, Some(why)) => Err(Error::Data(format!("no picture is whole: {why}"))),
            _ => Ok(targets),
        }
    }

    fn add(&mut self, name: String, photo: &Photo, data: &config::Data) -> Result<()> {
        let (shape, size) = (self.shape, [photo.width, photo.height]);
        let fits = size == [shape.width, shape.height];
        let side = shape.height - if fits { 0 } else { 2 * self.pad };
        let square = photo.squared(side).map_err(|why| Error::Data(format!("{name}: {why}")))?;
        if size != [side; 2] {
            self.resized += 1;
            self.size = size;
        }
        self.framed += usize::from(!fits && self.pad > 0);
        self.grey += usize::from(!photo.coloured && shape.channels == 3);
        self.coloured += usize::from(photo.coloured && shape.channels == 1);
        self.transparent += usize::from(photo.transparent);
        let values = Values::U8(square.interleaved(shape.channels));
        let inner = Shape { channels: shape.channels, height: side, width: side };
        let one = Dataset::of(&name, inner, 0, Examples { count: 1, values, labels: None });
        let one = one.padded(if fits { 0 } else { self.pad }).scaled(data.scale);
        self.numbers.extend(one.numbers(&one.train, 0));
        self.names.push(name);
        Ok(())
    }

    /// Says once what was done to pictures that are unlike those of the training.
    pub fn tell(&self) {
        let of = |count: usize| format!("{count} of {}", counted(self.names.len() as u64, "picture"));
        let side = self.shape.height;
        self.passed_over.iter().for_each(|what| tell!("passed over {what}"));
        if self.resized > 0 {
            let ([width, height], inner) = (self.size, side - if self.framed > 0 { 2 * self.pad } else { 0 });
            tell!(
                "{}: the centred square resized to {inner}×{inner}, as data are ({width}×{height} pixels)",
                of(self.resized)
            );
        }
        if self.framed > 0 {
            tell!(
                "{}: {} dark pixels around them, up to {side}×{side} (data.pad)",
                of(self.framed),
                self.pad
            );
        }
        if self.grey > 0 {
            tell!("{}: grey, repeated in three channels", of(self.grey));
        }
        if self.coloured > 0 {
            tell!("{}: in colour, made grey", of(self.coloured));
        }
        if self.transparent > 0 {
            tell!("{}: transparent pixels laid on white", of(self.transparent));
        }
    }
}
