//! How the calls to an app spread over its versions.

use leptos::prelude::*;
use mesh::api::graph::Traffic;
use mesh::api::{self, Edge, Node};

use super::figures::quantiles;
use crate::graph::words;
use crate::numbers;
use crate::shell::place::use_place;

/// One version of what was called, and its part of the calls.
struct VersionShare {
    id: String,
    version: String,
    rps: f64,
    traffic: Traffic,
}

/// Shows how the calls to an app spread over its versions: all calls, or those of one caller.
pub fn versions(
    graph: &api::Graph,
    callee: &Node,
    of_caller: Option<&Edge>,
    on_select: Callback<Option<String>>,
) -> Option<AnyView> {
    let app = callee.app.as_ref()?;
    let mut shares: Vec<VersionShare> = graph
        .nodes
        .iter()
        .filter(|n| {
            n.app.as_ref() == Some(app)
                && (&n.namespace, &n.cluster) == (&callee.namespace, &callee.cluster)
        })
        .filter_map(|n| {
            let version = n.version.clone()?;
            let (id, traffic) = match of_caller {
                None => (n.id.clone(), n.inbound.clone()?),
                Some(edge) => {
                    let sibling = graph.edges.iter().find(|e| {
                        e.from == edge.from && e.to == n.id && e.protocol == edge.protocol
                    })?;
                    (sibling.id.clone(), sibling.traffic.clone())
                }
            };
            Some(VersionShare {
                id,
                version,
                rps: traffic.rps,
                traffic,
            })
        })
        .collect();
    shares.sort_by(|a, b| (&a.version, &a.id).cmp(&(&b.version, &b.id)));
    let total: f64 = shares.iter().map(|s| s.rps).sum();
    if shares.len() < 2 || total <= 0.0 {
        return None;
    }
    // Widths are SVG attributes: a strict policy allows no style text.
    let mut left = 0.0;
    let bar = shares
        .iter()
        .enumerate()
        .map(|(idx, s)| {
            let width = s.rps / total * 100.0;
            let x = left;
            left += width;
            view! {
                <rect class=version_class(idx) x=format!("{x:.2}") y="0" width=format!("{width:.2}") height="12" />
            }
        })
        .collect_view();
    let rows = shares
        .iter()
        .enumerate()
        .map(|(idx, s)| {
            let id = s.id.clone();
            let [_, p95, _] = quantiles(&s.traffic);
            view! {
                <tr>
                    <th scope="row">
                        <span class=format!("swatch {}", version_class(idx))></span>
                        <button type="button" class="link" on:click=move |_| on_select.run(Some(id.clone()))>
                            {s.version.clone()}
                        </button>
                    </th>
                    <td class="figure">{numbers::share(s.rps / total)}</td>
                    <td class="figure">{numbers::count(s.traffic.requests)}</td>
                    <td class="figure">
                        {words::failed(&s.traffic)}
                    </td>
                    <td class="figure">{p95}</td>
                </tr>
            }
        })
        .collect_view();
    let place = use_place();
    let namespace = callee.namespace.clone();
    let title = match of_caller {
        None => format!("Versions of {app}, share of all calls"),
        Some(_) => format!("Versions of {app}, share of this caller’s calls"),
    };
    let said = shares
        .iter()
        .map(|s| format!("{} {}", s.version, numbers::share(s.rps / total)))
        .collect::<Vec<_>>()
        .join(", ");
    Some(
        view! {
            <section class="panel__section">
                <h3>{title}</h3>
                <svg class="share-bar" viewBox="0 0 100 12" preserveAspectRatio="none" role="img" aria-label=said>
                    {bar}
                </svg>
                <table class="small-table">
                    <thead>
                        <tr>
                            <th scope="col">"Version"</th>
                            <th scope="col">"Share"</th>
                            <th scope="col">"Requests"</th>
                            <th scope="col">"Errors"</th>
                            <th scope="col">"p95"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
                <a class="link" href=move || place.routes_in_href(&namespace)>"Move its traffic"</a>
            </section>
        }
        .into_any(),
    )
}

fn version_class(idx: usize) -> &'static str {
    ["version--1", "version--2", "version--3", "version--4"][idx % 4]
}
