//! Rules that nothing ever comes to, since rules before them take it all.
//!
//! This is what `istioctl analyze` tells as IST0130, and more of the same: it looks for a rule without
//! conditions before, this for any rule whose conditions are no narrower, for each gateway by itself.
//! <https://istio.io/latest/docs/reference/config/analysis/ist0130/>

use std::collections::{BTreeMap, BTreeSet};

use super::rule::{Condition, Match, Rule, RuleList, RulePlace};
use super::virtual_service::VirtualService;

/// Returns the rules of a VirtualService that are never reached, sorted.
///
/// What is told is so; what is not told may still be: whether expressions overlap is not tried, nor whether
/// several rules together leave nothing.
pub fn unreachable(vs: &VirtualService) -> Vec<RulePlace> {
    never(vs).0
}

/// Returns the matches that nothing ever comes to, of rules that are reached by others of theirs: the rule and
/// which of its matches, sorted. This is what `istioctl analyze` tells as IST0131, and more of the same.
///
/// What is told is so; what is not told may still be.
pub fn ineffective(vs: &VirtualService) -> Vec<(RulePlace, usize)> {
    never(vs).1
}

fn never(vs: &VirtualService) -> (Vec<RulePlace>, Vec<(RulePlace, usize)>) {
    let everything = [Match::default()];
    let matches = |rule: &Rule| match rule.matches.is_empty() {
        true => everything.to_vec(),
        false => rule.matches.clone(),
    };
    let mut rules = Vec::new();
    let mut idle = Vec::new();
    for list in RuleList::ALL {
        let mut before: Vec<Match> = Vec::new();
        for rule in vs.rules_of(list) {
            let own = matches(rule);
            // One that is for no gateway of the object is reached through none.
            let is_shut = |m: &Match, before: &[Match]| {
                let mut gateways = gateways_of(m, vs).into_iter();
                gateways.all(|gateway| {
                    let mut before = before.iter();
                    before.any(|b| gateways_of(b, vs).contains(gateway) && takes_all_of(b, m, list))
                })
            };
            if own.iter().all(|m| is_shut(m, &before)) {
                rules.push(rule.place);
                before.extend(own);
                continue;
            }
            for (idx, m) in own.into_iter().enumerate() {
                if is_shut(&m, &before) {
                    idle.push((rule.place, idx));
                }
                before.push(m);
            }
        }
    }
    rules.sort_unstable();
    idle.sort_unstable();
    (rules, idle)
}

/// Returns through which gateways of the object conditions can hold.
fn gateways_of<'a>(m: &Match, vs: &'a VirtualService) -> BTreeSet<&'a str> {
    let bound = vs.gateways.iter().map(String::as_str);
    bound
        .filter(|gateway| m.gateways.is_empty() || m.gateways.iter().any(|g| g == gateway))
        .collect()
}

/// Returns whether all that `later` matches `before` matches as well, through the same gateway.
fn takes_all_of(before: &Match, later: &Match, list: RuleList) -> bool {
    // Of a request, a gateway that is named makes the caller's labels and namespace idle.
    let is_idle = |m: &Match| list == RuleList::Http && !m.gateways.is_empty();
    let source = is_idle(before)
        || (before.source_labels.is_empty() && before.source_namespace.is_none())
        || (!is_idle(later)
            && before
                .source_labels
                .iter()
                .all(|(key, value)| later.source_labels.get(key) == Some(value))
            && is_wider(&before.source_namespace, &later.source_namespace));
    let alone = [
        (&before.scheme, &later.scheme),
        (&before.method, &later.method),
        (&before.authority, &later.authority),
    ];
    let named = [
        (&before.headers, &later.headers),
        (&before.query, &later.query),
    ];
    source
        && is_wider(&before.port, &later.port)
        && takes_path(before, later)
        && alone
            .into_iter()
            .all(|(before, later)| takes(before.as_ref(), later.as_ref()))
        && named.into_iter().all(|(before, later)| takes_each(before, later))
        // What must not be there is only compared, since a wider ban leaves less.
        && before
            .without_headers
            .iter()
            .all(|(name, condition)| later.without_headers.get(name) == Some(condition))
        && (before.sni_hosts.is_empty()
            // Envoy takes the name that fits best, so a wildcard before shuts no name behind it.
            || later.sni_hosts.iter().all(|it| before.sni_hosts.contains(it)))
        && (before.destination_subnets.is_empty()
            || before.destination_subnets == later.destination_subnets)
}

fn is_wider<T: PartialEq>(before: &Option<T>, later: &Option<T>) -> bool {
    before.is_none() || before == later
}

fn takes_path(before: &Match, later: &Match) -> bool {
    match &before.path {
        None => true,
        Some(Condition::Prefix(text) | Condition::PathPrefix(text))
            if text.is_empty() || text == "/" =>
        {
            true
        }
        path => {
            before.ignores_case == later.ignores_case && takes(path.as_ref(), later.path.as_ref())
        }
    }
}

fn takes_each(before: &BTreeMap<String, Condition>, later: &BTreeMap<String, Condition>) -> bool {
    let mut before = before.iter();
    before.all(|(name, condition)| takes(Some(condition), later.get(name)))
}

fn takes(before: Option<&Condition>, later: Option<&Condition>) -> bool {
    use Condition::{Exact, PathPrefix, Prefix, Present};
    let Some(before) = before else {
        return true;
    };
    let Some(later) = later else {
        return false;
    };
    match (before, later) {
        (Present, _) => true,
        (Prefix(before), Exact(later) | Prefix(later) | PathPrefix(later)) => {
            later.starts_with(before)
        }
        (PathPrefix(_), Exact(text) | PathPrefix(text)) => super::pattern::holds(before, text),
        (before, later) => before == later,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// Rules are told by their matches, one list of them for each rule.
    fn never(gateways: Value, list: &str, rules: &[Value]) -> Vec<String> {
        let route = json!([{"destination": {"host": "backend"}}]);
        let rules: Vec<Value> = rules
            .iter()
            .map(|matches| json!({"match": matches, "route": route}))
            .collect();
        let object = json!({
            "metadata": {"name": "backend", "namespace": "default"},
            "spec": {"hosts": ["backend"], "gateways": gateways, list: rules}
        });
        let vs = VirtualService::read(&object).unwrap();
        let never = unreachable(&vs).into_iter();
        never.map(|place| place.to_string()).collect()
    }

    fn in_mesh(rules: &[Value]) -> Vec<String> {
        never(json!(["mesh"]), "http", rules)
    }

    #[test]
    fn behind_a_rule_without_conditions_there_is_nothing() {
        let testing = json!([{"headers": {"x-testing": {"exact": "true"}}}]);
        assert_eq!(in_mesh(&[testing.clone(), json!([])]), [""; 0]);
        assert_eq!(
            in_mesh(&[json!([]), testing.clone(), json!([])]),
            ["http/1", "http/2"]
        );
        assert_eq!(
            in_mesh(&[json!([{"uri": {"prefix": "/"}}]), testing.clone()]),
            ["http/1"]
        );
        assert_eq!(
            in_mesh(&[json!([{"uri": {"prefix": "/a"}}]), testing]),
            [""; 0]
        );
    }

    #[test]
    fn a_rule_no_narrower_shuts_those_behind_it() {
        let api = json!([{"uri": {"prefix": "/api"}}]);
        let narrower = json!([{"uri": {"exact": "/api/x"}, "method": {"exact": "GET"}}]);
        assert_eq!(in_mesh(&[api.clone(), narrower.clone()]), ["http/1"]);
        assert_eq!(in_mesh(&[narrower.clone(), api.clone()]), [""; 0]);
        assert_eq!(in_mesh(&[api.clone(), api.clone()]), ["http/1"]);
        // One of several is enough to be reached by.
        let mixed = json!([{"uri": {"exact": "/api/x"}}, {"uri": {"exact": "/other"}}]);
        assert_eq!(in_mesh(&[api.clone(), mixed]), [""; 0]);
        let any_case = json!([{"uri": {"prefix": "/API"}, "ignoreUriCase": true}]);
        assert_eq!(in_mesh(&[any_case, api]), [""; 0], "not tried");
    }

    #[test]
    fn each_gateway_is_looked_at_by_itself() {
        let both = json!(["mesh", "edge"]);
        let at_edge = json!([{"gateways": ["edge"]}]);
        let in_mesh = json!([{"gateways": ["mesh"]}]);
        let told = |rules: &[Value]| never(both.clone(), "http", rules);
        assert_eq!(told(&[at_edge.clone(), json!([])]), [""; 0]);
        assert_eq!(
            told(&[at_edge.clone(), in_mesh.clone(), json!([])]),
            ["http/2"]
        );
        assert_eq!(told(&[at_edge.clone(), at_edge]), ["http/1"]);
        // For a gateway that the object is not bound to.
        assert_eq!(
            told(&[json!([{"gateways": ["other"]}]), in_mesh]),
            ["http/0"]
        );
    }

    #[test]
    fn who_calls_counts_as_a_condition() {
        let tester = json!([{"sourceLabels": {"app": "tester"}}]);
        let narrower = json!([{"sourceLabels": {"app": "tester", "zone": "a"}, "port": 80}]);
        assert_eq!(in_mesh(&[tester.clone(), narrower.clone()]), ["http/1"]);
        assert_eq!(in_mesh(&[narrower, tester.clone()]), [""; 0]);
        assert_eq!(
            in_mesh(&[tester, json!([{"sourceNamespace": "shop"}])]),
            [""; 0]
        );
    }

    #[test]
    fn a_match_that_is_shut_is_told_where_its_rule_is_reached() {
        let told = |rules: &[Value]| {
            let route = json!([{"destination": {"host": "backend"}}]);
            let rules: Vec<Value> = rules
                .iter()
                .map(|matches| json!({"match": matches, "route": route}))
                .collect();
            let object = json!({"metadata": {"name": "backend", "namespace": "default"},
                "spec": {"hosts": ["backend"], "http": rules}});
            let idle = ineffective(&VirtualService::read(&object).unwrap());
            let idle = idle.iter().map(|(rule, idx)| format!("{rule} {idx}"));
            idle.collect::<Vec<_>>()
        };
        let (api, other) = (
            json!({"uri": {"prefix": "/api"}}),
            json!({"uri": {"exact": "/other"}}),
        );
        assert_eq!(
            told(&[json!([api]), json!([api, other])]),
            ["http/1 0"],
            "the other one reaches the rule"
        );
        assert_eq!(told(&[json!([api, api])]), ["http/0 1"], "within a rule");
        assert_eq!(told(&[json!([other]), json!([api])]), [""; 0]);
        // The whole rule is told as unreachable, not each of its matches.
        assert_eq!(told(&[json!([]), json!([api])]), [""; 0]);
    }

    #[test]
    fn connections_are_looked_at_too() {
        let mesh = json!(["mesh"]);
        let tcp = |rules: &[Value]| never(mesh.clone(), "tcp", rules);
        assert_eq!(tcp(&[json!([]), json!([{"port": 5432}])]), ["tcp/1"]);
        assert_eq!(tcp(&[json!([{"port": 5432}]), json!([])]), [""; 0]);
        let subnet = json!([{"destinationSubnets": ["10.1.0.0/16"]}]);
        assert_eq!(tcp(&[subnet, json!([{"port": 5432}])]), [""; 0]);
        let tls = |rules: &[Value]| never(mesh.clone(), "tls", rules);
        let wide = json!([{"sniHosts": ["*.example.com"]}]);
        let login = json!([{"sniHosts": ["login.example.com"]}]);
        assert_eq!(
            tls(&[wide.clone(), login.clone()]),
            [""; 0],
            "the best fit is taken"
        );
        assert_eq!(tls(&[login.clone(), wide, login]), ["tls/2"]);
    }
}
