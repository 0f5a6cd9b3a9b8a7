//! Why Prometheus did not answer, and the mend.

use std::error::Error as _;

use crate::sources::reach::{Detour, shorten};

/// Why a question stayed without an answer.
#[derive(Debug, thiserror::Error)]
pub enum PrometheusError {
    /// No connection.
    #[error("Prometheus at {url} did not answer")]
    Unreachable {
        /// The address without credentials.
        url: String,
        /// The cause.
        #[source]
        source: reqwest::Error,
    },
    /// The cluster that it is reached through does not lead there.
    #[error("Prometheus at {} can't be reached through the Kubernetes API: {}", .0.place, .0.problem)]
    Proxy(Detour),
    /// No answer in time.
    #[error("Prometheus took longer than {secs} s")]
    TooSlow {
        /// The limit.
        secs: u64,
        /// Its own words.
        why: Option<String>,
    },
    /// Something else answers there.
    #[error("what answers at {url} is not Prometheus: it sent {kind} instead of JSON")]
    NotPrometheus {
        /// The address without credentials.
        url: String,
        /// The content type.
        kind: String,
    },
    /// The question was understood and refused.
    #[error("Prometheus refused `{promql}`: {message}")]
    Refused {
        /// The question.
        promql: String,
        /// Its words.
        message: String,
    },
    /// A bare status.
    #[error("Prometheus answered with status {status}")]
    Status {
        /// The status.
        status: u16,
    },
    /// The address leads elsewhere.
    #[error("Prometheus answered with a redirect (status {status})")]
    Redirected {
        /// The status.
        status: u16,
    },
    /// Not allowed.
    #[error("Prometheus did not let us in (status {status})")]
    Unauthorized {
        /// The status.
        status: u16,
    },
    /// The token file can't be read.
    #[error("the file of --prometheus-token-file can't be read")]
    Token {
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The answer broke off.
    #[error("Prometheus's answer broke off")]
    Truncated,
    /// The answer is not what the API promises.
    #[error("Prometheus's answer does not read: {what}")]
    Malformed {
        /// What is wrong with it.
        what: String,
    },
    /// Past the cap on bytes.
    #[error("Prometheus's answer is larger than {max_mib} MiB")]
    TooLarge {
        /// The cap.
        max_mib: u64,
    },
    /// Past the cap on samples.
    #[error("Prometheus's answer holds more than {max} samples")]
    TooManySamples {
        /// The cap.
        max: usize,
    },
    /// The server is stopping.
    #[error("the question was interrupted")]
    Interrupted,
}

impl PrometheusError {
    /// Returns the stable word for programs (see `mesh::api::ErrorDetail`).
    pub fn kind(&self) -> &'static str {
        match self {
            PrometheusError::Unreachable { .. }
            | PrometheusError::Proxy(_)
            | PrometheusError::Redirected { .. } => "unreachable",
            PrometheusError::TooSlow { .. } => "too_slow",
            PrometheusError::Status { status: 429 | 503 } => "overloaded",
            PrometheusError::Refused { .. } | PrometheusError::Status { .. } => "refused",
            PrometheusError::Unauthorized { .. } | PrometheusError::Token { .. } => "refused",
            PrometheusError::NotPrometheus { .. }
            | PrometheusError::Truncated
            | PrometheusError::Malformed { .. } => "malformed",
            PrometheusError::TooLarge { .. } | PrometheusError::TooManySamples { .. } => {
                "too_large"
            }
            PrometheusError::Interrupted => "internal",
        }
    }

    /// Returns what happened and why, in one or two sentences.
    pub fn message(&self) -> String {
        let mut out = capital(&self.to_string());
        let mut cause = self.source();
        // The innermost cause says most; those between repeat each other.
        let mut last = None;
        while let Some(error) = cause {
            last = Some(error.to_string());
            cause = error.source();
        }
        if let PrometheusError::TooSlow { why: Some(why), .. } = self {
            last = Some(why.clone());
        }
        if let Some(last) = last {
            out = format!("{out}: {}", shorten(&last));
        }
        out + "."
    }

    /// Returns what to do about it.
    pub fn mend(&self) -> String {
        match self {
            PrometheusError::Proxy(Detour {
                mend: Some(mend), ..
            }) => mend,
            PrometheusError::Proxy(_) => {
                "check that the Service is there and its pods are ready: kubectl get endpoints"
            }
            PrometheusError::Unreachable { .. } => {
                "check --prometheus, and that Prometheus (or its port-forward) runs"
            }
            PrometheusError::TooSlow { .. } => {
                "choose a shorter window, or raise --prometheus-timeout"
            }
            PrometheusError::NotPrometheus { .. } => {
                "check --prometheus: a sign-in page or another server may stand at this address"
            }
            PrometheusError::Refused { .. } => "look at Prometheus's own log for this question",
            PrometheusError::Status { status: 404 } => {
                "check the path of --prometheus: it should end before /api/v1"
            }
            PrometheusError::Status { status: 429 | 503 } => {
                "wait a moment: it is starting, or has too much to do"
            }
            PrometheusError::Status { .. } => "look at Prometheus's own log",
            PrometheusError::Redirected { .. } => {
                "give --prometheus the address that it redirects to; redirects are not followed"
            }
            PrometheusError::Unauthorized { .. } => {
                "give --prometheus-user, --prometheus-token-file or a --prometheus-header with rights to read"
            }
            PrometheusError::Token { .. } => "check that the file is there and can be read",
            PrometheusError::Truncated => "try again; if it stays, look at the proxies in between",
            PrometheusError::Malformed { .. } => {
                "check that --prometheus speaks Prometheus's API version 1"
            }
            PrometheusError::TooLarge { .. } => {
                "choose a shorter window, or raise --prometheus-max-answer"
            }
            PrometheusError::TooManySamples { .. } => {
                "choose a shorter window, or raise --prometheus-max-samples"
            }
            PrometheusError::Interrupted => "try again",
        }
        .to_owned()
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}
