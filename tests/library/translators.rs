//! Networks between pictures: parameters as published code has them, outputs and gradients against PyTorch
//! (`golden/translators.py` made the numbers, which stand at its end), what is refused and in which words.

use gansaku::architectures::{self, Purpose, Reads, Translates};
use gansaku::config::{Activation, Architecture, Init, Network, Norm, Role};
use gansaku::data::Shape;
use gansaku::graph::grad::grad;
use gansaku::graph::interp::{self, Tensor, Values};
use gansaku::graph::{Graph, NetworkId, Op, Var};
use gansaku::nn::{self, Networks, Pass, Scope, Statistics, Tracer};
use gansaku::rng::Moment;

const SCRIPT: &str = include_str!("../golden/translators.py");
/// The papers' slopes are numbers of 32 bits here.
const TOLERANCE: f64 = 1e-7;

fn shape([channels, height, width]: [usize; 3]) -> Shape {
    Shape { channels, height, width }
}

fn network(architecture: Architecture) -> Network {
    Network { architecture, pack: 1, ..Network::default() }
}

/// Pictures of one shape to pictures of another, in [−1, 1].
fn between(from: [usize; 3], to: [usize; 3]) -> Translates {
    Translates { from: shape(from), to: shape(to), output: Activation::Tanh }
}

fn reads(picture: [usize; 3]) -> Reads {
    Reads { picture: shape(picture), pack: 1, classes: 0, outputs: 1 }
}

fn declared(forward: impl FnOnce(&Scope) -> String) -> nn::Network {
    let mut networks = Networks::default();
    networks.declare(Role::Generator, None, forward);
    networks.all()[0].clone()
}

fn translator(network: &Network, translates: Translates) -> nn::Network {
    declared(|s| {
        let x = s.g.host_input("x", &[1, translates.from.len()]);
        architectures::translator(s, network, translates, x);
        architectures::translator_outline(network, translates)
    })
}

fn discriminator(network: &Network, picture: [usize; 3]) -> nn::Network {
    let reads = reads(picture);
    declared(|s| {
        let x = s.g.host_input("x", &[1, reads.picture.len()]);
        architectures::discriminator(s, network, reads, x, None);
        architectures::discriminator_outline(network, reads)
    })
}

#[test]
fn parameters_are_those_of_published_code() {
    let picture = [3, 64, 64];
    let nine = translator(&network(Architecture::ResnetTranslator), between(picture, picture));
    assert_eq!(nine.parameter_count(), 11_378_179);
    assert_eq!(nine.outline, "3×64×64 → 64×64×64 → 128×32×32 → 256×16×16 → 128×32×32 → 64×64×64 → 3×64×64");
    let six = Network { blocks: Some(6), ..network(Architecture::ResnetTranslator) };
    assert_eq!(translator(&six, between(picture, picture)).parameter_count(), 7_837_699);
    let three = Network { depth: Some(3), ..network(Architecture::Patch) };
    let patch = discriminator(&three, picture);
    assert_eq!(patch.parameter_count(), 2_764_737);
    assert_eq!(patch.outline, "3×64×64 → 64×32×32 → 128×16×16 → 256×8×8 → 512×7×7 → 1×6×6");
    // unet_256 of pix2pix's code with batch norm: 54.414 M.
    let batch = Network { norm: Some(Norm::Batch), ..network(Architecture::Unet) };
    let unet = translator(&batch, between([3, 256, 256], [3, 256, 256]));
    assert_eq!(unet.parameter_count(), 54_413_955);
    // SRResNet's G and D of 96 pixels, with batch norm.
    let sr = Network { norm: Some(Norm::Batch), ..network(Architecture::Srgan) };
    let g = translator(&sr, between([3, 24, 24], [3, 96, 96]));
    let block = 2 * (9 * 64 * 64 + 2 * 64) + 1;
    let ends = (243 * 64 + 64) + 1 + (81 * 64 * 3 + 3);
    let shuffles = 2 * (9 * 64 * 256 + 256 + 1);
    assert_eq!(g.parameter_count(), ends + 16 * block + 9 * 64 * 64 + 2 * 64 + shuffles);
    let d = discriminator(&network(Architecture::Srgan), [3, 96, 96]);
    assert!(d.outline.ends_with("512×12×12 → 512×6×6 → 1024 → 1"), "{}", d.outline);
}

/// Number k of a tensor in a file's order, of one that lies in memory in this shape: kernels lie `[height, width, in, out]`,
/// matrices `[in, out]`; `place` is the index in memory.
fn file_index(shape: &[usize], place: usize) -> usize {
    match *shape {
        [_, units] => place % units * shape[0] + place / units,
        [height, width, inputs, outputs] => {
            let (o, rest) = (place % outputs, place / outputs);
            let (i, pixel) = (rest % inputs, rest / inputs);
            (o * inputs + i) * height * width + pixel
        }
        _ => place,
    }
}

/// The script's numbers of a tensor in a file's order as a tensor that lies in memory.
fn laid(shape: &[usize], numbers: impl Fn(usize) -> f64) -> Vec<f64> {
    (0..shape.iter().product()).map(|place| numbers(file_index(shape, place))).collect()
}

/// A picture of the script's numbers, which count planes, as it lies in memory.
fn laid_pictures(shape: Shape, numbers: impl Fn(usize) -> f64) -> Vec<f64> {
    shape.interleaved(&(0..shape.len()).map(numbers).collect::<Vec<f64>>())
}

/// What `forward` makes of a picture of this shape, itself pictures of the shape `made`: parameters, and the three sums of the
/// script's lines.
fn sums(from: Shape, made: Shape, forward: &dyn Fn(&Scope, Var) -> Var) -> [f64; 4] {
    let network = declared(|s| {
        forward(s, s.g.host_input("x", &[1, from.len()]));
        String::new()
    });
    let g = Graph::new();
    let pass = Pass { version: 0, draw: "t", dropout: false, statistics: Statistics::Minibatches(&[0]) };
    let tracer = Tracer::new(&g, &network);
    let x = g.host_input("x", &[1, from.len()]);
    let y = forward(&tracer.pass(&pass), x);
    assert_eq!(g.shape(y), [1, made.len()]);
    let factors = g.host_input("factors", &[1, made.len()]);
    let loss = g.sum(g.mul(y, factors), &[0, 1]);
    let mut values = Values::new();
    values.insert(x, Tensor::new(&[1, from.len()], laid_pictures(from, |k| (0.9 * k as f64).cos())));
    values.insert(factors, Tensor::new(&[1, made.len()], laid_pictures(made, |k| (1.1 * k as f64).cos())));
    let mut wrt = vec![x];
    for p in &network.parameters {
        let var = g.param(NetworkId(0), &p.name, 0, &p.shape);
        let file = laid(&p.shape, |k| (1.3 * k as f64 + 0.7 * p.name.len() as f64).sin() / 2.0);
        // Rows of a matrix that are a picture's lie pixel by pixel.
        let file = match p.pixels {
            None => file,
            Some(_) => {
                let order: Vec<f32> = (0..p.len()).map(|i| i as f32).collect();
                p.in_memory_order(&order).iter().map(|&i| file[i as usize]).collect()
            }
        };
        values.insert(var, Tensor::new(&p.shape, file));
        wrt.push(var);
    }
    let gradients = grad(&g, loss, &wrt, None);
    interp::run(&g, &[&[loss][..], &gradients].concat(), Moment { seed: 0, tick: 0 }, &mut values);
    let in_file = |p: &nn::Parameter, v: &[f64]| {
        let order: Vec<f32> = (0..p.len()).map(|i| i as f32).collect();
        let memory: Vec<f64> = p.in_file_order(&order).iter().map(|&i| v[i as usize]).collect();
        let mut file = vec![0.0; memory.len()];
        memory.iter().enumerate().for_each(|(place, &v)| file[file_index(&p.shape, place)] = v);
        file
    };
    let dotted = |i: usize| -> f64 {
        let numbers = &values[&gradients[i]].data;
        let file = match i {
            0 => from.planes(numbers),
            _ => in_file(&network.parameters[i - 1], numbers),
        };
        file.iter().enumerate().map(|(k, v)| (0.3 * k as f64).cos() * v).sum()
    };
    let by_weights = (1..wrt.len()).map(dotted).sum();
    [network.parameter_count() as f64, values[&loss].data[0], dotted(0), by_weights]
}

#[test]
fn outputs_and_gradients_are_pytorchs() {
    let small = |architecture| Network { width: Some(2), ..network(architecture) };
    let translated = |network: Network, translates: Translates| {
        sums(translates.from, translates.to, &|s, x| architectures::translator(s, &network, translates, x))
    };
    let judged = |network: Network, picture: [usize; 3], made: [usize; 3]| {
        sums(shape(picture), shape(made), &|s, x| {
            architectures::discriminator(s, &network, reads(picture), x, None).output
        })
    };
    let blocks = |architecture| Network { blocks: Some(2), ..small(architecture) };
    let deep = |architecture, depth| Network { depth: Some(depth), ..small(architecture) };
    for (case, found) in [
        (
            "resnet-translator",
            translated(blocks(Architecture::ResnetTranslator), between([2, 8, 12], [1, 8, 12])),
        ),
        ("unet", translated(deep(Architecture::Unet, 3), between([1, 8, 16], [2, 8, 16]))),
        ("patch", judged(deep(Architecture::Patch, 2), [3, 16, 12], [1, 2, 1])),
        ("srgan", translated(blocks(Architecture::Srgan), between([2, 3, 4], [2, 12, 16]))),
        ("srgan D", judged(small(Architecture::Srgan), [1, 10, 10], [1, 1, 1])),
    ] {
        let line = SCRIPT.lines().find_map(|l| l.strip_prefix(&format!("#= {case}: "))).expect("a line");
        let expected: Vec<f64> = line.split_whitespace().map(|w| w.parse().expect("a number")).collect();
        assert_eq!(expected.len(), found.len());
        for (found, expected) in found.iter().zip(&expected) {
            let error = (found - expected).abs() / expected.abs().max(1.0);
            println!("{case}: {found} for {expected}, {error:.1e} of {TOLERANCE:.0e}");
            assert!(error <= TOLERANCE, "{case}: {found}, PyTorch {expected}");
        }
    }
}

#[test]
fn dropout_of_a_unet_is_drawn_where_a_pass_asks_for_it() {
    let network = Network { width: Some(1), ..network(Architecture::Unet) };
    let drawn = |side: usize, dropout: bool| {
        let translates = between([1, side, side], [1, side, side]);
        let declared = translator(&network, translates);
        let g = Graph::new();
        let pass = Pass { version: 0, draw: "t", dropout, statistics: Statistics::Minibatches(&[0]) };
        let tracer = Tracer::new(&g, &declared);
        let x = g.host_input("x", &[1, translates.from.len()]);
        let y = architectures::translator(&tracer.pass(&pass), &network, translates, x);
        let nodes = g.topological(&[y]);
        nodes.iter().filter(|&&v| matches!(g.node(v).op, Op::Rand { .. })).count()
    };
    // pix2pix has num_downs − 5 such blocks.
    assert_eq!([32, 64, 128, 256].map(|side| drawn(side, true)), [0, 1, 2, 3]);
    assert_eq!(drawn(64, false), 0);
}

#[test]
fn sizes_purposes_and_depths_that_do_not_fit_are_refused_by_name() {
    let between = |from: [usize; 3], to: [usize; 3]| Purpose::Translator { from: shape(from), to: shape(to) };
    let keeps = |side: usize| between([3, side, side], [3, side, side]);
    let of = |side: usize| Purpose::PatchDiscriminator(shape([3, side, side]));
    let deep = |architecture, depth| Network { depth: Some(depth), ..network(architecture) };
    let instance = |architecture| Network { norm: Some(Norm::Instance), ..network(architecture) };
    for (keys, purpose, wanted) in [
        (
            network(Architecture::ResnetTranslator),
            keeps(30),
            "g: architecture \"resnet-translator\" halves the side at layers.1 and layers.2, which takes multiples of 4 of at \
             least 8, but pictures are 30×30; take pictures of 28 or 32 pixels (data.size)",
        ),
        (network(Architecture::ResnetTranslator), keeps(4), "take pictures of 8 pixels"),
        (
            network(Architecture::Unet),
            keeps(28),
            "g: architecture \"unet\" meets maps of 7×7 at down.2, halving 3 of 4 of pictures of 28×28, but halves even sides \
             only; take pictures of 16 or 32 pixels (data.size), or set g.depth = 2",
        ),
        (
            network(Architecture::Unet),
            between([1, 8, 8], [1, 16, 16]),
            "keeps the side, but is to make 16×16 of 8×8; take architecture = \"srgan\"",
        ),
        (
            deep(Architecture::Patch, 3),
            of(20),
            "meets maps of 2×2 at layers.3, behind 3 halvings of pictures of 20×20, but needs 3×3 there for a logit and a norm \
             of more than one pixel; take pictures of 24 pixels or more (data.size), or set g.depth = 2",
        ),
        (
            network(Architecture::Srgan),
            between([3, 8, 8], [3, 24, 24]),
            "makes pictures 1, 2, 4 or 8 times as large",
        ),
        (
            instance(Architecture::Srgan),
            of(16),
            "g, norms.7: instance norm meets maps of 1×1, and one pixel is its own mean; take pictures of 17 pixels or more",
        ),
        (
            Network { stages: Some(5), ..instance(Architecture::Dcgan) },
            Purpose::Generator(shape([1, 32, 32])),
            "g, at the base behind 5 halvings: instance norm meets maps of 1×1, and one pixel is its own mean; set g.stages = 4",
        ),
        (
            network(Architecture::Unet),
            Purpose::Generator(shape([1, 32, 32])),
            "g.architecture is \"unet\", which is not a generator from noise; expected one of \"layers\", \"dcgan\", \"resnet\", \
             \"rpgan-resnet\"",
        ),
        (
            network(Architecture::Patch),
            Purpose::Discriminator(shape([1, 32, 32])),
            "g.architecture is \"patch\", which is not a discriminator with one logit an example; expected one of \"layers\", \
             \"dcgan\", \"resnet\", \"rpgan-resnet\", \"srgan\"",
        ),
        (
            network(Architecture::Dcgan),
            keeps(32),
            "g.architecture is \"dcgan\", which is not a generator from pictures; expected one of \"resnet-translator\", \"unet\", \
             \"srgan\"",
        ),
    ] {
        let error = architectures::check(&keys, "g", purpose).expect_err(wanted).to_string();
        assert!(error.contains(wanted), "{error}");
    }
    for (keys, purpose) in [
        (network(Architecture::ResnetTranslator), between([1, 8, 12], [3, 8, 12])),
        (deep(Architecture::Unet, 2), keeps(28)),
        (network(Architecture::Patch), of(6)),
        (instance(Architecture::Srgan), of(17)),
        (network(Architecture::Srgan), Purpose::Discriminator(shape([1, 16, 16]))),
        (network(Architecture::Srgan), between([3, 8, 6], [3, 64, 48])),
    ] {
        architectures::check(&keys, "g", purpose).expect("fits");
    }
}

#[test]
fn what_the_side_decides_can_be_pinned_for_pictures_of_another() {
    let of = |network: &Network, side: usize| {
        translator(network, between([1, side, side], [1, side, side])).parameter_count()
    };
    let unet = Network { width: Some(2), ..network(Architecture::Unet) };
    let pinned = architectures::pinned(&unet, shape([1, 16, 16]));
    assert_eq!(pinned.depth, Some(4));
    assert_ne!(of(&unet, 16), of(&unet, 64));
    assert_eq!(of(&unet, 16), of(&pinned, 64));
    // Starts are the papers' unless said.
    let declared = translator(&unet, between([1, 16, 16], [1, 16, 16]));
    let starts = |p: &nn::Parameter| matches!(p.start, nn::Start::Weight(Init::Normal(0.02), _));
    assert!(declared.parameters.iter().filter(|p| p.name.ends_with("weight")).all(starts));
}
