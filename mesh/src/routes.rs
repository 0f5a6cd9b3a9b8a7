//! How traffic is told to go and how it goes: objects and measurements in, the wire's routes out; pure.
//!
//! [`Board`] reads the objects of a cluster once; [`Board::answer`] joins them with what was measured.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;

use crate::api::checks::Checks;
use crate::api::routes::Check;
use crate::api::routes::{Route, RouteKind, RouteRef, Routes};
use crate::changes::journal::Journal;
use crate::changes::subsets::VERSION;
use crate::graph::Facts;
use crate::inventory::Inventory;
use crate::object::{self, ObjectKey, text_at};
use crate::routing::destination_rule::{Subset, is_subset};
use crate::routing::{self, RouteView, Routing, hosts};
use crate::units::{UnixMillis, Window};

pub mod owner;

mod checks;
mod finding;
mod govern;
mod measured;
mod moves;
mod read;
mod show;
mod versions;

#[cfg(test)]
mod tests;

pub use read::Read;

use measured::{Place, Target};

/// Windows over which fresh weights are measured, in seconds.
const FRESH: [u32; 9] = [15, 20, 30, 45, 60, 90, 120, 180, 300];
/// How long proxies and scrapes may still speak of the old weights after a change, in milliseconds.
const SETTLING_MS: i64 = 4_000;

/// What was measured.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    /// The window.
    pub window: Window,
    /// Its end.
    pub at: UnixMillis,
    /// The facts of the window; `None` where the metrics are not to be had.
    pub facts: Option<&'a Facts>,
    /// Facts of shorter windows with the same end, by their length in seconds.
    pub recent: BTreeMap<u32, &'a Facts>,
}

/// The objects of a cluster, read.
pub struct Board {
    inventory: Arc<Inventory>,
    routing: Routing,
    /// Sorted by place.
    routes: Vec<ReadRoute>,
    /// The workloads behind each gateway, and behind all of them.
    gateways: BTreeMap<String, BTreeSet<Place>>,
    all_gateways: BTreeSet<Place>,
    /// Who else sends to a service: the rules by the service they send to.
    uses: BTreeMap<Place, Vec<Use>>,
    /// The subsets of each service's full host.
    subsets: HashMap<String, BTreeMap<String, Subset>>,
    /// What is wrong with the objects, which hangs on them alone.
    found: checks::Found,
    /// Kinds that could not be listed.
    unread: BTreeSet<String>,
    /// DestinationRules whose subsets Argo Rollouts steers.
    steered: BTreeSet<Place>,
    domain: String,
}

/// A route object and what it says.
struct ReadRoute {
    place: RouteRef,
    object: Arc<Value>,
    view: Result<RouteView, String>,
    journal: Journal,
    /// When its weights may have changed last.
    written_at: Option<UnixMillis>,
    /// For each rule, its destinations as metrics know them.
    targets: Vec<Vec<Target>>,
}

/// One destination of one rule, seen from its service.
struct Use {
    route: usize,
    rule: usize,
    workloads: BTreeSet<Place>,
}

impl Board {
    /// Returns what the cluster holds besides routes.
    pub fn inventory(&self) -> Arc<Inventory> {
        Arc::clone(&self.inventory)
    }

    /// Returns the objects as circuit breakers are told from them.
    pub fn objects(&self) -> crate::breakers::Objects<'_> {
        crate::breakers::Objects {
            inventory: &self.inventory,
            routing: &self.routing,
            domain: &self.domain,
        }
    }

    /// Reads the objects of a cluster.
    pub fn read(read: Read) -> Board {
        let domain = read.domain();
        let Read {
            objects, unread, ..
        } = read;
        let inventory = Arc::new(Inventory::read(objects.iter().map(|o| &**o)));
        let routing = Routing::read(objects.iter().map(|o| &**o), &domain);
        let mut gateways: BTreeMap<String, BTreeSet<Place>> = routing
            .gateways
            .iter()
            .map(|gateway| {
                let behind = inventory.workloads.values().filter(|workload| {
                    // Without a selector it is every gateway's, which nobody means.
                    !gateway.selector.is_empty() && is_subset(&gateway.selector, &workload.labels)
                });
                let places = behind.map(|w| (w.namespace.clone(), w.name.clone()));
                (gateway.full_name(), places.collect())
            })
            .collect();
        for workload in inventory.workloads.values() {
            // A gateway of the Gateway API has workloads of its own, made for it.
            if let Some(name) = workload
                .labels
                .get("gateway.networking.k8s.io/gateway-name")
            {
                let place = (workload.namespace.clone(), workload.name.clone());
                let gateway = format!("{}/{name}", workload.namespace);
                gateways.entry(gateway).or_default().insert(place);
            }
        }
        let mut board = Board {
            all_gateways: gateways.values().flatten().cloned().collect(),
            gateways,
            inventory,
            routing,
            routes: Vec::new(),
            uses: BTreeMap::new(),
            subsets: HashMap::new(),
            found: checks::Found::default(),
            unread,
            steered: objects.iter().filter_map(|it| steered_rule(it)).collect(),
            domain,
        };
        for ((namespace, name), service) in &board.inventory.services {
            let host = hosts::service_host(namespace, name, &board.domain);
            let known = board.routing.subsets(&host, &service.namespace);
            if !known.is_empty() {
                board.subsets.insert(host, known);
            }
        }
        let mut routes: Vec<ReadRoute> = objects
            .iter()
            .filter_map(|object| board.read_route(object))
            .collect();
        routes.sort_by(|a, b| a.place.cmp(&b.place));
        for (route, read) in routes.iter().enumerate() {
            for (rule, targets) in read.targets.iter().enumerate() {
                for target in targets {
                    if let Some(service) = &target.service {
                        board.uses.entry(service.clone()).or_default().push(Use {
                            route,
                            rule,
                            workloads: target.workloads.clone(),
                        });
                    }
                }
            }
        }
        board.routes = routes;
        board.found = checks::find(&board, &objects);
        board
    }

    /// Returns what is wrong with the objects of `namespaces` (all, where that is empty), worst first.
    pub fn checks(&self, namespaces: &[String]) -> Checks {
        self.found.answer(namespaces)
    }

    /// Returns whether all objects of these kinds are known, so that what is not among them is not there.
    fn knows(&self, kinds: &[&str]) -> bool {
        kinds.iter().all(|kind| {
            let plain = kind.split('.').next().unwrap_or(kind);
            !self.unread.contains(*kind) && !self.unread.contains(plain)
        })
    }

    fn read_route(&self, object: &Arc<Value>) -> Option<ReadRoute> {
        let key = ObjectKey::of(object);
        let kind = RouteKind::ALL.into_iter().find(|k| k.kind() == key.kind)?;
        let api = text_at(object, "/apiVersion").unwrap_or_default();
        let group = match kind {
            RouteKind::VirtualService => "networking.istio.io/",
            RouteKind::HttpRoute | RouteKind::GrpcRoute => "gateway.networking.k8s.io/",
        };
        if !api.starts_with(group) {
            return None;
        }
        let view = RouteView::read(kind, object).map_err(|error| error.to_string());
        let targets = view.as_ref().map_or_else(
            |_| Vec::new(),
            |view| {
                let rules = view.rules.iter();
                rules
                    .map(|rule| {
                        let destinations = rule.destinations.iter();
                        destinations
                            .map(|d| self.target(d, view.is_gateway_api, &key.namespace))
                            .collect()
                    })
                    .collect()
            },
        );
        let written = owner::last_write(object, |time| crate::api::query::at(time).ok());
        Some(ReadRoute {
            place: RouteRef {
                namespace: key.namespace,
                kind,
                name: key.name,
            },
            object: Arc::clone(object),
            view,
            journal: Journal::of(object),
            written_at: written.map(|w| UnixMillis(w.at_ms)),
            targets,
        })
    }

    /// Returns the full name of a destination's host in a route of `namespace`.
    fn full_host(
        &self,
        destination: &routing::Destination,
        is_gateway_api: bool,
        namespace: &str,
    ) -> String {
        let full = hosts::full_host(&destination.host, namespace, &self.domain);
        // The Gateway API names a service by its parts, which its lens writes as Kubernetes's own name.
        let service = hosts::service_of(&full, hosts::DOMAIN).filter(|_| is_gateway_api);
        match service {
            Some((namespace, name)) => hosts::service_host(&namespace, &name, &self.domain),
            None => full,
        }
    }

    /// Returns a destination as metrics know it: its service, and the workloads that the subset selects.
    fn target(
        &self,
        destination: &routing::Destination,
        is_gateway_api: bool,
        namespace: &str,
    ) -> Target {
        let full = self.full_host(destination, is_gateway_api, namespace);
        let place = hosts::service_of(&full, &self.domain);
        let Some(service) = place.as_ref().and_then(|p| self.inventory.services.get(p)) else {
            return Target::default();
        };
        let none = BTreeMap::new();
        let labels = match &destination.subset {
            None => Some(none),
            Some(name) => self
                .subset(&full, name, namespace)
                .map(|subset| subset.labels),
        };
        let workloads = labels.map_or_else(BTreeSet::new, |labels| {
            let selected = self.inventory.workloads_of(service, &labels);
            selected
                .into_iter()
                .map(|w| (w.namespace.clone(), w.name.clone()))
                .collect()
        });
        Target {
            service: place,
            workloads,
        }
    }

    /// Returns a subset of a full host: as callers of the service's own namespace know it, else those of the
    /// route's, else one that is for some callers alone.
    fn subset(&self, host: &str, name: &str, namespace: &str) -> Option<Subset> {
        let known = self.subsets.get(host).and_then(|known| known.get(name));
        known.cloned().or_else(|| {
            let rules = self.routing.destination_rules_for(host, namespace);
            let own = hosts::service_of(host, &self.domain);
            let beside = own.map(|(own, _)| self.routing.destination_rules_for(host, &own));
            let rules = rules.into_iter().chain(beside.into_iter().flatten());
            let mut subsets = rules.flat_map(|rule| &rule.subsets);
            subsets.find(|subset| subset.name == name).cloned()
        })
    }

    /// Returns the version of a route's object as it was read here.
    pub fn version_of(&self, place: &RouteRef) -> Option<&str> {
        let idx = self.routes.binary_search_by(|r| r.place.cmp(place)).ok()?;
        self.routes
            .get(idx)
            .map(|r| object::resource_version(&r.object))
    }

    /// Returns all that is wrong with any object.
    pub fn all_checks(&self) -> impl Iterator<Item = &Check> {
        self.found.all()
    }

    /// Returns what is wrong with an object, by its id, or takes it as the other.
    pub fn checks_of<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Check> {
        let is_about =
            move |check: &&Check| check.object == id || check.other.as_deref() == Some(id);
        self.all_checks().filter(is_about)
    }

    /// Returns a host as written in a namespace, in full.
    pub fn full_name(&self, host: &str, namespace: &str) -> String {
        hosts::full_host(host, namespace, &self.domain)
    }

    /// Returns the versions that a service's pods are labelled with; nothing where there is no such service.
    pub fn versions_of(&self, namespace: &str, service: &str) -> Option<BTreeSet<String>> {
        let place = (namespace.to_owned(), service.to_owned());
        let service = self.inventory.services.get(&place)?;
        let workloads = self.inventory.workloads_of(service, &BTreeMap::new());
        let labels = workloads.iter().map(|workload| &workload.labels);
        Some(
            labels
                .filter_map(|labels| labels.get(VERSION).cloned())
                .collect(),
        )
    }

    /// Returns the DestinationRules of a full host, as namespace and name, sorted.
    pub fn destination_rules_of(&self, host: &str) -> Vec<(String, String)> {
        let rules = self.routing.destination_rules.iter();
        let mut places: Vec<(String, String)> = rules
            .filter(|rule| self.full_name(&rule.host, &rule.namespace) == host)
            .map(|rule| (rule.namespace.clone(), rule.name.clone()))
            .collect();
        places.sort_unstable();
        places
    }

    /// Returns the windows, in seconds, over which weights that changed within `window` before `at` are
    /// measured.
    pub fn fresh_windows(&self, window: Window, at: UnixMillis) -> BTreeSet<u32> {
        self.routes
            .iter()
            .flat_map(|route| {
                let rules = route.view.iter().flat_map(|view| &view.rules);
                rules.filter_map(|rule| {
                    match self.measured_over(route, &rule.place.to_string(), window, at) {
                        Some(secs) if secs < window.secs() => Some(secs),
                        _ => None,
                    }
                })
            })
            .collect()
    }

    /// Returns over how many seconds a rule's shares are measured: the window, or less when its weights
    /// changed within it. `None` while the change is too fresh.
    fn measured_over(
        &self,
        route: &ReadRoute,
        rule: &str,
        window: Window,
        at: UnixMillis,
    ) -> Option<u32> {
        let recorded = route.journal.last_of(rule).map(|change| change.at_ms);
        let written = route.written_at.map(|at| at.0);
        // A time that is yet to come is no record: clocks differ by less.
        let is_past = |time: &i64| *time <= at.0.saturating_add(60_000);
        let changed = recorded.filter(is_past).max(written.filter(is_past));
        let Some(changed) = changed else {
            return Some(window.secs());
        };
        let since_ms = at.0.saturating_sub(changed).saturating_sub(SETTLING_MS);
        if since_ms >= window.millis() {
            return Some(window.secs());
        }
        FRESH
            .into_iter()
            .rev()
            .find(|secs| i64::from(*secs) * 1000 <= since_ms && *secs < window.secs())
    }

    /// Returns the routes of `namespaces` (all, where that is empty) with what was measured of them.
    pub fn answer(&self, evidence: &Evidence<'_>, namespaces: &[String]) -> Routes {
        let wanted = |namespace: &String| namespaces.is_empty() || namespaces.contains(namespace);
        let shown = show::Showing::new(self, evidence);
        let mut items: Vec<Route> = self
            .routes
            .iter()
            .enumerate()
            .filter(|(_, route)| wanted(&route.place.namespace))
            .map(|(idx, _)| shown.route(idx))
            .collect();
        items.sort_by_cached_key(|route| route.id.clone());
        let mut services = versions::services(self, &shown);
        services.retain(|service| wanted(&service.namespace));
        Routes {
            items,
            services,
            notices: Vec::new(),
            window_s: evidence.window.secs(),
            at_ms: evidence.at.0,
        }
    }

    /// Returns one route with what was measured of it.
    pub fn route(&self, place: &RouteRef, evidence: &Evidence<'_>) -> Option<Route> {
        let idx = self.routes.binary_search_by(|r| r.place.cmp(place)).ok()?;
        Some(show::Showing::new(self, evidence).route(idx))
    }
}

/// Returns the DestinationRule whose subsets Argo Rollouts steers, as the object says: the rule itself, or a Rollout
/// that names it.
fn steered_rule(object: &Value) -> Option<Place> {
    let key = ObjectKey::of(object);
    match key.kind.as_str() {
        "DestinationRule" => {
            let owner = owner::owner(object).filter(|owner| owner.kind == "argo_rollouts");
            owner.map(|_| (key.namespace, key.name))
        }
        "Rollout" => {
            let name = owner::steered_rule(object)?.to_owned();
            Some((key.namespace, name))
        }
        _ => None,
    }
}
