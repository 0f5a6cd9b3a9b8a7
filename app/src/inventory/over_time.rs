//! How the calls to or of one thing went over the window: requests, latency, and latency as a heatmap.

use leptos::prelude::*;
use mesh::api::query::{By, Direction};
use mesh::api::series::Series;
use mesh::api::{SeriesQuery, TracesQuery};

use super::heatmap::LatencyMap;
use crate::live;
use crate::numbers;
use crate::shell::clock::{time_of_day, time_with_seconds};
use crate::shell::place::use_place;
use crate::trace::traces_of_points;
use crate::ui::chart::{Chart, Ink, Line};
use crate::ui::state::Skeleton;

/// Three charts of the calls to `id`, or of those it makes. They are asked for again with every new answer.
#[component]
pub fn OverTime(
    /// The heading.
    title: &'static str,
    /// A node of the graph.
    #[prop(into)]
    id: Signal<Option<String>>,
    /// The projection that the node is of.
    by: By,
    direction: Direction,
    /// Changes with every new answer of the page.
    #[prop(into)]
    made: Signal<Option<i64>>,
    /// What traces of the same calls are searched by.
    #[prop(into)]
    search: Signal<TracesQuery>,
) -> impl IntoView {
    let place = use_place();
    let question = Memo::new(move |_| {
        let query = place.query()?;
        Some(SeriesQuery {
            id: id.get()?,
            window: query.window,
            at: query.at,
            by,
            direction: Some(direction),
            heatmap: true,
        })
    });
    let series = live::series(question, made);
    let body = move || match series.get() {
        None => view! { <Skeleton lines=4 label="Loading charts" /> }.into_any(),
        Some(Err(problem)) => {
            view! { <p class="card__note">{problem.message}" "{problem.hint}</p> }.into_any()
        }
        Some(Ok(series)) => charts(series, search),
    };
    view! {
        <section class="card">
            <h2 class="card__title">{title}</h2>
            {body}
        </section>
    }
}

fn charts(series: Series, search: Signal<TracesQuery>) -> AnyView {
    let place = use_place();
    let onward = Some(traces_of_points(place, search, series.step_s));
    // Over hours the seconds are noise.
    let clock = if series.step_s >= 60 {
        time_of_day
    } else {
        time_with_seconds
    };
    let has = |values: &[Option<f64>]| values.iter().any(Option::is_some);
    let has_latency = has(&series.p50_ms) || has(&series.p95_ms) || has(&series.p99_ms);
    let notices = series
        .notices
        .into_iter()
        .map(|notice| view! { <p class="card__note">{notice.message}" "{notice.hint}</p> })
        .collect_view();
    if !has_latency && !has(&series.rps) {
        return view! {
            <p class="card__note">"No request was counted in this window, so there is nothing to draw."</p>
            {notices}
        }
        .into_any();
    }
    let line = |name, ink, filled, values| Line {
        name,
        ink,
        filled,
        values,
    };
    // Errors that did not happen need no alarm colour.
    let failed = series.errors_rps.iter().flatten().any(|v| *v > 0.0);
    let error_ink = if failed { Ink::Alarm } else { Ink::Quiet };
    let at_ms = series.at_ms;
    let latency = has_latency.then(|| {
        view! {
            <Chart
                title="Latency"
                at_ms=at_ms.clone()
                lines=vec![
                    line("p50", Ink::First, false, series.p50_ms),
                    line("p95", Ink::Second, false, series.p95_ms),
                    line("p99", Ink::Third, false, series.p99_ms),
                ]
                unit=numbers::millis
                clock
                onward
            />
        }
    });
    let map = series
        .heatmap
        .map(|map| view! { <LatencyMap at_ms=at_ms.clone() map clock /> });
    view! {
        <div class="charts">
            <Chart
                title="Requests"
                at_ms=at_ms.clone()
                lines=vec![
                    line("all", Ink::First, true, series.rps),
                    line("errors", error_ink, failed, series.errors_rps),
                ]
                unit=numbers::rate
                clock
            />
            {latency}
            {map}
        </div>
        {notices}
    }
    .into_any()
}
