//! What a change does to one object.

use leptos::prelude::*;
use mesh::api::changes::{EditResult, Outcome, Predicted};
use mesh::api::rules::Fault;

use super::diff::diff;
use crate::numbers;
use crate::routes::checks::check_list;
use crate::ui::{Icon, Symbol};

/// The sentence of what moves, the figures, the checks, what admission says, and the lines that change.
pub fn result(result: &EditResult, several: bool) -> AnyView {
    let name = result
        .object
        .rsplit('/')
        .next()
        .unwrap_or(&result.object)
        .to_owned();
    let fate = match result.outcome {
        Outcome::Previewed => None,
        Outcome::Applied => Some("is written"),
        Outcome::Unchanged => Some("is so already"),
        Outcome::Refused => Some("is refused"),
        Outcome::Failed => Some("failed"),
        Outcome::NotTried => Some("was not tried"),
    };
    let heading = (several || fate.is_some()).then(|| {
        view! {
            <h3 class="result__name">{name.clone()}{fate.map(|fate| view! { <span class="result__fate">{fate}</span> })}</h3>
        }
    });
    let warnings = result
        .warnings
        .iter()
        .map(|warning| {
            view! {
                <p class="result__warning"><Icon symbol=Symbol::Info />"The cluster says: "{warning.clone()}</p>
            }
        })
        .collect_view();
    let local =
        (!result.server_checked && !result.diff.is_empty() && result.outcome == Outcome::Previewed)
            .then(|| {
                view! {
                    <p class="result__warning">
                        <Icon symbol=Symbol::Info />
                        "Only compared here: the cluster was not asked whether it would take it."
                    </p>
                }
            });
    let own = result.error.as_ref().filter(|_| several).map(|error| {
        view! { <p class="result__error">{error.message.clone()}" "{error.hint.clone()}</p> }
    });
    view! {
        <section class="result">
            {heading}
            {own}
            {result.waits_s.map(|secs| view! {
                <p class="result__warning">
                    <Icon symbol=Symbol::Clock />
                    {format!("Written {} after the one before, so that proxies know of that first.", numbers::span(secs.ceil() as u32))}
                </p>
            })}
            {faults(&result.faults)}
            {result.predicted.as_ref().map(predicted)}
            {check_list(&result.checks)}
            {warnings}
            {local}
            {diff(&name, &result.diff)}
        </section>
    }
    .into_any()
}

/// What is wrong with fields of what was written.
fn faults(faults: &[Fault]) -> Option<AnyView> {
    (!faults.is_empty()).then(|| {
        let lines = faults.iter().map(|fault| {
            view! { <li><code>{fault.field.clone()}</code>" "{fault.problem.clone()}"."</li> }
        });
        view! { <ul class="result__faults" aria-label="What is wrong">{lines.collect_view()}</ul> }
            .into_any()
    })
}

fn predicted(predicted: &Predicted) -> AnyView {
    let rows = predicted
        .destinations
        .iter()
        .map(|d| {
            let per_pod = d
                .rps_per_pod
                .map_or_else(|| "no ready pod".to_owned(), numbers::rate);
            view! {
                <tr>
                    <th scope="row">{d.name.clone()}</th>
                    <td class="figure">{numbers::wanted(d.before)}</td>
                    <td class="figure">{numbers::wanted(d.after)}</td>
                    <td class="figure">{numbers::rate(d.rps)}</td>
                    <td class="figure">{per_pod}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <p class="result__moves">{predicted.message.clone()}</p>
        <table class="small-table">
            <thead>
                <tr>
                    <th scope="col"><span class="visually-hidden">"Destination"</span></th>
                    <th scope="col">"Before"</th>
                    <th scope="col">"After"</th>
                    <th scope="col">"Then"</th>
                    <th scope="col">"Each pod"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}
