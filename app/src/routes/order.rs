//! What the list shows, and in which order.

use std::cmp::Ordering;

use mesh::api::routes::{Check, Route, Routes, Rule, Service, Severity};

use super::judge;

/// What belongs together in the list.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// The service's id, or the route's where its split is not of one service.
    pub id: String,
    /// The service, where there is one.
    pub service: Option<Service>,
    /// The routes that say where its calls go, by id, those with a split first.
    pub routes: Vec<Route>,
}

/// The list: services worst first, then the routes that split nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// Services with several versions or a split; routes whose split is not of one service.
    pub cards: Vec<Card>,
    /// All other routes, by id.
    pub others: Vec<Route>,
}

/// Returns what the list shows.
pub fn listing(routes: &Routes) -> Listing {
    let mut cards: Vec<Card> = routes
        .services
        .iter()
        .map(|service| Card {
            id: service.id.clone(),
            routes: with_splits_first(routes.items.iter().filter(|r| leads_to(r, service))),
            service: Some(service.clone()),
        })
        .collect();
    let is_shown = |cards: &[Card], route: &Route| {
        let shown = |card: &Card| card.routes.iter().any(|r| r.id == route.id);
        cards.iter().any(shown)
    };
    let (mut alone, mut others) = (Vec::new(), Vec::new());
    for route in routes.items.iter().filter(|r| !is_shown(&cards, r)) {
        if splits(route).next().is_some() {
            alone.push(Card {
                id: route.id.clone(),
                service: None,
                routes: vec![route.clone()],
            });
        } else {
            others.push(route.clone());
        }
    }
    cards.extend(alone);
    cards.sort_by(|a, b| a.compare(b, routes.at_ms));
    others.sort_by(|a, b| a.id.cmp(&b.id));
    Listing { cards, others }
}

/// Returns the rules of a route whose weights can be moved.
pub fn splits(route: &Route) -> impl Iterator<Item = &Rule> {
    route.rules.iter().filter(|r| r.is_split)
}

/// Returns checks worst first, each once: two routes of a service often say the same, which is one thing to
/// mend.
pub fn distinct<'a>(checks: impl Iterator<Item = &'a Check>) -> Vec<&'a Check> {
    let mut checks: Vec<&Check> = checks.collect();
    checks.sort_by_key(|c| (c.severity, &c.code, &c.message));
    checks.dedup_by_key(|c| (c.severity, &c.code, &c.message));
    checks
}

fn leads_to(route: &Route, service: &Service) -> bool {
    let mut destinations = route.rules.iter().flat_map(|r| &r.destinations);
    destinations.any(|d| d.service.as_ref() == Some(&service.id))
}

fn with_splits_first<'a>(routes: impl Iterator<Item = &'a Route>) -> Vec<Route> {
    let mut routes: Vec<Route> = routes.cloned().collect();
    routes.sort_by(|a, b| {
        let quiet = |r: &Route| splits(r).next().is_none();
        (quiet(a), for_gateways_alone(a), &a.id).cmp(&(quiet(b), for_gateways_alone(b), &b.id))
    });
    routes
}

/// The mesh's own split stands before that of a gateway.
fn for_gateways_alone(route: &Route) -> bool {
    !route.gateways.iter().any(|g| g == "mesh")
}

impl Card {
    /// Returns all that is wrong with its routes, worst first.
    pub fn checks(&self) -> Vec<&Check> {
        distinct(self.routes.iter().flat_map(|r| &r.checks))
    }

    /// Returns how many splits there are.
    pub fn n_splits(&self) -> usize {
        self.routes.iter().flat_map(splits).count()
    }

    fn compare(&self, other: &Card, now_ms: i64) -> Ordering {
        // What is only worth knowing moves nothing up.
        let severity = |card: &Card| {
            let worst = card.checks().first().map(|c| c.severity);
            match worst {
                Some(Severity::Error) => 0,
                Some(Severity::Warning) => 1,
                Some(Severity::Info) | None => 2,
            }
        };
        let off = |card: &Card| {
            let rules = card.routes.iter().flat_map(splits);
            rules
                .filter_map(|rule| judge::worst(rule, now_ms))
                .fold(0.0, f64::max)
        };
        let name = |card: &Card| {
            let (namespace, name) = card.id.split_once('/').unwrap_or(("", &card.id));
            (name.to_owned(), namespace.to_owned())
        };
        (severity(self).cmp(&severity(other)))
            .then_with(|| off(other).total_cmp(&off(self)))
            .then_with(|| (self.n_splits() == 0).cmp(&(other.n_splits() == 0)))
            .then_with(|| name(self).cmp(&name(other)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::sample::{measured, route, split};

    fn service(name: &str) -> Service {
        Service {
            id: format!("default/{name}"),
            namespace: "default".to_owned(),
            name: name.to_owned(),
            ..Service::default()
        }
    }

    fn to(service: &str, mut rule: Rule) -> Rule {
        rule.service = Some(format!("default/{service}"));
        for d in &mut rule.destinations {
            d.service = rule.service.clone();
        }
        rule
    }

    fn check(severity: Severity) -> Check {
        Check {
            code: "split_twice".to_owned(),
            also_known_as: Vec::new(),
            severity,
            object: String::new(),
            other: None,
            path: None,
            message: String::new(),
            why: String::new(),
            mend: None,
            command: None,
            yaml: None,
        }
    }

    fn ids(listing: &Listing) -> String {
        let cards = listing.cards.iter().map(|c| c.id.as_str());
        cards.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_worst_stands_first_then_what_goes_astray_then_by_name() {
        let halves = || split("http/0", &[("v1", 50), ("v2", 50)]);
        let mut astray = to("cart", halves());
        astray.destinations[0].measured = vec![measured(0.9, 900.0)];
        let mut wrong = route("wrong", vec![to("web", halves())]);
        wrong.checks = vec![check(Severity::Info), check(Severity::Error)];
        let mut noted = route("noted", vec![to("auth", halves())]);
        noted.checks = vec![check(Severity::Info)];
        let routes = Routes {
            items: vec![route("a", vec![astray]), noted, wrong],
            services: ["auth", "bare", "cart", "web"].map(service).to_vec(),
            ..Routes::default()
        };
        let listing = listing(&routes);
        assert_eq!(
            ids(&listing),
            "default/web default/cart default/auth default/bare"
        );
    }

    #[test]
    fn two_splits_of_a_service_are_one_card_the_meshs_own_first() {
        let rule = || split("http/0", &[("v1", 90), ("v2", 10)]);
        let mut external = route("app-external", vec![rule()]);
        external.gateways = vec!["default/app-gateway".to_owned()];
        let routes = Routes {
            items: vec![external, route("backend-routing", vec![rule()])],
            services: vec![service("backend")],
            ..Routes::default()
        };
        let listing = listing(&routes);
        assert_eq!(listing.cards.len(), 1);
        let names: Vec<&str> = listing.cards[0]
            .routes
            .iter()
            .map(|r| r.name.as_str())
            .collect();
        assert_eq!(names, ["backend-routing", "app-external"]);
        assert!(listing.others.is_empty());
    }

    #[test]
    fn a_route_that_splits_nothing_stands_below_and_a_split_over_services_has_its_own_card() {
        let mut across = split("http/0", &[("old", 50), ("new", 50)]);
        across.service = None;
        for d in &mut across.destinations {
            d.service = Some(format!("default/{}", d.name));
        }
        let routes = Routes {
            items: vec![
                route("across", vec![across]),
                route(
                    "www",
                    vec![to("frontend", split("http/0", &[("frontend", 1)]))],
                ),
            ],
            ..Routes::default()
        };
        let listing = listing(&routes);
        assert_eq!(ids(&listing), "default/virtualservice/across");
        assert_eq!(listing.others[0].name, "www");
    }
}
