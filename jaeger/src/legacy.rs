//! The older dialect, `/api/…`, which the backend's own page speaks: every version up to 2.20 has it.

use std::borrow::Cow;
use std::sync::Arc;

use foldhash::HashMap;
use mesh::links::jaeger_tags;
use mesh::trace::{Dependency, Log, Process, Search, Span, SpanKind, Trace};
use serde::Deserialize;

use crate::Beside;
use crate::loose::{self, Entries, Int, Item, List, Object, Text, Texts, Word};
use crate::read::{self, Unread, Words};

mod parts;
mod tags;

use parts::Parts;
use tags::Tags;

/// Returns the parameters of a search.
pub fn query(search: &Search) -> Vec<(String, String)> {
    let mut pairs = vec![
        ("service", search.service.clone()),
        ("start", search.since_us.to_string()),
        // Both ends are within, there.
        ("end", (search.until_us - 1).to_string()),
        ("limit", search.limit.to_string()),
    ];
    if let Some(operation) = &search.operation {
        pairs.push(("operation", operation.clone()));
    }
    if let Some(micros) = search.min_duration_us {
        pairs.push(("minDuration", format!("{micros}us")));
    }
    if let Some(micros) = search.max_duration_us {
        pairs.push(("maxDuration", format!("{micros}us")));
    }
    if let Some(tags) = jaeger_tags(search) {
        pairs.push(("tags", tags));
    }
    let pairs = pairs.into_iter();
    pairs
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// What stands around every answer.
#[derive(Debug, Default)]
pub struct Envelope<T> {
    /// What was asked for; `None` where there is none.
    pub data: Option<T>,
    /// What went wrong: status and words.
    pub errors: Vec<(Option<i64>, String)>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "T: Default + Deserialize<'de>"))]
struct Around<T> {
    data: Option<T>,
    errors: List<Failed>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Failed {
    code: Int,
    #[serde(alias = "message")]
    msg: Word,
}

impl Item for Failed {
    fn is_worth_keeping(&self) -> bool {
        self.code.0.is_some() || !self.msg.0.is_empty()
    }
}

fn envelope<'de, T: Default + Deserialize<'de>>(
    body: &'de [u8],
) -> Result<Envelope<T>, serde_json::Error> {
    // Those of an answer that did not read to its end.
    drop(read::take_words());
    let around: Around<T> = loose::object(body)?;
    let errors = around.errors.items.into_iter();
    Ok(Envelope {
        data: around.data,
        errors: errors.map(|it| (it.code.0, it.msg.0)).collect(),
    })
}

/// Reads a list of names.
pub fn names(body: &[u8]) -> Result<Envelope<Vec<String>>, serde_json::Error> {
    let read: Envelope<Texts> = envelope(body)?;
    Ok(Envelope {
        data: read.data.map(|it| it.0),
        errors: read.errors,
    })
}

/// Reads who called whom.
pub fn dependencies(body: &[u8]) -> Result<Envelope<Vec<Dependency>>, serde_json::Error> {
    let read: Envelope<List<Called<'_>>> = envelope(body)?;
    let data = read.data.map(|called| {
        let called = called.items.into_iter();
        let called = called.map(|it| Dependency {
            parent: it.parent.as_str().to_owned(),
            child: it.child.as_str().to_owned(),
            n_calls: it
                .call_count
                .0
                .and_then(|n| u64::try_from(n).ok())
                .unwrap_or(0),
        });
        called.collect()
    });
    Ok(Envelope {
        data,
        errors: read.errors,
    })
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Called<'a> {
    #[serde(borrow)]
    parent: Text<'a>,
    #[serde(borrow)]
    child: Text<'a>,
    call_count: Int,
}

impl Item for Called<'_> {
    fn is_worth_keeping(&self) -> bool {
        !self.parent.as_str().is_empty() && !self.child.as_str().is_empty()
    }
}

/// Reads traces; `None` where the answer has none, and how many are none. Of a long answer, parts are read `beside` each
/// other.
pub fn traces(
    body: &[u8],
    beside: &impl Beside,
) -> Result<(Envelope<Vec<Trace>>, usize), serde_json::Error> {
    let mut parts = Parts::of(body, beside.n());
    match parts.as_mut().and_then(|it| it.read(beside)) {
        Some(read) => Ok(made(read)),
        None => envelope(body).map(made),
    }
}

/// Makes traces of what was read; returns how many are none, too.
fn made(read: Envelope<List<WireTrace<'_>>>) -> (Envelope<Vec<Trace>>, usize) {
    let mut words = read::take_words();
    let mut n_left_out = 0;
    let data = read.data.map(|all| {
        n_left_out = all.n_dropped;
        let mut out = Vec::with_capacity(all.items.len());
        for trace in all.items {
            match trace.read(&mut words) {
                Some(trace) => out.push(trace),
                None => n_left_out += 1,
            }
        }
        out
    });
    let envelope = Envelope {
        data,
        errors: read.errors,
    };
    (envelope, n_left_out)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireTrace<'a> {
    #[serde(borrow, rename = "traceID", alias = "traceId")]
    id: Text<'a>,
    #[serde(borrow)]
    spans: List<Recorded<'a>>,
    #[serde(borrow)]
    processes: Entries<'a, Object<WireProcess<'a>>>,
    warnings: Texts,
}

impl Item for WireTrace<'_> {
    fn is_worth_keeping(&self) -> bool {
        self.id.0.is_some() || !self.spans.items.is_empty()
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WireSpan<'a> {
    #[serde(borrow, rename = "traceID", alias = "traceId")]
    trace: Text<'a>,
    #[serde(borrow, rename = "spanID", alias = "spanId")]
    id: Text<'a>,
    // Gone since 2018, and still written by some storages.
    #[serde(borrow, rename = "parentSpanID", alias = "parentSpanId")]
    parent: Text<'a>,
    #[serde(borrow)]
    operation_name: Text<'a>,
    #[serde(borrow)]
    references: List<Reference<'a>>,
    start_time: Int,
    duration: Int,
    tags: Tags,
    logs: List<WireLog>,
    #[serde(borrow, rename = "processID", alias = "processId")]
    process_id: Text<'a>,
    // Storages keep it with each span.
    #[serde(borrow)]
    process: Object<WireProcess<'a>>,
    warnings: Texts,
}

/// A span but for its process, which its trace names further on. It is made of what stands on the wire as soon as that
/// was read: ten thousand of those at once would be more than what becomes of them.
#[derive(Deserialize)]
#[serde(from = "WireSpan<'_>", bound(deserialize = "'de: 'a"))]
struct Recorded<'a> {
    /// The trace that it says it belongs to.
    trace: Text<'a>,
    says_id: bool,
    /// `None` where its id is none. Its process is the one that it names itself.
    span: Option<Span>,
    /// Its process by the trace's name for it.
    process_id: Text<'a>,
}

impl Item for Recorded<'_> {
    fn is_worth_keeping(&self) -> bool {
        self.says_id
    }
}

impl<'a> From<WireSpan<'a>> for Recorded<'a> {
    fn from(mut wire: WireSpan<'a>) -> Recorded<'a> {
        let trace = std::mem::take(&mut wire.trace);
        Recorded {
            says_id: wire.id.0.is_some(),
            process_id: std::mem::take(&mut wire.process_id),
            span: read::with_words(|words| wire.read(trace.as_str(), words)),
            trace,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Reference<'a> {
    #[serde(borrow)]
    ref_type: Text<'a>,
    #[serde(borrow, rename = "traceID", alias = "traceId")]
    trace: Text<'a>,
    #[serde(borrow, rename = "spanID", alias = "spanId")]
    span: Text<'a>,
}

impl Item for Reference<'_> {
    fn is_worth_keeping(&self) -> bool {
        self.span.0.is_some()
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireLog {
    timestamp: Int,
    fields: Tags,
}

impl Item for WireLog {
    fn is_worth_keeping(&self) -> bool {
        !self.fields.0.is_empty()
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WireProcess<'a> {
    #[serde(borrow)]
    service_name: Text<'a>,
    tags: Tags,
}

impl WireProcess<'_> {
    fn read(self, words: &mut Words) -> Arc<Process> {
        let process = Process {
            service: self.service_name.as_str().to_owned(),
            tags: self.tags.0,
        };
        words.process(process)
    }
}

impl WireTrace<'_> {
    /// Returns the trace; `None` where it has no id.
    fn read(self, words: &mut Words) -> Option<Trace> {
        let of_spans = || self.spans.items.first().map(|it| it.trace.as_str());
        let id = read::id(self.id.as_str()).or_else(|| read::id(of_spans()?))?;
        let mut processes: HashMap<Cow<'_, str>, Arc<Process>> = HashMap::default();
        for (key, Object(process)) in self.processes.0 {
            if let Some(process) = process {
                processes.insert(key, process.read(words));
            }
        }
        let mut unread = Unread {
            n_shapes: self.spans.n_dropped,
            n_ids: 0,
        };
        let mut spans = Vec::with_capacity(self.spans.items.len());
        for Recorded {
            span, process_id, ..
        } in self.spans.items
        {
            let Some(mut span) = span else {
                unread.n_ids += 1;
                continue;
            };
            if let Some(process) = processes.get(process_id.as_str()) {
                span.process = Arc::clone(process);
            }
            spans.push(span);
        }
        let mut warnings = self.warnings.0;
        warnings.extend(unread.told());
        Some(Trace {
            id: id.into(),
            spans,
            warnings,
        })
    }
}

impl WireSpan<'_> {
    /// Returns the span, with the process that it names itself; `None` where its id is none. A reference to another
    /// trace than its own is none to a parent.
    fn read(self, trace: &str, words: &mut Words) -> Option<Span> {
        let mut span = Span {
            id: read::id(self.id.as_str())?,
            process: match self.process.0 {
                Some(process) => process.read(words),
                None => words.nobody(),
            },
            operation: words.word(self.operation_name.as_str()),
            warnings: self.warnings.0,
            ..Span::default()
        };
        let is_here = |it: &&Reference<'_>| {
            let of = it.trace.as_str();
            of.is_empty() || trace.is_empty() || same(of, trace)
        };
        let references = || self.references.items.iter().filter(is_here);
        let is_child =
            |it: &&Reference<'_>| !it.ref_type.as_str().eq_ignore_ascii_case("FOLLOWS_FROM");
        let reference = references().find(is_child).or_else(|| references().next());
        let parent = match reference {
            Some(it) => it.span.as_str(),
            None => self.parent.as_str(),
        };
        match read::parent(parent) {
            Ok(parent) => span.parent = parent,
            Err(()) => span
                .warnings
                .push("The id of its parent does not read.".to_owned()),
        }
        read::time(&mut span, self.start_time.0, self.duration.0);
        span.tags = self.tags.0;
        let (mut kind, mut error, mut status) = (None, None, None);
        for tag in &span.tags {
            let place = match &*tag.key {
                "span.kind" => &mut kind,
                "error" => &mut error,
                "otel.status_code" => &mut status,
                _ => continue,
            };
            place.get_or_insert(&*tag.value);
        }
        let is_error = error.is_some_and(|it| it.eq_ignore_ascii_case("true"));
        span.is_error = is_error || status == Some("ERROR");
        span.kind = kind.map_or(SpanKind::Internal, read::kind);
        let logs = self.logs.items.into_iter();
        let logs = logs.map(|log| Log {
            at_us: log.timestamp.0.unwrap_or(span.start_us),
            fields: log.fields.0,
        });
        span.logs = logs.collect();
        Some(span)
    }
}

/// Returns whether two ids are the same: some servers cut zeros off in front.
fn same(one: &str, other: &str) -> bool {
    let [one, other] = [one, other].map(|it| it.trim_start_matches('0'));
    one.eq_ignore_ascii_case(other)
}
