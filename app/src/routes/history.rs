//! What was changed in a route, by whom and why; each with its way back.

use leptos::prelude::*;
use mesh::api::changes::Edit;
use mesh::api::routes::{Change, Route, RouteKind};

use super::editor::Helm;
use super::proposal::{Proposal, What};
use super::{split, words};
use crate::shell::clock::day_and_time;
use crate::ui::state::Skeleton;
use crate::ui::{Icon, Symbol};

/// One change as the list shows it.
#[derive(Clone, Debug, PartialEq)]
struct Line {
    change: Change,
    said: String,
    /// The names of other objects that were changed together with this one.
    with: Vec<String>,
    /// Whether a later change took it back.
    undone: bool,
    /// Whether there is something to take it back to.
    can_undo: bool,
}

/// The changes on record, newest first.
#[component]
pub fn History(helm: Helm) -> impl IntoView {
    let lines = Memo::new(move |_| {
        helm.route.with(|route| {
            helm.history.with(|history| match (route, history) {
                (Some(route), Some(Ok(list))) => lines(route, &list.items),
                _ => Vec::new(),
            })
        })
    });
    let ids = Memo::new(move |_| lines.with(|l| l.iter().map(key).collect::<Vec<_>>()));
    let loading = Memo::new(move |_| helm.history.with(Option::is_none));
    let problem = Memo::new(move |_| helm.history.with(|h| h.as_ref()?.as_ref().err().cloned()));
    let notices = Memo::new(move |_| {
        helm.history.with(|h| match h {
            Some(Ok(list)) => list.notices.clone(),
            _ => Vec::new(),
        })
    });
    let is_empty =
        move || !loading.get() && problem.with(Option::is_none) && lines.with(Vec::is_empty);
    let with_rules = Memo::new(move |_| {
        helm.route
            .with(|r| r.as_ref().is_some_and(|r| r.rules.len() > 1))
    });
    view! {
        <section class="editor__section" aria-labelledby="history">
            <h3 id="history">"History"</h3>
            <Show when=move || loading.get()>
                <Skeleton lines=2 label="Loading the history" />
            </Show>
            {move || problem.get().map(|problem| view! {
                <p class="panel__note">{problem.message}" "{problem.hint}</p>
            })}
            {move || notices.get().into_iter().map(|notice| view! {
                <p class="panel__note">{notice.message}" "{notice.hint}</p>
            }).collect_view()}
            <Show when=is_empty>
                <p class="panel__note">
                    "No change on record. Each change from here is kept in the route itself, with who, when and why."
                </p>
            </Show>
            <ol class="changes" aria-label="Changes, newest first">
                <For
                    each=move || ids.get()
                    key=Clone::clone
                    children=move |id| {
                        let line = Memo::new(move |_| lines.with(|l| l.iter().find(|l| key(l) == id).cloned()));
                        view! { <ChangeLine helm line with_rules /> }
                    }
                />
            </ol>
        </section>
    }
}

fn key(line: &Line) -> String {
    format!("{} {}", line.change.change, line.change.rule)
}

#[component]
fn ChangeLine(helm: Helm, line: Memo<Option<Line>>, with_rules: Memo<bool>) -> impl IntoView {
    let of =
        move |pick: fn(&Line) -> Option<String>| move || line.with(|l| l.as_ref().and_then(pick));
    let undo = move |_| {
        let found = line.get_untracked().zip(helm.route.get_untracked());
        if let Some((line, route)) = found {
            helm.note.set(None);
            helm.proposal
                .set(Some(take_back(&route, line.change, None)));
        }
    };
    let can_undo =
        Memo::new(move |_| line.with(|l| l.as_ref().is_some_and(|l| l.can_undo && !l.undone)));
    view! {
        <li class="change">
            <div class="change__words">
                <p class="change__said">
                    {move || with_rules.get().then(|| view! {
                        <span class="change__rule">{of(|l| Some(l.change.rule.clone()))}</span>
                    })}
                    <b class="figure">{of(|l| Some(l.said.clone()))}</b>
                    {of(|l| l.undone.then(|| "undone".to_owned()))}
                </p>
                <p class="change__by">
                    <time>{of(|l| Some(day_and_time(l.change.at_ms as f64)))}</time>
                    <span>{of(|l| Some(l.change.who.clone()))}</span>
                    <span>{of(|l| (!l.with.is_empty()).then(|| format!("with {}", words::and(&l.with))))}</span>
                    <span>{of(|l| l.change.undoes.is_some().then(|| "took an earlier change back".to_owned()))}</span>
                </p>
                {move || of(|l| l.change.reason.clone())().map(|reason| view! {
                    <p class="change__reason">{reason}</p>
                })}
            </div>
            <Show when=move || can_undo.get()>
                <button
                    type="button"
                    class="button"
                    disabled=move || helm.busy.get() || helm.is_locked()
                    on:click=undo
                >
                    <Icon symbol=Symbol::Undo />
                    "Undo"
                    <span class="visually-hidden">": "{of(|l| Some(l.said.clone()))}</span>
                </button>
            </Show>
        </li>
    }
}

/// The last parts of ids.
fn names<'a>(ids: impl Iterator<Item = &'a String>) -> Vec<String> {
    ids.map(|id| id.rsplit('/').next().unwrap_or(id).to_owned())
        .collect()
}

fn lines(route: &Route, changes: &[Change]) -> Vec<Line> {
    let mut lines: Vec<Line> = changes
        .iter()
        .map(|change| {
            let rule = split::rule(route, &change.rule);
            let can_undo = match &change.what {
                // What put something back took it from copies that are used up.
                Some(_) => change.undoes.is_none(),
                None => rule.is_some() && change.before != change.after,
            };
            Line {
                with: names(change.together.iter().filter(|id| **id != route.id)),
                said: words::change_line(route.kind, &split::names(rule, change), change),
                undone: changes
                    .iter()
                    .any(|c| c.undoes.as_ref() == Some(&change.change)),
                can_undo,
                change: change.clone(),
            }
        })
        .collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.change.at_ms));
    lines
}

/// Returns the proposal to put back what a structural change replaced.
pub fn restore(route: &Route, change: &str, what: &str) -> Option<Proposal> {
    Some(Proposal {
        title: format!("Undo: {what}"),
        gist: "as it was before".to_owned(),
        what: What::Edits(vec![Edit::Restore {
            object: route.id.parse().ok()?,
            resource_version: route.resource_version.clone(),
            change: change.to_owned(),
            whole: false,
        }]),
        touches: vec![route.id.clone()],
        settles: Vec::new(),
    })
}

/// Returns the proposal to take a change back; `over` names the weights there now, where the person saw
/// that they are no longer those that the change set.
pub fn take_back(route: &Route, change: Change, over: Option<Vec<Option<u32>>>) -> Proposal {
    let names = split::names(split::rule(route, &change.rule), &change);
    let gist = match shares(route.kind, &names, &change) {
        Some(line) => format!("{line} again"),
        None => "as it was before".to_owned(),
    };
    let mut touches = change.together.clone();
    if !touches.contains(&route.id) {
        touches.push(route.id.clone());
    }
    Proposal {
        title: format!("Undo: {gist}"),
        gist,
        what: What::Undo {
            route: route.id.clone(),
            change: Box::new(change),
            resource_version: route.resource_version.clone(),
            over,
            whole: false,
        },
        touches,
        settles: Vec::new(),
    }
}

fn shares(kind: RouteKind, names: &[String], change: &Change) -> Option<String> {
    let shares = split::shares(kind, &change.before)?;
    Some(words::shares_line(names, &shares))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::sample::{change, route, split};

    #[test]
    fn the_newest_stands_first_and_what_was_taken_back_is_not_offered_again() {
        let route = route(
            "backend-routing",
            vec![split("http/0", &[("v1", 90), ("v2", 10)])],
        );
        let first = change(10, &[("v1", 90, 70), ("v2", 10, 30)]);
        let mut second = change(20, &[("v1", 70, 90), ("v2", 30, 10)]);
        second.undoes = Some(first.change.clone());
        let mut other_rule = change(5, &[("v1", 1, 2)]);
        other_rule.rule = "http/7".to_owned();
        let mut joined = change(1, &[]);
        joined.rule = String::new();
        joined.what = Some("joined with app-external".to_owned());
        let lines = lines(&route, &[first, second, other_rule, joined]);
        let told: Vec<(&str, bool, bool)> = lines
            .iter()
            .map(|l| (l.said.as_str(), l.undone, l.can_undo))
            .collect();
        assert_eq!(
            told,
            [
                ("v1 70 % → 90 %, v2 30 % → 10 %", false, true),
                ("v1 90 % → 70 %, v2 10 % → 30 %", true, true),
                ("the same shares in other numbers", false, false),
                ("joined with app-external", false, true),
            ]
        );
    }

    #[test]
    fn taking_back_says_what_comes_again() {
        let route = route(
            "backend-routing",
            vec![split("http/0", &[("v1", 70), ("v2", 30)])],
        );
        let mut moved = change(10, &[("v1", 90, 70), ("v2", 10, 30)]);
        moved.together = vec![
            "default/virtualservice/app-external".to_owned(),
            route.id.clone(),
        ];
        assert_eq!(lines(&route, &[moved.clone()])[0].with, ["app-external"]);
        let proposal = take_back(&route, moved, None);
        assert_eq!(proposal.title, "Undo: v1 90 %, v2 10 % again");
        assert_eq!(proposal.touches.len(), 2);
    }
}
