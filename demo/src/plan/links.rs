//! Where the connections of the story go under the present routing.

use crate::chance::{hash_text, mix};
use crate::deployments::{Deployment, Proxy};
use crate::ledger::{Ledger, ServiceId};
use crate::routing::{Caller, Connection, Request, Routing, Verdict, host_of};
use crate::story::{Actor, Link, To};

/// Connections of the story, routed.
pub(crate) struct LinkPlan {
    pub(crate) link: &'static Link,
    /// Keys the dice, so that the chance of one does not hang on another's.
    pub(crate) stream: u64,
    /// The ways they may take, each with its weight. None where they are closed at once.
    pub(crate) ends: Vec<(u64, Option<ServiceId>, LinkEnd)>,
}

/// Where a connection leads.
pub(crate) enum LinkEnd {
    /// To a ready pod of these workloads.
    Pods(Vec<usize>),
    /// Out of the mesh.
    Outside,
}

/// What Istio calls the way to a host that nothing in the mesh knows.
const PASSTHROUGH: &str = "PassthroughCluster";

/// Returns the connections of a workload.
pub(super) fn plan(
    actor: &'static Actor,
    caller: &Deployment,
    deployments: &[Deployment],
    routing: &Routing,
    ledger: &mut Ledger,
) -> Vec<LinkPlan> {
    let place = format!("{}/{}", caller.namespace, caller.name);
    let links = actor.links.iter().zip(u64::MAX / 4..);
    links
        .map(|(link, idx)| LinkPlan {
            link,
            stream: mix(hash_text(&place) ^ idx),
            ends: match link.to {
                To::Service(namespace, name) => {
                    let host = host_of(namespace, name);
                    inside(&host, link, caller, deployments, routing, ledger)
                }
                To::Host(host) => {
                    let known = routing.entry_of(host, link.port, &caller.namespace);
                    let service = match known {
                        Some(namespace) => ledger.service(namespace, host),
                        None => ledger.special(PASSTHROUGH),
                    };
                    vec![(1, Some(service), LinkEnd::Outside)]
                }
            },
        })
        .collect()
}

fn inside(
    host: &str,
    link: &Link,
    caller: &Deployment,
    deployments: &[Deployment],
    routing: &Routing,
    ledger: &mut Ledger,
) -> Vec<(u64, Option<ServiceId>, LinkEnd)> {
    let calling = Caller {
        namespace: &caller.namespace,
        labels: &caller.labels,
        is_gateway: false,
        port: link.port,
    };
    // VirtualServices are a matter of Envoys: a node's proxy knows none.
    let verdict = match caller.proxy {
        Proxy::Sidecar => routing.connect(
            &Connection {
                caller: calling,
                host,
                sni: None,
            },
            deployments,
        ),
        _ => routing.direct(
            &Request {
                caller: calling,
                host,
                method: "",
                path: "",
                headers: &[],
            },
            deployments,
        ),
    };
    let Verdict::Route(route) = verdict else {
        return Vec::new();
    };
    let shares = route.shares.into_iter();
    shares
        .filter_map(|share| {
            let to = share.destination;
            let service = super::service_of(&to, ledger);
            Some((share.weight, service, LinkEnd::Pods(to.workloads?)))
        })
        .collect()
}
