//! What the proxies use: cAdvisor's figures of their containers, and Envoy's own.

use std::collections::BTreeMap;

use mesh::api::Notice;
use mesh::names::NamespaceName;
use mesh::telemetry::{Proxies, ProxySample};
use mesh::units::Window;

use crate::sources::Answer;

use super::decode::Text;
use super::explain::Asked;
use super::labels::Reader;
use super::promql::matcher;
use super::{Prometheus, PrometheusError};

/// What limits count against, in bytes.
pub const MEMORY: &str = "container_memory_working_set_bytes";
/// Processor time, in seconds.
pub const CPU: &str = "container_cpu_usage_seconds_total";
/// What Envoy has allocated, in bytes.
pub const ALLOCATED: &str = "envoy_server_memory_allocated";

/// The name of the proxy's container, in sidecars, gateways and ztunnel alike.
const CONTAINER: &str = "istio-proxy";
/// cAdvisor is scraped every half or whole minute: a rate needs two of those.
const MIN_RATE_SECS: u32 = 120;

/// The questions with their metric, in the order of [`ProxySample`]'s figures.
fn texts(window: Window) -> [(&'static str, &'static str, String); 3] {
    let container = matcher("container", CONTAINER);
    let secs = window.secs().max(MIN_RATE_SECS);
    [
        (
            MEMORY,
            "working set of each proxy's container, bytes",
            // Twice where two jobs scrape the same machine: the same figure, not more of it.
            format!("max by (namespace, pod) ({MEMORY}{{{container}}})"),
        ),
        (
            CPU,
            "cores in use by each proxy's container",
            format!(
                "max by (namespace, pod) (sum without (cpu) (rate({CPU}{{{container}}}[{secs}s])))"
            ),
        ),
        (
            ALLOCATED,
            "memory that Envoy says it has allocated, bytes",
            format!("max by (namespace, pod) ({ALLOCATED})"),
        ),
    ]
}

/// Returns all questions about the proxies with what their answers say.
pub fn questions(window: Window) -> Vec<Asked> {
    let all = texts(window).into_iter();
    all.map(|(_, label, text)| Asked::once(label, text))
        .collect()
}

#[derive(Default)]
struct Figures {
    reader: Reader,
    by_pod: BTreeMap<(Text, Text), f64>,
}

impl Prometheus {
    /// Returns what the proxies use. What has no metric is `None`, with a notice.
    pub async fn proxies(
        &self,
        ask: &Proxies,
    ) -> Result<Answer<Vec<ProxySample>>, PrometheusError> {
        let texts = texts(ask.window);
        let asked = texts.each_ref().map(|(_, _, text)| {
            self.gather(text, ask.at, |figures: &mut Figures, item| {
                if let (Some(namespace), Some(pod)) = (item.metric.namespace, item.metric.pod)
                    && let Some(value) = figures.reader.value(item.value.as_ref())
                {
                    figures.by_pod.insert((namespace, pod), value);
                }
            })
        });
        let mut by_pod: BTreeMap<(Text, Text), [Option<f64>; 3]> = BTreeMap::new();
        let (mut notices, mut missing, mut failures) = (Vec::new(), Vec::new(), Vec::new());
        let answers = futures::future::join_all(asked).await;
        for (place, (answer, (metric, label, _))) in answers.into_iter().zip(&texts).enumerate() {
            match answer {
                Ok((figures, warnings)) => {
                    notices.extend(warnings);
                    notices.extend(figures.reader.notices());
                    if figures.by_pod.is_empty() {
                        missing.push(*metric);
                    }
                    for (pod, value) in figures.by_pod {
                        if let Some(slot) = by_pod.entry(pod).or_default().get_mut(place) {
                            *slot = Some(value);
                        }
                    }
                }
                Err(error) => {
                    notices.push(Notice {
                        kind: "proxies_partial".to_owned(),
                        source: "prometheus".to_owned(),
                        message: format!("Not known: {label}. {}", error.message()),
                        hint: Some(error.mend()),
                    });
                    failures.push(error);
                }
            }
        }
        if failures.len() == texts.len()
            && let Some(error) = failures.into_iter().next()
        {
            return Err(error);
        }
        if !missing.is_empty() {
            notices.push(Notice {
                kind: "proxies_missing".to_owned(),
                source: "prometheus".to_owned(),
                message: format!("Not there, so not shown: {}.", missing.join(", ")),
                hint: missing.iter().any(|it| *it != ALLOCATED).then(|| {
                    "have the kubelets' cAdvisor scraped (/metrics/cadvisor); Istio's own Prometheus does".to_owned()
                }),
            });
        }
        if ask.window.secs() < MIN_RATE_SECS && !missing.contains(&CPU) {
            notices.push(Notice {
                kind: "smoothed".to_owned(),
                source: "prometheus".to_owned(),
                message: format!("Processor use is averaged over {MIN_RATE_SECS} s: containers are measured more seldom than proxies."),
                hint: None,
            });
        }
        let value = by_pod.into_iter().map(|((namespace, pod), figures)| {
            let [memory_bytes, cpu_cores, allocated_bytes] = figures;
            ProxySample {
                namespace: NamespaceName::new(&*namespace),
                pod: pod.into(),
                memory_bytes,
                cpu_cores,
                allocated_bytes,
            }
        });
        Ok(Answer {
            value: value.collect(),
            notices,
        })
    }
}
