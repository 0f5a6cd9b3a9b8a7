//! Pods as they run: whether a sidecar is in them, and of which revision.

use serde_json::Value;

use super::{Labels, ProxyResources, place, proxy};
use crate::object::{annotation, at, list_at, text_at, texts_at};

/// A pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// The name of the workload that keeps it running, where one does.
    pub workload: Option<String>,
    /// Whether Istio's proxy runs in it, as a container or as a native sidecar.
    pub has_sidecar: bool,
    /// The revision of the control plane that put the sidecar there, where the pod says.
    pub revision: Option<String>,
    /// Whether the machine's ztunnel takes its traffic.
    pub in_ambient: bool,
    /// What its sidecar may use.
    pub proxy: ProxyResources,
    /// Whether it is ready to take calls.
    pub ready: bool,
    /// Whether it is there to stay: neither ended nor about to.
    pub stays: bool,
}

impl Pod {
    /// Reads an object of kind Pod.
    pub fn read(object: &Value) -> Option<Self> {
        let (namespace, name) = place(object)?;
        let labels = texts_at(object, "/metadata/labels");
        let spec = object.get("spec").unwrap_or(&Value::Null);
        let has_sidecar = proxy::container(spec).is_some();
        let is_ready = |condition: &Value| {
            text_at(condition, "/type") == Some("Ready")
                && text_at(condition, "/status") == Some("True")
        };
        let phase = text_at(object, "/status/phase");
        let is_leaving = at(object, "/metadata/deletionTimestamp").is_some();
        Some(Self {
            workload: owner(object, &labels),
            has_sidecar,
            revision: revision(object, &labels).filter(|_| has_sidecar),
            in_ambient: annotation(object, "ambient.istio.io/redirection") == Some("enabled"),
            proxy: ProxyResources::of_pod(spec),
            ready: list_at(object, "/status/conditions").any(is_ready),
            stays: !is_leaving && !matches!(phase, Some("Succeeded" | "Failed")),
            namespace,
            name,
            labels,
        })
    }
}

/// Who keeps it running. A ReplicaSet stands for what made it: its name is the maker's and the hash of the
/// template, which the pod carries as a label.
fn owner(object: &Value, labels: &Labels) -> Option<String> {
    let is_controller = |owner: &&Value| owner.get("controller") == Some(&Value::Bool(true));
    let owner = list_at(object, "/metadata/ownerReferences").find(is_controller)?;
    let name = text_at(owner, "/name")?;
    match text_at(owner, "/kind")? {
        "ReplicaSet" => {
            // The second is Argo's.
            let hash = ["pod-template-hash", super::ROLLOUT_HASH];
            let hash = hash.iter().find_map(|label| labels.get(*label));
            let maker = hash.and_then(|hash| name.strip_suffix(hash.as_str())?.strip_suffix('-'));
            Some(maker.unwrap_or(name).to_owned())
        }
        "StatefulSet" | "DaemonSet" => Some(name.to_owned()),
        _ => None,
    }
}

/// The injector writes the revision twice; the label is what was asked for, where nothing else says.
fn revision(object: &Value, labels: &Labels) -> Option<String> {
    let written = annotation(object, "istio.io/rev").map(str::to_owned);
    let status = || {
        let status: Value =
            serde_json::from_str(annotation(object, "sidecar.istio.io/status")?).ok()?;
        Some(text_at(&status, "/revision")?.to_owned())
    };
    written
        .or_else(status)
        .or_else(|| labels.get("istio.io/rev").cloned())
}
