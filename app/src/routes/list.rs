//! The list: services with their splits, worst first, and the routes that split nothing.

use leptos::prelude::*;
use mesh::api::routes::{Route, Rule};

use super::bar::{Astray, SplitBar};
use super::checks::CheckTally;
use super::editor::Helm;
use super::forms::{Came, Form, Forms, SplitDraft};
use super::hue::Hues;
use super::order::{self, Card, Listing};
use super::preview::Preview;
use super::{Store, words};
use crate::numbers;
use crate::shell::place::use_place;
use crate::ui::{Icon, Symbol};

/// All that steers traffic in the namespaces shown.
#[component]
pub fn RouteList(#[prop(into)] selected: Signal<Option<String>>) -> impl IntoView {
    let store = expect_context::<Store>();
    let listing = Memo::new(move |_| {
        store
            .live
            .answer
            .with(|routes| routes.as_ref().map(|r| order::listing(r)))
            .unwrap_or_default()
    });
    let ids = Memo::new(move |_| {
        listing.with(|l| l.cards.iter().map(|c| c.id.clone()).collect::<Vec<_>>())
    });
    let others = Memo::new(move |_| listing.with(|l| l.others.clone()));
    // A hand at services that have no route yet.
    let helm = Helm::new(store, String::new());
    view! {
        <Came helm />
        <Forms helm />
        <Preview helm />
        <ul class="services" aria-label="Services, worst first">
            <For
                each=move || ids.get()
                key=Clone::clone
                children=move |id| view! { <ServiceCard id helm listing selected /> }
            />
        </ul>
        <Show when=move || others.with(|o| !o.is_empty())>
            <section class="other-routes" aria-labelledby="other-routes">
                <h2 class="other-routes__title" id="other-routes">"Routes that split nothing"</h2>
                <ul>
                    <For
                        each=move || others.with(|o| o.iter().map(|r| r.id.clone()).collect::<Vec<_>>())
                        key=Clone::clone
                        children=move |id| {
                            let key = id.clone();
                            let route = Memo::new(move |_| {
                                others.with(|o| o.iter().find(|r| r.id == key).cloned())
                            });
                            view! { <OtherRoute id route selected /> }
                        }
                    />
                </ul>
            </section>
        </Show>
    }
}

#[component]
fn ServiceCard(
    id: String,
    helm: Helm,
    listing: Memo<Listing>,
    selected: Signal<Option<String>>,
) -> impl IntoView {
    let key = id.clone();
    let card = Memo::new(move |_| listing.with(|l| l.cards.iter().find(|c| c.id == key).cloned()));
    let of = move |pick: fn(&Card) -> String| {
        move || card.with(|c| c.as_ref().map(pick).unwrap_or_default())
    };
    let routes = Memo::new(move |_| {
        card.with(|c| {
            let routes = c.iter().flat_map(|c| &c.routes);
            routes.map(|r| r.id.clone()).collect::<Vec<_>>()
        })
    });
    let checks = Signal::derive(move || {
        card.with(|c| {
            let checks = c.iter().flat_map(Card::checks);
            checks.cloned().collect::<Vec<_>>()
        })
    });
    let is_open = Memo::new(move |_| {
        selected.with(|s| s.as_ref().is_some_and(|s| routes.with(|r| r.contains(s))))
    });
    view! {
        <li class="service" class:service--open=move || is_open.get()>
            <header class="service__head">
                <h2 class="service__name">{of(name)}</h2>
                <span class="service__place">{of(namespace)}</span>
                <CheckTally checks />
            </header>
            {move || card.with(|c| c.as_ref().map(versions))}
            {move || card.with(|c| c.as_ref().and_then(|c| words::split_often(&c.routes)))
                .map(|line| view! { <p class="service__note"><Icon symbol=Symbol::Info />{line}</p> })}
            <For
                each=move || routes.get()
                key=Clone::clone
                children=move |id| {
                    let key = id.clone();
                    let route = Memo::new(move |_| {
                        card.with(|c| c.as_ref()?.routes.iter().find(|r| r.id == key).cloned())
                    });
                    let service = Signal::derive(move || card.with(|c| c.as_ref()?.service.clone()));
                    let hues = move |rule: &Rule| service.with_untracked(|s| Hues::of(rule, s.as_ref()));
                    view! { <RouteLine id route hues selected /> }
                }
            />
            {move || card.with(|c| c.as_ref().is_some_and(is_unsteered)).then(|| view! {
                <p class="service__note">"No route names it: calls go to all ready pods alike."</p>
                <div class="rule-hand">
                    <button
                        type="button"
                        class="button"
                        disabled=move || helm.busy.get()
                        on:click=move |_| {
                            let service = card.with_untracked(|c| c.as_ref().and_then(|c| c.service.clone()));
                            helm.note.set(None);
                            helm.form.set(service.map(|service| Form::Split(SplitDraft::of(&service))));
                        }
                    >
                        "Split this service…"
                    </button>
                </div>
            })}
        </li>
    }
}

fn name(card: &Card) -> String {
    match &card.service {
        Some(service) => service.name.clone(),
        None => card
            .routes
            .first()
            .map_or_else(String::new, |r| r.name.clone()),
    }
}

fn namespace(card: &Card) -> String {
    let namespace = match &card.service {
        Some(service) => Some(&service.namespace),
        None => card.routes.first().map(|r| &r.namespace),
    };
    namespace.map_or_else(String::new, |n| format!("in {n}"))
}

fn is_unsteered(card: &Card) -> bool {
    card.routes.is_empty() && card.service.as_ref().is_some_and(|s| s.versions.len() > 1)
}

/// The versions of a service, with their pods.
fn versions(card: &Card) -> AnyView {
    let Some(service) = &card.service else {
        return view! { <p class="service__note">"It splits calls between services."</p> }
            .into_any();
    };
    let rules = card.routes.iter().flat_map(order::splits);
    let hues = Hues::new(
        service.versions.iter().map(|v| v.name.as_str()).chain(
            rules
                .flat_map(|r| &r.destinations)
                .filter_map(|d| d.version.as_deref()),
        ),
    );
    let items = service
        .versions
        .iter()
        .map(|version| {
            let pods = version.pods;
            let class = if pods.ready == 0 { "version-chip version-chip--none" } else { "version-chip" };
            view! {
                <li class=class>
                    <span class=format!("swatch {}", hues.class(&version.name))></span>
                    <b>{version.name.clone()}</b>" "
                    <span class="figure">{format!("{} of {}", pods.ready, pods.wanted)}</span>
                    " pods ready"
                    {version.rps.map(|rps| match rps {
                        0.0 => view! { ", no calls" }.into_any(),
                        _ => view! { ", "<span class="figure">{numbers::rate(rps)}</span> }.into_any(),
                    })}
                </li>
            }
        })
        .collect_view();
    view! { <ul class="version-chips" aria-label="Versions">{items}</ul> }.into_any()
}

/// One route of a service: its rules in order, each split as a bar.
#[component]
fn RouteLine(
    id: String,
    route: Memo<Option<Route>>,
    hues: impl Fn(&Rule) -> Hues + Copy + Send + Sync + 'static,
    selected: Signal<Option<String>>,
) -> impl IntoView {
    let rules = Memo::new(move |_| {
        route.with(|r| {
            let rules = r.iter().flat_map(|r| &r.rules);
            rules.map(key_of).collect::<Vec<_>>()
        })
    });
    let facts = move || {
        route.with(|r| {
            r.as_ref().map(|r| {
                let rps = words::pace(r);
                view! {
                    <span>"calls from "{words::followers(r)}</span>
                    {rps.map(|rps| view! { <span class="figure">{numbers::rate(rps)}</span> })}
                }
            })
        })
    };
    let owner = move || {
        route
            .with(|r| r.as_ref().and_then(|r| r.owner.clone()))
            .map(|owner| {
                view! {
                    <p class="service__note"><Icon symbol=Symbol::Lock />{owner.message}</p>
                }
            })
    };
    let problem = move || {
        route
            .with(|r| r.as_ref().and_then(|r| r.problem.clone()))
            .map(|problem| {
                view! {
                    <p class="service__note">{problem}</p>
                }
            })
    };
    view! {
        <article class="route-line">
            <div class="route-line__head">
                <RouteLink id route selected />
                <span class="route-line__facts">{facts}</span>
            </div>
            {owner}
            {problem}
            <ol class="rules" class:rules--one=move || rules.with(|r| r.len() == 1)>
                <For
                    each=move || rules.get()
                    key=Clone::clone
                    children=move |key| {
                        let rule = Memo::new(move |_| {
                            route.with(|r| r.as_ref()?.rules.iter().find(|r| key_of(r) == key).cloned())
                        });
                        view! { <RuleLine route rule=rule.into() hues /> }
                    }
                />
            </ol>
        </article>
    }
}

/// What makes a rule another one for the page: its place and where it leads. Shares are not part of it.
pub fn key_of(rule: &Rule) -> String {
    let names = rule.destinations.iter().map(|d| d.name.as_str());
    format!("{} {}", rule.rule, names.collect::<Vec<_>>().join("/"))
}

#[component]
fn RuleLine(
    route: Memo<Option<Route>>,
    rule: Signal<Option<Rule>>,
    hues: impl Fn(&Rule) -> Hues + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let is_split = rule.with_untracked(|r| r.as_ref().is_some_and(|r| r.is_split));
    let only = move || route.with(|r| r.as_ref().is_none_or(|r| r.rules.len() == 1));
    let condition = move || {
        rule.with(|rule| {
            let rule = rule.as_ref()?;
            let first = route.with(|r| {
                r.as_ref()
                    .and_then(|r| r.rules.first().map(|r| r.rule.clone()))
            });
            // A lone rule for every call needs no words.
            let quiet = only() && rule.matches.is_empty();
            (!quiet).then(|| words::condition(rule, first.as_ref() == Some(&rule.rule)))
        })
    };
    let arrow = move || {
        rule.with(|rule| {
            let kind = route.with(|r| r.as_ref().map(|r| r.kind).unwrap_or_default());
            rule.as_ref().map(|rule| words::leads_to(kind, rule))
        })
    };
    let colours = rule.with_untracked(|r| r.as_ref().map(hues).unwrap_or_default());
    view! {
        <li class="rule-line">
            <p class="rule-line__words">
                {move || condition().map(|said| view! { <span class="rule-line__if">{said}</span> })}
                {(!is_split).then(|| view! {
                    <span class="rule-line__to"><Icon symbol=Symbol::Right />{arrow}</span>
                })}
            </p>
            {is_split.then(|| view! {
                <SplitBar rule hues=colours.clone() draft=Signal::stored(None) />
                <Astray rule />
            })}
        </li>
    }
}

/// The link that opens a route beside the list.
#[component]
fn RouteLink(
    id: String,
    route: Memo<Option<Route>>,
    selected: Signal<Option<String>>,
) -> impl IntoView {
    let place = use_place();
    let this = id.clone();
    let current = Memo::new(move |_| selected.with(|s| s.as_ref() == Some(&this)));
    let name = move || route.with(|r| r.as_ref().map(|r| r.name.clone()));
    view! {
        <a
            class="route-line__link"
            href=move || place.route_href(Some(&id))
            aria-current=move || current.get().then_some("true")
        >
            {name}
        </a>
    }
}

/// A route that splits nothing: one quiet line.
#[component]
fn OtherRoute(
    id: String,
    route: Memo<Option<Route>>,
    selected: Signal<Option<String>>,
) -> impl IntoView {
    let checks = Signal::derive(move || {
        route.with(|r| r.as_ref().map(|r| r.checks.clone()).unwrap_or_default())
    });
    let said = move || {
        route.with(|r| {
            r.as_ref().map(|r| {
                let hosts = r.hosts.join(", ");
                let rules = r.rules.iter().map(|rule| words::leads_to(r.kind, rule));
                let rules = rules.collect::<Vec<_>>().join("; ");
                view! {
                    <span class="other-route__hosts">{hosts}</span>
                    <span class="other-route__to"><Icon symbol=Symbol::Right />{rules}</span>
                    <span class="other-route__place">"in "{r.namespace.clone()}</span>
                }
            })
        })
    };
    view! {
        <li class="other-route">
            <RouteLink id route selected />
            {said}
            <CheckTally checks />
        </li>
    }
}
