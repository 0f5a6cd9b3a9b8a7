//! What the pages of one service and of one workload share.

use leptos::prelude::*;
use mesh::api::Health;
use mesh::api::graph::{Flow, Traffic};
use mesh::api::workload::{Injection, Mtls, ObjectLink, Pods};

use super::table::{Column, Row, Rows};
use super::words;
use crate::graph::figures;
use crate::shell::place::{Place, use_place};
use crate::ui::icon::{health_class, health_word};
use crate::ui::{HealthMark, Icon, Symbol};

const CALLS: &[Column] = &[
    Column::Health,
    Column::Name,
    Column::Namespace,
    Column::Protocol,
    Column::Rps,
    Column::Errors,
    Column::P50,
    Column::P95,
    Column::P99,
    Column::Mtls,
];

/// The head of the page: where it is, its name, and the ways to other pages.
pub fn head(
    (section, all): (&'static str, &'static str),
    named: Memo<(String, String)>,
    graph: impl Fn() -> Option<String> + Send + Sync + 'static,
    actions: AnyView,
) -> AnyView {
    let place = use_place();
    view! {
        <header class="thing__head">
            <div class="thing__names">
                <nav class="thing__way" aria-label="Where this is">
                    <a href=move || place.href(section)>{all}</a>
                    <span aria-hidden="true">" / "</span>
                    <a href=move || place.list_in_href(section, &named.get().0)>{move || named.get().0}</a>
                </nav>
                <h1 class="thing__title">{move || named.get().1}</h1>
            </div>
            <div class="thing__actions">
                {actions}
                {move || graph().map(|href| view! {
                    <a class="button button--primary" href=href><Icon symbol=Symbol::Graph />"Show in the graph"</a>
                })}
            </div>
        </header>
    }
    .into_any()
}

/// What is said of a thing before its tables.
pub struct Summary {
    /// How it is.
    pub health: Health,
    /// Calls to it.
    pub inbound: Option<Traffic>,
    /// What flows to it.
    pub flow: Flow,
    /// Calls it makes.
    pub outbound: Option<Traffic>,
    /// Its pods.
    pub pods: Option<Pods>,
    /// How its traffic gets into the mesh.
    pub injection: Injection,
    /// Mutual TLS of the calls to it.
    pub mtls: Mtls,
    /// Other facts; an empty one is left out.
    pub facts: Vec<(&'static str, String)>,
    /// The objects that govern the calls to it, where that is known to be asked.
    pub governed_by: Option<Vec<ObjectLink>>,
}

/// The judgement, the facts and the figures.
pub fn summary(it: Summary) -> AnyView {
    let place = use_place();
    let status = it.health.status;
    let fact = |label: &'static str, value: AnyView| {
        view! { <div><dt>{label}</dt><dd>{value}</dd></div> }
    };
    let facts = it.facts.into_iter().filter(|(_, value)| !value.is_empty());
    let facts = facts
        .map(|(label, value)| fact(label, value.into_any()))
        .collect_view();
    let pods = it
        .pods
        .map(|_| fact("Pods ready", words::pods(it.pods).into_any()));
    let symbol = match it.mtls.ratio {
        Some(ratio) if ratio < 1.0 => Symbol::Unlocked,
        _ => Symbol::Lock,
    };
    let mtls = view! {
        <span class="thing__mtls"><Icon symbol /><span>{words::mtls_in_words(&it.mtls)}</span></span>
    };
    let proxy = view! {
        <b class:listing__warn=words::is_outside(&it.injection)>{words::injection(&it.injection)}</b>
        <span class="caption">{format!(" {}", it.injection.reason)}</span>
    };
    let governed_by = it
        .governed_by
        .map(|objects| fact("Governed by", governing(place, objects)));
    let figures_of = |title, traffic: Option<Traffic>| {
        traffic
            .filter(|it| it.requests > 0.0)
            .map(|it| figures(title, &it, &Flow::default(), true, false))
    };
    let flows = it.flow.client_to_server_bps.is_some() || it.flow.server_to_client_bps.is_some();
    let flows = flows.then(|| {
        let rate = words::rate(None, &it.flow);
        view! { <p class="card__note">{format!("TCP to and from it: {rate}. Of bytes, no errors or latency are known.")}</p> }
    });
    view! {
        <section class="card card--summary">
            <h2 class="visually-hidden">"At a glance"</h2>
            <div class=format!("verdict {}", health_class(status))>
                <HealthMark status=Signal::stored(status) quiet=true />
                <p><b>{health_word(status)}</b>" "{it.health.reason}</p>
            </div>
            <div class="thing__glance">
                <dl class="facts">
                    {facts}
                    {pods}
                    {fact("Proxy", proxy.into_any())}
                    {fact("Mutual TLS", mtls.into_any())}
                    {governed_by}
                </dl>
                <div class="thing__figures">
                    {figures_of("Calls to it", it.inbound)}
                    {figures_of("Calls it makes", it.outbound)}
                    {flows}
                </div>
            </div>
        </section>
    }
    .into_any()
}

/// Routes lead to their editor; DestinationRules have no page of their own, so they lead to the routes they serve.
fn governing(place: Place, objects: Vec<ObjectLink>) -> AnyView {
    if objects.is_empty() {
        return "No route or DestinationRule: calls go to every pod alike.".into_any();
    }
    let links = objects.into_iter().map(|object| {
        let name = words::object_name(&object);
        let href = match object.route {
            Some(id) => place.route_href(Some(&id)),
            None => place.routes_in_href(&object.namespace),
        };
        view! { <li><a class="link" href=href>{name}</a></li> }
    });
    view! { <ul>{links.collect_view()}</ul> }.into_any()
}

/// Calls under their own heading.
pub fn calls(
    title: &'static str,
    names: &'static str,
    none: &'static str,
    rows: Memo<Vec<Row>>,
) -> AnyView {
    let n = Memo::new(move |_| rows.with(Vec::len));
    view! {
        <section class="card">
            <h2 class="card__title">
                {title}
                {move || (n.get() > 0).then(|| view! { <span class="card__count figure">{n.get()}</span> })}
            </h2>
            {or_else(rows, none, move || view! {
                <Rows caption=title columns=CALLS names sorted_by_address=false rows />
            }.into_any())}
        </section>
    }
    .into_any()
}

/// The table, or why there is none.
pub fn or_else(
    rows: Memo<Vec<Row>>,
    none: &'static str,
    table: impl Fn() -> AnyView + Send + Sync + 'static,
) -> impl IntoView {
    let is_empty = Memo::new(move |_| rows.with(Vec::is_empty));
    move || match is_empty.get() {
        true => view! { <p class="card__note">{none}</p> }.into_any(),
        false => table(),
    }
}
