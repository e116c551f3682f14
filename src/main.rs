//! The `gansaku` command.

fn main() -> std::process::ExitCode {
    gansaku::cli::main()
}
