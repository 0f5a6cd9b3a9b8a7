//! What the graph knows of a mesh, to tell whose spans are whose: joined by pod, app and namespace, never by a
//! tracing name alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::query::By;
use crate::api::{GraphQuery, NodeKind};
use crate::graph::{self, Facts};
use crate::units::UnixMillis;

use super::Span;
use super::hop::{Hop, Upstream};

/// A namespace and a name in it.
pub(super) type Place = (String, String);

/// The workloads, services and edges that the graph knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    /// By namespace, then by name; one for each cluster.
    workloads: BTreeMap<String, BTreeMap<String, Vec<Workload>>>,
    /// Their namespaces and names.
    places: BTreeSet<Place>,
    /// Their workloads, by the service that calls are addressed to.
    services: BTreeMap<Place, BTreeSet<Place>>,
    /// Protocols by caller and callee.
    edges: BTreeMap<(String, String), BTreeSet<String>>,
    /// Nodes that are no workloads, by namespace (`-`) and name.
    others: BTreeMap<Place, String>,
    /// The services' own nodes: nobody took the calls to them.
    endless: BTreeMap<Place, String>,
    /// Nodes that only traces know, by their tracing name. They are none of those above: what is known by its spans
    /// alone must be found in them again.
    traced: BTreeMap<String, String>,
}

/// A workload that the graph knows.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Workload {
    id: String,
    cluster: String,
    app: Option<String>,
    version: Option<String>,
}

/// Whose a span is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// The node's id in the graph by workload.
    pub id: String,
    /// The cluster, `-` where it is not known.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// The workload.
    pub workload: String,
    /// The app, where it is known.
    pub app: Option<String>,
    /// The version, where it is known.
    pub version: Option<String>,
}

impl Known {
    /// Returns what the graph knows.
    pub fn of(facts: &Facts) -> Known {
        let query = GraphQuery {
            by: By::Workload,
            idle: true,
            ..GraphQuery::default()
        };
        // Health and freshness are not looked at: any time does.
        let graph = graph::answer(facts, &query, UnixMillis(0), UnixMillis(0), Vec::new());
        let mut known = Known::default();
        for node in graph.nodes {
            let place = (node.namespace.clone(), node.name.clone());
            match (node.kind, node.workload) {
                (NodeKind::Traced, _) => {
                    known.traced.insert(node.name, node.id);
                }
                (NodeKind::Workload | NodeKind::Gateway | NodeKind::Waypoint, Some(name)) => {
                    known.places.insert((node.namespace.clone(), name.clone()));
                    let of_namespace = known.workloads.entry(node.namespace).or_default();
                    of_namespace.entry(name).or_default().push(Workload {
                        id: node.id,
                        cluster: node.cluster,
                        app: node.app,
                        version: node.version,
                    });
                }
                (NodeKind::Service, _) => {
                    known.services.entry(place.clone()).or_default();
                    known.endless.insert(place, node.id);
                }
                _ => {
                    known.others.insert(place, node.id);
                }
            }
        }
        for edge in graph.edges {
            let protocols = known.edges.entry((edge.from, edge.to)).or_default();
            protocols.insert(edge.protocol);
        }
        known.learn_services(facts);
        known
    }

    /// Returns whether the graph knows nobody.
    pub fn is_empty(&self) -> bool {
        self.workloads.is_empty() && self.services.is_empty()
    }

    fn learn_services(&mut self, facts: &Facts) {
        let keys = facts.requests.iter().map(|it| &it.key);
        for key in keys.chain(facts.tcp.iter().map(|it| &it.key)) {
            let Some(service) = &key.service else {
                continue;
            };
            let Some(namespace) = &service.namespace else {
                continue;
            };
            let place = (namespace.to_string(), service.name.to_string());
            let workloads = self.services.entry(place).or_default();
            let callee = &key.destination;
            if let (Some(namespace), Some(workload)) = (&callee.namespace, &callee.workload) {
                workloads.insert((namespace.to_string(), workload.to_string()));
            }
        }
        let Some(inventory) = &facts.inventory else {
            return;
        };
        for (place, service) in &inventory.services {
            let workloads = inventory.workloads_of(service, &BTreeMap::new());
            let workloads = workloads
                .into_iter()
                .map(|it| (it.namespace.clone(), it.name.clone()));
            self.services
                .entry(place.clone())
                .or_default()
                .extend(workloads);
        }
    }

    /// Returns the mesh's services by namespace and name, each with its workloads.
    pub(super) fn services(&self) -> &BTreeMap<Place, BTreeSet<Place>> {
        &self.services
    }

    /// Returns the apps of some workloads of a service or of one workload, sorted: canonical services.
    pub(super) fn apps<'a>(
        &'a self,
        workloads: impl IntoIterator<Item = &'a Place>,
    ) -> BTreeSet<(&'a str, &'a str)> {
        let found = workloads.into_iter().flat_map(|(namespace, name)| {
            let of_name = self.workloads.get(namespace).and_then(|it| it.get(name));
            let apps = of_name
                .into_iter()
                .flatten()
                .filter_map(|it| it.app.as_deref());
            apps.map(|app| (namespace.as_str(), app))
        });
        found.collect()
    }

    /// Returns every name that a process of the graph could trace under, with each workload that could: a service's
    /// name means all of its workloads. A service without one stands for itself.
    pub(super) fn tracing_names(&self) -> impl Iterator<Item = (String, &Place)> {
        let of_services = self.services.iter().flat_map(|(service, workloads)| {
            let empty = workloads.is_empty().then_some(service);
            let meant = workloads.iter().chain(empty);
            meant.flat_map(|place| spelled(&service.0, &service.1).map(|name| (name, place)))
        });
        let of_workloads = self.places.iter().flat_map(|place| {
            let apps = self.apps([place]).into_iter();
            let apps = apps.flat_map(|(namespace, app)| spelled(namespace, app));
            let names = spelled(&place.0, &place.1).into_iter().chain(apps);
            names.map(move |name| (name, place))
        });
        of_services.chain(of_workloads)
    }

    /// Returns the workloads of a namespace and name: one for each cluster.
    pub(super) fn spots(&self, place: &Place) -> Vec<Spot> {
        let found = self.workloads.get(&place.0).and_then(|it| it.get(&place.1));
        let found = found.into_iter().flatten();
        found
            .map(|it| spot(&place.0, &place.1, it, &Hop::default()))
            .collect()
    }

    /// Returns whether the graph knows something in a namespace.
    pub(super) fn has_namespace(&self, namespace: &str) -> bool {
        self.workloads.contains_key(namespace)
            || self.services.keys().any(|place| place.0 == namespace)
    }

    /// Returns the cluster of a namespace's workloads, where it is one.
    pub(super) fn cluster_of(&self, namespace: &str) -> Option<&str> {
        let names = self.workloads.get(namespace)?;
        let all = names.values().flatten().map(|it| it.cluster.as_str());
        let all: BTreeSet<&str> = all.filter(|it| *it != "-").collect();
        all.first().copied().filter(|_| all.len() == 1)
    }

    /// Returns whether a workload serves a service.
    pub(super) fn serves(&self, spot: &Spot, service: &Place) -> bool {
        let workloads = self.services.get(service);
        workloads.is_some_and(|it| it.contains(&(spot.namespace.clone(), spot.workload.clone())))
    }

    /// Returns the id of a service that only traces know, by its tracing name.
    pub(super) fn traced(&self, name: &str) -> Option<&str> {
        self.traced.get(name).map(String::as_str)
    }

    /// Returns the tracing name of a service that only traces know.
    pub(super) fn traced_name(&self, id: &str) -> Option<&str> {
        let found = self.traced.iter().find(|(_, own)| *own == id);
        found.map(|(name, _)| name.as_str())
    }

    /// Returns the namespace and name of a workload's id.
    pub(super) fn place_of(&self, id: &str) -> Option<Place> {
        self.workloads.iter().find_map(|(namespace, names)| {
            let found = names
                .iter()
                .find(|(_, them)| them.iter().any(|it| it.id == id));
            Some((namespace.clone(), found?.0.clone()))
        })
    }

    /// Returns the service of a node that nobody answered for.
    pub(super) fn service_of(&self, id: &str) -> Option<&Place> {
        let found = self.endless.iter().find(|(_, own)| *own == id);
        found.map(|(place, _)| place)
    }

    /// Returns the workload that recorded a span: that of its pod; else that of its app; else that of its
    /// tracing name, where only one workload fits.
    pub(super) fn spot(&self, span: &Span, hop: &Hop<'_>) -> Option<Spot> {
        let by_pod = hop.pod.zip(hop.namespace);
        if let Some((pod, namespace)) = by_pod {
            let names = self.workloads.get(namespace);
            let names = names
                .into_iter()
                .flatten()
                .filter(|(name, _)| is_pod_of(pod, name));
            // `web` and `web-admin` may both fit: the longer one is meant.
            if let Some((name, found)) = names.max_by_key(|(name, _)| name.len()) {
                let found = found
                    .iter()
                    .find(|it| hop.cluster.is_none_or(|own| own == it.cluster))
                    .or(found.first())?;
                return Some(spot(namespace, name, found, hop));
            }
        }
        let tracing = span.process.service.split_once('.');
        let by_name = tracing.map_or((None, span.process.service.as_str()), |(app, namespace)| {
            (Some(namespace), app)
        });
        let by_app = hop.app.map(|app| (hop.namespace, app));
        by_app
            .into_iter()
            .chain([by_name])
            .find_map(|(namespace, app)| self.only(namespace, app, hop))
    }

    /// Returns the one workload of an app, of the version that `hop` names if it names one.
    fn only(&self, namespace: Option<&str>, app: &str, hop: &Hop<'_>) -> Option<Spot> {
        let all = self
            .workloads
            .iter()
            .filter(|(own, _)| namespace.is_none_or(|wanted| wanted == *own));
        let mut fitting = all.flat_map(|(namespace, names)| {
            names.iter().flat_map(move |(name, them)| {
                let of_app = them.iter().filter(|it| it.app.as_deref() == Some(app));
                let of_version = of_app.filter(|it| {
                    hop.version
                        .is_none_or(|own| it.version.as_deref() == Some(own))
                });
                of_version.map(move |it| (namespace, name, it))
            })
        });
        let (namespace, name, found) = fitting.next()?;
        fitting
            .next()
            .is_none()
            .then(|| spot(namespace, name, found, hop))
    }

    /// Returns the id of the node that took a call, or would have, from `caller`: of a call whose callee recorded
    /// nothing. `None` where several could have.
    pub(super) fn callee(
        &self,
        caller: &str,
        upstream: &Upstream<'_>,
        flags: &crate::telemetry::Flags,
    ) -> Option<String> {
        let Some((namespace, name)) = upstream.service() else {
            return self.outside(upstream.host);
        };
        let service = (namespace.to_owned(), name.to_owned());
        let endless = self.endless.get(&service);
        let is_called = |id: &str| self.edges.contains_key(&(caller.to_owned(), id.to_owned()));
        let had_no_endpoint = ["UH", "UF", "NR", "NC", "UO"]
            .iter()
            .any(|flag| flags.contains(flag));
        if let Some(id) = endless.filter(|id| had_no_endpoint && is_called(id)) {
            return Some(id.clone());
        }
        let workloads = self.services.get(&service).into_iter().flatten();
        let mut fitting = workloads
            .filter_map(|(namespace, name)| self.workloads.get(namespace)?.get(name))
            .flatten()
            .filter(|it| {
                upstream
                    .subset
                    .is_none_or(|subset| it.version.as_deref() == Some(subset))
            })
            .filter(|it| is_called(&it.id));
        match (fitting.next(), fitting.next()) {
            (Some(only), None) => Some(only.id.clone()),
            (None, _) => endless.filter(|id| is_called(id)).cloned(),
            (Some(_), Some(_)) => None,
        }
    }

    fn outside(&self, host: &str) -> Option<String> {
        let found = self.others.iter().find(|((_, name), _)| name == host);
        found.map(|(_, id)| id.clone())
    }

    /// Returns the id of the edge of a call: of its protocol, if such an edge is known; else of the one that is.
    pub(super) fn edge(&self, from: &str, to: &str, is_grpc: bool) -> String {
        let wanted = if is_grpc { "grpc" } else { "http" };
        let protocols = self.edges.get(&(from.to_owned(), to.to_owned()));
        let known = protocols.and_then(|them| {
            let requests = them.iter().find(|it| *it == wanted);
            requests.or_else(|| them.iter().find(|it| *it != "tcp"))
        });
        format!("{from}->{to}:{}", known.map_or(wanted, String::as_str))
    }
}

/// Returns how a tracer may be named that is named after something in a namespace.
fn spelled(namespace: &str, name: &str) -> [String; 2] {
    [format!("{name}.{namespace}"), name.to_owned()]
}

fn spot(namespace: &str, name: &str, workload: &Workload, hop: &Hop<'_>) -> Spot {
    Spot {
        id: workload.id.clone(),
        cluster: workload.cluster.clone(),
        namespace: namespace.to_owned(),
        workload: name.to_owned(),
        app: workload.app.clone().or_else(|| hop.app.map(str::to_owned)),
        version: workload
            .version
            .clone()
            .or_else(|| hop.version.map(str::to_owned)),
    }
}

/// Returns whether a pod's name is one that a workload's controller gives: a hash of its template and five
/// letters, five letters, or a number.
fn is_pod_of(pod: &str, workload: &str) -> bool {
    let Some(rest) = pod.strip_prefix(workload) else {
        return false;
    };
    if rest.is_empty() {
        return true;
    }
    let Some(rest) = rest.strip_prefix('-') else {
        return false;
    };
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    match rest.split_once('-') {
        // A hash has no vowels: `canary-x2x4z` is a pod of another workload.
        Some((hash, letters)) => {
            is_word(letters)
                && letters.len() == 5
                && is_word(hash)
                && (1..=10).contains(&hash.len())
                && !hash.contains(['a', 'e', 'i', 'o', 'u'])
                || is_hexadecimal(hash) && is_word(letters) && letters.len() == 5
        }
        None => rest.bytes().all(|c| c.is_ascii_digit()) || (is_word(rest) && rest.len() == 5),
    }
}

/// Older controllers wrote hashes in hexadecimal digits.
fn is_hexadecimal(text: &str) -> bool {
    (8..=10).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::is_pod_of;

    #[test]
    fn a_pod_is_of_its_own_workload_alone() {
        for (pod, workload) in [
            ("web-7d9f8c6b5-x2x4z", "web"),
            ("web-admin-7d9f8c6b5-x2x4z", "web-admin"),
            ("store-0", "store"),
            ("agent-x2x4z", "agent"),
            ("web", "web"),
        ] {
            assert!(is_pod_of(pod, workload), "{pod} {workload}");
        }
        for (pod, workload) in [
            ("web-admin-7d9f8c6b5-x2x4z", "web"),
            ("webmail-7d9f8c6b5-x2x4z", "web"),
            ("web-gateway-x2x4z", "web"),
            ("other-0", "store"),
        ] {
            assert!(!is_pod_of(pod, workload), "{pod} {workload}");
        }
    }
}
