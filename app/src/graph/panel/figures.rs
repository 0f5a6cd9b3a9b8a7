//! The figures of a node or an edge: rate, errors, latency, codes, flags.

use leptos::prelude::*;
use mesh::api::Edge;
use mesh::api::graph::{Bounds, Flow, Traffic};

use crate::graph::flow;
use crate::graph::words::{self, Fault};
use crate::numbers;
use crate::ui::{Icon, Symbol};

/// One figure with its label.
pub fn figure(label: &'static str, value: String) -> impl IntoView {
    view! { <div class="figures__item"><dt>{label}</dt><dd class="figure">{value}</dd></div> }
}

/// Writes a quantile; where only its bucket is known, the bucket.
fn quantile(value: Option<f64>, bounds: Option<Bounds>) -> String {
    match (value, bounds) {
        (Some(ms), _) => numbers::millis(ms),
        (
            None,
            Some(Bounds {
                low_ms,
                high_ms: None,
            }),
        ) => numbers::longer_than(low_ms),
        (
            None,
            Some(Bounds {
                low_ms,
                high_ms: Some(high),
            }),
        ) => {
            format!("{} to {}", numbers::millis(low_ms), numbers::millis(high))
        }
        (None, None) => numbers::NO_DATA.to_owned(),
    }
}

/// Writes p50, p95 and p99 of some traffic.
pub fn quantiles(traffic: &Traffic) -> [String; 3] {
    let l = &traffic.latency;
    let bounds = |idx: usize| l.latency_bounds.and_then(|b| b.get(idx).copied());
    [(l.p50_ms, 0), (l.p95_ms, 1), (l.p99_ms, 2)].map(|(value, idx)| quantile(value, bounds(idx)))
}

/// The figures of some traffic: rate, errors, latency.
pub fn figures(
    title: &'static str,
    traffic: &Traffic,
    flow: &Flow,
    has_latency: bool,
    tcp: bool,
) -> AnyView {
    let flows = flow::figures(flow);
    let flows = flows
        .into_iter()
        .map(|(label, value)| figure(label, value))
        .collect_view();
    if tcp && traffic.requests == 0.0 {
        return view! {
            <section class="panel__section">
                <h3>{title}</h3>
                <dl class="figures">{flows}</dl>
                <p class="panel__note">
                    "TCP: its requests can’t be told apart, so there are bytes and connections only, as the proxy \
                     of the client counts them."
                </p>
            </section>
        }
        .into_any();
    }
    let [p50, p95, p99] = if has_latency {
        quantiles(traffic)
    } else {
        ["…", "…", "…"].map(str::to_owned)
    };
    let bounds = traffic.latency.latency_bounds.map(|b| {
        let words = ["p50", "p95", "p99"]
            .iter()
            .zip(b)
            .map(|(name, b)| format!("{name} {}", quantile(None, Some(b))))
            .collect::<Vec<_>>()
            .join(", ");
        format!(
            "Latency is merged from the histogram buckets of all series, then read once: {words}."
        )
    });
    let share = |label: &'static str, ratio: Option<f64>| {
        ratio.filter(|r| *r > 0.0).map(|r| {
            figure(
                label,
                numbers::share_of(Some(r), r * traffic.requests, traffic.requests),
            )
        })
    };
    let errors = if traffic.errors > 0.0 {
        format!(
            "{} of {}",
            numbers::count(traffic.errors),
            numbers::count(traffic.requests)
        )
    } else {
        numbers::count(traffic.errors)
    };
    let error_share = traffic
        .error_ratio
        .map_or_else(|| numbers::NO_DATA.to_owned(), numbers::share);
    view! {
        <section class="panel__section">
            <h3>{title}</h3>
            <dl class="figures">
                {figure("Rate", numbers::rate(traffic.rps))}
                {figure("Errors", errors)}
                {figure("Error share", error_share)}
                {figure("p50", p50)}
                {figure("p95", p95)}
                {figure("p99", p99)}
                {share("Client errors", traffic.client_error_ratio)}
                {share("Client went away", traffic.gone_ratio)}
                {flows}
            </dl>
            {measured(traffic, bounds)}
        </section>
    }
    .into_any()
}

/// Says how the figures are made, for whoever wants to check them.
fn measured(traffic: &Traffic, bounds: Option<String>) -> impl IntoView + use<> {
    let counted = format!(
        "{} requests in the window. Rate = requests / window. Error share = server errors / requests.",
        numbers::count(traffic.requests)
    );
    view! {
        <details class="panel__how">
            <summary>"How these are measured"</summary>
            <p>{counted}</p>
            <p>
                "Server errors are HTTP 5xx, calls without any response unless the client went away, and \
                 gRPC statuses 2, 4, 12, 13, 14 and 15."
            </p>
            {bounds.map(|text| view! { <p>{text}</p> })}
        </details>
    }
}

/// Says how much of an edge is protected by mutual TLS, where that is known.
pub fn mtls(edge: &Edge) -> impl IntoView + use<> {
    edge.mtls_ratio.map(|ratio| {
        let all = ratio >= 1.0;
        let text = if all {
            "All calls use mutual TLS.".to_owned()
        } else if ratio <= 0.0 {
            "No call uses mutual TLS.".to_owned()
        } else {
            format!(
                "{} of the calls use mutual TLS; the rest is not protected.",
                numbers::share(ratio)
            )
        };
        let symbol = if all { Symbol::Lock } else { Symbol::Unlocked };
        view! { <p class="panel__fact" class:panel__fact--warn=!all><Icon symbol />{text}</p> }
    })
}

/// The responses by code, in words.
pub fn responses(traffic: &Traffic) -> Option<AnyView> {
    if traffic.responses.is_empty() {
        return None;
    }
    let total: f64 = traffic.responses.values().sum();
    let rows = traffic
        .responses
        .iter()
        .map(|(code, rps)| {
            let class = match words::fault(code) {
                Fault::Server => "code code--server",
                Fault::Client => "code code--client",
                Fault::None => "code",
            };
            let share = if total > 0.0 {
                numbers::share(rps / total)
            } else {
                numbers::NO_DATA.to_owned()
            };
            view! {
                <tr>
                    <th scope="row">
                        <span class=class>{code.clone()}</span>" "
                        <span class="caption">{words::code(code)}</span>
                    </th>
                    <td class="figure">{numbers::rate(*rps)}</td>
                    <td class="figure">{share}</td>
                </tr>
            }
        })
        .collect_view();
    Some(
        view! {
            <section class="panel__section">
                <h3>"Responses"</h3>
                <table class="small-table">
                    <thead>
                        <tr><th scope="col">"Code"</th><th scope="col">"Rate"</th><th scope="col">"Share"</th></tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </section>
        }
        .into_any(),
    )
}

/// The proxies' flags, in words.
pub fn flags(traffic: &Traffic) -> Option<AnyView> {
    if traffic.flags.is_empty() {
        return None;
    }
    let rows = traffic
        .flags
        .iter()
        .map(|(flag, rps)| {
            view! {
                <tr>
                    <th scope="row"><span class="code">{flag.clone()}</span>" "{words::flag(flag)}</th>
                    <td class="figure">{numbers::rate(*rps)}</td>
                </tr>
            }
        })
        .collect_view();
    Some(
        view! {
            <section class="panel__section">
                <h3>"What the proxies say went wrong"</h3>
                <table class="small-table">
                    <thead><tr><th scope="col">"Flag"</th><th scope="col">"Rate"</th></tr></thead>
                    <tbody>{rows}</tbody>
                </table>
            </section>
        }
        .into_any(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_beyond_the_last_bucket_says_so() {
        let last = Bounds {
            low_ms: 3_600_000.0,
            high_ms: None,
        };
        assert_eq!(quantile(None, Some(last)), "> 1 h");
        assert_eq!(quantile(Some(23.0), Some(last)), "23 ms");
        assert_eq!(quantile(None, None), "–");
    }
}
