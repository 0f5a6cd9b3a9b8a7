//! What the cluster tells of nodes beside their traffic: pods, injection, what is idle (rule R7).

use std::collections::{BTreeMap, BTreeSet};

use foldhash::{HashMap, HashMapExt};

use crate::api::query::By;
use crate::inventory::{Inventory, Service, Workload};
use crate::telemetry::Peer;
use crate::wording::listed;

use super::ends::Ends;
use super::identity::Identity;
use super::project::Projection;
use super::roles::Roles;
use super::views::{Outside, Pods};

type Text = std::sync::Arc<str>;

/// How many names of what is not injected are spelled out.
const MAX_NAMED: usize = 5;

/// What the cluster knows of one node.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known {
    /// Its pods.
    pub pods: Pods,
    /// Whether pods of it are in the mesh.
    pub is_in: bool,
}

/// What the cluster knows of all nodes.
#[derive(Default)]
pub struct Cluster {
    /// By the number of the identity.
    pub nodes: BTreeMap<usize, Known>,
    /// What is not injected.
    pub outside: Outside,
}

/// Which idle things are asked for: those of these namespaces, or of all but the system's own.
pub type Idle<'a> = Option<&'a [String]>;

/// Returns what `inventory` knows of the identities in `ends`; with what is idle, as new ones.
pub fn read(
    inventory: &Inventory,
    projection: &Projection<'_>,
    roles: &Roles<'_>,
    ends: &mut Ends<'_>,
    idle: Idle<'_>,
) -> Cluster {
    let mut reader = Reader {
        inventory,
        projection,
        idle,
        home: home(inventory, ends),
        nodes: BTreeMap::new(),
        served: BTreeSet::new(),
    };
    if projection.by() == By::Service || idle.is_some() || has_services(ends) {
        reader.services(ends);
    }
    reader.workloads(ends);
    Cluster {
        nodes: reader.nodes,
        outside: outside(inventory, roles),
    }
}

/// Matches what the cluster holds with nodes.
struct Reader<'a> {
    inventory: &'a Inventory,
    projection: &'a Projection<'a>,
    idle: Idle<'a>,
    /// The name that traffic has for the cluster that was read.
    home: Option<Text>,
    nodes: BTreeMap<usize, Known>,
    /// The workloads whose service speaks for them.
    served: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> Reader<'a> {
    fn is_asked(&self, namespace: &str) -> bool {
        self.idle.is_some_and(|asked| match asked {
            [] => !is_kubernetes_own(namespace),
            names => names.iter().any(|name| name == namespace),
        })
    }

    fn identity(&self, workload: &Workload) -> Option<Identity> {
        let home = self.home.clone();
        self.projection.peer(&peer(workload), home, None)
    }

    fn add(&mut self, number: usize, workload: &Workload) {
        let known = self.nodes.entry(number).or_default();
        known.add(workload, self.inventory);
    }

    fn services(&mut self, ends: &mut Ends<'_>) {
        let inventory = self.inventory;
        let by_label = by_label(inventory);
        for service in inventory.services.values() {
            let workloads = workloads_of(service, &by_label);
            if let Some(number) = self.service(service, &workloads, ends) {
                self.nodes.entry(number).or_default();
                for workload in &workloads {
                    self.add(number, workload);
                }
            }
            if self.projection.by() == By::Service {
                let places = workloads.iter();
                let places = places.map(|it| (it.namespace.as_str(), it.name.as_str()));
                self.served.extend(places);
            }
        }
    }

    /// The number of a service's node, where it has one or is to have one.
    fn service(
        &self,
        service: &Service,
        workloads: &[&Workload],
        ends: &mut Ends<'_>,
    ) -> Option<usize> {
        let identity = self.projection.fold(Identity::Service {
            cluster: self.home.clone(),
            namespace: Some(service.namespace.as_str().into()),
            service: service.name.as_str().into(),
        });
        if let Some(number) = ends.known(&identity) {
            return Some(number);
        }
        // Where workloads are drawn, they stand for their service.
        let stands_alone = match self.projection.by() {
            By::Service => service.name != "kubernetes",
            _ => workloads.is_empty() && !service.selector.is_empty(),
        };
        let is_idle = stands_alone
            && self.is_asked(&service.namespace)
            && !workloads.iter().any(|workload| {
                let own = self.identity(workload);
                own.is_some_and(|it| ends.known(&it).is_some())
            });
        is_idle.then(|| ends.number(identity))
    }

    fn workloads(&mut self, ends: &mut Ends<'_>) {
        let inventory = self.inventory;
        for workload in inventory.workloads.values() {
            let Some(identity) = self.identity(workload) else {
                continue;
            };
            let place = (workload.namespace.as_str(), workload.name.as_str());
            let is_served = self.served.contains(&place);
            let is_service = matches!(identity, Identity::Service { .. });
            let number = match ends.known(&identity) {
                // Its service has counted it.
                Some(_) if is_service && is_served => None,
                Some(number) => Some(number),
                None if !is_served && self.is_asked(&workload.namespace) => {
                    Some(ends.number(identity))
                }
                None => None,
            };
            if let Some(number) = number {
                self.add(number, workload);
            }
        }
    }
}

impl Known {
    fn add(&mut self, workload: &Workload, inventory: &Inventory) {
        self.pods.wanted += workload.wanted;
        self.pods.ready += workload.ready;
        self.pods.n_workloads += 1;
        self.is_in |= inventory.injection(workload).is_in();
    }
}

fn has_services(ends: &Ends<'_>) -> bool {
    let mut all = ends.identities().iter();
    all.any(|it| matches!(it, Identity::Service { .. }))
}

/// Kubernetes' own namespaces are shown where they are named.
pub fn is_kubernetes_own(namespace: &str) -> bool {
    namespace.starts_with("kube-")
}

/// The name that most nodes in the cluster's namespaces have for it.
fn home(inventory: &Inventory, ends: &Ends<'_>) -> Option<Text> {
    let workloads = inventory.workloads.values();
    let mut namespaces: BTreeSet<&str> = workloads.map(|it| it.namespace.as_str()).collect();
    namespaces.extend(inventory.namespaces.keys().map(String::as_str));
    let mut clusters: BTreeMap<&str, usize> = BTreeMap::new();
    for identity in ends.identities() {
        let is_here = identity
            .namespace()
            .is_some_and(|it| namespaces.contains(it));
        if let Some(cluster) = identity.cluster().filter(|_| is_here) {
            *clusters.entry(cluster).or_default() += 1;
        }
    }
    // Of equals the first by name.
    let most = clusters.into_iter().rev().max_by_key(|(_, n)| *n);
    most.map(|(cluster, _)| cluster.into())
}

/// What proxies would say of a workload.
fn peer(workload: &Workload) -> Peer {
    let label = |names: &[&str]| {
        let mut found = names.iter().filter_map(|name| workload.labels.get(*name));
        found.find(|text| !text.is_empty()).map(String::as_str)
    };
    let app = label(&[
        "service.istio.io/canonical-name",
        "app.kubernetes.io/name",
        "app",
    ]);
    let version = label(&[
        "service.istio.io/canonical-revision",
        "app.kubernetes.io/version",
        "version",
    ]);
    Peer {
        cluster: None,
        namespace: Some(workload.namespace.as_str().into()),
        workload: Some(workload.name.as_str().into()),
        app: Some(app.unwrap_or(&workload.name).into()),
        version: Some(version.unwrap_or("latest").into()),
    }
}

type ByLabel<'a> = HashMap<(&'a str, &'a str, &'a str), Vec<&'a Workload>>;

fn by_label(inventory: &Inventory) -> ByLabel<'_> {
    let mut by_label: ByLabel<'_> = HashMap::new();
    for workload in inventory.workloads.values() {
        for (key, value) in &workload.labels {
            let place = (workload.namespace.as_str(), key.as_str(), value.as_str());
            by_label.entry(place).or_default().push(workload);
        }
    }
    by_label
}

/// The workloads behind a service, without looking at all of its namespace for each: those that have the
/// rarest of its labels are looked at.
fn workloads_of<'a>(service: &'a Service, by_label: &ByLabel<'a>) -> Vec<&'a Workload> {
    let namespace = service.namespace.as_str();
    let labels = service.selector.iter();
    let with = labels.map(|(key, value)| {
        let place = (namespace, key.as_str(), value.as_str());
        by_label.get(&place).map(Vec::as_slice).unwrap_or_default()
    });
    let rarest = with.min_by_key(|it| it.len());
    let mut workloads = rarest.unwrap_or_default().to_vec();
    let is_selected = |workload: &Workload| {
        let mut wanted = service.selector.iter();
        wanted.all(|(key, value)| workload.labels.get(key) == Some(value))
    };
    workloads.retain(|workload| is_selected(workload));
    workloads
}

/// Names what is not injected: whole namespaces, and workloads in others.
fn outside(inventory: &Inventory, roles: &Roles<'_>) -> Outside {
    let mut by_namespace: BTreeMap<&str, (Vec<&str>, bool)> = BTreeMap::new();
    for workload in inventory.workloads.values() {
        let namespace = workload.namespace.as_str();
        let is_proxy = roles.get(Some(namespace), &workload.name).is_some();
        if is_proxy || is_kubernetes_own(namespace) || is_istio(workload) {
            continue;
        }
        let (outside, has_inside) = by_namespace.entry(namespace).or_default();
        if inventory.injection(workload).is_in() {
            *has_inside = true;
        } else {
            outside.push(&workload.name);
        }
    }
    let (mut namespaces, mut workloads) = (Vec::new(), Vec::new());
    for (namespace, (outside, has_inside)) in by_namespace {
        match (outside.is_empty(), has_inside) {
            (true, _) => {}
            (false, false) => namespaces.push(namespace.to_owned()),
            (false, true) => {
                let names = outside.iter().map(|name| format!("{namespace}/{name}"));
                workloads.extend(names);
            }
        }
    }
    Outside {
        namespaces: listed(&namespaces, MAX_NAMED),
        workloads: listed(&workloads, MAX_NAMED),
    }
}

fn is_istio(workload: &Workload) -> bool {
    let app = workload.labels.get("app").map(String::as_str);
    matches!(app, Some("istiod" | "ztunnel" | "istio-cni-node"))
        || matches!(workload.name.as_str(), "istio-cni-node" | "ztunnel")
}
