//! What proxies cost: samples and the cluster's templates in, workloads and sums out. Pure.

use std::collections::BTreeMap;

use crate::api;
use crate::api::sidecars::{Cost, Fit, ProxyKind, Resources, WorkloadProxies};
use crate::api::{InventoryQuery, Notice};
use crate::inventory::{Inventory, ProxyResources, Workload};
use crate::telemetry::{Proxies, ProxySample};
use crate::units::six_digits;

/// What a sidecar takes as a rule, in bytes: 50 to 100 MB.
pub const RULE_OF_THUMB: [f64; 2] = [50e6, 100e6];
/// A pod that takes more than this share of its limit is about to be killed.
const NEAR: f64 = 0.9;

/// Returns what the proxies of the namespaces asked for cost.
pub fn answer(
    samples: &[ProxySample],
    ask: &Proxies,
    query: &InventoryQuery,
    inventory: Option<&Inventory>,
    notices: Vec<Notice>,
) -> api::sidecars::Sidecars {
    let mut by_workload: BTreeMap<(String, String), Vec<&ProxySample>> = BTreeMap::new();
    for sample in samples.iter().filter(|s| query.lists(s.namespace.as_str())) {
        let namespace = sample.namespace.as_str();
        let workload = workload_of(namespace, &sample.pod, inventory);
        let place = (namespace.to_owned(), workload);
        by_workload.entry(place).or_default().push(sample);
    }
    let mut items = Vec::new();
    let mut namespaces: BTreeMap<String, Cost> = BTreeMap::new();
    let mut total = Cost::default();
    for (place, samples) in by_workload {
        let workload = inventory.and_then(|it| it.workloads.get(&place));
        let kind = kind_of(&place.1, workload);
        let (namespace, name) = place;
        if kind == ProxyKind::Sidecar {
            let cost = namespaces.entry(namespace.clone()).or_default();
            for sample in &samples {
                add(cost, sample);
                add(&mut total, sample);
            }
        }
        items.push(row(namespace, name, kind, &samples, workload));
    }
    let most = |item: &WorkloadProxies| item.memory_most_bytes.unwrap_or(-1.0);
    items.sort_by(|a, b| {
        (most(b).total_cmp(&most(a))).then_with(|| (a.fit, &a.id).cmp(&(b.fit, &b.id)))
    });
    let namespaces = namespaces.into_iter().map(|(namespace, cost)| Cost {
        namespace,
        ..rounded(cost)
    });
    api::sidecars::Sidecars {
        items,
        namespaces: namespaces.collect(),
        total: rounded(total),
        rule_of_thumb_bytes: RULE_OF_THUMB,
        notices,
        window_s: ask.window.secs(),
        at_ms: ask.at.0,
    }
}

/// Returns the workload of a pod: what the cluster says, else the longest of its workloads' names that the
/// pod's begins with, else the pod's name without what Kubernetes adds to it.
pub fn workload_of(namespace: &str, pod: &str, inventory: Option<&Inventory>) -> String {
    let known = inventory.and_then(|inventory| {
        let place = (namespace.to_owned(), pod.to_owned());
        let said = inventory
            .pods
            .get(&place)
            .and_then(|pod| pod.workload.clone());
        said.or_else(|| {
            let from = (namespace.to_owned(), String::new());
            let here = inventory.workloads.range(from..).map(|(place, _)| place);
            here.take_while(|place| place.0 == namespace)
                .map(|place| place.1.as_str())
                .filter(|name| is_of(pod, name))
                .max_by_key(|name| name.len())
                .map(str::to_owned)
        })
    });
    known.unwrap_or_else(|| without_suffix(pod).to_owned())
}

fn is_of(pod: &str, workload: &str) -> bool {
    let rest = pod.strip_prefix(workload);
    rest.is_some_and(|rest| rest.starts_with('-') && rest.len() > 1)
}

/// Kubernetes writes its random names with these letters: no vowels, so that no words come out.
fn is_random(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || b"bcdfghjklmnpqrstvwxz".contains(&b))
}

/// Returns a pod's name without what Kubernetes adds: `-hash-random` of a Deployment, `-random` of a
/// DaemonSet, `-0` of a StatefulSet.
fn without_suffix(pod: &str) -> &str {
    let Some((rest, last)) = pod.rsplit_once('-') else {
        return pod;
    };
    if last.len() < 4 && last.bytes().all(|b| b.is_ascii_digit()) && !last.is_empty() {
        return rest;
    }
    if last.len() != 5 || !is_random(last) {
        return pod;
    }
    match rest.rsplit_once('-') {
        Some((name, hash)) if (6..=10).contains(&hash.len()) && is_random(hash) => name,
        _ => rest,
    }
}

/// Returns what the proxies of a workload are for, by its labels; without a cluster by its name.
pub fn kind_of(name: &str, workload: Option<&Workload>) -> ProxyKind {
    let label = |key: &str| workload.and_then(|w| w.labels.get(key)).map(String::as_str);
    if label("app") == Some("ztunnel") || name == "ztunnel" {
        return ProxyKind::Node;
    }
    let managed = label("gateway.istio.io/managed").unwrap_or_default();
    if managed.contains("mesh-controller") || (workload.is_none() && name.ends_with("waypoint")) {
        return ProxyKind::Waypoint;
    }
    let is_gateway = label("gateway.networking.k8s.io/gateway-name").is_some()
        || label("istio").is_some_and(|it| it.contains("gateway"));
    let sounds_so = name.ends_with("gateway") || name.contains("ingressgateway");
    match is_gateway || (workload.is_none() && sounds_so) {
        true => ProxyKind::Gateway,
        false => ProxyKind::Sidecar,
    }
}

fn row(
    namespace: String,
    workload: String,
    kind: ProxyKind,
    samples: &[&ProxySample],
    object: Option<&Workload>,
) -> WorkloadProxies {
    let told = |figure: fn(&ProxySample) -> Option<f64>| -> Vec<f64> {
        samples.iter().filter_map(|sample| figure(sample)).collect()
    };
    let sum = |figures: &[f64]| (!figures.is_empty()).then(|| six_digits(figures.iter().sum()));
    let most = |figures: &[f64]| {
        figures
            .iter()
            .copied()
            .max_by(f64::total_cmp)
            .map(six_digits)
    };
    let memory = told(|s| s.memory_bytes);
    let cpu = told(|s| s.cpu_cores);
    let resources = object.map(|it| it.proxy).unwrap_or_default();
    let most_memory = most(&memory);
    let (fit, reason) = judged(kind, most_memory, &resources);
    WorkloadProxies {
        id: format!("{namespace}/{workload}"),
        namespace,
        workload,
        kind,
        pods: samples.len() as u32,
        memory_bytes: sum(&memory),
        memory_pods: memory.len() as u32,
        memory_per_pod_bytes: sum(&memory).map(|sum| six_digits(sum / memory.len() as f64)),
        memory_most_bytes: most_memory,
        cpu_cores: sum(&cpu),
        cpu_most_cores: most(&cpu),
        allocated_bytes: sum(&told(|s| s.allocated_bytes)),
        limits: Resources {
            memory_bytes: resources.memory_limit.map(|n| six_digits(n as f64)),
            cpu_cores: resources.cpu_limit,
        },
        requests: Resources {
            memory_bytes: resources.memory_request.map(|n| six_digits(n as f64)),
            cpu_cores: resources.cpu_request,
        },
        fit,
        reason,
    }
}

fn judged(kind: ProxyKind, most: Option<f64>, resources: &ProxyResources) -> (Fit, String) {
    let Some(most) = most else {
        let why = "No metric tells the memory of these containers.";
        return (Fit::Unknown, why.to_owned());
    };
    if let Some(limit) = resources
        .memory_limit
        .map(|n| n as f64)
        .filter(|n| *n > 0.0)
    {
        let share = 100.0 * most / limit;
        if most >= limit * NEAR {
            let why = format!("A pod takes {share:.0} % of its limit: past it, it is killed.");
            return (Fit::NearLimit, why);
        }
        if kind == ProxyKind::Sidecar && most > RULE_OF_THUMB[1] {
            let why = format!("A pod takes more than 100 MB, {share:.0} % of its limit.");
            return (Fit::Above, why);
        }
        let fit = if most < RULE_OF_THUMB[0] {
            Fit::Below
        } else {
            Fit::Within
        };
        return (
            fit,
            format!("The largest pod takes {share:.0} % of its limit."),
        );
    }
    if kind != ProxyKind::Sidecar {
        let why = "The rule of thumb is for sidecars; no limit is written.";
        return (Fit::Within, why.to_owned());
    }
    let (fit, why) = match most {
        most if most > RULE_OF_THUMB[1] => (
            Fit::Above,
            "A pod takes more than 100 MB: many services to know of, or many connections.",
        ),
        most if most < RULE_OF_THUMB[0] => (Fit::Below, "All pods take less than 50 MB."),
        _ => (Fit::Within, "All pods take what a sidecar takes as a rule."),
    };
    (fit, why.to_owned())
}

fn add(cost: &mut Cost, sample: &ProxySample) {
    cost.pods += 1;
    if let Some(bytes) = sample.memory_bytes {
        cost.memory_pods += 1;
        *cost.memory_bytes.get_or_insert(0.0) += bytes;
    }
    if let Some(cores) = sample.cpu_cores {
        *cost.cpu_cores.get_or_insert(0.0) += cores;
    }
}

fn rounded(cost: Cost) -> Cost {
    Cost {
        memory_bytes: cost.memory_bytes.map(six_digits),
        cpu_cores: cost.cpu_cores.map(six_digits),
        by_rule_bytes: RULE_OF_THUMB.map(|bytes| six_digits(bytes * f64::from(cost.memory_pods))),
        ..cost
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{UnixMillis, Window};
    use serde_json::json;

    fn sample(namespace: &str, pod: &str, megabytes: Option<f64>) -> ProxySample {
        ProxySample {
            namespace: namespace.into(),
            pod: pod.to_owned(),
            memory_bytes: megabytes.map(|mb| mb * 1e6),
            cpu_cores: Some(0.01),
            allocated_bytes: None,
        }
    }

    fn told(
        samples: &[ProxySample],
        query: &InventoryQuery,
        inventory: Option<&Inventory>,
    ) -> api::sidecars::Sidecars {
        let ask = Proxies {
            window: Window::default(),
            at: UnixMillis(0),
        };
        answer(samples, &ask, query, inventory, Vec::new())
    }

    #[test]
    fn a_pods_name_tells_its_workload() {
        for (pod, workload) in [
            ("backend-v1-7d9f8b6c5d-x2kqz", "backend-v1"),
            ("ztunnel-x2kqz", "ztunnel"),
            ("redis-0", "redis"),
            ("redis-12", "redis"),
            ("plain", "plain"),
            ("some-thing", "some-thing"),
        ] {
            assert_eq!(workload_of("shop", pod, None), workload, "{pod}");
        }
        let deployment = |name: &str| {
            json!({"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": name, "namespace": "shop"},
                "spec": {"template": {"metadata": {"labels": {"app": name}}}}})
        };
        let objects = [deployment("web"), deployment("web-admin")];
        let inventory = Inventory::read(objects.iter());
        let of = |pod| workload_of("shop", pod, Some(&inventory));
        assert_eq!(of("web-admin-abc-1"), "web-admin");
        assert_eq!(of("web-7d9f8b6c5d-x2kqz"), "web");
        assert_eq!(of("other-7d9f8b6c5d-x2kqz"), "other");
    }

    #[test]
    fn what_is_not_measured_is_no_zero_and_gateways_are_no_sidecars() {
        let samples = [
            sample("shop", "web-7d9f8b6c5d-x2kqz", Some(60.0)),
            sample("shop", "web-7d9f8b6c5d-b4kqz", Some(130.0)),
            sample("shop", "cart-7d9f8b6c5d-x2kqz", None),
            sample(
                "istio-system",
                "istio-ingressgateway-7d9f8b6c5d-x2kqz",
                Some(90.0),
            ),
        ];
        let all = told(&samples, &InventoryQuery::default(), None);
        assert_eq!(all.items[0].id, "shop/web");
        assert_eq!(all.items[0].fit, Fit::Above);
        assert_eq!(all.items[0].memory_bytes, Some(190e6));
        assert_eq!(all.items[0].memory_per_pod_bytes, Some(95e6));
        assert_eq!(all.items[1].kind, ProxyKind::Gateway);
        assert_eq!(all.items[2].memory_bytes, None);
        assert_eq!(all.items[2].fit, Fit::Unknown);
        assert_eq!(all.namespaces.len(), 1);
        assert_eq!((all.total.pods, all.total.memory_pods), (3, 2));
        assert_eq!(all.total.memory_bytes, Some(190e6));
        assert_eq!(all.total.by_rule_bytes, [100e6, 200e6]);
        let query = InventoryQuery {
            namespaces: vec!["istio-system".to_owned()],
            ..InventoryQuery::default()
        };
        let some = told(&samples, &query, None);
        assert_eq!(some.items.len(), 1);
        assert_eq!(some.total.memory_bytes, None);
    }

    #[test]
    fn a_limit_counts_before_the_rule_of_thumb() {
        let object = json!({"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"template": {"metadata": {"annotations": {"sidecar.istio.io/proxyMemoryLimit": "128Mi"}}}}});
        let inventory = Inventory::read([object].iter());
        let fit = |mb| {
            let samples = [sample("shop", "web-7d9f8b6c5d-x2kqz", Some(mb))];
            let told = told(&samples, &InventoryQuery::default(), Some(&inventory));
            assert_eq!(told.items[0].limits.memory_bytes, Some(134_218_000.0));
            told.items[0].fit
        };
        assert_eq!(fit(30.0), Fit::Below);
        assert_eq!(fit(70.0), Fit::Within);
        assert_eq!(fit(110.0), Fit::Above);
        assert_eq!(fit(130.0), Fit::NearLimit);
    }
}
