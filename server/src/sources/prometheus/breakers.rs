//! What Envoy says of its circuit breakers and ejections, where it was told to.

use std::collections::BTreeMap;

use mesh::api::Notice;
use mesh::api::breakers::Exposed;
use mesh::breakers::Told;
use mesh::names::{NamespaceName, ServiceName};
use mesh::routing::hosts;
use mesh::telemetry::{BreakerSample, Breakers};
use mesh::units::Window;

use crate::sources::Answer;

use super::decode::Text;
use super::explain::Asked;
use super::labels::Reader;
use super::promql::increase_from_zero;
use super::{Prometheus, PrometheusError};

/// Requests refused because too many waited.
pub const PENDING_OVERFLOW: &str = "envoy_cluster_upstream_rq_pending_overflow";
/// Connections refused because there were too many.
pub const CONNECTION_OVERFLOW: &str = "envoy_cluster_upstream_cx_overflow";
/// Retries refused because there were too many.
pub const RETRY_OVERFLOW: &str = "envoy_cluster_upstream_rq_retry_overflow";
/// Ejections.
pub const EJECTIONS: &str = "envoy_cluster_outlier_detection_ejections_enforced_total";
/// Endpoints that are ejected now.
pub const EJECTED_NOW: &str = "envoy_cluster_outlier_detection_ejections_active";
/// Whether one of a cluster's breakers is open: several metrics, one for each limit.
pub const OPEN_NOW: &str =
    "envoy_cluster_circuit_breakers_default_(cx|cx_pool|rq|rq_pending|rq_retry)_open";

/// Istio's name of an upstream: `outbound|port|subset|host`. Others are the proxy's own business.
const UPSTREAMS: &str = "cluster_name=~\"outbound[|].*\"";
const BY: &str = "namespace, cluster_name";

/// The questions with their metric, in the order of [`Exposed`]'s figures.
fn texts(window: Window) -> [(&'static str, &'static str, String); 6] {
    let rose = |metric: &str| {
        let counted = increase_from_zero(&format!("{metric}{{{UPSTREAMS}}}"), window);
        format!("sum by ({BY}) ({counted})")
    };
    [
        (
            PENDING_OVERFLOW,
            "requests refused: too many waited",
            rose(PENDING_OVERFLOW),
        ),
        (
            CONNECTION_OVERFLOW,
            "connections refused: too many",
            rose(CONNECTION_OVERFLOW),
        ),
        (
            RETRY_OVERFLOW,
            "retries refused: too many",
            rose(RETRY_OVERFLOW),
        ),
        (EJECTIONS, "ejections", rose(EJECTIONS)),
        (
            EJECTED_NOW,
            "endpoints that are ejected now, as the proxy with the most counts them",
            format!("max by ({BY}) ({EJECTED_NOW}{{{UPSTREAMS}}})"),
        ),
        (
            OPEN_NOW,
            "proxies whose breaker is open now",
            format!(
                "sum by ({BY}) (max by (pod, instance, {BY}) ({{__name__=~\"{OPEN_NOW}\", {UPSTREAMS}}}))"
            ),
        ),
    ]
}

/// Returns all questions about breakers with what their answers say.
pub fn questions(window: Window) -> Vec<Asked> {
    let all = texts(window).into_iter();
    all.map(|(_, label, text)| Asked::once(label, text))
        .collect()
}

/// An upstream as its clients' namespace tells of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Upstream {
    namespace: Text,
    name: Text,
}

#[derive(Default)]
struct Figures {
    reader: Reader,
    by_upstream: BTreeMap<Upstream, f64>,
}

impl Prometheus {
    /// Returns what Envoy's figures say, and which of them there are.
    pub async fn breakers(&self, ask: &Breakers) -> Result<Answer<Told>, PrometheusError> {
        let texts = texts(ask.window);
        let asked = texts.each_ref().map(|(_, _, text)| {
            self.gather(text, ask.at, |figures: &mut Figures, item| {
                if let Some(name) = item.metric.cluster_name
                    && let Some(value) = figures.reader.value(item.value.as_ref())
                {
                    let namespace = item.metric.namespace.unwrap_or_default();
                    *figures
                        .by_upstream
                        .entry(Upstream { namespace, name })
                        .or_default() += value;
                }
            })
        });
        let mut by_upstream: BTreeMap<Upstream, [f64; 6]> = BTreeMap::new();
        let mut is_there = [false; 6];
        let mut notices = Vec::new();
        for (place, answer) in futures::future::join_all(asked)
            .await
            .into_iter()
            .enumerate()
        {
            let (figures, warnings) = answer?;
            notices.extend(warnings);
            notices.extend(figures.reader.notices());
            if let Some(flag) = is_there.get_mut(place) {
                *flag = !figures.by_upstream.is_empty();
            }
            for (upstream, value) in figures.by_upstream {
                if let Some(slot) = by_upstream.entry(upstream).or_default().get_mut(place) {
                    *slot += value;
                }
            }
        }
        let unread = by_upstream
            .keys()
            .filter(|it| read(&it.name).is_none())
            .count();
        if unread > 0 {
            notices.push(Notice {
                kind: "source_partial".to_owned(),
                source: "prometheus".to_owned(),
                message: format!("{unread} upstreams with names that do not read as Istio writes them are left out."),
                hint: None,
            });
        }
        let missing: Vec<&str> = texts
            .iter()
            .zip(is_there)
            .filter(|(_, is_there)| !is_there)
            .map(|((metric, ..), _)| *metric)
            .collect();
        if !missing.is_empty() && missing.len() < texts.len() {
            notices.push(Notice {
                kind: "breaker_stats_missing".to_owned(),
                source: "prometheus".to_owned(),
                message: format!("Not exposed, so not shown: {}.", missing.join(", ")),
                hint: None,
            });
        }
        let [
            pending_overflow,
            connection_overflow,
            retry_overflow,
            ejections,
            ejected_now,
            open_now,
        ] = is_there;
        let samples = by_upstream
            .iter()
            .filter_map(|(upstream, figures)| sample(upstream, *figures));
        Ok(Answer {
            value: Told {
                samples: samples.collect(),
                exposed: Exposed {
                    pending_overflow,
                    connection_overflow,
                    retry_overflow,
                    ejections,
                    ejected_now,
                    open_now,
                },
            },
            notices,
        })
    }
}

/// Reads `outbound|port|subset|host`.
fn read(name: &str) -> Option<(u16, Option<&str>, &str)> {
    let mut parts = name.strip_prefix("outbound|")?.splitn(3, '|');
    let port = parts.next()?.parse().ok()?;
    let subset = Some(parts.next()?).filter(|it| !it.is_empty());
    let host = Some(parts.next()?).filter(|it| !it.is_empty() && !it.contains('|'))?;
    Some((port, subset, host))
}

fn sample(upstream: &Upstream, figures: [f64; 6]) -> Option<BreakerSample> {
    let (port, subset, host) = read(&upstream.name)?;
    let [
        pending_overflow,
        connection_overflow,
        retry_overflow,
        ejections,
        ejected_now,
        open_now,
    ] = figures;
    let service = hosts::service_of(host, hosts::DOMAIN);
    Some(BreakerSample {
        namespace: NamespaceName::new(&*upstream.namespace),
        port,
        subset: subset.map(str::to_owned),
        service: service
            .map(|(namespace, name)| (NamespaceName::new(namespace), ServiceName::new(name))),
        host: host.to_owned(),
        pending_overflow,
        connection_overflow,
        retry_overflow,
        ejections,
        ejected_now,
        open_now,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstreams_name_says_port_subset_and_host() {
        let host = "backend.default.svc.cluster.local";
        assert_eq!(
            read(&format!("outbound|80|v1|{host}")),
            Some((80, Some("v1"), host))
        );
        assert_eq!(
            read(&format!("outbound|80||{host}")),
            Some((80, None, host))
        );
        for none in [
            "inbound|80||",
            "outbound|x||h",
            "outbound|80|v1",
            "outbound|80|v1|",
            "xds-grpc",
            "outbound|1|a|b|c",
        ] {
            assert_eq!(read(none), None, "{none}");
        }
    }
}
