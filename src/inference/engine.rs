//! The engine: a model's tasks on an executor. It is the training's own executor while a model trains, so that networks are
//! looked at where they lie, at their weights or their moving average, on whatever device that is.

use super::latent::ClassShares;
use crate::data::Classes;
use crate::error::Result;
use crate::exec::{Executor, ExecutorSpec, NetworkState, Opened, States, UpdateRule};
use crate::graph::OptimizerId;
use crate::lower::Plan;
use crate::models::{self, Direction, Game, Port, PortKind, Style, TaskKind, one_hot};
use std::ops::Range;

/// The tasks of a model, and the numbers of their plans at an executor.
#[derive(Debug, Clone)]
pub struct Tasks {
    list: Vec<Planned>,
    shares: ClassShares,
}

#[derive(Debug, Clone)]
struct Planned {
    kind: TaskKind,
    /// Rows at once.
    rows: usize,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    /// The plan's number.
    plan: usize,
}

impl Tasks {
    /// Lowers every task of a model, whose optimizers update by these rules, behind the plans that there are.
    pub fn lower(game: &dyn Game, rules: &[UpdateRule], plans: &mut Vec<Plan>) -> Tasks {
        let keeps = |optimizer: OptimizerId| rules[optimizer.index()].average;
        let planned = |task: models::Task| {
            plans.push(models::task_plan(game, &task, &keeps));
            let models::Task { kind, rows, inputs, outputs, .. } = task;
            Planned { kind, rows, inputs, outputs, plan: plans.len() - 1 }
        };
        let list = game.tasks().into_iter().map(planned).collect();
        Tasks { list, shares: ClassShares::default() }.with_classes(None)
    }

    /// These tasks of a model that learnt classes which `table` names and counts; without one, all count alike.
    #[must_use]
    pub fn with_classes(self, table: Option<Classes>) -> Tasks {
        Tasks { shares: ClassShares::new(self.classes(), table), ..self }
    }

    fn find(&self, kind: TaskKind) -> Option<&Planned> {
        self.list.iter().find(|t| t.kind == kind)
    }

    /// Whether the model has a task of this kind.
    pub fn has(&self, kind: TaskKind) -> bool {
        self.find(kind).is_some()
    }

    /// Rows that a task takes at once; 0 of a task that the model does not have.
    pub fn rows(&self, kind: TaskKind) -> usize {
        self.find(kind).map_or(0, |t| t.rows)
    }

    /// Numbers a row of a task's input; 0 where there is none of the kind.
    pub fn input_width(&self, kind: TaskKind, port: PortKind) -> usize {
        let inputs = self.find(kind).map_or(&[][..], |t| &t.inputs);
        inputs.iter().find(|p| p.kind == port).map_or(0, |p| p.width)
    }

    /// Numbers a row of a task's output; 0 where there is none of the kind.
    pub fn output_width(&self, kind: TaskKind, port: PortKind) -> usize {
        let outputs = self.find(kind).map_or(&[][..], |t| &t.outputs);
        outputs.iter().find(|p| p.kind == port).map_or(0, |p| p.width)
    }

    /// Classes that samples are asked for by; 0 where they are not.
    pub fn classes(&self) -> usize {
        self.input_width(TaskKind::Sample, PortKind::Labels)
    }

    /// How often each class is drawn where nobody asks for one.
    pub fn shares(&self) -> &ClassShares {
        &self.shares
    }

    /// An executor's tasks as what runs them.
    pub fn on<'e>(&'e self, executor: &'e mut (dyn Executor + 'static)) -> Engine<'e> {
        Engine { tasks: self, style: Style::default(), executor }
    }
}

/// Runs the tasks of one model on one executor.
pub struct Engine<'e> {
    /// What it can do.
    pub tasks: &'e Tasks,
    /// How a generator with styles is asked.
    pub style: Style,
    executor: &'e mut (dyn Executor + 'static),
}

/// D's view of some examples.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// Output of each pack, before any sigmoid; `[packs, classes]` of a classifier.
    pub logits: Vec<f32>,
    /// Input of the last layer, `[packs, width]`.
    pub features: Vec<f32>,
    /// Numbers of a pack's features; 0 where the network has one layer.
    pub width: usize,
}

impl Scored {
    /// Mean output.
    pub fn mean(&self) -> f64 {
        self.logits.iter().map(|&l| f64::from(l)).sum::<f64>() / self.logits.len().max(1) as f64
    }

    /// Standard deviation of the outputs.
    pub fn deviation(&self) -> f64 {
        let mean = self.mean();
        let squares = self.logits.iter().map(|&l| (f64::from(l) - mean).powi(2)).sum::<f64>();
        (squares / self.logits.len().max(1) as f64).sqrt()
    }
}

impl Engine<'_> {
    /// This engine, lent for a shorter time.
    pub fn reborrow(&mut self) -> Engine<'_> {
        Engine { tasks: self.tasks, style: self.style, executor: &mut *self.executor }
    }

    /// Labels of these samples of a seed, as often as the training data have each class; none of an unconditional model's.
    pub fn labels_of(&self, seed: u64, samples: Range<usize>) -> Vec<usize> {
        self.tasks.shares.labels(seed, samples)
    }

    /// G's samples `[count, numbers]` of noise `latent`, `[count, latent]`; `labels` one a sample where the model is
    /// conditional. They are the samples `first` and following of their seed, `first` a multiple of the task's rows: where
    /// G drops units, it drops others in each run of so many.
    ///
    /// # Errors
    /// When the device fails.
    ///
    /// # Panics
    /// When the model does not sample.
    pub fn sample(&mut self, first: usize, latent: &[f32], labels: &[usize]) -> Result<Vec<f32>> {
        let condition = one_hot(labels, self.tasks.classes());
        let width = self.tasks.input_width(TaskKind::Sample, PortKind::Latent);
        let noise = self.noise(TaskKind::Sample, latent, width);
        let layers = self.tasks.input_width(TaskKind::Sample, PortKind::Truncation);
        let truncation = self.style.truncations(latent.len() / width, layers);
        let inputs = [
            (PortKind::Latent, latent),
            (PortKind::Labels, &condition),
            (PortKind::Truncation, &truncation),
            (PortKind::Noise, &noise),
        ];
        Ok(self.run(TaskKind::Sample, first, &inputs)?.swap_remove(0))
    }

    /// Noise of a task for samples that come from these rows; nothing where it reads none.
    fn noise(&self, kind: TaskKind, rows: &[f32], width: usize) -> Vec<f32> {
        match self.tasks.input_width(kind, PortKind::Noise) {
            0 => vec![],
            numbers => self.style.noise(rows, width, numbers),
        }
    }

    /// w `[count, dim]` of noise `latent`, and of `labels`, one a row, where the model is conditional.
    ///
    /// # Errors
    /// When the device fails.
    ///
    /// # Panics
    /// When the model has no styles.
    pub fn map(&mut self, latent: &[f32], labels: &[usize]) -> Result<Vec<f32>> {
        let condition = one_hot(labels, self.tasks.classes());
        let inputs = [(PortKind::Latent, latent), (PortKind::Labels, &condition)];
        Ok(self.run(TaskKind::Map, 0, &inputs)?.swap_remove(0))
    }

    /// Layers that read w; 0 where the model has no styles.
    pub fn layers(&self) -> usize {
        let all = self.tasks.input_width(TaskKind::Synthesise, PortKind::Style);
        all.checked_div(self.tasks.output_width(TaskKind::Map, PortKind::Style)).unwrap_or(0)
    }

    /// Samples `[count, numbers]` of w of all layers, `[count, layers·dim]`, drawn towards the average as the style says.
    ///
    /// # Errors
    /// When the device fails.
    ///
    /// # Panics
    /// When the model has no styles.
    pub fn synthesise(&mut self, styles: &[f32]) -> Result<Vec<f32>> {
        let width = self.tasks.input_width(TaskKind::Synthesise, PortKind::Style);
        let noise = self.noise(TaskKind::Synthesise, styles, width);
        let truncation = self.style.truncations(styles.len() / width, self.layers());
        let inputs =
            [(PortKind::Style, styles), (PortKind::Truncation, &truncation), (PortKind::Noise, &noise)];
        Ok(self.run(TaskKind::Synthesise, 0, &inputs)?.swap_remove(0))
    }

    /// What is made of w of all layers `[count, layers·dim]`, `[count, numbers]`; how far each is from its picture among `targets`,
    /// `[count]`; the derivative of that by w.
    ///
    /// # Errors
    /// When the device fails.
    ///
    /// # Panics
    /// When the model has no styles.
    pub fn approach(&mut self, styles: &[f32], targets: &[f32]) -> Result<[Vec<f32>; 3]> {
        let width = self.tasks.input_width(TaskKind::Approach, PortKind::Style);
        let noise = self.noise(TaskKind::Approach, styles, width);
        let inputs = [(PortKind::Style, styles), (PortKind::Noise, &noise), (PortKind::Examples, targets)];
        let found = self.run(TaskKind::Approach, 0, &inputs)?;
        Ok(found.try_into().expect("samples, distances and slopes"))
    }

    /// D (or a classifier) on `examples`, `[count, numbers]`, whole packs; `labels` one an example or more, read where the
    /// model is conditional.
    ///
    /// # Errors
    /// When the device fails.
    ///
    /// # Panics
    /// When the model does not score.
    pub fn score(&mut self, examples: &[f32], labels: &[usize]) -> Result<Scored> {
        let [numbers, classes] =
            [PortKind::Examples, PortKind::Labels].map(|port| self.tasks.input_width(TaskKind::Score, port));
        let count = examples.len() / numbers;
        let condition = if classes > 0 { one_hot(&labels[..count], classes) } else { vec![] };
        let inputs = [(PortKind::Examples, examples), (PortKind::Labels, &condition)];
        let mut found = self.run(TaskKind::Score, 0, &inputs)?.into_iter();
        let (logits, features) = (found.next().expect("logits"), found.next().unwrap_or_default());
        Ok(Scored { logits, features, width: self.tasks.output_width(TaskKind::Score, PortKind::Features) })
    }

    /// Pictures of one domain as the other has them, `[count, numbers]` each. They are pictures `first` and following of
    /// their seed: where G drops units, it drops others for each.
    ///
    /// # Errors
    /// When the device fails.
    ///
    /// # Panics
    /// When the model has no such direction.
    pub fn translate(&mut self, direction: Direction, first: usize, pictures: &[f32]) -> Result<Vec<f32>> {
        let inputs = [(PortKind::Examples, pictures)];
        Ok(self.run(TaskKind::Translate(direction), first, &inputs)?.swap_remove(0))
    }

    /// What a model is given of examples, as pictures, `[count, numbers]` each.
    ///
    /// # Errors
    /// When the device fails.
    ///
    /// # Panics
    /// When the model makes no pairs of single pictures.
    pub fn give(&mut self, examples: &[f32]) -> Result<Vec<f32>> {
        Ok(self.run(TaskKind::Give, 0, &[(PortKind::Examples, examples)])?.swap_remove(0))
    }

    /// Mean and variance of each norm's input, `[features]` each, with what its states' names begin with: `norms.0.`. The
    /// inputs are one minibatch.
    ///
    /// # Errors
    /// When the device fails.
    pub(super) fn statistics(
        &mut self,
        first: usize,
        inputs: &[(PortKind, &[f32])],
    ) -> Result<Vec<([Vec<f32>; 2], String)>> {
        let found = self.run(TaskKind::Standing, first, inputs)?;
        let ports = &self.tasks.find(TaskKind::Standing).expect("it ran").outputs;
        // Means and variances take turns.
        let pairs = found.chunks_exact(2).zip(ports.chunks_exact(2));
        let pair = |(values, ports): (&[Vec<f32>], &[Port])| {
            let norm = ports[0].name.strip_suffix("mean").expect("a mean's name").to_string();
            ([values[0].clone(), values[1].clone()], norm)
        };
        Ok(pairs.map(pair).collect())
    }

    /// A task's outputs in order, of as many rows as its inputs hold, run by run of the task's rows: what the last run lacks
    /// is padded with zeros and thrown away. Random numbers of a run are those of the tick that is its place among all rows,
    /// of which these are the ones from `first` on. Inputs that the task does not have are passed by.
    ///
    /// # Errors
    /// When the device fails.
    ///
    /// # Panics
    /// When the model has no such task, an input is missing or of another number of rows, or no run begins at `first`.
    pub fn run(
        &mut self,
        kind: TaskKind,
        first: usize,
        inputs: &[(PortKind, &[f32])],
    ) -> Result<Vec<Vec<f32>>> {
        let task = self.tasks.find(kind).unwrap_or_else(|| panic!("the model has no task {kind:?}"));
        assert!(first.is_multiple_of(task.rows), "a run of {} rows begins at row {first}", task.rows);
        let given = |port: &Port| {
            let found = inputs.iter().find(|(kind, _)| *kind == port.kind);
            found.unwrap_or_else(|| panic!("the task {kind:?} needs {:?}", port.kind)).1
        };
        let count = given(&task.inputs[0]).len() / task.inputs[0].width;
        let mut found = vec![vec![]; task.outputs.len()];
        for from in (0..count).step_by(task.rows) {
            let rows = task.rows.min(count - from);
            for port in &task.inputs {
                let values = given(port);
                assert_eq!(values.len(), count * port.width, "numbers of {}", port.name);
                let mut chunk = values[from * port.width..(from + rows) * port.width].to_vec();
                chunk.resize(task.rows * port.width, 0.0);
                self.executor.write_input(task.plan, &port.name, &chunk)?;
            }
            self.executor.run_task(task.plan, ((first + from) / task.rows) as u64)?;
            for (found, port) in found.iter_mut().zip(&task.outputs) {
                let whole = self.executor.output(task.plan, &port.name)?;
                // An output may hold less than one row an input's row: D answers once a pack, a norm once a minibatch.
                let whole_run = matches!(port.kind, PortKind::Mean | PortKind::Variance);
                let kept = if whole_run { whole.len() } else { whole.len() * rows / task.rows };
                found.extend_from_slice(&whole[..kept]);
            }
        }
        Ok(found)
    }
}

/// A trained model on an executor of its own.
pub struct Standalone {
    executor: Box<dyn Executor>,
    tasks: Tasks,
}

impl Standalone {
    /// A model with these weights, averages and states on a device; what only training needs of them is left away.
    ///
    /// # Errors
    /// When the device has too little memory, or fails.
    pub fn new(game: &dyn Game, states: States, seed: u64, device: Opened) -> Result<Standalone> {
        let bare = |state: NetworkState| NetworkState { gradients: vec![], moments: vec![], ..state };
        let states: States = states.into_iter().map(bare).collect();
        let rule = |(rule, state): (UpdateRule, &NetworkState)| UpdateRule {
            average: !state.average.is_empty(),
            ..rule
        };
        let rules: Vec<UpdateRule> = models::rules(game).into_iter().zip(&states).map(rule).collect();
        let mut plans = vec![];
        let tasks = Tasks::lower(game, &rules, &mut plans);
        let executor = device(ExecutorSpec { seed, ..ExecutorSpec::at_rest(plans, states, rules) })?;
        Ok(Standalone { executor, tasks })
    }

    /// This model, which learnt classes that `table` names and counts; without one, all count alike.
    #[must_use]
    pub fn with_classes(self, table: Option<Classes>) -> Standalone {
        Standalone { tasks: self.tasks.with_classes(table), ..self }
    }

    /// What runs its tasks.
    pub fn engine(&mut self) -> Engine<'_> {
        self.tasks.on(&mut *self.executor)
    }

    /// What it can do.
    pub fn tasks(&self) -> &Tasks {
        &self.tasks
    }
}
