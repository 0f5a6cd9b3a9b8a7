//! Which node a peer is under each projection (rule R6).

use std::collections::HashMap;

use crate::api::query::By;
use crate::names::ServiceName;
use crate::telemetry::{Peer, ServiceRef, TrafficKey};

use super::hosts::Hosts;
use super::identity::{BLACK_HOLE, Identity, PASSTHROUGH};
use super::roles::Roles;

type Text = std::sync::Arc<str>;

/// Finds the nodes of peers under one projection.
pub struct Projection<'a> {
    by: By,
    folded: &'a [String],
    roles: &'a Roles<'a>,
    hosts: &'a Hosts<'a>,
    /// Which service an app serves, by what was called (callers do not carry their own service).
    served: HashMap<(Option<&'a str>, &'a str), &'a ServiceRef>,
}

impl<'a> Projection<'a> {
    /// Prepares the projection of `keys`.
    pub fn new(
        by: By,
        folded: &'a [String],
        roles: &'a Roles<'a>,
        hosts: &'a Hosts<'a>,
        keys: impl Iterator<Item = &'a TrafficKey>,
    ) -> Self {
        let mut served: HashMap<(Option<&str>, &str), &ServiceRef> = HashMap::new();
        if by == By::Service {
            for key in keys {
                let (Some(service), Some(app)) = (&key.service, &key.destination.app) else {
                    continue;
                };
                if service.namespace.is_none() {
                    continue;
                }
                let namespace = key.destination.namespace.as_ref().map(|n| n.as_str());
                // The first by name, so that the order of samples does not matter.
                served
                    .entry((namespace, app.as_str()))
                    .and_modify(|known| *known = (*known).min(service))
                    .or_insert(service);
            }
        }
        Projection {
            by,
            folded,
            roles,
            hosts,
            served,
        }
    }

    /// Returns the projection's kind.
    pub fn by(&self) -> By {
        self.by
    }

    /// Returns the caller's node.
    pub fn source(&self, key: &TrafficKey) -> Identity {
        let peer = &key.source;
        let cluster = cluster(peer).or_else(|| cluster(&key.destination));
        self.peer(peer, cluster.clone(), None)
            .unwrap_or(Identity::Unknown { cluster })
    }

    /// Returns the callee's node.
    pub fn destination(&self, key: &TrafficKey) -> Identity {
        let cluster = cluster(&key.destination).or_else(|| cluster(&key.source));
        if let Some(identity) = self.peer(&key.destination, cluster.clone(), key.service.as_ref()) {
            return identity;
        }
        match &key.service {
            Some(service) if service.namespace.is_none() && is_egress(&service.name) => {
                Identity::Egress {
                    cluster,
                    name: service.name.shared(),
                }
            }
            Some(service) => {
                let namespace = service.namespace.as_ref().map(|n| n.shared());
                let name = service.name.shared();
                self.fold(if self.hosts.is_outside(service) {
                    Identity::External {
                        cluster,
                        namespace,
                        host: name,
                    }
                } else {
                    Identity::Service {
                        cluster,
                        namespace,
                        service: name,
                    }
                })
            }
            None => Identity::Unknown { cluster },
        }
    }

    /// Returns the node of a peer with a workload; `service` is what was called, where it was called.
    pub fn peer(
        &self,
        peer: &Peer,
        cluster: Option<Text>,
        service: Option<&ServiceRef>,
    ) -> Option<Identity> {
        let workload = peer.workload.as_ref()?;
        let namespace = peer.namespace.as_ref().map(|n| n.shared());
        let plain = || Identity::Workload {
            cluster: cluster.clone(),
            namespace: namespace.clone(),
            workload: workload.shared(),
        };
        let identity = match (self.by, &peer.app) {
            (By::Workload, _) | (_, None) => plain(),
            // A gateway keeps its workload's name under every projection.
            _ if self
                .roles
                .get(namespace.as_deref(), workload.as_str())
                .is_some() =>
            {
                plain()
            }
            (By::Version, Some(app)) => Identity::Version {
                cluster,
                namespace,
                app: app.shared(),
                version: peer.version.as_ref().map(|v| v.shared()),
            },
            (By::App, Some(app)) => Identity::App {
                cluster,
                namespace,
                app: app.shared(),
            },
            (By::Service, Some(app)) => {
                let served = || {
                    let key = (peer.namespace.as_ref().map(|n| n.as_str()), app.as_str());
                    self.served.get(&key).copied()
                };
                match service.filter(|s| s.namespace.is_some()).or_else(served) {
                    Some(service) => Identity::Service {
                        cluster,
                        namespace: service.namespace.as_ref().map(|n| n.shared()),
                        service: service.name.shared(),
                    },
                    None => Identity::App {
                        cluster,
                        namespace,
                        app: app.shared(),
                    },
                }
            }
        };
        Some(self.fold(identity))
    }

    /// Returns the node of its namespace, where that is folded.
    pub fn fold(&self, identity: Identity) -> Identity {
        match identity.namespace() {
            Some(namespace) if self.folded.iter().any(|f| f == namespace) => Identity::Namespace {
                cluster: identity.cluster().map(Text::from),
                namespace: namespace.into(),
            },
            _ => identity,
        }
    }
}

fn cluster(peer: &Peer) -> Option<Text> {
    peer.cluster.as_ref().map(|c| c.shared())
}

fn is_egress(service: &ServiceName) -> bool {
    matches!(service.as_str(), PASSTHROUGH | BLACK_HOLE)
}
