//! Traces: single requests on their way through the mesh, as a tracing backend keeps them.
//!
//! A source answers [`Trace`]s: spans as they were recorded, none of them believed. What Envoy writes into a
//! span's tags is read here alone; a trace becomes a tree with its critical path.
//!
//! What is sampled is never counted as traffic: rates come from metrics.

use std::sync::Arc;

use compact_str::CompactString;

mod beyond;
mod critical;
mod details;
mod hop;
mod known;
pub mod names;
mod path;
mod rank;
mod search;
mod tree;

#[cfg(test)]
mod tests;

pub use beyond::{beyond, unclaimed};
pub use details::{details, span};
pub use known::Known;
pub use rank::ranks;
pub use search::row;

/// What a source says of one request on its way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// Its id: hexadecimal digits in lower case, without leading zeros cut off.
    pub id: String,
    /// Its spans, in any order; ids may be twice there, parents may be missing.
    pub spans: Vec<Span>,
    /// What the source says is wrong with it, and what could not be read.
    pub warnings: Vec<String>,
}

/// Who recorded spans.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// The name under which it traces: `frontend.default`, whatever its tracer was told.
    pub service: String,
    /// What it says of itself.
    pub tags: Vec<Tag>,
}

/// One word about a span. Sources write numbers and truths as numbers or as text; here all are text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag {
    /// Its name.
    pub key: Arc<str>,
    /// Its value, as a person reads it.
    pub value: CompactString,
}

/// What happened within a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// When, in microseconds since the epoch, by the clock of the process.
    pub at_us: i64,
    /// What.
    pub fields: Vec<Tag>,
}

/// Which part of a call a span is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpanKind {
    /// The caller's: it lasts from the request to the answer.
    Client,
    /// The callee's.
    Server,
    /// The sender's, who waits for nothing.
    Producer,
    /// The receiver's.
    Consumer,
    /// Something within a process, or not said.
    #[default]
    Internal,
}

/// One part of a trace, as it was recorded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Span {
    /// Its id, unique within its trace if the tracer is right.
    pub id: CompactString,
    /// The span it belongs to; none for a root.
    pub parent: Option<CompactString>,
    /// Who recorded it.
    pub process: Arc<Process>,
    /// What was done: a route, a method.
    pub operation: Arc<str>,
    /// Which part of a call it is.
    pub kind: SpanKind,
    /// When it began, in microseconds since the epoch, by the clock of the process.
    pub start_us: i64,
    /// How long it took, in microseconds; never negative.
    pub duration_us: i64,
    /// Whether it says of itself that it failed, beside what its tags say.
    pub is_error: bool,
    /// What it says, in the order written.
    pub tags: Vec<Tag>,
    /// What happened within it, in the order written.
    pub logs: Vec<Log>,
    /// What is wrong with it: a negative duration that was taken for none.
    pub warnings: Vec<String>,
}

impl Span {
    /// Returns the value of the first tag of one of these names, in their order.
    pub fn tag(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| {
            let found = self.tags.iter().find(|it| &*it.key == *name)?;
            Some(&*found.value)
        })
    }

    /// Returns when it ended, in microseconds since the epoch, by the clock of the process.
    pub fn end_us(&self) -> i64 {
        self.start_us.saturating_add(self.duration_us)
    }
}

/// Asks for traces with a span that is so: all that is said holds of one span.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Search {
    /// The tracing name of the process that recorded it.
    pub service: String,
    /// Its operation.
    pub operation: Option<String>,
    /// It began at this time or later, in microseconds since the epoch.
    pub since_us: i64,
    /// It began before this time.
    pub until_us: i64,
    /// It took so long at least, in microseconds.
    pub min_duration_us: Option<i64>,
    /// It took so long at most, in microseconds.
    pub max_duration_us: Option<i64>,
    /// Whether it must have failed.
    pub errors: bool,
    /// What it bears, by name and value.
    pub tags: Vec<(String, String)>,
    /// The most traces to answer, the youngest first.
    pub limit: u32,
}

/// What a source answers to a [`Search`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// The traces, whole.
    pub traces: Vec<Arc<Trace>>,
    /// The parameters of [`crate::api::TracesQuery`] that the source did not apply: `tag`, `errors`. Sorted.
    pub not_applied: Vec<&'static str>,
    /// What of its answer could not be read, in sentences.
    pub warnings: Vec<String>,
}

/// How often processes of one name called those of another, as far as calls were sampled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dependency {
    /// The caller's tracing name.
    pub parent: String,
    /// The callee's.
    pub child: String,
    /// How many sampled calls.
    pub n_calls: u64,
}
