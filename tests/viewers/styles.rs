//! Exported generators with styles, in onnxruntime and PyTorch: given the same noise and truncation they make the same pictures, in
//! grey and in colour, with classes and without.

use crate::common::program;
use crate::exports::saved;
use gansaku::config::{Config, ConfigBuilder};
use gansaku::data::Shape;
use gansaku::exec::{self, Device};
use gansaku::inference::{Grain, LoadedRun, Style, noise};
use gansaku::models::{PortKind, TaskKind};
use libtest_mimic::Failed;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Furthest that a pixel in [0, 1] may be from ours.
const TOLERANCE: f64 = 1e-4;
/// Samples compared.
const ROWS: usize = 5;

/// Reads each folder's files and prints how far pictures are apart; `made(folder, z, labels, noise, truncation)` comes before.
const COMPARE: &str = r#"
def compare(folder):
    about = json.loads((folder / "about.json").read_text())
    read = lambda name, *shape: np.fromfile(folder / name, "<f4").reshape(*shape)
    z = read("z", -1, about["dim"])
    labels = np.arange(len(z)) % about["classes"] if about["classes"] else None
    noise, truncation = read("noise", len(z), -1), read("truncation", -1)
    apart = lambda x, name: float(abs(x - read(name, len(z), *about["shape"])).max())
    own = apart(made(folder, z, labels, noise, truncation), "samples")
    # One noise for all; it is also what stands for noise that is not given, where a file has such.
    one = apart(made(folder, z, labels, read("constant-noise", 1, -1), np.float32(1) * np.ones(len(truncation), "<f4")), "constant")
    return max([own, one] + ([apart(made(folder, z, labels, None, None), "constant")] if DEFAULTS else []))

print(json.dumps([compare(pathlib.Path(folder)) for folder in sys.argv[1:]]))
"#;

const ONNX: &str = r#"
import json, pathlib, sys
import numpy as np, onnxruntime
try:
    import onnx
except ImportError:
    onnx = None
DEFAULTS = True
def made(folder, z, labels, noise, truncation):
    file = str(folder / "g.onnx")
    if onnx: onnx.checker.check_model(file, full_check=True)
    feed = {"z": z} | ({} if labels is None else {"label": labels.astype(np.int64)})
    feed |= {name: given for name, given in [("noise", noise), ("truncation", truncation)] if given is not None}
    return onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"]).run(None, feed)[0]
"#;

const PYTORCH: &str = r#"
import importlib.util, json, pathlib, sys
import numpy as np, torch
DEFAULTS = False
def made(folder, z, labels, noise, truncation):
    spec = importlib.util.spec_from_file_location("model", folder / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.load(folder / module.WEIGHTS)
    given = [torch.from_numpy(z)] + ([] if labels is None else [torch.from_numpy(labels)])
    if (truncation == truncation[0]).all(): truncation = float(truncation[0])
    with torch.no_grad():
        drawn = [model(*given) for _ in range(2)]
        assert not torch.equal(*drawn), "without noise it draws"
        return model(*given, truncation=truncation, noise=torch.from_numpy(noise)).numpy()
"#;

/// StyleGAN2 as the paper writes it, a kernel for each row, of whatever sizes the file's tensors have.
const PLAIN: &str = r#"
import json, math, pathlib, sys
import numpy as np, torch
import torch.nn.functional as F
from safetensors.torch import load_file
DEFAULTS = False
def act(x):
    return F.leaky_relu(x, .2) * math.sqrt(2)
def unit(x):
    return x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()
def fir(x, before, after, gain):
    taps = torch.tensor([1., 3., 3., 1.])
    kernel = (torch.outer(taps, taps) / 64 * gain)[None, None].expand(x.shape[1], 1, 4, 4)
    return F.conv2d(F.pad(x, (before, after) * 2), kernel, groups=x.shape[1])
def linear(p, name, x, rate=1.):
    w = p[f"{name}.weight"]
    return x @ w.T * (rate / math.sqrt(w.shape[1])) + p[f"{name}.bias"] * rate
def layer(p, name, x, w, noise=None, up=False):
    weight, n, side = p[f"{name}.weight"], len(x), x.shape[-1]
    s = linear(p, f"{name}.affine", w)
    if up:
        weight = weight.transpose(0, 1)
    kernels = weight[None] * s[:, None, :, None, None]
    if noise is None:
        kernels = kernels / math.sqrt(weight[0].numel())
    else:
        # The paper's division, of weights whose scale this takes away; what is added under the root is of scaled ones.
        scale = math.sqrt(weight[0].numel())
        kernels = kernels / scale * ((kernels / scale).square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
    x = x.reshape(1, -1, side, side)
    if up:
        turned = kernels.transpose(1, 2).flatten(0, 1)
        x = F.conv_transpose2d(x, turned, stride=2, groups=n)
        x = fir(x.reshape(n, -1, *x.shape[2:]), 1, 1, 4)
    else:
        x = F.conv2d(x, kernels.flatten(0, 1), padding=weight.shape[-1] // 2, groups=n)
        x = x.reshape(n, -1, side, side)
    bias = p[f"{name}.bias"][:, None, None]
    return x + bias if noise is None else act(x + noise * p[f"{name}.noise_strength"] + bias)
def made(folder, z, labels, noise, truncation):
    p, rate = load_file(next(folder.glob("*.safetensors"))), json.loads((folder / "about.json").read_text())["rate"]
    noise, psi = torch.from_numpy(noise).expand(len(z), -1), torch.from_numpy(truncation)
    w = unit(torch.from_numpy(z))
    if labels is not None:
        one_hot = F.one_hot(torch.from_numpy(labels)).float()
        w = torch.cat([w, unit(linear(p, "mapping.embed", one_hot))], 1)
    for i in range(len([name for name in p if name.startswith("mapping.fc") and name.endswith("weight")])):
        w = act(linear(p, f"mapping.fc{i}", w, rate))
    mean = p["mapping.w_avg"]
    ws = [mean + t * (w - mean) for t in psi]
    x, image, used, side = p["synthesis.b4.const"].expand(len(z), -1, -1, -1), 0, 0, 4
    for i in range(len(psi) // 2):
        b = f"synthesis.b{side}"
        for at, conv in enumerate(["conv0", "conv1"] if i else ["conv1"]):
            maps = noise[:, used:used + side * side].reshape(-1, 1, side, side)
            x = layer(p, f"{b}.{conv}", x, ws[2 * i - (conv == "conv0")], maps, conv == "conv0")
            used += side * side
        if i:
            n, c, h, _ = image.shape
            spread = torch.zeros(n, c, h, 2, h, 2)
            spread[:, :, :, 0, :, 0] = image
            image = fir(spread.reshape(n, c, 2 * h, 2 * h), 2, 1, 4)
        image = image + layer(p, f"{b}.torgb", x, ws[2 * i + 1])
        side *= 2
    return (image * .5 + .5).clamp(0, 1).numpy()
"#;

/// Generators: sizes, colours, classes, and what a run with path lengths keeps beside them.
fn cases() -> [(Config, Shape, usize); 4] {
    let config = |sets: &[&str]| -> Config {
        let mut config = ConfigBuilder::recipe("stylegan2-digits").expect("a recipe");
        let small = [
            "latent.dim=6",
            "generator.channels={base=32, most=5}",
            "discriminator.channels={base=16, most=2}",
        ];
        small.iter().chain(sets).for_each(|set| config.set(set).expect("a known key"));
        config.finish().expect("in range")
    };
    let square = |channels, side| Shape { channels, height: side, width: side };
    [
        (config(&["generator.mapping={layers=1, lr_factor=0.1}"]), square(1, 8), 0),
        (config(&["generator.mapping={layers=3, lr_factor=0.1}", "ema.decay=0.0"]), square(3, 16), 0),
        (config(&["conditional=true", "generator.mapping.lr_factor=0.1"]), square(3, 8), 3),
        (config(&["loss.path_length=2.0", "generator.mapping.lr_factor=0.1"]), square(1, 16), 0),
    ]
}

/// Writes a checkpoint of drawn weights, its exports, and noise and samples of it into `folder`.
fn write((config, shape, classes): &(Config, Shape, usize), folder: &Path) -> Result<(), Failed> {
    fs::create_dir_all(folder.join("checkpoints"))?;
    let (checkpoint, _) = saved(config, *shape, *classes, folder);
    let name = checkpoint.display().to_string();
    program::run(folder, &["export", &name, "--onnx", "g.onnx", "--torch", "."]);
    let mut run = LoadedRun::load(&checkpoint, exec::open(Device::Cpu, 1)?)?;
    let (display, dim) = (run.display, config.latent.dim);
    let z = noise(config, 1, ROWS);
    let labels: Vec<usize> = (0..if *classes > 0 { ROWS } else { 0 }).map(|i| i % classes).collect();
    let mut engine = run.engine();
    let layers = engine.layers();
    let numbers = engine.tasks.input_width(TaskKind::Sample, PortKind::Noise);
    let random = Style { truncation: 0.6, cutoff: Some(layers - 1), grain: Grain::Random };
    let constant = Style { grain: Grain::Constant, ..Style::default() };
    let put = |name: &str, numbers: &[f32]| {
        fs::write(folder.join(name), numbers.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())
    };
    put("z", &z)?;
    put("noise", &random.noise(&z, dim, numbers))?;
    put("truncation", &random.truncations(1, layers))?;
    put("constant-noise", &constant.noise(&z[..dim], dim, numbers))?;
    for (file, style) in [("samples", random), ("constant", constant)] {
        engine.style = style;
        let samples = engine.sample(0, &z, &labels)?;
        put(file, &shape.planes(&display.unit(&samples)))?;
    }
    let rate = config.generator.mapping.expect("a mapping").lr_factor;
    let about = json!({"dim": dim, "classes": classes, "shape": [shape.channels, shape.height, shape.width], "rate": rate});
    Ok(fs::write(folder.join("about.json"), about.to_string())?)
}

/// All generators; what a script makes of each is within the tolerance.
fn agree(python: &mut Command, script: &str) -> Result<(), Failed> {
    let place = tempfile::tempdir()?;
    let cases = cases();
    let folders: Vec<PathBuf> = (0..cases.len()).map(|i| place.path().join(i.to_string())).collect();
    cases.iter().zip(&folders).try_for_each(|(case, folder)| write(case, folder))?;
    let output = python.args(["-c", &format!("{script}{COMPARE}")]).args(&folders).output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let apart: Vec<f64> = serde_json::from_slice(&output.stdout)?;
    assert_eq!(apart.len(), cases.len());
    for (i, apart) in apart.iter().enumerate() {
        println!("{i}: {:.4} of the tolerance", apart / TOLERANCE);
        assert!(*apart <= TOLERANCE, "case {i}: {apart:e}");
    }
    Ok(())
}

/// ONNX files in onnxruntime, also without what may be left out.
pub fn onnxruntime_makes_the_same_pictures_of_styles(python: &mut Command) -> Result<(), Failed> {
    agree(python, ONNX)
}

/// `model.py` in PyTorch.
pub fn pytorch_makes_the_same_pictures_of_styles(python: &mut Command) -> Result<(), Failed> {
    agree(python, PYTORCH)
}

/// A StyleGAN2 that reads the file's tensors.
pub fn a_plain_stylegan2_takes_the_weights(python: &mut Command) -> Result<(), Failed> {
    agree(python, PLAIN)
}
