//! How one node's or edge's traffic went over the window.

use leptos::prelude::*;
use mesh::api::query::By;
use mesh::api::series::Series;
use mesh::api::{SeriesQuery, TracesQuery};

use super::Store;
use crate::live;
use crate::numbers;
use crate::shell::clock::{time_of_day, time_with_seconds};
use crate::shell::place::use_place;
use crate::trace::traces_of_points;
use crate::ui::chart::{Chart, Ink, Line};
use crate::ui::state::Skeleton;

/// Two charts: requests with errors, and latency. They follow the picture: a new one asks for new series.
#[component]
pub fn Charts(#[prop(into)] id: Signal<Option<String>>) -> impl IntoView {
    let place = use_place();
    let store = expect_context::<Store>();
    let question = Memo::new(move |_| {
        let query = place.query()?;
        Some(SeriesQuery {
            id: id.get()?,
            window: query.window,
            at: query.at,
            by: query.by,
            direction: None,
            heatmap: false,
        })
    });
    let graph_made =
        Memo::new(move |_| store.answer.with(|g| g.as_ref().map(|g| g.generated_at_ms)));
    let series = live::series(question, graph_made.into());
    let search = Memo::new(move |_| {
        let by = place.query()?.by;
        let id = id.get()?;
        store
            .answer
            .with(|graph| search_of(graph.as_deref()?, &id, by))
    });
    move || match series.get() {
        None => view! { <Skeleton lines=3 label="Loading charts" /> }.into_any(),
        Some(Err(problem)) => view! {
            <section class="panel__section">
                <h3>"Over time"</h3>
                <p class="panel__note">{problem.message}" "{problem.hint}</p>
            </section>
        }
        .into_any(),
        Some(Ok(series)) => charts(series, search),
    }
}

/// What the traces of a node's or an edge's calls are searched by; nothing where traces do not know it.
fn search_of(graph: &mesh::api::Graph, id: &str, by: By) -> Option<TracesQuery> {
    if let Some(edge) = graph.edges.iter().find(|it| it.id == id) {
        let edge = (by == By::Workload && edge.protocol != "tcp").then(|| edge.id.clone())?;
        return Some(TracesQuery {
            edge: Some(edge),
            ..TracesQuery::default()
        });
    }
    let node = graph
        .nodes
        .iter()
        .find(|it| it.id == id && it.namespace != "-")?;
    let search = TracesQuery {
        namespace: Some(node.namespace.clone()),
        workload: node.workload.clone(),
        service: node.service.clone().filter(|_| node.workload.is_none()),
        ..TracesQuery::default()
    };
    (search.workload.is_some() || search.service.is_some()).then_some(search)
}

fn charts(series: Series, search: Memo<Option<TracesQuery>>) -> AnyView {
    let place = use_place();
    let found = search.with_untracked(Option::is_some);
    let known = Signal::derive(move || search.get().unwrap_or_default());
    let onward = found.then(|| traces_of_points(place, known, series.step_s));
    // Over hours the seconds are noise.
    let clock = if series.step_s >= 60 {
        time_of_day
    } else {
        time_with_seconds
    };
    let has = |values: &[Option<f64>]| values.iter().any(Option::is_some);
    let latency = has(&series.p50_ms) || has(&series.p95_ms) || has(&series.p99_ms);
    let nothing = !latency && !has(&series.rps);
    let line = |name, ink, filled, values| Line {
        name,
        ink,
        filled,
        values,
    };
    let notices = series
        .notices
        .into_iter()
        .map(|notice| view! { <p class="panel__note">{notice.message}" "{notice.hint}</p> })
        .collect_view();
    if nothing {
        return view! {
            <section class="panel__section">
                <h3>"Over time"</h3>
                <p class="panel__note">"No request figures in this window."</p>
                {notices}
            </section>
        }
        .into_any();
    }
    let at_ms = series.at_ms.clone();
    // Errors that did not happen need no alarm colour.
    let failed = series.errors_rps.iter().flatten().any(|v| *v > 0.0);
    let error_ink = if failed { Ink::Alarm } else { Ink::Quiet };
    view! {
        <section class="panel__section">
            <h3>"Over time"</h3>
            {notices}
            <Chart
                title="Requests"
                at_ms=series.at_ms
                lines=vec![
                    line("all", Ink::First, true, series.rps),
                    line("errors", error_ink, failed, series.errors_rps),
                ]
                unit=numbers::rate
                clock
            />
            {latency.then(|| view! {
                <Chart
                    title="Latency"
                    at_ms
                    lines=vec![
                        line("p50", Ink::First, false, series.p50_ms),
                        line("p95", Ink::Second, false, series.p95_ms),
                        line("p99", Ink::Third, false, series.p99_ms),
                    ]
                    unit=numbers::millis
                    clock
                    onward
                />
            })}
        </section>
    }
    .into_any()
}
