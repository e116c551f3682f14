//! `docs/recipes.md` as a reader follows it: its files are written, its commands run, what it shows is printed.

use crate::common::idx::idx;
use crate::common::program::gansaku;
use gansaku::data::{Values, digits};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// A fenced block: the words behind its fence, and its lines.
pub struct Block<'a> {
    pub words: Vec<&'a str>,
    pub text: String,
}

/// The fenced blocks of a page.
pub fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = vec![];
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(fence) = line.strip_prefix("```") {
            let inside: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(Block { words: fence.split(' ').collect(), text: inside.join("\n") + "\n" });
        }
    }
    blocks
}

/// MNIST's files with as many examples as MNIST has, of which few differ.
fn mnist(folder: &Path) {
    let data = digits::load(1_000, 0);
    let Values::U8(pixels) = &data.train.values else { panic!("digits are bytes") };
    let labels = data.train.labels.as_ref().expect("digits are labelled");
    fs::create_dir_all(folder).expect("made");
    for (name, times) in [("train", 60), ("t10k", 1)] {
        let count = 1_000 * times as u32;
        let write = |kind: &str, bytes| {
            fs::write(folder.join(format!("{name}-{kind}-ubyte")), bytes).expect("written")
        };
        write("images-idx3", idx(&[count, 28, 28], &pixels.repeat(times)));
        write("labels-idx1", idx(&[count], &labels.repeat(times)));
    }
}

/// The command with every `--time` cut to a second, as a shell runs it in `folder`, which is also its home.
pub fn shell(folder: &Path, line: &str) -> Output {
    let mut words: Vec<&str> = line.split(' ').collect();
    for i in 1..words.len() {
        if words[i - 1] == "--time" {
            words[i] = "1s";
        }
    }
    let program = gansaku(folder, &[]);
    let programs = Path::new(program.get_program()).parent().expect("a folder").display().to_string();
    let path = format!("{programs}:{}", std::env::var("PATH").unwrap_or_default());
    let mut bash = Command::new("bash");
    bash.args(["-c", &words.join(" ")]).current_dir(folder).env("HOME", folder).env("PATH", path);
    bash.output().expect("a shell")
}

#[test]
fn every_command_of_the_tutorial_does_what_it_says() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/recipes.md")).expect("there");
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    mnist(&here.join("data/mnist"));
    let blocks = blocks(&page);
    let (mut ran, mut printed) = (0, String::new());
    for (i, block) in blocks.iter().enumerate() {
        match block.words[..] {
            ["toml", name] => fs::write(here.join(name), &block.text).expect("written"),
            ["sh"] => {
                let shown = blocks.get(i + 1).filter(|next| next.words == ["text"]);
                let fails = shown.is_some_and(|shown| shown.text.starts_with("error: "));
                printed.clear();
                for line in block.text.lines() {
                    let output = shell(here, line);
                    let told = String::from_utf8_lossy(&output.stderr).into_owned();
                    assert_eq!(output.status.success(), !fails, "{line}: {told}");
                    printed += &told;
                    printed += &String::from_utf8_lossy(&output.stdout);
                    ran += 1;
                }
            }
            ["text"] => {
                for line in block.text.lines() {
                    let parts: Vec<&str> = line.split('…').collect();
                    let is_it = |told: &str| {
                        let rest = parts.iter().try_fold(told, |rest, part| Some(rest.split_once(part)?.1));
                        rest.is_some() && told.starts_with(parts[0])
                    };
                    assert!(printed.lines().any(is_it), "{line}\nis not in\n{printed}");
                }
            }
            _ => panic!("a block of {:?}: neither a file, nor commands, nor what they print", block.words),
        }
    }
    assert!(ran >= 15, "{ran} commands");
    for run in ["first-try", "00000-my", "no-ema", "00001-pictures"] {
        assert!(here.join("runs").join(run).join("report.html").is_file(), "{run}");
    }
    assert!(here.join("samples.png").is_file());
}
