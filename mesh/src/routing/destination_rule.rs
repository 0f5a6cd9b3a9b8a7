//! The lens on a DestinationRule, and how Istio joins several on one host.
//!
//! Rules: <https://istio.io/latest/docs/reference/config/networking/destination-rule/>,
//! <https://istio.io/latest/docs/ops/best-practices/traffic-management/#split-virtual-services>, and
//! `mergeDestinationRule` in Istio's `pilot/pkg/model`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::lens::{At, Meta, Unreadable};

/// A named part of a host: the pods with these labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subset {
    /// The name routes use.
    pub name: String,
    /// Labels that its pods have besides those the service asks for.
    pub labels: BTreeMap<String, String>,
    /// Whether it has a policy of its own.
    pub has_policy: bool,
    /// What that policy writes. A pool or an ejection in it counts whole, instead of the host's.
    pub policy: Policy,
}

/// When an endpoint is left out for a while: a circuit breaker for one pod. What is not written is `None`;
/// durations are as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outlier {
    /// After how many 5xx answers in a row. Istio: 5.
    pub consecutive_5xx_errors: Option<u32>,
    /// After how many of 502, 503 and 504 in a row. Istio: never.
    pub consecutive_gateway_errors: Option<u32>,
    /// After how many failures to connect in a row, where those are counted apart. Istio: 5.
    pub consecutive_local_origin_failures: Option<u32>,
    /// How often it is looked at. Istio: 10s.
    pub interval: Option<String>,
    /// For how long at first. Istio: 30s, longer each time.
    pub base_ejection_time: Option<String>,
    /// How many endpoints at most, in percent. Istio: 10.
    pub max_ejection_percent: Option<u32>,
    /// Below which share of healthy endpoints it stops leaving out any, in percent. Istio: 0.
    pub min_health_percent: Option<u32>,
}

/// What a policy writes; what is not written is `None`, and Istio's own limit holds. Durations are as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Whether it has a pool of connections, even one that writes nothing.
    pub has_pool: bool,
    /// Connections at once.
    pub max_connections: Option<u32>,
    /// How long connecting may take.
    pub connect_timeout: Option<String>,
    /// Requests that wait for a connection.
    pub http1_max_pending_requests: Option<u32>,
    /// Requests at once.
    pub http2_max_requests: Option<u32>,
    /// Requests before a connection is closed.
    pub max_requests_per_connection: Option<u32>,
    /// Retries at once.
    pub max_retries: Option<u32>,
    /// Streams at once on one connection.
    pub max_concurrent_streams: Option<u32>,
    /// How long a connection may be idle.
    pub idle_timeout: Option<String>,
    /// `DEFAULT`, `DO_NOT_UPGRADE` or `UPGRADE`.
    pub h2_upgrade: Option<String>,
    /// When endpoints are left out.
    pub outlier: Option<Outlier>,
    /// Such as `ROUND_ROBIN`.
    pub load_balancer: Option<String>,
    /// Such as `ISTIO_MUTUAL`.
    pub tls_mode: Option<String>,
    /// Ports that have a policy of their own, sorted. It counts there instead of this one, not besides it.
    pub ports: Vec<(u16, Policy)>,
}

/// What a DestinationRule says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationRule {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// When it was created, RFC 3339 as written: such texts sort as the times do. Empty when not said.
    pub created: String,
    /// The host it is about, as written; may be a wildcard.
    pub host: String,
    /// Labels of the callers it is for, all in its own namespace; `None` is all callers.
    pub selector: Option<BTreeMap<String, String>>,
    /// In the order written.
    pub subsets: Vec<Arc<Subset>>,
    /// Whether it has a policy for the whole host.
    pub has_policy: bool,
    /// What that policy writes.
    pub policy: Policy,
    /// The namespaces that may see it, as written; none means all.
    pub export_to: Vec<String>,
}

impl DestinationRule {
    /// Reads an object.
    ///
    /// # Errors
    /// The first value that is not what it should be.
    pub fn read(object: &Value) -> Result<Self, Unreadable> {
        let root = At::root(object);
        let meta = Meta::read(&root)?;
        let spec = root.field("spec");
        let host = spec.field("host");
        let selector = spec.field("workloadSelector");
        let policy = spec.field("trafficPolicy");
        let subsets = spec.field("subsets");
        let subsets = subsets.items()?;
        Ok(Self {
            namespace: meta.namespace,
            name: meta.name,
            created: meta.created,
            host: host
                .word()?
                .ok_or_else(|| host.error("is missing"))?
                .to_owned(),
            selector: match selector.is_absent() {
                true => None,
                false => Some(selector.field("matchLabels").labels()?),
            },
            subsets: subsets
                .iter()
                .map(|subset| read_subset(subset).map(Arc::new))
                .collect::<Result<_, _>>()?,
            has_policy: !policy.is_absent(),
            policy: read_policy(&policy)?,
            export_to: spec.field("exportTo").texts()?,
        })
    }

    /// Returns why Istio's webhook would not take it, or nothing: what changes routing is looked at.
    pub fn refusal(&self) -> Option<Unreadable> {
        let mut names = BTreeSet::new();
        let mut subsets = self.subsets.iter().enumerate();
        subsets.find_map(|(idx, subset)| {
            (!names.insert(&subset.name)).then(|| Unreadable {
                path: format!("/spec/subsets/{idx}"),
                problem: format!("is a second subset {}", subset.name),
            })
        })
    }

    /// What sorts rules on one host as Istio does: those for some callers first, then by age, then by name.
    pub fn sort_key(&self) -> (bool, &str, &str, &str) {
        (
            self.selector.is_none(),
            &self.created,
            &self.name,
            &self.namespace,
        )
    }
}

/// What holds of several DestinationRules on one host. Indices are those of the rules merged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// Whose policy counts, whole: the first that has one; 0 where none has.
    pub policy_of: usize,
    /// Those of which nothing holds: neither policy nor any subset.
    pub ineffective: Vec<usize>,
    /// Those whose policy for the whole host never applies, though a subset may.
    pub policy_lost: Vec<usize>,
    /// The subsets that hold, with the rule that says each.
    pub subsets: BTreeMap<String, (usize, Arc<Subset>)>,
}

/// Returns how Istio merges DestinationRules on one host, in the order given, which should be that of
/// [`sort_key`](DestinationRule::sort_key).
///
/// The first policy counts whole, of later rules only new subset names are added. Rules for some callers
/// alone (`workloadSelector`) say nothing to the others: they are left aside here, neither in effect nor
/// without, unless there are no others.
pub fn merge(rules: &[&DestinationRule]) -> Merged {
    let has_open = rules.iter().any(|rule| rule.selector.is_none());
    merge_those(rules, |rule| !has_open || rule.selector.is_none())
}

/// Returns the same for a caller with these labels, in the namespace of the rules or elsewhere.
///
/// The first rule that selects the caller counts before those for everyone, which add to it.
pub fn merge_for(
    rules: &[&DestinationRule],
    namespace: &str,
    labels: &BTreeMap<String, String>,
) -> Merged {
    let selects = |rule: &DestinationRule| {
        let selector = rule.selector.as_ref();
        rule.namespace == namespace && selector.is_some_and(|s| is_subset(s, labels))
    };
    let selected = rules.iter().find(|rule| selects(rule));
    let selector = selected.and_then(|rule| rule.selector.as_ref());
    merge_those(rules, |rule| {
        rule.selector.is_none() || rule.selector.as_ref() == selector
    })
}

/// Returns whether `labels` has all that `wanted` asks for.
pub(crate) fn is_subset(
    wanted: &BTreeMap<String, String>,
    labels: &BTreeMap<String, String>,
) -> bool {
    wanted
        .iter()
        .all(|(key, value)| labels.get(key) == Some(value))
}

fn merge_those(rules: &[&DestinationRule], counts: impl Fn(&DestinationRule) -> bool) -> Merged {
    let mut merged = Merged::default();
    let mut policy_of = None;
    for (idx, rule) in rules.iter().enumerate().filter(|(_, rule)| counts(rule)) {
        let mut holds = false;
        if rule.has_policy {
            match policy_of {
                None => {
                    policy_of = Some(idx);
                    holds = true;
                }
                Some(_) => merged.policy_lost.push(idx),
            }
        }
        for subset in &rule.subsets {
            merged
                .subsets
                .entry(subset.name.clone())
                .or_insert_with(|| {
                    holds = true;
                    (idx, Arc::clone(subset))
                });
        }
        if !holds {
            merged.ineffective.push(idx);
        }
    }
    merged.policy_of = policy_of.unwrap_or(0);
    merged
}

fn read_subset(subset: &At<'_, '_>) -> Result<Subset, Unreadable> {
    let name = subset.field("name");
    Ok(Subset {
        name: name
            .word()?
            .ok_or_else(|| name.error("is missing"))?
            .to_owned(),
        labels: subset.field("labels").labels()?,
        has_policy: !subset.field("trafficPolicy").is_absent(),
        policy: read_policy(&subset.field("trafficPolicy"))?,
    })
}

fn read_policy(policy: &At<'_, '_>) -> Result<Policy, Unreadable> {
    policy.object()?;
    let mut ports = Vec::new();
    for port in policy.field("portLevelSettings").items()? {
        if let Some(number) = port.field("port").field("number").port()? {
            ports.push((number, read_settings(&port)?));
        }
    }
    ports.sort_by_key(|(number, _)| *number);
    Ok(Policy {
        ports,
        ..read_settings(policy)?
    })
}

/// Reads what a policy says for the whole host or for a port.
fn read_settings(policy: &At<'_, '_>) -> Result<Policy, Unreadable> {
    let pool = policy.field("connectionPool");
    let (tcp, http) = (pool.field("tcp"), pool.field("http"));
    let balancer = policy.field("loadBalancer");
    let tls = policy.field("tls");
    Ok(Policy {
        has_pool: !pool.is_absent(),
        max_connections: tcp.field("maxConnections").count()?,
        connect_timeout: word(&tcp, "connectTimeout")?,
        http1_max_pending_requests: http.field("http1MaxPendingRequests").count()?,
        http2_max_requests: http.field("http2MaxRequests").count()?,
        max_requests_per_connection: http.field("maxRequestsPerConnection").count()?,
        max_retries: http.field("maxRetries").count()?,
        max_concurrent_streams: http.field("maxConcurrentStreams").count()?,
        idle_timeout: match word(&http, "idleTimeout")? {
            None => word(&tcp, "idleTimeout")?,
            written => written,
        },
        h2_upgrade: word(&http, "h2UpgradePolicy")?,
        outlier: read_outlier(&policy.field("outlierDetection"))?,
        load_balancer: word(&balancer, "simple")?,
        tls_mode: word(&tls, "mode")?,
        ports: Vec::new(),
    })
}

fn read_outlier(outlier: &At<'_, '_>) -> Result<Option<Outlier>, Unreadable> {
    if outlier.is_absent() {
        return Ok(None);
    }
    outlier.object()?;
    let older = outlier.field("consecutiveErrors").count()?;
    Ok(Some(Outlier {
        consecutive_5xx_errors: outlier.field("consecutive5xxErrors").count()?.or(older),
        consecutive_gateway_errors: outlier.field("consecutiveGatewayErrors").count()?,
        consecutive_local_origin_failures: outlier
            .field("consecutiveLocalOriginFailures")
            .count()?,
        interval: word(outlier, "interval")?,
        base_ejection_time: word(outlier, "baseEjectionTime")?,
        max_ejection_percent: outlier.field("maxEjectionPercent").count()?,
        min_health_percent: outlier.field("minHealthPercent").count()?,
    }))
}

fn word<'v>(at: &At<'_, 'v>, key: &'v str) -> Result<Option<String>, Unreadable> {
    Ok(at.field(key).word()?.map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rule(name: &str, spec: Value) -> DestinationRule {
        let meta = json!({"name": name, "namespace": "default"});
        DestinationRule::read(&json!({"metadata": meta, "spec": spec})).unwrap()
    }

    fn breaker() -> DestinationRule {
        rule(
            "backend-circuit-breaker",
            json!({"host": "backend", "trafficPolicy": {
                "connectionPool": {
                    "tcp": {"maxConnections": 100},
                    "http": {"h2UpgradePolicy": "DEFAULT", "maxRequestsPerConnection": 10, "http1MaxPendingRequests": 50, "http2MaxRequests": 100}
                },
                "outlierDetection": {"consecutive5xxErrors": 3, "interval": "30s", "baseEjectionTime": "60s", "maxEjectionPercent": 50}
            }}),
        )
    }

    fn versions(policy: bool) -> DestinationRule {
        let mut spec = json!({"host": "backend", "subsets": [
            {"name": "v1", "labels": {"version": "v1"}},
            {"name": "v2", "labels": {"version": "v2"}, "trafficPolicy": {}}
        ]});
        if policy {
            spec["trafficPolicy"] =
                json!({"connectionPool": {"http": {"h2UpgradePolicy": "DEFAULT"}}});
        }
        rule("backend-destination", spec)
    }

    #[test]
    fn a_breaker_is_read_with_what_it_writes() {
        let policy = breaker().policy;
        assert_eq!(policy.max_connections, Some(100));
        assert_eq!(policy.http1_max_pending_requests, Some(50));
        assert_eq!(policy.max_retries, None);
        let outlier = policy.outlier.unwrap();
        assert_eq!(outlier.consecutive_5xx_errors, Some(3));
        assert_eq!(outlier.base_ejection_time.as_deref(), Some("60s"));
    }

    #[test]
    fn the_first_policy_counts_whole_and_the_breaker_behind_it_never() {
        let (versions, breaker) = (versions(true), breaker());
        let merged = merge(&[&versions, &breaker]);
        assert_eq!((merged.policy_of, merged.ineffective), (0, vec![1]));
        assert_eq!(merged.policy_lost, [1]);
        let merged = merge(&[&breaker, &versions]);
        assert_eq!(merged.policy_of, 0);
        assert_eq!(merged.ineffective, [0usize; 0], "its subsets still hold");
        assert_eq!(merged.policy_lost, [1]);
        assert_eq!(merged.subsets["v2"].0, 1);
    }

    #[test]
    fn a_breaker_applies_where_the_rule_before_it_has_no_policy() {
        let (versions, breaker) = (versions(false), breaker());
        let merged = merge(&[&versions, &breaker]);
        assert_eq!(merged.policy_of, 1);
        assert!(merged.ineffective.is_empty() && merged.policy_lost.is_empty());
    }

    #[test]
    fn a_rule_for_some_callers_says_nothing_to_the_others() {
        let mut own = rule(
            "own",
            json!({"host": "backend", "workloadSelector": {"matchLabels": {"app": "web"}},
                "trafficPolicy": {}, "subsets": [{"name": "v1", "labels": {"version": "v9"}}]}),
        );
        own.namespace = "default".to_owned();
        let versions = versions(true);
        let rules = [&own, &versions];
        let merged = merge(&rules);
        assert_eq!((merged.policy_of, merged.ineffective), (1, vec![]));
        assert_eq!(merged.subsets["v1"].0, 1);
        let labels = |app: &str| BTreeMap::from([("app".to_owned(), app.to_owned())]);
        let web = merge_for(&rules, "default", &labels("web"));
        assert_eq!(
            (web.policy_of, web.subsets["v1"].0, web.subsets["v2"].0),
            (0, 0, 1)
        );
        let cron = merge_for(&rules, "default", &labels("cron"));
        assert_eq!((cron.policy_of, cron.subsets["v1"].0), (1, 1));
        let away = merge_for(&rules, "shop", &labels("web"));
        assert_eq!((away.policy_of, away.subsets["v1"].0), (1, 1));
    }

    #[test]
    fn a_subset_that_is_named_twice_is_refused() {
        let twice = rule(
            "twice",
            json!({"host": "backend", "subsets": [{"name": "v1"}, {"name": "v1"}]}),
        );
        let refusal = twice.refusal().unwrap();
        assert_eq!(
            refusal.to_string(),
            "/spec/subsets/1: is a second subset v1"
        );
        assert_eq!(versions(true).refusal(), None);
    }
}
