//! One span as a row: who and what, how long, and when on the axis of its trace.

use std::sync::Arc;

use leptos::attr::custom::custom_attribute;
use leptos::prelude::*;
use mesh::api::trace::{SpanRow, TraceDetails};
use web_sys::MouseEvent;

use super::hue::hue;
use super::rank;
use super::rows::HEIGHT;
use super::tree::Walk;
use crate::trace::words::{grouped, micros};
use crate::ui::{Icon, Symbol};

/// How far a span stands in from its parent, in pixels, and the depth from which on it stands in no further.
const STEP: u32 = 14;
const DEEPEST: u32 = 24;

/// The width of the axis, in its own units.
const WIDE: f64 = 1000.0;

/// The id of a span's element: what keys are at is named by it.
pub fn element_id(span: usize) -> String {
    format!("span-{span}")
}

/// A row in its place. It stays what it is as long as it is in view.
#[component]
pub fn Line(walk: Walk, trace: Arc<TraceDetails>, span: usize, row: usize) -> impl IntoView {
    let Some(it) = trace.spans.get(span).cloned() else {
        return ().into_any();
    };
    let service = trace
        .services
        .get(it.service as usize)
        .map(|it| it.name.clone());
    let service = service.unwrap_or_default();
    let operation = trace
        .operations
        .get(it.operation as usize)
        .cloned()
        .unwrap_or_default();
    let is_active = move || walk.active.get() == span;
    let is_folded = move || walk.folded.with(|folded| folded.contains(&span));
    let is_match = move || walk.is_match(span);
    let rank = Memo::new({
        let id = it.id.clone();
        move |_| walk.ranks.with(|ranks| ranks.get(id.as_str()).cloned())
    });
    let has_children = it.n_below > 0;
    let failed = it.failed;
    let title = format!("{service}: {operation}");
    let indent = STEP * it.depth.min(DEEPEST);
    let n_below = it.n_below as usize;
    let fold = move |event: MouseEvent| {
        event.stop_propagation();
        walk.turn(span);
    };
    // Of the words that readers of the screen know, the macro does not know this one.
    let level = custom_attribute("aria-level", (it.depth + 1).to_string());
    view! {
        <div
            class="span"
            class:span--active=is_active
            class:span--failed=failed
            class:span--away=move || !is_match()
            role="row"
            id=element_id(span)
            aria-rowindex=(row + 2).to_string()
            {..level}
            aria-expanded=move || has_children.then(|| (!is_folded()).to_string())
            aria-selected=move || is_active().to_string()
            style:transform=format!("translateY({}px)", row as f64 * HEIGHT)
            on:click=move |_| walk.open(span)
        >
            <div class="span__name" role="gridcell" title=title style:padding-left=format!("{indent}px")>
                {match has_children {
                    true => view! {
                        <button
                            type="button"
                            class="span__fold"
                            tabindex="-1"
                            aria-hidden="true"
                            title=move || if is_folded() { format!("Unfold {}", grouped(n_below)) } else { "Fold".to_owned() }
                            on:click=fold
                        >
                            {move || {
                                let symbol = if is_folded() { Symbol::Expand } else { Symbol::Down };
                                view! { <Icon symbol /> }
                            }}
                        </button>
                    }
                    .into_any(),
                    false => view! { <span class="span__fold"></span> }.into_any(),
                }}
                <span class=format!("span__swatch {}", hue(it.service))></span>
                {failed.then(|| view! {
                    <span class="span__error"><Icon symbol=Symbol::Close /><span class="visually-hidden">"Failed: "</span></span>
                })}
                <b class="span__service">{service}</b>
                <span class="span__operation">{operation}</span>
                {move || is_folded().then(|| view! { <span class="span__below figure">{format!("+{}", grouped(n_below))}</span> })}
                {it.is_orphan.then(|| view! { <span class="span__orphan" title="Its parent is not in this trace">"no parent"</span> })}
            </div>
            <div class="span__status" role="gridcell">
                {it.status.as_ref().map(|it| view! { <span class="code" class:code--server=failed>{it.to_string()}</span> })}
                {move || rank.get().filter(rank::is_slow).map(|rank| view! {
                    <span class="span__slow" title=rank::words(&rank)>{rank::mark(&rank)}</span>
                })}
            </div>
            <div class="span__duration figure" role="gridcell">{micros(it.duration_us)}</div>
            <div class="span__axis" role="gridcell">{axis(&it, trace.duration_us)}</div>
        </div>
    }
    .into_any()
}

/// The bar of a span, and the parts of it that the whole trace waited for.
fn axis(span: &SpanRow, whole_us: i64) -> AnyView {
    let place = |us: i64| (us as f64 / whole_us.max(1) as f64 * WIDE).clamp(0.0, WIDE);
    let (x, width) = bar(span.at_us, span.duration_us, whole_us);
    let critical = span.critical.iter().map(|[from, to]| {
        let (from, to) = (place(*from), place(*to));
        view! { <rect class="span__critical" x=format!("{from:.2}") y="14" height="4" width=format!("{:.2}", (to - from).max(1.0)) /> }
    });
    let waited = (!span.critical.is_empty())
        .then(|| view! { <span class="visually-hidden">"on the critical path"</span> });
    view! {
        <svg class=format!("span__picture {}", hue(span.service)) viewBox="0 0 1000 20" preserveAspectRatio="none" aria-hidden="true" focusable="false">
            <rect class="span__bar" x=format!("{x:.2}") y="4" height="9" width=format!("{width:.2}") />
            {critical.collect_view()}
        </svg>
        {waited}
    }
    .into_any()
}

/// Where a bar begins and how wide it is: never outside of its axis, never too thin to see.
fn bar(at_us: i64, duration_us: i64, whole_us: i64) -> (f64, f64) {
    const THINNEST: f64 = 2.5;
    let share = |us: i64| (us as f64 / whole_us.max(1) as f64 * WIDE).clamp(0.0, WIDE);
    let x = share(at_us).min(WIDE - THINNEST);
    let width = (share(at_us.saturating_add(duration_us)) - x).max(THINNEST);
    (x, width)
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn a_bar_is_on_its_axis_and_seen() {
        assert_eq!(bar(250, 500, 1000), (250.0, 500.0));
        assert_eq!(bar(1000, 0, 1000), (997.5, 2.5));
        assert_eq!(bar(-10, 5, 1000), (0.0, 2.5));
        assert_eq!(bar(0, i64::MAX, 0), (0.0, 1000.0));
    }
}
