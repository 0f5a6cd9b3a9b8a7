//! Circuit breakers: what is set, what of it holds, and how it acted. Objects and measurements in, the wire
//! out; pure.

use std::collections::BTreeMap;

use crate::api;
use crate::api::breakers::{Breaker, Ejection, Exposed, Ineffective, Limits, Part, Paste, Stats};
use crate::api::graph::Health;
use crate::api::{HealthStatus, InventoryQuery, Notice};
use crate::graph::Facts;
use crate::inventory::Inventory;
use crate::routing::destination_rule::{self, DestinationRule, Policy};
use crate::routing::{Routing, hosts};
use crate::telemetry::{BreakerSample, Breakers, Peer, Reporter};
use crate::units::six_digits;

/// What to write into a pod's annotation `proxy.istio.io/config`, so that its Envoy tells of its breakers.
const MATCHER: &str = "proxyStatsMatcher:\n  inclusionRegexps:\n  - \".*circuit_breakers.*\"\n  \
     - \".*outlier_detection.*\"\n  - \".*upstream_rq_pending.*\"\n  - \".*upstream_rq_retry_overflow.*\"\n  \
     - \".*upstream_cx_overflow.*\"\n";

/// From this share of its calls on, a host that refuses them is failing.
const MANY: f64 = 0.1;

/// What Envoy's own figures say, and which of them there are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// By namespace of the clients and upstream.
    pub samples: Vec<BreakerSample>,
    /// Which figures are exposed; the others are not zero, but unknown.
    pub exposed: Exposed,
}

/// What the objects of a cluster say.
#[derive(Clone, Copy)]
pub struct Objects<'a> {
    /// Services.
    pub inventory: &'a Inventory,
    /// DestinationRules.
    pub routing: &'a Routing,
    /// The domain of the cluster.
    pub domain: &'a str,
}

/// Calls to one host as callers' proxies report them.
#[derive(Clone, Copy, Debug, Default)]
struct Calls {
    requests: f64,
    overflowed: f64,
    unhealthy: f64,
}

/// Returns the breakers of the namespaces asked for. `facts` is absent where the metrics do not answer,
/// `objects` where no cluster is asked.
pub fn answer(
    objects: Option<Objects<'_>>,
    facts: Option<&Facts>,
    told: &Told,
    ask: &Breakers,
    query: &InventoryQuery,
    notices: Vec<Notice>,
) -> api::breakers::Breakers {
    let domain = objects.map_or(hosts::DOMAIN, |it| it.domain);
    let calls = facts.map(|facts| calls(facts, domain));
    let mut stats = stats_by_host(told);
    let mut rules: BTreeMap<String, Vec<&DestinationRule>> = BTreeMap::new();
    for rule in objects.iter().flat_map(|it| &it.routing.destination_rules) {
        let full = hosts::full_host(&rule.host, &rule.namespace, domain);
        rules.entry(full).or_default().push(rule);
    }
    let mut all: Vec<String> = rules.keys().cloned().collect();
    all.extend(stats.keys().cloned());
    all.extend(calls.iter().flat_map(|calls| calls.keys().cloned()));
    let services = objects.iter().flat_map(|it| it.inventory.services.keys());
    all.extend(services.map(|(namespace, name)| hosts::service_host(namespace, name, domain)));
    all.sort_unstable();
    all.dedup();
    let mut items = Vec::new();
    let mut without = 0;
    for host in all {
        let place = hosts::service_of(&host, domain);
        let shown = match (&place, rules.get(&host)) {
            (Some((namespace, _)), _) => query.lists(namespace),
            (None, Some(rules)) => rules.iter().any(|rule| query.lists(&rule.namespace)),
            (None, None) => query.namespaces.is_empty(),
        };
        if !shown {
            continue;
        }
        let rules = rules.get(&host).map_or(&[][..], Vec::as_slice);
        let (parts, ineffective) = parts(rules, stats.remove(&host).unwrap_or_default());
        let counted = calls
            .as_ref()
            .map(|all| all.get(&host).copied().unwrap_or_default());
        let acted = counted.is_some_and(|calls| calls.overflowed > 0.0 || calls.unhealthy > 0.0);
        if parts.is_empty() && ineffective.is_empty() && !acted {
            without += u32::from(place.is_some());
            continue;
        }
        let health = judged(&parts, &ineffective, counted);
        let (namespace, service) = place.unzip();
        let mut named = rules.to_vec();
        named.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
        // Those without a policy say nothing of it.
        named.sort_by_key(|rule| !rule.has_policy);
        let named = named.iter();
        items.push(Breaker {
            rules: named
                .map(|rule| format!("{}/{}", rule.namespace, rule.name))
                .collect(),
            id: host,
            namespace,
            service,
            requests: counted.map(|calls| six_digits(calls.requests)),
            overflowed: counted.map(|calls| six_digits(calls.overflowed)),
            unhealthy: counted.map(|calls| six_digits(calls.unhealthy)),
            parts,
            ineffective,
            health,
        });
    }
    items.sort_by(|a, b| (a.health.status, &a.id).cmp(&(b.health.status, &b.id)));
    api::breakers::Breakers {
        items,
        without,
        exposed: told.exposed,
        expose: if told.exposed.all() {
            Vec::new()
        } else {
            expose()
        },
        notices,
        window_s: ask.window.secs(),
        at_ms: ask.at.0,
    }
}

/// Adds up calls by host, one view for each pair (rule R2): the client's; the waypoint's or the server's where
/// there is none. Flags are of the proxy whose limit acted, so that they are looked for at clients and waypoints.
fn calls(facts: &Facts, domain: &str) -> BTreeMap<String, Calls> {
    let mut pairs: BTreeMap<(String, &Peer), [Calls; 3]> = BTreeMap::new();
    for sample in &facts.requests {
        let Some(service) = &sample.key.service else {
            continue;
        };
        let host = match &service.namespace {
            Some(namespace) if !service.name.as_str().contains('.') => {
                hosts::service_host(namespace.as_str(), service.name.as_str(), domain)
            }
            _ => service.name.as_str().to_owned(),
        };
        let place = match sample.key.reporter {
            Reporter::Source => 0,
            Reporter::Waypoint => 1,
            Reporter::Destination => 2,
        };
        let views = pairs.entry((host, &sample.key.source)).or_default();
        if let Some(calls) = views.get_mut(place) {
            calls.requests += sample.value;
            if sample.key.flags.contains("UO") {
                calls.overflowed += sample.value;
            }
            if sample.key.flags.contains("UH") {
                calls.unhealthy += sample.value;
            }
        }
    }
    let mut by_host: BTreeMap<String, Calls> = BTreeMap::new();
    for ((host, _), views) in pairs {
        let chosen = views.iter().find(|calls| calls.requests > 0.0);
        let sum = by_host.entry(host).or_default();
        if let Some(chosen) = chosen {
            sum.requests += chosen.requests;
            sum.overflowed += chosen.overflowed;
            sum.unhealthy += chosen.unhealthy;
        }
    }
    by_host
}

type StatsBySubset = BTreeMap<Option<String>, Stats>;

/// Adds up what the clients of all namespaces say of each upstream; ports of one subset are added.
fn stats_by_host(told: &Told) -> BTreeMap<String, StatsBySubset> {
    let mut hosts: BTreeMap<String, StatsBySubset> = BTreeMap::new();
    let exposed = told.exposed;
    let add = |sum: &mut Option<f64>, is_there: bool, value: f64| {
        if is_there {
            *sum = Some(sum.unwrap_or(0.0) + value);
        }
    };
    for sample in &told.samples {
        let by_subset = hosts.entry(sample.host.to_ascii_lowercase()).or_default();
        let stats = by_subset.entry(sample.subset.clone()).or_default();
        add(
            &mut stats.pending_overflow,
            exposed.pending_overflow,
            sample.pending_overflow,
        );
        add(
            &mut stats.connection_overflow,
            exposed.connection_overflow,
            sample.connection_overflow,
        );
        add(
            &mut stats.retry_overflow,
            exposed.retry_overflow,
            sample.retry_overflow,
        );
        add(&mut stats.ejections, exposed.ejections, sample.ejections);
        add(&mut stats.open_now, exposed.open_now, sample.open_now);
        if exposed.ejected_now {
            // Each proxy counts the same endpoints: they are not added.
            let most = stats.ejected_now.unwrap_or(0.0).max(sample.ejected_now);
            stats.ejected_now = Some(most);
        }
    }
    for stats in hosts.values_mut().flat_map(BTreeMap::values_mut) {
        for figure in [
            &mut stats.pending_overflow,
            &mut stats.connection_overflow,
            &mut stats.retry_overflow,
            &mut stats.ejections,
            &mut stats.ejected_now,
            &mut stats.open_now,
        ] {
            *figure = figure.map(six_digits);
        }
    }
    hosts
}

/// Returns what holds for the host, its subsets and its ports, and what is written in vain.
fn parts(rules: &[&DestinationRule], mut stats: StatsBySubset) -> (Vec<Part>, Vec<Ineffective>) {
    let mut rules = rules.to_vec();
    rules.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
    let merged = destination_rule::merge(&rules);
    let name = |rule: &DestinationRule| format!("{}/{}", rule.namespace, rule.name);
    let base = rules.get(merged.policy_of).filter(|rule| rule.has_policy);
    let mut parts = Vec::new();
    let mut keep = |part: Part| {
        if !part.limits.is_empty() || part.stats.is_some_and(|it| it != Stats::default()) {
            parts.push(part);
        }
    };
    let none = Policy::default();
    let base_policy = base.map_or(&none, |rule| &rule.policy);
    keep(Part {
        subset: None,
        port: None,
        rule: base.map(|rule| name(rule)),
        limits: limits(base_policy),
        stats: stats.remove(&None),
    });
    for (port, policy) in &base_policy.ports {
        keep(Part {
            subset: None,
            port: Some(*port),
            rule: base.map(|rule| name(rule)),
            limits: limits(policy),
            stats: None,
        });
    }
    for (subset, (idx, said)) in &merged.subsets {
        let own = limits(&said.policy);
        let is_own = said.policy.has_pool || said.policy.outlier.is_some();
        let limits = match is_own {
            true => over(own, &said.policy, limits(base_policy)),
            // What holds for the host holds here too: once is enough to say it.
            false => Limits::default(),
        };
        let rule = is_own.then(|| rules.get(*idx).map(|rule| name(rule)));
        keep(Part {
            subset: Some(subset.clone()),
            port: None,
            rule: rule.flatten(),
            limits,
            stats: stats.remove(&Some(subset.clone())),
        });
        for (port, policy) in &said.policy.ports {
            keep(Part {
                subset: Some(subset.clone()),
                port: Some(*port),
                rule: rules.get(*idx).map(|rule| name(rule)),
                limits: self::limits(policy),
                stats: None,
            });
        }
    }
    // Upstreams of subsets that no rule names any more.
    for (subset, stats) in stats {
        keep(Part {
            subset,
            port: None,
            rule: None,
            limits: Limits::default(),
            stats: Some(stats),
        });
    }
    let lost = merged.policy_lost.iter().filter_map(|idx| rules.get(*idx));
    let ineffective = lost.filter_map(|rule| {
        let limits = limits(&rule.policy);
        let instead = base.map(|rule| name(rule))?;
        (!limits.is_empty()).then(|| Ineffective {
            reason: format!(
                "Of several DestinationRules on one host, the policy of the first counts whole, and that is {instead}."
            ),
            hint: "join both into one DestinationRule".to_owned(),
            rule: name(rule),
            instead,
            limits,
        })
    });
    let ineffective = ineffective.collect();
    (parts, ineffective)
}

/// Returns what holds for a subset: its pool whole instead of the host's, and its ejection likewise.
fn over(own: Limits, policy: &Policy, host: Limits) -> Limits {
    let ejection = match policy.outlier {
        Some(_) => own.ejection.clone(),
        None => host.ejection.clone(),
    };
    let pool = if policy.has_pool { own } else { host };
    Limits { ejection, ..pool }
}

fn limits(policy: &Policy) -> Limits {
    Limits {
        max_connections: policy.max_connections,
        max_pending_requests: policy.http1_max_pending_requests,
        max_requests: policy.http2_max_requests,
        max_requests_per_connection: policy.max_requests_per_connection,
        max_retries: policy.max_retries,
        ejection: policy.outlier.as_ref().map(|it| Ejection {
            consecutive_5xx: it.consecutive_5xx_errors,
            consecutive_gateway_errors: it.consecutive_gateway_errors,
            interval: it.interval.clone(),
            base_time: it.base_ejection_time.clone(),
            max_percent: it.max_ejection_percent,
        }),
    }
}

fn judged(parts: &[Part], ineffective: &[Ineffective], calls: Option<Calls>) -> Health {
    let sum = |figure: fn(&Stats) -> Option<f64>| -> f64 {
        parts
            .iter()
            .filter_map(|part| figure(part.stats.as_ref()?))
            .sum()
    };
    let ejected = sum(|it| it.ejected_now);
    let open = sum(|it| it.open_now);
    let counted = calls.unwrap_or_default();
    let refused = counted.overflowed + counted.unhealthy;
    // As calls are judged: a share of a tenth is failing (rule R10).
    let acted = match refused >= MANY * counted.requests {
        true => HealthStatus::Failing,
        false => HealthStatus::Degraded,
    };
    let (status, reason) = if counted.overflowed > 0.0 {
        let said = format!(
            "The breaker refused {} of {} calls (UO).",
            count(counted.overflowed),
            count(counted.requests)
        );
        (acted, said)
    } else if open > 0.0 {
        let said = format!(
            "The breaker is open in {} now.",
            things(open, "proxy", "proxies")
        );
        (HealthStatus::Failing, said)
    } else if counted.unhealthy > 0.0 {
        let said = format!(
            "{} of {} calls found no healthy endpoint (UH): all are ejected, or none is ready.",
            count(counted.unhealthy),
            count(counted.requests)
        );
        (acted, said)
    } else if ejected > 0.0 {
        let said = format!("Ejected now: {}.", things(ejected, "endpoint", "endpoints"));
        (HealthStatus::Degraded, said)
    } else if !ineffective.is_empty() {
        (
            HealthStatus::Degraded,
            "Limits are written here that have no effect.".to_owned(),
        )
    } else {
        match calls {
            None => (
                HealthStatus::NoData,
                "What the breaker did is not known.".to_owned(),
            ),
            Some(calls) if calls.requests <= 0.0 => (
                HealthStatus::Idle,
                "Nobody called in the window.".to_owned(),
            ),
            Some(calls) => (
                HealthStatus::Healthy,
                format!("None of {} calls met a limit.", count(calls.requests)),
            ),
        }
    };
    Health { status, reason }
}

fn things(n: f64, one: &str, many: &str) -> String {
    let n = count(n);
    let word = if n == "1" { one } else { many };
    format!("{n} {word}")
}

/// Writes a count for people. Sources extrapolate: what happened is at least one.
fn count(n: f64) -> String {
    match n {
        n if n > 0.0 && n < 1.0 => "1".to_owned(),
        n => format!("{n:.0}"),
    }
}

/// Returns how to have Envoy tell of its breakers. Istio leaves these figures out as a rule, since each costs
/// series in every proxy.
fn expose() -> Vec<Paste> {
    let indented = |by: usize| {
        let lines = MATCHER.lines().map(|line| format!("{:by$}{line}\n", ""));
        lines.collect::<String>()
    };
    vec![
        Paste {
            title: "For one workload that calls: an annotation of its pod template".to_owned(),
            setting: "any".to_owned(),
            text: format!(
                "spec:\n  template:\n    metadata:\n      annotations:\n        proxy.istio.io/config: |\n{}",
                indented(10)
            ),
            then: Some("The pods restart with it. The figures come from callers' proxies, not from the service's.".to_owned()),
        },
        Paste {
            title: "For the whole mesh: the mesh's configuration".to_owned(),
            setting: "upstream".to_owned(),
            text: format!("meshConfig:\n  defaultConfig:\n{}", indented(4)),
            then: Some("Give it to istioctl install or to the chart istiod, then restart the workloads.".to_owned()),
        },
        Paste {
            title: "For the whole mesh of AKS's add-on: the shared ConfigMap".to_owned(),
            setting: "aks".to_owned(),
            text: format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: istio-shared-configmap-asm-1-xx\n  \
                 namespace: aks-istio-system\ndata:\n  mesh: |\n    defaultConfig:\n{}",
                indented(6)
            ),
            then: Some("Put your revision in the place of asm-1-xx, then restart the workloads.".to_owned()),
        },
    ]
}

#[cfg(test)]
mod tests;
