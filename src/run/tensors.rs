//! Networks and optimizer moments as safetensors, with PyTorch's names and layouts: a linear layer's weight
//! is `[out, in]`, the transpose of how it lies in memory, and the rows and columns that are a picture's are in planes.

use crate::error::{Error, Result};
use crate::nn::{Mlp, Parameter};
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
    pub network: &'a Mlp,
    /// All of them.
    pub numbers: &'a [f32],
}

impl Flat<'_> {
    fn name(&self, parameter: &Parameter) -> String {
        format!("{}{}{}", self.prefix, parameter.name, self.suffix)
    }
}

/// PyTorch's shape of a parameter.
fn exported(parameter: &Parameter) -> Vec<usize> {
    parameter.shape.iter().rev().copied().collect()
}

fn transposed(numbers: &[f32], [rows, columns]: [usize; 2]) -> Vec<f32> {
    let mut out = vec![0.0; numbers.len()];
    for (r, row) in numbers.chunks_exact(columns).enumerate() {
        row.iter().enumerate().for_each(|(c, &x)| out[c * rows + r] = x);
    }
    out
}

/// The bytes of a file that holds every parameter of `flats`, with one pair of metadata: a name and a text.
pub fn encode(metadata: [&str; 2], flats: &[Flat]) -> Vec<u8> {
    let mut tensors = Vec::new();
    for flat in flats {
        for p in &flat.network.parameters {
            let numbers = p.in_file_order(&flat.numbers[p.offset..p.offset + p.len()]);
            let numbers = match p.shape[..] {
                [rows, columns] => transposed(&numbers, [rows, columns]),
                _ => numbers,
            };
            tensors.push((flat.name(p), exported(p), numbers));
        }
    }
    let views = tensors.iter().map(|(name, shape, numbers)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytemuck::cast_slice(numbers));
        (name, view.expect("as many bytes as the shape says"))
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

    /// Reads every parameter of a network into `numbers`, checking shapes against the configuration.
    ///
    /// # Errors
    /// When one is missing or of another shape.
    pub fn read(&self, prefix: &str, suffix: &str, network: &Mlp, numbers: &mut [f32]) -> Result<()> {
        for p in &network.parameters {
            let name = format!("{prefix}{}{suffix}", p.name);
            self.read_one(&name, p, &mut numbers[p.offset..p.offset + p.len()])?;
        }
        Ok(())
    }

    /// Reads the tensor `name` into one parameter.
    ///
    /// # Errors
    /// As [`Tensors::read`].
    pub fn read_one(&self, name: &str, parameter: &Parameter, to: &mut [f32]) -> Result<()> {
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
        let expected = exported(parameter);
        if view.shape() != expected || view.dtype() != Dtype::F32 {
            return wrong(format!(
                "{name} is {:?} {:?}, but the configuration's network needs F32 {expected:?}; \
                 another architecture cannot take these weights",
                view.dtype(),
                view.shape(),
            ));
        }
        let numbers: Vec<f32> = bytemuck::pod_collect_to_vec(view.data());
        let numbers = match expected[..] {
            [rows, columns] => transposed(&numbers, [rows, columns]),
            _ => numbers,
        };
        to.copy_from_slice(&parameter.in_memory_order(&numbers));
        Ok(())
    }
}
