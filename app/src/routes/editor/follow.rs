//! How the calls follow the last change, while they do.

use leptos::prelude::*;

use super::lever::Lever;
use crate::routes::judge::{self, Progress};
use crate::routes::words;
use crate::shell::clock::use_clock;
use crate::ui::{Icon, Symbol};

/// How long after a change it is worth saying whether calls have followed.
const RECENT_MS: f64 = 600_000.0;

/// A line for each group of callers: "measured 27 % of 30 %, 412 requests over 45 s".
#[component]
pub fn Follow(split: Lever) -> impl IntoView {
    let clock = use_clock();
    let recent = Memo::new(move |_| {
        let at = split.rule.with(|r| r.as_ref()?.changed_at_ms);
        at.is_some_and(|at| clock.get() - (at as f64) < RECENT_MS)
    });
    let groups = Memo::new(move |_| {
        split.rule.with(|rule| {
            let Some(rule) = rule else {
                return Vec::new();
            };
            let of =
                |c: &mesh::api::routes::Callers| (c.name.clone(), judge::progress(rule, &c.id));
            rule.callers.iter().map(of).collect::<Vec<_>>()
        })
    });
    // Said once, when all have arrived: the way there is for the eye.
    let arrived = Memo::new(move |_| {
        recent.get()
            && groups.with(|g| {
                !g.is_empty() && g.iter().all(|(_, p)| matches!(p, Progress::Converged(_)))
            })
    });
    Effect::new(move |before: Option<bool>| {
        let now = arrived.get();
        if now && before == Some(false) {
            split.helm.say("Converged: calls go as told.".to_owned());
        }
        now
    });
    let lines = move || {
        if !recent.get() {
            return None;
        }
        let groups = groups.get();
        let several = groups.len() > 1;
        let lines = groups
            .into_iter()
            .map(|(name, progress)| {
                let (symbol, class, word) = match &progress {
                    Progress::Measuring => (Symbol::Clock, "follow", ""),
                    Progress::OnTheWay(_) => (Symbol::Refresh, "follow", ", on the way"),
                    Progress::Converged(_) => (Symbol::Tick, "follow follow--there", ", converged"),
                };
                let whose = if several {
                    format!("{name}: ")
                } else {
                    String::new()
                };
                view! {
                    <p class=class>
                        <Icon symbol />
                        <span class="figure">{whose}{words::progress(&progress)}{word}</span>
                    </p>
                }
            })
            .collect_view();
        Some(view! { <div class="follows">{lines}</div> })
    };
    view! { {lines} }
}
