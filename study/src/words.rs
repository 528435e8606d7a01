//! Numbers as text for people.

/// A duration: `4.2 s`, `3 min 10 s`, `2 h 5 min`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..10 => format!("{seconds:.1} s"),
        10..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// A size in decimal units: `1.9 MB`.
pub fn bytes(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        1e9.. => format!("{:.1} GB", bytes / 1e9),
        1e6.. => format!("{:.1} MB", bytes / 1e6),
        _ => format!("{:.0} kB", (bytes / 1e3).ceil()),
    }
}

/// A count with separators of thousands: `12,000`.
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let parts: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|part| str::from_utf8(part).ok()).collect();
    parts.join(",")
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 999, 1000, 12_345_678].map(super::count), ["0", "999", "1,000", "12,345,678"]);
        assert_eq!(
            [4.23, 59.0, 190.0, 7500.0].map(super::duration),
            ["4.2 s", "59 s", "3 min 10 s", "2 h 5 min"]
        );
        assert_eq!([1, 1_900_000, 16_400_000_000].map(super::bytes), ["1 kB", "1.9 MB", "16.4 GB"]);
    }
}
