//! Why Jaeger did not answer, and the mend.

use std::error::Error as _;
use std::sync::Arc;

use crate::cluster::sentence;
use crate::sources::reach::shorten;
use crate::sources::reach::{Detour, Lost};

/// Why a question stayed without an answer. Whoever waited for the same answer gets a copy.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JaegerError {
    /// No connection.
    #[error("Jaeger at {url} did not answer")]
    Unreachable {
        /// The address without credentials.
        url: String,
        /// The cause.
        #[source]
        source: Arc<reqwest::Error>,
    },
    /// The cluster has none.
    #[error("no Jaeger is asked for traces: {}", .0.problem)]
    Nowhere(Detour),
    /// The cluster that it is reached through does not lead there.
    #[error("Jaeger at {} can't be reached through the Kubernetes API: {}", .0.place, .0.problem)]
    Proxy(Detour),
    /// No answer in time.
    #[error("Jaeger took longer than {secs} s")]
    TooSlow {
        /// The limit.
        secs: u64,
    },
    /// Something else answers there.
    #[error("what answers at {url} is not Jaeger's API: it sent {kind}")]
    NotJaeger {
        /// The address without credentials.
        url: String,
        /// What it sent: a content type, a status.
        kind: String,
    },
    /// The question was understood and refused.
    #[error("Jaeger refused the question: {message}")]
    Refused {
        /// Its words.
        message: String,
    },
    /// A bare status.
    #[error("Jaeger answered with status {status}")]
    Status {
        /// The status.
        status: u16,
    },
    /// The address leads elsewhere.
    #[error("Jaeger answered with a redirect (status {status})")]
    Redirected {
        /// The status.
        status: u16,
    },
    /// Not allowed.
    #[error("Jaeger did not let us in (status {status})")]
    Unauthorized {
        /// The status.
        status: u16,
    },
    /// The token file can't be read.
    #[error("the file of --jaeger-token-file can't be read")]
    Token {
        /// The cause.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// The answer broke off.
    #[error("Jaeger's answer broke off")]
    Truncated,
    /// The answer is not what the API promises.
    #[error("Jaeger's answer does not read: {what}")]
    Malformed {
        /// What is wrong with it.
        what: String,
    },
    /// Past the cap on bytes.
    #[error("Jaeger's answer is larger than {max_mib} MiB")]
    TooLarge {
        /// The cap.
        max_mib: u64,
    },
    /// This dialect has no such question.
    #[error("this version of Jaeger can't say that")]
    Unspoken,
    /// The server is stopping.
    #[error("the question was interrupted")]
    Interrupted,
}

impl JaegerError {
    /// Returns the error of a question that got no answer. The address may carry what is secret.
    pub(super) fn of(lost: Lost, url: &str, secs: u64) -> JaegerError {
        match lost {
            Lost::Transport(error) => JaegerError::transport(error, url, secs),
            Lost::TooSlow(secs) => JaegerError::TooSlow { secs },
            Lost::Token(source) => JaegerError::Token {
                source: Arc::new(source),
            },
            Lost::Nowhere(detour) => JaegerError::Nowhere(detour),
            Lost::Proxy(detour) => JaegerError::Proxy(detour),
            Lost::Interrupted => JaegerError::Interrupted,
        }
    }

    pub(super) fn transport(error: reqwest::Error, url: &str, secs: u64) -> JaegerError {
        let error = error.without_url();
        if error.is_timeout() {
            JaegerError::TooSlow { secs }
        } else if error.is_body() || error.is_decode() {
            JaegerError::Truncated
        } else {
            JaegerError::Unreachable {
                url: url.to_owned(),
                source: Arc::new(error),
            }
        }
    }

    pub(super) fn unreadable(error: &serde_json::Error) -> JaegerError {
        if error.is_eof() {
            return JaegerError::Truncated;
        }
        JaegerError::Malformed {
            what: shorten(&error.to_string()),
        }
    }

    /// Returns the stable word for programs (see `mesh::api::ErrorDetail`).
    pub fn kind(&self) -> &'static str {
        match self {
            JaegerError::Nowhere(_) => "no_tracing",
            JaegerError::Unreachable { .. }
            | JaegerError::Proxy(_)
            | JaegerError::Redirected { .. } => "unreachable",
            JaegerError::TooSlow { .. } => "too_slow",
            JaegerError::Status { status: 429 | 503 } => "overloaded",
            JaegerError::Refused { .. }
            | JaegerError::Status { .. }
            | JaegerError::Unauthorized { .. }
            | JaegerError::Token { .. }
            | JaegerError::Unspoken => "refused",
            JaegerError::NotJaeger { .. }
            | JaegerError::Truncated
            | JaegerError::Malformed { .. } => "malformed",
            JaegerError::TooLarge { .. } => "too_large",
            JaegerError::Interrupted => "internal",
        }
    }

    /// Returns what happened and why, in one or two sentences.
    pub fn message(&self) -> String {
        // The innermost cause says most; those between repeat each other.
        let mut cause = self.source();
        let mut last = None;
        while let Some(error) = cause {
            last = Some(error.to_string());
            cause = error.source();
        }
        match last {
            Some(last) => sentence(&format!("{self}: {}", shorten(&last))),
            None => sentence(&self.to_string()),
        }
    }

    /// Returns what to do about it.
    pub fn mend(&self) -> String {
        match self {
            JaegerError::Nowhere(Detour {
                mend: Some(mend), ..
            })
            | JaegerError::Proxy(Detour {
                mend: Some(mend), ..
            }) => mend,
            JaegerError::Nowhere(_) => "give Jaeger's address: --jaeger URL",
            JaegerError::Proxy(_) => {
                "check that the Service is there and its pods are ready: kubectl get endpoints"
            }
            JaegerError::Unreachable { .. } => {
                "check --jaeger, and that Jaeger (or its port-forward) runs"
            }
            JaegerError::TooSlow { .. } => {
                "choose a shorter window or fewer traces, or raise --jaeger-timeout"
            }
            JaegerError::NotJaeger { .. } => {
                "check --jaeger: the address of Jaeger's page with its base path, such as http://127.0.0.1:16686/jaeger; not that of its collector"
            }
            JaegerError::Refused { .. } => "look at Jaeger's own log for this question",
            JaegerError::Status { status: 404 } => {
                "check the path of --jaeger: it should end before /api, with Jaeger's base path"
            }
            JaegerError::Status { status: 429 | 503 } => {
                "wait a moment: it is starting, or has too much to do"
            }
            JaegerError::Status { .. } => "look at Jaeger's own log, and at that of its storage",
            JaegerError::Redirected { .. } => {
                "give --jaeger the address that it redirects to; redirects are not followed"
            }
            JaegerError::Unauthorized { .. } => {
                "give --jaeger-user, --jaeger-token-file or a --jaeger-header with rights to read"
            }
            JaegerError::Token { .. } => "check that the file is there and can be read",
            JaegerError::Truncated => "try again; if it stays, look at the proxies in between",
            JaegerError::Malformed { .. } => {
                "check that --jaeger is the address of Jaeger's query service"
            }
            JaegerError::TooLarge { .. } => {
                "ask for fewer traces or a shorter window, or raise --jaeger-max-answer"
            }
            JaegerError::Unspoken => "only Jaeger's older API says it, up to version 2.20",
            JaegerError::Interrupted => "try again",
        }
        .to_owned()
    }

    /// Returns whether another server may stand there by now: the dialect should be looked at again.
    pub(super) fn may_be_another(&self) -> bool {
        matches!(
            self,
            JaegerError::NotJaeger { .. } | JaegerError::Status { status: 404 }
        )
    }
}
