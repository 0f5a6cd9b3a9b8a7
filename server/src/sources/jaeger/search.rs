//! From the bytes of an answer to traces: what of it matches, what is wrong with it.

use std::sync::Arc;

use ::jaeger::{legacy, otlp};
use mesh::trace::{Dependency, Found, Search, Span, Trace};

use super::JaegerError;
use super::ask::Body;
use crate::apart::Threads;
use crate::sources::reach::shorten;

/// So many words of a server are repeated.
const MAX_WARNINGS: usize = 5;

/// Reads the answer to a search in either dialect.
///
/// # Errors
/// Why it does not read.
pub fn read_search(bytes: Vec<u8>, is_v3: bool, search: &Search) -> Result<Found, JaegerError> {
    let body = Body {
        status: reqwest::StatusCode::OK,
        bytes,
    };
    found(&body, is_v3, search)
}

/// Reads the answer to a search.
pub fn found(body: &Body, is_v3: bool, search: &Search) -> Result<Found, JaegerError> {
    let mut found = Found::default();
    let Some((mut traces, warnings)) = traces(body, is_v3)? else {
        return Ok(found);
    };
    found.warnings = warnings;
    // A third version before 2.19 passes over attributes: what it did shows in its answer.
    if is_v3 {
        let n_all = traces.len();
        traces.retain(|trace| trace.spans.iter().any(|span| bears(span, search)));
        if traces.len() < n_all {
            let errors = search.errors.then_some("errors");
            let tags = (!search.tags.is_empty()).then_some("tag");
            found.not_applied.extend(errors.into_iter().chain(tags));
        }
    }
    traces.sort_by(|a, b| began(b).cmp(&began(a)).then_with(|| a.id.cmp(&b.id)));
    found.traces = traces.into_iter().map(Arc::new).collect();
    Ok(found)
}

/// Reads the answer to a search for all that `asked` says but failures, and keeps those that failed.
pub fn failed(
    body: &Body,
    is_v3: bool,
    all: &Search,
    asked: &Search,
) -> Result<Found, JaegerError> {
    let mut found = found(body, is_v3, all)?;
    let n_all = found.traces.len();
    found
        .traces
        .retain(|trace| trace.spans.iter().any(|span| bears(span, asked)));
    if found.traces.len() < n_all {
        found.not_applied.insert(0, "errors");
    }
    Ok(found)
}

/// Reads the answer to the question for one trace.
pub fn one(body: &Body, is_v3: bool, id: &str) -> Result<Option<Trace>, JaegerError> {
    let Some((mut traces, warnings)) = traces(body, is_v3)? else {
        return Ok(None);
    };
    // Ids may come back with more zeros in front than they were asked with.
    let plain = |it: &str| it.trim_start_matches('0').to_owned();
    let place = traces.iter().position(|it| plain(&it.id) == plain(id));
    let Some(place) = place else {
        return Ok(None);
    };
    let mut trace = traces.swap_remove(place);
    trace.warnings.extend(warnings);
    Ok(Some(trace))
}

/// Reads names, sorted: in the third version by `read_v3`, else in the older dialect.
pub fn names(
    body: &Body,
    read_v3: Option<fn(&[u8]) -> Result<Vec<String>, serde_json::Error>>,
) -> Result<Vec<String>, JaegerError> {
    let mut names = match read_v3 {
        Some(read) => {
            refuse_failures(body)?;
            read(&body.bytes).map_err(|error| JaegerError::unreadable(&error))?
        }
        None => {
            let read = legacy::names(&body.bytes).map_err(|error| unreadable(body, &error))?;
            data(body, read.data, &read.errors)?.unwrap_or_default()
        }
    };
    names.retain(|it| !it.is_empty());
    names.sort();
    names.dedup();
    Ok(names)
}

/// Reads who called whom, sorted.
pub fn dependencies(body: &Body) -> Result<Vec<Dependency>, JaegerError> {
    let read = legacy::dependencies(&body.bytes).map_err(|error| unreadable(body, &error))?;
    let mut all = data(body, read.data, &read.errors)?.unwrap_or_default();
    all.sort();
    Ok(all)
}

type Read = (Vec<Trace>, Vec<String>);

/// Reads traces with what is wrong with them; `None` where the server says that there are none.
fn traces(body: &Body, is_v3: bool) -> Result<Option<Read>, JaegerError> {
    let unreadable = |error: serde_json::Error| unreadable(body, &error);
    let (traces, n_left_out, errors) = if is_v3 {
        let told = otlp::traces(&body.bytes).map_err(unreadable)?;
        let has_traces = !told.traces.is_empty() || told.errors.is_empty();
        let traces = has_traces.then_some(told.traces);
        (traces, told.n_left_out, told.errors)
    } else {
        let (read, n_left_out) = legacy::traces(&body.bytes, &Threads).map_err(unreadable)?;
        (read.data, n_left_out, read.errors)
    };
    let Some(mut traces) = data(body, traces, &errors)? else {
        return Ok(None);
    };
    let mut warnings: Vec<String> = errors
        .iter()
        .take(MAX_WARNINGS)
        .map(|(_, words)| format!("Jaeger warns: {}", shorten(words)))
        .collect();
    if n_left_out > 0 {
        let of_what = if is_v3 {
            "Spans whose trace has"
        } else {
            "Traces with"
        };
        warnings.push(format!(
            "{of_what} no id that reads were left out: {n_left_out}."
        ));
    }
    for trace in &mut traces {
        for warning in &mut trace.warnings {
            *warning = shorten(warning);
        }
    }
    Ok(Some((traces, warnings)))
}

/// Returns what was asked for; `None` where the server says that there is nothing of it.
fn data<T>(
    body: &Body,
    data: Option<T>,
    errors: &[(Option<i64>, String)],
) -> Result<Option<T>, JaegerError> {
    if body.status.is_success() && (data.is_some() || errors.is_empty()) {
        return Ok(data);
    }
    let Some((code, words)) = errors.first() else {
        return Err(bare(body));
    };
    // A bare 404 is somebody else's: Jaeger says in its answer that there is nothing.
    match (code, body.status.as_u16()) {
        (Some(404), _) => Ok(None),
        (_, 404 | 429 | 503) => Err(bare(body)),
        _ => Err(JaegerError::Refused {
            message: shorten(words),
        }),
    }
}

/// Refuses what the third version says went wrong.
fn refuse_failures(body: &Body) -> Result<(), JaegerError> {
    if body.status.is_success() {
        return Ok(());
    }
    match otlp::failure(&body.bytes) {
        Some((_, words)) if !words.is_empty() => Err(JaegerError::Refused {
            message: shorten(&words),
        }),
        _ => Err(bare(body)),
    }
}

/// What is no success need not read: its status says enough.
fn unreadable(body: &Body, error: &serde_json::Error) -> JaegerError {
    match body.status.is_success() {
        true => JaegerError::unreadable(error),
        false => bare(body),
    }
}

fn bare(body: &Body) -> JaegerError {
    JaegerError::Status {
        status: body.status.as_u16(),
    }
}

/// Returns whether a span failed where that is asked, and bears all tags.
fn bears(span: &Span, search: &Search) -> bool {
    let bears = |key: &str, value: &str| {
        let of_span = span.tags.iter().chain(&span.process.tags);
        let of_logs = span.logs.iter().flat_map(|it| &it.fields);
        of_span
            .chain(of_logs)
            .any(|it| &*it.key == key && &*it.value == value)
    };
    let is_failed = !search.errors || span.is_error || bears("error", "true");
    let is_of_service = span.process.service == search.service;
    is_of_service && is_failed && search.tags.iter().all(|(key, value)| bears(key, value))
}

fn began(trace: &Trace) -> Option<i64> {
    trace.spans.iter().map(|it| it.start_us).min()
}
