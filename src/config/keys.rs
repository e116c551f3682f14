//! Keys of a configuration as `docs/configuration.md` lists them. That page is their one description: `gansaku keys`
//! prints it, suggestions search it, and a test holds it against the configuration itself.

use super::near::nearest;
use std::sync::LazyLock;

/// One key, with `*` for a network and `N` for a layer's number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Heading that it stands below.
    pub section: &'static str,
    /// Dotted name: `*.layers.N.units`.
    pub name: &'static str,
    /// Default as the page has it, with its backticks; empty where a value must be given.
    pub default: &'static str,
    /// Values, or groups of them, each with what it does; with backticks.
    pub values: Vec<(&'static str, &'static str)>,
}

/// Every key, in the page's order.
pub fn all() -> &'static [Key] {
    static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| read(include_str!("../../docs/configuration.md")));
    &KEYS
}

/// Reads the page: a row names a key, or several; a row without a name has more values of the one above.
fn read(page: &'static str) -> Vec<Key> {
    let (mut keys, mut section) = (Vec::<Key>::new(), "");
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            section = heading;
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let ["", names, default, values, meaning, ""] = cells[..] else { continue };
        if names.is_empty() {
            keys.last_mut().into_iter().for_each(|key| key.values.push((values, meaning)));
        }
        let names = names.split('`').skip(1).step_by(2);
        keys.extend(names.map(|name| Key { section, name, default, values: vec![(values, meaning)] }));
    }
    keys
}

impl Key {
    /// Last part of its name.
    pub fn last(&self) -> &'static str {
        self.name.rsplit('.').next().unwrap_or(self.name)
    }

    /// Whether it lies below `prefix`, whose last part may be cut short: `loss.r` is the beginning of `loss.r1`. A name with
    /// a network and a layer's number in it, and what lies within the key, is taken as well.
    fn begins_with(&self, prefix: &str) -> bool {
        let (parts, typed): (Vec<&str>, Vec<&str>) =
            (self.name.split('.').collect(), prefix.split('.').collect());
        let pairs = parts.iter().zip(&typed);
        pairs.enumerate().all(|(i, (part, typed_part))| match i + 1 == typed.len() {
            true => stands_for(part).iter().any(|name| name.starts_with(typed_part)) || is(part, typed_part),
            false => is(part, typed_part),
        })
    }

    /// Names that can be typed: both networks where either may be meant, the first layer.
    fn spelled_out(&self) -> Vec<String> {
        let layered = self.name.replace(".N.", ".0.");
        match layered.contains('*') {
            true => NETWORKS.map(|network| layered.replace('*', network)).to_vec(),
            false => vec![layered],
        }
    }
}

const NETWORKS: [&str; 2] = ["generator", "discriminator"];

/// What a part of a key's name stands for, other than numbers.
fn stands_for<'a>(part: &&'a str) -> Vec<&'a str> {
    if *part == "*" { [&["*"][..], &NETWORKS].concat() } else { vec![part] }
}

fn is(part: &str, typed: &str) -> bool {
    let number = !typed.is_empty() && typed.bytes().all(|b| b.is_ascii_digit());
    (part == "N" && number) || stands_for(&part).contains(&typed)
}

/// Keys that `typed` begins; where it begins none, those with such a part: `lr` is one of `optimizer.*.lr`.
pub fn find(typed: &str) -> Vec<&'static Key> {
    let typed = typed.trim_matches('.');
    let begun: Vec<&Key> = all().iter().filter(|key| key.begins_with(typed)).collect();
    if !begun.is_empty() {
        return begun;
    }
    all().iter().filter(|key| key.name.split('.').any(|part| part == typed)).collect()
}

/// Names of the keys that someone may have meant who typed `word` where `inside` is; exactly that word, or one near it.
pub(super) fn meant(word: &str, inside: &str, exactly: bool) -> Vec<String> {
    // Far from where it was typed, only what is hardly misspelt was meant.
    let alike = |last: &&str| strsim::damerau_levenshtein(word, last) <= word.chars().count() / 3;
    let near = || nearest(word, all().iter().map(Key::last)).filter(alike);
    let Some(last) = (if exactly { Some(word) } else { near() }) else { return vec![] };
    let all: Vec<String> = all().iter().filter(|key| key.last() == last).flat_map(Key::spelled_out).collect();
    let here: Vec<String> =
        all.iter().filter(|name| name.starts_with(&format!("{inside}."))).cloned().collect();
    if here.is_empty() { all } else { here }
}

/// The parts of names nearest to what was typed as the beginning of one, if one is near.
pub fn suggested(typed: &str) -> Option<String> {
    let last = typed.rsplit('.').next().unwrap_or(typed);
    let sections = all().iter().filter_map(|key| key.name.split('.').next()).filter(|part| *part != "*");
    let whole = nearest(typed, all().iter().map(|key| key.name).chain(sections).chain(NETWORKS));
    whole.map(String::from).or_else(|| {
        let near = nearest(last, all().iter().map(Key::last))?;
        all().iter().find(|key| key.last() == near).map(|key| key.name.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(typed: &str) -> Vec<&'static str> {
        find(typed).iter().map(|key| key.name).collect()
    }

    #[test]
    fn keys_are_found_by_their_beginning_or_by_a_part() {
        assert_eq!(
            names("loss.r"),
            ["loss.relativistic", "loss.r1", "loss.r1_auto", "loss.r2", "loss.reconstruction"]
        );
        assert_eq!(names("lr"), ["optimizer.*.lr"]);
        assert_eq!(names("adam").len(), 3);
        assert_eq!(names("discriminator.layers.12.keep"), ["*.layers.N.keep"]);
        assert_eq!(names("generator.layers.0.init.fan-in"), ["*.layers.N.init"]);
        assert_eq!(names("optimizer.gen.lr"), [""; 0], "only the last part may be cut short");
        assert_eq!(names("").len(), all().len());
        assert_eq!(names("nothing"), [""; 0]);
        assert!(names("generator").iter().all(|name| name.starts_with("*.")), "not the optimizer's");
    }

    #[test]
    fn a_key_has_all_its_values() {
        let [objective] = find("loss.objective")[..] else { panic!("one key") };
        assert_eq!((objective.section, objective.values.len()), ("Losses", 5));
        assert!(objective.values[3].0.contains("hinge") && objective.values[3].1.contains("max(0, 1 − r)"));
        assert_eq!(find("about")[0].name, "about");
        assert!(all().len() > 55);
    }

    #[test]
    fn what_was_meant_is_looked_for_in_the_whole_tree() {
        assert_eq!(meant("lr", "", true), ["optimizer.generator.lr", "optimizer.discriminator.lr"]);
        assert_eq!(meant("units", "generator", true), ["generator.layers.0.units"]);
        assert_eq!(meant("unit", "", false), ["generator.layers.0.units", "discriminator.layers.0.units"]);
        assert_eq!(suggested("los").as_deref(), Some("loss"));
        assert_eq!(suggested("optimiser.lr").as_deref(), Some("optimizer.*.lr"));
        assert_eq!(suggested("zzzzzz"), None);
    }
}
