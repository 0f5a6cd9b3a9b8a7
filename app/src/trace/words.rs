//! Times and counts of traces, in words.

use crate::numbers;

/// Writes a length of time given in microseconds: `250 µs`, `12 ms`, `1.24 s`.
pub fn micros(us: i64) -> String {
    match us {
        0 => "0".to_owned(),
        us if us.abs() < 1000 => format!("{us} µs"),
        us if us < 0 => format!("−{}", numbers::millis(us.unsigned_abs() as f64 / 1000.0)),
        us => numbers::millis(us as f64 / 1000.0),
    }
}

/// Writes a number of things: `1 span`, `12 spans`, `12,400 spans`.
pub fn n_of(n: usize, one: &str, many: &str) -> String {
    let word = if n == 1 { one } else { many };
    format!("{} {word}", grouped(n))
}

/// Writes a number with commas between thousands: counts of spans are exact.
pub fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Joins names as a sentence does: `a`, `a and b`, `a, b and c`.
pub fn joined(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_counts_read_as_people_say_them() {
        let written = [0, 250, 12_000, 1_240_000, -3_000].map(micros).join(" | ");
        assert_eq!(written, "0 | 250 µs | 12 ms | 1.24 s | −3.0 ms");
        assert_eq!(n_of(1, "span", "spans"), "1 span");
        assert_eq!(n_of(12_400, "span", "spans"), "12,400 spans");
        assert_eq!(grouped(1_234_567), "1,234,567");
        let names = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(joined(&names), "a, b and c");
        assert_eq!(joined(&names[..1]), "a");
    }
}
