//! Istio's labels, in the order in which Envoy writes them.

use mesh::telemetry::{Mtls, Protocol};

use super::{UNKNOWN, escaped};
use crate::deployments::Proxy;
use crate::ledger::{CLUSTER, Identity, Ledger, ReportId, Row, ServiceId, WorkloadId};

/// Returns who reports: a proxy at one of the ends, or a waypoint between them.
pub(super) fn reporter(by_server: bool, by_waypoint: bool) -> &'static str {
    match (by_server, by_waypoint) {
        (true, _) => "destination",
        (false, true) => "waypoint",
        (false, false) => "source",
    }
}

/// Returns Istio's word for whether mutual TLS was spoken.
pub(super) fn policy(mtls: Mtls) -> &'static str {
    match mtls {
        Mtls::Mutual => "mutual_tls",
        Mtls::Plain => "none",
        Mtls::Unknown => UNKNOWN,
    }
}

/// Returns the labels of how calls ended.
pub(super) fn ending(row: &Row, report: ReportId) -> String {
    let series = row.series;
    let mut text = String::with_capacity(160);
    let mut label = |name: &str, value: &str| write(&mut text, name, value);
    label("response_code", &series.ending.http.to_string());
    if series.protocol == Protocol::Grpc
        && let Some(status) = series.ending.grpc
    {
        label("grpc_response_status", &status.to_string());
    }
    label("response_flags", &series.ending.flags.text());
    let key = match (report.by_server, &row.server) {
        (true, Some(server)) => server,
        _ => &row.client,
    };
    label("connection_security_policy", policy(key.mtls));
    text
}

/// Returns `at` and the labels of both ends.
pub(super) fn ends(
    ledger: &Ledger,
    at: &str,
    reporter: &str,
    (source, destination, service): (WorkloadId, Option<WorkloadId>, Option<ServiceId>),
) -> Option<String> {
    // Who has no proxy is not known to the proxies of others.
    let source = ledger.identity(source)?;
    let source = Some(source).filter(|source| source.proxy != Proxy::None);
    let destination = destination.and_then(|id| ledger.identity(id));
    let service = service.and_then(|id| ledger.service_ref(id));
    let mut text = String::with_capacity(1100);
    text.push_str(at);
    let mut label = |name: &str, value: &str| write(&mut text, name, value);
    // The proxies know each other's names from the handshake; without an endpoint there was none.
    let met = source.is_some() && destination.is_some();

    label("reporter", reporter);
    let known = |field: fn(&Identity) -> &str| source.map_or(UNKNOWN, field);
    let optional = |field: fn(&Identity) -> Option<&str>| source.and_then(field).unwrap_or(UNKNOWN);
    label("source_workload", known(|s| &s.workload));
    label("source_canonical_service", known(|s| &s.canonical_service));
    // Istio writes `latest` even where it does not know the workload.
    label(
        "source_canonical_revision",
        source.map_or("latest", |s| &s.canonical_revision),
    );
    label("source_workload_namespace", known(|s| &s.namespace));
    let principal_of = |identity: Option<&Identity>| match identity.filter(|_| met) {
        Some(identity) => principal(identity),
        None => UNKNOWN.to_owned(),
    };
    label("source_principal", &principal_of(source));
    label("source_app", optional(|s| s.app_label.as_deref()));
    label("source_version", optional(|s| s.version_label.as_deref()));
    label("source_cluster", source.map_or(UNKNOWN, |_| CLUSTER));

    let known = |field: fn(&Identity) -> &str| destination.map_or(UNKNOWN, field);
    let optional =
        |field: fn(&Identity) -> Option<&str>| destination.and_then(field).unwrap_or(UNKNOWN);
    label("destination_workload", known(|d| &d.workload));
    label("destination_workload_namespace", known(|d| &d.namespace));
    label("destination_principal", &principal_of(destination));
    label("destination_app", optional(|d| d.app_label.as_deref()));
    label(
        "destination_version",
        optional(|d| d.version_label.as_deref()),
    );
    let service_namespace = service.and_then(|s| s.namespace.as_ref());
    let host = match (service, service_namespace) {
        // A host outside the mesh is its own name; a service's name has no dot.
        (Some(service), Some(_)) if service.name.as_str().contains('.') => service.name.to_string(),
        (Some(service), Some(namespace)) => {
            format!("{}.{namespace}.svc.cluster.local", service.name)
        }
        // What left without a name that the mesh knows.
        (Some(_), None) | (None, _) => UNKNOWN.to_owned(),
    };
    label("destination_service", &host);
    label(
        "destination_canonical_service",
        known(|d| &d.canonical_service),
    );
    label(
        "destination_canonical_revision",
        destination.map_or("latest", |d| &d.canonical_revision),
    );
    label(
        "destination_service_name",
        service.map_or(UNKNOWN, |s| s.name.as_str()),
    );
    label(
        "destination_service_namespace",
        service_namespace.map_or(UNKNOWN, |n| n.as_str()),
    );
    label(
        "destination_cluster",
        destination.map_or(UNKNOWN, |_| CLUSTER),
    );
    Some(text)
}

fn write(text: &mut String, name: &str, value: &str) {
    for part in [",", name, "=\"", &escaped(value), "\""] {
        text.push_str(part);
    }
}

fn principal(identity: &Identity) -> String {
    format!(
        "spiffe://cluster.local/ns/{}/sa/{}",
        identity.namespace, identity.service_account
    )
}
