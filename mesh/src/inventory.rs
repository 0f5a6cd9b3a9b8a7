//! What a cluster holds, as far as routing asks: services, workloads, namespaces.
//!
//! Read from whole objects of Kubernetes: Service, Namespace, Deployment, StatefulSet, DaemonSet. An object that
//! can't be read is left out, since a cluster may hold anything.

use std::collections::BTreeMap;

use serde_json::Value;

type Labels = BTreeMap<String, String>;

/// A port of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// Empty where the service has one port and gives it no name.
    pub name: String,
    /// Its number.
    pub port: u16,
    /// What it says is spoken there.
    pub app_protocol: Option<String>,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Labels of the pods that serve it; none: its endpoints are someone else's to say.
    pub selector: Labels,
    /// In the order written.
    pub ports: Vec<ServicePort>,
}

impl Service {
    /// Reads an object of kind Service.
    pub fn read(object: &Value) -> Option<Self> {
        let (namespace, name) = place(object)?;
        let ports = object.pointer("/spec/ports").and_then(Value::as_array);
        let ports = ports.into_iter().flatten().filter_map(|port| {
            let text = |key| port.get(key).and_then(Value::as_str).map(str::to_owned);
            Some(ServicePort {
                name: text("name").unwrap_or_default(),
                port: port.get("port")?.as_u64()?.try_into().ok()?,
                app_protocol: text("appProtocol"),
            })
        });
        Some(Self {
            namespace,
            name,
            selector: labels(object.pointer("/spec/selector")),
            ports: ports.collect(),
        })
    }

    /// Returns the port with this number.
    pub fn port(&self, number: u16) -> Option<&ServicePort> {
        self.ports.iter().find(|port| port.port == number)
    }
}

/// A workload: what keeps pods of one template running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `Deployment`, `StatefulSet` or `DaemonSet`.
    pub kind: String,
    /// Labels of its pods.
    pub labels: Labels,
    /// How many pods it should have.
    pub wanted: u32,
    /// How many of them are ready. All, where the object has no status yet: nothing speaks against them.
    pub ready: u32,
    /// Whether its pods ask for a sidecar, where they say: label `sidecar.istio.io/inject`.
    pub injected: Option<bool>,
}

impl Workload {
    /// Reads an object of one of the three kinds.
    pub fn read(object: &Value) -> Option<Self> {
        let (namespace, name) = place(object)?;
        let kind = object.get("kind")?.as_str()?;
        let number =
            |pointer| -> Option<u32> { object.pointer(pointer)?.as_u64()?.try_into().ok() };
        let (wanted, ready) = match kind {
            "Deployment" | "StatefulSet" => {
                let wanted = number("/spec/replicas").unwrap_or(1);
                let missing = number("/status/unavailableReplicas");
                let ready = number("/status/readyReplicas");
                (wanted, ready.or(missing.map(|n| wanted.saturating_sub(n))))
            }
            "DaemonSet" => {
                let wanted = number("/status/desiredNumberScheduled").unwrap_or(1);
                (wanted, number("/status/numberReady"))
            }
            _ => return None,
        };
        let has_status = object
            .get("status")
            .and_then(Value::as_object)
            .is_some_and(|status| !status.is_empty());
        let template = object.pointer("/spec/template/metadata");
        let written = |key| labels(template.and_then(|it| it.get(key)));
        let pod_labels = written("labels");
        let inject = pod_labels
            .get("sidecar.istio.io/inject")
            .cloned()
            // How it was written before it became a label.
            .or_else(|| written("annotations").remove("sidecar.istio.io/inject"));
        Some(Self {
            namespace,
            name,
            kind: kind.to_owned(),
            wanted,
            // A count of 0 is left out of a status.
            ready: ready.unwrap_or(if has_status { 0 } else { wanted }),
            injected: inject.and_then(|text| text.parse().ok()),
            labels: pod_labels,
        })
    }
}

/// What a cluster holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// By namespace and name.
    pub services: BTreeMap<(String, String), Service>,
    /// By namespace and name. Where two kinds share a name, the Deployment is kept, then the StatefulSet.
    pub workloads: BTreeMap<(String, String), Workload>,
    /// Labels of the namespaces.
    pub namespaces: BTreeMap<String, Labels>,
}

impl Inventory {
    /// Reads what it knows of `objects` and passes over the rest.
    pub fn read<'a>(objects: impl Iterator<Item = &'a Value>) -> Self {
        let mut inventory = Self::default();
        for object in objects {
            match object.get("kind").and_then(Value::as_str) {
                Some("Service") if is_core(object) => {
                    let service = Service::read(object);
                    inventory
                        .services
                        .extend(service.map(|it| ((it.namespace.clone(), it.name.clone()), it)));
                }
                Some("Namespace") => {
                    let name = object.pointer("/metadata/name").and_then(Value::as_str);
                    let labels = labels(object.pointer("/metadata/labels"));
                    inventory
                        .namespaces
                        .extend(name.map(|name| (name.to_owned(), labels)));
                }
                Some("Deployment" | "StatefulSet" | "DaemonSet") => {
                    if let Some(workload) = Workload::read(object) {
                        inventory.keep(workload);
                    }
                }
                _ => {}
            }
        }
        inventory
    }

    /// Returns the workloads whose pods serve `service` and have `labels` besides, sorted by name. The labels
    /// of a subset tell those of a version; none tell all.
    pub fn workloads_of(&self, service: &Service, labels: &Labels) -> Vec<&Workload> {
        if service.selector.is_empty() {
            return Vec::new();
        }
        let has = |workload: &Workload, wanted: &Labels| {
            let mut wanted = wanted.iter();
            wanted.all(|(key, value)| workload.labels.get(key) == Some(value))
        };
        let from = (service.namespace.clone(), String::new());
        self.workloads
            .range(from..)
            .map(|(_, workload)| workload)
            .take_while(|workload| workload.namespace == service.namespace)
            .filter(|workload| has(workload, &service.selector) && has(workload, labels))
            .collect()
    }

    fn keep(&mut self, workload: Workload) {
        let rank = |kind: &str| match kind {
            "Deployment" => 0,
            "StatefulSet" => 1,
            _ => 2,
        };
        let key = (workload.namespace.clone(), workload.name.clone());
        let present = self.workloads.get(&key);
        if present.is_none_or(|present| rank(&workload.kind) <= rank(&present.kind)) {
            self.workloads.insert(key, workload);
        }
    }
}

/// Other groups have a kind of that name too (Knative's, for one).
fn is_core(object: &Value) -> bool {
    let version = object.get("apiVersion").and_then(Value::as_str);
    version.is_none_or(|version| version == "v1")
}

fn place(object: &Value) -> Option<(String, String)> {
    let text = |pointer| object.pointer(pointer).and_then(Value::as_str);
    Some((
        text("/metadata/namespace").unwrap_or_default().to_owned(),
        text("/metadata/name")?.to_owned(),
    ))
}

fn labels(at: Option<&Value>) -> Labels {
    let fields = at.and_then(Value::as_object);
    let labels = fields.into_iter().flatten().filter_map(|(key, value)| {
        let value = value.as_str()?;
        Some((key.clone(), value.to_owned()))
    });
    labels.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deployment(name: &str, version: &str, status: Value) -> Value {
        json!({
            "kind": "Deployment", "metadata": {"name": name, "namespace": "default"},
            "spec": {"replicas": 2, "template": {"metadata": {"labels": {"app": "backend", "version": version}}}},
            "status": status
        })
    }

    #[test]
    fn a_subset_means_workloads_through_the_services_selector() {
        let objects = [
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "backend", "namespace": "default"},
                "spec": {"selector": {"app": "backend"}, "ports": [{"port": 80, "name": "http", "appProtocol": "http"}]}}),
            json!({"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": "other", "namespace": "default"}}),
            deployment(
                "backend-v2",
                "v2",
                json!({"replicas": 2, "readyReplicas": 1}),
            ),
            deployment("backend-v1", "v1", json!({})),
            deployment(
                "backend-v3",
                "v3",
                json!({"replicas": 2, "unavailableReplicas": 2}),
            ),
            deployment("backend-v4", "v4", json!({"observedGeneration": 1})),
            json!({"kind": "Namespace", "metadata": {"name": "default", "labels": {"istio-injection": "enabled"}}}),
        ];
        let inventory = Inventory::read(objects.iter());
        assert_eq!(inventory.services.len(), 1);
        let service = inventory.services.values().next().unwrap();
        let told: Vec<(&str, u32)> = inventory
            .workloads_of(service, &Labels::new())
            .into_iter()
            .map(|workload| (workload.name.as_str(), workload.ready))
            .collect();
        let all = [
            ("backend-v1", 2),
            ("backend-v2", 1),
            ("backend-v3", 0),
            ("backend-v4", 0),
        ];
        assert_eq!(told, all);
        let v2 = Labels::from([("version".to_owned(), "v2".to_owned())]);
        let v2 = inventory.workloads_of(service, &v2);
        assert_eq!(v2.len(), 1);
        assert_eq!(
            inventory.namespaces["default"]["istio-injection"],
            "enabled"
        );
    }

    #[test]
    fn a_service_without_a_selector_has_no_workloads_of_its_own() {
        let service =
            Service::read(&json!({"metadata": {"name": "far", "namespace": "default"}})).unwrap();
        let inventory = Inventory::read([deployment("a", "v1", json!({}))].iter());
        assert!(inventory.workloads_of(&service, &Labels::new()).is_empty());
    }
}
