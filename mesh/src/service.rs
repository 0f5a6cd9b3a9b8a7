//! Services: the list, and one with all that is known of it. Facts and objects in, the wire out; pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::graph::{Flow, Graph};
use crate::api::query::By;
use crate::api::service::{PortRow, ServiceDetails, ServiceRow};
use crate::api::workload::{Injection, Mtls, WorkloadRow};
use crate::api::{Health, InventoryQuery, Node, NodeKind, Notice};
use crate::calls::{self, Spot, UNKNOWN, When};
use crate::graph::{self, Facts};
use crate::injection;
use crate::inventory::{self, Workload};
use crate::routes::Board;
use crate::workload::{self, Crew};

/// What stands behind services, by who was called.
struct Behind<'a> {
    crew: &'a Crew<'a>,
    rows: Vec<WorkloadRow>,
    /// Workloads that took calls to a service.
    took: BTreeMap<Spot<'a>, BTreeSet<Spot<'a>>>,
    mutual: BTreeMap<Spot<'a>, f64>,
}

impl<'a> Behind<'a> {
    fn new(crew: &'a Crew<'a>) -> Behind<'a> {
        let facts = crew.facts();
        let mut took: BTreeMap<Spot<'_>, BTreeSet<Spot<'_>>> = BTreeMap::new();
        let keys = facts.requests.iter().map(|it| &*it.key);
        for key in keys.chain(facts.tcp.iter().map(|it| &*it.key)) {
            if let (Some(service), Some(workload)) = (calls::addressed(key), calls::called(key)) {
                took.entry(service).or_default().insert(workload);
            }
        }
        Behind {
            rows: crew.rows(&crew.when().drawn(facts, By::Workload)),
            took,
            mutual: calls::mutual(facts, calls::addressed),
            crew,
        }
    }

    /// Returns what the cluster says of a service.
    fn object(&self, spot: Spot<'_>) -> Option<&'a inventory::Service> {
        if spot.0 != UNKNOWN && self.crew.home() != Some(spot.0) {
            return None;
        }
        let place = (spot.1.to_owned(), spot.2.to_owned());
        self.crew.inventory()?.services.get(&place)
    }

    /// Returns the workloads whose pods a service selects.
    fn selected(&self, spot: Spot<'_>) -> Vec<&'a Workload> {
        let (Some(inventory), Some(service)) = (self.crew.inventory(), self.object(spot)) else {
            return Vec::new();
        };
        inventory.workloads_of(service, &BTreeMap::new())
    }

    /// Returns the workloads behind a service: those that it selects and those that took calls to it.
    fn workloads(&self, spot: Spot<'_>) -> Vec<&WorkloadRow> {
        let selected = self.selected(spot);
        let took = self.took.get(&spot);
        let rows = self.rows.iter().filter(|row| {
            let it = (
                row.cluster.as_str(),
                row.namespace.as_str(),
                row.name.as_str(),
            );
            let is_selected = || {
                let mut selected = selected.iter();
                it.0 == spot.0 && selected.any(|w| w.namespace == it.1 && w.name == it.2)
            };
            took.is_some_and(|took| took.contains(&it)) || is_selected()
        });
        rows.collect()
    }

    fn row(&self, spot: Spot<'_>, node: Option<&Node>) -> ServiceRow {
        let behind = self.workloads(spot);
        let selected = self.selected(spot);
        let pods = self.crew.pods(&selected);
        let versions: BTreeSet<String> = behind
            .iter()
            .filter_map(|row| row.version.clone())
            .collect();
        let health = node.map_or_else(
            || workload::no_traffic(self.crew.facts(), pods),
            |it| it.health.clone(),
        );
        ServiceRow {
            id: node.map_or_else(
                || graph::service_id(Some(spot.0).filter(|it| *it != UNKNOWN), spot.1, spot.2),
                |it| it.id.clone(),
            ),
            cluster: spot.0.to_owned(),
            namespace: spot.1.to_owned(),
            name: spot.2.to_owned(),
            health,
            inbound: node.and_then(|it| it.inbound.clone()),
            inbound_flow: node.map_or_else(Flow::default, |it| it.inbound_flow),
            pods,
            versions: versions.into_iter().collect(),
            injection: self.injection(spot, &behind),
            mtls: self.mtls(spot, &behind),
        }
    }

    fn injection(&self, spot: Spot<'_>, behind: &[&WorkloadRow]) -> Injection {
        let joined = injection::joined(behind.iter().map(|row| &row.injection));
        joined.unwrap_or_else(|| Injection {
            reason: match self.object(spot) {
                Some(_) => "it selects no workload".to_owned(),
                None => "no workload behind it is known".to_owned(),
            },
            ..Injection::default()
        })
    }

    /// Returns what was seen, and what is demanded where all workloads behind agree.
    fn mtls(&self, spot: Spot<'_>, behind: &[&WorkloadRow]) -> Mtls {
        let mut demanded = behind.iter().map(|row| (&row.mtls.mode, &row.mtls.said_by));
        let agreed = demanded
            .next()
            .filter(|first| demanded.all(|it| it == *first));
        Mtls {
            ratio: self.mutual.get(&spot).copied(),
            mode: agreed.and_then(|(mode, _)| *mode),
            said_by: agreed.and_then(|(_, said_by)| said_by.clone()),
        }
    }

    /// Returns every service: those of `graph`, then those that the cluster has besides; worst first.
    fn rows(&self, graph: &Graph) -> Vec<ServiceRow> {
        let is_service = |node: &&Node| {
            let is_one = matches!(node.kind, NodeKind::Service | NodeKind::External);
            is_one && node.namespace != UNKNOWN
        };
        let nodes = graph.nodes.iter().filter(is_service);
        let mut rows: Vec<ServiceRow> = nodes
            .map(|node| self.row((&node.cluster, &node.namespace, &node.name), Some(node)))
            .collect();
        let seen: BTreeSet<(String, String)> = rows
            .iter()
            .map(|row| (row.namespace.clone(), row.name.clone()))
            .collect();
        let home = self.crew.home().unwrap_or(UNKNOWN);
        let objects = self
            .crew
            .inventory()
            .into_iter()
            .flat_map(|it| &it.services);
        let others = objects.filter(|(place, _)| !seen.contains(*place));
        rows.extend(others.map(|((namespace, name), _)| self.row((home, namespace, name), None)));
        calls::worst_first(&mut rows, |row| {
            (&row.health, row.inbound.as_ref(), &row.namespace, &row.name)
        });
        rows
    }
}

/// Returns the services of the namespaces asked for, worst first.
pub fn list(facts: &Facts, query: &InventoryQuery, when: When) -> Vec<ServiceRow> {
    let crew = Crew::new(facts, when);
    let mut rows = Behind::new(&crew).rows(&when.drawn(facts, By::Service));
    rows.retain(|row| query.lists(&row.namespace));
    rows
}

/// Returns one service; `None` where neither metrics nor cluster know it. Of several clusters, the worst's.
pub fn details(
    facts: &Facts,
    board: Option<&Board>,
    (namespace, name): (&str, &str),
    when: When,
    mut notices: Vec<Notice>,
) -> Option<ServiceDetails> {
    let crew = Crew::new(facts, when);
    let behind = Behind::new(&crew);
    let rows = behind.rows(&when.drawn(facts, By::Service));
    let mut found = rows
        .into_iter()
        .filter(|it| it.namespace == namespace && it.name == name);
    let service = found.next()?;
    let others: Vec<ServiceRow> = found.collect();
    let others = others.iter().map(|it| it.cluster.as_str());
    notices.extend(workload::elsewhere(&service.cluster, others));
    let spot = (service.cluster.as_str(), namespace, name);
    let to_it = |key: &_| calls::addressed(key) == Some(spot);
    let inbound = calls::picked(facts, calls::by_calling_workload(to_it));
    let inbound = when.drawn(&inbound, By::Service);
    let workloads: BTreeSet<Spot<'_>> = (behind.workloads(spot).into_iter())
        .map(|row| {
            (
                row.cluster.as_str(),
                row.namespace.as_str(),
                row.name.as_str(),
            )
        })
        .collect();
    let from_it = |key: &_| calls::calling(key).is_some_and(|it| workloads.contains(&it));
    let outbound = calls::picked(facts, calls::by_calling_workload(from_it));
    let outbound = when.drawn(&outbound, By::Service);
    let ports = behind.object(spot).map(|it| it.ports.as_slice());
    Some(ServiceDetails {
        ports: ports
            .unwrap_or_default()
            .iter()
            .map(|port| PortRow {
                port: port.port,
                name: port.name.clone(),
                app_protocol: port.app_protocol.clone(),
            })
            .collect(),
        versions: versions(&behind, spot),
        inbound: calls::calls(&inbound, |edge| edge.to == service.id),
        outbound: calls::calls(&outbound, |_| true),
        governed_by: board.map_or_else(Vec::new, |it| it.governing(namespace, name)),
        service,
        notices,
        window_s: facts.window.secs(),
        at_ms: when.at.0,
    })
}

/// Returns the workloads behind a service with the calls alone that were addressed to it, and what no endpoint
/// took as a row of its own.
fn versions(behind: &Behind<'_>, spot: Spot<'_>) -> Vec<WorkloadRow> {
    let (facts, when) = (behind.crew.facts(), behind.crew.when());
    let to_it = calls::picked(
        facts,
        calls::as_it_is(|key| calls::addressed(key) == Some(spot)),
    );
    let graph = when.drawn(&to_it, By::Workload);
    let mut rows: Vec<WorkloadRow> = behind
        .workloads(spot)
        .into_iter()
        .map(|row| {
            let node = graph.nodes.iter().find(|node| node.id == row.id);
            let node = node.filter(|node| node.inbound.is_some());
            let health = node.map_or_else(
                || workload::no_traffic(facts, row.pods),
                |it| it.health.clone(),
            );
            WorkloadRow {
                health,
                inbound: node.and_then(|it| it.inbound.clone()),
                inbound_flow: node.map_or_else(Flow::default, |it| it.inbound_flow),
                outbound: None,
                ..row.clone()
            }
        })
        .collect();
    workload::by_version(&mut rows);
    let untaken = graph
        .nodes
        .iter()
        .find(|node| node.kind == NodeKind::Service);
    rows.extend(
        untaken
            .filter(|node| node.inbound.is_some())
            .map(no_endpoint),
    );
    rows
}

fn no_endpoint(node: &Node) -> WorkloadRow {
    WorkloadRow {
        id: node.id.clone(),
        kind: node.kind,
        object: None,
        cluster: node.cluster.clone(),
        namespace: node.namespace.clone(),
        name: node.name.clone(),
        app: None,
        version: None,
        health: Health {
            status: node.health.status,
            reason: format!("no endpoint took these calls: {}", node.health.reason),
        },
        inbound: node.inbound.clone(),
        outbound: None,
        inbound_flow: node.inbound_flow,
        pods: None,
        injection: Injection::default(),
        mtls: Mtls::default(),
    }
}
