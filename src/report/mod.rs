//! What people look at: pages of HTML, and TensorBoard's files. Nothing here computes samples.

pub mod html;
pub mod run;
pub mod tensorboard;
