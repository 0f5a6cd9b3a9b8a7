//! A split as the page works with it: shares in basis points, and which destination is which.

use mesh::api::routes::{Change, Destination, Route, RouteKind, Rule, SplitRef};
use mesh::routing::weights::{self, Absent};

/// Returns the shares that weights mean, in basis points; nothing where they mean none.
pub fn shares(kind: RouteKind, weights: &[Option<u32>]) -> Option<Vec<u32>> {
    let absent = match kind {
        RouteKind::VirtualService => Absent::Zero,
        RouteKind::HttpRoute | RouteKind::GrpcRoute => Absent::One,
    };
    weights::shares(weights, absent).ok()
}

/// Returns the weights of a rule as they are written.
pub fn weights(rule: &Rule) -> Vec<Option<u32>> {
    rule.destinations.iter().map(|d| d.weight).collect()
}

/// Returns the sum of the weights that are written.
pub fn sum(weights: &[Option<u32>]) -> u32 {
    weights
        .iter()
        .flatten()
        .fold(0, |sum, w| sum.saturating_add(*w))
}

/// Returns the rule of a route that `rule` names.
pub fn rule<'a>(route: &'a Route, rule: &str) -> Option<&'a Rule> {
    route.rules.iter().find(|r| r.rule == rule)
}

/// Returns whether two destinations are the same place, whatever their weights are.
fn is_same(a: &Destination, b: &Destination) -> bool {
    let place = |d: &Destination| d.service.clone().unwrap_or_else(|| d.host.clone());
    // A port that is not written is the service's only one.
    let port = match (a.port, b.port) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    };
    place(a) == place(b) && a.subset == b.subset && port
}

/// Returns for each destination of `from` its place among those of `to`; nothing unless both lead to the
/// same places.
pub fn places(from: &[Destination], to: &[Destination]) -> Option<Vec<usize>> {
    if from.len() != to.len() {
        return None;
    }
    let mut taken = vec![false; to.len()];
    from.iter()
        .map(|d| {
            let at =
                (to.iter().zip(&taken)).position(|(other, taken)| !taken && is_same(d, other))?;
            *taken.get_mut(at)? = true;
            Some(at)
        })
        .collect()
}

/// Returns a destination as records know it: `host[:port][ subset]`.
fn key(destination: &Destination) -> String {
    let port = destination.port.map(|port| format!(":{port}"));
    let subset = destination
        .subset
        .as_ref()
        .map(|subset| format!(" {subset}"));
    format!(
        "{}{}{}",
        destination.host,
        port.unwrap_or_default(),
        subset.unwrap_or_default()
    )
}

/// Returns the names of a change's destinations: those that its rule has now; of what is gone, the subset
/// or the host.
pub fn names(rule: Option<&Rule>, change: &Change) -> Vec<String> {
    let of = |place: &String| {
        let found = rule.and_then(|r| r.destinations.iter().find(|d| key(d) == *place));
        let short = || place.rsplit(' ').next().unwrap_or(place).to_owned();
        found.map_or_else(short, |d| d.name.clone())
    };
    change.destinations.iter().map(of).collect()
}

/// A second split of the same destinations, in another object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sibling {
    /// Where it stands.
    pub at: SplitRef,
    /// The place there of each destination here.
    places: Vec<usize>,
}

impl Sibling {
    /// Returns `shares`, which are in the order here, in the order there.
    pub fn in_its_order(&self, shares: &[u32]) -> Vec<u32> {
        let mut out = vec![0; shares.len()];
        for (share, at) in shares.iter().zip(&self.places) {
            if let Some(place) = out.get_mut(*at) {
                *place = *share;
            }
        }
        out
    }
}

/// Returns the splits of the same destinations in other objects: at most one for each, the one under the
/// same conditions before others.
pub fn siblings<'a>(
    routes: impl IntoIterator<Item = &'a Route>,
    route: &Route,
    rule: &Rule,
) -> Vec<Sibling> {
    routes
        .into_iter()
        .filter(|other| other.id != route.id)
        .filter_map(|other| {
            let mut fits: Vec<(bool, &Rule, Vec<usize>)> = other
                .rules
                .iter()
                .filter(|r| r.is_split)
                .filter_map(|r| {
                    let places = places(&rule.destinations, &r.destinations)?;
                    Some((r.matches != rule.matches, r, places))
                })
                .collect();
            fits.sort_by_key(|(differs, ..)| *differs);
            let (_, found, places) = fits.into_iter().next()?;
            Some(Sibling {
                at: SplitRef {
                    route: other.id.clone(),
                    rule: found.rule.clone(),
                },
                places,
            })
        })
        .collect()
}

/// Returns the destination that all calls go back to: the one that had most before the oldest change on
/// record; without a record, the one that has most now.
pub fn way_back(kind: RouteKind, rule: &Rule, history: &[Change]) -> Option<usize> {
    let recorded = || {
        let oldest = history
            .iter()
            .filter(|change| change.rule == rule.rule)
            .min_by_key(|change| change.at_ms)?;
        let before = shares(kind, &oldest.before)?;
        let place = oldest.destinations.get(greatest(&before)?)?;
        rule.destinations.iter().position(|d| key(d) == *place)
    };
    recorded().or_else(|| greatest(&shares(kind, &weights(rule))?))
}

/// Returns the place of the greatest share; of equals, the first.
fn greatest(shares: &[u32]) -> Option<usize> {
    (0..shares.len()).rev().max_by_key(|at| shares.get(*at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::sample::{change, route, split};

    #[test]
    fn the_second_split_of_a_service_is_found_whatever_its_order() {
        let backend = route(
            "backend-routing",
            vec![split("http/0", &[("v1", 90), ("v2", 10)])],
        );
        let external = route(
            "app-external",
            vec![split("http/0", &[("v2", 10), ("v1", 90)])],
        );
        let other = route(
            "three",
            vec![split("http/0", &[("v1", 1), ("v2", 1), ("v3", 1)])],
        );
        let found = siblings([&backend, &external, &other], &backend, &backend.rules[0]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].at.route, "default/virtualservice/app-external");
        assert_eq!(found[0].in_its_order(&[7_000, 3_000]), [3_000, 7_000]);
    }

    #[test]
    fn of_several_rules_the_one_under_the_same_conditions_is_the_sibling() {
        let mut testers = split("http/0", &[("v1", 50), ("v2", 50)]);
        testers.matches = vec!["x-testing is exactly \"true\"".to_owned()];
        let rest = split("http/1", &[("v1", 90), ("v2", 10)]);
        let here = route("here", vec![split("http/0", &[("v1", 90), ("v2", 10)])]);
        let there = route("there", vec![testers, rest]);
        let found = siblings([&here, &there], &here, &here.rules[0]);
        assert_eq!(found[0].at.rule, "http/1");
    }

    #[test]
    fn the_way_back_is_what_had_most_before_the_oldest_change() {
        let rule = split("http/0", &[("v1", 0), ("v2", 100)]);
        let back = |history: &[Change]| way_back(RouteKind::VirtualService, &rule, history);
        assert_eq!(back(&[]), Some(1), "without a record, what has most now");
        let history = [
            change(20, &[("v1", 50, 0), ("v2", 50, 100)]),
            change(10, &[("v1", 90, 50), ("v2", 10, 50)]),
        ];
        assert_eq!(back(&history), Some(0));
        assert_eq!(
            back(&[change(5, &[("gone", 100, 0), ("v2", 0, 100)])]),
            Some(1),
            "a destination that is gone is no way back"
        );
    }

    #[test]
    fn records_are_read_by_the_names_that_destinations_have_now() {
        let mut rule = split("http/0", &[("v1", 90), ("v2", 10)]);
        rule.destinations[0].name = "stable".to_owned();
        let change = change(0, &[("v1", 90, 70), ("gone", 10, 30)]);
        assert_eq!(names(Some(&rule), &change), ["stable", "gone"]);
        rule.destinations[0].port = Some(8080);
        assert_eq!(key(&rule.destinations[0]), "backend:8080 v1");
    }

    #[test]
    fn shares_follow_the_kind_of_route() {
        let of = |kind| shares(kind, &[Some(3), None]);
        assert_eq!(of(RouteKind::VirtualService), Some(vec![10_000, 0]));
        assert_eq!(of(RouteKind::HttpRoute), Some(vec![7_500, 2_500]));
        assert_eq!(shares(RouteKind::VirtualService, &[Some(0), Some(0)]), None);
    }
}
