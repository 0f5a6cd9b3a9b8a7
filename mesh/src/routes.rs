//! How traffic is told to go and how it goes: objects and measurements in, the wire's routes out; pure.
//!
//! [`Board`] reads the objects of a cluster once; [`Board::answer`] joins them with what was measured.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::api::checks::Checks;
use crate::api::routes::Check;
use crate::api::routes::{Route, RouteRef, Routes};
use crate::changes::journal::Journal;
use crate::changes::subsets::VERSION;
use crate::graph::Facts;
use crate::inventory::{Inventory, ROLLOUT_HASH, Workload};
use crate::routing::destination_rule::{Subset, is_subset};
use crate::routing::{self, RouteView, Routing, RulePlace, hosts};
use crate::units::{UnixMillis, Window};

pub mod owner;

mod checks;
mod finding;
mod gather;
mod govern;
mod measured;
mod moves;
mod read;
mod show;
mod versions;

#[cfg(test)]
mod tests;

pub use read::Read;

use gather::{Gathered, Head};
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
    subsets: HashMap<String, BTreeMap<String, Arc<Subset>>>,
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
    head: Head,
    view: Result<RouteView, String>,
    journal: Journal,
    /// When its weights may have changed last.
    written_at: Option<UnixMillis>,
    /// For each rule, its destinations as metrics know them.
    targets: Vec<Vec<Target>>,
    /// Destinations that are no services, by their rule and where they stand in it.
    elsewhere: BTreeSet<(RulePlace, usize)>,
}

/// One destination of one rule, seen from its service.
struct Use {
    route: usize,
    rule: usize,
    idx: usize,
}

/// The workloads that serve each service.
type Served<'a> = HashMap<&'a Place, Vec<&'a Workload>>;

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
        let Gathered {
            inventory,
            routing,
            mut routes,
            steered,
            there,
            unread,
            domain,
        } = Gathered::of(read);
        let gateways = behind_gateways(&routing, &inventory);
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
            steered,
            domain,
        };
        // What serves each service is looked up once: its routes ask again and again.
        let mut served = HashMap::new();
        for (place, service) in &board.inventory.services {
            let host = hosts::service_host(&place.0, &place.1, &board.domain);
            let known = board.routing.subsets(&host, &service.namespace);
            if !known.is_empty() {
                board.subsets.insert(host, known);
            }
            let workloads = board.inventory.workloads_of(service, &BTreeMap::new());
            served.insert(place, workloads);
        }
        for read in &mut routes {
            read.targets = board.targets(read, &served);
        }
        drop(served);
        for (route, read) in routes.iter().enumerate() {
            for (rule, targets) in read.targets.iter().enumerate() {
                for (idx, target) in targets.iter().enumerate() {
                    if let Some(service) = &target.service {
                        let uses = board.uses.entry(service.clone()).or_default();
                        uses.push(Use { route, rule, idx });
                    }
                }
            }
        }
        board.routes = routes;
        board.found = checks::find(&board, &there);
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

    /// Returns the destinations of a route, for each of its rules, as metrics know them.
    fn targets(&self, read: &ReadRoute, served: &Served<'_>) -> Vec<Vec<Target>> {
        let Ok(view) = &read.view else {
            return Vec::new();
        };
        let target = |destination: &routing::Destination| {
            let namespace = &read.place.namespace;
            self.target(destination, view.is_gateway_api, namespace, served)
        };
        let rules = view.rules.iter();
        rules
            .map(|rule| rule.destinations.iter().map(target).collect())
            .collect()
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
        served: &Served<'_>,
    ) -> Target {
        let full = self.full_host(destination, is_gateway_api, namespace);
        let place = hosts::service_of(&full, &self.domain);
        let Some(workloads) = place.as_ref().and_then(|place| served.get(place)) else {
            return Target::default();
        };
        let subset = destination.subset.as_ref();
        let subset = subset.map(|name| self.subset(&full, name, namespace));
        // One that nobody knows selects nothing.
        let selects = |workload: &&&Workload| match &subset {
            None => true,
            Some(known) => known.as_ref().is_some_and(|it| workload.has(&it.labels)),
        };
        let selected = workloads.iter().filter(selects);
        // Argo writes it into subsets, or into the selectors of two services.
        let of_subset = subset
            .as_ref()
            .and_then(|it| it.as_ref()?.labels.get(ROLLOUT_HASH));
        let service = place
            .as_ref()
            .and_then(|place| self.inventory.services.get(place));
        let template = of_subset.or_else(|| service?.selector.get(ROLLOUT_HASH));
        Target {
            template: template.cloned(),
            service: place,
            workloads: selected
                .map(|w| (w.namespace.clone(), w.name.clone()))
                .collect(),
        }
    }

    /// Returns a subset of a full host: as callers of the service's own namespace know it, else those of the
    /// route's, else one that is for some callers alone.
    fn subset(&self, host: &str, name: &str, namespace: &str) -> Option<Arc<Subset>> {
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
            .map(|r| r.head.resource_version.as_str())
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
                let rules = route.view.iter().flat_map(|view| view.rules.iter());
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

/// Returns the workloads behind each gateway.
fn behind_gateways(routing: &Routing, inventory: &Inventory) -> BTreeMap<String, BTreeSet<Place>> {
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
    gateways
}
