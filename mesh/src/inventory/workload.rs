//! What keeps pods running: Deployments, StatefulSets, DaemonSets, and Rollouts of Argo.

use serde_json::Value;

use super::{Labels, ProxyResources, place};
use crate::object::{at, text_at, texts_at};

/// The label by which pods ask for a sidecar, or refuse one.
pub(super) const INJECT: &str = "sidecar.istio.io/inject";

/// The label by which Argo Rollouts tells the pods of two versions apart. It puts it into selectors of
/// services and subsets while it steers them.
pub const ROLLOUT_HASH: &str = "rollouts-pod-template-hash";

/// A workload: what keeps pods of one template running.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Workload {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `Deployment`, `StatefulSet`, `DaemonSet` or `Rollout`.
    pub kind: String,
    /// Labels of its pods.
    pub labels: Labels,
    /// Annotations of its pods.
    pub annotations: Labels,
    /// How many pods it should have.
    pub wanted: u32,
    /// How many of them are ready. All, where the object has no status yet: nothing speaks against them.
    pub ready: u32,
    /// Whether its pods ask for a sidecar, where they say: label `sidecar.istio.io/inject`. What comes of it
    /// hangs on the namespace too: [`super::Injection::of`].
    pub injected: Option<bool>,
    /// Whether its pods use the network of their machine: such pods are never in the mesh.
    pub host_network: bool,
    /// What its sidecars may use, where its pods say so.
    pub proxy: ProxyResources,
}

impl Workload {
    /// Reads an object of one of the four kinds.
    pub fn read(object: &Value) -> Option<Self> {
        let (namespace, name) = place(object)?;
        let kind = object.get("kind")?.as_str()?;
        let number = |pointer| -> Option<u32> { at(object, pointer)?.as_u64()?.try_into().ok() };
        let (wanted, ready) = match kind {
            "Deployment" | "StatefulSet" | "Rollout" => {
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
        let mut workload = Self {
            namespace,
            name,
            kind: kind.to_owned(),
            wanted,
            // A count of 0 is left out of a status.
            ready: ready.unwrap_or(if has_status { 0 } else { wanted }),
            ..Self::default()
        };
        workload.take_template(object);
        Some(workload)
    }

    /// Returns whether its pods have all of `wanted`.
    pub(crate) fn has(&self, wanted: &Labels) -> bool {
        let mut wanted = wanted.iter();
        wanted.all(|(key, value)| {
            // Argo gives it to the pods, not to the template.
            let is_argos = key == ROLLOUT_HASH && self.kind == "Rollout";
            is_argos || self.labels.get(key) == Some(value)
        })
    }

    /// Takes over what the pods of `other` are like.
    pub(super) fn take_pods_of(&mut self, other: &Workload) {
        self.labels.clone_from(&other.labels);
        self.annotations.clone_from(&other.annotations);
        self.injected = other.injected;
        self.host_network = other.host_network;
        self.proxy = other.proxy;
    }

    fn take_template(&mut self, object: &Value) {
        self.labels = texts_at(object, "/spec/template/metadata/labels");
        self.annotations = texts_at(object, "/spec/template/metadata/annotations");
        // The annotation is how it was written before it became a label.
        let inject = self.labels.get(INJECT).or(self.annotations.get(INJECT));
        self.injected = inject.and_then(|text| text.parse().ok());
        let spec = at(object, "/spec/template/spec");
        self.host_network = spec
            .and_then(|spec| spec.get("hostNetwork"))
            .and_then(Value::as_bool)
            .unwrap_or_default();
        let written = spec.map(ProxyResources::of_pod).unwrap_or_default();
        self.proxy = ProxyResources::of_annotations(&self.annotations).or(written);
    }
}

/// Returns the name of the Deployment whose template a Rollout uses, where it has none of its own.
pub(super) fn borrowed_template(object: &Value) -> Option<&str> {
    let is_deployment = text_at(object, "/spec/workloadRef/kind") == Some("Deployment");
    let name = text_at(object, "/spec/workloadRef/name");
    name.filter(|_| is_deployment)
}
