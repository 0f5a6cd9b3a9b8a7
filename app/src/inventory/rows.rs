//! From the wire to rows: services, workloads, versions, calls.

use mesh::api::NodeKind;
use mesh::api::query::By;
use mesh::api::service::ServiceRow;
use mesh::api::workload::{Call, Mtls, Party, WorkloadRow};

use super::table::{From, Row, Status};
use crate::shell::place::Place;

/// Returns a service as a row.
pub fn service(place: Place, it: &ServiceRow) -> Row {
    Row {
        key: it.id.clone(),
        name: it.name.clone(),
        namespace: it.namespace.clone(),
        href: Some(place.thing_href("services", &it.namespace, &it.name)),
        graph_href: place.graph_href(&it.id, By::Service),
        status: Status(it.health.status),
        reason: it.health.reason.clone(),
        traffic: it.inbound.clone(),
        flow: it.inbound_flow,
        pods: it.pods,
        versions: it.versions.join(", "),
        injection: it.injection.clone(),
        mtls: it.mtls.clone(),
        ..Row::default()
    }
}

/// Returns a workload as a row: with the calls to it, or those it makes where nobody calls it.
pub fn workload(place: Place, it: &WorkloadRow) -> Row {
    let taken = it.inbound.as_ref().filter(|it| it.requests > 0.0);
    let traffic = taken.or(it.outbound.as_ref()).or(it.inbound.as_ref());
    Row {
        key: it.id.clone(),
        name: it.name.clone(),
        namespace: it.namespace.clone(),
        href: Some(place.thing_href("workloads", &it.namespace, &it.name)),
        graph_href: place.graph_href(&it.id, By::Workload),
        status: Status(it.health.status),
        reason: it.health.reason.clone(),
        traffic: traffic.cloned(),
        is_outbound: taken.is_none() && it.outbound.is_some(),
        flow: it.inbound_flow,
        pods: it.pods,
        versions: it.version.clone().unwrap_or_default(),
        injection: it.injection.clone(),
        mtls: it.mtls.clone(),
        ..Row::default()
    }
}

/// Returns versions as rows, each with its share of the calls to all of them.
pub fn versions(place: Place, all: &[WorkloadRow]) -> Vec<Row> {
    let taken = |it: &WorkloadRow| it.inbound.as_ref().map_or(0.0, |it| it.requests);
    let total: f64 = all.iter().map(taken).sum();
    let rows = all.iter().enumerate().map(|(idx, it)| {
        let is_workload = it.kind != NodeKind::Service;
        let row = workload(place, it);
        Row {
            name: if is_workload {
                row.name
            } else {
                "no endpoint".to_owned()
            },
            href: row.href.filter(|_| is_workload),
            graph_href: String::new(),
            traffic: it.inbound.clone(),
            is_outbound: false,
            share: (total > 0.0).then(|| taken(it) / total),
            hue: Some(hue(idx)),
            ..row
        }
    });
    rows.collect()
}

/// Returns the class of a version's colour.
pub fn hue(idx: usize) -> &'static str {
    ["version--1", "version--2", "version--3", "version--4"][idx % 4]
}

/// Returns calls as rows named after their caller.
pub fn by_caller(place: Place, calls: &[Call]) -> Vec<Row> {
    calls.iter().map(|it| call(place, it, &it.from)).collect()
}

/// Returns calls as rows named after their callee.
pub fn by_callee(place: Place, calls: &[Call]) -> Vec<Row> {
    calls.iter().map(|it| call(place, it, &it.to)).collect()
}

/// Returns calls as rows that name both ends.
pub fn by_both(place: Place, calls: &[Call]) -> Vec<Row> {
    let rows = calls.iter().map(|it| Row {
        from: Some(From {
            name: name(&it.from),
            href: href(place, &it.from),
        }),
        ..call(place, it, &it.to)
    });
    rows.collect()
}

fn call(place: Place, call: &Call, named: &Party) -> Row {
    let is_tcp = call.protocol == "tcp" && call.traffic.requests == 0.0;
    let end = |it: &Party| format!("{:?} {}/{}", it.kind, it.namespace, it.name);
    Row {
        key: format!("{} {} {}", end(&call.from), end(&call.to), call.protocol),
        name: name(named),
        namespace: named.namespace.clone(),
        href: href(place, named),
        status: Status(call.health.status),
        reason: call.health.reason.clone(),
        traffic: (!is_tcp).then(|| call.traffic.clone()),
        flow: call.flow,
        protocol: call.protocol.clone(),
        mtls: Mtls {
            ratio: call.mtls_ratio,
            ..Mtls::default()
        },
        ..Row::default()
    }
}

fn name(party: &Party) -> String {
    match party.kind {
        NodeKind::Unknown => "unknown caller".to_owned(),
        _ => party.name.clone(),
    }
}

/// Returns whether there is a workload's page for it.
pub fn has_page(kind: NodeKind) -> bool {
    matches!(
        kind,
        NodeKind::Workload | NodeKind::Gateway | NodeKind::Waypoint
    )
}

/// Where a party has a page of its own.
fn href(place: Place, party: &Party) -> Option<String> {
    let section = match party.kind {
        kind if has_page(kind) => "workloads",
        NodeKind::Service => "services",
        _ => return None,
    };
    (party.namespace != "-").then(|| place.thing_href(section, &party.namespace, &party.name))
}
