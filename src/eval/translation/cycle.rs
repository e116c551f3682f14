//! What comes back of pictures that were translated there and back; and what comes back when the picture in between is
//! written down as a file would have it, with a little noise: networks hide pictures in what nobody sees (Chu et al.,
//! 1712.02950).

use super::Translations;
use crate::config::Metric;
use crate::error::Result;
use crate::eval::Measurement;
use crate::eval::fidelity::{absolute_error, rounded};
use crate::models::Direction;
use crate::numbers::Numbers;
use crate::rng::{Draw, stream};

/// Standard deviation of the noise.
const NOISE: f32 = 2.0 / 255.0;
/// Mean absolute value of normal noise over its standard deviation.
const MEAN_NOISE: f64 = 0.797_884_560_802_865_4;

impl Translations<'_> {
    pub(super) fn cycle(&mut self) -> Result<Measurement> {
        let (shape, display) = (self.shape(), self.display());
        let (mut found, mut untouched) = (Numbers::default(), Numbers::default());
        let (mut warnings, mut pictures) = (vec![], 0);
        for (direction, name) in [(Direction::Forward, "A→B→A"), (Direction::Backward, "B→A→B")] {
            let split = &self.domains(direction)[0].test;
            let which = self.looked_at(split);
            let mut sums = [0.0; 2];
            for &number in &which {
                let [from, _] = self.domains(direction);
                let image = Self::picture(from, &from.test, number);
                let there = self.translator.translate(direction, number, &image)?;
                let draw = Draw::new(self.seed, stream("cycle noise"), number as u64);
                let written = rounded(&display.unit(&there.numbers)).into_iter().zip(0..);
                let written: Vec<f32> = written.map(|(x, i)| x + NOISE * draw.normal(i)).collect();
                let start = display.unit(&image.numbers);
                for (sum, middle) in sums.iter_mut().zip([there, self.translator.image(&written, shape)]) {
                    let back = self.translator.translate(direction.reversed(), number, &middle)?;
                    *sum += absolute_error(&display.unit(&back.numbers), &start) / which.len() as f64;
                }
            }
            let [plain, noised] = sums;
            let noise = f64::from(NOISE) * MEAN_NOISE;
            if noised > 2.0 * plain && noised - plain > 3.0 * noise {
                warnings.push(format!(
                    "{name}: {:.1} times as far from where it began once the picture in between is rounded and has noise \
                     that nobody sees: it hides there what the way back needs",
                    noised / plain
                ));
            }
            pictures += which.len();
            for (row, [plain, noised]) in [(&mut found, sums), (&mut untouched, [0.0, noise])] {
                row.insert(name.into(), plain);
                row.insert(format!("{name} noised"), noised);
            }
        }
        let protocol = format!(
            "mean absolute difference, of pixels in [0, 1], between {pictures} test pictures and what came back of them; \
             noised: the picture in between rounded to 8 bits, with normal noise of sd 2/255 (1712.02950). Zero proves \
             nothing by itself: any translation that can be undone has it"
        );
        let measured = self
            .measurement(Metric::Cycle, protocol, pictures, found)
            .beside("without translating", untouched);
        Ok(warnings.into_iter().fold(measured, |measured, warning| measured.warned(Some(warning))))
    }
}
