//! Numbers with their unit. No data is `None`, never zero.

use std::fmt;
use std::str::FromStr;

/// Requests per second, averaged over the query window.
///
/// Invariant: finite and not negative. Prometheus answers `NaN` for an empty window; that is "no
/// data" and therefore not an `Rps`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Rps(f64);

impl Rps {
    /// Returns the rate, or `None` for a number that is no rate.
    pub fn new(per_sec: f64) -> Option<Rps> {
        (per_sec.is_finite() && 0.0 <= per_sec).then_some(Rps(per_sec))
    }

    /// Returns the average rate of `count` requests over `window`.
    pub fn of_count(count: f64, window: Window) -> Option<Rps> {
        Rps::new(count / window.secs() as f64)
    }

    /// Returns requests per second.
    pub fn get(self) -> f64 {
        self.0
    }

    /// Returns the share of `total` that is `self`, or `None` when nothing flowed.
    pub fn share_of(self, total: Rps) -> Option<Ratio> {
        Ratio::of(self.0, total.0)
    }
}

/// A share between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Ratio(f64);

impl Ratio {
    /// Returns the share, or `None` for a number outside 0..=1. What rounding pushed over 1 by less
    /// than a millionth counts as 1.
    pub fn new(share: f64) -> Option<Ratio> {
        (0.0..=1.000_001)
            .contains(&share)
            .then(|| Ratio(share.min(1.0)))
    }

    /// Returns `part / whole`, or `None` when the whole is zero or no number.
    pub fn of(part: f64, whole: f64) -> Option<Ratio> {
        if whole <= 0.0 || !whole.is_finite() {
            return None;
        }
        Ratio::new(part / whole)
    }

    /// Returns the share, 0 to 1.
    pub fn get(self) -> f64 {
        self.0
    }
}

/// A point in time: milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// Returns the latest multiple of `step_ms` that is not after this time.
    pub fn floor_to(self, step_ms: i64) -> UnixMillis {
        UnixMillis(self.0.div_euclid(step_ms) * step_ms)
    }

    /// Returns the time `window` earlier.
    pub fn before(self, window: Window) -> UnixMillis {
        UnixMillis(self.0 - window.millis())
    }
}

/// The length of the time a question looks back over: 10 s to 7 d, in whole seconds.
///
/// Written as an integer with one unit: `30s`, `5m`, `2h`, `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window(u32);

/// Why a text or a number is no [`Window`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadWindow {
    /// The text is not an integer and a unit.
    #[error("`{0}` is not a whole number followed by s, m, h or d, such as 5m")]
    Unreadable(String),
    /// The length is out of bounds.
    #[error("`{0}` is outside 10s to 7d")]
    OutOfBounds(String),
}

impl Window {
    /// The shortest window.
    pub const MIN: Window = Window(10);
    /// The longest window.
    pub const MAX: Window = Window(7 * 24 * 3600);
    /// One hour: what health widens to before it says that there is too little traffic.
    pub const HOUR: Window = Window(3600);

    /// Returns the window of `secs` seconds, or `None` outside the bounds.
    pub fn from_secs(secs: u32) -> Option<Window> {
        (Window::MIN.0..=Window::MAX.0)
            .contains(&secs)
            .then_some(Window(secs))
    }

    /// Returns the length in seconds.
    pub fn secs(self) -> u32 {
        self.0
    }

    /// Returns the length in milliseconds.
    pub fn millis(self) -> i64 {
        i64::from(self.0) * 1000
    }
}

impl Default for Window {
    fn default() -> Self {
        Window(300)
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n, unit) = match self.0 {
            s if s % 86_400 == 0 => (s / 86_400, "d"),
            s if s % 3600 == 0 => (s / 3600, "h"),
            s if s % 60 == 0 => (s / 60, "m"),
            s => (s, "s"),
        };
        write!(f, "{n}{unit}")
    }
}

impl FromStr for Window {
    type Err = BadWindow;

    fn from_str(text: &str) -> Result<Self, BadWindow> {
        // A parameter may be of any length; only its start is worth repeating.
        let shown = || text.chars().take(40).collect::<String>();
        let unreadable = || BadWindow::Unreadable(shown());
        let unit = text.chars().last().ok_or_else(unreadable)?;
        let secs_per_unit: u64 = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return Err(unreadable()),
        };
        let digits = &text[..text.len() - 1];
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(unreadable());
        }
        let secs = digits
            .parse::<u64>()
            .ok()
            .and_then(|n| n.checked_mul(secs_per_unit));
        secs.and_then(|s| u32::try_from(s).ok())
            .and_then(Window::from_secs)
            .ok_or_else(|| BadWindow::OutOfBounds(shown()))
    }
}

/// Returns `value` rounded to six significant digits, as every number of the API is written.
pub fn six_digits(value: f64) -> f64 {
    if value == 0.0 {
        // The sum of nothing is minus zero, which is no figure for people.
        return 0.0;
    }
    // Whole counts are, as a rule, short enough already.
    if !value.is_finite() || (value.abs() < 1e6 && value.fract() == 0.0) {
        return value;
    }
    let exponent = value.abs().log10().floor() as i32;
    if !(-300..=300).contains(&exponent) {
        return value;
    }
    // Dividing by a power of ten (rather than multiplying by its inverse) keeps 0.1 at 0.1.
    let digits = 5 - exponent;
    if digits >= 0 {
        let scale = 10f64.powi(digits);
        (value * scale).round() / scale
    } else {
        let scale = 10f64.powi(-digits);
        (value / scale).round() * scale
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_reads_and_writes_itself() {
        for text in ["10s", "45s", "5m", "1h", "7d", "90m"] {
            let window: Window = text.parse().unwrap();
            assert_eq!(window.to_string(), text);
        }
    }

    #[test]
    fn a_window_outside_the_bounds_is_refused() {
        for text in ["0s", "9s", "8d", "3650d", "99999999999999999999d"] {
            assert!(
                matches!(text.parse::<Window>(), Err(BadWindow::OutOfBounds(_))),
                "{text}"
            );
        }
        for text in [
            "", "m", "5", "5 m", "-5m", "+5m", "5.5m", "NaN", "5µ", "5m5s",
        ] {
            assert!(
                matches!(text.parse::<Window>(), Err(BadWindow::Unreadable(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn numbers_keep_six_significant_digits() {
        assert_eq!(six_digits(0.1), 0.1);
        assert_eq!(six_digits(1_234_567.8), 1_234_570.0);
        assert_eq!(six_digits(0.000_012_345_678), 0.000_012_345_7);
        assert_eq!(six_digits(-33.333_333_3), -33.3333);
        assert_eq!(six_digits(0.0), 0.0);
    }

    #[test]
    fn what_is_no_rate_is_no_rps() {
        assert_eq!(Rps::new(f64::NAN), None);
        assert_eq!(Rps::new(f64::INFINITY), None);
        assert_eq!(Rps::new(-1.0), None);
    }
}
