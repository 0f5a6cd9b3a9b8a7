//! The page of the circuit breakers.

use leptos::prelude::*;
use leptos::task::spawn_local;
use mesh::api::breakers::{Breaker, Exposed, Ineffective, Limits, Part};
use mesh::api::changes::Edit;
use mesh::api::objects::WholeObject;
use mesh::api::queries::Of;

use super::words;
use crate::fetch::{self, Answer};
use crate::inventory::follow;
use crate::inventory::frame::{Frame, Others, empty, unknown};
use crate::numbers::{self, NO_DATA};
use crate::queries::PromQl;
use crate::reports::{self, head};
use crate::routes::forms::{Came, Form, Forms};
use crate::routes::{self, Helm, Preview, Proposal, What};
use crate::shell::place::use_place;
use crate::shell::set_title;
use crate::ui::pastes::Pastes;
use crate::ui::state::sentence;
use crate::ui::{HealthMark, Icon, Symbol};
use crate::url;

/// Circuit breakers as they are set, what of it holds, and how they acted.
#[component]
pub fn BreakersPage() -> impl IntoView {
    set_title("Circuit breakers");
    let live = expect_context::<reports::Store>().breakers;
    follow(live, url::breakers);
    let frame = Frame::new(live, |_| true, |told| told.items.is_empty());
    let tally = frame.pick(words::tally);
    let others = Others {
        what: "Circuit breakers",
        empty: || {
            empty(
                "No circuit breakers",
                "No call met a limit and, as far as is known, no DestinationRule sets one. Istio’s own limits are so \
                 high that nothing meets them.",
            )
        },
        unknown: |problem| unknown("Not found", "breakers", "All circuit breakers", problem),
    };
    let tools = view! { <PromQl of=Of::Breakers /> }.into_any();
    let ids = Memo::new(move |_| {
        let told = frame.answer.get();
        let items = told.iter().flat_map(|it| &it.items);
        items.map(|it| it.id.clone()).collect::<Vec<_>>()
    });
    // Kept apart, so that a refresh does not take what is being read or copied away.
    let expose = frame.pick(|told| told.expose.clone());
    let exposed = frame.pick(|told| told.exposed);
    let without = frame.pick(|told| told.without);
    let helm = Helm::new(expect_context::<routes::Store>(), String::new());
    // What was changed shows here, too.
    Effect::new(move |_| {
        if helm.note.with(Option::is_some) {
            live.ask_again();
        }
    });
    let card = move |id: String| {
        let breaker = Memo::new(move |_| {
            let told = frame.answer.get()?;
            let found = told.items.iter().find(|it| it.id == id);
            found.map(|it| (it.clone(), told.exposed))
        });
        view! {
            <li class="card breaker">
                {move || breaker.get().map(|(breaker, exposed)| host(&breaker, exposed, helm))}
            </li>
        }
    };
    let ready = move || {
        view! {
            <div class="report">
                <Came helm />
                <Forms helm />
                <Preview helm />
                <ul class="breakers" aria-label="Hosts, worst first">
                    <For each=move || ids.get() key=Clone::clone children=card />
                </ul>
                {move || without.get().filter(|n| *n > 0).map(|n| view! {
                    <p class="report__note">
                        {format!(
                            "{n} more {} no limit of {} own: Istio’s defaults hold, which nothing meets, and no endpoint is ejected.",
                            if n == 1 { "service has" } else { "services have" },
                            if n == 1 { "its" } else { "their" },
                        )}
                    </p>
                })}
                {move || {
                    let (pastes, exposed) = (expose.get()?, exposed.get()?);
                    (!pastes.is_empty()).then(|| view! {
                        <section class="card" aria-labelledby="expose">
                            <h2 class="card__title" id="expose">"Have Envoy tell more"</h2>
                            <p class="card__note">{missing(exposed)}</p>
                            <Pastes name="expose" pastes />
                        </section>
                    })
                }}
            </div>
        }
        .into_any()
    };
    frame.view(
        |told| told.notices.clone(),
        head("Circuit breakers", tally, tools),
        others,
        ready,
    )
}

/// Returns which of Envoy's own figures are not there.
fn missing(exposed: Exposed) -> String {
    if exposed.none() {
        return "Envoy counts what each breaker refuses and whom it ejects, by subset. Istio leaves these figures out \
                unless told to, so only the response flags UO and UH above tell what happened."
            .to_owned();
    }
    let named = [
        (exposed.pending_overflow, "refused requests"),
        (exposed.connection_overflow, "refused connections"),
        (exposed.retry_overflow, "refused retries"),
        (exposed.ejections, "ejections"),
        (exposed.ejected_now, "endpoints ejected now"),
        (exposed.open_now, "open breakers"),
    ];
    let missing: Vec<&str> = named
        .iter()
        .filter(|(there, _)| !there)
        .map(|(_, word)| *word)
        .collect();
    format!(
        "Not told by any proxy: {}. A proxy tells of it only once it was told to.",
        missing.join(", ")
    )
}

fn host(breaker: &Breaker, exposed: Exposed, helm: Helm) -> AnyView {
    let place = use_place();
    let name = breaker
        .service
        .clone()
        .unwrap_or_else(|| breaker.id.clone());
    let title = match (&breaker.service, &breaker.namespace) {
        (Some(service), Some(namespace)) => {
            let (service, namespace) = (service.clone(), namespace.clone());
            let href = move || place.thing_href("services", &namespace, &service);
            view! { <a class="listing__open" href=href>{name}</a> }.into_any()
        }
        _ => view! { {name} }.into_any(),
    };
    let count = |n: Option<f64>| n.map_or_else(|| NO_DATA.to_owned(), numbers::count);
    let figure = |label: &'static str, more: &'static str, n: Option<f64>, is_bad: bool| {
        let class = if is_bad && n.unwrap_or(0.0) > 0.0 {
            "figure table__figure--failing"
        } else {
            "figure"
        };
        view! {
            <div class="totals__item" title=more>
                <dt>{label}</dt>
                <dd class=class>{count(n)}</dd>
            </div>
        }
    };
    view! {
        <header class="breaker__head">
            <HealthMark status=Signal::stored(breaker.health.status) />
            <h2 class="breaker__name">{title}</h2>
            <span class="card__count">{breaker.namespace.clone().map(|it| format!("in {it}"))}</span>
            <p class="breaker__reason">{breaker.health.reason.clone()}</p>
            <dl class="breaker__figures">
                {figure("Calls", "As callers’ proxies report them", breaker.requests, false)}
                {figure("Refused, UO", "A limit was met: the breaker was open", breaker.overflowed, true)}
                {figure("No endpoint, UH", "All endpoints are ejected, or none is ready", breaker.unhealthy, true)}
            </dl>
        </header>
        {breaker.ineffective.iter().map(|it| in_vain(it, breaker.namespace.as_deref(), helm)).collect_view()}
        {(!breaker.parts.is_empty()).then(|| parts(&breaker.parts, exposed))}
        {hand(breaker, helm)}
    }
    .into_any()
}

/// Returns the id of a DestinationRule that is told as `namespace/name`.
fn rule_id(rule: &str) -> Option<String> {
    let (namespace, name) = rule.split_once('/')?;
    Some(format!("{namespace}/destinationrule/{name}"))
}

/// What can be done with a host's limits.
fn hand(breaker: &Breaker, helm: Helm) -> Option<AnyView> {
    let (namespace, service) = (breaker.namespace.clone()?, breaker.service.clone()?);
    let rule = breaker.rules.first().and_then(|rule| rule_id(rule));
    let exists = rule.is_some();
    // A rule elsewhere reads short names in its own namespace.
    let is_beside = rule
        .as_ref()
        .is_none_or(|id| id.starts_with(&format!("{namespace}/")));
    let host = if is_beside {
        service.clone()
    } else {
        breaker.id.clone()
    };
    let object = rule.unwrap_or_else(|| format!("{namespace}/destinationrule/{service}"));
    let open = move |form: Form| {
        helm.note.set(None);
        helm.form.set(Some(form));
    };
    let form = Form::Breaker {
        host,
        object: object.clone(),
        exists,
    };
    let shown = format!(" of {object}");
    Some(
        view! {
            <div class="rule-hand" role="group" aria-label=format!("Circuit breaker of {service}")>
                <button type="button" class="button" disabled=move || helm.busy.get() on:click=move |_| open(form.clone())>
                    "Set limits…"<span class="visually-hidden">{format!(" of {service}")}</span>
                </button>
                {exists.then(|| view! {
                    <button type="button" class="button" on:click=move |_| open(Form::Yaml(object.clone()))>
                        "YAML"<span class="visually-hidden">{shown}</span>
                    </button>
                })}
            </div>
        }
        .into_any(),
    )
}

/// Opens the look at what joining two rules of one host would do.
fn join(helm: Helm, stays: String, goes: String) {
    spawn_local(async move {
        let read =
            async |id: &str| match fetch::get::<WholeObject>(&url::object(id), None, None).await {
                Ok(Answer::Fresh { value, .. }) => Some(value),
                _ => None,
            };
        let (Some(first), Some(second)) = (read(&stays).await, read(&goes).await) else {
            helm.say("The rules could not be read.".to_owned());
            return;
        };
        let (Ok(object), Ok(with)) = (first.id.parse(), second.id.parse()) else {
            return;
        };
        let name = |id: &str| id.rsplit('/').next().unwrap_or(id).to_owned();
        helm.proposal.try_set(Some(Proposal {
            title: format!("Join {} into {}", name(&goes), name(&stays)),
            gist: format!("one rule, {}", name(&stays)),
            what: What::Edits(vec![Edit::Join {
                object,
                resource_version: first.resource_version,
                with,
                with_resource_version: second.resource_version,
            }]),
            touches: vec![stays, goes],
            settles: Vec::new(),
        }));
    });
}

/// Limits that Istio merges away.
fn in_vain(rule: &Ineffective, namespace: Option<&str>, helm: Helm) -> AnyView {
    let place = use_place();
    let namespace = namespace.unwrap_or_default().to_owned();
    let both = rule_id(&rule.instead).zip(rule_id(&rule.rule));
    view! {
        <div class="breaker__vain" role="note">
            <span class="breaker__mark"><Icon symbol=Symbol::Info /></span>
            <div>
                <p><b>{format!("Configured but without effect: DestinationRule {}. ", rule.rule)}</b>{rule.reason.clone()}</p>
                <p class="breaker__limits">{words::limits(&rule.limits)}</p>
                <p class="breaker__mend">
                    {sentence(&rule.hint)}" "
                    <a class="link" href=move || place.routes_in_href(&namespace)>"See the routes"</a>
                </p>
                {both.map(|(stays, goes)| view! {
                    <button
                        type="button" class="button"
                        disabled=move || helm.busy.get()
                        on:click=move |_| {
                            helm.note.set(None);
                            join(helm, stays.clone(), goes.clone());
                        }
                    >
                        "Join them…"
                    </button>
                })}
            </div>
        </div>
    }
    .into_any()
}

type Limit = fn(&Limits) -> Option<u32>;

/// The limits that are numbers, as columns.
const LIMITS: [(&str, Limit); 5] = [
    ("Connections", |it| it.max_connections),
    ("Waiting", |it| it.max_pending_requests),
    ("Requests", |it| it.max_requests),
    ("Requests a connection", |it| it.max_requests_per_connection),
    ("Retries", |it| it.max_retries),
];

fn parts(parts: &[Part], exposed: Exposed) -> AnyView {
    let told = !exposed.none();
    // A limit that none of them writes is Istio's own, and not worth a column.
    let is_written =
        |(_, limit): &(&str, Limit)| parts.iter().any(|part| limit(&part.limits).is_some());
    let columns: Vec<(&'static str, Limit)> = LIMITS.into_iter().filter(is_written).collect();
    let has_ejection = parts.iter().any(|part| part.limits.ejection.is_some());
    let limits_head = columns
        .iter()
        .map(|(head, _)| view! { <th scope="col">{*head}</th> })
        .collect_view();
    let heads = [
        ("Refused: waiting", exposed.pending_overflow),
        ("Refused: connections", exposed.connection_overflow),
        ("Refused: retries", exposed.retry_overflow),
        ("Ejections", exposed.ejections),
        ("Ejected now", exposed.ejected_now),
        ("Open now", exposed.open_now),
    ];
    let stats_head = heads
        .iter()
        .filter(|(_, is_there)| *is_there)
        .map(|(head, _)| view! { <th scope="col">{*head}</th> })
        .collect_view();
    let rows = parts
        .iter()
        .map(|part| {
            let stats = part.stats.unwrap_or_default();
            let figures = [
                (stats.pending_overflow, exposed.pending_overflow),
                (stats.connection_overflow, exposed.connection_overflow),
                (stats.retry_overflow, exposed.retry_overflow),
                (stats.ejections, exposed.ejections),
                (stats.ejected_now, exposed.ejected_now),
                (stats.open_now, exposed.open_now),
            ];
            let figures = figures
                .into_iter()
                .filter(|(_, is_there)| *is_there)
                .map(|(n, _)| {
                    let class = if n.unwrap_or(0.0) > 0.0 { "figure table__figure--degraded" } else { "figure" };
                    view! { <td class=class>{words::figure(n)}</td> }
                })
                .collect_view();
            let limits = columns
                .iter()
                .map(|(_, limit)| view! { <td class="figure">{words::limit(limit(&part.limits))}</td> })
                .collect_view();
            let ejection = has_ejection.then(|| view! {
                <td class="breaker__ejection">{words::ejection(part.limits.ejection.as_ref())}</td>
            });
            view! {
                <tr>
                    <th scope="row">
                        {words::part(part)}
                        {part.rule.clone().map(|rule| view! { <span class="caption report__under">{rule}</span> })}
                    </th>
                    {limits}
                    {ejection}
                    {figures}
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="table-frame table-frame--short" tabindex="0" role="region" aria-label="Limits">
            <table class="small-table breaker__table">
                <thead>
                    <tr>
                        <th scope="col">"Limits of each caller’s proxy"</th>
                        {limits_head}
                        {has_ejection.then(|| view! {
                            <th scope="col" class="breaker__ejection">"Ejects a pod after"</th>
                        })}
                        {told.then_some(stats_head)}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}
