//! Workloads: the list, and one with all that is known of it. Facts in, the wire out; pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::graph::Flow;
use crate::api::query::By;
use crate::api::workload::{
    Injection, Mtls, MtlsMode, ObjectLink, Pods, WorkloadDetails, WorkloadRow,
};
use crate::api::{Graph, Health, HealthStatus, InventoryQuery, Node, NodeKind, Notice};
use crate::calls::{self, Spot, UNKNOWN, When};
use crate::graph::{self, Facts};
use crate::health::Ready;
use crate::injection;
use crate::inventory::mtls::ROOT_NAMESPACE;
use crate::inventory::{self, Inventory, Stale, Workload};

/// What is known of all workloads in a window.
pub struct Crew<'a> {
    facts: &'a Facts,
    inventory: Option<&'a Inventory>,
    /// The cluster that the inventory is of, where metrics know one alone.
    home: Option<&'a str>,
    reporting: BTreeSet<Spot<'a>>,
    mutual: BTreeMap<Spot<'a>, f64>,
    /// Workloads whose pods are not what new ones would be.
    stale: BTreeMap<(&'a str, &'a str), Stale<'a>>,
    when: When,
}

impl<'a> Crew<'a> {
    /// Looks through the facts once.
    pub fn new(facts: &'a Facts, when: When) -> Crew<'a> {
        let inventory = facts.inventory.as_deref();
        let stale = inventory.map(Inventory::stale).unwrap_or_default();
        Crew {
            facts,
            inventory,
            stale: stale
                .into_iter()
                .map(|it| ((it.namespace, it.name), it))
                .collect(),
            when,
            home: calls::only_cluster(facts),
            reporting: calls::reporting(facts),
            mutual: calls::mutual(facts, calls::called),
        }
    }

    /// Returns the facts behind.
    pub fn facts(&self) -> &'a Facts {
        self.facts
    }

    /// Returns the time that is asked about.
    pub fn when(&self) -> When {
        self.when
    }

    /// Returns what the cluster holds, where one is asked.
    pub fn inventory(&self) -> Option<&'a Inventory> {
        self.inventory
    }

    /// Returns the cluster that things without traffic are in, where metrics know one alone.
    pub fn home(&self) -> Option<&'a str> {
        self.home
    }

    /// Returns what the cluster says of a workload. Of several clusters in the metrics, it is not known which one
    /// is asked: then nothing.
    fn object(&self, cluster: &str, namespace: &str, name: &str) -> Option<&'a Workload> {
        if cluster != UNKNOWN && self.home != Some(cluster) {
            return None;
        }
        let place = (namespace.to_owned(), name.to_owned());
        self.inventory?.workloads.get(&place)
    }

    /// Returns a workload that traffic was seen of.
    pub fn seen(&self, node: &Node) -> WorkloadRow {
        let object = self.object(&node.cluster, &node.namespace, &node.name);
        let pods = self.pods(object.as_slice());
        let spot = (
            node.cluster.as_str(),
            node.namespace.as_str(),
            node.name.as_str(),
        );
        WorkloadRow {
            id: node.id.clone(),
            kind: node.kind,
            object: object.map(|it| it.kind.clone()),
            cluster: node.cluster.clone(),
            namespace: node.namespace.clone(),
            name: node.name.clone(),
            app: node.app.clone().or_else(|| object.and_then(app_of)),
            version: node.version.clone().or_else(|| object.and_then(version_of)),
            health: node.health.clone(),
            inbound: node.inbound.clone(),
            outbound: node.outbound.clone(),
            inbound_flow: node.inbound_flow,
            pods,
            injection: self.injection(object, node.kind, spot),
            mtls: self.mtls(object, &node.namespace, self.mutual.get(&spot).copied()),
        }
    }

    /// Returns a workload that no traffic was seen of.
    pub fn idle(&self, object: &Workload) -> WorkloadRow {
        let (cluster, pods) = (self.home.unwrap_or(UNKNOWN), self.pods(&[object]));
        let spot = (cluster, object.namespace.as_str(), object.name.as_str());
        WorkloadRow {
            id: graph::workload_id(cluster, &object.namespace, &object.name),
            kind: NodeKind::Workload,
            object: Some(object.kind.clone()),
            cluster: cluster.to_owned(),
            namespace: object.namespace.clone(),
            name: object.name.clone(),
            app: app_of(object),
            version: version_of(object),
            health: no_traffic(self.facts, pods),
            inbound: None,
            outbound: None,
            inbound_flow: Flow::default(),
            pods,
            injection: self.injection(Some(object), NodeKind::Workload, spot),
            mtls: self.mtls(Some(object), &object.namespace, None),
        }
    }

    fn injection(&self, object: Option<&Workload>, kind: NodeKind, spot: Spot<'_>) -> Injection {
        let is_gateway = matches!(kind, NodeKind::Gateway | NodeKind::Waypoint);
        let reports = self.reporting.contains(&spot);
        let stale = self.stale.get(&(spot.1, spot.2));
        injection::of_workload(self.inventory, object, stale, is_gateway, reports)
    }

    /// Returns the pods of workloads as they are now; `None` of none, and of an earlier time.
    pub(crate) fn pods(&self, of: &[&Workload]) -> Option<Pods> {
        let all = of.iter().map(|it| Pods {
            ready: it.ready,
            wanted: it.wanted,
        });
        all_pods(all).filter(|_| self.when.is_now())
    }

    /// Returns what was seen and what is demanded of the calls to a workload. What is demanded is of now.
    fn mtls(&self, object: Option<&Workload>, namespace: &str, ratio: Option<f64>) -> Mtls {
        let demanded = self.inventory.zip(object).map(|(inventory, object)| {
            inventory.mtls(namespace, &object.labels, None, ROOT_NAMESPACE)
        });
        let Some(demanded) = demanded.filter(|_| self.when.is_now()) else {
            return Mtls {
                ratio,
                ..Mtls::default()
            };
        };
        Mtls {
            ratio,
            mode: Some(match demanded.mode {
                inventory::MtlsMode::Strict => MtlsMode::Strict,
                inventory::MtlsMode::Permissive => MtlsMode::Permissive,
                inventory::MtlsMode::Disable => MtlsMode::Disable,
            }),
            said_by: demanded.said_by.map(|object| ObjectLink {
                kind: object.kind,
                namespace: object.namespace,
                name: object.name,
                route: None,
            }),
        }
    }

    /// Returns every workload: those of `graph`, then those that the cluster has besides; worst first.
    pub fn rows(&self, graph: &Graph) -> Vec<WorkloadRow> {
        let nodes = graph
            .nodes
            .iter()
            .filter(|node| calls::is_workload(node.kind));
        let mut rows: Vec<WorkloadRow> = nodes.map(|node| self.seen(node)).collect();
        let seen: BTreeSet<(String, String)> = rows
            .iter()
            .map(|row| (row.namespace.clone(), row.name.clone()))
            .collect();
        let objects = self.inventory.iter().flat_map(|it| &it.workloads);
        let others = objects.filter(|(place, _)| !seen.contains(*place));
        rows.extend(others.map(|(_, object)| self.idle(object)));
        calls::worst_first(&mut rows, |row| {
            let traffic = row.inbound.as_ref().or(row.outbound.as_ref());
            (&row.health, traffic, &row.namespace, &row.name)
        });
        rows
    }
}

/// Returns the workloads of the namespaces asked for, worst first.
pub fn list(facts: &Facts, query: &InventoryQuery, when: When) -> Vec<WorkloadRow> {
    let crew = Crew::new(facts, when);
    let mut rows = crew.rows(&when.drawn(facts, By::Workload));
    rows.retain(|row| query.lists(&row.namespace));
    rows
}

/// Returns one workload; `None` where neither metrics nor cluster know it. Of several clusters, the worst's.
pub fn details(
    facts: &Facts,
    namespace: &str,
    name: &str,
    when: When,
    mut notices: Vec<Notice>,
) -> Option<WorkloadDetails> {
    let crew = Crew::new(facts, when);
    let rows = crew.rows(&when.drawn(facts, By::Workload));
    let mut found = rows
        .iter()
        .filter(|it| it.namespace == namespace && it.name == name);
    let workload = found.next()?.clone();
    notices.extend(elsewhere(
        &workload.cluster,
        found.map(|it| it.cluster.as_str()),
    ));
    let spot = (workload.cluster.as_str(), namespace, name);
    let to_it = calls::picked(
        facts,
        calls::as_it_is(|key| calls::called(key) == Some(spot)),
    );
    let from_it = calls::by_calling_workload(|key| calls::calling(key) == Some(spot));
    let from_it = calls::picked(facts, from_it);
    let inbound = when.drawn(&to_it, By::Workload);
    let outbound = when.drawn(&from_it, By::Service);
    let mut serves: BTreeSet<String> = to_it
        .requests
        .iter()
        .map(|sample| &sample.key)
        .chain(to_it.tcp.iter().map(|sample| &sample.key))
        .filter_map(|key| calls::addressed(key))
        .map(|(_, namespace, name)| format!("{namespace}/{name}"))
        .collect();
    if let Some(inventory) = crew.inventory() {
        let services = inventory.services.values();
        let behind = services.filter(|service| {
            let workloads = inventory.workloads_of(service, &BTreeMap::new());
            workloads
                .iter()
                .any(|it| it.namespace == namespace && it.name == name)
        });
        serves.extend(behind.map(|it| format!("{}/{}", it.namespace, it.name)));
    }
    let mut versions: Vec<WorkloadRow> = rows
        .iter()
        .filter(|row| row.namespace == namespace && row.cluster == workload.cluster)
        .filter(|row| row.app.is_some() && row.app == workload.app)
        .cloned()
        .collect();
    by_version(&mut versions);
    Some(WorkloadDetails {
        inbound: calls::calls(&inbound, |edge| edge.to == workload.id),
        outbound: calls::calls(&outbound, |edge| edge.from == workload.id),
        workload,
        serves: serves.into_iter().collect(),
        versions,
        notices,
        window_s: facts.window.secs(),
        at_ms: when.at.0,
    })
}

/// Returns what to say where a thing of this name is in other clusters, too.
pub(crate) fn elsewhere<'a>(shown: &str, others: impl Iterator<Item = &'a str>) -> Option<Notice> {
    let others: Vec<&str> = others.collect();
    (!others.is_empty()).then(|| Notice {
        kind: "other_clusters".to_owned(),
        source: "pidali".to_owned(),
        message: format!(
            "This is what cluster {shown} has of this name; it is in {}, too.",
            others.join(", ")
        ),
        hint: Some("the graph shows each cluster's apart".to_owned()),
    })
}

/// Sorts by version, then by name.
pub(crate) fn by_version(rows: &mut [WorkloadRow]) {
    rows.sort_by(|a, b| (&a.version, &a.name).cmp(&(&b.version, &b.name)));
}

/// Returns the judgement of what has no traffic, by its pods (rule R10).
pub(crate) fn no_traffic(facts: &Facts, pods: Option<Pods>) -> Health {
    let health = Health {
        status: HealthStatus::Idle,
        reason: format!("no requests in {}", facts.window),
    };
    match pods {
        Some(Pods { ready, wanted }) => Ready { wanted, ready }.judge(health),
        None => health,
    }
}

/// Returns the pods of several; `None` of none.
pub(crate) fn all_pods(all: impl Iterator<Item = Pods>) -> Option<Pods> {
    all.reduce(|sum, pods| Pods {
        ready: sum.ready.saturating_add(pods.ready),
        wanted: sum.wanted.saturating_add(pods.wanted),
    })
}

/// Returns the canonical name of a workload's app, as Istio reads it from its pods' labels.
fn app_of(workload: &Workload) -> Option<String> {
    label(
        workload,
        [
            "service.istio.io/canonical-name",
            "app.kubernetes.io/name",
            "app",
        ],
    )
}

/// Returns the canonical revision of a workload, as Istio reads it from its pods' labels.
pub(crate) fn version_of(workload: &Workload) -> Option<String> {
    label(
        workload,
        [
            "service.istio.io/canonical-revision",
            "app.kubernetes.io/version",
            "version",
        ],
    )
}

fn label(workload: &Workload, names: [&str; 3]) -> Option<String> {
    names
        .iter()
        .find_map(|name| workload.labels.get(*name))
        .cloned()
}
