//! Traces in OpenTelemetry's protocol, as JSON: what collectors take at `/v1/traces`
//! (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>).

use std::sync::Arc;

use mesh::trace::{Log, Process, Span, SpanKind, Tag, Trace};
use serde::Serialize;

/// Returns the body of one export.
pub fn otlp(traces: &[Trace]) -> String {
    let mut told: Vec<(&Arc<Process>, &str, Vec<SpanJson<'_>>)> = Vec::new();
    for trace in traces {
        for span in &trace.spans {
            let scope = span.tag(&[SCOPE]).unwrap_or_default();
            let json = SpanJson::of(&trace.id, span);
            let known = told
                .iter_mut()
                .find(|(process, its, _)| *process == &span.process && *its == scope);
            match known {
                Some((_, _, spans)) => spans.push(json),
                None => told.push((&span.process, scope, vec![json])),
            }
        }
    }
    let resource_spans = told.into_iter().map(|(process, scope, spans)| {
        let service = Attribute::new("service.name", &process.service);
        let others = process.tags.iter().map(Attribute::of);
        ResourceSpans {
            resource: Resource {
                attributes: std::iter::once(service).chain(others).collect(),
            },
            scope_spans: [ScopeSpans {
                scope: Scope { name: scope },
                spans,
            }],
        }
    });
    let request = Request {
        resource_spans: resource_spans.collect(),
    };
    // Texts and numbers alone: this does not fail.
    serde_json::to_string(&request).unwrap_or_default()
}

/// The tag that the protocol has a place of its own for.
const SCOPE: &str = "otel.scope.name";
/// Tags that it says in other words.
const SAID_OTHERWISE: [&str; 2] = [SCOPE, "otel.status_code"];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    resource_spans: Vec<ResourceSpans<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'a> {
    resource: Resource<'a>,
    scope_spans: [ScopeSpans<'a>; 1],
}

#[derive(Serialize)]
struct Resource<'a> {
    attributes: Vec<Attribute<'a>>,
}

#[derive(Serialize)]
struct ScopeSpans<'a> {
    scope: Scope<'a>,
    spans: Vec<SpanJson<'a>>,
}

#[derive(Serialize)]
struct Scope<'a> {
    name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpanJson<'a> {
    trace_id: &'a str,
    span_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<&'a str>,
    name: &'a str,
    kind: u8,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    attributes: Vec<Attribute<'a>>,
    events: Vec<Event<'a>>,
    status: Status,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    time_unix_nano: String,
    name: &'a str,
    attributes: Vec<Attribute<'a>>,
}

#[derive(Serialize)]
struct Status {
    code: u8,
}

#[derive(Serialize)]
struct Attribute<'a> {
    key: &'a str,
    value: Text<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Text<'a> {
    string_value: &'a str,
}

impl<'a> SpanJson<'a> {
    fn of(trace: &'a str, span: &'a Span) -> SpanJson<'a> {
        let tags = span.tags.iter();
        let tags = tags.filter(|it| !SAID_OTHERWISE.contains(&&*it.key));
        SpanJson {
            trace_id: trace,
            span_id: &span.id,
            parent_span_id: span.parent.as_deref(),
            name: &span.operation,
            kind: match span.kind {
                SpanKind::Internal => 1,
                SpanKind::Server => 2,
                SpanKind::Client => 3,
                SpanKind::Producer => 4,
                SpanKind::Consumer => 5,
            },
            start_time_unix_nano: nanos(span.start_us),
            end_time_unix_nano: nanos(span.end_us()),
            attributes: tags.map(Attribute::of).collect(),
            events: span.logs.iter().map(Event::of).collect(),
            status: Status {
                code: if span.is_error { 2 } else { 0 },
            },
        }
    }
}

impl<'a> Event<'a> {
    fn of(log: &'a Log) -> Event<'a> {
        let (names, fields): (Vec<&Tag>, Vec<&Tag>) =
            log.fields.iter().partition(|it| &*it.key == "event");
        Event {
            time_unix_nano: nanos(log.at_us),
            name: names.first().map_or("", |it| &it.value),
            attributes: fields.into_iter().map(Attribute::of).collect(),
        }
    }
}

impl<'a> Attribute<'a> {
    fn new(key: &'a str, value: &'a str) -> Attribute<'a> {
        Attribute {
            key,
            value: Text {
                string_value: value,
            },
        }
    }

    fn of(tag: &'a Tag) -> Attribute<'a> {
        Attribute::new(&tag.key, &tag.value)
    }
}

/// Times are longer than JSON's numbers are exact: they are written as text.
fn nanos(micros: i64) -> String {
    micros.saturating_mul(1000).to_string()
}
