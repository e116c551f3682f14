//! The run's report in a headless Chromium, its events in TensorBoard, exported generators in onnxruntime and PyTorch:
//! programs that nobody here wrote.
//!
//! Where one is absent its cases are ignored and counted, with the reason; GANSAKU_REQUIRE_CHROMIUM=1,
//! GANSAKU_REQUIRE_TENSORBOARD=1, GANSAKU_REQUIRE_ONNX=1 and GANSAKU_REQUIRE_TORCH=1 make absence a failure. CHROMIUM names a
//! browser, PYTHON a Python.

mod common;
#[path = "viewers/exports.rs"]
mod exports;
#[path = "viewers/styles.rs"]
mod styles;
