//! A trained translation at work on pictures of any size. Its networks are convolutional, so that a game declared at another
//! size has the same parameters: pictures are mirrored at their edges up to a size that the architecture takes, and cut
//! back; large ones are worked on in tiles that overlap.

use super::engine::Standalone;
use super::image::Image;
use super::tiles::{self, Blend, mirrored};
use crate::architectures;
use crate::config::{Config, Model, Network, Scale};
use crate::data::{Photo, Shape};
use crate::error::{Error, Result};
use crate::exec::{Hardware, NetworkState, States};
use crate::memory_budget;
use crate::models::{self, Direction, Game, PortKind, TaskKind};
use crate::pictures::Display;
use crate::run::checkpoint::{self, Checkpoint};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Pixels that a side may have to grow by until an architecture takes it: a U-Net halves it eight times at most.
const MOST_GROWTH: usize = 512;

/// What a translation may take.
#[derive(Debug, Clone, Copy)]
pub struct Means {
    /// Where networks run.
    pub hardware: Hardware,
    /// Seeds dropout, where the generator has it.
    pub seed: u64,
    /// Bytes of intermediate results beyond which a picture is worked on in tiles.
    pub limit: usize,
}

/// A trained model that translates pictures.
pub struct Translator {
    /// What it was trained with.
    pub config: Config,
    /// The checkpoint it came from.
    pub from: PathBuf,
    /// Steps it was trained for.
    pub step: u64,
    /// [`LoadedRun::data`](super::LoadedRun::data).
    pub data: Option<String>,
    /// The example that it was trained on.
    pub example: Shape,
    /// The model at that size.
    trained: Arc<dyn Game>,
    networks: States,
    means: Means,
    /// The model at sizes that came before, the last one at the end.
    ready: Vec<Ready>,
    /// Layouts that were asked for.
    layouts: Vec<(Direction, Layout)>,
}

/// The model at a size.
struct Ready {
    example: Shape,
    /// Bytes of intermediate results.
    bytes: usize,
    model: Standalone,
}

/// How a picture is worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Height and width of the picture.
    pub size: [usize; 2],
    /// Height and width it is mirrored up to.
    pub padded: [usize; 2],
    /// Height and width of a tile; those of the whole where it needs no tiles.
    pub tile: [usize; 2],
    /// Bytes of intermediate results that the whole would take.
    pub bytes: usize,
}

impl Layout {
    /// Whether the picture is worked on in tiles.
    pub fn is_tiled(&self) -> bool {
        self.tile != self.padded
    }
}

impl Translator {
    /// Loads the newest good checkpoint of a run, or the checkpoint itself; damaged ones are told on stderr.
    ///
    /// # Errors
    /// When there is none, or its model translates nothing.
    pub fn load(from: &Path, means: Means) -> Result<Translator> {
        let (checkpoint, path, warnings) = checkpoint::locate(from)?;
        warnings.iter().for_each(|w| tell!("warning: {w}"));
        Translator::of(checkpoint, path, means)
    }

    /// A checkpoint in memory that came from `from`.
    ///
    /// # Errors
    /// When its model translates nothing.
    pub fn of(checkpoint: Checkpoint, from: PathBuf, means: Means) -> Result<Translator> {
        let trained = Checkpoint::model(&checkpoint.config, &checkpoint.state);
        let Checkpoint { config, state, networks } = checkpoint;
        if trained.translation(Direction::Forward).is_none() {
            let from = from.display();
            return Err(Error::Usage(format!(
                "{from}: its generator makes pictures of noise and translates none: gansaku sample draws from it; runs of \
                 model \"cyclegan\" or \"pix2pix\" translate"
            )));
        }
        Ok(Translator {
            example: state.example.into(),
            step: state.step,
            data: state.data,
            config,
            from,
            trained,
            networks,
            means,
            ready: vec![],
            layouts: vec![],
        })
    }

    /// The shapes of pictures that go in and come out in a direction, as it was trained; none of one that it does not have.
    pub fn translation(&self, direction: Direction) -> Option<[Shape; 2]> {
        self.trained.translation(direction)
    }

    /// Whether it translates there and back.
    pub fn goes_back(&self) -> bool {
        self.translation(Direction::Backward).is_some()
    }

    /// [`Means::limit`].
    pub fn limit(&self) -> usize {
        self.means.limit
    }

    /// How many times larger a picture becomes.
    pub fn growth(&self, direction: Direction) -> usize {
        let [from, to] = self.shapes(direction);
        to.height / from.height
    }

    /// Pixels of a network's picture in [0, 1].
    pub fn unit(&self, image: &Image) -> Vec<f32> {
        Display::new(image.shape, &self.config.data).unit(&image.numbers)
    }

    /// Pixels in [0, 1] as a picture in the network's numbers.
    pub fn image(&self, unit: &[f32], shape: Shape) -> Image {
        let number = |x: &f32| match self.config.data.scale {
            Scale::Signed => 2.0 * x - 1.0,
            Scale::Unit | Scale::Gcn => *x,
        };
        Image { shape, numbers: unit.iter().map(number).collect() }
    }

    /// A photo as a direction reads it: in the network's numbers and as many channels.
    pub fn read(&self, direction: Direction, photo: &Photo) -> Image {
        let channels = self.shapes(direction)[0].channels;
        let unit: Vec<f32> = photo.interleaved(channels).into_iter().map(|b| f32::from(b) / 255.0).collect();
        self.image(&unit, Shape { channels, height: photo.height, width: photo.width })
    }

    /// How a picture of this height and width is worked on.
    ///
    /// # Errors
    /// When no size near it fits the architecture.
    pub fn layout(&mut self, direction: Direction, size: [usize; 2]) -> Result<Layout> {
        if let Some((_, known)) =
            self.layouts.iter().find(|(of, known)| *of == direction && known.size == size)
        {
            return Ok(*known);
        }
        let layout = self.laid_out(direction, size)?;
        self.layouts.push((direction, layout));
        Ok(layout)
    }

    fn laid_out(&self, direction: Direction, size: [usize; 2]) -> Result<Layout> {
        let padded = [self.grown(direction, size[0])?, self.grown(direction, size[1])?];
        self.fits(direction, padded)?;
        let bytes = self.bytes(direction, padded);
        if bytes <= self.means.limit {
            return Ok(Layout { size, padded, tile: padded, bytes });
        }
        // From the size that it was trained on, which it knows, twice as large as long as the memory lasts.
        let [from, _] = self.shapes(direction);
        let mut tile = [from.height.min(padded[0]), from.width.min(padded[1])];
        loop {
            let larger = [(2 * tile[0]).min(padded[0]), (2 * tile[1]).min(padded[1])];
            let takes =
                || self.fits(direction, larger).is_ok() && self.bytes(direction, larger) <= self.means.limit;
            if larger == tile || !takes() {
                return Ok(Layout { size, padded, tile, bytes });
            }
            tile = larger;
        }
    }

    /// The translation of a picture, which is the one at `place` of all that are asked for: where the generator drops units,
    /// its place alone decides which.
    ///
    /// # Errors
    /// When no size near its own fits the architecture, memory does not last, the device fails, or the result is not finite.
    pub fn translate(&mut self, direction: Direction, place: usize, image: &Image) -> Result<Image> {
        let Shape { height, width, .. } = image.shape;
        let layout = self.layout(direction, [height, width])?;
        let padded = mirrored(image, layout.padded);
        let growth = self.growth(direction);
        let channels = self.shapes(direction)[1].channels;
        let [high, wide] = layout.padded.map(|n| n * growth);
        let mut blend = Blend::new(Shape { channels, height: high, width: wide });
        for (number, at) in tiles::over(layout.padded, layout.tile).enumerate() {
            let tile = padded.cut(at, layout.tile);
            let made = self.at(direction, place + (number << 32), &tile)?;
            blend.put(&made, at.map(|n| n * growth), layout.is_tiled());
        }
        let whole = blend.finished();
        if !whole.numbers.iter().all(|x| x.is_finite()) {
            let why = format!(
                "{}: its translations are not all finite; take an earlier checkpoint",
                self.from.display()
            );
            return Err(Error::Diverged { step: self.step, why });
        }
        let corner = [0, 1].map(|axis| (layout.padded[axis] - layout.size[axis]) / 2 * growth);
        Ok(whole.cut(corner, layout.size.map(|n| n * growth)))
    }

    /// One picture of a size that the architecture takes.
    fn at(&mut self, direction: Direction, place: usize, image: &Image) -> Result<Image> {
        let example = self.example_of(direction, [image.shape.height, image.shape.width]);
        self.make_ready(direction, example)?;
        let model = &mut self.ready.last_mut().expect("made ready").model;
        let inputs = [(PortKind::Examples, &image.numbers[..])];
        let numbers = model.engine().run(TaskKind::Translate(direction), place, &inputs)?.swap_remove(0);
        let (growth, [_, to]) = (self.growth(direction), self.shapes(direction));
        let shape = Shape {
            channels: to.channels,
            height: image.shape.height * growth,
            width: image.shape.width * growth,
        };
        Ok(Image { shape, numbers })
    }

    /// Brings the model at a size to the end of those that are ready; the oldest go where all together are too much.
    fn make_ready(&mut self, direction: Direction, example: Shape) -> Result<()> {
        if let Some(at) = self.ready.iter().position(|ready| ready.example == example) {
            self.ready[at..].rotate_left(1);
            return Ok(());
        }
        let growth = self.growth(direction);
        let bytes = self.bytes(direction, [example.height / growth, example.width / growth]);
        while self.ready.iter().map(|ready| ready.bytes).sum::<usize>() + bytes > self.means.limit
            && !self.ready.is_empty()
        {
            self.ready.remove(0);
        }
        memory_budget::check("translate", bytes, "give --memory less, for smaller tiles")?;
        let game = models::of(&self.config_at(direction), example, 0);
        let (states, device) = (self.states(&*game), self.means.hardware.open()?);
        let model = Standalone::new(&*game, states, self.means.seed, device)?;
        self.ready.push(Ready { example, bytes, model });
        Ok(())
    }

    fn shapes(&self, direction: Direction) -> [Shape; 2] {
        self.translation(direction).expect("a direction that the model has")
    }

    /// The example of a game whose translation reads pictures of this height and width.
    fn example_of(&self, direction: Direction, [height, width]: [usize; 2]) -> Shape {
        let growth = self.growth(direction);
        Shape { channels: self.example.channels, height: height * growth, width: width * growth }
    }

    /// The configuration of the game at other sizes: what a size decided stays as it was, what only training has is left away.
    fn config_at(&self, direction: Direction) -> Config {
        let mut config = self.config.clone();
        let [from, _] = self.shapes(direction);
        config.generator = architectures::pinned(&config.generator, from);
        config.discriminator = least();
        config.train.pool = 0;
        (config.data.flip, config.data.crop, config.data.load_size) = (false, 0, 0);
        config
    }

    fn fits(&self, direction: Direction, size: [usize; 2]) -> Result<()> {
        models::check(&self.config_at(direction), self.example_of(direction, size))
    }

    /// The next length from `length` on of a square that the architecture takes.
    fn grown(&self, direction: Direction, length: usize) -> Result<usize> {
        let fits = |n: usize| self.fits(direction, [n, n]);
        let mut lengths = length..=length + MOST_GROWTH;
        lengths.find(|&n| fits(n).is_ok()).map_or_else(|| fits(length).map(|()| length), Ok)
    }

    /// Bytes of intermediate results of a translation.
    fn bytes(&self, direction: Direction, size: [usize; 2]) -> usize {
        let game = models::of(&self.config_at(direction), self.example_of(direction, size), 0);
        let task =
            models::task(&*game, TaskKind::Translate(direction)).expect("a direction that the model has");
        models::task_plan(&*game, &task, &|_| false).scratch_bytes()
    }

    /// What was trained, for a game of another size: the generator's; discriminators, which nothing here reads, are empty.
    fn states(&self, game: &dyn Game) -> States {
        let memories = game.networks().memories().iter().zip(&self.networks);
        let state = |(memory, trained): (&crate::nn::Memory, &NetworkState)| {
            if memory.role == crate::config::Role::Generator {
                return NetworkState { gradients: vec![], moments: vec![], ..trained.clone() };
            }
            let (weights, states) = (vec![0.0; memory.len], vec![0.0; memory.states]);
            NetworkState { weights, states, ..NetworkState::default() }
        };
        memories.map(state).collect()
    }

    /// Whether the pictures that it reads are made of ordinary ones, and how: nothing where they are of a domain.
    pub fn is_of_two_domains(&self) -> bool {
        self.config.data.given.is_none() && self.config.model != Model::Gan
    }
}

/// The smallest discriminator, which fits pictures of any size.
fn least() -> Network {
    toml::from_str("layers = [{ init = { fan-in = 1.0 } }]").expect("a network")
}
