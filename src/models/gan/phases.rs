//! The phases of a GAN's step as graphs.

use super::{DISCRIMINATOR, GENERATOR, Gan, Players, Turn};
use crate::architectures::Forward;
use crate::config::Noise;
use crate::graph::{Column, Graph, Input, OptimizerId, Var};
use crate::lower::Stage;
use crate::models::augment::augmented;
use crate::models::noise::noise;
use crate::models::objective;
use crate::models::packing::{halves, repeated};
use crate::models::penalty::Penalised;
use crate::models::phase::{Measured, Phase, training, update};
use crate::models::statistic::{D_LOSS, G_LOSS, PENALTY};
use crate::nn::{Pass, Statistics, Tracer};
use crate::precision::Precision;

impl Gan {
    /// D's update, with penalties or without, and G's behind it where it is G's turn too; or G's alone.
    pub(super) fn phase(&self, turn: Turn) -> Phase {
        let Turn { suffix, when, times, players, penalties, ends } = turn;
        let name = format!("{}{suffix}", players.name());
        let both = players == Players::Both;
        let g = Graph::new();
        let config = &self.config;
        let (batch, joint) = (config.train.batch, both && config.train.joint);
        let minibatch =
            |column, width| g.input(Input::Minibatch { set: 0, order: 0, column }, &[batch, width]);
        let real = minibatch(Column::Examples, self.shape.len());
        let real = augmented(&g, "", real, self.shape, &config.data);
        let labels = (self.classes > 0).then(|| minibatch(Column::Labels, self.classes));
        let [generator, discriminator] =
            [GENERATOR, DISCRIMINATOR].map(|id| Tracer::new(&g, self.networks.get(id)));
        let before = training(0, "d", &[0]);
        let p = self.augmenter.strength(&discriminator.pass(&before));
        let said = |x, labels, pass: &Pass| self.score(&discriminator, (x, p), labels, pass);
        // One pass of G makes the fakes of both updates: G does not change in between. D's are the last ones: they are then
        // the same rows of G's result as of [real; fake], so that the launch which makes them can also put them there.
        let draws = if both && !joint && config.train.noise == Noise::Fresh { 2 } else { 1 };
        let made = self.generate(&generator, draws, labels);
        let fake = |i: usize| g.slice_axis(made, 0, i * batch, (i + 1) * batch);
        let [for_d, for_g] = [fake(draws - 1), fake(0)];

        let joined = |real, fake, pass: &Pass| {
            let said = said(g.concat(&[real, fake], 0), repeated(&g, labels, 2), pass);
            let (r, f) = halves(&g, said.output);
            (r, f, said.classes.map(|classes| halves(&g, classes)))
        };
        let relativistic = config.loss.relativistic;
        // D on G's minibatch, after so many updates of it; the real one comes along only where pairs are compared.
        let for_generator = |version| {
            let pass = |order| training(version, "g", order);
            g.scoped("G step", || match relativistic {
                true => {
                    let (r, f, classes) = joined(real, for_g, &pass(&[0, 1]));
                    (Some(r), f, classes.map(|(_, of_fake)| of_fake))
                }
                false => {
                    let said = said(for_g, labels, &pass(&[0]));
                    (None, said.output, said.classes)
                }
            })
        };
        let [of_g, of_d] = [OptimizerId(0), OptimizerId(1)];
        let scaled = config.train.precision == Precision::Fp16;
        let updated = |loss, optimizer| update(&g, loss, &self.networks, optimizer, 0, scaled);
        let (mut losses, mut stages) = (vec![], vec![]);
        let mut answers = None;
        if players != Players::G {
            let first = training(0, "d", &[0, 1]);
            let (r, f, classes) = g.scoped("D step", || joined(real, for_d, &first));
            answers = joint.then_some((relativistic.then_some(r), f, classes.map(|(_, of_fake)| of_fake)));
            let mut loss_d = g.mean(objective::discriminator(&g, &config.loss, r, f));
            let mut outputs = vec![(D_LOSS.to_string(), loss_d)];
            outputs.extend(objective::readings(&g, &config.loss, r, f));
            outputs.extend(self.augmenter.adapt(&discriminator.pass(&first), r));
            if penalties {
                let again = |x: Var, draw: &str| {
                    let minibatches = g.shape(x)[0] / batch;
                    let labels = repeated(&g, labels, minibatches);
                    let again = Pass { statistics: Statistics::Again(minibatches), ..training(0, draw, &[]) };
                    said(x, labels, &again).output
                };
                let (loss, pack) = (&config.loss, config.discriminator.pack);
                let penalised = Penalised { loss, real, fake: for_d, pack, score: &again };
                let penalty = g.scoped("penalty", || penalised.sum(&g));
                outputs.push((PENALTY.into(), penalty));
                loss_d = g.add(loss_d, penalty);
            }
            if let Some(((real, fake), labels)) = classes.zip(labels) {
                let head = g.scoped("class head", || objective::class_head(&g, &[real, fake], labels));
                outputs.extend(objective::class_readings(&g, real, fake, labels));
                loss_d = g.add(loss_d, g.scale(head, f64::from(config.loss.auxiliary)));
            }
            let updates = vec![g.scoped("D'", || updated(loss_d, of_d))];
            losses.push((of_d, loss_d));
            stages.push(Stage { outputs, updates, ..Stage::default() });
        }

        if players != Players::D {
            let (r, f, classes) = answers.unwrap_or_else(|| for_generator(u8::from(both)));
            let loss_g = g.mean(objective::generator(&g, &config.loss, r, f));
            let mut whole = loss_g;
            if let Some((classes, labels)) = classes.zip(labels) {
                let head = g.scoped("class head", || objective::class_head(&g, &[classes], labels));
                whole = g.add(loss_g, g.scale(head, f64::from(config.loss.auxiliary_generator)));
            }
            let update_g = g.scoped("G'", || updated(whole, of_g));
            losses.push((of_g, whole));
            if !joint {
                stages.push(Stage::default());
            }
            let last = stages.last_mut().expect("a stage at least");
            last.outputs.push((G_LOSS.to_string(), loss_g));
            last.updates.push(update_g);
        }
        let stores = [generator, discriminator].iter().flat_map(Tracer::stores).collect();
        stages.last_mut().expect("a stage at least").stores = stores;
        let measured = if both { Measured::Step } else { Measured::Nothing };
        Phase { name, when, times, ends, measured, graph: g, stages, losses }
    }

    /// G on fresh noise, for `draws` minibatches with the same labels: `[draws·batch, numbers]`. The last minibatch is D's,
    /// whose turn comes first.
    fn generate(&self, generator: &Tracer, draws: usize, labels: Option<Var>) -> Var {
        let pass = training(0, "g", if draws == 2 { &[1, 0] } else { &[0] });
        let s = generator.pass(&pass);
        let g = s.g;
        let z = noise(g, "z", draws * self.config.train.batch, &self.config.latent);
        self.make(&s, z, repeated(g, labels, draws))
    }

    /// What D says: a logit a pack, `[rows / pack, 1]`, and more. It sees the examples augmented where there is a
    /// probability to augment them with; a penalty's gradient by them goes through that.
    fn score(
        &self,
        discriminator: &Tracer,
        (x, p): (Var, Option<Var>),
        labels: Option<Var>,
        pass: &Pass,
    ) -> Forward {
        let s = discriminator.pass(pass);
        let x = self.augmenter.seen(s.g, pass.draw, x, p);
        self.judge(&s, x, labels)
    }
}
