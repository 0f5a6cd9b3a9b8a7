//! When a caller's proxy tries a call again
//! (<https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRetry>).

use serde::Deserialize;

use super::fields::duration_ms;

/// When a failed call is tried again.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Retries {
    /// How often, after the first attempt.
    pub(crate) attempts: u32,
    /// How long one attempt may take.
    pub(crate) per_try_timeout_ms: Option<f64>,
    /// The longest wait before the first retry; it doubles for each further one.
    pub(crate) backoff_ms: f64,
    /// Whether a retry goes to a pod that has not been tried, where there is one.
    pub(crate) ignore_previous_hosts: bool,
    on: Conditions,
}

/// How an attempt ended, as far as it matters for trying again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The pod answered.
    Answered { http: u16, grpc: Option<u16> },
    /// The pod could not be connected to.
    NotConnected,
    /// The connection broke, or the attempt took too long.
    Reset,
    /// Nothing that is ever tried again: no healthy pod, a full pool, a client that went away.
    Final,
}

/// Envoy's words for what is tried again
/// (<https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter>).
#[derive(Clone, Debug, Default, PartialEq)]
struct Conditions {
    any_5xx: bool,
    gateway_error: bool,
    reset: bool,
    connect_failure: bool,
    retriable_4xx: bool,
    grpc_statuses: Vec<u16>,
    http_statuses: Vec<u16>,
}

/// What a rule says of retries, as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RetrySpec {
    #[serde(default)]
    attempts: i32,
    per_try_timeout: Option<String>,
    retry_on: Option<String>,
    retry_ignore_previous_hosts: Option<bool>,
    backoff: Option<String>,
}

/// What Istio retries unless told otherwise. An answer of 503 was among it before Istio 1.24.
const DEFAULT_ON: &str = "connect-failure,refused-stream,unavailable,cancelled";
/// Envoy's own.
const DEFAULT_BACKOFF_MS: f64 = 25.0;

impl Default for Retries {
    fn default() -> Retries {
        Retries {
            attempts: 2,
            per_try_timeout_ms: None,
            backoff_ms: DEFAULT_BACKOFF_MS,
            ignore_previous_hosts: true,
            // The words are known, a test reads them.
            on: Conditions::read(DEFAULT_ON).unwrap_or_default(),
        }
    }
}

impl Retries {
    /// Returns whether an attempt that ended like this is tried again.
    pub(crate) fn wants(&self, outcome: Outcome) -> bool {
        let on = &self.on;
        match outcome {
            Outcome::Answered { http, grpc } => {
                (on.any_5xx && (500..=599).contains(&http))
                    || (on.gateway_error && (502..=504).contains(&http))
                    || (on.retriable_4xx && http == 409)
                    || on.http_statuses.contains(&http)
                    || grpc.is_some_and(|status| on.grpc_statuses.contains(&status))
            }
            // Envoy counts whatever would become a 503 of its own as a 5xx.
            Outcome::NotConnected => {
                on.connect_failure || on.reset || on.any_5xx || on.gateway_error
            }
            Outcome::Reset => on.reset || on.any_5xx || on.gateway_error,
            Outcome::Final => false,
        }
    }
}

impl RetrySpec {
    /// Returns the retries, `None` when they are switched off, or why they can't be read.
    pub(super) fn checked(self) -> Result<Option<Retries>, String> {
        let default = Retries::default();
        if self.attempts < 0 {
            return Err("`retries.attempts` is below 0".to_owned());
        }
        if self.attempts == 0 {
            return if self.per_try_timeout.is_some() || self.retry_on.is_some() {
                Err("`retries` says how, but `attempts` is 0".to_owned())
            } else {
                Ok(None)
            };
        }
        let duration = |text: Option<String>| text.map(|t| duration_ms(&t)).transpose();
        Ok(Some(Retries {
            attempts: self.attempts.unsigned_abs(),
            per_try_timeout_ms: duration(self.per_try_timeout)?,
            backoff_ms: duration(self.backoff)?.unwrap_or(default.backoff_ms),
            ignore_previous_hosts: self.retry_ignore_previous_hosts.unwrap_or(true),
            on: match self.retry_on.as_deref() {
                None | Some("") => default.on,
                Some(words) => Conditions::read(words)?,
            },
        }))
    }
}

impl Conditions {
    fn read(words: &str) -> Result<Conditions, String> {
        let mut on = Conditions::default();
        for word in words.split(',').map(str::trim).filter(|w| !w.is_empty()) {
            match word {
                "5xx" => on.any_5xx = true,
                "gateway-error" => on.gateway_error = true,
                "reset" => on.reset = true,
                // Where there is no connection, nothing has been sent.
                "connect-failure" | "reset-before-request" => on.connect_failure = true,
                "retriable-4xx" => on.retriable_4xx = true,
                "cancelled" => on.grpc_statuses.push(1),
                "deadline-exceeded" => on.grpc_statuses.push(4),
                "resource-exhausted" => on.grpc_statuses.push(8),
                "internal" => on.grpc_statuses.push(13),
                "unavailable" => on.grpc_statuses.push(14),
                // These need what no server of the demo does, or the statuses that stand beside them.
                "refused-stream"
                | "retriable-status-codes"
                | "retriable-headers"
                | "envoy-ratelimited"
                | "http3-post-connect-failure" => {}
                status => match status.parse() {
                    Ok(status) if (100..=599).contains(&status) => on.http_statuses.push(status),
                    _ => return Err(format!("`{word}` is not a condition to retry on")),
                },
            }
        }
        Ok(on)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(written: Value) -> Result<Option<Retries>, String> {
        RetrySpec::deserialize(written).unwrap().checked()
    }

    fn on(words: &str) -> Retries {
        read(json!({"attempts": 1, "retryOn": words}))
            .unwrap()
            .unwrap()
    }

    const fn http(http: u16) -> Outcome {
        Outcome::Answered { http, grpc: None }
    }

    const fn grpc(status: u16) -> Outcome {
        Outcome::Answered {
            http: 200,
            grpc: Some(status),
        }
    }

    #[test]
    fn by_default_only_what_is_safe_is_tried_again() {
        let default = Retries::default();
        for again in [Outcome::NotConnected, grpc(14), grpc(1)] {
            assert!(default.wants(again), "{again:?}");
        }
        for final_ in [
            http(500),
            http(503),
            http(200),
            grpc(13),
            grpc(0),
            Outcome::Reset,
            Outcome::Final,
        ] {
            assert!(!default.wants(final_), "{final_:?}");
        }
    }

    #[test]
    fn each_word_wants_what_envoy_says() {
        let outcomes = [
            http(409),
            http(418),
            http(500),
            http(503),
            grpc(4),
            grpc(8),
            grpc(13),
            Outcome::NotConnected,
            Outcome::Reset,
        ];
        let wanted = |words: &str| -> Vec<Outcome> {
            let retries = on(words);
            outcomes.into_iter().filter(|o| retries.wants(*o)).collect()
        };
        let (lost, broken) = (Outcome::NotConnected, Outcome::Reset);
        assert_eq!(wanted("5xx"), [http(500), http(503), lost, broken]);
        assert_eq!(wanted("gateway-error"), [http(503), lost, broken]);
        assert_eq!(wanted("reset"), [lost, broken]);
        assert_eq!(wanted("connect-failure"), [lost]);
        assert_eq!(wanted("reset-before-request"), [lost]);
        assert_eq!(wanted("retriable-4xx"), [http(409)]);
        assert_eq!(wanted("418, 503"), [http(418), http(503)]);
        assert_eq!(
            wanted("deadline-exceeded,internal,resource-exhausted"),
            [grpc(4), grpc(8), grpc(13)]
        );
        assert_eq!(wanted("refused-stream,retriable-status-codes"), []);
    }

    #[test]
    fn what_the_webhook_refuses_is_refused() {
        assert_eq!(read(json!({"attempts": 0})), Ok(None));
        assert_eq!(read(json!({})), Ok(None));
        for bad in [
            json!({"attempts": -1}),
            json!({"attempts": 0, "retryOn": "5xx"}),
            json!({"perTryTimeout": "2s"}),
            json!({"attempts": 1, "perTryTimeout": "2"}),
            json!({"attempts": 1, "retryOn": "often"}),
            json!({"attempts": 1, "retryOn": "700"}),
        ] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
        let all = read(json!({
            "attempts": 5, "perTryTimeout": "250ms", "retryOn": "", "backoff": "10ms",
            "retryIgnorePreviousHosts": false, "retryRemoteLocalities": true,
        }));
        let expected = Retries {
            attempts: 5,
            per_try_timeout_ms: Some(250.0),
            backoff_ms: 10.0,
            ignore_previous_hosts: false,
            ..Retries::default()
        };
        assert_eq!(all, Ok(Some(expected)));
    }
}
