//! `GET /api/v1/traces`, one trace, one of its spans, how its calls compare, and the names services trace under.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use futures::StreamExt as _;
use mesh::api::trace::{AskedName, Names, Ranks, SpanDetails, TraceDetails, Traces};
use mesh::api::{self, Notice, TraceQuery, TracesQuery};
use mesh::trace::{self, Found, Search, Trace};
use mesh::units::{UnixMillis, Window};
use tokio::time::timeout;

use crate::apart::apart;
use crate::http::{ApiError, App, Encoded, NoParams, Params};
use crate::sources;

mod beyond;
mod keep;

pub use beyond::{Beyond, look};
pub use keep::TraceCache;

/// So many tracing names are asked for one search.
const MAX_NAMES: usize = 24;
/// So many of them at once.
const AT_ONCE: usize = 6;
/// Of so many of them the operations are told: more are no help to anyone.
const MAX_TOLD: usize = 3;
/// And they are told where they come as soon as this.
const SUGGESTED_WITHIN: Duration = Duration::from_millis(500);
/// So many operations are told.
const MAX_OPERATIONS: usize = 200;
/// So many words of the source stand beside an answer.
const MAX_WARNINGS: usize = 5;
/// A trace is shown without its edges where these take longer.
const PATIENCE: Duration = Duration::from_secs(4);
/// What the metrics tell of a call is there a little after its end.
const SCRAPED_MS: i64 = 60_000;
const MINUTE_MS: i64 = 60_000;
/// Traces of the same minutes are compared with the same hour.
const HOUR_STEP_MS: i64 = 5 * MINUTE_MS;

/// Lists the traces with a call that is so: to a service, by a version, along an edge; slow, failed, with tags.
///
/// The names that it could have been traced under are tried against those that the tracing backend lists.
#[utoipa::path(
    get,
    path = "/api/v1/traces",
    params(
        ("namespace" = Option<String>, Query, description = "The namespace of service and workload"),
        ("service" = Option<String>, Query, description = "A service of the mesh"),
        ("workload" = Option<String>, Query, description = "A workload whose proxy took part"),
        ("version" = Option<String>, Query, description = "The version that took the call"),
        ("edge" = Option<String>, Query, description = "Id of an edge of the graph by workload"),
        ("name" = Option<String>, Query, description = "The tracing name to ask for, instead of those that fit"),
        ("operation" = Option<String>, Query, description = "The operation, exactly"),
        ("window" = Option<String>, Query, description = "10s to 7d, such as 5m"),
        ("at" = Option<String>, Query, description = "The end of the window, RFC 3339 with Z"),
        ("since" = Option<String>, Query, description = "The beginning of the window, in place of its length"),
        ("until" = Option<String>, Query, description = "The end of the window, as `at`"),
        ("min_duration" = Option<String>, Query, description = "Such as 250us, 1.5ms or 3s"),
        ("max_duration" = Option<String>, Query, description = "Such as 250us, 1.5ms or 3s"),
        ("errors" = Option<bool>, Query, description = "Only what failed"),
        ("tag" = Option<String>, Query, description = "name=value; repeatable: all of them on one span"),
        ("limit" = Option<u32>, Query, description = "1 to 1000; 100 when left out"),
    ),
    responses((status = 200, body = Traces), (status = 400, body = api::ErrorBody), (status = 404, body = api::ErrorBody), (status = 502, body = api::ErrorBody))
)]
pub async fn list(
    State(app): State<App>,
    headers: HeaderMap,
    Params(query): Params<TracesQuery>,
) -> Result<Response, ApiError> {
    let source = source(&app)?;
    let until = app.facts.instant(query.at)?;
    let window = query.window.min(Window::HOUR);
    let (known, listed) = tokio::join!(
        known(&app, window, query.at),
        app.traces_kept.services(source)
    );
    let listed = listed?;
    let (known, mut notices) = known?;
    let names = Tried::of(&query, &known, &listed, &mut notices);
    let ask = |name: String| {
        let search = search(&query, name.clone(), until);
        let asked = app.traces_kept.find(source, search);
        async move { (name, asked.await) }
    };
    let names_to_ask = futures::stream::iter(names.to_ask.iter().cloned());
    let mut answers = names_to_ask.map(ask).buffered(AT_ONCE);
    let mut asked = names.asked;
    let mut found = Vec::new();
    while let Some((name, answer)) = answers.next().await {
        match answer {
            Ok(answer) => {
                if let Some(row) = asked.iter_mut().find(|it| it.name == name) {
                    row.n_traces = u32::try_from(answer.traces.len()).unwrap_or(u32::MAX);
                }
                found.push(answer);
            }
            Err(error) if found.is_empty() => return Err(error),
            Err(error) => {
                notices.push(error.into_notice("traces_missing"));
                // Who fails once is not asked for the rest: that could take as long each time.
                break;
            }
        }
    }
    drop(answers);
    let operations = operations(&app, source, &names.to_ask).await;
    let link = app.pages.jaeger.as_ref().and_then(|base| {
        let name = names.to_ask.first()?;
        let search = search(&query, name.clone(), until);
        Some(mesh::links::jaeger_search(base, &search))
    });
    notices.extend(warnings(&found));
    answered(&headers, move || {
        let mut answer = listed_of(&found, &query, &known);
        answer.asked = asked;
        answer.operations = operations;
        answer.link = link;
        answer.notices = notices;
        answer.at_ms = until.0;
        answer
    })
    .await
}

/// Lists under which names the services of the mesh could trace, and which of them the tracing backend lists.
#[utoipa::path(
    get,
    path = "/api/v1/traces/names",
    responses((status = 200, body = Names), (status = 404, body = api::ErrorBody), (status = 502, body = api::ErrorBody))
)]
pub async fn names(
    State(app): State<App>,
    headers: HeaderMap,
    Params(NoParams): Params<NoParams>,
) -> Result<Response, ApiError> {
    Ok(Encoded::json(&table(&app).await?)?.respond(&headers))
}

/// Shows one trace: its spans as a tree, its critical path, and the edges of the graph that it passed.
#[utoipa::path(
    get,
    path = "/api/v1/traces/{id}",
    params(
        ("id" = String, Path, description = "1 to 32 hexadecimal digits"),
        ("first" = Option<u32>, Query, description = "So many spans at most, in the order of rows; all when left out"),
    ),
    responses((status = 200, body = TraceDetails), (status = 400, body = api::ErrorBody), (status = 404, body = api::ErrorBody), (status = 502, body = api::ErrorBody))
)]
pub async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Params(query): Params<TraceQuery>,
) -> Result<Response, ApiError> {
    let trace = trace_of(&app, &id).await?;
    // What was on its way then shows in a window that ends a little later.
    let at = UnixMillis(ceil(end_of(&trace).0, MINUTE_MS).saturating_add(SCRAPED_MS));
    let at = Some(at).filter(|it| app.facts.instant(None).is_ok_and(|now| *it < now));
    let known = timeout(PATIENCE, known(&app, Window::default(), at)).await;
    let (known, notices) = match known {
        Ok(known) => known?,
        Err(_) => (Arc::default(), vec![late()]),
    };
    let link = app.pages.jaeger.as_ref();
    let link = link.map(|base| mesh::links::jaeger_trace(base, &trace.id));
    answered(&headers, move || {
        let mut details = trace::details(&trace, &known);
        if let Some(first) = query.first {
            details.spans.truncate(first as usize);
        }
        TraceDetails {
            link,
            notices,
            ..details
        }
    })
    .await
}

/// Shows what one span says.
#[utoipa::path(
    get,
    path = "/api/v1/traces/{id}/spans/{span}",
    params(
        ("id" = String, Path, description = "The trace: 1 to 32 hexadecimal digits"),
        ("span" = String, Path, description = "The span, as the trace names it"),
    ),
    responses((status = 200, body = SpanDetails), (status = 400, body = api::ErrorBody), (status = 404, body = api::ErrorBody), (status = 502, body = api::ErrorBody))
)]
pub async fn span(
    State(app): State<App>,
    headers: HeaderMap,
    Path((id, span)): Path<(String, String)>,
    Params(NoParams): Params<NoParams>,
) -> Result<Response, ApiError> {
    let trace = trace_of(&app, &id).await?;
    let details = apart(move || trace::span(&trace, &span)).await?;
    let details = details.ok_or_else(|| ApiError::not_found("this trace has no such span"))?;
    Ok(Encoded::json(&details)?.respond(&headers))
}

/// Shows how a trace's calls compare with all calls of their edges in the hour that it ended in, as the metrics have
/// them.
#[utoipa::path(
    get,
    path = "/api/v1/traces/{id}/ranks",
    params(("id" = String, Path, description = "1 to 32 hexadecimal digits")),
    responses((status = 200, body = Ranks), (status = 400, body = api::ErrorBody), (status = 404, body = api::ErrorBody), (status = 502, body = api::ErrorBody))
)]
pub async fn ranks(
    State(app): State<App>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Params(NoParams): Params<NoParams>,
) -> Result<Response, ApiError> {
    let trace = trace_of(&app, &id).await?;
    let now = app.facts.instant(None)?;
    let at = UnixMillis(ceil(end_of(&trace).0, HOUR_STEP_MS).min(now.0));
    let window = Window::HOUR;
    let facts = app.facts.full(window, at).await?;
    answered(&headers, move || {
        let known = trace::Known::of(&facts.facts);
        Ranks {
            items: trace::ranks(&trace, &known, &facts.facts),
            notices: facts.notices.clone(),
            window_s: window.secs(),
            at_ms: at.0,
        }
    })
    .await
}

/// Returns under which names the services of the mesh trace.
pub async fn table(app: &App) -> Result<Names, ApiError> {
    let source = source(app)?;
    let (known, listed) = tokio::join!(
        known(app, Window::default(), None),
        app.traces_kept.services(source)
    );
    let listed = listed?;
    let (known, notices) = known?;
    Ok(Names {
        notices,
        ..trace::names::table(&known, &listed)
    })
}

/// Answers with what is made of traces: both the making and the encoding of a large one hold nobody up.
async fn answered<T: serde::Serialize + 'static>(
    headers: &HeaderMap,
    make: impl FnOnce() -> T + Send + 'static,
) -> Result<Response, ApiError> {
    let encoded = apart(move || Encoded::json(&make()));
    Ok(encoded.await??.respond(headers))
}

fn source(app: &App) -> Result<&sources::Traces, ApiError> {
    app.traces.as_ref().ok_or_else(ApiError::no_tracing)
}

async fn trace_of(app: &App, id: &str) -> Result<Arc<Trace>, ApiError> {
    let source = source(app)?;
    let is_id = (1..=32).contains(&id.len()) && id.bytes().all(|it| it.is_ascii_hexdigit());
    if !is_id {
        return Err(ApiError::bad_parameter(
            "id",
            "is not 1 to 32 hexadecimal digits",
            Some("copy the trace's id from a list, a log or a header"),
        ));
    }
    app.traces_kept
        .trace(source, &id.to_ascii_lowercase())
        .await
}

/// Returns what the graph knows of a window that ends at an instant, or now. Where the metrics can't be asked, it knows
/// nothing, which is said: traces are there without them.
async fn known(
    app: &App,
    window: Window,
    at: Option<UnixMillis>,
) -> Result<(Arc<trace::Known>, Vec<Notice>), ApiError> {
    let at = app.facts.live(window, at)?;
    Ok(match app.traces_kept.known(&app.facts, window, at).await {
        Ok(known) => (known, Vec::new()),
        Err(error) => (Arc::default(), vec![error.into_notice("metrics_missing")]),
    })
}

fn late() -> Notice {
    Notice {
        kind: "metrics_missing".to_owned(),
        source: "pidali".to_owned(),
        message: format!(
            "The graph of that time was not there within {} s: which edges the calls are is not told.",
            PATIENCE.as_secs()
        ),
        hint: Some("load the trace again".to_owned()),
    }
}

/// The tracing names of a search.
struct Tried {
    asked: Vec<AskedName>,
    /// Those that are worth a question.
    to_ask: Vec<String>,
}

impl Tried {
    fn of(
        query: &TracesQuery,
        known: &trace::Known,
        listed: &[String],
        notices: &mut Vec<Notice>,
    ) -> Tried {
        let mut names = trace::names::candidates(query, known);
        let is_about_some = query.name.is_some()
            || query.service.is_some()
            || query.workload.is_some()
            || query.edge.is_some();
        if !is_about_some {
            names = everybody(query, listed);
        }
        let asked: Vec<AskedName> = names
            .into_iter()
            .map(|name| AskedName {
                is_known: listed.binary_search(&name).is_ok(),
                name,
                n_traces: 0,
            })
            .collect();
        // A name that a person gives is asked, whatever the list says: that may be a little old.
        let is_given = query.name.is_some();
        let worth = asked.iter().filter(|it| it.is_known || is_given);
        let mut to_ask: Vec<String> = worth.map(|it| it.name.clone()).collect();
        if to_ask.len() > MAX_NAMES {
            notices.push(notice(
                "names_cut",
                format!(
                    "{} tracing names fit; {MAX_NAMES} of them were asked for.",
                    to_ask.len()
                ),
                "name a service, or the tracing name itself",
            ));
            to_ask.truncate(MAX_NAMES);
        }
        if to_ask.is_empty() {
            notices.push(notice(
                "no_names",
                match asked.len() {
                    0 => "The tracing backend lists no name that fits.".to_owned(),
                    n => format!("The tracing backend lists none of the {n} names that fit."),
                },
                "it may not have been sampled yet (Istio samples 1 % unless a Telemetry object says more), or trace under another name: see traces/names",
            ));
        }
        Tried { asked, to_ask }
    }
}

/// Returns the names of a namespace, or all; those of Jaeger itself are nobody's of the mesh.
fn everybody(query: &TracesQuery, listed: &[String]) -> Vec<String> {
    let is_there = |name: &str| match &query.namespace {
        Some(namespace) => name.rsplit_once('.').is_none_or(|it| it.1 == namespace),
        None => true,
    };
    let names = listed.iter();
    let names = names.filter(|it| !trace::names::is_of_backend(it) && is_there(it));
    names.cloned().collect()
}

fn notice(kind: &str, message: String, hint: &str) -> Notice {
    Notice {
        kind: kind.to_owned(),
        source: "jaeger".to_owned(),
        message,
        hint: Some(hint.to_owned()),
    }
}

/// Returns the operations of the names that are asked for, sorted, where these are few and the source says them soon:
/// what only helps to ask again must not hold up the traces that were found.
async fn operations(app: &App, source: &sources::Traces, names: &[String]) -> Vec<String> {
    if names.len() > MAX_TOLD {
        return Vec::new();
    }
    let asked = names
        .iter()
        .map(|it| app.traces_kept.operations(source, it));
    let told = timeout(SUGGESTED_WITHIN, futures::future::join_all(asked)).await;
    let told = told.unwrap_or_default();
    let all: BTreeSet<&String> = told.iter().flat_map(|it| it.iter()).collect();
    all.into_iter().take(MAX_OPERATIONS).cloned().collect()
}

/// Returns what a source is asked of one tracing name.
fn search(query: &TracesQuery, service: String, until: UnixMillis) -> Search {
    Search {
        service,
        operation: query.operation.clone(),
        since_us: until.before(query.window).0.saturating_mul(1000),
        until_us: until.0.saturating_mul(1000),
        min_duration_us: query.min_duration_us,
        max_duration_us: query.max_duration_us,
        errors: query.errors,
        tags: query.tags.clone(),
        limit: query.limit,
    }
}

/// Returns the rows of what was found under any name, each trace once.
fn listed_of(found: &[Arc<Found>], query: &TracesQuery, known: &trace::Known) -> Traces {
    let limit = query.limit as usize;
    let mut is_cut = found.iter().any(|it| it.traces.len() >= limit);
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut n_others = 0_usize;
    let mut items = Vec::new();
    for trace in found.iter().flat_map(|it| &it.traces) {
        if !seen.insert(trace.id.trim_start_matches('0')) {
            continue;
        }
        match trace::row(trace, query, known) {
            Some(row) => items.push(row),
            None => n_others += 1,
        }
    }
    items.sort_by(|a, b| b.start_us.cmp(&a.start_us).then_with(|| a.id.cmp(&b.id)));
    is_cut |= items.len() > limit;
    items.truncate(limit);
    // No backend knows these; a service's name and its namespace are in the tracing name, but for what its processes
    // called themselves.
    let never = [
        ("workload", query.workload.is_some()),
        ("version", query.version.is_some()),
        ("edge", query.edge.is_some()),
    ];
    let partly = [
        ("service", query.service.is_some()),
        ("namespace", query.namespace.is_some()),
    ];
    let partly = partly.map(|(name, is_set)| (name, is_set && n_others > 0));
    let set = never.into_iter().chain(partly).filter(|it| it.1);
    let mut after: BTreeSet<&str> = set.map(|it| it.0).collect();
    after.extend(found.iter().flat_map(|it| it.not_applied.iter().copied()));
    Traces {
        items,
        limit: query.limit,
        is_cut,
        applied_after: after.into_iter().map(str::to_owned).collect(),
        window_s: query.window.secs(),
        ..Traces::default()
    }
}

/// Returns what sources say is wrong with their answers, each thing once.
fn warnings(found: &[Arc<Found>]) -> Vec<Notice> {
    let all: BTreeSet<&str> = found
        .iter()
        .flat_map(|it| it.warnings.iter().map(String::as_str))
        .collect();
    let all = all.into_iter().take(MAX_WARNINGS);
    all.map(|message| Notice {
        kind: "source_warning".to_owned(),
        source: "jaeger".to_owned(),
        message: message.to_owned(),
        hint: None,
    })
    .collect()
}

/// Returns when a trace's last span ended.
fn end_of(trace: &Trace) -> UnixMillis {
    let ends = trace.spans.iter().map(trace::Span::end_us);
    UnixMillis(ends.max().unwrap_or(0).div_euclid(1000))
}

/// Returns the first multiple of a step that is not before a time.
fn ceil(millis: i64, step: i64) -> i64 {
    millis.saturating_add(step - 1).div_euclid(step) * step
}

#[cfg(test)]
mod tests;
