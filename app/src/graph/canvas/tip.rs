//! What stands beside the pointer.

use std::sync::Arc;

use leptos::prelude::*;
use mesh::api;

use crate::graph::flow;
use crate::graph::scene::{Picture, Point};
use crate::graph::words;
use crate::numbers;
use crate::ui::HealthMark;

/// The figures of what the pointer is over. Readers of the screen have them from the list.
#[component]
pub fn Tip(
    /// The picture that is shown.
    #[prop(into)]
    picture: Signal<Option<Arc<Picture>>>,
    /// What the pointer is over, and where it is.
    #[prop(into)]
    over: Signal<Option<(String, Point)>>,
    /// How large the picture is: beside its far edges, the tip stands on the other side of the pointer.
    size: Callback<(), Point>,
) -> impl IntoView {
    let what = Memo::new(move |_| {
        let (id, _) = over.get()?;
        picture.with(|p| told(p.as_ref()?, &id))
    });
    let at = move |pick: fn(Point) -> f64| {
        over.with(|o| o.as_ref().map(|(_, p)| format!("{:.0}px", pick(*p))))
    };
    let beyond = move |pick: fn(Point) -> f64, share: f64| {
        over.with(|o| {
            o.as_ref()
                .is_some_and(|(_, p)| pick(*p) > pick(size.run(())) * share)
        })
    };
    move || {
        what.get().map(|told| {
            view! {
                <div
                    class="tip"
                    class:tip--left=move || beyond(|p| p.x, 0.6)
                    class:tip--above=move || beyond(|p| p.y, 0.6)
                    aria-hidden="true"
                    style:left=move || at(|p| p.x)
                    style:top=move || at(|p| p.y)
                >
                    <p class="tip__title">
                        <HealthMark status=Signal::stored(told.status) quiet=true />
                        {told.title}
                    </p>
                    <p class="tip__kind">{told.kind}</p>
                    {(!told.figures.is_empty()).then(|| view! {
                        <dl class="tip__figures">
                            {told.figures.into_iter().map(|(name, value)| view! {
                                <dt>{name}</dt>
                                <dd class="figure">{value}</dd>
                            }).collect_view()}
                        </dl>
                    })}
                    <p class="tip__reason">{told.reason}</p>
                </div>
            }
        })
    }
}

#[derive(Clone, PartialEq)]
struct Told {
    status: api::HealthStatus,
    title: String,
    kind: String,
    figures: Vec<(&'static str, String)>,
    reason: String,
}

fn told(picture: &Picture, id: &str) -> Option<Told> {
    let graph = picture.graph();
    if let Some(node) = graph.nodes.iter().find(|n| n.id == id) {
        let mut kind = words::kind(node.kind).to_owned();
        if node.namespace != "-" && node.kind != api::NodeKind::Namespace {
            kind.push_str(&format!(" in {}", node.namespace));
        }
        for badge in &node.badges {
            kind.push_str(&format!(" · {}", words::badge(badge)));
        }
        return Some(Told {
            status: node.health.status,
            title: words::node_name(node),
            kind,
            figures: node_figures(node),
            reason: node.health.reason.clone(),
        });
    }
    let edge = graph.edges.iter().find(|e| e.id == id)?;
    let names = words::NodeNames::new(graph);
    let mut figures = if edge.protocol == "tcp" || words::is_traced(edge) {
        Vec::new()
    } else {
        figures(&edge.traffic)
    };
    figures.extend(flow::figures(&edge.flow));
    if let Some(share) = picture.share(id) {
        let app = names
            .node(&edge.to)
            .and_then(|n| n.app.clone())
            .unwrap_or_default();
        figures.insert(
            0,
            (
                "Share",
                format!("{} of the calls to {app}", numbers::share(share)),
            ),
        );
    }
    if let Some(mtls) = edge.mtls_ratio.filter(|m| *m < 0.999) {
        figures.push((
            "Mutual TLS",
            format!("{} of the calls", numbers::share(mtls)),
        ));
    }
    Some(Told {
        status: edge.health.status,
        title: names.edge(edge),
        kind: words::calls(edge),
        figures,
        reason: edge.health.reason.clone(),
    })
}

/// What comes to a node, or where nothing does, what leaves it.
fn node_figures(node: &api::Node) -> Vec<(&'static str, String)> {
    let ways = [
        (&node.inbound, &node.inbound_flow),
        (&node.outbound, &node.outbound_flow),
    ];
    let all = ways.into_iter().map(|(traffic, flow)| {
        let counts = traffic.as_ref().filter(|it| it.requests > 0.0);
        let mut all = counts.map(figures).unwrap_or_default();
        all.extend(flow::figures(flow));
        all
    });
    all.into_iter()
        .find(|it| !it.is_empty())
        .unwrap_or_default()
}

fn figures(traffic: &api::graph::Traffic) -> Vec<(&'static str, String)> {
    let mut figures = vec![("Rate", numbers::rate(traffic.rps))];
    if traffic.requests > 0.0 {
        figures.push(("Failed", words::failed(traffic)));
    }
    let latency = &traffic.latency;
    let three = [
        ("p50", latency.p50_ms),
        ("p95", latency.p95_ms),
        ("p99", latency.p99_ms),
    ];
    for (name, value) in three {
        if let Some(ms) = value {
            figures.push((name, numbers::millis(ms)));
        }
    }
    figures
}
