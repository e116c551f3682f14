//! What a GAN does beside training: G samples, D scores, G's batch norms are looked at.

use super::{DISCRIMINATOR, GENERATOR, Gan};
use crate::models::packing::{packed, with_labels};
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
        let input = self.noise(&mut task);
        let tracer = Tracer::new(&task.graph, self.networks.get(GENERATOR));
        // G's dropout is part of what it was trained to be: its masks are noise like z.
        let pass = Pass { version: 0, draw: "sample", dropout: true, statistics: Statistics::Stored };
        let made = self.generator().forward(&tracer.pass(&pass), input);
        drop(tracer);
        task.output("samples", PortKind::Examples, made.output);
        task
    }

    fn scoring(&self) -> Task {
        let pack = self.config.discriminator.pack;
        let mut task = Task::new(TaskKind::Score, SCORED.next_multiple_of(pack), false);
        let x = task.input("scored", PortKind::Examples, self.shape.len()).expect("examples have numbers");
        let labels = task.input("condition", PortKind::Labels, self.classes);
        let tracer = Tracer::new(&task.graph, self.networks.get(DISCRIMINATOR));
        let pass = Pass { version: 0, draw: "score", dropout: false, statistics: Statistics::Stored };
        let x = packed(&task.graph, x, labels, pack);
        let scored = self.discriminator().forward(&tracer.pass(&pass), x);
        drop(tracer);
        task.output("logits", PortKind::Logits, scored.output);
        if let Some(features) = scored.features {
            task.output("features", PortKind::Features, features);
        }
        task
    }

    fn standing(&self) -> Task {
        let mut task = Task::new(TaskKind::Standing, self.config.train.batch, true);
        let input = self.noise(&mut task);
        let tracer = Tracer::new(&task.graph, self.networks.get(GENERATOR));
        let pass = Pass { version: 0, draw: "standing", dropout: true, statistics: Statistics::Observed };
        self.generator().forward(&tracer.pass(&pass), input);
        let observed = tracer.observed();
        drop(tracer);
        for (name, value) in observed {
            let kind = if name.ends_with("mean") { PortKind::Mean } else { PortKind::Variance };
            task.output(&name, kind, value);
        }
        task
    }

    /// Noise and labels as G's input, from the host.
    fn noise(&self, task: &mut Task) -> crate::graph::Var {
        let z = task.input("latent", PortKind::Latent, self.config.latent.dim).expect("noise has numbers");
        let labels = task.input("condition", PortKind::Labels, self.classes);
        with_labels(&task.graph, z, labels)
    }
}
