//! RFC 3339 in UTC, both ways. Twenty lines of calendar instead of a time crate in the page: the
//! conversion between days and dates is Howard Hinnant's `days_from_civil` and its inverse
//! (<https://howardhinnant.github.io/date_algorithms.html>).

use crate::units::UnixMillis;

const MS_PER_DAY: i64 = 86_400_000;

/// Reads `YYYY-MM-DDTHH:MM:SS[.fff]Z`; `None` for anything else, an impossible date included.
pub fn from_rfc3339(text: &str) -> Option<UnixMillis> {
    let body = text.strip_suffix('Z')?;
    let (date, time) = body.split_once('T')?;
    let (time, millis) = match time.split_once('.') {
        Some((time, fraction)) if (1..=9).contains(&fraction.len()) => {
            let digits = digits(fraction)?;
            let nanos = digits * 10i64.pow(9 - fraction.len() as u32);
            (time, nanos / 1_000_000)
        }
        Some(_) => return None,
        None => (time, 0),
    };
    let [year, month, day] = fields(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = fields(time, ':', [2, 2, 2])?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_from_civil(year, month, day);
    // A date that does not exist comes back as another one.
    if civil_from_days(days) != (year, month, day) {
        return None;
    }
    Some(UnixMillis(
        days * MS_PER_DAY + ((hour * 60 + minute) * 60 + second) * 1000 + millis,
    ))
}

/// Writes `YYYY-MM-DDTHH:MM:SSZ`, with `.fff` where there are milliseconds.
pub fn to_rfc3339(at: UnixMillis) -> String {
    let (year, month, day) = civil_from_days(at.0.div_euclid(MS_PER_DAY));
    let ms_of_day = at.0.rem_euclid(MS_PER_DAY);
    let (secs, millis) = (ms_of_day / 1000, ms_of_day % 1000);
    let (hour, minute, second) = (secs / 3600, secs / 60 % 60, secs % 60);
    let fraction = if millis == 0 {
        String::new()
    } else {
        format!(".{millis:03}")
    };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

fn digits(text: &str) -> Option<i64> {
    let all_digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    all_digits.then(|| text.parse().ok()).flatten()
}

fn fields(text: &str, separator: char, lengths: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(separator);
    let mut out = [0; 3];
    for (value, length) in out.iter_mut().zip(lengths) {
        let part = parts.next().filter(|p| p.len() == length)?;
        *value = digits(part)?;
    }
    parts.next().is_none().then_some(out)
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_time_reads_and_writes() {
        assert_eq!(
            from_rfc3339("2026-01-31T12:00:00Z"),
            Some(UnixMillis(1_769_860_800_000))
        );
        assert_eq!(
            to_rfc3339(UnixMillis(1_769_860_800_120)),
            "2026-01-31T12:00:00.120Z"
        );
        assert_eq!(from_rfc3339("1970-01-01T00:00:00Z"), Some(UnixMillis(0)));
        assert!(from_rfc3339("2024-02-29T23:59:59Z").is_some());
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "now",
            "2026-01-31",
            "2026-01-31T12:00:00",
            "2026-01-31T12:00:00+01:00",
            "2026-02-29T12:00:00Z",
            "2026-13-01T12:00:00Z",
            "2026-01-31T24:00:00Z",
            "2026-01-31T12:00:00.Z",
            "2026-1-31T12:00:00Z",
            "２０26-01-31T12:00:00Z",
        ] {
            assert_eq!(from_rfc3339(text), None, "{text}");
        }
    }
}
