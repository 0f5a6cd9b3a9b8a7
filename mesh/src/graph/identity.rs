//! Which node a peer is, under each projection, and how that is spelled (rule R6).
//!
//! Ids are readable and injective: a part is percent-encoded where it would be ambiguous, and `-` alone
//! means "not known".

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::api::NodeKind;
use crate::api::query::By;
use crate::names::{AppName, ServiceName, VersionName, WorkloadName};
use crate::telemetry::{Peer, Protocol, Selector, ServiceRef, Side, SideKind, TrafficKey};

/// Istio's word for calls to unknown hosts that are let through.
pub const PASSTHROUGH: &str = "PassthroughCluster";
/// Istio's word for calls to unknown hosts that are refused.
pub const BLACK_HOLE: &str = "BlackHoleCluster";

type Text = std::sync::Arc<str>;

/// A node of the graph before it is spelled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// A workload, gateways included.
    Workload {
        cluster: Option<Text>,
        namespace: Option<Text>,
        workload: Text,
    },
    /// A version of an app.
    Version {
        cluster: Option<Text>,
        namespace: Option<Text>,
        app: Text,
        version: Option<Text>,
    },
    /// An app.
    App {
        cluster: Option<Text>,
        namespace: Option<Text>,
        app: Text,
    },
    /// A service.
    Service {
        cluster: Option<Text>,
        namespace: Option<Text>,
        service: Text,
    },
    /// What left the mesh.
    Egress { cluster: Option<Text>, name: Text },
    /// Whom no proxy knows.
    Unknown { cluster: Option<Text> },
    /// A folded namespace.
    Namespace {
        cluster: Option<Text>,
        namespace: Text,
    },
}

impl Identity {
    /// Returns the id.
    pub fn id(&self) -> String {
        let mut out = String::with_capacity(48);
        part(&mut out, self.cluster());
        out.push('/');
        part(&mut out, self.namespace());
        match self {
            Identity::Workload {
                workload,
                namespace,
                ..
            } => {
                out.push('/');
                // `-/unknown` is the caller that no proxy knows.
                if namespace.is_none() && &**workload == "unknown" {
                    out.push_str("%75nknown");
                } else {
                    part(&mut out, Some(workload));
                }
            }
            Identity::Version { app, version, .. } => {
                out.push_str("/version/");
                part(&mut out, Some(app));
                out.push('@');
                part(&mut out, version.as_deref());
            }
            Identity::App { app, .. } => {
                out.push_str("/app/");
                part(&mut out, Some(app));
            }
            Identity::Service { service, .. } => {
                out.push_str("/service/");
                part(&mut out, Some(service));
            }
            Identity::Egress { name, .. } => {
                out.push_str("/egress/");
                part(&mut out, Some(name));
            }
            Identity::Unknown { .. } => out.push_str("/unknown"),
            Identity::Namespace { .. } => out.push_str("/namespace/all"),
        }
        out
    }

    /// Returns the identity that `id` spells.
    pub fn parse(id: &str) -> Option<Identity> {
        let parts: Vec<&str> = id.split('/').collect();
        let text = |part: &str| unpart(part).map(|t| t.map(Text::from));
        let must = |part: &str| text(part)?;
        let cluster = text(parts.first()?)?;
        let namespace = text(parts.get(1)?)?;
        Some(match parts.get(2..)? {
            ["unknown"] if namespace.is_none() => Identity::Unknown { cluster },
            [workload] => Identity::Workload {
                cluster,
                namespace,
                workload: must(workload)?,
            },
            ["version", rest] => {
                let (app, version) = rest.split_once('@')?;
                Identity::Version {
                    cluster,
                    namespace,
                    app: must(app)?,
                    version: text(version)?,
                }
            }
            ["app", app] => Identity::App {
                cluster,
                namespace,
                app: must(app)?,
            },
            ["service", service] => Identity::Service {
                cluster,
                namespace,
                service: must(service)?,
            },
            ["egress", name] if namespace.is_none() => Identity::Egress {
                cluster,
                name: must(name)?,
            },
            ["namespace", "all"] => Identity::Namespace {
                cluster,
                namespace: namespace?,
            },
            _ => return None,
        })
    }

    /// Returns the cluster, where it is known.
    pub fn cluster(&self) -> Option<&str> {
        match self {
            Identity::Workload { cluster, .. }
            | Identity::Version { cluster, .. }
            | Identity::App { cluster, .. }
            | Identity::Service { cluster, .. }
            | Identity::Egress { cluster, .. }
            | Identity::Unknown { cluster }
            | Identity::Namespace { cluster, .. } => cluster.as_deref(),
        }
    }

    /// Returns the namespace, where there is one.
    pub fn namespace(&self) -> Option<&str> {
        match self {
            Identity::Workload { namespace, .. }
            | Identity::Version { namespace, .. }
            | Identity::App { namespace, .. }
            | Identity::Service { namespace, .. } => namespace.as_deref(),
            Identity::Namespace { namespace, .. } => Some(namespace),
            Identity::Egress { .. } | Identity::Unknown { .. } => None,
        }
    }

    /// Returns what to write on the node.
    pub fn name(&self) -> &str {
        match self {
            Identity::Workload { workload: name, .. }
            | Identity::Version { app: name, .. }
            | Identity::App { app: name, .. }
            | Identity::Service { service: name, .. }
            | Identity::Egress { name, .. }
            | Identity::Namespace {
                namespace: name, ..
            } => name,
            Identity::Unknown { .. } => "unknown",
        }
    }

    /// Returns the workload of a workload's node.
    pub fn workload(&self) -> Option<&str> {
        match self {
            Identity::Workload { workload, .. } => Some(workload),
            _ => None,
        }
    }

    /// Returns the app of an app's or a version's node.
    pub fn app(&self) -> Option<&str> {
        match self {
            Identity::App { app, .. } | Identity::Version { app, .. } => Some(app),
            _ => None,
        }
    }

    /// Returns the version of a version's node.
    pub fn version(&self) -> Option<&str> {
        match self {
            Identity::Version { version, .. } => version.as_deref(),
            _ => None,
        }
    }

    /// Returns the service of a service's node.
    pub fn service(&self) -> Option<&str> {
        match self {
            Identity::Service { service, .. } => Some(service),
            _ => None,
        }
    }

    /// Returns what the node stands for.
    pub fn kind(&self) -> NodeKind {
        match self {
            Identity::Workload { workload, .. } if gateway(workload).is_some() => NodeKind::Gateway,
            Identity::Workload { .. } => NodeKind::Workload,
            Identity::Version { .. } => NodeKind::Version,
            Identity::App { .. } => NodeKind::App,
            Identity::Service { .. } => NodeKind::Service,
            Identity::Egress { .. } => NodeKind::Egress,
            Identity::Unknown { .. } => NodeKind::Unknown,
            Identity::Namespace { .. } => NodeKind::Namespace,
        }
    }

    /// Returns short facts that follow from what the node is.
    pub fn badges(&self) -> Vec<String> {
        match self {
            Identity::Workload { workload, .. } => {
                gateway(workload).into_iter().map(str::to_owned).collect()
            }
            Identity::Unknown { .. } => vec!["no_sidecar".to_owned()],
            _ => Vec::new(),
        }
    }
}

/// Returns `ingress` or `egress` for the workloads that Istio and the AKS add-on install as gateways.
fn gateway(workload: &str) -> Option<&'static str> {
    if workload.starts_with("istio-ingressgateway")
        || workload.starts_with("aks-istio-ingressgateway")
    {
        Some("ingress")
    } else if workload.starts_with("istio-egressgateway")
        || workload.starts_with("aks-istio-egressgateway")
    {
        Some("egress")
    } else {
        None
    }
}

fn part(out: &mut String, text: Option<&str>) {
    match text {
        None | Some("") => out.push('-'),
        Some("-") => out.push_str("%2D"),
        Some(text) => {
            for c in text.chars() {
                if matches!(c, '/' | '%' | ':' | '>' | '@' | ',') || c.is_control() {
                    let mut bytes = [0; 4];
                    for byte in c.encode_utf8(&mut bytes).bytes() {
                        // Writing to a String does not fail.
                        let _ = write!(out, "%{byte:02X}");
                    }
                } else {
                    out.push(c);
                }
            }
        }
    }
}

/// Returns the text that `part` spells: `Some(None)` for what is not known, `None` for what is no part.
fn unpart(part: &str) -> Option<Option<String>> {
    if part == "-" {
        return Some(None);
    }
    if part.is_empty() {
        return None;
    }
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let hex = [rest.next()?, rest.next()?];
            // `from_str_radix` takes a sign.
            let is_hex = hex.iter().all(u8::is_ascii_hexdigit);
            let hex = std::str::from_utf8(&hex).ok().filter(|_| is_hex)?;
            bytes.push(u8::from_str_radix(hex, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok().map(Some)
}

/// Finds the nodes of peers under one projection.
pub struct Projection<'a> {
    by: By,
    folded: &'a [String],
    /// Which service an app serves, by what was called (callers do not carry their own service).
    served: HashMap<(Option<&'a str>, &'a str), &'a ServiceRef>,
}

impl<'a> Projection<'a> {
    /// Prepares the projection of `keys`.
    pub fn new(by: By, folded: &'a [String], keys: impl Iterator<Item = &'a TrafficKey>) -> Self {
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
        Projection { by, folded, served }
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
            Some(service) => self.fold(Identity::Service {
                cluster,
                namespace: service.namespace.as_ref().map(|n| n.shared()),
                service: service.name.shared(),
            }),
            None => Identity::Unknown { cluster },
        }
    }

    fn peer(
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
            _ if gateway(workload.as_str()).is_some() => plain(),
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

    fn fold(&self, identity: Identity) -> Identity {
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
        cluster: cluster.map(Text::from),
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
        Identity::Service { service, .. } if called => {
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
        Identity::Unknown { .. } | Identity::Egress { .. } | Identity::Service { .. }
    );
    Some(Side {
        cluster: identity.cluster().filter(|_| placed).map(Into::into),
        namespace: identity.namespace().map(Into::into),
        what,
    })
}
