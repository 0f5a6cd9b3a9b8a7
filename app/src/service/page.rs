//! One service.

use std::sync::Arc;

use leptos::prelude::*;
use mesh::api::TracesQuery;
use mesh::api::query::{By, Direction};
use mesh::api::service::{PortRow, ServiceDetails};

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

/// One service: its callers, callees and versions, what governs it, and how it went over time.
#[component]
pub fn ServicePage() -> impl IntoView {
    let place = use_place();
    let live = expect_context::<inventory::Store>().service;
    let named = named();
    Effect::new(move |_| set_title(&named.get().1));
    follow(live, move |query| {
        let (namespace, name) = named.get();
        url::inventory_of("services", &namespace, &name, query)
    });
    let frame = Frame::new(
        live,
        move |it| named.with(|(ns, name)| it.service.namespace == *ns && it.service.name == *name),
        |_| false,
    );
    let others = Others {
        what: "Service",
        empty: || ().into_any(),
        unknown: |problem| {
            unknown(
                "There is no such service",
                "services",
                "All services",
                problem,
            )
        },
    };
    let id = frame.pick(|it| it.service.id.clone());
    let graph = move || id.get().map(|id| place.graph_href(&id, By::Service));
    let routes = move || place.routes_in_href(&named.get().0);
    let search = Signal::derive(move || search(&named.get()));
    let actions = view! {
        <Ways search />
        <a class="button" href=routes>"Routes of its namespace"</a>
    };
    let head = thing::head(("services", "Services"), named, graph, actions.into_any());
    frame.view(
        |it| it.notices.clone(),
        head,
        others,
        move || body(frame, search),
    )
}

/// What its traces are searched by.
fn search((namespace, service): &(String, String)) -> TracesQuery {
    TracesQuery {
        namespace: Some(namespace.clone()),
        service: Some(service.clone()),
        ..TracesQuery::default()
    }
}

fn body(frame: Frame<ServiceDetails>, search: Signal<TracesQuery>) -> AnyView {
    let place = use_place();
    let table = move |make: fn(Place, &ServiceDetails) -> Vec<Row>| {
        Memo::new(move |_| {
            let answer: Option<Arc<ServiceDetails>> = frame.answer.get();
            answer.map(|it| make(place, &it)).unwrap_or_default()
        })
    };
    let versions = table(|place, it| rows::versions(place, &it.versions));
    let inbound = table(|place, it| rows::by_caller(place, &it.inbound));
    let outbound = table(|place, it| rows::by_both(place, &it.outbound));
    let id = frame.pick(|it| it.service.id.clone());
    let made = frame.pick(|it| it.at_ms);
    let summary = frame.pick(|it| (it.service.clone(), it.ports.clone(), it.governed_by.clone()));
    let summary = move || {
        let (service, ports, governed_by) = summary.get()?;
        let facts = vec![
            ("Ports", ports_in_words(&ports)),
            ("Versions", service.versions.join(", ")),
        ];
        Some(thing::summary(thing::Summary {
            health: service.health,
            inbound: service.inbound,
            flow: service.inbound_flow,
            outbound: None,
            pods: service.pods,
            injection: service.injection,
            mtls: service.mtls,
            facts,
            governed_by: Some(governed_by),
        }))
    };
    view! {
        <div class="thing">
            {summary}
            <OverTime title="Calls to it over time" id by=By::Service direction=Direction::Inbound made search />
            <section class="card">
                <h2 class="card__title">"Versions"</h2>
                {thing::or_else(versions, "No workload behind it is known.", move || view! {
                    <Shares rows=versions />
                    <Rows caption="Versions, with their share of the calls to it" columns=VERSIONS names="Workload"
                        sorted_by_address=false rows=versions />
                }.into_any())}
            </section>
            {thing::calls("Calls to it, by caller", "Caller", "Nobody called it in this window.", inbound)}
            {thing::calls("Calls its workloads make", "Caller → callee", "Its workloads called nobody in this window.", outbound)}
        </div>
    }
    .into_any()
}

fn ports_in_words(ports: &[PortRow]) -> String {
    let words = ports
        .iter()
        .map(|it| match (&it.app_protocol, it.name.as_str()) {
            (Some(protocol), _) => format!("{} {protocol}", it.port),
            (None, "") => it.port.to_string(),
            (None, name) => format!("{} {name}", it.port),
        });
    words.collect::<Vec<_>>().join(", ")
}
