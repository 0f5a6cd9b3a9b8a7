//! What is wrong, or should be known: with why it matters and the mend.

use leptos::prelude::*;
use mesh::api::HealthStatus;
use mesh::api::routes::{Check, Severity};

use super::words;
use crate::ui::state::sentence;
use crate::ui::{Command, HealthMark, Icon, Snippet, Symbol};

/// The sign of how bad something is, as a shape.
pub fn severity_mark(severity: Severity) -> AnyView {
    let health =
        |status| view! { <HealthMark status=Signal::stored(status) quiet=true /> }.into_any();
    match severity {
        Severity::Error => health(HealthStatus::Failing),
        Severity::Warning => health(HealthStatus::Degraded),
        Severity::Info => view! { <Icon symbol=Symbol::Info /> }.into_any(),
    }
}

/// How many there are of each kind: "1 error", "2 warnings".
#[component]
pub fn CheckTally(#[prop(into)] checks: Signal<Vec<Check>>) -> impl IntoView {
    let tally = Memo::new(move |_| checks.with(|c| words::tally(c)));
    move || {
        let counts = tally
            .get()
            .into_iter()
            .map(|(severity, n)| {
                view! {
                    <span class="tally-mark">
                        {severity_mark(severity)}
                        <span class="figure">{n}</span>" "{words::severity(severity, n)}
                    </span>
                }
            })
            .collect_view();
        view! { <span class="tally-marks">{counts}</span> }
    }
}

/// All of them, worst first, each with its why and its mend.
pub fn check_list(checks: &[Check]) -> Option<AnyView> {
    if checks.is_empty() {
        return None;
    }
    let mut checks = checks.to_vec();
    checks.sort_by_key(|c| c.severity);
    let items = checks
        .into_iter()
        .map(|check| {
            let class = match check.severity {
                Severity::Error => "check check--error",
                Severity::Warning => "check check--warning",
                Severity::Info => "check",
            };
            let known = (!check.also_known_as.is_empty())
                .then(|| format!(" · also known as {}", words::and(&check.also_known_as)));
            let place = match &check.path {
                Some(path) => format!("{} in {}", path, check.object),
                None => check.object.clone(),
            };
            view! {
                <li class=class>
                    <span class="check__mark">{severity_mark(check.severity)}</span>
                    <div class="check__body">
                        <p class="check__message">
                            <span class="visually-hidden">{words::severity(check.severity, 1)}": "</span>
                            {check.message}
                        </p>
                        <p class="check__why">{check.why}</p>
                        {check.mend.map(|mend| view! { <p class="check__mend">{sentence(&mend)}</p> })}
                        {check.command.map(|text| view! { <Command text /> })}
                        {check.yaml.map(|text| view! { <Snippet text what="the YAML" /> })}
                        <p class="check__place">{place}{known}</p>
                    </div>
                </li>
            }
        })
        .collect_view();
    Some(view! { <ul class="checks">{items}</ul> }.into_any())
}
