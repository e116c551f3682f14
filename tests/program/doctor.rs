//! `gansaku doctor`: what it says without a GPU, in builds with and without CUDA.

use crate::common::program::{gansaku, says, workplace};

fn doctor(arguments: &[&str]) -> String {
    let folder = workplace();
    // Whatever GPUs the machine has, none is to be seen.
    let mut command = gansaku(folder.path(), arguments);
    let output = command.env("CUDA_VISIBLE_DEVICES", "").output().expect("starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[cfg(not(feature = "cuda"))]
#[test]
fn a_build_without_cuda_says_so_and_how_to_add_it() {
    let talk = doctor(&["doctor"]);
    says(&talk, &["cpu: ", "this build is without CUDA", "--features cuda"]);
    assert_eq!(talk, doctor(&["doctor", "--kernels"]));
}

#[cfg(feature = "cuda")]
#[test]
fn a_machine_without_a_gpu_is_told_why_and_what_was_built() {
    let talk = doctor(&["doctor"]);
    says(&talk, &["cpu: ", "kernels: ", "in cubins for sm ", "compiled by NVRTC ", "driver: none to use: "]);
    assert!(!talk.contains("registers"), "the table only where asked for: {talk}");
}

#[cfg(feature = "cuda")]
#[test]
fn every_kernel_of_every_architecture_has_a_row() {
    use gansaku::exec::cuda::kernels::{BUILD, Form};
    let talk = doctor(&["doctor", "--kernels"]);
    let rows: Vec<Vec<&str>> = talk.lines().map(|line| line.split_whitespace().collect()).collect();
    for module in BUILD.modules.iter().filter(|m| m.form == Form::Cubin) {
        let arch = format!("sm_{}", module.arch);
        for kernel in module.kernels {
            let row = rows
                .iter()
                .find(|row| row[..2.min(row.len())] == [kernel.name, module.file] && row[2] == arch);
            let row = row.unwrap_or_else(|| panic!("{} for {arch} has no row: {talk}", kernel.name));
            assert_eq!(row[3], kernel.registers.to_string(), "{row:?}");
        }
    }
}
