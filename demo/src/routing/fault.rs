//! The faults that a VirtualService's rule injects.

use serde::Deserialize;

use super::{Abort, AbortStatus, Delay};

/// Faults as they are written.
#[derive(Deserialize)]
pub(super) struct Fault {
    delay: Option<DelaySpec>,
    abort: Option<AbortSpec>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DelaySpec {
    percentage: Option<Percentage>,
    percent: Option<f64>,
    fixed_delay: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AbortSpec {
    percentage: Option<Percentage>,
    http_status: Option<u16>,
    grpc_status: Option<String>,
}

#[derive(Deserialize)]
struct Percentage {
    #[serde(default)]
    value: f64,
}

impl Fault {
    /// Returns the delay and the failure to inject, or why they can't be read.
    pub(super) fn checked(self) -> Result<(Option<Delay>, Option<Abort>), String> {
        Ok((
            self.delay.map(DelaySpec::checked).transpose()?,
            self.abort.map(AbortSpec::checked).transpose()?,
        ))
    }
}

impl DelaySpec {
    fn checked(self) -> Result<Delay, String> {
        let text = self.fixed_delay.ok_or("a fault has no `fixedDelay`")?;
        let ms = duration_ms(&text).ok_or_else(|| format!("`{text}` is not a duration"))?;
        let percent = self.percentage.map(|p| p.value).or(self.percent);
        Ok(Delay {
            share: share(percent)?,
            ms,
        })
    }
}

impl AbortSpec {
    fn checked(self) -> Result<Abort, String> {
        let status = match (self.http_status, self.grpc_status) {
            (Some(status), None) if (200..=599).contains(&status) => AbortStatus::Http(status),
            (None, Some(name)) => AbortStatus::Grpc(
                grpc_status(&name).ok_or_else(|| format!("`{name}` is not a gRPC status"))?,
            ),
            _ => {
                return Err(
                    "a fault needs one `httpStatus` of 200 to 599 or one `grpcStatus`".to_owned(),
                );
            }
        };
        Ok(Abort {
            share: share(self.percentage.map(|p| p.value))?,
            status,
        })
    }
}

/// Returns the share of a percentage. Absent means that no call is touched.
fn share(percent: Option<f64>) -> Result<f64, String> {
    let percent = percent.unwrap_or(0.0);
    if !(0.0..=100.0).contains(&percent) {
        return Err(format!("{percent} is not a percentage"));
    }
    Ok(percent / 100.0)
}

/// Returns the milliseconds of a duration such as `1h30m`, `2.5s` or `100ms`.
fn duration_ms(text: &str) -> Option<f64> {
    let mut rest = text;
    let mut total = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let unit_ms = match unit {
            "h" => 3_600_000.0,
            "m" => 60_000.0,
            "s" => 1000.0,
            "ms" => 1.0,
            "us" => 0.001,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * unit_ms;
        rest = tail;
    }
    // Envoy takes no delay below a millisecond; beyond a day nothing is left to see.
    (1.0..=86_400_000.0).contains(&total).then_some(total)
}

/// Returns the number of a gRPC status by its name or number.
fn grpc_status(text: &str) -> Option<u16> {
    const NAMES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    let by_name = NAMES.iter().position(|name| *name == text);
    let by_number = || text.parse::<usize>().ok().filter(|n| *n < NAMES.len());
    by_name
        .or_else(by_number)
        .and_then(|n| u16::try_from(n).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_statuses_are_read_as_istio_reads_them() {
        assert_eq!(duration_ms("5s"), Some(5000.0));
        assert_eq!(duration_ms("1m30.5s"), Some(90_500.0));
        assert_eq!(duration_ms("100ms"), Some(100.0));
        for bad in ["", "5", "s", "-1s", "1d", "0s", "1.2.3s", "9999h"] {
            assert_eq!(duration_ms(bad), None, "{bad}");
        }
        assert_eq!(grpc_status("UNAVAILABLE"), Some(14));
        assert_eq!(grpc_status("14"), Some(14));
        assert_eq!(grpc_status("BUSY"), None);
    }
}
