//! The order of class names: runs of digits by the number they are (2 before 10), everything else by code point, so that
//! upper case comes before lower case as in a sorted list of plain names.

use std::cmp::Ordering;

/// Compares names in natural order; equal only where the names are.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (mut x, mut y) = (a, b);
    while let (Some(c), Some(d)) = (x.chars().next(), y.chars().next()) {
        if c.is_ascii_digit() && d.is_ascii_digit() {
            let ([m, rest_of_x], [n, rest_of_y]) = (number(x), number(y));
            // Without leading zeros a longer number is greater, whatever its length.
            let [p, q] = [m, n].map(|n| n.trim_start_matches('0'));
            match p.len().cmp(&q.len()).then(p.cmp(q)) {
                Ordering::Equal => (x, y) = (rest_of_x, rest_of_y),
                unequal => return unequal,
            }
        } else if c == d {
            (x, y) = (&x[c.len_utf8()..], &y[c.len_utf8()..]);
        } else {
            return c.cmp(&d);
        }
    }
    x.len().cmp(&y.len()).then_with(|| a.cmp(b))
}

/// The digits that a text begins with, and what follows.
fn number(text: &str) -> [&str; 2] {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    [digits, rest]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_are_in_order() {
        let sorted = [
            "",
            "0",
            "01",
            "1",
            "2",
            "10",
            "100000000000000000000000",
            "Zoo",
            "a",
            "a2b1",
            "a2b10",
            "a10",
            "b",
            "é",
        ];
        for (i, a) in sorted.iter().enumerate() {
            for (j, b) in sorted.iter().enumerate() {
                assert_eq!(compare(a, b), i.cmp(&j), "{a:?} and {b:?}");
            }
        }
    }
}
