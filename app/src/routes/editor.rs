//! The editor of one route: its splits to move, with the evidence, the checks and the history.

use leptos::prelude::*;
use leptos::task::spawn_local;
use mesh::api::HealthStatus;
use mesh::api::routes::{OwnerEffect, Route};

use super::bar::{Astray, SplitBar};
use super::checks::check_list;
use super::forms::Forms;
use super::history::History;
use super::hue::Hues;
use super::list::key_of;
use super::preview::Preview;
use super::{Store, words};
use crate::live::Phase;
use crate::shell::clock::use_clock;
use crate::shell::place::use_place;
use crate::ui::state::{Message, Skeleton, sentence};
use crate::ui::{HealthMark, Icon, Symbol};

use actions::{Actions, Siblings};
use drift::DriftBox;
use follow::Follow;
use note::NoteBox;
use rows::Rows;
use rules::{RouteHand, RuleHand};

pub use helm::{Helm, Note};

use lever::Lever;

mod helm;
mod lever;

mod actions;
mod drift;
mod evidence;
mod follow;
mod note;
mod rows;
mod rules;
mod spark;

/// Where the focus goes when what had it is gone.
pub const HEADING: &str = "route-heading";

/// The editor of the route `id`.
#[component]
pub fn RouteEditor(id: String) -> impl IntoView {
    let place = use_place();
    let store = expect_context::<Store>();
    let helm = Helm::new(store, id.clone());
    keep_fresh(helm, id.clone());

    let here = Memo::new(move |_| helm.route.with(Option::is_some));
    let key = id.clone();
    let missing = Memo::new(move |_| store.missing(&key));
    let title = Memo::new(move |_| helm.route.with(|r| r.as_ref().map(|r| r.name.clone())));
    let shown_id = id.rsplit('/').next().unwrap_or(&id).to_owned();
    let facts = move || helm.route.with(|r| r.as_ref().map(facts));
    let body = move || {
        if here.get() {
            return view! { <Body helm /> }.into_any();
        }
        match missing.get() {
            Some(problem) => view! {
                <Message title=problem.title() text=problem.message hint=problem.hint.map(|h| sentence(&h)) failed=true>
                    <a class="button button--primary" href=move || place.route_href(None)>"See all routes"</a>
                </Message>
            }
            .into_any(),
            None => view! { <Skeleton lines=8 label="Loading the route" /> }.into_any(),
        }
    };
    view! {
        <section class="editor" aria-labelledby=HEADING>
            <header class="editor__head">
                <a class="button button--quiet editor__back" href=move || place.route_href(None)>
                    <Icon symbol=Symbol::Collapse />
                    "All routes"
                </a>
                <div class="editor__names">
                    <h2 class="editor__title" id=HEADING tabindex="-1">
                        {move || title.get().unwrap_or_else(|| shown_id.clone())}
                    </h2>
                    <p class="editor__facts">{facts}</p>
                </div>
                <a
                    class="button button--quiet button--icon editor__close"
                    href=move || place.route_href(None)
                    aria-label="Close the editor"
                    title="Close the editor"
                >
                    <Icon symbol=Symbol::Close />
                </a>
            </header>
            <div class="editor__body">{body}</div>
            <Forms helm />
            <Preview helm />
        </section>
    }
}

/// Asks for the route where the list does not have it, for its siblings, and closely after a change.
fn keep_fresh(helm: Helm, id: String) {
    let place = use_place();
    let store = helm.store;
    let clock = use_clock();
    let query = Memo::new(move |_| place.address().ok().map(|a| a.routes_query()));
    let updated = Memo::new(move |_| store.live.updated_ms.get());
    let list_failed = Memo::new(move |_| matches!(store.live.phase.get(), Phase::Failed { .. }));
    Effect::new(move |_| {
        // The list comes first: what it has need not be asked for alone.
        if updated.get().is_none() && !list_failed.get() {
            return;
        }
        let Some(query) = query.get() else {
            return;
        };
        let mut wanted = vec![id.clone()];
        untrack(|| {
            let service = store
                .route(&id)
                .and_then(|r| r.rules.iter().find_map(|r| r.service.clone()));
            if let Some(service) = service.and_then(|id| store.service(&id)) {
                wanted.extend(service.splits.into_iter().map(|s| s.route));
            }
            wanted.retain(|id| !store.is_listed(id));
        });
        wanted.sort_unstable();
        wanted.dedup();
        let namespace = id.split('/').next().unwrap_or_default().to_owned();
        if wanted.contains(&id) {
            spawn_local(store.ask_around(namespace, query.clone()));
        }
        for id in wanted {
            spawn_local(store.ask(id, query.clone()));
        }
    });
    Effect::new(move |_| {
        let now = clock.get();
        let Some(query) = query.get_untracked() else {
            return;
        };
        for id in store.due(now) {
            spawn_local(store.ask(id, query.clone()));
        }
    });
    // The record is in the object: it is as new as its version.
    let version = Memo::new(move |_| {
        helm.route
            .with(|r| r.as_ref().map(|r| r.resource_version.clone()))
    });
    Effect::new(move |_| {
        if version.get().is_some() {
            helm.ask_history();
        }
    });
}

fn facts(route: &Route) -> impl IntoView + use<> {
    let hosts = if route.hosts.is_empty() {
        String::new()
    } else {
        format!(" for {}", route.hosts.join(", "))
    };
    let followers = words::followers(route);
    let followers = if followers.is_empty() {
        String::new()
    } else {
        format!(", calls from {followers}")
    };
    format!(
        "{} in {}{hosts}{followers}",
        route.kind.kind(),
        route.namespace
    )
}

#[component]
fn Body(helm: Helm) -> impl IntoView {
    let rules = Memo::new(move |_| {
        helm.route.with(|r| {
            let rules = r.iter().flat_map(|r| &r.rules);
            rules
                .map(|r| (key_of(r), r.rule.clone(), r.is_split))
                .collect::<Vec<_>>()
        })
    });
    let splits = Memo::new(move |_| {
        rules.with(|rules| {
            rules
                .iter()
                .filter(|(.., is_split)| *is_split)
                .cloned()
                .collect::<Vec<_>>()
        })
    });
    // Drafts of rules that are not there any more: they are shown, too, before they are dropped.
    let orphans = Memo::new(move |_| {
        let is_there = |rule: &String| splits.with(|s| s.iter().any(|(_, r, _)| r == rule));
        helm.store.drafts.with(|drafts| {
            let here = drafts
                .keys()
                .filter(|at| helm.id.with_value(|id| at.route == *id));
            here.map(|at| at.rule.clone())
                .filter(|r| !is_there(r))
                .collect::<Vec<_>>()
        })
    });
    let many = Memo::new(move |_| splits.with(|s| s.len() > 1));
    let owner = Memo::new(move |_| helm.route.with(|r| r.as_ref()?.owner.clone()));
    let problem = Memo::new(move |_| helm.route.with(|r| r.as_ref()?.problem.clone()));
    let checks = Memo::new(move |_| {
        helm.route
            .with(|r| r.as_ref().map(|r| r.checks.clone()).unwrap_or_default())
    });
    view! {
        {move || owner.get().map(|owner| {
            let locks = owner.effect == OwnerEffect::Locks;
            view! {
                <div class="owner" class:owner--locks=locks>
                    {if locks {
                        view! { <Icon symbol=Symbol::Lock /> }.into_any()
                    } else {
                        view! { <Icon symbol=Symbol::Info /> }.into_any()
                    }}
                    <div>
                        <p>{owner.message}</p>
                        {owner.hint.map(|hint| view! { <p class="owner__hint">{sentence(&hint)}</p> })}
                    </div>
                </div>
            }
        })}
        {move || problem.get().map(|problem| view! {
            <div class="verdict health--failing">
                <HealthMark status=Signal::stored(HealthStatus::Failing) quiet=true />
                <p><b>"This route can’t be read."</b>" "{problem}</p>
            </div>
        })}
        <NoteBox helm />
        <For
            each=move || orphans.get()
            key=Clone::clone
            children=move |rule| view! { <DriftBox split=Lever::new(helm, rule) /> }
        />
        <RouteHand helm />
        <ol class="editor__rules">
            <For
                each=move || rules.get()
                key=Clone::clone
                children=move |(_, rule, is_split)| {
                    let split = Lever::new(helm, rule);
                    if is_split {
                        view! { <SplitSection split /> }.into_any()
                    } else {
                        view! { <PlainRule split /> }.into_any()
                    }
                }
            />
        </ol>
        <Show when=move || splits.with(|s| !s.is_empty())>
            <div class="editor__actions">
                <For
                    each=move || splits.get()
                    key=Clone::clone
                    children=move |(_, rule, _)| {
                        view! { <Actions split=Lever::new(helm, rule) is_one_of_many=many /> }
                    }
                />
            </div>
        </Show>
        {move || checks.with(|c| check_list(c)).map(|list| view! {
            <section class="editor__section">
                <h3>"Checks"</h3>
                {list}
            </section>
        })}
        <History helm />
    }
}

/// What a rule is for, where the route has more than one, or it has conditions.
fn rule_words(split: Lever) -> impl Fn() -> Option<AnyView> + Copy {
    move || {
        split.helm.route.with(|route| {
            let route = route.as_ref()?;
            let rule = split.rule.get()?;
            let place = route.rules.iter().position(|r| r.rule == rule.rule)?;
            let quiet = route.rules.len() == 1 && rule.matches.is_empty();
            (!quiet).then(|| {
                let name = rule.name.clone().unwrap_or_else(|| rule.rule.clone());
                view! {
                    <p class="rule-words">
                        <span class="rule-words__place figure">{place + 1}</span>
                        <b>{words::condition(&rule, place == 0)}</b>
                        <span class="rule-words__name">{name}</span>
                    </p>
                }
                .into_any()
            })
        })
    }
}

fn also(split: Lever) -> impl Fn() -> Option<AnyView> + Copy {
    move || {
        split.rule.with(|r| {
            let also = &r.as_ref()?.also;
            (!also.is_empty()).then(|| {
                view! { <p class="rule-also">"It also "{words::and(also)}"."</p> }.into_any()
            })
        })
    }
}

#[component]
fn SplitSection(split: Lever) -> impl IntoView {
    let hues = split.rule.with_untracked(|rule| {
        let rule = rule.as_ref()?;
        let service = rule
            .service
            .as_ref()
            .and_then(|id| untrack(|| split.helm.store.service(id)));
        Some(Hues::of(rule, service.as_ref()))
    });
    let hues = hues.unwrap_or_default();
    let draft = Signal::derive(move || {
        split.draft.with(|d| {
            d.as_ref()
                .filter(|d| d.is_changed())
                .map(|d| d.shares.clone())
        })
    });
    let all_zero = Memo::new(move |_| {
        split
            .draft
            .with(|d| d.as_ref().is_some_and(|d| d.base.shares.is_none()))
    });
    view! {
        <li class="split">
            {rule_words(split)}
            {also(split)}
            <DriftBox split />
            <Show when=move || all_zero.get()>
                <p class="rule-also">
                    "All weights are zero, so they send calls nowhere. The draft starts with all to the first."
                </p>
            </Show>
            <SplitBar rule=split.rule hues=hues.clone() draft />
            <Follow split />
            <Astray rule=split.rule />
            <Rows split hues />
            <NotTaken split />
            <Siblings split />
            <RuleHand split />
        </li>
    }
}

/// Calls that no version took: they belong to the rule.
#[component]
fn NotTaken(split: Lever) -> impl IntoView {
    let lines = Memo::new(move |_| {
        split.rule.with(|r| {
            let callers = r.iter().flat_map(|r| &r.callers);
            let lines = callers.filter(|c| c.not_taken > 0.0).map(|c| {
                let n = crate::numbers::count(c.not_taken);
                let why: Vec<String> = c
                    .not_taken_flags
                    .keys()
                    .map(|flag| format!("{flag}: {}", crate::graph::words::flag(flag)))
                    .collect();
                let why = if why.is_empty() {
                    String::new()
                } else {
                    format!(" ({})", why.join("; "))
                };
                format!("{n} calls from {} reached no version{why}.", c.name)
            });
            lines.collect::<Vec<_>>()
        })
    });
    let notes = Memo::new(move |_| {
        split.rule.with(|r| {
            let callers = r.iter().flat_map(|r| &r.callers);
            callers.filter_map(|c| c.note.clone()).collect::<Vec<_>>()
        })
    });
    view! {
        {move || lines.get().into_iter().map(|line| view! {
            <p class="astray">
                <HealthMark status=Signal::stored(HealthStatus::Failing) quiet=true />
                {line}
            </p>
        }).collect_view()}
        {move || notes.get().into_iter().map(|note| view! { <p class="rule-also">{note}</p> }).collect_view()}
    }
}

/// A rule with one destination, or none: nothing to move, but its place among the others counts.
#[component]
fn PlainRule(split: Lever) -> impl IntoView {
    let to = move || {
        split.helm.route.with(|route| {
            split.rule.with(|rule| {
                route
                    .as_ref()
                    .zip(rule.as_ref())
                    .map(|(route, rule)| words::leads_to(route.kind, rule))
            })
        })
    };
    view! {
        <li class="split split--plain">
            {rule_words(split)}
            <p class="rule-line__to"><Icon symbol=Symbol::Right />{to}</p>
            {also(split)}
            <RuleHand split />
        </li>
    }
}
