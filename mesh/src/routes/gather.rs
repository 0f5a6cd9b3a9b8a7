//! What a board is put together from, taken from one object after the other: each is unfolded once and let go.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::checks::There;
use super::measured::Place;
use super::read::Domains;
use super::{Read, ReadRoute, owner};
use crate::api::routes::{LastWrite, Owner, RouteKind, RouteRef};
use crate::changes::journal::Journal;
use crate::inventory::{self, Inventory};
use crate::object::{self, ObjectKey, text_at};
use crate::routing::destination_rule::DestinationRule;
use crate::routing::resolve::Taken;
use crate::routing::virtual_service::VirtualService;
use crate::routing::{RouteView, Routing, Unreadable, http_route};
use crate::units::UnixMillis;

/// All that was read.
pub(super) struct Gathered {
    pub(super) inventory: Arc<Inventory>,
    pub(super) routing: Routing,
    /// Sorted by place; where their destinations lead is not told yet.
    pub(super) routes: Vec<ReadRoute>,
    /// DestinationRules whose subsets Argo Rollouts steers.
    pub(super) steered: BTreeSet<Place>,
    pub(super) there: There,
    pub(super) unread: BTreeSet<String>,
    pub(super) domain: String,
}

/// What a route's object says of itself besides its rules.
#[derive(Default)]
pub(super) struct Head {
    pub(super) resource_version: String,
    pub(super) generation: Option<i64>,
    pub(super) uid: Option<String>,
    pub(super) owner: Option<Owner>,
    pub(super) last_write: Option<LastWrite>,
}

/// What was read so far.
#[derive(Default)]
struct Gathering {
    inventory: inventory::Gathered,
    routing: Taken,
    routes: Vec<ReadRoute>,
    steered: BTreeSet<Place>,
    there: There,
    domains: Domains,
}

impl Gathered {
    /// Reads the objects of a cluster.
    pub(super) fn of(read: Read) -> Gathered {
        let Read {
            objects,
            unread,
            domain,
        } = read;
        let mut gathering = Gathering::default();
        for object in &objects {
            gathering.take(object.key(), &object.value());
        }
        let Gathering {
            inventory,
            routing,
            mut routes,
            steered,
            there,
            domains,
        } = gathering;
        let domain = domains.domain(domain, |namespace, name| {
            there.has("Service", namespace, name)
        });
        let inventory = Arc::new(inventory.finish());
        let routing = Routing::of(routing, Arc::clone(&inventory), &domain);
        routes.sort_by(|a, b| a.place.cmp(&b.place));
        Gathered {
            inventory,
            routing,
            routes,
            steered,
            there,
            unread,
            domain,
        }
    }
}

impl Gathering {
    fn take(&mut self, key: &ObjectKey, object: &Value) {
        self.there.note(key, object);
        self.domains.note_proxies(object);
        self.inventory.take(object);
        self.steered.extend(steered_rule(key, object));
        match key.kind.as_str() {
            "VirtualService" => {
                let read = VirtualService::read(object);
                if let Ok(read) = &read {
                    let to = read.rules.iter().flat_map(|rule| &rule.destinations);
                    let hosts = to.map(|it| &it.host).chain(&read.hosts);
                    hosts.for_each(|host| self.domains.note_host(host));
                }
                let view = read.as_ref().map(RouteView::of).map_err(Clone::clone);
                self.routes.extend(read_route(key, object, view));
                self.routing.virtual_service(object, read);
            }
            "DestinationRule" => {
                let read = DestinationRule::read(object);
                if let Ok(read) = &read {
                    self.domains.note_host(&read.host);
                }
                self.routing.destination_rule(object, read);
            }
            kind => {
                let kind = RouteKind::ALL.into_iter().find(|it| it.kind() == kind);
                let view = kind.map(|kind| RouteView::read(kind, object));
                let route = view.and_then(|view| read_route(key, object, view));
                self.routes.extend(route);
                self.routing.take(object);
            }
        }
    }
}

fn read_route(
    key: &ObjectKey,
    object: &Value,
    view: Result<RouteView, Unreadable>,
) -> Option<ReadRoute> {
    let kind = RouteKind::ALL.into_iter().find(|k| k.kind() == key.kind)?;
    let api = text_at(object, "/apiVersion").unwrap_or_default();
    let group = match kind {
        RouteKind::VirtualService => "networking.istio.io/",
        RouteKind::HttpRoute | RouteKind::GrpcRoute => "gateway.networking.k8s.io/",
    };
    if !api.starts_with(group) {
        return None;
    }
    let mut elsewhere = BTreeSet::new();
    let rules = view.iter().filter(|view| view.is_gateway_api);
    for rule in rules.flat_map(|view| view.rules.iter()) {
        let places = (0..rule.destinations.len()).map(|idx| (rule.place, idx));
        elsewhere
            .extend(places.filter(|(place, idx)| !http_route::is_service(object, *place, *idx)));
    }
    let last_write = owner::last_write(object, |time| crate::api::query::at(time).ok());
    Some(ReadRoute {
        place: RouteRef {
            namespace: key.namespace.clone(),
            kind,
            name: key.name.clone(),
        },
        view: view.map_err(|error| error.to_string()),
        journal: Journal::of(object),
        written_at: last_write.as_ref().map(|it| UnixMillis(it.at_ms)),
        targets: Vec::new(),
        elsewhere,
        head: Head {
            resource_version: object::resource_version(object).to_owned(),
            generation: object::generation(object),
            uid: object::uid(object).map(str::to_owned),
            owner: owner::owner(object),
            last_write,
        },
    })
}

/// Returns the DestinationRule whose subsets Argo Rollouts steers, as the object says: the rule itself, or a Rollout
/// that names it.
fn steered_rule(key: &ObjectKey, object: &Value) -> Option<Place> {
    let place = |name: &str| (key.namespace.clone(), name.to_owned());
    match key.kind.as_str() {
        "DestinationRule" => {
            let owner = owner::owner(object).filter(|owner| owner.kind == "argo_rollouts");
            owner.map(|_| place(&key.name))
        }
        "Rollout" => owner::steered_rule(object).map(place),
        _ => None,
    }
}
