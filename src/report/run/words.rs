//! Numbers as people read them.

/// 1234567 as 1,234,567.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let first = (digits.len() - 1) % 3 + 1;
    let (head, tail) = digits.split_at(first);
    tail.as_bytes().chunks(3).fold(head.to_string(), |text, c| text + "," + &String::from_utf8_lossy(c))
}

/// Three significant digits or so, with a real minus sign.
pub fn number(x: f64) -> String {
    let text = match x.abs() {
        size if !size.is_finite() => format!("{x}"),
        size if size.fract() == 0.0 && size < 1e6 => format!("{x:.0}"),
        size if size < 1e-4 || size >= 1e7 => format!("{x:.1e}"),
        size if size < 0.01 => format!("{x:.5}"),
        size if size < 10.0 => format!("{x:.3}"),
        size if size < 1000.0 => format!("{x:.1}"),
        _ => format!("{x:.0}"),
    };
    text.replace('-', "−")
}

/// A share as a percentage.
pub fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0.0, -0.6931, 1.38629, 164.63, 1e-9].map(number),
            ["0", "5", "−0.693", "1.386", "164.6", "1.0e−9"]
        );
    }
}
