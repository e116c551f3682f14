//! The known word that somebody meant.

use std::cmp::Reverse;

/// The known word nearest to what was typed, if it is near: at most half of a short word is another. Of several as near, the
/// one that begins like it.
pub fn nearest<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = typed.chars().count().div_ceil(2);
    let alike = |k: &str| typed.chars().zip(k.chars()).take_while(|(a, b)| a == b).count();
    known
        .map(|k| (strsim::damerau_levenshtein(typed, k), Reverse(alike(k)), k))
        .filter(|(distance, _, k)| *distance <= 2.max(k.len() / 3).min(most))
        .min()
        .map(|(_, _, k)| k)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_begins_like_what_was_typed() {
        assert_eq!(nearest("unit", ["init", "units"].into_iter()), Some("units"));
        assert_eq!(nearest("minst", ["ring", "mnist"].into_iter()), Some("mnist"));
        // Two letters of which both are others are no misspelling.
        assert_eq!(nearest("lr", ["log", "loss"].into_iter()), None);
        assert_eq!(nearest("", ["a", "to"].into_iter()), None);
    }
}
