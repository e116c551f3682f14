//! `gansaku completions`: the script of a shell, recipes and metrics among its words.

use super::print;
use crate::error::Result;
use clap_complete::{Shell, generate};
use std::fmt::Write;

pub fn run(mut command: clap::Command, shell: Shell) -> Result<()> {
    let mut script = Vec::new();
    generate(shell, &mut command, "gansaku", &mut script);
    let mut script = String::from_utf8_lossy(&script).into_owned();
    if shell == Shell::Fish {
        script += &positionals_for_fish(&command);
    }
    print(&script)
}

/// Words that stand for arguments without a flag, of which clap's script for fish knows nothing.
fn positionals_for_fish(command: &clap::Command) -> String {
    let mut lines = String::new();
    for sub in command.get_subcommands() {
        for words in sub.get_positionals().filter_map(|arg| arg.get_value_parser().possible_values()) {
            let words: Vec<String> = words.map(|word| word.get_name().to_string()).collect();
            let _ = writeln!(
                lines,
                "complete -c gansaku -n \"__fish_gansaku_using_subcommand {}\" -a \"{}\"",
                sub.get_name(),
                words.join(" ")
            );
        }
    }
    lines
}
