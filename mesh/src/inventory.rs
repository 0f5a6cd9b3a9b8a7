//! What a cluster holds, as far as the mesh asks: services, workloads and their pods, namespaces, hosts from
//! outside, and which calls are taken.
//!
//! Read from whole objects of Kubernetes, Istio and Argo. An object that can't be read is left out, since a
//! cluster may hold anything.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::object::{text_at, texts_at};
use crate::routing::service_entry::ServiceEntry;

mod injection;
pub mod mtls;
mod peer_authentication;
mod pod;
mod proxy;
pub mod quantity;
mod service;
mod stale;
mod workload;

#[cfg(test)]
mod tests;

pub use injection::{AMBIENT_LABEL, Injection, NAMESPACE_LABEL, REVISION_LABEL};
pub use peer_authentication::{MtlsMode, PeerAuthentication};
pub use pod::Pod;
pub use proxy::ProxyResources;
pub use service::{Service, ServicePort};
pub use stale::{Stale, Why};
pub use workload::{ROLLOUT_HASH, Workload};

type Labels = BTreeMap<String, String>;
/// Namespace and name.
type Place = (String, String);

/// What a cluster holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inventory {
    /// By namespace and name.
    pub services: BTreeMap<Place, Service>,
    /// By namespace and name. Where two kinds share a name, the one that should have pods is kept, then the
    /// Deployment, the Rollout, the StatefulSet.
    pub workloads: BTreeMap<Place, Workload>,
    /// Labels of the namespaces.
    pub namespaces: BTreeMap<String, Labels>,
    /// By namespace and name; none where the cluster's pods are not read.
    pub pods: BTreeMap<Place, Pod>,
    /// Labels of what serves from outside of the cluster, by namespace and name of its WorkloadEntry.
    pub workload_entries: BTreeMap<Place, Labels>,
    /// Hosts from outside that the mesh knows, by namespace and name of their object.
    pub service_entries: BTreeMap<Place, ServiceEntry>,
    /// Which calls are taken, by namespace and name.
    pub peer_authentications: BTreeMap<Place, PeerAuthentication>,
    /// The revisions of the control planes that run here; `default` for one without a name.
    pub revisions: BTreeSet<String>,
    /// Other names of revisions, which namespaces may be labelled with.
    pub tags: BTreeMap<String, String>,
    /// Whether ambient is installed: its ztunnel runs.
    pub has_ztunnel: bool,
}

impl Inventory {
    /// Reads what it knows of `objects` and passes over the rest.
    pub fn read<'a>(objects: impl Iterator<Item = &'a Value>) -> Self {
        let mut gathered = Gathered::default();
        for object in objects {
            gathered.take(object);
        }
        gathered.finish()
    }

    /// Returns how pods of a namespace come into the mesh that say nothing themselves.
    pub fn namespace_injection(&self, namespace: &str) -> Injection {
        self.namespaces
            .get(namespace)
            .map(Injection::of_namespace)
            .unwrap_or_default()
    }

    /// Returns how new pods of a workload come into the mesh.
    pub fn injection(&self, workload: &Workload) -> Injection {
        static NONE: Labels = Labels::new();
        let namespace = self.namespaces.get(&workload.namespace);
        Injection::of(namespace.unwrap_or(&NONE), workload)
    }

    /// Returns the pods of a workload, sorted by name.
    pub fn pods_of(&self, workload: &Workload) -> impl Iterator<Item = &Pod> {
        let from = (workload.namespace.clone(), String::new());
        let pods = self.pods.range(from..).map(|(_, pod)| pod);
        let (namespace, name) = (workload.namespace.clone(), workload.name.clone());
        pods.take_while(move |pod| pod.namespace == namespace)
            .filter(move |pod| pod.workload.as_ref() == Some(&name))
    }

    /// Returns the workloads whose pods serve `service` and have `labels` besides, sorted by name. The labels
    /// of a subset tell those of a version; none tell all.
    pub fn workloads_of(&self, service: &Service, labels: &Labels) -> Vec<&Workload> {
        if service.selector.is_empty() {
            return Vec::new();
        }
        let from = (service.namespace.clone(), String::new());
        self.workloads
            .range(from..)
            .map(|(_, workload)| workload)
            .take_while(|workload| workload.namespace == service.namespace)
            .filter(|workload| workload.has(&service.selector) && workload.has(labels))
            .collect()
    }

    /// Returns whether something besides workloads serves `service` and has `labels`: a pod that none of them
    /// keeps running, or a machine outside of the cluster.
    pub fn is_served_otherwise(&self, service: &Service, labels: &Labels) -> bool {
        let has = |own: &Labels| {
            let mut wanted = service.selector.iter().chain(labels);
            wanted.all(|(key, value)| own.get(key) == Some(value))
        };
        let here = |place: &Place| place.0 == service.namespace;
        let mut pods = self.pods.iter().filter(|(place, _)| here(place));
        let mut entries = self.workload_entries.iter();
        pods.any(|(_, pod)| pod.stays && has(&pod.labels))
            || entries.any(|(place, own)| here(place) && has(own))
    }

    fn keep(&mut self, workload: Workload) {
        let rank = |workload: &Workload| {
            let kinds = ["Deployment", "Rollout", "StatefulSet"];
            let kind = kinds.iter().position(|kind| workload.kind == *kind);
            // A Rollout may leave the Deployment whose template it uses behind, without pods.
            (workload.wanted == 0, kind.unwrap_or(kinds.len()))
        };
        let key = (workload.namespace.clone(), workload.name.clone());
        let present = self.workloads.get(&key);
        if present.is_none_or(|present| rank(&workload) <= rank(present)) {
            self.workloads.insert(key, workload);
        }
    }

    /// Takes note of what Istio itself runs.
    fn note_mesh(&mut self, object: &Value) {
        let label = |name| crate::object::label(object, name);
        if label("app") == Some("istiod") {
            let revision = label(REVISION_LABEL).unwrap_or("default");
            self.revisions.insert(revision.to_owned());
        }
        self.has_ztunnel |= text_at(object, "/metadata/name") == Some("ztunnel");
    }

    /// A tag is a webhook that calls a revision by another name.
    fn note_tag(&mut self, object: &Value) {
        let label = |name| crate::object::label(object, name).map(str::to_owned);
        if let (Some(tag), Some(revision)) = (label("istio.io/tag"), label(REVISION_LABEL)) {
            self.tags.insert(tag, revision);
        }
    }
}

/// What was read of the objects of a cluster so far.
#[derive(Default)]
pub(crate) struct Gathered {
    inventory: Inventory,
    /// Rollouts whose pods are like those of a Deployment, with its name.
    borrowing: Vec<(Workload, String)>,
}

impl Gathered {
    /// Takes in an object, and passes over what is not known.
    pub(crate) fn take(&mut self, object: &Value) {
        let Gathered {
            inventory,
            borrowing,
        } = self;
        let Some(kind) = object.get("kind").and_then(Value::as_str) else {
            return;
        };
        // Other groups have kinds of these names too (Knative's Service, for one).
        match kind {
            "Service" if is_of(object, "v1") => {
                let read = Service::read(object);
                insert(&mut inventory.services, object, read);
            }
            "Pod" if is_of(object, "v1") => {
                let read = Pod::read(object);
                insert(&mut inventory.pods, object, read);
            }
            "Namespace" => {
                let name = text_at(object, "/metadata/name").map(str::to_owned);
                let labels = texts_at(object, "/metadata/labels");
                inventory.namespaces.extend(name.map(|name| (name, labels)));
            }
            "Rollout" if !is_of(object, "argoproj.io/") => {}
            "Deployment" | "StatefulSet" | "DaemonSet" | "Rollout" => {
                inventory.note_mesh(object);
                let Some(workload) = Workload::read(object) else {
                    return;
                };
                let template = workload::borrowed_template(object);
                match template.filter(|_| kind == "Rollout") {
                    Some(name) => borrowing.push((workload, name.to_owned())),
                    None => inventory.keep(workload),
                }
            }
            "MutatingWebhookConfiguration" => inventory.note_tag(object),
            "ServiceEntry" if is_of(object, "networking.istio.io/") => {
                let read = ServiceEntry::read(object).ok();
                insert(&mut inventory.service_entries, object, read);
            }
            "WorkloadEntry" if is_of(object, "networking.istio.io/") => {
                let labels = texts_at(object, "/spec/labels");
                insert(&mut inventory.workload_entries, object, Some(labels));
            }
            "PeerAuthentication" if is_of(object, "security.istio.io/") => {
                let read = PeerAuthentication::read(object);
                insert(&mut inventory.peer_authentications, object, read);
            }
            _ => {}
        }
    }

    /// Returns all of it.
    pub(crate) fn finish(self) -> Inventory {
        let Gathered {
            mut inventory,
            borrowing,
        } = self;
        for (mut rollout, name) in borrowing {
            let lender = (rollout.namespace.clone(), name);
            if let Some(lender) = inventory.workloads.get(&lender) {
                rollout.take_pods_of(lender);
            }
            inventory.keep(rollout);
        }
        inventory
    }
}

fn insert<T>(into: &mut BTreeMap<Place, T>, object: &Value, read: Option<T>) {
    into.extend(place(object).zip(read));
}

/// Returns whether an object is of the group and version that starts so, or says nothing of it.
fn is_of(object: &Value, start: &str) -> bool {
    let version = object.get("apiVersion").and_then(Value::as_str);
    let is_whole = |version: &str| version == start;
    let is_group = |version: &str| start.ends_with('/') && version.starts_with(start);
    version.is_none_or(|version| is_whole(version) || is_group(version))
}

fn place(object: &Value) -> Option<Place> {
    Some((
        text_at(object, "/metadata/namespace")
            .unwrap_or_default()
            .to_owned(),
        text_at(object, "/metadata/name")?.to_owned(),
    ))
}
