//! What tracing backends said, kept for a little while: whoever comes meanwhile waits for the same answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mesh::trace::{self, Found, Search, Trace};
use mesh::units::{UnixMillis, Window};
use moka::Expiry;
use moka::future::Cache;

use crate::apart::apart;
use crate::clock;
use crate::facts::FactsCache;
use crate::http::ApiError;
use crate::sources::Traces;

/// The traces that are kept, in bytes, each as a search found it or as it was looked at.
const MAX_TRACES: u64 = 64 * 1024 * 1024;
const MAX_FOUND: u64 = 32 * 1024 * 1024;
/// The names change when something new is traced.
const NAMES_HOLD: Duration = Duration::from_secs(5);
/// Operations are suggestions alone: of so many tracing names, for so long.
const MAX_OPERATIONS: u64 = 64;
const OPERATIONS_HOLD: Duration = Duration::from_secs(60);
/// A search is asked again by the page every few seconds.
const FOUND_HOLDS: Duration = Duration::from_secs(5);
/// Spans come in late: a trace that ended so lately grows.
const YOUNG: Duration = Duration::from_secs(120);
const YOUNG_HOLDS: Duration = Duration::from_secs(3);
/// One that is older stays as it is.
const OLD_HOLDS: Duration = Duration::from_secs(60);

/// What was said of traces, by question.
pub struct TraceCache {
    names: Cache<(), Arc<Vec<String>>>,
    operations: Cache<String, Arc<Vec<String>>>,
    found: Cache<Search, Arc<Found>>,
    traces: Cache<String, Arc<Trace>>,
    known: Cache<(Window, UnixMillis), Arc<trace::Known>>,
}

impl Default for TraceCache {
    fn default() -> TraceCache {
        TraceCache {
            names: Cache::builder()
                .max_capacity(1)
                .time_to_live(NAMES_HOLD)
                .build(),
            operations: Cache::builder()
                .max_capacity(MAX_OPERATIONS)
                .time_to_live(OPERATIONS_HOLD)
                .build(),
            found: Cache::builder()
                .max_capacity(MAX_FOUND)
                .weigher(|_, found: &Arc<Found>| {
                    let all = found.traces.iter().map(|it| weight(it));
                    all.fold(0, u32::saturating_add)
                })
                .time_to_live(FOUND_HOLDS)
                .build(),
            traces: Cache::builder()
                .max_capacity(MAX_TRACES)
                .weigher(|_, trace: &Arc<Trace>| weight(trace))
                .expire_after(Age)
                .build(),
            known: Cache::builder()
                .max_capacity(4)
                .time_to_live(Duration::from_secs(20))
                .build(),
        }
    }
}

impl TraceCache {
    /// Returns the names that processes trace under, sorted.
    pub async fn services(&self, source: &Traces) -> Result<Arc<Vec<String>>, ApiError> {
        let asked = async { source.services().await.map(Arc::new) };
        let kept = self.names.try_get_with((), asked).await;
        kept.map_err(|error: Arc<ApiError>| (*error).clone())
    }

    /// Returns the operations of a tracing name, sorted; none where the source does not say: they only help to ask.
    pub async fn operations(&self, source: &Traces, name: &str) -> Arc<Vec<String>> {
        let asked = async { source.operations(name).await.map(Arc::new) };
        let kept = self.operations.try_get_with(name.to_owned(), asked).await;
        kept.unwrap_or_default()
    }

    /// Returns what a search finds. The traces are kept: whoever opens one of the list has it at once.
    pub async fn find(&self, source: &Traces, search: Search) -> Result<Arc<Found>, ApiError> {
        let asked = async {
            let found = source.find(&search).await?;
            for trace in found.traces.iter().filter(|it| !it.spans.is_empty()) {
                self.traces
                    .insert(trace.id.clone(), Arc::clone(trace))
                    .await;
            }
            Ok(Arc::new(found))
        };
        let kept = self.found.try_get_with(search.clone(), asked).await;
        kept.map_err(|error: Arc<ApiError>| (*error).clone())
    }

    /// Returns one trace. That there is none is not kept: it may arrive at any time.
    pub async fn trace(&self, source: &Traces, id: &str) -> Result<Arc<Trace>, ApiError> {
        let asked = async {
            let found = source.trace(id).await?;
            let found = found.filter(|it| !it.spans.is_empty());
            found.map(Arc::new).ok_or_else(|| ApiError::no_trace(id))
        };
        let kept = self.traces.try_get_with(id.to_owned(), asked).await;
        kept.map_err(|error: Arc<ApiError>| (*error).clone())
    }

    /// Returns what the graph knows of a window.
    pub async fn known(
        &self,
        facts: &FactsCache,
        window: Window,
        at: UnixMillis,
    ) -> Result<Arc<trace::Known>, ApiError> {
        let made = async {
            let facts = facts.traffic(window, at).await?;
            let known = apart(move || trace::Known::of(&facts.facts)).await?;
            Ok(Arc::new(known))
        };
        let kept = self.known.try_get_with((window, at), made).await;
        kept.map_err(|error: Arc<ApiError>| (*error).clone())
    }
}

/// A trace holds by its age.
struct Age;

impl Expiry<String, Arc<Trace>> for Age {
    fn expire_after_create(&self, _: &String, trace: &Arc<Trace>, _: Instant) -> Option<Duration> {
        let ago = clock::now().0.saturating_sub(super::end_of(trace).0);
        let is_young = i128::from(ago) < YOUNG.as_millis() as i128;
        Some(if is_young { YOUNG_HOLDS } else { OLD_HOLDS })
    }
}

/// Returns about how many bytes a trace holds.
fn weight(trace: &Trace) -> u32 {
    let tags = |tags: &[trace::Tag]| -> usize {
        tags.iter()
            .map(|it| size_of::<trace::Tag>() + it.value.len() + 16)
            .sum()
    };
    let spans = trace.spans.iter().map(|span| {
        let logs = span.logs.iter().map(|it| 48 + tags(&it.fields));
        size_of::<trace::Span>() + 48 + tags(&span.tags) + logs.sum::<usize>()
    });
    u32::try_from(spans.sum::<usize>()).unwrap_or(u32::MAX)
}
