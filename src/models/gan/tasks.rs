//! What a GAN does beside training: G samples, D scores, G's batch norms are looked at.

use super::{DISCRIMINATOR, GENERATOR, Gan};
use crate::config::Condition;
use crate::graph::Var;
use crate::models::task::{PortKind, Task, TaskKind};
use crate::nn::{Pass, Statistics, Tracer};

/// Samples at once.
const SAMPLED: usize = 100;
/// Examples scored at once, before they are made whole packs.
const SCORED: usize = 200;

impl Gan {
    pub(super) fn tasks(&self) -> Vec<Task> {
        let mut tasks = vec![self.sampling_at(SAMPLED), self.scoring()];
        let standing = self.networks.get(GENERATOR).states.iter().any(|s| s.name.ends_with("running_mean"));
        tasks.extend(standing.then(|| self.standing()));
        tasks
    }

    pub(super) fn sampling_at(&self, rows: usize) -> Task {
        let mut task = Task::new(TaskKind::Sample, rows, true);
        let (z, labels) = self.noise(&mut task);
        let tracer = Tracer::new(&task.graph, self.networks.get(GENERATOR));
        // G's dropout is part of what it was trained to be: its masks are noise like z.
        let pass = Pass { version: 0, draw: "sample", dropout: true, statistics: Statistics::Stored };
        let made = self.make(&tracer.pass(&pass), z, labels);
        drop(tracer);
        task.output("samples", PortKind::Examples, made);
        task
    }

    fn scoring(&self) -> Task {
        let pack = self.config.discriminator.pack;
        let mut task = Task::new(TaskKind::Score, SCORED.next_multiple_of(pack), false);
        let x = task.input("scored", PortKind::Examples, self.shape.len()).expect("examples have numbers");
        // A class head says labels itself.
        let reads_labels = self.config.discriminator.condition != Some(Condition::Auxiliary);
        let labels = task.input("condition", PortKind::Labels, if reads_labels { self.classes } else { 0 });
        let tracer = Tracer::new(&task.graph, self.networks.get(DISCRIMINATOR));
        let pass = Pass { version: 0, draw: "score", dropout: false, statistics: Statistics::Stored };
        let scored = self.judge(&tracer.pass(&pass), x, labels);
        drop(tracer);
        task.output("logits", PortKind::Logits, scored.output);
        if let Some(features) = scored.features {
            task.output("features", PortKind::Features, features);
        }
        task
    }

    fn standing(&self) -> Task {
        let mut task = Task::new(TaskKind::Standing, self.config.train.batch, true);
        let (z, labels) = self.noise(&mut task);
        let tracer = Tracer::new(&task.graph, self.networks.get(GENERATOR));
        let pass = Pass { version: 0, draw: "standing", dropout: true, statistics: Statistics::Observed };
        self.make(&tracer.pass(&pass), z, labels);
        let observed = tracer.observed();
        drop(tracer);
        for (name, value) in observed {
            let kind = if name.ends_with("mean") { PortKind::Mean } else { PortKind::Variance };
            task.output(&name, kind, value);
        }
        task
    }

    /// Noise and labels, from the host.
    fn noise(&self, task: &mut Task) -> (Var, Option<Var>) {
        let z = task.input("latent", PortKind::Latent, self.config.latent.dim).expect("noise has numbers");
        (z, task.input("condition", PortKind::Labels, self.classes))
    }
}
