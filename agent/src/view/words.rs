//! Numbers and times as a person reads them.

/// A number with commas between thousands.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time in the unit that suits it.
pub fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 0.9995e-3 => format!("{:.0} µs", s * 1e6),
        s if s < 0.09995 => format!("{:.1} ms", s * 1e3),
        s if s < 0.9995 => format!("{:.0} ms", s * 1e3),
        s if s < 9.95 => format!("{s:.1} s"),
        s if s < 119.5 => format!("{s:.0} s"),
        s => format!("{:.0} min {:02.0} s", (s.round() / 60.0).floor(), s.round() % 60.0),
    }
}

/// A count and its noun, such as `1 turn` or `1,200 turns`.
pub fn count(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", thousands(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_to_read() {
        let numbers = [0, 999, 1_000, 12_345, 1_234_567].map(thousands);
        assert_eq!(numbers, ["0", "999", "1,000", "12,345", "1,234,567"]);
        let times = [0.000_04, 0.005_32, 0.25, 2.31, 59.6, 119.6, 3601.0].map(seconds);
        assert_eq!(times, ["40 µs", "5.3 ms", "250 ms", "2.3 s", "60 s", "2 min 00 s", "60 min 01 s"]);
        assert_eq!((count(1, "turn"), count(2, "turn")), ("1 turn".to_owned(), "2 turns".to_owned()));
    }
}
