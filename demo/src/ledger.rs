//! What is counted apart: each (who, whom, how it ended) gets a small number once.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use mesh::names::{AppName, ClusterName, NamespaceName, ServiceName, VersionName, WorkloadName};
use mesh::telemetry::{Flags, Mtls, Peer, Protocol, Reporter, Response, ServiceRef, TrafficKey};

use crate::deployments::Deployment;
use crate::ending::Ending;
use crate::history::MAX_SERIES;

/// The cluster's name as Istio writes it unless told otherwise.
pub(crate) const CLUSTER: &str = "Kubernetes";

/// A workload's identity, for good: other labels are another identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct WorkloadId(u32);

/// A service that calls are addressed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ServiceId(u32);

/// One series, which the client's proxy, the server's or both report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SeriesId(pub(crate) u32);

/// One side's report of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ReportId {
    pub(crate) series: SeriesId,
    pub(crate) by_server: bool,
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
}

/// A series: calls that differ in nothing that is counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Series {
    pub(crate) source: WorkloadId,
    /// The workload that took the calls, if any did.
    pub(crate) destination: Option<WorkloadId>,
    pub(crate) service: Option<ServiceId>,
    pub(crate) protocol: Protocol,
    pub(crate) ending: Ending,
}

/// A series with the keys it has outside.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) series: Series,
    pub(crate) client: Arc<TrafficKey>,
    /// The server's key; absent where no endpoint took the calls.
    pub(crate) server: Option<Arc<TrafficKey>>,
    /// The client's key without ending, as latency is asked for.
    pub(crate) latency: Arc<TrafficKey>,
}

/// Everything that ever got a number.
#[derive(Default)]
pub(crate) struct Ledger {
    identities: Vec<Identity>,
    services: Vec<ServiceRef>,
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
        let service = ServiceRef {
            namespace: Some(NamespaceName::from(namespace)),
            name: ServiceName::from(name),
        };
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
        let source = peer(series.source)?;
        let key = TrafficKey {
            reporter: Reporter::Source,
            source,
            destination: series.destination.and_then(peer).unwrap_or_default(),
            service: series.service.and_then(|id| self.service_ref(id).cloned()),
            protocol: series.protocol,
            response: Response {
                http: Some(series.ending.http),
                grpc: series.ending.grpc,
            },
            flags: Flags::parse(&series.ending.flags.text()),
            mtls: Mtls::Unknown,
        };
        Some(Row {
            series,
            server: series.destination.map(|_| {
                Arc::new(TrafficKey {
                    reporter: Reporter::Destination,
                    mtls: Mtls::Mutual,
                    ..key.clone()
                })
            }),
            latency: Arc::new(TrafficKey {
                response: Response::default(),
                flags: Flags::default(),
                ..key.clone()
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
