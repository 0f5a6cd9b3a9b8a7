//! The traces of one edge of the graph, beside its figures: those that failed, and the slowest.

use leptos::prelude::*;
use mesh::api::TracesQuery;
use mesh::api::query::By;
use mesh::api::trace::{TraceRow, Traces};

use super::store::Store;
use super::words::micros;
use crate::fetch::Problem;
use crate::live;
use crate::numbers;
use crate::shell::clock::time_with_seconds;
use crate::shell::place::use_place;
use crate::ui::state::Skeleton;
use crate::url;

/// How many of each are listed.
const LISTED: usize = 5;
/// How many slow ones are asked for, of which the slowest are listed.
const ASKED: u32 = 50;

type Told = RwSignal<Option<Result<Traces, Problem>>>;

/// The section of an edge; nothing where it is no edge between workloads, which traces know.
#[component]
pub fn Beside(
    /// The edge's id.
    #[prop(into)]
    edge: Signal<Option<String>>,
    /// What nearly all of its calls are faster than.
    #[prop(into)]
    p95_ms: Signal<Option<f64>>,
) -> impl IntoView {
    let place = use_place();
    let store = expect_context::<Store>();
    store.learn();
    let of_edge = Memo::new(move |_| {
        // Without tracing there is nothing to say of an edge that the sources do not say.
        store.has_tracing.get().filter(|has| *has)?;
        let query = place.query()?;
        let edge = edge.get().filter(|_| query.by == By::Workload)?;
        let search = TracesQuery {
            edge: Some(edge),
            ..TracesQuery::default()
        };
        Some((search, query.window, query.at))
    });
    let failed = live::once::<Traces>(Memo::new(move |_| {
        let (search, window, at) = of_edge.get()?;
        let search = TracesQuery {
            errors: true,
            limit: LISTED as u32,
            ..search
        };
        Some(url::traces(&search, window, at))
    }));
    // Every refresh has another p95: the one of the first look is as good a sieve, and asks once.
    let has_latency = Memo::new(move |_| p95_ms.with(Option::is_some));
    let sieve = RwSignal::new(None::<f64>);
    let slow = live::once::<Traces>(Memo::new(move |_| {
        let (search, window, at) = of_edge.get()?;
        let p95_ms = has_latency
            .get()
            .then(|| p95_ms.get_untracked())
            .flatten()?;
        sieve.set(Some(p95_ms));
        let search = TracesQuery {
            min_duration_us: Some((p95_ms * 1000.0) as i64),
            limit: ASKED,
            ..search
        };
        Some(url::traces(&search, window, at))
    }));
    let all = move || {
        let search = of_edge.get().map(|(search, ..)| search).unwrap_or_default();
        place.traces_href(search, |_| {})
    };
    move || {
        of_edge.with(Option::is_some).then(|| {
            view! {
                <section class="panel__section" aria-label="Traces of these calls">
                    <h3>"Traces"</h3>
                    {move || body(failed, slow, sieve)}
                    <a class="link" href=all>"All traces of these calls"</a>
                </section>
            }
        })
    }
}

fn body(failed: Told, slow: Told, sieve: RwSignal<Option<f64>>) -> AnyView {
    match failed.get() {
        None => view! { <Skeleton lines=3 label="Loading traces" /> }.into_any(),
        Some(Err(problem)) => {
            view! { <p class="panel__note">{problem.message}" "{problem.hint}</p> }.into_any()
        }
        Some(Ok(told)) => {
            let failed = listed("Failed", "None of the sampled calls failed.", told.items);
            let slow = slow.get().and_then(Result::ok).map(|told| {
                let mut rows = told.items;
                rows.sort_by_key(|row| std::cmp::Reverse(duration_us(row)));
                let than = sieve.get().map(numbers::millis).unwrap_or_default();
                let none = "None of the sampled calls was slower.";
                listed(&format!("Slower than p95, {than}"), none, rows)
            });
            view! { {failed}{slow} }.into_any()
        }
    }
}

fn duration_us(row: &TraceRow) -> i64 {
    row.matched
        .as_ref()
        .map_or(row.duration_us, |it| it.duration_us)
}

fn listed(title: &str, none: &'static str, rows: Vec<TraceRow>) -> AnyView {
    let place = use_place();
    if rows.is_empty() {
        return view! { <p class="panel__note"><b>{title.to_owned()}": "</b>{none}</p> }.into_any();
    }
    let items = rows.into_iter().take(LISTED).map(|row| {
        let duration = micros(duration_us(&row));
        let matched = row.matched.as_ref();
        let is_failed = matched.map_or(row.n_errors > 0, |it| it.failed);
        let status = matched.and_then(|it| it.status.clone());
        let class = if is_failed {
            "code code--server"
        } else {
            "code"
        };
        let href = place.trace_href(&row.id);
        view! {
            <li>
                <a class="neighbour beside__trace" href=href>
                    <span class="figure">{time_with_seconds(row.start_us as f64 / 1000.0)}</span>
                    {status.map(|status| view! { <span class=class>{status}</span> })}
                    <span class="neighbour__name">{row.service}": "{row.operation}</span>
                    <span class="figure">{duration}</span>
                </a>
            </li>
        }
    });
    let items = items.collect_view();
    view! {
        <h4 class="beside__title">{title.to_owned()}</h4>
        <ul class="neighbours" aria-label=title.to_owned()>{items}</ul>
    }
    .into_any()
}
