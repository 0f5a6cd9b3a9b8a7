//! The page of the control plane.

use leptos::prelude::*;
use mesh::api::control_plane::{Build, ControlPlane, Counted, Finding, Istiod};
use mesh::api::links::LinksQuery;
use mesh::api::queries::Of;

use super::words;
use crate::inventory::follow;
use crate::inventory::frame::{Frame, Others, unknown};
use crate::links::Dashboards;
use crate::numbers::{self, NO_DATA};
use crate::queries::PromQl;
use crate::reports::{self, head};
use crate::shell::place::use_place;
use crate::shell::set_title;
use crate::ui::HealthMark;
use crate::ui::icon::health_class;
use crate::ui::state::{Message, sentence};
use crate::url;

/// How the control plane does: judgements, figures, pods, pushes, versions.
#[component]
pub fn ControlPlanePage() -> impl IntoView {
    set_title("Control plane");
    let place = use_place();
    let live = expect_context::<reports::Store>().control_plane;
    follow(live, |query| url::control_plane(query.window, query.at));
    let frame = Frame::new(live, |_| true, is_unknown);
    let tally = frame.pick(words::tally);
    let links = Memo::new(move |_| {
        let query = place.query()?;
        Some(LinksQuery {
            window: query.window,
            at: query.at,
            ..LinksQuery::default()
        })
    });
    let tools = view! { <Dashboards query=links /><PromQl of=Of::ControlPlane /> }.into_any();
    let others = Others {
        what: "Control plane",
        empty: || view! { <Nothing /> }.into_any(),
        unknown: |problem| unknown("Not found", "control-plane", "The control plane", problem),
    };
    let ready = move || {
        let told = frame.answer.get();
        told.map(|told| body(&told)).into_any()
    };
    frame.view(
        |told| told.notices.clone(),
        head("Control plane", tally, tools),
        others,
        ready,
    )
}

fn is_unknown(told: &ControlPlane) -> bool {
    told.istiods.is_empty()
        && told.builds.is_empty()
        && told.pushes.is_empty()
        && told.connected_proxies.is_none()
        && told.convergence.is_none()
}

/// Nobody tells anything: why, and the next step.
#[component]
fn Nothing() -> impl IntoView {
    let place = use_place();
    view! {
        <Message
            title="The control plane tells nothing"
            text="Istiod has metrics on port 15014 of its pods, and the source of the metrics holds none of them. On \
                  AKS’s add-on they are there too, but nobody scrapes them unless told to."
            hint=Some("Have istiod scraped: the sources’ page has the text to paste.".to_owned())
        >
            <a class="button button--primary" href=move || place.href("sources")>"See the sources"</a>
        </Message>
    }
}

fn body(told: &ControlPlane) -> AnyView {
    view! {
        <div class="report">
            {figures(told)}
            <section class="card" aria-labelledby="findings">
                <h2 class="card__title" id="findings">"How it stands"</h2>
                <ul class="findings">{told.findings.iter().map(finding).collect_view()}</ul>
            </section>
            <div class="report__columns">
                {istiods(&told.istiods)}
                {pushes(told)}
                {builds(&told.builds)}
            </div>
        </div>
    }
    .into_any()
}

fn figures(told: &ControlPlane) -> AnyView {
    let figure = |label: &'static str, value: String, more: Option<String>| {
        view! {
            <div class="totals__item">
                <dt>{label}</dt>
                <dd class="figure">{value}{more.map(|more| view! { <span class="totals__more">{more}</span> })}</dd>
            </div>
        }
    };
    let count = |n: Option<f64>| n.map_or_else(|| NO_DATA.to_owned(), numbers::count);
    let window = numbers::span(told.window_s);
    let up = told.istiods.iter().filter(|it| it.is_up).count();
    let up = match told.istiods.len() {
        0 => NO_DATA.to_owned(),
        all => format!("{up} of {all}"),
    };
    let latency = told.convergence.clone().unwrap_or_default();
    let convergence = words::quantile(&latency, latency.p99_ms, 2);
    let median = told
        .convergence
        .as_ref()
        .map(|it| format!("p50 {}", words::quantile(it, it.p50_ms, 0)));
    let expected = told.expected_proxies.map(|n| format!("{n} expected"));
    let n_pushes: f64 = told.pushes.iter().map(|it| it.count).sum();
    let rate = (n_pushes > 0.0)
        .then(|| numbers::rate(n_pushes / f64::from(told.window_s.max(1))).replace("rps", "/s"));
    // istiod tells a kind of failure from the first one on.
    let untold = |is_empty: bool| is_empty.then(|| "none told".to_owned());
    view! {
        <section class="card" aria-label=format!("The last {window} in figures")>
            <dl class="totals">
                {figure("istiod up", up, None)}
                {figure("Proxies connected", count(told.connected_proxies), expected)}
                {figure("Changes arrive, p99", convergence, median)}
                {figure("Pushes", words::sum(&told.pushes), rate)}
                {figure("Refused", words::sum(&told.rejects), untold(told.rejects.is_empty()))}
                {figure("Failed pushes", words::sum(&told.push_errors), untold(told.push_errors.is_empty()))}
                {figure("Internal errors", count(told.internal_errors), None)}
                {figure("Timed out", count(told.write_timeouts), None)}
                {figure(
                    "Root certificate",
                    told.root_cert_expires_in_s.map_or_else(|| NO_DATA.to_owned(), words::left),
                    None,
                )}
            </dl>
        </section>
    }
    .into_any()
}

fn finding(finding: &Finding) -> impl IntoView + use<> {
    view! {
        <li class=format!("finding {}", health_class(finding.health.status))>
            <HealthMark status=Signal::stored(finding.health.status) />
            <b class="finding__about">{words::about(&finding.about)}</b>
            <p class="finding__text">
                {finding.health.reason.clone()}
                {finding.hint.as_ref().map(|hint| view! { " "<span class="finding__hint">{sentence(hint)}</span> })}
            </p>
        </li>
    }
}

fn istiods(pods: &[Istiod]) -> Option<AnyView> {
    let rows = pods
        .iter()
        .map(|pod| {
            let state = if pod.is_up { "up" } else { "does not answer" };
            let class = if pod.is_up { "" } else { "listing__warn" };
            view! {
                <tr>
                    <th scope="row">{pod.pod.clone()}<span class="caption report__under">{pod.namespace.clone()}</span></th>
                    <td class=class>{state}</td>
                    <td>{pod.version.clone().unwrap_or_else(|| NO_DATA.to_owned())}</td>
                    <td class="figure">{pod.uptime_s.map_or_else(|| NO_DATA.to_owned(), words::left)}</td>
                    <td class="figure">{pod.connected_proxies.map_or_else(|| NO_DATA.to_owned(), numbers::count)}</td>
                </tr>
            }
        })
        .collect_view();
    (!pods.is_empty()).then(|| view! {
        <section class="card" aria-labelledby="istiods">
            <h2 class="card__title" id="istiods">"istiod pods"</h2>
            <table class="small-table">
                <thead>
                    <tr>
                        <th scope="col">"Pod"</th><th scope="col">"State"</th><th scope="col">"Version"</th>
                        <th scope="col">"Runs for"</th><th scope="col">"Proxies"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
    .into_any())
}

fn pushes(told: &ControlPlane) -> Option<AnyView> {
    let refused = |kind: &str| -> String {
        let one = told.rejects.iter().find(|it| it.kind == kind);
        // Where refusals are told without their type, none of them is of this one for sure.
        let by_type = told.rejects.iter().any(|it| it.kind != "all");
        match one {
            Some(it) => numbers::count(it.count),
            None if by_type => "0".to_owned(),
            None => NO_DATA.to_owned(),
        }
    };
    let line = |it: &Counted, refused: String| {
        view! {
            <tr>
                <th scope="row">
                    {it.kind.to_uppercase().replace('_', " ")}" "<span class="caption">{words::kind(&it.kind)}</span>
                </th>
                <td class="figure">{numbers::count(it.count)}</td>
                <td class="figure">{refused}</td>
            </tr>
        }
    };
    let sent = told
        .pushes
        .iter()
        .map(|it| line(it, refused(&it.kind)))
        .collect_view();
    let failed = told
        .push_errors
        .iter()
        .map(|it| line(it, NO_DATA.to_owned()))
        .collect_view();
    (!told.pushes.is_empty()).then(|| view! {
        <section class="card" aria-labelledby="pushes">
            <h2 class="card__title" id="pushes">"Configuration sent" <span class="card__count">{numbers::span(told.window_s)}</span></h2>
            <table class="small-table">
                <thead>
                    <tr><th scope="col">"Type"</th><th scope="col">"Pushes"</th><th scope="col">"Refused"</th></tr>
                </thead>
                <tbody>{sent}{failed}</tbody>
            </table>
        </section>
    }
    .into_any())
}

fn builds(builds: &[Build]) -> Option<AnyView> {
    let rows = builds
        .iter()
        .map(|it| {
            view! {
                <tr>
                    <th scope="row">{it.component.clone()}</th>
                    <td>{it.version.clone()}</td>
                    <td class="figure">{numbers::count(it.pods)}</td>
                </tr>
            }
        })
        .collect_view();
    (!builds.is_empty()).then(|| view! {
        <section class="card" aria-labelledby="builds">
            <h2 class="card__title" id="builds">"Versions"</h2>
            <table class="small-table">
                <thead>
                    <tr><th scope="col">"Component"</th><th scope="col">"Version"</th><th scope="col">"Pods"</th></tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
    .into_any())
}
