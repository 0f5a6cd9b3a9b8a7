//! The faults that a VirtualService's rule injects.

use serde::Deserialize;

use super::fields::{Percentage, duration_ms, share};
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
        let ms = duration_ms(&text)?;
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
    fn statuses_are_read_as_istio_reads_them() {
        assert_eq!(grpc_status("UNAVAILABLE"), Some(14));
        assert_eq!(grpc_status("14"), Some(14));
        assert_eq!(grpc_status("BUSY"), None);
    }
}
