//! Thresholds of the doctor's rules, each with its reason.

/// Lines of metrics that a verdict on the game looks at: all of them must agree, so that one odd line decides nothing.
pub const WINDOW: usize = 5;

/// D is sure of everything below this share of its loss at chance.
pub const SURE: f64 = 0.02;
/// D is sure of everything from this share of right answers on, about data and about samples.
pub const PERFECT: f64 = 0.99;
/// D may have won below this share of its loss at chance, if samples stay far from the data too.
pub const NEARLY_SURE: f64 = 0.2;
/// D may have won from this share of right answers on, about data and about samples.
pub const NEARLY_PERFECT: f64 = 0.9;
/// A gradient norm of G below this share of what it was at first has vanished.
pub const VANISHED: f64 = 1e-3;
/// Share of right answers below which D does no better than guessing.
pub const GUESSING: f64 = 0.55;
/// Energy distance above which samples are far from the data. Two sets of 200 examples of the data differ by .005;
/// samples at the data's mean, all of them alike, by .4 and more.
pub const FAR: f64 = 0.1;
/// Pictures further from their nearest training example than so many times the way of held-out ones are far.
pub const FAR_NEIGHBOURS: f64 = 2.0;
/// Points of a mixture are far where fewer than this share lie on a mode.
pub const FAR_QUALITY: f64 = 0.2;
/// Samples nearer to each other than this share of the data's distance are collapsed; after a few hundred steps samples
/// of a healthy run have .7 and more.
pub const COLLAPSED: f64 = 0.4;
/// Samples are collapsed in D's features below this share of the data's distance. A D that is ahead of G sees samples alike that are not: healthy runs go down to .4.
pub const COLLAPSED_FEATURES: f64 = 0.2;
/// Samples further apart by this factor from probe to probe, from the first one on, still spread out.
pub const SPREADING: f64 = 1.1;
/// Samples nearer to each other than this share of the data's distance are one sample, at a first probe too.
pub const ALL_ALIKE: f64 = 0.02;
/// Modes are counted once so many samples lie on one: before, it is their quality that lacks.
pub const ON_MODES: f64 = 0.3;
/// D's overfit from which it knows the training examples by heart: then held-out data look more like samples to it.
pub const BY_HEART: f64 = 0.7;
/// What D knows by heart it has taught once samples come nearer to training examples than this share of the way that
/// held-out data have; good samples are about as far as those.
pub const NEARER: f64 = 0.9;
/// A swing of the energy distance: what a game at rest does not do between probes.
pub const ENERGY_SWING: f64 = 0.15;
/// A swing of D's share of right answers: what a game at rest does not do between lines.
pub const ANSWERS_SWING: f64 = 0.3;
/// Probes that are looked at for swings.
pub const PROBES_BACK: usize = 8;
/// Lines that are looked at for swings.
pub const LINES_BACK: usize = 20;
/// Turns of the energy distance that make an oscillation: one is how a bad start ends.
pub const ENERGY_TURNS: usize = 2;
/// Turns of D's answers that make an oscillation.
pub const ANSWERS_TURNS: usize = 4;
/// A G that moves changes its samples' distances by more than this share between probes: they are of the same noise.
pub const STILL: f64 = 1e-3;
/// Probes without any gain that make a standstill.
pub const PATIENCE: usize = 3;
/// Energy and distance to neighbours that fall by less than this share gain nothing.
pub const NEARER_BY: f64 = 0.03;
/// A share of samples on modes that grows by less than this gains nothing.
pub const BETTER_BY: f64 = 0.01;
/// Energy that falls by this share is well on its way.
pub const MUCH_NEARER_BY: f64 = 0.1;
/// A share of samples on modes that grows by this much is well on its way.
pub const MUCH_BETTER_BY: f64 = 0.05;
/// A loss scale of this many times its floor is three halvings from the end; gradients below 2⁻²⁴ by it are lost.
pub const LOW_SCALE: f32 = 8.0;
/// Neighbouring pixels of samples that differ by this multiple of the data's are noise.
pub const ROUGH: f64 = 1.5;
/// Samples with more energy at the highest frequency than so many times the data's may show a checkerboard; noise may, too.
pub const CHECKERED: f64 = 3.0;
/// A checkerboard stands out of the frequencies just below it by more than this factor: noise has 1, and so have healthy
/// samples or less.
pub const STANDS_OUT: f64 = 2.0;
/// Agreement of samples with the classes they were asked for, as Cohen's kappa, below which labels are ignored: up to .2
/// it is called slight, up to .4 fair (Landis & Koch 1977).
pub const IGNORED: f64 = 0.4;
/// Augmentation above this probability is strong: few pictures are seen as they are, and G may take changed ones for the data
/// (2006.06676, section 2.2, where leaks begin near .8).
pub const STRONG: f64 = 0.8;
/// Samples like changed data beyond those that held-out examples are by chance: of 100 and 100, four standard deviations.
pub const LEAKED: f64 = 0.25;
/// D overfits where the mean sign on real pictures stays this far above its target.
pub const OVER_TARGET: f64 = 0.2;
/// Share of a training from which on it comes to its end.
pub const NEAR_END: f64 = 0.9;
/// Translations lie further from the truth than what went in where their mean absolute error is so many times its: that counts small
/// changes everywhere like large ones where they belong, and a G that gains 7 dB on faces that get glasses stands at 1.6.
pub const FURTHER: f64 = 2.0;
/// Pictures do not come back where what returns differs from them by more than this share of what one picture differs from
/// another by: trained CycleGANs of digits and faces have a tenth and less.
pub const NOT_BACK: f64 = 0.5;
