//! A GPU that is lost in the middle of `gansaku train`: what was saved is whole, and goes on to the same bytes.

use crate::common::devices::fault;
use crate::common::{program, session};
use gansaku::error::Error;

#[test]
fn a_run_whose_gpu_is_lost_goes_on_to_the_bytes_of_a_run_that_kept_it() {
    let Some(library) = crate::library(2) else { return };
    let gpu = || crate::gpu(&library, 3);
    let good = tempfile::tempdir().expect("a folder");
    let total = session::whole(good.path(), gpu());
    assert_eq!(session::checkpoints(good.path()), [2, 4, 6]);
    let whole = program::fingerprint(&session::run(good.path()));
    // In a step, in a line of metrics, or in a checkpoint: wherever these calls are.
    for fail_at in [total * 2 / 3, total * 5 / 6] {
        let folder = tempfile::tempdir().expect("a folder");
        let error = session::interrupted(folder.path(), false, gpu(), fail_at).to_string();
        assert!(error.starts_with(&fault(fail_at).to_string()), "{error}");
        assert!(error.contains("the last good checkpoint is"), "{error}");
        session::train(folder.path(), true, gpu()).expect("a good device");
        assert_eq!(program::fingerprint(&session::run(folder.path())), whole, "call {fail_at} of {total}");
    }
}

#[test]
fn a_run_that_does_not_fit_on_the_gpu_is_told_before_its_first_step() {
    let Some(library) = crate::library(1) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let gpu =
        gansaku::exec::cuda::emulated::Emulated::new(&library, 3, 100 << 10).expect("a library that loads");
    let error = session::train(folder.path(), false, gpu).expect_err("100 KiB are too few");
    assert!(matches!(error, Error::Device(_)), "{error}");
    let parts = ["emulated GPU: this run needs 2 MiB", "0 MiB are free", "lower train.batch"];
    program::says(&error.to_string(), &parts);
}
