//! What the simulation takes from Deployments and DaemonSets: names, labels, replicas, proxies.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::chance::hash_text;
use crate::objects::{Objects, place, text_at, texts_at};
use crate::world::Complaint;

/// A workload that should run.
#[derive(Clone, Debug)]
pub(crate) struct Deployment {
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// The labels of its pods.
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) service_account: String,
    pub(crate) replicas: u32,
    /// How many of the replicas never become ready, as the object's own status says. There is no
    /// kubelet in the demo: what the status says is so.
    pub(crate) unavailable: u32,
    /// What stands between its pods and the mesh.
    pub(crate) proxy: Proxy,
    /// `Deployment` or `DaemonSet`.
    pub(crate) kind: &'static str,
    /// The tag of its first image: the version of what runs.
    pub(crate) tag: Option<String>,
    /// Another template means other pods.
    pub(crate) template_hash: u64,
}

/// What stands between a workload's pods and the mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Proxy {
    /// Nothing: to others its calls come from nowhere.
    None,
    /// An Envoy of its own: a sidecar, or the whole pod of a gateway.
    Sidecar,
    /// The proxy of its node (ambient); a waypoint reads its requests where its services have one.
    Ambient,
    /// It is a waypoint.
    Waypoint,
    /// It is the proxy of its node: ztunnel.
    Node,
}

impl Proxy {
    /// Returns whether the pods themselves are or hold a proxy, which could be scraped.
    pub(crate) fn is_in_pods(self) -> bool {
        matches!(self, Proxy::Sidecar | Proxy::Waypoint | Proxy::Node)
    }

    /// Returns whether it is an Envoy: ztunnel is none.
    pub(crate) fn is_envoy(self) -> bool {
        matches!(self, Proxy::Sidecar | Proxy::Waypoint)
    }
}

impl Deployment {
    /// Returns whether it is the control plane.
    pub(crate) fn is_istiod(&self) -> bool {
        self.labels.get("app").is_some_and(|app| app == "istiod")
    }
}

/// More replicas than a demo needs; keeps a slip of the finger from filling the memory.
const MAX_REPLICAS: u64 = 50;

/// Returns the Deployments and DaemonSets, sorted by namespace and name; of two that share a name, the
/// Deployment.
pub(crate) fn read(objects: &Objects, complaints: &mut Vec<Complaint>) -> Vec<Deployment> {
    let kinds = ["Deployment", "DaemonSet"];
    let all = kinds
        .into_iter()
        .flat_map(|kind| objects.of_kind(kind).map(move |object| (kind, object)));
    let mut found: Vec<Deployment> = all
        .filter_map(|(kind, object)| {
            let deployment = deployment(kind, object, objects);
            if let Err(reason) = &deployment {
                complaints.push(Complaint::of(object, reason));
            }
            deployment.ok()
        })
        .collect();
    found.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    found.dedup_by(|b, a| (&a.namespace, &a.name) == (&b.namespace, &b.name));
    found
}

fn deployment(kind: &'static str, object: &Value, objects: &Objects) -> Result<Deployment, String> {
    let (_, namespace, name) = place(object);
    let number = |pointer: &str, absent: u64| match object.pointer(pointer) {
        None | Some(Value::Null) => Ok(absent),
        Some(value) => value
            .as_u64()
            .ok_or_else(|| format!("`{pointer}` is not a whole number")),
    };
    // There are no nodes here: how many pods a DaemonSet has is what its status says.
    let replicas = number(
        match kind {
            "DaemonSet" => "/status/desiredNumberScheduled",
            _ => "/spec/replicas",
        },
        1,
    )?;
    if MAX_REPLICAS < replicas {
        return Err(format!(
            "{replicas} replicas are more than the {MAX_REPLICAS} that the demo simulates"
        ));
    }
    let unavailable = number("/status/unavailableReplicas", 0)?.min(replicas);
    let template = object.pointer("/spec/template").unwrap_or(&Value::Null);
    let labels = texts_at(object, "/spec/template/metadata/labels");
    let image = text_at(object, "/spec/template/spec/containers/0/image");
    Ok(Deployment {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        proxy: proxy(&labels, image, namespace, objects),
        kind,
        tag: image.and_then(|image| Some(image.rsplit_once(':')?.1.to_owned())),
        labels,
        service_account: text_at(object, "/spec/template/spec/serviceAccountName")
            .unwrap_or("default")
            .to_owned(),
        replicas: replicas as u32,
        unavailable: unavailable as u32,
        // A JSON object is kept sorted, so its text does not depend on the order it was written in.
        template_hash: hash_text(&template.to_string()),
    })
}

/// Returns what stands between pods with these labels and the mesh. Unlike in a cluster, other labels
/// of a namespace hold at once, not for new pods alone.
fn proxy(
    labels: &BTreeMap<String, String>,
    image: Option<&str>,
    namespace: &str,
    objects: &Objects,
) -> Proxy {
    let label = |name: &str| labels.get(name).map(String::as_str);
    let is_waypoint = label("gateway.istio.io/managed") == Some("istio.io-mesh-controller");
    if label("app") == Some("ztunnel") {
        return Proxy::Node;
    }
    if is_waypoint {
        return Proxy::Waypoint;
    }
    match label("sidecar.istio.io/inject") {
        Some("false") => return Proxy::None,
        Some("true") => return Proxy::Sidecar,
        _ => {}
    }
    // Istio writes a gateway's image, or whoever installs the gateway does.
    let is_gateway = image.is_some_and(|image| image == "auto" || image.contains("/proxyv2:"));
    if is_gateway {
        return Proxy::Sidecar;
    }
    let mut namespaces = objects.of_kind("Namespace");
    let Some(namespace) = namespaces.find(|object| place(object).2 == namespace) else {
        return Proxy::Sidecar;
    };
    let its = texts_at(namespace, "/metadata/labels");
    let its = |name: &str| its.get(name).map(String::as_str);
    let mode = label("istio.io/dataplane-mode").or(its("istio.io/dataplane-mode"));
    match (its("istio-injection"), its("istio.io/rev"), mode) {
        (Some("enabled"), ..) | (None, Some(_), _) => Proxy::Sidecar,
        (_, _, Some("ambient")) => Proxy::Ambient,
        _ => Proxy::None,
    }
}
