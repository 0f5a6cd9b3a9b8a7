//! What the page says about routes, in sentences.

use std::collections::BTreeMap;

use mesh::api::routes::{Change, Check, Route, RouteKind, Rule, Severity};

use super::judge::{Progress, Told};
use super::split;
use crate::numbers;

/// Joins words as people do: `a`, `a and b`, `a, b and c`.
pub fn and(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// Returns who follows a rule: "the mesh and gateway app-gateway".
pub fn callers(rule: &Rule) -> String {
    let names: Vec<String> = rule.callers.iter().map(|c| c.name.clone()).collect();
    and(&names)
}

/// Returns who follows a route: what its rules say, else its gateways as written.
pub fn followers(route: &Route) -> String {
    let told = route
        .rules
        .iter()
        .map(callers)
        .find(|said| !said.is_empty());
    told.unwrap_or_else(|| {
        let names = route.gateways.iter().map(|gateway| match gateway.as_str() {
            "mesh" => "the mesh".to_owned(),
            other => format!("gateway {}", other.rsplit('/').next().unwrap_or(other)),
        });
        and(&names.collect::<Vec<_>>())
    })
}

/// Returns the calls per second that a route steers. A group's calls count once, however many rules it
/// follows.
pub fn pace(route: &Route) -> Option<f64> {
    let mut groups: BTreeMap<&str, f64> = BTreeMap::new();
    for callers in route.rules.iter().flat_map(|r| &r.callers) {
        let rps = groups.entry(&callers.id).or_default();
        *rps = rps.max(callers.rps);
    }
    (!groups.is_empty()).then(|| groups.values().sum())
}

/// Returns which calls a rule is for: its conditions, "everyone else" after other rules, or "every call".
pub fn condition(rule: &Rule, is_first: bool) -> String {
    match (rule.matches.as_slice(), is_first) {
        ([], true) => "Every call".to_owned(),
        ([], false) => "Everyone else".to_owned(),
        (matches, _) => matches.join(", or "),
    }
}

/// Returns where a rule sends calls: "v2", "v1 90 %, v2 10 %", or what it does instead.
pub fn leads_to(kind: RouteKind, rule: &Rule) -> String {
    match rule.destinations.as_slice() {
        [] if rule.also.is_empty() => "nowhere".to_owned(),
        [] => and(&rule.also),
        [one] => one.name.clone(),
        _ => shares_of(kind, rule),
    }
}

/// Returns the shares of a rule: "v1 90 %, v2 10 %".
pub fn shares_of(kind: RouteKind, rule: &Rule) -> String {
    let names: Vec<String> = rule.destinations.iter().map(|d| d.name.clone()).collect();
    match split::shares(kind, &split::weights(rule)) {
        Some(shares) => shares_line(&names, &shares),
        None => format!("{}: all weights are zero", names.join(", ")),
    }
}

/// Returns shares with their names: "v1 90 %, v2 10 %".
pub fn shares_line(names: &[String], shares: &[u32]) -> String {
    let parts = names
        .iter()
        .zip(shares)
        .map(|(name, share)| format!("{name} {}", numbers::basis(*share)));
    parts.collect::<Vec<_>>().join(", ")
}

/// Returns what a change did to destinations of these names: "v1 90 % → 70 %, v2 10 % → 30 %"; what stayed
/// is left out.
pub fn change_line(kind: RouteKind, names: &[String], change: &Change) -> String {
    if let Some(what) = &change.what {
        return what.clone();
    }
    let write = |shares: &Option<Vec<u32>>, at: usize| {
        let share = shares.as_ref().and_then(|s| s.get(at));
        share.map_or_else(|| "nothing".to_owned(), |s| numbers::basis(*s))
    };
    let before = split::shares(kind, &change.before);
    let after = split::shares(kind, &change.after);
    let parts: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(at, name)| (name, write(&before, at), write(&after, at)))
        .filter(|(_, before, after)| before != after)
        .map(|(name, before, after)| format!("{name} {before} → {after}"))
        .collect();
    if parts.is_empty() {
        "the same shares in other numbers".to_owned()
    } else {
        parts.join(", ")
    }
}

/// Returns how far calls have followed: "v2: measured 27 % of 30 %, 412 requests over 45 s".
pub fn progress(progress: &Progress) -> String {
    match progress {
        Progress::Measuring => "measuring…".to_owned(),
        Progress::OnTheWay(told) | Progress::Converged(told) => measured(told),
    }
}

fn measured(told: &Told) -> String {
    let requests = numbers::count(told.requests);
    let requests = if requests == "1" {
        "1 request".to_owned()
    } else {
        format!("{requests} requests")
    };
    format!(
        "{}: measured {} of {}, {requests} over {}",
        told.name,
        numbers::share(told.share),
        numbers::wanted(told.wanted),
        numbers::seconds(told.over_s),
    )
}

/// Returns by how much a measured share is away: "v2 has 20 points more than wanted".
pub fn off(name: &str, points: f64) -> String {
    let way = if points > 0.0 { "more" } else { "less" };
    format!(
        "{name} has {:.0} points {way} than wanted",
        points.abs() * 100.0
    )
}

/// Returns who wrote something and when.
pub fn written(manager: &str, at: &str) -> String {
    format!("{manager} at {at}")
}

/// Returns the word for how bad something is, for one and for several.
pub fn severity(severity: Severity, n: usize) -> &'static str {
    match (severity, n) {
        (Severity::Error, 1) => "error",
        (Severity::Error, _) => "errors",
        (Severity::Warning, 1) => "warning",
        (Severity::Warning, _) => "warnings",
        (Severity::Info, 1) => "note",
        (Severity::Info, _) => "notes",
    }
}

/// Counts checks by how bad they are, worst first.
pub fn tally<'a>(checks: impl IntoIterator<Item = &'a Check>) -> Vec<(Severity, usize)> {
    let checks: Vec<&Check> = checks.into_iter().collect();
    [Severity::Error, Severity::Warning, Severity::Info]
        .into_iter()
        .map(|s| (s, checks.iter().filter(|c| c.severity == s).count()))
        .filter(|(_, n)| *n > 0)
        .collect()
}

/// Returns the line that asks for splits of one service to be moved together.
pub fn split_often(routes: &[Route]) -> Option<String> {
    let named: Vec<String> = routes
        .iter()
        .filter(|r| r.rules.iter().any(|rule| rule.is_split))
        .map(|r| format!("{} for {}", r.name, followers(r)))
        .collect();
    let times = match named.len() {
        0 | 1 => return None,
        2 => "twice".to_owned(),
        n => format!("{n} times"),
    };
    Some(format!(
        "Split {times}: {}. Move them together, or callers see different shares.",
        and(&named)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::sample::{change, route, split};
    use mesh::api::routes::Callers;

    #[test]
    fn rules_read_as_people_say_them() {
        let mut testers = split("http/0", &[("v2", 1)]);
        testers.matches = vec!["x-testing is exactly \"true\"".to_owned()];
        let rest = split("http/1", &[("v1", 90), ("v2", 10)]);
        let kind = RouteKind::VirtualService;
        let said =
            |rule: &Rule, first| format!("{} → {}", condition(rule, first), leads_to(kind, rule));
        assert_eq!(said(&testers, true), "x-testing is exactly \"true\" → v2");
        assert_eq!(said(&rest, false), "Everyone else → v1 90 %, v2 10 %");
        let mut refused = split("http/0", &[]);
        refused.also = vec!["answers 403 itself".to_owned()];
        assert_eq!(said(&refused, true), "Every call → answers 403 itself");
    }

    #[test]
    fn two_splits_of_one_service_ask_to_be_moved_together() {
        let rule = |group: &str| {
            let mut rule = split("http/0", &[("v1", 90), ("v2", 10)]);
            rule.callers = vec![Callers {
                name: group.to_owned(),
                ..Callers::default()
            }];
            rule
        };
        let routes = [
            route("backend-routing", vec![rule("the mesh")]),
            route("app-external", vec![rule("gateway app-gateway")]),
        ];
        assert_eq!(
            split_often(&routes).unwrap(),
            "Split twice: backend-routing for the mesh and app-external for gateway app-gateway. \
             Move them together, or callers see different shares."
        );
        assert_eq!(split_often(&routes[..1]), None);
    }

    #[test]
    fn a_change_says_what_it_moved() {
        let kind = RouteKind::VirtualService;
        let line = |weights: &[(&str, u32, u32)]| {
            let names: Vec<String> = weights.iter().map(|(n, ..)| (*n).to_owned()).collect();
            change_line(kind, &names, &change(0, weights))
        };
        assert_eq!(
            line(&[("v1", 90, 70), ("v2", 10, 30)]),
            "v1 90 % → 70 %, v2 10 % → 30 %"
        );
        assert_eq!(
            line(&[("v1", 50, 50), ("v2", 25, 0), ("v3", 25, 50)]),
            "v2 25 % → 0 %, v3 25 % → 50 %"
        );
        assert_eq!(
            line(&[("v1", 9, 90), ("v2", 1, 10)]),
            "the same shares in other numbers"
        );
        assert_eq!(
            line(&[("v1", 0, 1), ("v2", 0, 1)]),
            "v1 nothing → 50 %, v2 nothing → 50 %"
        );
    }

    #[test]
    fn what_is_measured_carries_its_evidence() {
        let told = Told {
            name: "v2".to_owned(),
            share: 0.27,
            wanted: 0.3,
            requests: 412.0,
            over_s: 45,
        };
        assert_eq!(
            progress(&Progress::OnTheWay(told)),
            "v2: measured 27 % of 30 %, 412 requests over 45 s"
        );
        assert_eq!(off("v2", -0.16), "v2 has 16 points less than wanted");
    }
}
