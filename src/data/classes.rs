//! The classes that a conditional model learnt, as its checkpoints keep them.

use serde::{Deserialize, Serialize};

/// Classes by number: how they are called, and how often the training data have them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Classes {
    /// Name of each class; empty where classes have numbers only.
    pub names: Vec<String>,
    /// Training examples of each class; empty where nobody counted them.
    pub counts: Vec<u64>,
}

impl Classes {
    /// What class `number` is called: its name, or its number where it has none.
    pub fn name(&self, number: usize) -> String {
        self.names.get(number).cloned().unwrap_or_else(|| number.to_string())
    }

    /// The class that `typed` means: a name, or else a number.
    pub fn find(&self, typed: &str) -> Option<usize> {
        self.names.iter().position(|name| name == typed).or_else(|| typed.parse().ok())
    }

    /// Whether the training data have no example of class `number`.
    pub fn is_empty(&self, number: usize) -> bool {
        self.counts.get(number) == Some(&0)
    }
}

#[cfg(test)]
mod tests {
    use super::Classes;

    #[test]
    fn names_come_before_numbers() {
        let named = Classes { names: vec!["10".into(), "sea".into()], counts: vec![0, 3] };
        assert_eq!([named.find("10"), named.find("sea"), named.find("1")], [Some(0), Some(1), Some(1)]);
        assert_eq!([named.find("lake"), Classes::default().find("7")], [None, Some(7)]);
        assert_eq!([named.name(1), named.name(2)], ["sea", "2"]);
        assert!(named.is_empty(0) && !named.is_empty(1) && !named.is_empty(2));
    }
}
