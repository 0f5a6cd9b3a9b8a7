//! What a series of an id is about: ids of the graph become questions to a metrics source.

use crate::api::query::By;
use crate::names::{AppName, ServiceName, VersionName, WorkloadName};
use crate::telemetry::{Protocol, Selector, Side, SideKind};

use super::identity::Identity;

/// Returns the id of a workload's node.
pub fn workload_id(cluster: &str, namespace: &str, workload: &str) -> String {
    let identity = Identity::Workload {
        cluster: Some(cluster.into()),
        namespace: Some(namespace.into()),
        workload: workload.into(),
    };
    identity.id()
}

/// Returns the id of a service's node.
pub fn service_id(cluster: Option<&str>, namespace: &str, service: &str) -> String {
    let identity = Identity::Service {
        cluster: cluster.map(Into::into),
        namespace: Some(namespace.into()),
        service: service.into(),
    };
    identity.id()
}

/// Returns which calls a series of `id` is about under projection `by`: an edge's, or a node's inbound
/// ones. `None` where `id` is no id, or where telemetry can't tell those calls apart (a folded
/// namespace; a service as a caller).
pub fn selector(id: &str, by: By) -> Option<Selector> {
    if let Some((ends, protocol)) = id.rsplit_once(':')
        && let Some((from, to)) = ends.split_once("->")
    {
        return Some(Selector {
            source: Some(side(&Identity::parse(from)?, by, false)?),
            destination: Some(side(&Identity::parse(to)?, by, true)?),
            protocol: Some(Protocol::from_word(protocol)?),
        });
    }
    Some(Selector {
        source: None,
        destination: Some(side(&Identity::parse(id)?, by, true)?),
        protocol: None,
    })
}

/// Returns the calls that a node makes, as [`selector`] does.
pub fn outbound_selector(id: &str, by: By) -> Option<Selector> {
    Some(Selector {
        source: Some(side(&Identity::parse(id)?, by, false)?),
        destination: None,
        protocol: None,
    })
}

fn side(identity: &Identity, by: By, called: bool) -> Option<Side> {
    let what = match identity {
        Identity::Workload { workload, .. } => {
            SideKind::Workload(WorkloadName::new(workload.clone()))
        }
        Identity::Version {
            app,
            version: Some(version),
            ..
        } => SideKind::Version(AppName::new(app.clone()), VersionName::new(version.clone())),
        Identity::App { app, .. } => SideKind::App(AppName::new(app.clone())),
        Identity::Service { service, .. } | Identity::External { host: service, .. } if called => {
            let service = ServiceName::new(service.clone());
            if by == By::Service {
                SideKind::Service(service)
            } else {
                SideKind::ServiceWithoutEndpoint(service)
            }
        }
        Identity::Egress { name, .. } if called => {
            SideKind::Service(ServiceName::new(name.clone()))
        }
        Identity::Unknown { .. } if !called => SideKind::Unknown,
        _ => return None,
    };
    // A caller without proxy, and what left the mesh, have no cluster of their own.
    let placed = !matches!(
        identity,
        Identity::Unknown { .. }
            | Identity::Egress { .. }
            | Identity::External { .. }
            | Identity::Service { .. }
    );
    Some(Side {
        cluster: identity.cluster().filter(|_| placed).map(Into::into),
        namespace: identity.namespace().map(Into::into),
        what,
    })
}
