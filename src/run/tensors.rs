//! Networks and optimizer moments as safetensors, with PyTorch's names and layouts: a linear layer's weight
//! is `[out, in]`, the transpose of how it lies in memory, a convolution's `[out, in, height, width]`, a transposed
//! convolution's `[in, out, height, width]`, and the rows and columns that are a picture's are in planes.

use crate::error::{Error, Result};
use crate::nn::{Network, Parameter, StateTensor};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::HashMap;
use std::path::Path;

/// A flat memory to write: prefix and suffix of its tensors' names, the layout, the numbers.
pub struct Flat<'a> {
    /// Before each parameter's name.
    pub prefix: &'a str,
    /// After it.
    pub suffix: &'a str,
    /// Where parameters lie.
    pub network: &'a Network,
    /// The memory of its optimizer, as parameters' offsets count.
    pub numbers: &'a [f32],
    /// The states of its optimizer, where they go along.
    pub states: Option<&'a [f32]>,
}

impl Flat<'_> {
    fn name(&self, of: &str) -> String {
        format!("{}{of}{}", self.prefix, self.suffix)
    }
}

/// The axes in memory, in the order that files have. Kernels lie `[height, width, in, out]`, and spectral norm's vector of a
/// kernel's inputs `[height, width, in]`.
fn order(rank: usize) -> &'static [usize] {
    match rank {
        2 => &[1, 0],
        3 => &[2, 0, 1],
        4 => &[3, 2, 0, 1],
        _ => &[0],
    }
}

/// PyTorch's shape of a parameter.
fn exported(parameter: &Parameter) -> Vec<usize> {
    order(parameter.shape.len()).iter().map(|&axis| parameter.shape[axis]).collect()
}

/// PyTorch's shape of a state.
fn exported_state(state: &StateTensor) -> Vec<usize> {
    if state.shape.is_empty() { vec![] } else { vec![state.len()] }
}

/// Where each element of a file's tensor lies in memory.
fn places(shape: &[usize]) -> impl Iterator<Item = usize> {
    let axes = order(shape.len());
    let stride = |axis: usize| shape[axis + 1..].iter().product::<usize>();
    let axes: Vec<(usize, usize)> = axes.iter().map(|&axis| (shape[axis], stride(axis))).collect();
    (0..shape.iter().product()).map(move |mut i: usize| {
        axes.iter().rev().fold(0, |place, &(n, stride)| {
            let index = i % n;
            i /= n;
            place + index * stride
        })
    })
}

/// Numbers of a tensor of this shape in memory, in the order of files.
fn to_file(numbers: &[f32], shape: &[usize]) -> Vec<f32> {
    if shape.len() < 2 { numbers.to_vec() } else { places(shape).map(|place| numbers[place]).collect() }
}

/// Undoes [`to_file`].
fn from_file(numbers: &[f32], shape: &[usize]) -> Vec<f32> {
    if shape.len() < 2 {
        return numbers.to_vec();
    }
    let mut memory = vec![0.0; numbers.len()];
    places(shape).zip(numbers).for_each(|(place, &x)| memory[place] = x);
    memory
}

/// Whether a state counts: PyTorch keeps such as whole numbers.
fn counts(state: &StateTensor) -> bool {
    state.shape.is_empty()
}

/// The bytes of a file that holds every parameter and state of `flats`, with one pair of metadata: a name and a text.
pub fn encode(metadata: [&str; 2], flats: &[Flat]) -> Vec<u8> {
    let mut tensors: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
    for flat in flats {
        for p in &flat.network.parameters {
            let numbers = p.in_file_order(&flat.numbers[p.offset..p.offset + p.len()]);
            let bytes = bytemuck::cast_slice(&to_file(&numbers, &p.shape)).to_vec();
            tensors.push((flat.name(&p.name), Dtype::F32, exported(p), bytes));
        }
        let Some(states) = flat.states else { continue };
        for s in &flat.network.states {
            let numbers = &states[s.offset..s.offset + s.len()];
            let (dtype, bytes) = if counts(s) {
                (Dtype::I64, (numbers[0] as i64).to_le_bytes().to_vec())
            } else {
                (Dtype::F32, bytemuck::cast_slice(&to_file(numbers, &s.shape)).to_vec())
            };
            tensors.push((flat.name(&s.name), dtype, exported_state(s), bytes));
        }
    }
    let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
        (name, TensorView::new(*dtype, shape.clone(), bytes).expect("as many bytes as the shape says"))
    });
    // A map of one entry has one order: equal states make equal bytes.
    let metadata = HashMap::from([metadata.map(str::to_string).into()]);
    safetensors::serialize(views, Some(metadata)).expect("names and shapes are sound")
}

/// A parsed file.
pub struct Tensors<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    tensors: SafeTensors<'a>,
}

impl<'a> Tensors<'a> {
    /// Parses the bytes of `path`.
    ///
    /// # Errors
    /// When they are no safetensors file.
    pub fn parse(path: &'a Path, bytes: &'a [u8]) -> Result<Tensors<'a>> {
        let tensors = SafeTensors::deserialize(bytes)
            .map_err(|e| Error::Checkpoint(format!("{}: not a safetensors file: {e}", path.display())))?;
        Ok(Tensors { path, bytes, tensors })
    }

    /// The text that the file's metadata have under a name.
    pub fn metadata(&self, name: &str) -> Option<String> {
        let (_, header) = SafeTensors::read_metadata(self.bytes).ok()?;
        header.metadata().as_ref()?.get(name).cloned()
    }

    /// Reads every parameter of a network into the memory of its optimizer, and its states where asked for, checking shapes
    /// against the configuration. A name in the file is the tensor's between `affixes`, which moments have: these may be
    /// infinite, as squares of a great gradient are; a network may not.
    ///
    /// # Errors
    /// When one is missing or of another shape, or a network's is not finite.
    pub fn read(
        &self,
        [prefix, suffix]: [&str; 2],
        network: &Network,
        numbers: &mut [f32],
        states: Option<&mut [f32]>,
    ) -> Result<()> {
        let is_network = prefix.is_empty() && suffix.is_empty();
        for p in &network.parameters {
            let name = format!("{prefix}{}{suffix}", p.name);
            if is_network {
                self.check_finite(&name)?;
            }
            self.read_one(&name, p, &mut numbers[p.offset..p.offset + p.len()])?;
        }
        if let Some(states) = states {
            for s in &network.states {
                let name = format!("{prefix}{}{suffix}", s.name);
                self.check_finite(&name)?;
                self.read_state(&name, s, &mut states[s.offset..s.offset + s.len()])?;
            }
        }
        Ok(())
    }

    /// Reads the tensor `name` into one state.
    ///
    /// # Errors
    /// When [`Tensors::read`] fails.
    pub fn read_state(&self, name: &str, state: &StateTensor, to: &mut [f32]) -> Result<()> {
        let dtype = if counts(state) { Dtype::I64 } else { Dtype::F32 };
        let view = self.view(name, dtype, &exported_state(state))?;
        if counts(state) {
            let bytes = view.data().try_into().expect("eight bytes of one number");
            to[0] = i64::from_le_bytes(bytes) as f32;
        } else {
            let numbers: Vec<f32> = bytemuck::pod_collect_to_vec(view.data());
            to.copy_from_slice(&from_file(&numbers, &state.shape));
        }
        Ok(())
    }

    /// Checks that a tensor, if it is there, holds neither NaN nor infinity: one of them in a network spreads to all that it
    /// makes.
    ///
    /// # Errors
    /// When it does; the first is named.
    pub fn check_finite(&self, name: &str) -> Result<()> {
        let Ok(view) = self.tensors.tensor(name) else { return Ok(()) };
        if view.dtype() != Dtype::F32 {
            return Ok(());
        }
        let numbers = view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b));
        let mut bad = numbers.enumerate().filter(|(_, x)| !x.is_finite());
        let Some((first, value)) = bad.next() else { return Ok(()) };
        let mut index = vec![0; view.shape().len()];
        let mut left = first;
        for (i, &n) in index.iter_mut().zip(view.shape()).rev() {
            (*i, left) = (left % n, left / n);
        }
        let others = bad.count();
        let others = if others > 0 { format!(", and {others} more are not finite") } else { String::new() };
        Err(Error::Checkpoint(format!(
            "{}: {name}{index:?} is {value}{others}; every weight must be a finite number: take another file, or an \
             earlier checkpoint",
            self.path.display()
        )))
    }

    /// The tensor of that name, type and shape.
    fn view(&self, name: &str, dtype: Dtype, expected: &[usize]) -> Result<TensorView<'a>> {
        let wrong = |what: String| Err(Error::Checkpoint(format!("{}: {what}", self.path.display())));
        let Ok(view) = self.tensors.tensor(name) else {
            let mut names = self.tensors.names();
            names.sort_unstable();
            names.truncate(6);
            return wrong(format!(
                "no tensor {name:?}; it holds {} …; is it of another model?",
                names.join(", ")
            ));
        };
        if view.shape() != expected || view.dtype() != dtype {
            return wrong(format!(
                "{name} is {:?} {:?}, but the configuration's network needs {dtype:?} {expected:?}; \
                 another architecture, or one for data of other sizes or channels, cannot take these weights",
                view.dtype(),
                view.shape(),
            ));
        }
        Ok(view)
    }

    /// Whether there is a tensor `name` of a parameter's shape.
    pub fn has(&self, name: &str, parameter: &Parameter) -> bool {
        self.tensors.tensor(name).is_ok_and(|tensor| tensor.shape() == exported(parameter))
    }

    /// Whether there is a tensor `name` of a state's shape.
    pub fn has_state(&self, name: &str, state: &StateTensor) -> bool {
        self.tensors.tensor(name).is_ok_and(|tensor| tensor.shape() == exported_state(state))
    }

    /// Reads the tensor `name` into one parameter.
    ///
    /// # Errors
    /// When [`Tensors::read`] fails.
    pub fn read_one(&self, name: &str, parameter: &Parameter, to: &mut [f32]) -> Result<()> {
        let expected = exported(parameter);
        let numbers: Vec<f32> = bytemuck::pod_collect_to_vec(self.view(name, Dtype::F32, &expected)?.data());
        to.copy_from_slice(&parameter.in_memory_order(&from_file(&numbers, &parameter.shape)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_have_pytorchs_order_in_files() {
        // [2, 3, 2, 4]: an element's number says its indices.
        let shape = [2, 3, 2, 4];
        let memory: Vec<f32> = (0..48).map(|i| i as f32).collect();
        let file = to_file(&memory, &shape);
        let at = |out: usize, input: usize, y: usize, x: usize| file[((out * 2 + input) * 2 + y) * 3 + x];
        assert_eq!(at(3, 1, 1, 2), memory[((3 + 2) * 2 + 1) * 4 + 3]);
        assert_eq!(at(1, 0, 0, 2), memory[2 * 2 * 4 + 1]);
        assert_eq!(from_file(&file, &shape), memory);
        assert_eq!(to_file(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[2, 3]), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        assert_eq!(to_file(&memory[..8], &[1, 4, 2])[..5], [0.0, 2.0, 4.0, 6.0, 1.0], "inputs first");
    }
}
