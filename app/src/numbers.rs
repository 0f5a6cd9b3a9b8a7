//! How figures are written: three significant digits at most, human units, one space before the unit.
//!
//! "–" is "no data"; "0" is a measured zero. Nothing is rounded away: what is small is written in a
//! longer unit of time or as "less than", never as zero.

/// What stands where nothing is known.
pub const NO_DATA: &str = "–";

/// Fewer requests than this and a share is written with its counts.
const THIN: f64 = 50.0;

/// Writes a number with at most three significant digits.
fn three(value: f64) -> String {
    match value.abs() {
        v if v >= 99.95 => format!("{value:.0}"),
        v if v >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Writes a number with two significant digits where it is below ten.
fn two(value: f64) -> String {
    match value.abs() {
        v if v >= 9.95 => format!("{value:.0}"),
        _ => format!("{value:.1}"),
    }
}

/// Writes a rate: `12.4 rps`, `3.2 /min` below 0.1 rps, `1.5 /h` below that.
pub fn rate(per_sec: f64) -> String {
    match per_sec {
        v if !v.is_finite() || v < 0.0 => NO_DATA.to_owned(),
        0.0 => "0".to_owned(),
        v if v >= 999_500.0 => format!("{}M rps", three(v / 1e6)),
        v if v >= 9_999.5 => format!("{}k rps", three(v / 1e3)),
        v if v >= 0.1 => format!("{} rps", three(v)),
        v if v * 60.0 >= 0.1 => format!("{} /min", two(v * 60.0)),
        v if v * 3600.0 >= 0.1 => format!("{} /h", two(v * 3600.0)),
        _ => "< 0.1 /h".to_owned(),
    }
}

/// Writes a share: `0.40 %`, `5.2 %`, `25 %`. What is not all is never "100 %".
pub fn share(ratio: f64) -> String {
    let percent = ratio * 100.0;
    match percent {
        v if !v.is_finite() || v < 0.0 => NO_DATA.to_owned(),
        0.0 => "0 %".to_owned(),
        v if v < 0.01 => "< 0.01 %".to_owned(),
        v if v < 0.995 => format!("{v:.2} %"),
        v if v < 9.95 => format!("{v:.1} %"),
        v if v >= 100.0 => "100 %".to_owned(),
        v if v >= 99.95 => "> 99.9 %".to_owned(),
        v if v >= 99.0 => format!("{v:.1} %"),
        v => format!("{v:.0} %"),
    }
}

/// Writes a share given in basis points, exactly: `30 %`, `2.5 %`, `33.34 %`.
pub fn basis(points: u32) -> String {
    format!("{} %", percent(points))
}

/// Writes a share that someone chose, exactly: `35.5 %`. What is measured is written by [`share`].
pub fn wanted(ratio: f64) -> String {
    basis((ratio * 10_000.0).round().clamp(0.0, 10_000.0) as u32)
}

/// Writes basis points as a number of percent, as a field for numbers takes it: `30`, `2.5`, `33.34`.
pub fn percent(points: u32) -> String {
    let (whole, part) = (points / 100, points % 100);
    match part {
        0 => format!("{whole}"),
        p if p % 10 == 0 => format!("{whole}.{}", p / 10),
        p => format!("{whole}.{p:02}"),
    }
}

/// Reads a number of percent, from 0 to 100, as basis points; what is finer is rounded.
pub fn from_percent(text: &str) -> Option<u32> {
    let percent: f64 = text.trim().replace(',', ".").parse().ok()?;
    (0.0..=100.0)
        .contains(&percent)
        .then(|| (percent * 100.0).round() as u32)
}

/// Writes the interval that a share lies in: `0.9 to 2.1 %`.
pub fn between([low, high]: [f64; 2]) -> String {
    let (low, high) = (share(low), share(high));
    format!("{} to {high}", low.trim_end_matches(" %"))
}

/// Writes a share of `of` requests; on thin evidence with its counts: `25 % (1 of 4)`.
pub fn share_of(ratio: Option<f64>, part: f64, of: f64) -> String {
    match ratio {
        None => NO_DATA.to_owned(),
        Some(ratio) if part > 0.0 && of < THIN => {
            format!("{} ({} of {})", share(ratio), count(part), count(of))
        }
        Some(ratio) => share(ratio),
    }
}

/// Writes a count of requests. Sources extrapolate, so it need not be whole; what happened is never 0.
pub fn count(n: f64) -> String {
    match n {
        v if !v.is_finite() || v < 0.0 => NO_DATA.to_owned(),
        0.0 => "0".to_owned(),
        v if v < 0.5 => "< 1".to_owned(),
        v if v >= 999_500.0 => format!("{}M", three(v / 1e6)),
        v if v >= 9_999.5 => format!("{}k", three(v / 1e3)),
        v => format!("{v:.0}"),
    }
}

/// Writes bytes: `812 B`, `52.4 MB`.
pub fn bytes(n: f64) -> String {
    match n {
        v if !v.is_finite() || v < 0.0 => NO_DATA.to_owned(),
        v if v >= 999_500_000.0 => format!("{} GB", three(v / 1e9)),
        v if v >= 999_500.0 => format!("{} MB", three(v / 1e6)),
        v if v >= 999.5 => format!("{} kB", three(v / 1e3)),
        v if v > 0.0 && v < 0.5 => "< 1 B".to_owned(),
        v => format!("{v:.0} B"),
    }
}

/// Writes a flow of bytes: `1.24 MB/s`.
pub fn bytes_rate(per_sec: f64) -> String {
    match per_sec {
        0.0 => "0".to_owned(),
        v if !v.is_finite() || v < 0.0 => NO_DATA.to_owned(),
        v => format!("{}/s", bytes(v)),
    }
}

/// Writes a rate of messages: `12.4 /s`, `3.2 /min`.
pub fn messages(per_sec: f64) -> String {
    rate(per_sec).replace("rps", "/s")
}

/// Writes a length of time given in milliseconds: `3.2 ms`, `23 ms`, `1.24 s`, `1.5 min`, `> 1 h`.
pub fn millis(ms: f64) -> String {
    match ms {
        v if !v.is_finite() || v < 0.0 => NO_DATA.to_owned(),
        0.0 => "0 ms".to_owned(),
        v if v < 0.1 => "< 0.1 ms".to_owned(),
        v if v < 999.5 => format!("{} ms", two(v)),
        v if v < 59_950.0 => format!("{} s", three(v / 1000.0)),
        v if v < 3_570_000.0 => format!("{} min", two(v / 60_000.0)),
        v if v <= 3_600_000.0 => "1 h".to_owned(),
        _ => "> 1 h".to_owned(),
    }
}

/// Writes that a length of time is longer than `ms`: what lies beyond the last bucket.
pub fn longer_than(ms: f64) -> String {
    let limit = millis(ms);
    if limit.starts_with('>') {
        limit
    } else {
        format!("> {limit}")
    }
}

/// Writes how long ago something was: `now`, `3 s`, `2 min`, `1 h`.
pub fn ago(ms: f64) -> String {
    match ms / 1000.0 {
        s if s < 1.0 => "now".to_owned(),
        s if s < 60.0 => format!("{} s ago", s as u32),
        s if s < 3600.0 => format!("{} min ago", (s / 60.0) as u32),
        s => format!("{} h ago", (s / 3600.0) as u32),
    }
}

/// Writes a length of time in seconds, short: `45 s`, `5 min`, `1 h 30 min`.
pub fn seconds(secs: u32) -> String {
    match (secs / 3600, secs / 60, secs) {
        (_, _, s) if s < 120 => format!("{s} s"),
        (0, minutes, _) => format!("{minutes} min"),
        (hours, minutes, _) if minutes % 60 == 0 => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {} min", minutes % 60),
    }
}

/// Writes seconds in words for people: `30 seconds`, `5 minutes`, `1 hour`, `7 days`.
pub fn span(secs: u32) -> String {
    let (n, unit) = match secs {
        s if s % 86_400 == 0 => (s / 86_400, "day"),
        s if s % 3600 == 0 => (s / 3600, "hour"),
        s if s % 60 == 0 => (s / 60, "minute"),
        s => (s, "second"),
    };
    mesh::wording::count(n as usize, unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_keep_three_digits_and_choose_the_unit() {
        let written = [
            0.0,
            12.44,
            27.1,
            1240.0,
            12_400.0,
            0.42,
            0.0533,
            0.0004,
            1e-9,
            f64::NAN,
        ]
        .map(rate)
        .join(" | ");
        assert_eq!(
            written,
            "0 | 12.4 rps | 27.1 rps | 1240 rps | 12.4k rps | 0.42 rps | 3.2 /min | 1.4 /h | < 0.1 /h | –"
        );
    }

    #[test]
    fn a_small_share_is_not_nothing_and_a_large_one_is_not_all() {
        let written = [0.0, 0.004, 0.000_001, 0.052, 0.25, 0.997, 0.99999, 1.0]
            .map(share)
            .join(" | ");
        assert_eq!(
            written,
            "0 % | 0.40 % | < 0.01 % | 5.2 % | 25 % | 99.7 % | > 99.9 % | 100 %"
        );
    }

    #[test]
    fn basis_points_are_exact_and_read_back() {
        let written = [0, 3_000, 250, 3_334, 1, 10_000].map(basis).join(" | ");
        assert_eq!(written, "0 % | 30 % | 2.5 % | 33.34 % | 0.01 % | 100 %");
        for points in [0, 1, 10, 250, 3_334, 9_999, 10_000] {
            assert_eq!(from_percent(&percent(points)), Some(points));
        }
        assert_eq!(wanted(0.355), "35.5 %");
        assert_eq!(from_percent(" 12,5"), Some(1_250));
        assert_eq!(from_percent("33.339"), Some(3_334));
        for wrong in ["", "-1", "100.1", "x", "NaN"] {
            assert_eq!(from_percent(wrong), None, "{wrong}");
        }
        assert_eq!(between([0.009, 0.021]), "0.90 to 2.1 %");
    }

    #[test]
    fn thin_evidence_carries_its_count() {
        assert_eq!(share_of(Some(0.25), 1.0, 4.0), "25 % (1 of 4)");
        assert_eq!(share_of(Some(0.25), 100.0, 400.0), "25 %");
        assert_eq!(share_of(Some(0.0), 0.0, 4.0), "0 %");
        assert_eq!(share_of(None, 0.0, 0.0), "–");
        assert_eq!(count(0.2), "< 1");
    }

    #[test]
    fn times_read_in_the_unit_one_would_say() {
        let written = [0.0, 3.2, 23.4, 999.4, 1240.0, 12_400.0, 90_000.0, 4e6]
            .map(millis)
            .join(" | ");
        assert_eq!(
            written,
            "0 ms | 3.2 ms | 23 ms | 999 ms | 1.24 s | 12.4 s | 1.5 min | > 1 h"
        );
        let short = [45, 119, 300, 3600, 5400].map(seconds).join(" | ");
        assert_eq!(short, "45 s | 119 s | 5 min | 1 h | 1 h 30 min");
        assert_eq!(span(300), "5 minutes");
        assert_eq!(span(3600), "1 hour");
        assert_eq!(ago(3_900.0), "3 s ago");
    }

    #[test]
    fn bytes_are_never_rounded_to_nothing() {
        let written = [0.0, 0.2, 812.0, 1_234.0, 52_400_000.0, 3.2e9]
            .map(bytes_rate)
            .join(" | ");
        assert_eq!(
            written,
            "0 | < 1 B/s | 812 B/s | 1.23 kB/s | 52.4 MB/s | 3.20 GB/s"
        );
        assert_eq!(messages(12.4), "12.4 /s");
        assert_eq!(messages(0.05), "3.0 /min");
    }

    #[test]
    fn rounding_at_a_limit_does_not_add_a_digit() {
        assert_eq!(rate(9.996), "10.0 rps");
        assert_eq!(rate(99.96), "100 rps");
        assert_eq!(rate(9_999.7), "10.0k rps");
        assert_eq!(millis(999.7), "1.00 s");
        assert_eq!(share(0.0996), "10 %");
    }
}
