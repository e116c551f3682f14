//! `gansaku plan`, `gansaku data`, `gansaku recipes`: looking before training.

use super::overrides::{Overrides, at_path, recipe_name};
use super::{out, print};
use crate::bench::table::sizes;
use crate::config::{self, Config, ConfigBuilder, Model, RECIPES, Source, Train};
use crate::data::{self, Dataset, Origin, Pairs};
use crate::error::{Error, Result};
use crate::graph::{Column, OptimizerId};
use crate::lower::cost::Cost;
use crate::lower::{
    Along, Gather, Gradients, Launch, LossHead, Map, Matmul, Minibatch, Program, Reduce, Work,
};
use crate::memory_budget;
use crate::models::{self, Game, When};
use crate::numbers::{bytes_in_words, counted, grouped};
use crate::pictures::Display;
use crate::precision::Precision;
use clap::Args;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Show what one training step launches: kernels, buffers, bytes, FLOPs, parameters.
#[derive(Debug, Args)]
pub struct Plan {
    /// Which recipe; `gansaku recipes` lists them [default: digits]
    #[arg(value_parser = recipe_name(), hide_possible_values = true)]
    recipe: Option<String>,
    /// Examples a minibatch
    #[arg(long, value_name = "B", value_parser = super::whole::<u64>)]
    batch: Option<u64>,
    /// What matrix products multiply [default: the recipe's]
    #[arg(long, value_name = "P", value_enum)]
    precision: Option<Precision>,
    /// File or folder of examples; without it the recipe's usual shape is taken
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    #[command(flatten)]
    overrides: Overrides,
}

/// Say what is in a file or folder of examples, and draw a preview.
#[derive(Debug, Args)]
pub struct Data {
    /// A folder, zip or tar file of pictures, NumPy's .npy or .npz, MNIST's IDX files, CIFAR-10's binary files, TFD's .mat,
    /// Parquet; or digits, ring, grid, line
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// Where the preview goes
    #[arg(long, value_name = "FILE.png", default_value = "preview.png")]
    out: PathBuf,
    /// Pictures of a folder are cropped to a centred square and resized to this many pixels a side
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=4096))]
    size: u16,
    /// A damaged picture is an error instead of being skipped
    #[arg(long)]
    strict: bool,
}

/// List the recipes, or print one as TOML.
#[derive(Debug, Args)]
pub struct Recipes {
    /// Print this one
    #[arg(value_parser = recipe_name(), hide_possible_values = true)]
    name: Option<String>,
}

pub fn recipes(args: &Recipes) -> Result<()> {
    if let Some(name) = &args.name {
        ConfigBuilder::recipe(name)?;
        let (_, text) = RECIPES.iter().find(|(n, _)| n == name).expect("just looked up");
        return print(text);
    }
    let width = RECIPES.iter().map(|(n, _)| n.len()).max().unwrap_or(0);
    let mut out = String::new();
    for (name, _) in RECIPES {
        let about = ConfigBuilder::recipe(name)?.finish()?.about;
        let _ = writeln!(out, "{name:width$}  {about}");
    }
    print(&out)
}

/// One line on what was loaded, and the reader's notes.
pub fn describe(data: &Dataset) -> String {
    let classes = if data.classes > 0 { format!("{} classes", data.classes) } else { "no labels".into() };
    let mut text = format!("{}: {}, {classes}; {}", data.name, data.shape, data.counts());
    data.notes.iter().for_each(|note| {
        let _ = write!(text, "\n  {note}");
    });
    text
}

/// What is typed as data: a path, or the name of what is built in.
pub fn data_at(typed: &Path) -> Result<config::Data> {
    let mut data = ConfigBuilder::recipe("digits")?.finish()?.data;
    (data.source, data.path) = match Source::built_in(typed) {
        Some(source) => (source, None),
        None => (Source::Auto, Some(typed.to_path_buf())),
    };
    Ok(data)
}

pub fn data(args: &Data) -> Result<()> {
    if args.out.extension().is_none_or(|e| e != "png") {
        return Err(Error::Usage(format!("--out {}: expected FILE.png", args.out.display())));
    }
    super::has_folder("--out", Some(&args.out))?;
    let mut config = data_at(&args.path)?;
    (config.size, config.strict) = (usize::from(args.size), args.strict);
    let dataset = data::load(&config, 0)?;
    let mut text = describe(&dataset) + "\n";
    let marginals = dataset.marginals();
    let mean = marginals.iter().map(|&m| f64::from(m)).sum::<f64>() / marginals.len().max(1) as f64;
    let _ = writeln!(text, "mean {mean:.4} as the network sees it");
    text += &classes(&dataset);
    print(&text)?;
    let display = Display::new(dataset.shape, &config);
    let (numbers, columns, what) = match &dataset.origin {
        Some(origin) => domains(&dataset, origin),
        None => {
            let count = if dataset.shape.is_point() { 2_500 } else { 100 }.min(dataset.train.count);
            (dataset.numbers_of(&dataset.train, 0..count), ROW, format!("the first {count}"))
        }
    };
    let place = out::write(&args.out, &display.picture(&numbers, columns).png())?;
    tell!("{what} {place}");
    Ok(())
}

/// Pictures a row.
const ROW: usize = 10;

/// Rows of domain A with rows of domain B below them, pairs where there are some: their numbers, pictures a row, and what
/// they are.
fn domains(data: &Dataset, origin: &Origin) -> (Vec<f32>, usize, String) {
    let most = 5 * ROW;
    let (a, b, what) = match data.held_out_pairs(most) {
        Some(Pairs { split, which, a, b }) => (a, b, format!("{} {split} pairs", which.len())),
        None => {
            let count = most.min(data.train.count).min(origin.data.train.count);
            let first = |data: &Dataset| data.numbers_of(&data.train, 0..count);
            (first(&origin.data), first(data), format!("the first {count} of each domain"))
        }
    };
    let columns = ROW.min(b.len() / data.shape.len());
    let row = columns * data.shape.len();
    let rows = a.chunks_exact(row).zip(b.chunks_exact(row));
    (rows.flat_map(|(a, b)| [a, b].concat()).collect(), columns, format!("{what}, A above B,"))
}

/// Examples of each class, a line a class: number, name, how many in each split that has labels.
fn classes(data: &Dataset) -> String {
    let splits = [("train", &data.train), ("validation", &data.valid), ("test", &data.test)];
    let counted = splits.iter().filter_map(|(name, split)| {
        let mut counts = vec![0usize; data.classes];
        split.labels.as_ref()?.iter().for_each(|&label| counts[usize::from(label)] += 1);
        (split.count > 0).then_some((name, counts))
    });
    let counted: Vec<_> = counted.collect();
    if counted.is_empty() || data.classes == 0 {
        return String::new();
    }
    let table = data.class_table();
    let width = table.names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let mut text = String::from("examples a class:\n");
    for class in 0..data.classes {
        let counts: Vec<String> =
            counted.iter().map(|(split, c)| format!("{split} {:>6}", c[class])).collect();
        let name = data.class_names.get(class).map_or(String::new(), |name| format!("  {name:width$}"));
        let _ = writeln!(text, "  {class:>3}{name}  {}", counts.join("  "));
    }
    text
}

pub fn plan(args: &Plan) -> Result<()> {
    let mut builder = args.overrides.over(args.recipe.as_deref(), "digits")?;
    if let Some(path) = &args.data {
        builder = at_path(builder, path)?;
    }
    if let Some(batch) = args.batch {
        builder.put("--batch", "train.batch", super::batch(batch)?)?;
    }
    if let Some(precision) = args.precision {
        builder.put("--precision", "train.precision", toml::Value::String(precision.name().into()))?;
    }
    let config = builder.settle()?;
    let (shape, classes) = match config.data.path {
        Some(_) => {
            let dataset = data::load(&config.data, config.seed)?;
            (dataset.shape, dataset.classes)
        }
        None => data::usual(&config.data),
    };
    models::check(&config, shape)?;
    let of = |config: &Config| models::of(config, shape, classes);
    print(&(summary(&*of(&config), true) + &parts(&config, &of)))
}

/// What a step takes of memory when its minibatch comes in parts, and how many parts this machine needs; nothing of models that
/// take minibatches whole.
fn parts(config: &Config, of: &dyn Fn(&Config) -> Arc<dyn Game>) -> String {
    if config.model != Model::Stylegan2 {
        return String::new();
    }
    let batch = config.train.batch;
    let memory = |accumulate: usize| {
        let train = Train { accumulate, ..config.train };
        let game = of(&Config { train, ..config.clone() });
        let scratch = models::plans(&*game).iter().map(|plan| plan.scratch_bytes()).max().unwrap_or(0);
        scratch + models::kept_bytes(&*game)
    };
    let group = config.discriminator.deviation.unwrap_or(4).max(1);
    let whole_groups =
        |n: &usize| batch.is_multiple_of(*n) && (batch / n).is_multiple_of(group.min(batch / n));
    let sizes: Vec<(usize, usize)> =
        (0..3).map(|i| 1 << i).filter(whole_groups).map(|n| (n, memory(n))).collect();
    let told = sizes.iter().map(|(n, bytes)| format!("{n}: {}", bytes_in_words(*bytes as u64)));
    let fits = memory_budget::free().map_or(String::new(), |free| {
        let words = bytes_in_words(free as u64);
        match sizes.iter().find(|(_, bytes)| *bytes <= free) {
            Some((n, _)) => format!("; the smallest that fits this machine's free {words} is {n}"),
            None => format!("; none fits this machine's free {words}"),
        }
    });
    format!("\nmemory beside the data by train.accumulate, {}{fits}\n", told.collect::<Vec<_>>().join(", "))
}

/// What a step does, phase by phase; every launch where `launches`.
pub fn summary(game: &dyn Game, launches: bool) -> String {
    let mut text = String::new();
    for network in game.networks().all() {
        let count = grouped(network.parameter_count() as u64);
        let _ = writeln!(text, "{}  {count:>12} parameters  {}", network.path, network.outline);
    }
    let updates = models::update_costs(game);
    for phase in game.phases() {
        let plan = models::plan(game, &phase);
        let cost = plan.cost(&updates);
        let _ = writeln!(
            text,
            "\nphase {}, {} times a step{}{}: {} launches, arena {} bytes in {} buffers, {:.2} GFLOP, {:.1} MB moved",
            phase.name,
            grouped(phase.times.usual),
            match phase.times.bursts {
                Some((burst, times)) => format!(" ({} {})", grouped(times), burst.steps()),
                None => String::new(),
            },
            match phase.when {
                When::Always => String::new(),
                When::Every(n) => format!(" at every {n}th"),
                When::Between(n) => format!(" but every {n}th"),
                When::First(n) => format!(" in the first {}", grouped(n)),
                When::After(n) => format!(" after the first {}", grouped(n)),
            },
            plan.launches.len(),
            grouped(plan.scratch_bytes() as u64),
            plan.stored.len(),
            cost.flops as f64 / 1e9,
            cost.bytes as f64 / 1e6,
        );
        if launches {
            for (i, launch) in plan.launches.iter().enumerate() {
                let _ = writeln!(text, "{}", row(i, launch, launch.cost(&updates)));
            }
        }
    }
    text
}

fn row(number: usize, launch: &Launch, cost: Cost) -> String {
    let (kernel, size) = (launch.work.kind(), sizes(&launch.work.shape()));
    let (flops, bytes) = (cost.flops as f64 / 1e6, cost.bytes as f64 / 1e3);
    format!(
        "{number:3}  {kernel:7} {size:>16}  {flops:9.2} MFLOP {bytes:9.1} kB  {:36} {}",
        launch.name,
        detail(&launch.work)
    )
    .trim_end()
    .to_string()
}

/// What a launch does besides its kind's work.
fn detail(work: &Work) -> String {
    match work {
        Work::Minibatch(Minibatch { gathers, draws }) => {
            let column = |g: &Gather| match g.column {
                Column::Examples => "examples",
                Column::Labels => "labels",
            };
            if let ([gather], []) = (&gathers[..], &draws[..]) {
                return column(gather).into();
            }
            let gathers = gathers.iter().map(|g| format!("{} {}", sizes(&[g.rows, g.width]), column(g)));
            let draws = draws.iter().map(|d| format!("{} {}", sizes(&d.shape), instructions(&d.program)));
            gathers.chain(draws).collect::<Vec<_>>().join(" + ")
        }
        Work::Matmul(product) => detail_of(product),
        Work::Convolution(c) => {
            let steps = c.epilogue.iter().map(crate::lower::Epilogue::name);
            let names = std::iter::once(c.form.name()).chain(steps);
            names.chain(c.column_sums.iter().map(|_| "column-sums")).collect::<Vec<_>>().join(" ")
        }
        Work::Map(Map { program, .. }) | Work::Reduce(Reduce { program, .. }) => instructions(program),
        Work::LossHead(LossHead { hidden, logits, parts }) => {
            let hidden = hidden.iter().map(|m| format!("{} + loss of ", detail_of(m)));
            let logits = logits.iter().map(|m| format!("{} of {}: {}, ", m.size[0], m.size[2], detail_of(m)));
            format!("{}{} maps and sums", hidden.chain(logits).collect::<String>(), parts.len())
        }
        Work::Gradients(Gradients { optimizer, products, along }) => {
            let besides = match along {
                Along::Nothing => None,
                Along::Measure => Some(format!("measure of the {}'s gradient", updated(*optimizer))),
                Along::Update => Some(format!("update of the {}", updated(*optimizer))),
            };
            let products = products.iter().map(|m| format!("{} {}", sizes(&m.size), detail_of(m)));
            products.chain(besides).collect::<Vec<_>>().join(" + ")
        }
        Work::StoreStates(store) => counted(store.copies.len() as u64, "state"),
        Work::Update(optimizer) => updated(*optimizer).to_string(),
    }
}

fn instructions(program: &Program) -> String {
    format!("{} instructions", program.instructions.len())
}

/// The network that an optimizer updates.
fn updated(optimizer: OptimizerId) -> &'static str {
    crate::config::Role::ALL[optimizer.index()].name()
}

fn detail_of(product: &Matmul) -> String {
    let steps = product.epilogue.iter().map(crate::lower::Epilogue::name);
    let steps = steps.chain(product.followers.iter().map(|f| if f.pieces > 1 { "maxout" } else { "map" }));
    let names: Vec<&str> = steps.chain(product.column_sums.iter().map(|_| "column-sums")).collect();
    names.join(" ")
}
