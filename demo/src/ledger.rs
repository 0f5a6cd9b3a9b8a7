//! What is counted apart: each (who, whom, how it ended) gets a small number once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use mesh::names::{AppName, ClusterName, NamespaceName, ServiceName, VersionName, WorkloadName};
use mesh::telemetry::{Flags, Mtls, Peer, Protocol, Reporter, Response, ServiceRef, TrafficKey};

use crate::deployments::{Deployment, Proxy};
use crate::ending::Ending;
use crate::fleet::UpstreamId;
use crate::history::{Entry, MAX_SERIES};
use crate::story::actor_of;

/// The cluster's name as Istio writes it unless told otherwise.
pub(crate) const CLUSTER: &str = "Kubernetes";

/// A workload's identity, for good: other labels are another identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct WorkloadId(u32);

/// A service that calls are addressed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ServiceId(u32);

/// Connections that differ in nothing that is counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct WireId(pub(crate) u32);

/// One series, which the client's proxy, the server's or both report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SeriesId(pub(crate) u32);

/// One side's report of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ReportId {
    pub(crate) series: SeriesId,
    pub(crate) by_server: bool,
}

/// One side's report of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct WireReportId {
    pub(crate) wire: WireId,
    pub(crate) by_server: bool,
}

/// Who holds connections to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Wire {
    pub(crate) source: WorkloadId,
    /// Absent outside the mesh.
    pub(crate) destination: Option<WorkloadId>,
    pub(crate) service: Option<ServiceId>,
}

/// A destination as Envoy names it: `outbound|port|subset|host`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct UpstreamName {
    pub(crate) namespace: String,
    pub(crate) service: String,
    pub(crate) port: u16,
    pub(crate) subset: Option<String>,
}

/// What the proxies know of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) namespace: String,
    pub(crate) workload: String,
    pub(crate) service_account: String,
    /// The `app` label.
    pub(crate) app_label: Option<String>,
    /// The `version` label.
    pub(crate) version_label: Option<String>,
    pub(crate) canonical_service: String,
    pub(crate) canonical_revision: String,
    pub(crate) proxy: Proxy,
}

/// A series: calls that differ in nothing that is counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Series {
    pub(crate) source: WorkloadId,
    /// The workload that took the calls, if any did.
    pub(crate) destination: Option<WorkloadId>,
    pub(crate) service: Option<ServiceId>,
    /// Whether they go through a waypoint, which then tells of them.
    pub(crate) by_waypoint: bool,
    pub(crate) protocol: Protocol,
    pub(crate) ending: Ending,
}

/// A series with the keys it has outside.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) series: Series,
    /// The client's key, or the waypoint's where one stands between.
    pub(crate) client: Arc<TrafficKey>,
    /// The server's key; absent where no endpoint took the calls.
    pub(crate) server: Option<Arc<TrafficKey>>,
    /// The key without ending of the side that latency is asked of.
    pub(crate) latency: Arc<TrafficKey>,
    /// Whether the server alone tells of the calls: the caller has no proxy that reads them.
    pub(crate) by_server_alone: bool,
    /// How many messages each good answer of a gRPC server has.
    pub(crate) answers: u64,
}

impl Row {
    /// Returns how many calls of an entry the side reports that latency is asked of.
    pub(crate) fn seen(&self, entry: &Entry) -> u64 {
        if self.by_server_alone {
            entry.by_server()
        } else {
            entry.by_client()
        }
    }
}

/// Everything that ever got a number.
#[derive(Default)]
pub(crate) struct Ledger {
    identities: Vec<Identity>,
    services: Vec<ServiceRef>,
    wires: Vec<Wire>,
    upstreams: BTreeMap<UpstreamId, UpstreamName>,
    rows: Vec<Row>,
    /// Asked twice for each call of the simulation: the standard library's hash, made for keys that
    /// strangers choose, was a fifth of its time.
    ids: HashMap<Series, SeriesId, foldhash::fast::FixedState>,
}

/// Past so many series the ledger forgets those that nothing counts any more.
const COMPACT_PAST: usize = 10_000;

impl Ledger {
    /// Returns the number of the identity of a Deployment's pods.
    pub(crate) fn workload(&mut self, deployment: &Deployment) -> WorkloadId {
        let identity = Identity::of(deployment);
        let known = self.identities.iter().position(|known| *known == identity);
        let idx = known.unwrap_or_else(|| {
            self.identities.push(identity);
            self.identities.len() - 1
        });
        WorkloadId(idx as u32)
    }

    /// Returns the number of a service.
    pub(crate) fn service(&mut self, namespace: &str, name: &str) -> ServiceId {
        self.service_id(ServiceRef {
            namespace: Some(NamespaceName::from(namespace)),
            name: ServiceName::from(name),
        })
    }

    /// Returns the number of what proxies put in a service's place where they know none.
    pub(crate) fn special(&mut self, name: &str) -> ServiceId {
        self.service_id(ServiceRef {
            namespace: None,
            name: ServiceName::from(name),
        })
    }

    fn service_id(&mut self, service: ServiceRef) -> ServiceId {
        let known = self.services.iter().position(|known| *known == service);
        let idx = known.unwrap_or_else(|| {
            self.services.push(service);
            self.services.len() - 1
        });
        ServiceId(idx as u32)
    }

    /// Returns the number of a series, or `None` when no number is left.
    pub(crate) fn series(&mut self, series: Series) -> Option<SeriesId> {
        if let Some(id) = self.ids.get(&series) {
            return Some(*id);
        }
        if MAX_SERIES <= self.rows.len() {
            return None;
        }
        let row = self.row(series)?;
        let id = SeriesId(self.rows.len() as u32);
        self.rows.push(row);
        self.ids.insert(series, id);
        Some(id)
    }

    /// Returns the number of connections.
    pub(crate) fn wire(&mut self, wire: Wire) -> WireId {
        let known = self.wires.iter().position(|known| *known == wire);
        let idx = known.unwrap_or_else(|| {
            self.wires.push(wire);
            self.wires.len() - 1
        });
        WireId(idx as u32)
    }

    pub(crate) fn wire_of(&self, id: WireId) -> Option<&Wire> {
        self.wires.get(id.0 as usize)
    }

    /// Remembers how Envoy names a destination.
    pub(crate) fn name_upstream(&mut self, id: UpstreamId, name: UpstreamName) {
        self.upstreams.insert(id, name);
    }

    /// Returns a port of a service that somebody calls.
    pub(crate) fn port_of(&self, namespace: &str, service: &str) -> Option<u16> {
        let mut known = self.upstreams.values();
        let it = known.find(|it| it.namespace == namespace && it.service == service)?;
        Some(it.port)
    }

    pub(crate) fn upstream(&self, id: UpstreamId) -> Option<&UpstreamName> {
        self.upstreams.get(&id)
    }

    /// Returns the keys that the two sides of connections report them under, each with whether a node's
    /// proxy tells it. A side without a proxy tells nothing.
    pub(crate) fn wire_keys(&self, id: WireId) -> [Option<(TrafficKey, bool)>; 2] {
        let Some(wire) = self.wire_of(id) else {
            return [None, None];
        };
        let source = self.identity(wire.source);
        let destination = wire.destination.and_then(|id| self.identity(id));
        let is_plain = source.is_none_or(|source| source.proxy == Proxy::None);
        let told = |by: Option<&Identity>, reporter| {
            let is_tunnel = match by?.proxy {
                Proxy::Sidecar => false,
                Proxy::Ambient => true,
                Proxy::None | Proxy::Waypoint | Proxy::Node => return None,
            };
            let key = TrafficKey {
                reporter,
                source: source
                    .filter(|_| !is_plain)
                    .map(Identity::peer)
                    .unwrap_or_default(),
                destination: destination.map(Identity::peer).unwrap_or_default(),
                service: wire.service.and_then(|id| self.service_ref(id).cloned()),
                protocol: Protocol::Tcp,
                response: Response::default(),
                flags: Flags::default(),
                mtls: match (is_plain, is_tunnel, reporter) {
                    (true, ..) => Mtls::Plain,
                    // A sidecar at the client does not say.
                    (false, false, Reporter::Source) => Mtls::Unknown,
                    (false, ..) => Mtls::Mutual,
                },
                template: None,
            };
            Some((key, is_tunnel))
        };
        [
            told(source, Reporter::Source),
            told(destination, Reporter::Destination),
        ]
    }

    /// Returns all series; a [`SeriesId`] is an index.
    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub(crate) fn get(&self, id: SeriesId) -> Option<&Row> {
        self.rows.get(id.0 as usize)
    }

    pub(crate) fn identity(&self, id: WorkloadId) -> Option<&Identity> {
        self.identities.get(id.0 as usize)
    }

    pub(crate) fn service_ref(&self, id: ServiceId) -> Option<&ServiceRef> {
        self.services.get(id.0 as usize)
    }

    /// Returns whether there are so many series that it is worth forgetting some.
    pub(crate) fn is_large(&self) -> bool {
        COMPACT_PAST < self.rows.len()
    }

    /// Forgets every series that is not in `used`, and returns the new numbers by old number.
    pub(crate) fn compact(&mut self, used: &BTreeSet<SeriesId>) -> Vec<SeriesId> {
        let mut renamed = vec![SeriesId(0); self.rows.len()];
        let rows = std::mem::take(&mut self.rows);
        self.ids.clear();
        for (old, row) in rows.into_iter().enumerate() {
            if used.contains(&SeriesId(old as u32)) {
                let id = SeriesId(self.rows.len() as u32);
                renamed[old] = id;
                self.ids.insert(row.series, id);
                self.rows.push(row);
            }
        }
        renamed
    }

    fn row(&self, series: Series) -> Option<Row> {
        let peer = |id| self.identity(id).map(Identity::peer);
        let source = self.identity(series.source)?;
        let is_plain = source.proxy == Proxy::None;
        let by_server_alone = !series.by_waypoint && !source.proxy.is_envoy();
        let callee = series.destination.and_then(|id| self.identity(id));
        let key = TrafficKey {
            reporter: match series.by_waypoint {
                true => Reporter::Waypoint,
                false => Reporter::Source,
            },
            source: match is_plain {
                true => Peer::default(),
                false => source.peer(),
            },
            destination: series.destination.and_then(peer).unwrap_or_default(),
            service: series.service.and_then(|id| self.service_ref(id).cloned()),
            protocol: series.protocol,
            response: Response {
                http: Some(series.ending.http),
                grpc: series.ending.grpc,
            },
            flags: Flags::parse(&series.ending.flags.text()),
            mtls: match series.by_waypoint {
                true => Mtls::Mutual,
                false => Mtls::Unknown,
            },
            template: None,
        };
        let server = TrafficKey {
            reporter: Reporter::Destination,
            mtls: match is_plain {
                true => Mtls::Plain,
                false => Mtls::Mutual,
            },
            ..key.clone()
        };
        Some(Row {
            series,
            latency: Arc::new(TrafficKey {
                reporter: match by_server_alone {
                    true => Reporter::Destination,
                    false => key.reporter,
                },
                response: Response::default(),
                flags: Flags::default(),
                mtls: Mtls::Unknown,
                ..key.clone()
            }),
            server: series.destination.map(|_| Arc::new(server)),
            by_server_alone,
            answers: callee.map_or(1, |callee| {
                actor_of(&callee.namespace, &callee.workload).answers
            }),
            client: Arc::new(key),
        })
    }
}

impl Identity {
    fn of(deployment: &Deployment) -> Identity {
        let label = |name: &str| deployment.labels.get(name).cloned();
        let app_label = label("app");
        let version_label = label("version");
        Identity {
            canonical_service: label("service.istio.io/canonical-name")
                .or_else(|| label("app.kubernetes.io/name"))
                .or_else(|| app_label.clone())
                .unwrap_or_else(|| deployment.name.clone()),
            canonical_revision: label("service.istio.io/canonical-revision")
                .or_else(|| label("app.kubernetes.io/version"))
                .or_else(|| version_label.clone())
                .unwrap_or_else(|| "latest".to_owned()),
            proxy: deployment.proxy,
            namespace: deployment.namespace.clone(),
            workload: deployment.name.clone(),
            service_account: deployment.service_account.clone(),
            app_label,
            version_label,
        }
    }

    fn peer(&self) -> Peer {
        Peer {
            cluster: Some(ClusterName::from(CLUSTER)),
            namespace: Some(NamespaceName::from(self.namespace.as_str())),
            workload: Some(WorkloadName::from(self.workload.as_str())),
            app: Some(AppName::from(self.canonical_service.as_str())),
            version: Some(VersionName::from(self.canonical_revision.as_str())),
        }
    }
}
