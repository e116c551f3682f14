//! Whole steps of convolutional models on the emulated GPU, as `steps.rs` checks them, in every precision; what their phases
//! say beside the CPU's; and how many launches they are.

use crate::common::golden::SMALL_2014;
use crate::steps::{Setup, check, recipe};
use gansaku::data::Shape;
use gansaku::precision::Precision;

/// What every case has.
const FEW: &[&str] = &["seed=3", "train.batch=4", "latent.dim=6"];
/// What every case of a game over pictures has.
const TRANSLATED: &[&str] = &[
    "seed=3",
    "train.batch=1",
    "generator.width=2",
    "discriminator.width=2",
    "generator.init={fan-in=1.4}",
    "discriminator.init={fan-in=1.4}",
];
/// The smallest networks with every kind of layer: two halvings, so that batch norm stands in both players.
const SMALL: &[&str] = &[
    "generator.width=4",
    "generator.stages=2",
    "discriminator.width=4",
    "discriminator.stages=2",
    // Large enough that losses tell what convolutions make.
    "generator.init={fan-in=1.4}",
    "discriminator.init={fan-in=1.4}",
];

/// For models that take long: the most exact precision, and the one that needs the most beside it.
const TWO: &[Precision] = &[Precision::Fp32, Precision::Fp16];

/// Checks a recipe with settings on pictures of a shape and three classes; pins the launches of its phases in fp32 and in
/// fp16, whose gradients are measured.
fn right(
    [name, from]: [&str; 2],
    precisions: &[Precision],
    sets: &[&[&str]],
    shape: Shape,
    steps: u64,
    [plain, scaled]: [&[usize]; 2],
) {
    let Some(library) = crate::library(Precision::ALL.len()) else { return };
    let mut found_launches = vec![];
    for &precision in precisions {
        let few = if recipe(from, &[]).model.translates() { TRANSLATED } else { FEW };
        let mut config = recipe(from, &[&[few][..], sets].concat().concat());
        config.train.precision = precision;
        let mut setup = Setup::new(&config, shape, 3);
        // Small enough that no gradient overflows.
        let of_a_scaled_loss = setup.states.iter_mut().filter(|s| s.loss_scale.scale > 1.0);
        of_a_scaled_loss.for_each(|s| s.loss_scale.scale = 256.0);
        let device = || crate::gpu(&library, 2);
        let launches = setup.launches(device());
        println!("{name}, {}: launches {launches:?}", precision.name());
        let share = check(name, &setup, device, steps);
        let [found, wanted] = setup.statistics(device(), steps);
        // Losses of some steps: f32's rounding, or that of numbers of 11 bits and of 8, through as many layers.
        let most = [1e-5, 1e-3, 1e-3, 1e-2][precision as usize];
        let apart = |(x, y): (&f32, &f32)| f64::from((x - y).abs()) / f64::from(y.abs().max(1.0));
        let worst = found.iter().zip(&wanted).map(apart).fold(0.0, f64::max);
        println!("{name}, {}: {share:.3} of the tolerance, {worst:.1e} from the CPU", precision.name());
        assert_eq!(found.len(), wanted.len());
        assert!(worst <= most, "{name}, {}: {found:?}, on the CPU {wanted:?}", precision.name());
        found_launches.push(launches);
    }
    for (precision, launches) in precisions.iter().zip(found_launches) {
        let pinned = if *precision == Precision::Fp16 { scaled } else { plain };
        assert_eq!(launches, pinned, "{name}, {}: launches", precision.name());
    }
}

#[test]
fn steps_of_dcgan_are_right() {
    right(
        ["dcgan", "cgan-dcgan"],
        &Precision::ALL,
        &[SMALL, &["conditional=false"]],
        Shape { channels: 3, height: 8, width: 8 },
        2,
        [&[34], &[36]],
    );
}

/// p is 0 in the first step and .8 in the second.
#[test]
fn steps_of_dcgan_whose_d_sees_pictures_augmented_are_right() {
    let sets = &[
        "conditional=false",
        "augment.transforms=[\"blit\", \"colour\", \"diff-colour\", \"diff-translation\", \"noise\", \"cutout\"]",
        "augment.ada_target=-1.0",
        "augment.ada_interval=1",
        "augment.ada_kimg=0.005",
        "loss.r1=0.5",
        "discriminator.norm=\"none\"",
    ];
    right(
        ["augmented dcgan", "cgan-dcgan"],
        TWO,
        &[SMALL, sets],
        Shape { channels: 3, height: 8, width: 8 },
        2,
        [&[48], &[50]],
    );
}

#[test]
fn steps_of_a_critic_under_a_gradient_penalty_are_right() {
    let sets = &[
        "conditional=false",
        "loss={objective=\"wasserstein\", gradient_penalty=10.0}",
        "train.discriminator_updates=2",
        "generator.kernel=5",
        "discriminator.kernel=5",
        "discriminator.norm=\"layer\"",
    ];
    right(
        ["WGAN-GP", "cgan-dcgan"],
        &Precision::ALL,
        &[SMALL, sets],
        Shape { channels: 1, height: 7, width: 7 },
        1,
        [&[34, 50], &[35, 52]],
    );
}

#[test]
fn steps_of_a_conditional_dcgan_are_right() {
    let sets = &["generator.upsample=\"nearest\"", "discriminator.spectral_norm=true"];
    right(
        ["conditional dcgan", "cgan-dcgan"],
        &Precision::ALL,
        &[SMALL, sets],
        Shape { channels: 1, height: 8, width: 8 },
        1,
        [&[45], &[47]],
    );
}

#[test]
fn steps_of_residual_networks_without_norms_are_right() {
    let sets = &[
        "train.batch=2",
        "generator.width=4",
        "generator.stages=1",
        "discriminator.width=4",
        "discriminator.stages=1",
        // Blocks start as nothing: the first step has to move them.
        "optimizer.generator.lr=0.02",
        "optimizer.discriminator.lr=0.02",
    ];
    let shape = Shape { channels: 3, height: 4, width: 8 };
    right(["residual, R1 and R2", "rpgan-resnet"], TWO, &[sets], shape, 2, [&[122], &[124]]);
}

#[test]
fn steps_of_a_list_of_2014_with_convolutions_are_right() {
    let shape = Shape { channels: 3, height: 8, width: 11 };
    right(["convolutions of 2014", "cifar10-conv-2014"], TWO, &[SMALL_2014], shape, 1, [&[34], &[36]]);
}

/// Both lazy updates, G's in every step, D's in every second; mixed styles and classes.
#[test]
fn steps_of_stylegan2_are_right() {
    let sets = &[
        "conditional=true",
        "generator={architecture='stylegan2', channels={base=8, most=2}, mapping={layers=1, lr_factor=0.1}}",
        "discriminator={architecture='stylegan2', channels={base=8, most=2}, mapping={layers=1, lr_factor=0.1}, \
         deviation=2}",
        "loss={objective='non-saturating', r1=4.0, penalty_every=2, path_length=2.0, path_length_every=1, \
         style_mixing=1.0}",
    ];
    let shape = Shape { channels: 3, height: 8, width: 8 };
    let precisions = &[Precision::Fp32, Precision::Bf16, Precision::Fp16];
    right(
        ["StyleGAN2", "stylegan2-digits"],
        precisions,
        &[sets],
        shape,
        2,
        [&[80, 84, 61, 55, 61], &[81, 85, 62, 56, 62]],
    );
}

/// Two domains, each in an order of its own, and a pool that the first of two pictures fills.
#[test]
fn steps_of_cyclegan_are_right() {
    let sets = &["train.batch=2", "train.pool=1", "generator.blocks=1", "data.flip=true"];
    let shape = Shape { channels: 1, height: 8, width: 8 };
    right(["CycleGAN", "cyclegan-digits"], &Precision::ALL, &[sets], shape, 1, [&[202], &[203]]);
}

/// Real pictures enlarged, mirrored and cut, both of a pair alike.
#[test]
fn steps_of_pix2pix_are_right() {
    let sets = &["discriminator.depth=1", "data.load_size=9", "data.crop=1"];
    let shape = Shape { channels: 1, height: 8, width: 8 };
    right(["pix2pix", "pix2pix"], &Precision::ALL, &[sets], shape, 1, [&[56], &[58]]);
}

/// A step without D, then one with it.
#[test]
fn steps_of_super_resolution_under_a_penalty_are_right() {
    let sets = &["generator.blocks=1", "data.factor=2", "train.pretrain=1", "loss.adversarial=0.5"];
    let shape = Shape { channels: 1, height: 8, width: 8 };
    right(["super-resolution", "superres"], TWO, &[sets], shape, 2, [&[29, 106], &[30, 108]]);
}

#[test]
fn steps_of_colourisation_are_right() {
    let sets = &["discriminator.depth=1"];
    let shape = Shape { channels: 3, height: 8, width: 8 };
    right(["colourisation", "colourise"], TWO, &[sets], shape, 1, [&[52], &[54]]);
}
