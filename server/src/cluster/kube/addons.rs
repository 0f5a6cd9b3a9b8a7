//! Prometheus, Jaeger and Grafana in a cluster, found by the names, labels and ports that Istio's add-ons and the
//! usual charts give them.

use std::borrow::Cow;

use mesh::object::{label, list_at, text_at};
use serde_json::Value;

/// A Service that another program answers at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The port of the Service.
    pub port: u16,
}

/// A program that belongs to a mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addon {
    /// Whoever has the metrics.
    Prometheus,
    /// Whoever has the traces.
    Jaeger,
    /// Whoever has dashboards.
    Grafana,
}

impl Addon {
    /// Returns what people call it.
    pub fn name(self) -> &'static str {
        match self {
            Addon::Prometheus => "Prometheus",
            Addon::Jaeger => "Jaeger",
            Addon::Grafana => "Grafana",
        }
    }

    /// Returns the flag that says where it is.
    pub fn flag(self) -> &'static str {
        match self {
            Addon::Prometheus => "--prometheus",
            Addon::Jaeger => "--jaeger",
            Addon::Grafana => "--grafana",
        }
    }

    /// Returns the name of its Service with Istio's add-ons.
    pub fn service(self) -> &'static str {
        match self {
            Addon::Prometheus => "prometheus",
            Addon::Jaeger => "tracing",
            Addon::Grafana => "grafana",
        }
    }

    /// Returns the port that it is known by.
    pub fn port(self) -> u16 {
        match self {
            Addon::Prometheus => 9090,
            Addon::Jaeger => 16686,
            Addon::Grafana => 3000,
        }
    }

    /// Names of Services, the likeliest first.
    fn names(self) -> &'static [&'static str] {
        match self {
            Addon::Prometheus => &[
                "prometheus",
                "prometheus-server",
                "prometheus-operated",
                "prometheus-k8s",
            ],
            Addon::Jaeger => &["tracing", "jaeger-query", "jaeger"],
            Addon::Grafana => &["grafana"],
        }
    }

    /// Values of the labels `app` and `app.kubernetes.io/name`.
    fn labels(self) -> &'static [&'static str] {
        match self {
            Addon::Prometheus => &["prometheus"],
            Addon::Jaeger => &["jaeger"],
            Addon::Grafana => &["grafana"],
        }
    }

    /// Ports, the likeliest first.
    fn ports(self) -> &'static [u64] {
        match self {
            Addon::Prometheus => &[9090, 80],
            Addon::Jaeger => &[16686, 80],
            Addon::Grafana => &[3000, 80],
        }
    }
}

/// Returns the likeliest place of an add-on among Services; of two that are alike, the first by name.
pub fn find<'a>(addon: Addon, services: impl Iterator<Item = Cow<'a, Value>>) -> Option<Place> {
    let ranked = services.filter_map(|service| {
        let rank = rank(addon, &service)?;
        let (namespace, name) = at(&service);
        let place = Place {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            port: port(addon, &service)?,
        };
        Some((rank, place))
    });
    let best = ranked.min_by(|(a, at), (b, beside)| {
        (a, &at.namespace, &at.name).cmp(&(b, &beside.namespace, &beside.name))
    });
    best.map(|(_, place)| place)
}

/// Where mesh, name and label stand for how likely it is; less is likelier.
fn rank(addon: Addon, service: &Value) -> Option<(bool, usize)> {
    port(addon, service)?;
    let (namespace, name) = at(service);
    let names = addon.names();
    let by_name = names.iter().position(|it| *it == name);
    let is_labelled = ["app", "app.kubernetes.io/name"]
        .into_iter()
        .filter_map(|key| label(service, key))
        .any(|value| addon.labels().contains(&value));
    // What exports metrics of something else, or takes traces in, has other ports.
    let by_label = is_labelled.then_some(names.len());
    let of_istio = matches!(namespace, "istio-system" | "aks-istio-system");
    Some((!of_istio, by_name.or(by_label)?))
}

fn at(service: &Value) -> (&str, &str) {
    let text = |pointer| text_at(service, pointer).unwrap_or_default();
    (text("/metadata/namespace"), text("/metadata/name"))
}

fn port(addon: Addon, service: &Value) -> Option<u16> {
    let ports: Vec<u64> = list_at(service, "/spec/ports")
        .filter_map(|it| it.get("port")?.as_u64())
        .collect();
    let found = addon.ports().iter().find(|it| ports.contains(it))?;
    u16::try_from(*found).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn service(namespace: &str, name: &str, app: &str, ports: &[u16]) -> Value {
        let ports: Vec<Value> = ports.iter().map(|it| json!({"port": it})).collect();
        json!({"metadata": {"namespace": namespace, "name": name, "labels": {"app.kubernetes.io/name": app}}, "spec": {"ports": ports}})
    }

    fn found(addon: Addon, services: &[Value]) -> String {
        let place = find(addon, services.iter().map(Cow::Borrowed));
        place.map_or_else(String::new, |it| {
            format!("{}/{}:{}", it.namespace, it.name, it.port)
        })
    }

    #[test]
    fn add_ons_are_found_where_istio_puts_them() {
        let services = [
            service("monitoring", "prometheus-operated", "prometheus", &[9090]),
            service("istio-system", "prometheus", "prometheus", &[9090]),
            service("istio-system", "tracing", "jaeger", &[80, 16685]),
            service("istio-system", "jaeger-collector", "jaeger", &[14268, 4317]),
            service("istio-system", "grafana", "grafana", &[3000]),
            service("default", "prometheus-node-exporter", "exporter", &[9100]),
        ];
        assert_eq!(
            found(Addon::Prometheus, &services),
            "istio-system/prometheus:9090"
        );
        assert_eq!(found(Addon::Jaeger, &services), "istio-system/tracing:80");
        assert_eq!(
            found(Addon::Grafana, &services),
            "istio-system/grafana:3000"
        );
        assert_eq!(
            found(Addon::Prometheus, &services[..1]),
            "monitoring/prometheus-operated:9090"
        );
        assert_eq!(found(Addon::Prometheus, &services[5..]), "");
    }

    #[test]
    fn a_chart_of_another_name_is_known_by_its_label() {
        let services = [
            service("monitoring", "kps-prometheus", "prometheus", &[9090, 8080]),
            service("monitoring", "kps-alertmanager", "alertmanager", &[9093]),
        ];
        assert_eq!(
            found(Addon::Prometheus, &services),
            "monitoring/kps-prometheus:9090"
        );
    }
}
