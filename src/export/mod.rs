//! A trained generator for other programs: an ONNX file ([`onnx`]), or PyTorch's code beside the weights ([`pytorch`]).

pub mod onnx;
pub mod pytorch;
mod rows;
