//! Two traces side by side: what each is, and where the time went.

use std::sync::Arc;

use leptos::prelude::*;
use mesh::api::trace::TraceDetails;

use super::compare::{Pair, Part, compare};
use crate::fetch::Problem;
use crate::inventory::Ask;
use crate::live::{Failure, Live, Phase};
use crate::shell::clock::day_and_time;
use crate::shell::place::{Step, use_place};
use crate::trace::store::is_same;
use crate::trace::words::{grouped, micros, n_of};
use crate::ui::state::Skeleton;

/// Operations at most; what is left out differs least.
const MOST: usize = 200;

/// The comparison with the trace that the address names.
#[component]
pub fn Versus(
    /// The trace shown.
    trace: Memo<Option<Arc<TraceDetails>>>,
    /// The one that it is compared with.
    other: Live<Ask<TraceDetails>>,
) -> impl IntoView {
    let place = use_place();
    let with = Memo::new(move |_| place.address_or_default().with);
    let second = Memo::new(move |_| {
        let id = with.get()?;
        other.answer.get().filter(|it| is_same(&it.id, &id))
    });
    let failed: Memo<Option<Problem>> = Memo::new(move |_| match other.phase.get() {
        Phase::Failed { problem, .. } => Some(problem),
        _ => None,
    });
    let body = move || match (trace.get(), second.get(), failed.get()) {
        (_, None, Some(problem)) => {
            view! { <Failure problem standing=other.standing() /> }.into_any()
        }
        (Some(a), Some(b), _) => told(&a, &b),
        _ => view! { <Skeleton lines=5 label="Loading the other trace" /> }.into_any(),
    };
    let swap = move || {
        let a = trace
            .with(|it| it.as_ref().map(|it| it.id.clone()))
            .unwrap_or_default();
        place.compare_href(&with.get().unwrap_or_default(), &a)
    };
    view! {
        <section class="card versus">
            <h2 class="card__title">
                "Compared"
                <a class="button versus__swap" href=swap>"Swap"</a>
                <button
                    type="button"
                    class="button"
                    on:click=move |_| place.change(Step::Push, |a| a.with = None)
                >
                    "Stop comparing"
                </button>
            </h2>
            {body}
        </section>
    }
}

fn told(a: &TraceDetails, b: &TraceDetails) -> AnyView {
    let pairs = compare(a, b);
    let left_out = pairs.len().saturating_sub(MOST);
    let rows = pairs.iter().take(MOST).map(line).collect_view();
    view! {
        <dl class="versus__two">{summary("First", a)}{summary("Second", b)}</dl>
        <p class="card__note">{verdict(a, b)}</p>
        <div class="table-frame table-frame--short" tabindex="0" role="region" aria-label="By service and operation">
            <table class="table versus__table">
                <caption class="visually-hidden">"By service and operation, what differs most in its own time first"</caption>
                <thead>
                    <tr>
                        <th scope="col" class="table__head">"Service and operation"</th>
                        <th scope="col" class="table__head table__head--figure">"Spans"</th>
                        <th scope="col" class="table__head table__head--figure versus__spare">"Errors"</th>
                        <th scope="col" class="table__head table__head--figure versus__spare">"Total"</th>
                        <th scope="col" class="table__head table__head--figure">"Of its own"</th>
                        <th scope="col" class="table__head table__head--figure">"Difference"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        {(left_out > 0).then(|| view! {
            <p class="caption">{format!("{} that differ less are left out.", n_of(left_out, "operation", "operations"))}</p>
        })}
    }
    .into_any()
}

fn summary(which: &'static str, trace: &TraceDetails) -> AnyView {
    let place = use_place();
    let id = trace.id.clone();
    let href = move || place.trace_href(&id);
    let root = trace.spans.first();
    let name = root.and_then(|root| {
        let service = &trace.services.get(root.service as usize)?.name;
        Some(format!(
            "{service}: {}",
            trace.operations.get(root.operation as usize)?
        ))
    });
    let facts = format!(
        "{}, {}, {}, {}",
        day_and_time(trace.start_us as f64 / 1000.0),
        micros(trace.duration_us),
        n_of(trace.spans.len(), "span", "spans"),
        n_of(trace.n_errors as usize, "error", "errors"),
    );
    view! {
        <div>
            <dt>{which}</dt>
            <dd><a class="link" href=href>{name.unwrap_or_else(|| trace.id.clone())}</a><span class="versus__facts figure">{facts}</span></dd>
        </div>
    }
    .into_any()
}

fn verdict(a: &TraceDetails, b: &TraceDetails) -> String {
    let more = b.duration_us.saturating_sub(a.duration_us);
    match more {
        0 => "Both took as long.".to_owned(),
        more if more > 0 => format!("The second took {} longer.", micros(more)),
        less => format!("The second took {} less.", micros(less.saturating_abs())),
    }
}

fn line(pair: &Pair) -> AnyView {
    let two = |write: fn(&Part) -> String| {
        let side = |part: &Part| {
            if part.n == 0 {
                "–".to_owned()
            } else {
                write(part)
            }
        };
        format!("{} → {}", side(&pair.a), side(&pair.b))
    };
    let more = pair.more_us();
    let difference = if more > 0 {
        format!("+{}", micros(more))
    } else {
        micros(more)
    };
    let class = if more > 0 {
        "table__figure figure versus__more"
    } else {
        "table__figure figure"
    };
    let errors = if pair.b.n_errors > pair.a.n_errors {
        "table__figure figure versus__spare table__figure--failing"
    } else {
        "table__figure figure versus__spare"
    };
    view! {
        <tr class="table__row">
            <th scope="row" class="table__name listing__name"><b>{pair.service.clone()}</b>" "{pair.operation.clone()}</th>
            <td class="table__figure figure">{two(|it| grouped(it.n as usize))}</td>
            <td class=errors>{two(|it| grouped(it.n_errors as usize))}</td>
            <td class="table__figure figure versus__spare">{two(|it| micros(it.total_us))}</td>
            <td class="table__figure figure">{two(|it| micros(it.self_us))}</td>
            <td class=class>{difference}</td>
        </tr>
    }
    .into_any()
}
