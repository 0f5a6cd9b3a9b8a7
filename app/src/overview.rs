//! The mesh at one glance: namespaces by health, what fails by name, how fresh the data is.

use leptos::prelude::*;
use mesh::api::overview::{Freshness, MeshTotals, NamespaceRow};
use mesh::api::query::By;

use crate::graph::{quantiles, words as traffic_words};
use crate::inventory::frame::{Frame, Others, empty, list_head, tally, unknown};
use crate::inventory::table::{Column, Ill, Row, Rows, Status};
use crate::inventory::{self, follow, words};
use crate::numbers::{self, NO_DATA};
use crate::shell::clock::{day_and_time, use_clock};
use crate::shell::place::{Place, use_place};
use crate::shell::set_title;
use crate::url;

const COLUMNS: &[Column] = &[
    Column::Health,
    Column::Name,
    Column::Rps,
    Column::Errors,
    Column::P50,
    Column::P95,
    Column::P99,
    Column::Pods,
    Column::Proxy,
    Column::Mtls,
    Column::Ailing,
];

/// Data older than this many scrapes is late.
const LATE_SCRAPES: f64 = 3.0;
/// What a page sees is never fresher than its server's tick.
const TICK_MS: f64 = 5_000.0;

/// All namespaces, worst first, under the totals of the mesh.
#[component]
pub fn OverviewPage() -> impl IntoView {
    set_title("Overview");
    let place = use_place();
    let live = expect_context::<inventory::Store>().overview;
    follow(live, |query| url::inventory("overview", query));
    let frame = Frame::new(live, |_| true, |it| it.items.is_empty());
    let tally = frame.pick(|it| {
        tally(
            ("namespace", "namespaces"),
            it.items.iter().map(|it| it.health.status),
        )
    });
    let rows = Memo::new(move |_| {
        frame.answer.with(|answer| {
            let items = answer.iter().flat_map(|it| &it.items);
            items.map(|it| row(place, it)).collect::<Vec<_>>()
        })
    });
    let totals = frame.pick(|it| it.totals.clone());
    let freshness = frame.pick(|it| it.freshness.clone());
    let others = Others {
        what: "Overview",
        empty: || {
            empty(
                "Nothing to oversee",
                "No traffic was counted, and no cluster tells of a workload.",
            )
        },
        unknown: |problem| unknown("Not found", "overview", "The overview", problem),
    };
    let ready = move || {
        view! {
            <div class="overview">
                <section class="card card--totals">
                    <h2 class="visually-hidden">"The mesh in figures"</h2>
                    <dl class="totals">
                        {move || totals.get().map(|it| figures(&it))}
                        {move || freshness.get().map(|it| fresh(&it))}
                    </dl>
                </section>
                <h2 class="visually-hidden">"Namespaces"</h2>
                <Rows caption="Namespaces" columns=COLUMNS names="Namespace" rows />
            </div>
        }
        .into_any()
    };
    frame.view(
        |it| it.notices.clone(),
        list_head("Overview", tally),
        others,
        ready,
    )
}

fn row(place: Place, it: &NamespaceRow) -> Row {
    let ailing = it.ailing.iter().map(|ill| {
        let has_page = inventory::rows::has_page(ill.kind);
        Ill {
            name: ill.name.clone(),
            href: match has_page {
                true => place.thing_href("workloads", &it.name, &ill.name),
                false => place.graph_href(&ill.id, By::Workload),
            },
            status: ill.health.status,
            reason: ill.health.reason.clone(),
        }
    });
    Row {
        key: it.name.clone(),
        name: it.name.clone(),
        namespace: it.name.clone(),
        href: Some(place.list_in_href("workloads", &it.name)),
        graph_href: place.graph_of_href(&it.name),
        status: Status(it.health.status),
        reason: it.health.reason.clone(),
        traffic: it.inbound.clone(),
        flow: it.inbound_flow,
        pods: it.pods,
        injection: it.injection.clone(),
        mtls: it.mtls.clone(),
        ailing: ailing.collect(),
        more_ailing: it.n_ailing.saturating_sub(it.ailing.len()),
        ..Row::default()
    }
}

fn figure(label: &'static str, value: String, more: Option<String>) -> impl IntoView {
    view! {
        <div class="totals__item">
            <dt>{label}</dt>
            <dd class="figure">{value}{more.map(|it| view! { <span class="totals__more">{it}</span> })}</dd>
        </div>
    }
}

fn figures(it: &MeshTotals) -> AnyView {
    let none = || NO_DATA.to_owned();
    let calls = it.calls.as_ref();
    let p95 = calls.map(quantiles).map_or_else(none, |[_, p95, _]| p95);
    view! {
        {figure("Calls", calls.map_or_else(none, |it| numbers::rate(it.rps)), None)}
        {figure("Errors", calls.map_or_else(none, traffic_words::failed), None)}
        {figure("p95", p95, None)}
        {figure("Services", it.n_services.to_string(), None)}
        {figure("Workloads", it.n_workloads.to_string(), None)}
        {figure("Pods ready", words::pods(it.pods), None)}
        {figure("Mutual TLS", words::mtls(&it.mtls), None)}
    }
    .into_any()
}

/// How old the newest data is, and how often there is new data.
fn fresh(it: &Freshness) -> AnyView {
    let (clock, place) = (use_clock(), use_place());
    let (newest, every) = (it.newest_ms, it.scrape_interval_s);
    let age = move || {
        let Some(newest) = newest else {
            return NO_DATA.to_owned();
        };
        match place.address_or_default().query.at {
            Some(_) => day_and_time(newest as f64),
            None => numbers::ago((clock.get() - newest as f64).max(0.0)),
        }
    };
    let late = move || {
        let age = clock.get() - newest? as f64;
        let is_past = place.address_or_default().query.at.is_some();
        let limit = LATE_SCRAPES * every? * 1000.0 + 2.0 * TICK_MS;
        (age > limit && !is_past).then_some("late: see the sources")
    };
    let pace = every.map(|secs| match secs {
        s if s < 1.0 => format!("counted every {}", numbers::millis(s * 1000.0)),
        s => format!("scraped about every {}", numbers::seconds(s.round() as u32)),
    });
    view! {
        <div class="totals__item">
            <dt>"Newest data"</dt>
            <dd class="figure">
                {age}
                <span class="totals__more">
                    {move || match late() {
                        Some(late) => view! { <b class="listing__warn">{late}</b> }.into_any(),
                        None => pace.clone().into_any(),
                    }}
                </span>
            </dd>
        </div>
    }
    .into_any()
}
