//! What a step is made of: updates of D in bursts, several of G, on fresh noise or the same. `golden.rs` compares them with
//! PyTorch.

use crate::common::{CLASSES, Model, NUMBERS, config, data};
use gansaku::exec::{Device, open};
use gansaku::graph::OptimizerId;
use gansaku::run::checkpoint;
use gansaku::train::Trainer;

const BATCH_NORM: &str = "generator.layers.0.norm = 'batch'\ndiscriminator.layers.0.norm = 'batch'\n";
const TURNS: &str = "train.noise = 'same'\ntrain.generator_updates = 3\n\
                     train.discriminator_updates = { usual = 2, burst = 4, first = 2, every = 5 }\n";

fn trainer(changes: &str) -> Trainer {
    let data = data(NUMBERS, CLASSES);
    Trainer::new(&config(changes), &data, open(Device::Cpu, 1).expect("a thread")).expect("data that fit")
}

/// Minibatches that the batch norms of G and D have seen after a step.
fn tracked(changes: &str) -> [f32; 2] {
    let mut trainer = trainer(&format!("{BATCH_NORM}{changes}"));
    trainer.step().expect("finite");
    let snapshot = trainer.snapshot().expect("finite");
    [0, 1].map(|optimizer| {
        let network = snapshot.game.networks().of(OptimizerId(optimizer)).next().expect("one");
        let state = network.states.iter().find(|s| s.name.ends_with("num_batches_tracked")).expect("one");
        snapshot.networks[usize::from(optimizer)].states[state.offset]
    })
}

#[test]
fn norms_see_every_pass_once() {
    assert_eq!(tracked("train.noise = 'fresh'"), [2.0, 3.0], "G's two draws; data, D's fakes, G's fakes");
    assert_eq!(tracked("train.noise = 'same'"), [1.0, 3.0], "one draw of G serves both");
    // Four updates of D, three with a pass of G to themselves; three of G, two of them.
    assert_eq!(tracked(TURNS), [6.0, 11.0]);
    assert_eq!(tracked("train.joint = true"), [1.0, 2.0]);
    assert_eq!(tracked("train.joint = true\ntrain.noise = 'same'"), [1.0, 2.0], "as without");
}

#[test]
fn the_same_noise_costs_less() {
    let cost = |changes: &str| {
        let model = Model::new(&config(changes), NUMBERS, CLASSES);
        let phases = model.phases();
        assert_eq!(phases.iter().map(|p| &p.name[..]).collect::<Vec<_>>(), ["D+G"]);
        let plan = model.plan(&phases[0]);
        let updates = gansaku::models::update_costs(&*model.game);
        (plan.cost(&updates).flops, plan.scratch_bytes())
    };
    let [fresh, same] = [cost(""), cost("train.noise = 'same'")];
    assert!(same.0 < fresh.0 && same.1 < fresh.1, "{same:?}, with fresh noise {fresh:?}");
}

#[test]
fn a_resume_inside_a_burst_goes_on_to_the_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let bytes = |trainer: &mut Trainer, name: &str| {
        let path = checkpoint::save(&folder.path().join(name), &trainer.snapshot().expect("finite"));
        std::fs::read(path.expect("room").join("MANIFEST.json")).expect("there")
    };
    let mut whole = trainer(TURNS);
    whole.steps(1).expect("finite");
    let path = checkpoint::save(folder.path(), &whole.snapshot().expect("finite")).expect("room");
    whole.steps(6).expect("finite");
    let mut resumed = trainer(TURNS);
    resumed.restore(checkpoint::load(&path).expect("whole")).expect("the same model");
    (0..6).for_each(|_| resumed.step().expect("finite"));
    assert_eq!(bytes(&mut resumed, "resumed"), bytes(&mut whole, "whole"), "SHA-256 of every file");
    let line = whole.line(0.0).expect("finite");
    assert!(line.get("d_loss").is_some() && line.get("g_loss").is_some(), "{line:?}");
}

#[test]
fn every_update_is_counted() {
    let mut trainer = trainer(TURNS);
    trainer.steps(7).expect("finite");
    let updates = trainer.state.updates(trainer.game.networks());
    assert_eq!(updates[..2], [7 * 3, 4 * 2 + 2 * 3 + 4 + 2], "of G, of D");
    assert_eq!(trainer.state.tick, 20, "G's updates are of the tick of D's last one");
}
