//! The answer that a page holds, and when the next one is asked for.
//!
//! One place decides: a plan (pure, below) says when the next question is due; once a second, and on
//! every hint of the stream, it is looked whether it is. An old answer stays until a new one is here.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use serde::de::DeserializeOwned;
use web_sys::AbortController;

use crate::fetch::{self, Answer, Problem};
use crate::url::Refresh;

/// What can be asked again and again. A trait, because the graph and the routes differ in nothing else.
pub trait Question: Clone + PartialEq + Send + Sync + 'static {
    /// What comes back.
    type Answer: DeserializeOwned + Send + Sync + 'static;

    /// Returns the address of the whole answer.
    fn url(&self) -> String;

    /// Returns the address of a smaller answer that is worth showing before the whole one.
    fn first_url(&self) -> Option<String> {
        None
    }

    /// Returns whether the smaller answer leaves something out, so that the whole one is worth asking for.
    fn is_part(&self, _answer: &Self::Answer) -> bool {
        true
    }

    /// Returns whether it asks about a past that does not change.
    fn is_fixed(&self) -> bool {
        false
    }

    /// Returns whether a part of the answer is still being made, so that asking again soon is worth it.
    fn is_unfinished(_answer: &Self::Answer) -> bool {
        false
    }
}

/// How the answer stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// Nothing is here yet.
    Loading,
    /// The answer is the newest there is.
    Ready,
    /// The answer is old: asking for the next one fails.
    Stale {
        /// When the answer was new.
        since_ms: f64,
        /// Why there is no newer one.
        problem: Problem,
        /// When it is asked for again.
        retry_at_ms: f64,
    },
    /// There is no answer, and why.
    Failed {
        /// Why.
        problem: Problem,
        /// When it is asked for again, if that may help.
        retry_at_ms: Option<f64>,
    },
}

/// An answer and how it stands; cheap to copy.
pub struct Live<Q: Question> {
    /// The latest answer.
    pub answer: RwSignal<Option<Arc<Q::Answer>>>,
    /// How it stands.
    pub phase: RwSignal<Phase>,
    /// When it was last known to be the newest.
    pub updated_ms: RwSignal<Option<f64>>,
    /// Whether a question is on its way.
    pub busy: RwSignal<bool>,
    inner: StoredValue<Inner<Q>, LocalStorage>,
}

// Derived, it would ask that the question be copied too.
impl<Q: Question> Clone for Live<Q> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Q: Question> Copy for Live<Q> {}

/// How an answer stands, whatever it answers.
#[derive(Clone, Copy)]
pub struct Standing {
    /// How it stands.
    pub phase: RwSignal<Phase>,
    /// When it was last known to be the newest.
    pub updated_ms: RwSignal<Option<f64>>,
    /// Whether a question is on its way.
    pub busy: RwSignal<bool>,
    /// Asks again because the person wants it.
    pub ask_again: Callback<()>,
}

struct Inner<Q> {
    /// What the answer answers.
    query: Option<Q>,
    refresh: Refresh,
    stream_is_open: bool,
    /// Whether the answer is to `query`, not to an earlier one.
    answered: bool,
    etag: Option<String>,
    /// Grows with every new question; an answer to an older one is dropped.
    generation: u64,
    abort: Option<AbortController>,
    failures: u32,
    parts_awaited: u32,
    /// A hint came while a question was on its way.
    again: bool,
    due_ms: Option<f64>,
}

impl<Q> Default for Inner<Q> {
    fn default() -> Inner<Q> {
        Inner {
            query: None,
            refresh: Refresh::default(),
            stream_is_open: false,
            answered: false,
            etag: None,
            generation: 0,
            abort: None,
            failures: 0,
            parts_awaited: 0,
            again: false,
            due_ms: None,
        }
    }
}

/// How often a live page asks while its stream is down.
const WITHOUT_STREAM_MS: f64 = 10_000.0;

/// Returns how long to wait after the `n`th failure in a row.
fn backoff_ms(failures: u32) -> f64 {
    1000.0 * 2f64.powi(failures.saturating_sub(1).min(5) as i32)
}

/// Returns when to ask again after an answer at `now_ms`; `None` means not by itself.
fn next_due(now_ms: f64, refresh: Refresh, fixed: bool, stream_is_open: bool) -> Option<f64> {
    match refresh {
        // What happened up to a fixed time does not change.
        _ if fixed => None,
        Refresh::Paused => None,
        Refresh::Live if stream_is_open => None,
        Refresh::Live => Some(now_ms + WITHOUT_STREAM_MS),
        Refresh::Every(secs) => Some(now_ms + f64::from(secs) * 1000.0),
    }
}

impl<Q: Question> Live<Q> {
    /// Returns one that holds nothing yet.
    pub fn new() -> Live<Q> {
        Live {
            answer: RwSignal::new(None),
            phase: RwSignal::new(Phase::Loading),
            updated_ms: RwSignal::new(None),
            busy: RwSignal::new(false),
            inner: StoredValue::new_local(Inner::default()),
        }
    }

    /// Returns how the answer stands.
    pub fn standing(self) -> Standing {
        Standing {
            phase: self.phase,
            updated_ms: self.updated_ms,
            busy: self.busy,
            ask_again: Callback::new(move |()| self.ask_again()),
        }
    }

    /// Takes over what the URL asks for. A new question is asked at once.
    pub fn follow(self, query: Q, refresh: Refresh) {
        let is_new = self.inner.with_value(|i| i.query.as_ref() != Some(&query));
        self.inner.update_value(|i| {
            i.refresh = refresh;
            i.query = Some(query);
        });
        if is_new {
            self.inner.update_value(|i| {
                i.etag = None;
                i.answered = false;
                i.failures = 0;
                i.parts_awaited = 0;
            });
            self.ask(true);
        } else {
            self.plan();
        }
    }

    /// Asks again because the person wants it.
    pub fn ask_again(self) {
        self.inner.update_value(|i| i.failures = 0);
        let is_empty = self.answer.with_untracked(Option::is_none);
        self.ask(is_empty);
    }

    /// Hears that there is something new.
    pub fn hint(self) {
        let (live, fixed) = self.inner.with_value(|i| {
            let fixed = i.query.as_ref().is_some_and(Q::is_fixed);
            (i.refresh == Refresh::Live, fixed)
        });
        if !live || fixed {
            return;
        }
        if self.busy.get_untracked() {
            self.inner.update_value(|i| i.again = true);
        } else {
            self.ask(false);
        }
    }

    /// Hears whether the stream is open.
    pub fn stream_is(self, open: bool) {
        if self.inner.with_value(|i| i.stream_is_open) != open {
            self.inner.update_value(|i| i.stream_is_open = open);
            self.plan();
        }
    }

    /// Asks if it is time.
    pub fn tick(self, now_ms: f64) {
        let due = self.inner.with_value(|i| i.due_ms);
        if due.is_some_and(|due| due <= now_ms) && !self.busy.get_untracked() {
            self.ask(false);
        }
    }

    fn plan(self) {
        let now = js_sys::Date::now();
        self.inner.update_value(|i| {
            let fixed = i.query.as_ref().is_some_and(Q::is_fixed);
            if i.failures == 0 {
                i.due_ms = next_due(now, i.refresh, fixed, i.stream_is_open);
            }
        });
    }

    /// Sends the question. `first` asks for the smaller answer before the whole one, where there is
    /// one.
    fn ask(self, first: bool) {
        let Some(query) = self.inner.with_value(|i| i.query.clone()) else {
            return;
        };
        let abort = AbortController::new().ok();
        let mut generation = 0;
        self.inner.update_value(|i| {
            i.generation += 1;
            generation = i.generation;
            i.again = false;
            i.due_ms = None;
            if let Some(older) = i.abort.take() {
                older.abort();
            }
            i.abort = abort.clone();
        });
        self.busy.set(true);
        spawn_local(async move {
            let signal = abort.as_ref().map(AbortController::signal);
            let timer = set_timeout_with_handle(
                move || {
                    if let Some(abort) = &abort {
                        abort.abort();
                    }
                },
                std::time::Duration::from_millis(fetch::GIVE_UP_MS),
            );
            let mut worked = true;
            if let Some(smaller) = query.first_url().filter(|_| first) {
                let answer = fetch::get(&smaller, None, signal.as_ref()).await;
                let is_all =
                    matches!(&answer, Ok(Answer::Fresh { value, .. }) if !query.is_part(value));
                // The entity tag belongs to this smaller question, unless both have one answer.
                worked = self.take(generation, answer, is_all) && !is_all;
            }
            if worked {
                let etag = self.inner.try_with_value(|i| i.etag.clone()).flatten();
                let answer = fetch::get(&query.url(), etag.as_deref(), signal.as_ref()).await;
                self.take(generation, answer, true);
            }
            if let Ok(timer) = timer {
                timer.clear();
            }
            self.settle(generation);
        });
    }

    /// Takes an answer in; returns whether it was one, to the newest question.
    fn take(
        self,
        generation: u64,
        answer: Result<Answer<Q::Answer>, Problem>,
        whole: bool,
    ) -> bool {
        if self.inner.try_with_value(|i| i.generation) != Some(generation) {
            return false;
        }
        let now = js_sys::Date::now();
        match answer {
            Ok(answer) => {
                if let Answer::Fresh { value, etag } = answer {
                    let unfinished = Q::is_unfinished(&value);
                    self.inner.update_value(|i| {
                        if whole {
                            i.etag = etag;
                            i.parts_awaited = if unfinished { i.parts_awaited + 1 } else { 0 };
                        }
                    });
                    self.answer.set(Some(Arc::new(value)));
                }
                self.inner.update_value(|i| {
                    i.failures = 0;
                    i.answered = true;
                });
                self.updated_ms.set(Some(now));
                self.phase.set(Phase::Ready);
                if whole {
                    self.plan();
                    self.inner.update_value(|i| {
                        if i.parts_awaited > 0 {
                            let wait = backoff_ms(i.parts_awaited).min(5000.0) * 0.5;
                            i.due_ms = Some(now + wait);
                        }
                    });
                }
                true
            }
            Err(problem) => {
                let mut retry_at = None;
                let answered = self.inner.with_value(|i| i.answered);
                self.inner.update_value(|i| {
                    i.failures += 1;
                    retry_at = problem.may_pass().then(|| now + backoff_ms(i.failures));
                    i.due_ms = retry_at;
                });
                let updated = self.updated_ms.get_untracked();
                // An answer to another question is no stale answer to this one.
                let updated = updated.filter(|_| answered);
                self.phase.set(match (retry_at, updated) {
                    (Some(retry_at_ms), Some(since_ms)) => Phase::Stale {
                        since_ms,
                        problem,
                        retry_at_ms,
                    },
                    _ => Phase::Failed {
                        problem,
                        retry_at_ms: retry_at,
                    },
                });
                false
            }
        }
    }

    fn settle(self, generation: u64) {
        if self.inner.try_with_value(|i| i.generation) != Some(generation) {
            return;
        }
        self.busy.set(false);
        if self.inner.with_value(|i| i.again) {
            self.ask(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_page_asks_by_itself_only_without_its_stream() {
        assert_eq!(next_due(0.0, Refresh::Live, false, true), None);
        assert_eq!(next_due(0.0, Refresh::Live, false, false), Some(10_000.0));
        assert_eq!(
            next_due(0.0, Refresh::Every(15), false, true),
            Some(15_000.0)
        );
        assert_eq!(next_due(0.0, Refresh::Paused, false, true), None);
        assert_eq!(next_due(0.0, Refresh::Every(15), true, true), None);
    }

    #[test]
    fn failures_are_asked_again_ever_more_slowly_up_to_half_a_minute() {
        let waits: Vec<f64> = (1..=8).map(|n| backoff_ms(n) / 1000.0).collect();
        assert_eq!(waits, [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 32.0, 32.0]);
    }
}
