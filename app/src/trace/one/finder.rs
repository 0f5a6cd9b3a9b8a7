//! Finding spans by words and failures, and going from one to the next.

use std::collections::BTreeMap;
use std::sync::Arc;

use leptos::prelude::*;
use mesh::api::trace::TraceDetails;

use super::tree::Walk;
use crate::shell::place::{Step, use_place};
use crate::trace::words::grouped;
use crate::ui::{Icon, Symbol};

/// Returns the spans whose service and operation have all `words`, of those that failed where `failed`; `None` where
/// nothing is looked for.
pub fn matches(trace: &TraceDetails, words: &str, failed: bool) -> Option<Vec<usize>> {
    let words = words.to_lowercase();
    let words: Vec<&str> = words.split_whitespace().collect();
    if words.is_empty() && !failed {
        return None;
    }
    // Thousands of spans have a few names between them.
    let mut known: BTreeMap<(u32, u32), bool> = BTreeMap::new();
    let mut has_words = |service: u32, operation: u32| {
        *known.entry((service, operation)).or_insert_with(|| {
            let service = trace
                .services
                .get(service as usize)
                .map_or("", |it| it.name.as_str());
            let operation = trace
                .operations
                .get(operation as usize)
                .map_or("", String::as_str);
            let text = format!("{service} {operation}").to_lowercase();
            words.iter().all(|word| text.contains(word))
        })
    };
    let fits = |(at, span): (usize, &mesh::api::trace::SpanRow)| {
        ((!failed || span.failed) && has_words(span.service, span.operation)).then_some(at)
    };
    Some(trace.spans.iter().enumerate().filter_map(fits).collect())
}

/// Returns the match after span `at`, or before it; it goes around.
pub fn next(matches: &[usize], at: usize, is_back: bool) -> Option<usize> {
    if is_back {
        let before = matches.iter().rev().find(|it| **it < at);
        before.or(matches.last()).copied()
    } else {
        let after = matches.iter().find(|it| **it > at);
        after.or(matches.first()).copied()
    }
}

/// The field, the count and the ways to the next.
#[component]
pub fn Finder(walk: Walk) -> impl IntoView {
    let place = use_place();
    let text = Memo::new(move |_| place.address_or_default().text.unwrap_or_default());
    let failed = Memo::new(move |_| place.address_or_default().failed);
    let found: Memo<Option<Arc<Vec<usize>>>> = walk.matches;
    let go = move |is_back: bool| {
        let at = walk.active.get_untracked();
        let to = found.with_untracked(|found| next(found.as_ref()?, at, is_back));
        if let Some(to) = to {
            walk.go(to);
        }
    };
    let count = move || {
        found.with(|found| {
            let found = found.as_ref()?;
            let at = found.binary_search(&walk.active.get()).ok();
            Some(match (found.len(), at) {
                (0, _) => "No span matches".to_owned(),
                (n, Some(at)) => format!("{} of {}", grouped(at + 1), grouped(n)),
                (1, None) => "1 match".to_owned(),
                (n, None) => format!("{} matches", grouped(n)),
            })
        })
    };
    let has_any = Memo::new(move |_| found.with(|it| it.as_ref().is_some_and(|it| !it.is_empty())));
    view! {
        <div class="finder" role="search" aria-label="Find spans">
            <input
                class="field__input finder__words"
                type="search"
                aria-label="Find spans by service or operation"
                placeholder="Service or operation"
                autocomplete="off"
                spellcheck="false"
                prop:value=move || text.get()
                on:input=move |event| {
                    let words = event_target_value(&event);
                    place.change(Step::Replace, |a| a.text = (!words.is_empty()).then_some(words));
                }
                on:keydown=move |event| {
                    if event.key() == "Enter" {
                        event.prevent_default();
                        go(event.shift_key());
                    }
                }
            />
            <button
                type="button"
                class="button"
                aria-pressed=move || failed.get().to_string()
                on:click=move |_| place.change(Step::Replace, |a| a.failed = !a.failed)
            >
                "Errors only"
            </button>
            <span class="finder__count figure" role="status">{count}</span>
            <Show when=move || has_any.get()>
                <button type="button" class="button button--icon" aria-label="Previous match" title="Previous match (Shift Enter)" on:click=move |_| go(true)>
                    <span class="finder__up"><Icon symbol=Symbol::Down /></span>
                </button>
                <button type="button" class="button button--icon" aria-label="Next match" title="Next match (Enter)" on:click=move |_| go(false)>
                    <Icon symbol=Symbol::Down />
                </button>
            </Show>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesh::api::trace::{ServiceShare, SpanRow};

    fn trace() -> TraceDetails {
        let service = |name: &str| ServiceShare {
            name: name.to_owned(),
            n_spans: 0,
            n_errors: 0,
        };
        let span = |service: u32, failed: bool| SpanRow {
            service,
            failed,
            ..SpanRow::default()
        };
        TraceDetails {
            services: vec![service("Cart.shop"), service("web")],
            operations: vec!["GET /cart".to_owned()],
            spans: vec![span(1, true), span(0, false), span(0, true)],
            ..TraceDetails::default()
        }
    }

    #[test]
    fn spans_are_found_by_words_and_failures() {
        assert_eq!(matches(&trace(), " ", false), None);
        assert_eq!(matches(&trace(), "cart.SHOP get", false), Some(vec![1, 2]));
        assert_eq!(matches(&trace(), "cart.shop", true), Some(vec![2]));
        assert_eq!(matches(&trace(), "", true), Some(vec![0, 2]));
        assert_eq!(matches(&trace(), "nobody", false), Some(vec![]));
    }

    #[test]
    fn the_next_match_goes_around() {
        assert_eq!(next(&[2, 5], 2, false), Some(5));
        assert_eq!(next(&[2, 5], 5, false), Some(2));
        assert_eq!(next(&[2, 5], 0, true), Some(5));
        assert_eq!(next(&[], 0, false), None);
    }
}
