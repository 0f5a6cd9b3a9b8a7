//! Asking the server, and telling it.

use gloo_net::http::Request;
use leptos::prelude::set_timeout_with_handle;
use mesh::api;
use mesh::api::changes::{Changes, EditResult};
use serde::Serialize;
use serde::de::DeserializeOwned;
use web_sys::{AbortController, AbortSignal};

use crate::url;

/// What came back.
pub enum Answer<T> {
    /// A new body.
    Fresh {
        /// The body.
        value: T,
        /// What to send next time, so that an unchanged body is not sent again.
        etag: Option<String>,
    },
    /// The body is the one of the entity tag sent.
    Unchanged,
}

/// Why nothing came back, in the server's words where it has any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The stable word of the error; `offline` when the server itself was not reached.
    pub kind: String,
    /// What went wrong and why.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    /// Returns whether asking again, unchanged, may help.
    pub fn may_pass(&self) -> bool {
        !matches!(
            self.kind.as_str(),
            "bad_parameter" | "bad_body" | "not_found" | "forbidden" | "no_cluster" | "no_tracing"
        )
    }

    /// Returns a headline for people.
    pub fn title(&self) -> &'static str {
        match self.kind.as_str() {
            "offline" => "Pidali can’t be reached",
            "unreachable" => "A source can’t be reached",
            "too_slow" => "A source is too slow",
            "too_large" => "The answer is too large",
            "refused" => "A source refused the question",
            "conflict" => "It changed meanwhile",
            "changed_since" => "It was changed again since",
            "checks" => "Refused: this would break calls",
            "owned" => "Refused: a controller steers this",
            "admission" => "The cluster refused it",
            "no_cluster" => "No cluster",
            "no_tracing" => "Nobody keeps traces",
            "unknown_outcome" => "It is not known whether this was written",
            "bad_parameter" => "This link has a mistake",
            "malformed" => "A source gave no answer we can read",
            "forbidden" => "Not allowed",
            "no_record" => "There would be no way back",
            "not_found" => "Not found",
            "overloaded" => "Pidali is busy",
            _ => "Something went wrong",
        }
    }
}

/// Why a change was not made, with what came of each object where the server says it.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// Why.
    pub problem: Problem,
    /// One for each object, as far as the server got.
    pub results: Vec<EditResult>,
}

/// Longer than any deadline of the server: past it, the connection is dead.
pub const GIVE_UP_MS: u64 = 60_000;

/// Returns the absolute address of a path of the server, or of the page.
pub fn absolute(relative: &str) -> String {
    url::resolve(&base_uri(), relative)
}

/// Returns the document's base.
pub fn base_uri() -> String {
    leptos::prelude::document()
        .base_uri()
        .ok()
        .flatten()
        .unwrap_or_else(|| "/".to_owned())
}

/// Asks for `path`. With `etag`, an unchanged body is not sent again.
pub async fn get<T: DeserializeOwned>(
    path: &str,
    etag: Option<&str>,
    abort: Option<&AbortSignal>,
) -> Result<Answer<T>, Problem> {
    let mut request = Request::get(&absolute(path)).abort_signal(abort);
    if let Some(etag) = etag {
        request = request.header("If-None-Match", etag);
    }
    let response = request.send().await.map_err(|_| offline())?;
    match response.status() {
        304 => Ok(Answer::Unchanged),
        200..=299 => {
            let etag = response.headers().get("etag");
            let body = response.text().await.map_err(|_| offline())?;
            let value = serde_json::from_str(&body).map_err(|_| unreadable())?;
            Ok(Answer::Fresh { value, etag })
        }
        status => Err(refusal(status, &response.text().await.unwrap_or_default())),
    }
}

/// Sends a change, or the question what it would do.
pub async fn post<B: Serialize>(path: &str, body: &B) -> Result<Changes, Refused> {
    let bare = |problem| Refused {
        problem,
        results: Vec::new(),
    };
    let abort = AbortController::new().ok();
    let signal = abort.as_ref().map(AbortController::signal);
    let give_up = move || {
        if let Some(abort) = &abort {
            abort.abort();
        }
    };
    let timer = set_timeout_with_handle(give_up, std::time::Duration::from_millis(GIVE_UP_MS));
    let request = Request::post(&absolute(path))
        .abort_signal(signal.as_ref())
        .json(body)
        .map_err(|_| bare(offline()))?;
    let response = request.send().await;
    let body = match &response {
        Ok(response) => response.text().await.ok(),
        Err(_) => None,
    };
    if let Ok(timer) = timer {
        timer.clear();
    }
    let (Ok(response), Some(body)) = (response, body) else {
        return Err(bare(offline()));
    };
    match serde_json::from_str::<Changes>(&body) {
        Ok(Changes {
            error: Some(error),
            results,
            ..
        }) => Err(Refused {
            problem: error.into(),
            results,
        }),
        Ok(changes) if response.ok() => Ok(changes),
        _ if response.ok() => Err(bare(unreadable())),
        _ => Err(bare(refusal(response.status(), &body))),
    }
}

fn refusal(status: u16, body: &str) -> Problem {
    match serde_json::from_str::<api::ErrorBody>(body) {
        Ok(api::ErrorBody { error }) => error.into(),
        // Not our server's words: a proxy in between answered.
        Err(_) => Problem {
            kind: if status == 403 {
                "forbidden"
            } else {
                "unexpected"
            }
            .to_owned(),
            message: format!("The server answered with status {status}."),
            hint: Some("If a proxy stands in between, look there first.".to_owned()),
        },
    }
}

impl From<api::ErrorDetail> for Problem {
    fn from(error: api::ErrorDetail) -> Problem {
        Problem {
            kind: error.kind,
            message: error.message,
            hint: error.hint,
        }
    }
}

fn unreadable() -> Problem {
    Problem {
        kind: "malformed".to_owned(),
        message: "The server’s answer does not read as this page expects.".to_owned(),
        hint: Some("The page may be older than the server: load it again.".to_owned()),
    }
}

fn offline() -> Problem {
    Problem {
        kind: "offline".to_owned(),
        message: "The Pidali server did not answer.".to_owned(),
        hint: Some(
            "Check that pidali is still running and, if you forward a port, that the forward is up."
                .to_owned(),
        ),
    }
}
