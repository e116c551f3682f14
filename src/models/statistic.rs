//! Statistics: the named numbers that a model's training leaves in metrics.jsonl, each with what a reader needs to know.
//!
//! A model lists its statistics in the order in which a line has them. Trainer, doctor, report, progress line and
//! TensorBoard ask for them by name; what a model does not list is left out everywhere.

/// One number of a line of metrics, as its model describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistic {
    /// Key in metrics.jsonl, and name of the plan's output where a graph computes it: `d_loss`.
    pub name: String,
    /// Legend of its curve, and its name on the progress line: `D(x)`.
    pub label: String,
    /// TensorBoard's tag: `loss/D`.
    pub tag: String,
    /// What kind of number it is.
    pub unit: Unit,
    /// How a line's number is made from the steps since the line before.
    pub gathered: Gathered,
    /// Digits after the point on the progress line, which leaves out statistics without.
    pub digits: Option<usize>,
    /// Title of the report's chart that draws it, together with others of that title; none where no chart does.
    pub chart: Option<&'static str>,
    /// Value when the game is at rest, and how it is written: `(0.693…, "log 2")`.
    pub equilibrium: Option<(f64, String)>,
    /// Sentences under the chart; empty where another statistic of the chart brings them.
    pub about: &'static str,
}

impl Statistic {
    /// A statistic that is the mean over steps of a plan's output, for TensorBoard alone: no chart, not on the progress line.
    pub fn mean(name: &str, label: &str, tag: &str) -> Statistic {
        Statistic {
            name: name.into(),
            label: label.into(),
            tag: tag.into(),
            unit: Unit::Value,
            gathered: Gathered::Mean,
            digits: None,
            chart: None,
            equilibrium: None,
            about: "",
        }
    }
}

/// What kind of number a statistic is: it decides the axis of its chart and how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Any real number: a loss, a critic's score. The axis is linear.
    Value,
    /// A share or a probability in [0, 1].
    Share,
    /// A size of 0 or more that spans decades: a norm, a penalty, a factor. The axis is logarithmic.
    Magnitude,
    /// How many; a whole number.
    Count,
}

/// How a line's number is made from the steps since the line before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gathered {
    /// Sum over the window divided by its steps; left out where no step had the number.
    Mean,
    /// Mean over the updates that were made; `skipped` names the window's count of those that were not. 0 without any.
    MeanOfUpdates {
        /// Key among the window's sums.
        skipped: String,
    },
    /// Value after the last step.
    Last,
    /// Sum over the window.
    Total,
}

/// D's objective, penalties not included.
pub const D_LOSS: &str = "d_loss";
/// G's objective.
pub const G_LOSS: &str = "g_loss";
/// D(x): D's mean probability (or a critic's mean score) of real examples.
pub const D_REAL: &str = "d_real";
/// D(G(z)): D's mean probability (or a critic's mean score) of generated examples.
pub const D_FAKE: &str = "d_fake";
/// Share of real examples that D takes for real.
pub const ACCURACY_REAL: &str = "accuracy_real";
/// Share of generated examples that D takes for generated.
pub const ACCURACY_FAKE: &str = "accuracy_fake";
/// Share of real examples whose class D's class head says right.
pub const CLASSES_REAL: &str = "classes_real";
/// Share of generated examples that D's class head takes for the class that was asked for.
pub const CLASSES_FAKE: &str = "classes_fake";
/// Gradient penalties with their factors.
pub const PENALTY: &str = "penalty";
/// Mean length of paths through pictures, as w moves.
pub const PATH_LENGTH: &str = "path_length";
/// Penalty on lengths that are not the mean, with its factors.
pub const PATH_PENALTY: &str = "path_penalty";
/// Updates of any network left out for an overflow, in fp16.
pub const SKIPPED_UPDATES: &str = "skipped_updates";

/// Key of the gradient norm that `letter`'s updates had: `g_gradient_norm`.
pub fn gradient_norm(letter: &str) -> String {
    format!("{}_gradient_norm", letter.to_lowercase())
}

/// Key of the factor on `letter`'s loss in fp16: `g_loss_scale`.
pub fn loss_scale(letter: &str) -> String {
    format!("{}_loss_scale", letter.to_lowercase())
}

/// Whether a key is that of a loss scale.
pub fn is_loss_scale(name: &str) -> bool {
    name.ends_with("_loss_scale")
}

/// Key, among a window's sums, of steps whose update of `letter` was skipped for an overflow: `g_unmeasured`.
pub fn unmeasured(letter: &str) -> String {
    format!("{}_unmeasured", letter.to_lowercase())
}

/// What training measures of every model: gradient norms of the optimizers with these letters (`D`, `G`), and with
/// `scaled` (fp16) their loss scales and the updates skipped for an overflow.
pub fn of_updates(letters: &[&str], scaled: bool) -> Vec<Statistic> {
    let norm = |(i, letter): (usize, &&str)| Statistic {
        unit: Unit::Magnitude,
        gathered: Gathered::MeanOfUpdates { skipped: unmeasured(letter) },
        chart: Some("Gradient norms"),
        about: match i {
            0 => {
                "Logarithmic. They should stay within a decade or two. G's falling towards 0 while D's accuracy is \
                 near 1 says that G no longer learns; a sudden rise often comes before NaN."
            }
            _ => "",
        },
        ..Statistic::mean(&gradient_norm(letter), letter, &format!("gradient_norm/{letter}"))
    };
    let scale = |(i, letter): (usize, &&str)| Statistic {
        name: loss_scale(letter),
        tag: format!("loss_scale/{letter}"),
        gathered: Gathered::Last,
        chart: Some("fp16 loss scales"),
        about: match i {
            0 => {
                "Logarithmic. They rise until a gradient overflows, then halve. One that falls to 1 says that fp16 \
                 does not suffice."
            }
            _ => "",
        },
        ..norm((i, letter))
    };
    let mut all: Vec<Statistic> = letters.iter().enumerate().map(norm).collect();
    if scaled {
        all.extend(letters.iter().enumerate().map(scale));
        all.push(Statistic {
            unit: Unit::Count,
            gathered: Gathered::Total,
            ..Statistic::mean(SKIPPED_UPDATES, "skipped updates", SKIPPED_UPDATES)
        });
    }
    all
}
