//! The answers about traces that the page holds.

use leptos::prelude::*;
use leptos::task::spawn_local;
use mesh::api::trace::{Names, TraceDetails, Traces};
use mesh::api::{List, Source, SourcesQuery};
use serde::de::DeserializeOwned;

use crate::fetch::{self, Answer};
use crate::inventory::Ask;
use crate::live::{Live, Standing};
use crate::shell::clock::use_clock;
use crate::shell::place::use_place;
use crate::url;

/// The latest answers; cheap to copy. One for the whole page: who comes back sees the old picture at once.
#[derive(Clone, Copy)]
pub struct Store {
    /// What a search found.
    pub found: Live<Ask<Traces>>,
    /// The trace that is shown.
    pub one: Live<Ask<TraceDetails>>,
    /// The trace that it is compared with.
    pub other: Live<Ask<TraceDetails>>,
    /// The trace whose path the graph draws.
    pub path: Live<Ask<TraceDetails>>,
    /// The names that services trace under.
    pub names: Live<Ask<Names>>,
    /// Whether anybody keeps traces; nothing until that is known.
    pub has_tracing: RwSignal<Option<bool>>,
    is_asked: StoredValue<bool>,
}

impl Store {
    /// Returns an empty store.
    pub fn new() -> Store {
        Store {
            found: Live::new(),
            one: Live::new(),
            other: Live::new(),
            path: Live::new(),
            names: Live::new(),
            has_tracing: RwSignal::new(None),
            is_asked: StoredValue::new(false),
        }
    }

    /// Learns whether anybody keeps traces, so that pages of other things do not ask where nobody does.
    pub fn learn(self) {
        if self.is_asked.get_value() {
            return;
        }
        self.is_asked.set_value(true);
        spawn_local(async move {
            let url = url::sources(SourcesQuery::default());
            match fetch::get::<List<Source>>(&url, None, None).await {
                Ok(Answer::Fresh { value, .. }) => {
                    let none = value.notices.iter().any(|it| it.kind == "no_tracing");
                    self.has_tracing.set(Some(!none));
                }
                // Whoever looks next asks again.
                _ => self.is_asked.set_value(false),
            }
        });
    }

    /// Returns how the answer of a page stands, by the page's path; `None` where it has none of these.
    pub fn standing(self, path: &str) -> Option<Standing> {
        match path {
            "traces" => Some(self.found.standing()),
            "traces/names" => Some(self.names.standing()),
            other if other.starts_with("traces/") => Some(self.one.standing()),
            _ => None,
        }
    }
}

/// Keeps an answer as long as the page is seen. No hint tells of new traces: a live page looks now and then.
pub fn follow<A>(live: Live<Ask<A>>, asked: Memo<Option<Ask<A>>>)
where
    A: DeserializeOwned + Send + Sync + 'static,
{
    let place = use_place();
    let clock = use_clock();
    let refresh = Memo::new(move |_| place.address_or_default().refresh);
    Effect::new(move |_| {
        if let Some(ask) = asked.get() {
            live.follow(ask, refresh.get());
        }
    });
    Effect::new(move |_| {
        let now = clock.get();
        // What is no longer asked for is not asked for again.
        if asked.with_untracked(Option::is_some) {
            live.tick(now);
        }
    });
}

/// Returns whether two ids name the same trace: some backends leave leading zeros out.
pub fn is_same(a: &str, b: &str) -> bool {
    let bare = |id: &str| id.trim_start_matches('0').to_ascii_lowercase();
    bare(a) == bare(b)
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn zeros_and_case_make_no_other_trace() {
        assert!(is_same("00ab", "AB"));
        assert!(!is_same("ab0", "ab"));
    }
}
