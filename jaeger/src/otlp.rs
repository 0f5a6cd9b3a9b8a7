//! The stable dialect, `/api/v3/…`: OTLP as JSON. Times and other numbers of 64 bits are texts there, kinds and states
//! numbers or names; all traces of an answer lie in one list.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use mesh::api::query::to_rfc3339;
use mesh::links::jaeger_tags;
use mesh::trace::{Log, Process, Search, Span, SpanKind, Tag, Trace};
use mesh::units::UnixMillis;
use serde::Deserialize;

use crate::loose::{self, Int, Item, List, Object, Text, Texts, Word};
use crate::read::{self, Unread, Words};

/// Returns the parameters of a search, named as every version takes them: the names of newer ones are aliases there.
pub fn query(search: &Search) -> Vec<(String, String)> {
    let mut pairs = vec![
        ("query.service_name", search.service.clone()),
        ("query.start_time_min", rfc3339(search.since_us)),
        ("query.start_time_max", rfc3339(search.until_us - 1)),
        ("query.num_traces", search.limit.to_string()),
    ];
    if let Some(operation) = &search.operation {
        pairs.push(("query.operation_name", operation.clone()));
    }
    if let Some(micros) = search.min_duration_us {
        pairs.push(("query.duration_min", seconds(micros)));
    }
    if let Some(micros) = search.max_duration_us {
        pairs.push(("query.duration_max", seconds(micros)));
    }
    // Before 2.19 nobody reads them.
    if let Some(tags) = jaeger_tags(search) {
        pairs.push(("query.attributes", tags));
    }
    let pairs = pairs.into_iter();
    pairs
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// Writes microseconds as seconds, exactly, in the one form that Go's durations and protobuf's have in common.
fn seconds(micros: i64) -> String {
    format!(
        "{}.{:06}s",
        micros.div_euclid(1_000_000),
        micros.rem_euclid(1_000_000)
    )
}

/// Writes a time with nanoseconds, in UTC.
fn rfc3339(micros: i64) -> String {
    let secs = UnixMillis(micros.div_euclid(1_000_000).saturating_mul(1000));
    let text = to_rfc3339(secs);
    let text = text.trim_end_matches('Z');
    format!("{text}.{:06}000Z", micros.rem_euclid(1_000_000))
}

/// What an answer says.
#[derive(Debug, Default)]
pub struct Told {
    /// The traces.
    pub traces: Vec<Trace>,
    /// How many spans belong to no trace.
    pub n_left_out: usize,
    /// What went wrong: status and words.
    pub errors: Vec<(Option<i64>, String)>,
}

/// Reads traces. Servers that stream write several documents one behind the other.
pub fn traces(body: &[u8]) -> Result<Told, serde_json::Error> {
    let mut words = Words::default();
    let mut by_trace: BTreeMap<String, (Vec<Span>, Unread)> = BTreeMap::new();
    let mut told = Told::default();
    let mut n_documents = 0;
    for document in serde_json::Deserializer::from_slice(body).into_iter::<Object<Document<'_>>>() {
        n_documents += 1;
        let Object(Some(document)) = document? else {
            return Err(serde::de::Error::custom("it is no object"));
        };
        if let Some(failed) = document.failed() {
            told.errors.push(failed);
        }
        let wrapped = document.result.0.map(|it| it.resources.items);
        let all = wrapped.into_iter().flatten().chain(document.bare.items);
        for resource in all {
            let process = resource.resource.0.unwrap_or_default().read(&mut words);
            for scope in resource.scopes.items {
                told.n_left_out += scope.spans.n_dropped;
                let of_scope = scope.scope.0.unwrap_or_default().tags(&mut words);
                for span in scope.spans.items {
                    let Some(trace) = read::id(span.trace_id.as_str()) else {
                        told.n_left_out += 1;
                        continue;
                    };
                    let (spans, unread) = by_trace.entry(trace.into()).or_default();
                    match span.read(Arc::clone(&process), &of_scope, &mut words) {
                        Some(span) => spans.push(span),
                        None => unread.n_ids += 1,
                    }
                }
            }
        }
    }
    if n_documents == 0 {
        return Err(serde::de::Error::custom("it is empty"));
    }
    let traces = by_trace.into_iter().map(|(id, (spans, unread))| Trace {
        id,
        spans,
        warnings: unread.told().collect(),
    });
    told.traces = traces.collect();
    Ok(told)
}

/// Reads the names of services.
pub fn services(body: &[u8]) -> Result<Vec<String>, serde_json::Error> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Listed {
        services: Texts,
    }
    let listed: Listed = loose::object(body)?;
    Ok(listed.services.0)
}

/// Reads the names of operations, each once for every kind of span.
pub fn operations(body: &[u8]) -> Result<Vec<String>, serde_json::Error> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Listed {
        operations: List<Operation>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Operation {
        name: Word,
    }
    impl Item for Operation {
        fn is_worth_keeping(&self) -> bool {
            !self.name.0.is_empty()
        }
    }
    let listed: Listed = loose::object(body)?;
    let listed = listed.operations.items.into_iter();
    Ok(listed.map(|it| it.name.0).collect())
}

/// Reads what went wrong from an answer that is no success: status and words.
pub fn failure(body: &[u8]) -> Option<(Option<i64>, String)> {
    loose::object::<Document<'_>>(body).ok()?.failed()
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Document<'a> {
    #[serde(borrow)]
    result: Object<Resources<'a>>,
    // Without the wrapper, as OTLP is written elsewhere.
    #[serde(borrow, rename = "resourceSpans", alias = "resource_spans")]
    bare: List<ResourceSpans<'a>>,
    error: Object<Failed>,
    // What a gateway says has no wrapper.
    code: Int,
    message: Word,
}

impl Document<'_> {
    fn failed(&self) -> Option<(Option<i64>, String)> {
        if let Some(failed) = &self.error.0 {
            return Some((failed.http_code.0, failed.message.0.clone()));
        }
        let has_words = !self.message.0.is_empty();
        has_words.then(|| {
            // The number of gRPC for what is not there.
            let code = self.code.0.map(|it| if it == 5 { 404 } else { it });
            (code, self.message.0.clone())
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Failed {
    #[serde(alias = "http_code", alias = "code")]
    http_code: Int,
    message: Word,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Resources<'a> {
    #[serde(borrow, rename = "resourceSpans", alias = "resource_spans")]
    resources: List<ResourceSpans<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ResourceSpans<'a> {
    #[serde(borrow)]
    resource: Object<Resource<'a>>,
    #[serde(
        borrow,
        rename = "scopeSpans",
        alias = "scope_spans",
        alias = "instrumentationLibrarySpans"
    )]
    scopes: List<ScopeSpans<'a>>,
}

impl Item for ResourceSpans<'_> {
    fn is_worth_keeping(&self) -> bool {
        !self.scopes.items.is_empty()
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Resource<'a> {
    #[serde(borrow)]
    attributes: List<KeyValue<'a>>,
}

impl Resource<'_> {
    fn read(self, words: &mut Words) -> Arc<Process> {
        let mut tags = tags_of(self.attributes, words);
        let place = tags.iter().position(|it| &*it.key == "service.name");
        let service = place.map(|it| tags.remove(it).value.into_string());
        words.process(Process {
            service: service.unwrap_or_default(),
            tags,
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ScopeSpans<'a> {
    #[serde(borrow, alias = "instrumentationLibrary")]
    scope: Object<Scope<'a>>,
    #[serde(borrow)]
    spans: List<WireSpan<'a>>,
}

impl Item for ScopeSpans<'_> {
    fn is_worth_keeping(&self) -> bool {
        !self.spans.items.is_empty() || self.spans.n_dropped > 0
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Scope<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    version: Text<'a>,
}

impl Scope<'_> {
    /// Returns it as the older dialect has it: among the tags of its spans.
    fn tags(&self, words: &mut Words) -> Vec<Tag> {
        let said = [
            ("otel.scope.name", self.name.as_str()),
            ("otel.scope.version", self.version.as_str()),
        ];
        let said = said.into_iter().filter(|(_, value)| !value.is_empty());
        said.map(|(key, value)| words.tag(key, value.into()))
            .collect()
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WireSpan<'a> {
    #[serde(borrow, alias = "trace_id")]
    trace_id: Text<'a>,
    #[serde(borrow, alias = "span_id")]
    span_id: Text<'a>,
    #[serde(borrow, alias = "parent_span_id")]
    parent_span_id: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    kind: Text<'a>,
    #[serde(alias = "start_time_unix_nano")]
    start_time_unix_nano: Int,
    #[serde(alias = "end_time_unix_nano")]
    end_time_unix_nano: Int,
    #[serde(borrow)]
    attributes: List<KeyValue<'a>>,
    #[serde(borrow)]
    events: List<Event<'a>>,
    #[serde(borrow)]
    status: Object<Status<'a>>,
}

impl Item for WireSpan<'_> {
    fn is_worth_keeping(&self) -> bool {
        self.span_id.0.is_some() && self.trace_id.0.is_some()
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Event<'a> {
    #[serde(alias = "time_unix_nano")]
    time_unix_nano: Int,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    attributes: List<KeyValue<'a>>,
}

impl Item for Event<'_> {
    fn is_worth_keeping(&self) -> bool {
        !self.name.as_str().is_empty() || !self.attributes.items.is_empty()
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status<'a> {
    #[serde(borrow)]
    code: Text<'a>,
    #[serde(borrow)]
    message: Text<'a>,
}

impl Status<'_> {
    fn is_error(&self) -> bool {
        matches!(self.code.as_str(), "2" | "STATUS_CODE_ERROR" | "ERROR")
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct KeyValue<'a> {
    #[serde(borrow)]
    key: Text<'a>,
    #[serde(borrow)]
    value: Object<AnyValue<'a>>,
}

impl Item for KeyValue<'_> {
    fn is_worth_keeping(&self) -> bool {
        !self.key.as_str().is_empty()
    }
}

/// One of these is set.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct AnyValue<'a> {
    #[serde(borrow, alias = "string_value")]
    string_value: Text<'a>,
    #[serde(borrow, alias = "bool_value", alias = "intValue", alias = "int_value")]
    #[serde(alias = "doubleValue", alias = "double_value")]
    bool_value: Text<'a>,
    #[serde(borrow, alias = "bytes_value")]
    bytes_value: Text<'a>,
    #[serde(borrow, alias = "array_value")]
    array_value: Object<ArrayValue<'a>>,
    #[serde(borrow, alias = "kvlist_value")]
    kvlist_value: Object<KvList<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ArrayValue<'a> {
    #[serde(borrow)]
    values: List<AnyValue<'a>>,
}

impl Item for AnyValue<'_> {
    fn is_worth_keeping(&self) -> bool {
        true
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct KvList<'a> {
    #[serde(borrow)]
    values: List<KeyValue<'a>>,
}

impl<'a> AnyValue<'a> {
    /// Returns it as a person reads it.
    fn shown(self) -> Cow<'a, str> {
        if let Some(text) = self.string_value.0.or(self.bool_value.0) {
            return text;
        }
        if let Some(bytes) = self.bytes_value.0 {
            return format!("{bytes} (base64)").into();
        }
        if let Some(array) = self.array_value.0 {
            let values = array.values.items.into_iter().map(AnyValue::shown);
            let values: Vec<Cow<'_, str>> = values.collect();
            return format!("[{}]", values.join(", ")).into();
        }
        if let Some(list) = self.kvlist_value.0 {
            let values = list.values.items.into_iter().map(|it| {
                let value = it.value.0.unwrap_or_default().shown();
                format!("{}: {value}", it.key.as_str())
            });
            let values: Vec<String> = values.collect();
            return format!("{{{}}}", values.join(", ")).into();
        }
        Cow::Borrowed("")
    }
}

fn tags_of(attributes: List<KeyValue<'_>>, words: &mut Words) -> Vec<Tag> {
    let attributes = attributes.items.into_iter();
    words.begin();
    let tags = attributes.map(|it| {
        let value = it.value.0.unwrap_or_default().shown();
        words.tag(it.key.as_str(), value.into())
    });
    tags.collect()
}

impl WireSpan<'_> {
    /// Returns the span; `None` where its id is none.
    fn read(self, process: Arc<Process>, of_scope: &[Tag], words: &mut Words) -> Option<Span> {
        let mut span = Span {
            id: read::id(self.span_id.as_str())?,
            process,
            operation: words.word(self.name.as_str()),
            kind: read::kind(self.kind.as_str()),
            ..Span::default()
        };
        match read::parent(self.parent_span_id.as_str()) {
            Ok(parent) => span.parent = parent,
            Err(()) => {
                let said = "The id of its parent does not read.";
                span.warnings.push(said.to_owned());
            }
        }
        // Nothing and zero are the same in protobuf.
        let ended = self.end_time_unix_nano.0.filter(|it| *it != 0);
        let began = self.start_time_unix_nano.0;
        let took = began.zip(ended).map(|(began, ended)| {
            // Towards the past: what ended before it began is negative, however little.
            ended.saturating_sub(began).div_euclid(1000)
        });
        read::time(&mut span, began.map(|it| it.div_euclid(1000)), took);
        span.tags = tags_of(self.attributes, words);
        // What stands beside the attributes is among the tags in the older dialect, under the same names.
        let status = self.status.0.unwrap_or_default();
        span.is_error = status.is_error()
            || span
                .tag(&["error"])
                .is_some_and(|it| it.eq_ignore_ascii_case("true"));
        let kind = match span.kind {
            SpanKind::Internal => "",
            kind => kind.as_str(),
        };
        let error = if status.is_error() { "true" } else { "" };
        for (key, value) in [
            ("span.kind", kind),
            ("error", error),
            ("otel.status_description", status.message.as_str()),
        ] {
            if !value.is_empty() && span.tag(&[key]).is_none() {
                span.tags.push(words.tag(key, value.into()));
            }
        }
        span.tags.extend_from_slice(of_scope);
        let events = self.events.items.into_iter();
        let logs = events.map(|event| {
            let name = event.name.as_str();
            let name = (!name.is_empty()).then(|| words.tag("event", name.into()));
            let fields = tags_of(event.attributes, words);
            let at_us = event.time_unix_nano.0.map(|it| it.div_euclid(1000));
            Log {
                at_us: at_us.unwrap_or(span.start_us),
                fields: name.into_iter().chain(fields).collect(),
            }
        });
        span.logs = logs.collect();
        Some(span)
    }
}
