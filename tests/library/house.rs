//! The house's own rules, read off its text: arrows between rooms go down, files of a room do not import each other in a
//! circle, and a doc comment names what it is about.
//!
//! A room is a folder or file right below `src/`, a module is a file. An import is what a `use` or a path that begins
//! with `crate` or `super` names; a name that a module only hands on is the module's it comes from.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Every room and those right below it: it may import from these, and from what lies below them.
const ROOMS: &[(&str, &[&str])] = &[
    ("cli", &["repro", "bench", "catalog"]),
    ("catalog", &["doctor"]),
    ("repro", &["train"]),
    ("bench", &["train"]),
    // A run's folder has the code that loads its weights elsewhere.
    ("train", &["doctor", "eval", "export"]),
    // The doctor's probe measures distances as evaluation does.
    ("doctor", &["eval"]),
    ("eval", &["inference", "report"]),
    ("inference", &["run", "pictures"]),
    ("report", &["records", "run", "protobuf"]),
    ("export", &["run", "pictures", "protobuf"]),
    ("records", &["pictures"]),
    ("run", &["models", "exec"]),
    ("pictures", &["data"]),
    // A model says by which rules its optimizers update, which executors then do.
    ("models", &["architectures", "exec"]),
    ("architectures", &["nn"]),
    // A network lays its parameters out, in the terms of those who read them.
    ("nn", &["lower"]),
    ("exec", &["lower"]),
    ("lower", &["graph"]),
    ("graph", &["data"]),
    ("data", &["config"]),
    ("config", &["rng", "precision", "memory_budget"]),
    ("memory_budget", &["error", "console"]),
    ("rng", &[]),
    ("precision", &[]),
    ("protobuf", &[]),
    ("console", &[]),
    ("error", &["numbers"]),
    ("numbers", &[]),
];

/// Imports from a lower room to a higher one that are still there, module and module: who removes one takes it from here.
const KNOWN_UP: &[(&str, &str)] = &[];

/// Circles that are still there, with all their modules: who breaks one takes it from here.
const KNOWN_CIRCLES: &[&[&str]] = &[];

/// Beginnings of a doc comment that does not name what it is about.
const BEGINNINGS: [&str; 6] = ["Of", "Its", "Their", "The same", "As", "Whose"];

#[test]
fn arrows_between_rooms_go_down() {
    let house = House::read();
    let strangers: Vec<&str> =
        house.modules.keys().map(|m| room(m)).filter(|r| !r.is_empty() && below(r).is_none()).collect();
    assert!(strangers.is_empty(), "rooms without a place in ROOMS: {strangers:?}");
    let mut up = BTreeSet::new();
    for (from, to) in house.imports() {
        let [low, high] = [room(&from), room(&to)].map(String::from);
        if low != high && !reachable(&low).contains(high.as_str()) {
            up.insert((from, to));
        }
    }
    let known: BTreeSet<_> = KNOWN_UP.iter().map(|(from, to)| (from.to_string(), to.to_string())).collect();
    for (from, to) in up.difference(&known) {
        println!("src/{}: imports {to}, from a room above its own or beside it", house.file(from));
    }
    for (from, to) in known.difference(&up) {
        println!("{from} imports {to} no more: take it from KNOWN_UP");
    }
    assert_eq!(up, known, "imports from a lower room to a higher one");
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let house = House::read();
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (from, to) in house.imports() {
        edges.entry(from).or_default().insert(to);
    }
    let reach = |from: &str| -> BTreeSet<String> {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from.to_string()]);
        while let Some(at) = open.pop() {
            open.extend(
                edges.get(&at).into_iter().flatten().filter(|to| seen.insert(to.to_string())).cloned(),
            );
        }
        seen
    };
    let reached: BTreeMap<&String, BTreeSet<String>> = edges.keys().map(|m| (m, reach(m))).collect();
    // Modules that reach each other are one circle, however many ways lead around.
    let circle = |m: &String| -> Vec<String> {
        let back = |to: &&String| reached.get(to).is_some_and(|r| r.contains(m));
        reached[m].iter().filter(back).cloned().collect()
    };
    let circles: BTreeSet<Vec<String>> = edges.keys().map(circle).filter(|c| !c.is_empty()).collect();
    let known: BTreeSet<Vec<String>> =
        KNOWN_CIRCLES.iter().map(|c| c.iter().map(|m| m.to_string()).collect()).collect();
    for circle in circles.difference(&known) {
        println!("a circle of {} files:", circle.len());
        for from in circle {
            let within: Vec<&String> = edges[from].iter().filter(|to| circle.contains(to)).collect();
            println!("    src/{} imports {within:?}", house.file(from));
        }
    }
    for circle in known.difference(&circles) {
        println!("no circle any more, or another one: take it from KNOWN_CIRCLES: {circle:?}");
    }
    assert_eq!(circles, known, "files that import each other in a circle");
}

#[test]
fn doc_comments_name_what_they_are_about() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["src", "kernels", "tests"].map(|folder| files(&root.join(folder)));
    let sources = |path: &PathBuf| {
        path.extension().is_some_and(|e| ["rs", "cu", "cuh", "h", "cpp"].iter().any(|known| e == *known))
    };
    let mut faults = vec![];
    for path in folders.concat().into_iter().chain([root.join("build.rs")]).filter(sources) {
        let text = fs::read_to_string(&path).expect("text");
        let shown = path.strip_prefix(root).expect("below the root").display();
        let mut before = None;
        for (number, line) in (1..).zip(text.lines()) {
            let mark = ["///", "//!"].into_iter().find(|mark| line.trim_start().starts_with(mark));
            let first = mark.filter(|_| mark != before);
            let says = first.and_then(|mark| Some(line.split_once(mark)?.1.trim_start()));
            if says.is_some_and(|says| BEGINNINGS.iter().any(|word| begins(says, word))) {
                faults.push(format!("{shown}:{number}: {}", line.trim()));
            }
            before = mark;
        }
    }
    let list = faults.join("\n");
    assert!(
        faults.is_empty(),
        "doc comments that begin with one of {BEGINNINGS:?}; name the subject:\n{list}"
    );
}

/// CONTRIBUTING.md tells strangers how the house is laid out: it names every room.
#[test]
fn every_room_is_described() {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/CONTRIBUTING.md")).expect("there");
    let first_cells = text.lines().filter_map(|line| line.strip_prefix("| `")?.split('|').next());
    let told: BTreeSet<&str> = first_cells.flat_map(|cell| cell.split(['`', ',', ' '])).collect();
    let missing: Vec<&str> =
        ROOMS.iter().map(|(room, _)| *room).filter(|room| !told.contains(room)).collect();
    assert!(missing.is_empty(), "rooms without a row in CONTRIBUTING.md: {missing:?}");
}

/// Whether a sentence begins with these words.
fn begins(sentence: &str, words: &str) -> bool {
    sentence
        .strip_prefix(words)
        .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '\''))
}

/// Every file below a folder, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter();
    entries.map(|e| e.expect("readable")).filter(|e| e.file_type().is_file()).map(|e| e.into_path()).collect()
}

fn room(module: &str) -> &str {
    module.split("::").next().unwrap_or("")
}

fn below(room: &str) -> Option<&'static [&'static str]> {
    ROOMS.iter().find(|(name, _)| *name == room).map(|(_, below)| *below)
}

/// All rooms below a room.
fn reachable(room: &str) -> BTreeSet<&'static str> {
    let (mut seen, mut open) = (BTreeSet::new(), below(room).unwrap_or(&[]).to_vec());
    while let Some(room) = open.pop() {
        if seen.insert(room) {
            open.extend(below(room).unwrap_or(&[]));
        }
    }
    seen
}

/// A path such as `["crate", "exec", "Rate"]`, and whether it is handed on (`pub use`).
struct Named {
    path: Vec<String>,
    is_public: bool,
}

struct Module {
    file: String,
    names: Vec<Named>,
}

/// Every module of `src/` by its path, such as `exec::cuda::pack`; the crate's root is "".
struct House {
    modules: BTreeMap<String, Module>,
}

impl House {
    fn read() -> House {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut modules = BTreeMap::new();
        for path in files(&src).into_iter().filter(|p| p.extension().is_some_and(|e| e == "rs")) {
            let file = path.strip_prefix(&src).expect("below").display().to_string();
            let name = file.strip_suffix(".rs").expect("filtered").replace('/', "::");
            let name = name.strip_suffix("::mod").unwrap_or(&name).to_string();
            if name != "main" {
                let names = names(&code(&fs::read_to_string(&path).expect("text")));
                modules.insert(if name == "lib" { String::new() } else { name }, Module { file, names });
            }
        }
        assert!(modules.len() > 100, "{} modules: they lie elsewhere now", modules.len());
        House { modules }
    }

    fn file(&self, module: &str) -> &str {
        &self.modules[module].file
    }

    /// Importing module, imported module.
    fn imports(&self) -> BTreeSet<(String, String)> {
        let mut all = BTreeSet::new();
        for (from, module) in &self.modules {
            for named in &module.names {
                let Some(path) = self.rooted(from, &named.path) else { continue };
                let to = self.home(&path, 0);
                // What a module hands on from below itself, it does not need.
                let hands_on =
                    named.is_public && to.strip_prefix(from).is_some_and(|rest| rest.starts_with("::"));
                if !to.is_empty() && to != *from && !hands_on {
                    all.insert((from.clone(), to));
                }
            }
        }
        all
    }

    /// A path as it is named in a module, from the crate's root; `None` for other crates.
    fn rooted(&self, module: &str, path: &[String]) -> Option<Vec<String>> {
        let mut here: Vec<String> =
            module.split("::").filter(|part| !part.is_empty()).map(String::from).collect();
        let mut rest = path;
        match rest[0].as_str() {
            "crate" => (here, rest) = (vec![], &rest[1..]),
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|part| part == "super") {
                    here.pop();
                    rest = &rest[1..];
                }
            }
            child => {
                here.push(child.to_string());
                let known = self.modules.contains_key(&here.join("::"));
                here.pop();
                known.then_some(())?;
            }
        }
        here.extend(rest.iter().filter(|part| *part != "self").cloned());
        Some(here)
    }

    /// The module that a path's item is from, through as many `pub use` as there are.
    fn home(&self, path: &[String], depth: usize) -> String {
        let longest = (0..=path.len()).rev().find(|&n| self.modules.contains_key(&path[..n].join("::")));
        let (module, rest) = path.split_at(longest.expect("the root is a module"));
        let module = module.join("::");
        let Some(item) = rest.first() else { return module };
        let handed =
            self.modules[&module].names.iter().filter(|n| n.is_public && n.path.last() == Some(item));
        let from = handed.filter_map(|n| self.rooted(&module, &n.path)).find(|from| from[..] != *path);
        match from {
            Some(from) if depth < 8 => self.home(&[&from, &rest[1..]].concat(), depth + 1),
            _ => module,
        }
    }
}

/// A file's text without tests, comments, and what stands between quotes.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or("");
    let (mut out, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        let raw = rest.strip_prefix('r').map(|r| r.len() - r.trim_start_matches('#').len());
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(hashes) = raw.filter(|n| rest[1 + n..].starts_with('"') && !out.ends_with(is_word))
        {
            let end = format!("\"{}", "#".repeat(hashes));
            2 + hashes + rest[2 + hashes..].find(&end).expect("a raw string ends") + end.len()
        } else if first == '"' {
            1 + quoted(&rest[1..], '"')
        } else if rest.starts_with("'\\") || first == '\'' && rest.chars().nth(2) == Some('\'') {
            1 + quoted(&rest[1..], '\'')
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        out.push(' ');
        rest = &rest[skip..];
    }
    out
}

/// Bytes up to and with the closing quote.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    let end = text.find(|c| {
        let ends = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    1 + end.expect("a quote is closed")
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Every path that code names: those of `use`, and those that begin with `crate` or `super`.
fn names(code: &str) -> Vec<Named> {
    let (mut all, mut others) = (vec![], String::new());
    let mut rest = code;
    while let Some(at) = rest.find("use ") {
        let (before, after) = (&rest[..at], &rest[at + 4..]);
        if before.ends_with(is_word) {
            others.push_str(&rest[..at + 4]);
            rest = after;
            continue;
        }
        let (tree, behind) = after.split_once(';').unwrap_or((after, ""));
        let line = before.rsplit(['\n', ';', '}', '{']).next().unwrap_or("").trim();
        let mut paths = vec![];
        spread(&[], tree, &mut paths);
        all.extend(paths.into_iter().map(|path| Named { path, is_public: line.starts_with("pub") }));
        others.push_str(before);
        rest = behind;
    }
    others.push_str(rest);
    for start in ["crate::", "super::"] {
        for (at, _) in others.match_indices(start).filter(|(at, _)| !others[..*at].ends_with([':', '$'])) {
            let path = others[at..].split(|c: char| !is_word(c) && c != ':').next().unwrap_or("");
            let path = path.split("::").filter(|part| !part.is_empty()).map(String::from).collect();
            all.push(Named { path, is_public: false });
        }
    }
    all
}

/// The paths of a `use` tree: `a::{b, c::{self, d as e}}` is a::b, a::c::self, a::c::d.
fn spread(before: &[String], tree: &str, out: &mut Vec<Vec<String>>) {
    let parts =
        |text: &str| text.split("::").map(|p| p.trim().to_string()).filter(|p| !p.is_empty()).collect();
    let Some((head, body)) = tree.split_once('{') else {
        let path: Vec<String> = parts(tree.split(" as ").next().unwrap_or(""));
        if !path.is_empty() {
            out.push([before, &path].concat());
        }
        return;
    };
    let head: Vec<String> = parts(head);
    let (mut depth, mut from) = (0, 0);
    let body = body.trim_end().strip_suffix('}').expect("a closed brace");
    for (at, c) in body.char_indices().chain([(body.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                spread(&[before, &head].concat(), &body[from..at], out);
                from = (at + 1).min(body.len());
            }
            _ => {}
        }
    }
}

#[test]
fn imports_are_read_as_they_are_meant() {
    let text = "use a::{b, c::{self, d as e}};\npub use x::Y;\n// use no::comment;\nlet s = \"use no::string;\"; \
                let q = '\"'; fn f<'a>(x: &'a str) -> crate::z::W { super::v() }\nlet because = 1;\n\
                #[cfg(test)]\nmod tests { use no::test; }";
    let found: Vec<String> = names(&code(text))
        .into_iter()
        .map(|n| format!("{}{}", n.path.join("::"), if n.is_public { " on" } else { "" }))
        .collect();
    assert_eq!(found, ["a::b", "a::c::self", "a::c::d", "x::Y on", "crate::z::W", "super::v"]);
}
