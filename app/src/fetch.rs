//! Asking the server.

use gloo_net::http::{Request, Response};
use mesh::api;
use serde::de::DeserializeOwned;
use web_sys::AbortSignal;

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
            "bad_parameter" | "not_found" | "forbidden"
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
            "bad_parameter" => "This link has a mistake",
            "malformed" => "A source gave no answer we can read",
            "forbidden" => "Not allowed",
            "not_found" => "Not found",
            "overloaded" => "Pidali is busy",
            _ => "Something went wrong",
        }
    }
}

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
            let value = serde_json::from_str(&body).map_err(|_| Problem {
                kind: "malformed".to_owned(),
                message: "The server’s answer does not read as this page expects.".to_owned(),
                hint: Some("The page may be older than the server: load it again.".to_owned()),
            })?;
            Ok(Answer::Fresh { value, etag })
        }
        status => Err(refusal(status, &response).await),
    }
}

async fn refusal(status: u16, response: &Response) -> Problem {
    let body = response.text().await.unwrap_or_default();
    match serde_json::from_str::<api::ErrorBody>(&body) {
        Ok(api::ErrorBody { error }) => Problem {
            kind: error.kind,
            message: error.message,
            hint: error.hint,
        },
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
