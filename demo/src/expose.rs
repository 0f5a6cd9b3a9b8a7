//! The counters of the proxies and the control plane as Prometheus scrapes them.
//!
//! The only place of the demo that knows Istio's metric and label names
//! (<https://istio.io/latest/docs/reference/config/metrics/>).

mod breakers;
mod control;
mod labels;
mod otlp;
mod proxies;
mod requests;
pub(crate) mod spans;
mod tcp;

pub use otlp::otlp;

use std::borrow::Cow;
use std::fmt::{Display, Write};

use crate::World;
use crate::control::build;
use crate::fleet::{Pod, Workload};

/// What Istio writes where it does not know.
const UNKNOWN: &str = "unknown";

impl World {
    /// Returns the present counters of all living pods in Prometheus's text format.
    ///
    /// Each sample carries the `namespace` and `pod` of the proxy that reports it, so that one scrape
    /// with `honor_labels` looks like one of each pod. Series are born with their first call. What nodes
    /// say of containers (cAdvisor) is here as well.
    pub fn expose(&self) -> String {
        let pods: Vec<Exposed<'_>> = self
            .proxied_pods()
            .into_iter()
            .map(|(workload, pod)| Exposed::of(workload, pod))
            .collect();
        let mut text = String::new();
        self.expose_uptime(&pods, &mut text);
        self.expose_builds(&pods, &mut text);
        self.expose_proxies(&pods, &mut text);
        self.expose_breakers(&mut text);
        self.expose_control_plane(&mut text);
        self.expose_requests(&pods, &mut text);
        self.expose_messages(&pods, &mut text);
        self.expose_tcp(&pods, &mut text);
        text
    }

    fn expose_uptime(&self, pods: &[Exposed<'_>], text: &mut String) {
        family(text, "envoy_server_uptime", "gauge");
        for it in pods.iter().filter(|it| it.is_envoy()) {
            line(
                text,
                "envoy_server_uptime",
                &it.at,
                "",
                &self.uptime_secs(it.pod),
            );
        }
    }

    fn expose_builds(&self, pods: &[Exposed<'_>], text: &mut String) {
        let istiods = self.istiods();
        let istiods = istiods.iter().map(|it| Exposed::of(it.workload, it.pod));
        let all = istiods.collect::<Vec<_>>();
        family(text, "istio_build", "gauge");
        for it in all.iter().chain(pods) {
            if let Some((component, tag)) = build(it.workload) {
                let more = format!(",component=\"{component}\",tag=\"{}\"", escaped(tag));
                line(text, "istio_build", &it.at, &more, &1);
            }
        }
    }

    /// Returns how long a pod runs, in whole seconds.
    fn uptime_secs(&self, pod: &Pod) -> i64 {
        (self.step - pod.started).max(0) * crate::STEP_MS / 1000
    }
}

/// A pod that is scraped, with the labels of all that it says.
struct Exposed<'a> {
    workload: &'a Workload,
    pod: &'a Pod,
    at: String,
}

impl<'a> Exposed<'a> {
    fn of(workload: &'a Workload, pod: &'a Pod) -> Exposed<'a> {
        let at = place_of(&workload.deployment.namespace, &pod.name);
        // The scrape copies the pods' labels. Of sidecars' none is needed; a node's proxy is known by it.
        let app = match (build(workload), workload.deployment.labels.get("app")) {
            (Some(("proxy", _)), _) | (_, None) => String::new(),
            (_, Some(app)) => format!(",app=\"{}\"", escaped(app)),
        };
        Exposed {
            workload,
            pod,
            at: at + &app,
        }
    }

    fn is_envoy(&self) -> bool {
        self.workload.deployment.proxy.is_envoy()
    }
}

fn place_of(namespace: &str, pod: &str) -> String {
    format!(
        "namespace=\"{}\",pod=\"{}\"",
        escaped(namespace),
        escaped(pod)
    )
}

fn family(text: &mut String, name: &str, kind: &str) {
    for part in ["# TYPE ", name, " ", kind, "\n"] {
        text.push_str(part);
    }
}

fn line(text: &mut String, name: &str, labels: &str, more: &str, value: &dyn Display) {
    for part in [name, "{", labels, more, "} "] {
        text.push_str(part);
    }
    // Writing to a String does not fail.
    let _ = writeln!(text, "{value}");
}

/// Returns a label value with backslash, quote and line feed escaped as the text format asks.
fn escaped(value: &str) -> Cow<'_, str> {
    if !value.contains(['\\', '"', '\n']) {
        return Cow::Borrowed(value);
    }
    let mut text = String::with_capacity(value.len() + 8);
    for letter in value.chars() {
        match letter {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_are_escaped() {
        assert_eq!(escaped("plain"), "plain");
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
