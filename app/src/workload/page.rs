//! One workload.

use std::sync::Arc;

use leptos::prelude::*;
use mesh::api::TracesQuery;
use mesh::api::query::{By, Direction};
use mesh::api::workload::WorkloadDetails;

use crate::inventory::frame::{Frame, Others, named, unknown};
use crate::inventory::table::{Column, Row, Rows};
use crate::inventory::{self, OverTime, Shares, follow, rows, thing};
use crate::shell::place::{Place, use_place};
use crate::shell::set_title;
use crate::trace::Ways;
use crate::url;

const VERSIONS: &[Column] = &[
    Column::Health,
    Column::Name,
    Column::Versions,
    Column::Share,
    Column::Rps,
    Column::Errors,
    Column::P50,
    Column::P95,
    Column::P99,
    Column::Pods,
    Column::Proxy,
];

/// One workload: its callers, the services it calls, its sibling versions, and how it went over time.
#[component]
pub fn WorkloadPage() -> impl IntoView {
    let place = use_place();
    let live = expect_context::<inventory::Store>().workload;
    let named = named();
    Effect::new(move |_| set_title(&named.get().1));
    follow(live, move |query| {
        let (namespace, name) = named.get();
        url::inventory_of("workloads", &namespace, &name, query)
    });
    let frame = Frame::new(
        live,
        move |it| {
            named.with(|(ns, name)| it.workload.namespace == *ns && it.workload.name == *name)
        },
        |_| false,
    );
    let others = Others {
        what: "Workload",
        empty: || ().into_any(),
        unknown: |problem| {
            unknown(
                "There is no such workload",
                "workloads",
                "All workloads",
                problem,
            )
        },
    };
    let id = frame.pick(|it| it.workload.id.clone());
    let graph = move || id.get().map(|id| place.graph_href(&id, By::Workload));
    let serves = frame.pick(|it| it.serves.clone());
    let search = Signal::derive(move || search(&named.get()));
    let actions = view! {
        <Ways search />
        <span class="thing__serves">{move || services(place, &serves.get().unwrap_or_default())}</span>
    };
    let head = thing::head(("workloads", "Workloads"), named, graph, actions.into_any());
    frame.view(
        |it| it.notices.clone(),
        head,
        others,
        move || body(frame, search),
    )
}

/// What its traces are searched by.
fn search((namespace, workload): &(String, String)) -> TracesQuery {
    TracesQuery {
        namespace: Some(namespace.clone()),
        workload: Some(workload.clone()),
        ..TracesQuery::default()
    }
}

/// Links to the services that it serves.
fn services(place: Place, serves: &[String]) -> Option<AnyView> {
    let links = serves.iter().filter_map(|id| {
        let (namespace, name) = id.split_once('/')?;
        let href = place.thing_href("services", namespace, name);
        Some(view! { <a class="button" href=href>{format!("Service {name}")}</a> })
    });
    let links = links.collect_view();
    (!serves.is_empty()).then(|| links.into_any())
}

fn body(frame: Frame<WorkloadDetails>, search: Signal<TracesQuery>) -> AnyView {
    let place = use_place();
    let table = move |make: fn(Place, &WorkloadDetails) -> Vec<Row>| {
        Memo::new(move |_| {
            let answer: Option<Arc<WorkloadDetails>> = frame.answer.get();
            answer.map(|it| make(place, &it)).unwrap_or_default()
        })
    };
    let versions = table(|place, it| rows::versions(place, &it.versions));
    let inbound = table(|place, it| rows::by_caller(place, &it.inbound));
    let outbound = table(|place, it| rows::by_callee(place, &it.outbound));
    let id = frame.pick(|it| it.workload.id.clone());
    let made = frame.pick(|it| it.at_ms);
    let summary = frame.pick(|it| it.workload.clone());
    let summary = move || {
        let it = summary.get()?;
        let facts = vec![
            ("Kind", it.object.unwrap_or_default()),
            ("App", it.app.unwrap_or_default()),
            ("Version", it.version.unwrap_or_default()),
        ];
        Some(thing::summary(thing::Summary {
            health: it.health,
            inbound: it.inbound,
            flow: it.inbound_flow,
            outbound: it.outbound,
            pods: it.pods,
            injection: it.injection,
            mtls: it.mtls,
            facts,
            governed_by: None,
        }))
    };
    let makes_calls = Memo::new(move |_| outbound.with(|rows| !rows.is_empty()));
    let takes_calls = Memo::new(move |_| inbound.with(|rows| !rows.is_empty()));
    let has_siblings = Memo::new(move |_| versions.with(|rows| rows.len() > 1));
    view! {
        <div class="thing">
            {summary}
            {move || (takes_calls.get() || !makes_calls.get()).then(|| view! {
                <OverTime title="Calls to it over time" id by=By::Workload direction=Direction::Inbound made search />
            })}
            {move || makes_calls.get().then(|| view! {
                <OverTime title="Calls it makes over time" id by=By::Workload direction=Direction::Outbound made search />
            })}
            {thing::calls("Calls to it, by caller", "Caller", "Nobody called it in this window.", inbound)}
            {thing::calls("Calls it makes, by callee", "Callee", "It called nobody in this window.", outbound)}
            {move || has_siblings.get().then(|| view! {
                <section class="card">
                    <h2 class="card__title">"Beside its other versions"</h2>
                    <Shares rows=versions />
                    <Rows caption="Versions of the same app, with their share of the calls" columns=VERSIONS
                        names="Workload" sorted_by_address=false rows=versions />
                </section>
            })}
        </div>
    }
    .into_any()
}
