//! What `gansaku export` writes, in onnxruntime and PyTorch: generators of every layer kind and norm, and of random
//! ones, make there what they make here.
//!
//! Weights, averages and states are drawn, not trained: what a training would leave at its start (1, 0, equal averages)
//! would hide what is left out. GANSAKU_EXPORTS=N takes N random generators instead of six.

use crate::common::program;
use crate::generators::Case;
use gansaku::config::{Config, Role, Scale};
use gansaku::data::Shape;
use gansaku::exec;
use gansaku::export::onnx;
use gansaku::graph::{Cut, Dist, NetworkId, Op, Window, interp};
use gansaku::models::{self, Game, Optimizing, Phase, PortKind, Statistic, Task, TaskKind};
use gansaku::nn::{Networks, Start, StateStart};
use gansaku::pictures::Display;
use gansaku::precision::Precision;
use gansaku::rng::{Moment, PhiloxRng, stream};
use gansaku::run::checkpoint::{self, Snapshot, State};
use libtest_mimic::Failed;
use serde_json::json;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Furthest that a number may be from ours, of numbers below 1; a share of greater ones.
pub const TOLERANCE: f64 = 1e-5;
/// Samples compared: more than a task takes at once.
pub const ROWS: usize = 130;
/// Samples of one noise where dropout draws on.
pub const DRAWS: usize = 4_000;

/// Reads each folder's files and prints what is to be said of them; `x = made(folder, z, labels)` comes before.
const COMPARE: &str = r#"
def compare(folder):
    about = json.loads((folder / "about.json").read_text())
    z = np.fromfile(folder / "z", "<f4").reshape(-1, *about.get("reads", [about["dim"]]))
    labels = np.arange(len(z)) % about["classes"] if about["classes"] else None
    x = made(folder, z, labels)
    want = np.fromfile(folder / "samples", "<f4").reshape(-1, *about["shape"])
    assert x.dtype == np.float32 and x.shape == want.shape, (x.dtype, x.shape, want.shape)
    if about["random"] and "reads" in about:
        assert (made(folder, z, labels) != x).any() and 0 <= x.min() and x.max() <= 1, "masks are drawn anew"
        return 0.0
    if about["random"]:
        a, b = x.reshape(len(x), -1).astype("f8"), want.reshape(len(x), -1).astype("f8")
        assert a.std(0).min() > 0.01, "every row has masks of its own"
        error = np.sqrt((a.var(0) + b.var(0)) / len(a))
        worst = max((abs(a.mean(0) - b.mean(0)) / error).max() / 5, abs(a.std(0) / b.std(0) - 1).max() / 0.15)
    else:
        worst = (abs(x - want) / np.maximum(1, abs(want))).max()
        if about["alone"]:
            one = made(folder, z[:1], None if labels is None else labels[:1])
            worst = max(worst, (abs(one - want[:1]) / np.maximum(1, abs(want[:1]))).max())
    return float(worst)

print(json.dumps([compare(pathlib.Path(folder)) for folder in sys.argv[1:]]))
"#;

pub const ONNX: &str = r#"
import json, pathlib, sys
import numpy as np, onnxruntime
try:
    import onnx
except ImportError:
    onnx = None
sessions = {}
def made(folder, z, labels):
    file = str(folder / "g.onnx")
    if file not in sessions:
        if onnx: onnx.checker.check_model(file, full_check=True)
        sessions[file] = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    feed = {"picture" if z.ndim == 4 else "z": z} | ({} if labels is None else {"label": labels.astype(np.int64)})
    return sessions[file].run(None, feed)[0]
"#;

pub const PYTORCH: &str = r#"
import importlib.util, json, pathlib, sys
import numpy as np, torch
def made(folder, z, labels):
    spec = importlib.util.spec_from_file_location("model", folder / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if z.ndim == 2:
        noise = module.noise(2000)
        assert abs(noise.std().item() - 1) < 0.1 and noise.shape[1] == z.shape[1], noise
    model = module.load(folder / module.WEIGHTS)
    given = [torch.from_numpy(z)] + ([] if labels is None else [torch.from_numpy(labels)])
    with torch.no_grad():
        return model(*given).numpy()
"#;

/// Writes a checkpoint of drawn weights into `folder`: where it lies, and what it holds.
pub fn saved(
    config: &Config,
    shape: Shape,
    classes: usize,
    folder: &Path,
) -> (PathBuf, Vec<exec::NetworkState>) {
    let game = models::of(config, shape, classes);
    let mut rng = PhiloxRng::new(5, stream("weights"), 0);
    let rules = models::rules(&*game);
    let start = |(optimizer, rule): (_, &exec::UpdateRule)| {
        let (weights, states) = game.networks().start(optimizer, 3, &vec![0.0; shape.len()]);
        rule.start_with(weights, states)
    };
    let mut networks: Vec<_> = game.networks().optimizers().zip(&rules).map(start).collect();
    let of = &mut networks[0];
    for numbers in [&mut of.weights, &mut of.average] {
        numbers.iter_mut().for_each(|w| *w += 0.2 * rng.normal());
    }
    for states in [&mut of.states, &mut of.average_states] {
        let all = game.networks().all().iter().filter(|n| n.role == Role::Generator);
        let kept = all.flat_map(|network| &network.states).filter(|_| !states.is_empty());
        for state in kept.collect::<Vec<_>>() {
            let numbers = &mut states[state.offset..][..state.len()];
            if state.name.ends_with("running_mean") || state.name.ends_with("w_avg") {
                numbers.iter_mut().for_each(|x| *x = 0.3 * rng.normal());
            } else if state.name.ends_with("running_var") {
                numbers.iter_mut().for_each(|x| *x = (0.5 * rng.normal()).exp());
            }
        }
    }
    let state = State::new(game.networks(), [shape.channels, shape.height, shape.width], classes);
    let snapshot =
        Snapshot { config, game: &*game, rules: &rules, state: &state, networks: Cow::Borrowed(&networks) };
    (checkpoint::save(&folder.join("checkpoints"), &snapshot).expect("written"), networks)
}

/// Writes what a script compares: noise, and our samples of it.
pub fn write(folder: &Path, about: &serde_json::Value, z: &[f32], samples: &[f32]) -> std::io::Result<()> {
    let bytes = |numbers: &[f32]| numbers.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    fs::write(folder.join("z"), bytes(z))?;
    fs::write(folder.join("samples"), bytes(samples))?;
    fs::write(folder.join("about.json"), about.to_string())
}

/// The greatest difference in each folder, as a script finds it.
pub fn run(python: &mut Command, script: &str, folders: &[PathBuf]) -> Result<Vec<f64>, Failed> {
    let output = python.args(["-c", &format!("{script}{COMPARE}")]).args(folders).output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// All generators, each in a folder; what a script says of each is within the tolerance.
fn agree(python: &mut Command, script: &str, flags: &[&str]) -> Result<(), Failed> {
    let count = std::env::var("GANSAKU_EXPORTS").ok().and_then(|n| n.parse().ok()).unwrap_or(6);
    let mut cases = Case::of_all_kinds();
    cases.extend((0..count).map(Case::random));
    cases.push(Case::dropping());
    cases.extend(Case::convolving());
    cases.extend(Case::convolving_lists());
    cases.extend(Case::residual());
    let place = tempfile::tempdir()?;
    let folders: Vec<PathBuf> = (0..cases.len()).map(|i| place.path().join(i.to_string())).collect();
    for (case, folder) in cases.iter().zip(&folders) {
        fs::create_dir_all(folder.join("checkpoints"))?;
        case.write(folder, flags);
    }
    let worst = run(python, script, &folders)?;
    assert_eq!(worst.len(), cases.len());
    for (i, (case, worst)) in cases.iter().zip(&worst).enumerate() {
        let bound = if case.random_draws() { 1.0 } else { TOLERANCE };
        println!("{i}: {:.4} of the tolerance", worst / bound);
        assert!(*worst <= bound, "case {i}: {worst:e}\n{:#?}", case.config.generator);
    }
    Ok(())
}

/// ONNX files in onnxruntime.
pub fn onnxruntime_makes_the_same_samples(python: &mut Command) -> Result<(), Failed> {
    agree(python, ONNX, &["--onnx", "g.onnx"])
}

/// A model that samples by every operation of the graph, some in ways that no layer has.
struct EveryOperation {
    networks: Networks,
}

impl EveryOperation {
    fn new() -> EveryOperation {
        let mut networks = Networks::default();
        networks.declare(Role::Generator, None, |s| {
            s.parameter("w", &[4, 6], Start::Value(1.0));
            s.state("s", &[6], StateStart::Value(0.5));
            String::new()
        });
        EveryOperation { networks }
    }
}

/// Numbers that it makes of a noise.
const MADE: usize = 63;

impl Game for EveryOperation {
    fn networks(&self) -> &Networks {
        &self.networks
    }

    fn optimizers(&self) -> Vec<Optimizing> {
        vec![]
    }

    fn precision(&self) -> Precision {
        Precision::Fp32
    }

    fn phases(&self) -> Vec<Phase> {
        vec![]
    }

    fn statistics(&self) -> Vec<Statistic> {
        vec![]
    }

    fn tasks(&self) -> Vec<Task> {
        vec![]
    }

    fn sampling(&self, rows: usize) -> Option<Task> {
        let mut task = Task::new(TaskKind::Sample, rows, true);
        let z = task.input("noise", PortKind::Latent, 6).expect("noise");
        let g = &task.graph;
        let (w, s) = (g.param(NetworkId(0), "w", 0, &[4, 6]), g.state(NetworkId(0), "s", &[6]));
        let squared = g.square(g.detach(z));
        let chosen = g.select(g.gt(z, s), g.exp(z), g.softplus(z));
        let roots = g.add(g.sqrt(g.shift(squared, 0.5)), g.log(g.shift(squared, 1.0)));
        let bounded = g.max(g.tanh(z), g.mul(g.sigmoid(z), g.recip(g.shift(squared, 2.0))));
        // Columns of what lies elsewhere: cut, filled up with zeros, summed, repeated, laid out anew.
        let turned = g.permute(g.reshape(z, &[rows, 2, 3]), &[0, 2, 1]);
        let moved = g.pad(g.slice_axis(g.tanh(turned), 1, 1, 3), &[(0, 0), (1, 0), (0, 0)]);
        let repeated = g.broadcast(g.sum(moved, &[2]), &[rows, 3, 2]);
        let laid = g.reshape(repeated, &[rows, 6]);
        // Both sides transposed: [6, rows]ᵀ·[4, 6]ᵀ.
        let product = g.matmul_with(g.reshape(chosen, &[6, rows]), w, true, true);
        // Two convolutions of pictures of 2×3 pixels; the second leaves a column that no position meets.
        let window = Window { kernel: [1, 3], stride: [1, 2], pad: [(0, 0), (1, 1)] };
        let kernel = |row| g.reshape(g.slice_axis(w, 0, row, row + 1), &[1, 3, 1, 2]);
        let convolved = g.conv2d(g.reshape(z, &[rows, 2, 3, 1]), kernel(0), window);
        let back = g.conv2d_dx(convolved, kernel(1), window, &[rows, 2, 4, 1]);
        let pictures = g.reshape(back, &[rows, 8]);
        // Every second number, backwards as far as the first; one axis from its end to its beginning.
        let backwards = g.cut_axis(z, 1, Cut { from: 4, count: 3, step: -2 });
        let spread = g.spread(g.flip(z, 1), 1, Cut::strided(1, 6, 3), 18);
        let noise = g.scale(g.rand("r", Dist::Normal, &[rows, 6]), 1e-9);
        let all = [chosen, roots, bounded, laid, product, pictures, g.add(noise, s), backwards, spread];
        let made = g.concat(&all, 1);
        task.output("samples", PortKind::Examples, made);
        Some(task)
    }
}

/// Every operation of the graph against the f64 interpreter, as onnxruntime runs it.
pub fn every_operation_of_the_graph_has_its_operators(python: &mut Command) -> Result<(), Failed> {
    let game = EveryOperation::new();
    let task = game.sampling(ROWS).expect("it samples");
    let (output, g) = (task.stage.outputs[0].1, &task.graph);
    let order = g.topological(&[output]);
    let mut covered: BTreeSet<&str> = order.iter().map(|&var| g.node(var).op.name()).collect();
    // A gradient by a kernel belongs to no sample.
    covered.insert("conv2d_dw");
    assert_eq!(covered, Op::NAMES.iter().copied().collect());
    let mut rng = PhiloxRng::new(1, stream("operations"), 0);
    let z: Vec<f32> = (0..ROWS * 6).map(|_| rng.normal()).collect();
    let [memory] = game.networks.memories() else { unreachable!("one network") };
    let weights: Vec<f32> = (0..memory.len).map(|_| rng.normal()).collect();
    let states: Vec<f32> = (0..memory.states).map(|_| rng.normal()).collect();
    let mut values = interp::Values::new();
    for var in order {
        let node = g.node(var);
        let numbers = match &node.op {
            Op::Input(_) => &z[..],
            Op::Param { .. } => &weights[..24],
            Op::State { .. } => &states[..6],
            _ => continue,
        };
        let numbers = numbers.iter().map(|&x| f64::from(x)).collect();
        values.insert(var, interp::Tensor::new(&node.shape, numbers));
    }
    interp::run(g, &[output], Moment { seed: 0, tick: 0 }, &mut values);
    let made: Vec<f32> = values[&output].data.iter().map(|&x| x as f32).collect();
    let display = Display { shape: MADE.into(), scale: Scale::Unit, reach: None };
    let about = onnx::About { name: "every".into(), text: "Every operation".into(), metadata: vec![] };
    let networks = [exec::NetworkState { weights, states, ..exec::NetworkState::default() }];
    let exported = onnx::encode(&game, &networks, &display, about).expect("exported");
    assert_eq!(exported.ports, ["z float [N, 6]", "points float [N, 63]"]);
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("g.onnx"), &exported.bytes)?;
    // Rows are mixed on purpose: one alone is another sample.
    let about = json!({"dim": 6, "classes": 0, "shape": [MADE], "random": false, "alone": false});
    write(folder.path(), &about, &z, &made)?;
    let worst = run(python, ONNX, &[folder.path().to_path_buf()])?;
    println!("{:.4} of the tolerance", worst[0] / TOLERANCE);
    assert!(worst[0] <= TOLERANCE, "{worst:?}");
    Ok(())
}

/// `model.py` in PyTorch.
pub fn pytorch_makes_the_same_samples(python: &mut Command) -> Result<(), Failed> {
    agree(python, PYTORCH, &["--torch", "."])
}

/// PyTorch's own example of a DCGAN, of fewer stages; the file's tensors by other names.
const PLAIN: &str = r#"
import json, pathlib, sys
import numpy as np, torch
from safetensors.torch import load_file
from torch import nn
def made(folder, z, labels):
    nz, ngf, nc = z.shape[1], 4, 3
    main = nn.Sequential(
        nn.ConvTranspose2d(nz, ngf * 2, 4, 1, 0, bias=False), nn.BatchNorm2d(ngf * 2), nn.ReLU(True),
        nn.ConvTranspose2d(ngf * 2, ngf, 4, 2, 1, bias=False), nn.BatchNorm2d(ngf), nn.ReLU(True),
        nn.ConvTranspose2d(ngf, nc, 4, 2, 1, bias=False), nn.Tanh(),
    )
    state = {}
    for name, tensor in load_file(next(folder.glob("*.safetensors"))).items():
        kind, number, rest = name.split(".", 2)
        state[f"{3 * int(number) + (kind == 'norms')}.{rest}"] = tensor
    main.load_state_dict(state)
    main.eval()
    with torch.no_grad():
        return (main(torch.from_numpy(z)[:, :, None, None]) * 0.5 + 0.5).numpy()
"#;

/// A DCGAN as PyTorch's users write it.
pub fn a_plain_dcgan_takes_the_weights(python: &mut Command) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    fs::create_dir(folder.path().join("checkpoints"))?;
    Case::plain_dcgan().write(folder.path(), &["--torch", "."]);
    let worst = run(python, PLAIN, &[folder.path().to_path_buf()])?;
    println!("{:.4} of the tolerance", worst[0] / TOLERANCE);
    assert!(worst[0] <= TOLERANCE, "{worst:?}");
    Ok(())
}

/// A run that was trained: `model.py` in its folder draws from its newest checkpoint, by itself.
pub fn model_py_stands_in_the_run_and_draws(python: &mut Command) -> Result<(), Failed> {
    let folder = program::workplace();
    let train = ["train", "digits", "--config", "small.toml", "--set", "conditional=true", "--name", "r"];
    program::run(folder.path(), &train);
    let output = python.current_dir(folder.path().join("runs/r")).arg("model.py").output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let drawn = image::open(folder.path().join("runs/r/model.png"))?.to_luma8();
    assert_eq!(drawn.dimensions(), (16 * 28, 28));
    assert!(drawn.pixels().any(|p| p.0 != [0]), "something is drawn");
    Ok(())
}
