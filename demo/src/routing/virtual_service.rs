//! The fields of a VirtualService that decide where a call goes.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Abort, AbortStatus, Age, Delay, Request, full_host, holds, spec, specificity};
use crate::objects::place;
use crate::world::Complaint;

/// A VirtualService.
pub(super) struct VirtualService {
    pub(super) namespace: String,
    pub(super) age: Age,
    hosts: Vec<String>,
    /// `namespace/name`, or `mesh`.
    gateways: Vec<String>,
    /// In the order in which they are tried.
    pub(super) http: Vec<HttpRoute>,
    /// What is written but has no effect in the demo.
    pub(super) complaints: Vec<Complaint>,
}

/// One rule.
pub(super) struct HttpRoute {
    matches: Vec<Match>,
    pub(super) delay: Option<Delay>,
    pub(super) abort: Option<Abort>,
    /// The status with which the proxy answers itself.
    pub(super) answer: Option<u16>,
    route: Vec<Weighted>,
}

#[derive(Deserialize)]
struct Spec {
    #[serde(default)]
    hosts: Vec<String>,
    #[serde(default)]
    gateways: Vec<String>,
    #[serde(default)]
    http: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    #[serde(default, rename = "match")]
    matches: Vec<Match>,
    #[serde(default)]
    route: Vec<Weighted>,
    fault: Option<Fault>,
    direct_response: Option<DirectResponse>,
    redirect: Option<Redirect>,
    delegate: Option<Value>,
    /// Everything else that Istio knows of a rule.
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// What Envoy would do differently but the demo does not simulate.
const WITHOUT_EFFECT: [&str; 5] = [
    "mirror",
    "mirrors",
    "retries",
    "timeout",
    "mirrorPercentage",
];

/// Conditions; all must hold. An unknown one makes the whole object unreadable: to guess would be to
/// route wrongly.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Match {
    uri: Option<StringMatch>,
    #[serde(default)]
    ignore_uri_case: bool,
    method: Option<StringMatch>,
    authority: Option<StringMatch>,
    #[serde(default)]
    headers: BTreeMap<String, StringMatch>,
    #[serde(default)]
    without_headers: BTreeMap<String, StringMatch>,
    #[serde(default)]
    source_labels: BTreeMap<String, String>,
    source_namespace: Option<String>,
    #[serde(default)]
    gateways: Vec<String>,
    #[serde(default, rename = "name")]
    _name: Option<String>,
    #[serde(default, rename = "statPrefix")]
    _stat_prefix: Option<String>,
}

/// How a text must look; none of the three means that it must be there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StringMatch {
    exact: Option<String>,
    prefix: Option<String>,
    regex: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Weighted {
    destination: Target,
    weight: Option<i32>,
}

/// A destination as it is written.
#[derive(Deserialize)]
pub(super) struct Target {
    pub(super) host: String,
    pub(super) subset: Option<String>,
    #[serde(default, deserialize_with = "port_number")]
    pub(super) port: Option<u16>,
}

#[derive(Deserialize)]
struct Fault {
    delay: Option<DelaySpec>,
    abort: Option<AbortSpec>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DelaySpec {
    percentage: Option<Percentage>,
    percent: Option<f64>,
    fixed_delay: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AbortSpec {
    percentage: Option<Percentage>,
    http_status: Option<u16>,
    grpc_status: Option<String>,
}

#[derive(Deserialize)]
struct Percentage {
    #[serde(default)]
    value: f64,
}

#[derive(Deserialize)]
struct DirectResponse {
    status: u16,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Redirect {
    redirect_code: Option<u16>,
}

impl VirtualService {
    pub(super) fn read(object: &Value) -> Result<VirtualService, String> {
        let (_, namespace, _) = place(object);
        let spec: Spec = spec(object)?;
        if spec.hosts.is_empty() {
            return Err("it has no hosts".to_owned());
        }
        let mut complaints = Vec::new();
        let mut http = Vec::new();
        for (idx, rule) in spec.http.into_iter().enumerate() {
            for field in WITHOUT_EFFECT {
                if rule.rest.contains_key(field) {
                    let reason = format!("http/{idx}: `{field}` has no effect in the demo");
                    complaints.push(Complaint::of(object, &reason));
                }
            }
            http.push(rule.checked().map_err(|why| format!("http/{idx}: {why}"))?);
        }
        let gateways = if spec.gateways.is_empty() {
            vec![MESH.to_owned()]
        } else {
            let full = |gateway: &String| full_gateway(gateway, namespace);
            spec.gateways.iter().map(full).collect()
        };
        Ok(VirtualService {
            namespace: namespace.to_owned(),
            age: Age::of(object),
            hosts: spec
                .hosts
                .iter()
                .map(|host| full_host(host, namespace))
                .collect(),
            gateways,
            http,
            complaints,
        })
    }

    /// Returns whether sidecars follow it. Without HTTP rules it says nothing about HTTP.
    pub(super) fn is_bound_to_mesh(&self) -> bool {
        !self.http.is_empty() && self.gateways.iter().any(|g| g == MESH)
    }

    /// Returns whether a Gateway, written `namespace/name`, follows it.
    pub(super) fn is_bound_to(&self, gateway: &str) -> bool {
        !self.http.is_empty() && self.gateways.iter().any(|g| g == gateway)
    }

    /// Returns how specifically it names `host`.
    pub(super) fn specificity(&self, host: &str) -> Option<usize> {
        self.hosts
            .iter()
            .filter_map(|pattern| specificity(pattern, host))
            .max()
    }
}

impl Rule {
    fn checked(self) -> Result<HttpRoute, String> {
        if self.delegate.is_some() {
            return Err("`delegate` is not simulated".to_owned());
        }
        for condition in &self.matches {
            condition.check()?;
        }
        let weights = || self.route.iter().map(|w| i64::from(w.weight.unwrap_or(0)));
        if weights().any(|weight| weight < 0) {
            return Err("a weight is below 0".to_owned());
        }
        if 1 < self.route.len() && weights().sum::<i64>() == 0 {
            return Err("the weights add up to 0".to_owned());
        }
        let answer = self
            .direct_response
            .map(|direct| direct.status)
            .or_else(|| self.redirect.map(|r| r.redirect_code.unwrap_or(301)));
        if self.route.is_empty() && answer.is_none() {
            return Err("it has neither destinations nor an answer of its own".to_owned());
        }
        let fault = self.fault;
        let (delay, abort) = match fault {
            Some(fault) => (
                fault.delay.map(DelaySpec::checked).transpose()?,
                fault.abort.map(AbortSpec::checked).transpose()?,
            ),
            None => (None, None),
        };
        Ok(HttpRoute {
            matches: self.matches,
            delay,
            abort,
            answer,
            route: self.route,
        })
    }
}

impl HttpRoute {
    /// Returns whether the rule takes the call: one of its conditions holds, or it has none.
    ///
    /// `at` is where the call is routed: `mesh`, or the gateways that serve it.
    pub(super) fn matches(
        &self,
        owner: &VirtualService,
        at: &[String],
        request: &Request<'_>,
    ) -> bool {
        self.matches.is_empty() || self.matches.iter().any(|m| m.holds(owner, at, request))
    }

    /// Returns whether it takes every call.
    pub(super) fn catches_all(&self) -> bool {
        self.matches.is_empty() || self.matches.iter().any(Match::is_empty)
    }

    /// Returns the destinations that take calls, with their weights. A lone destination takes all
    /// whatever its weight says; among several an absent weight is 0.
    pub(super) fn shares(&self) -> Vec<(u64, &Target)> {
        if let [lone] = self.route.as_slice() {
            return vec![(1, &lone.destination)];
        }
        self.route
            .iter()
            .map(|w| {
                (
                    u64::from(w.weight.unwrap_or(0).unsigned_abs()),
                    &w.destination,
                )
            })
            .filter(|(weight, _)| 0 < *weight)
            .collect()
    }
}

impl Match {
    fn check(&self) -> Result<(), String> {
        let texts = [&self.uri, &self.method, &self.authority];
        texts
            .into_iter()
            .flatten()
            .chain(self.headers.values())
            .chain(self.without_headers.values())
            .all(|text| text.regex.is_none())
            .then_some(())
            .ok_or_else(|| "regular expressions are not simulated".to_owned())
    }

    fn is_empty(&self) -> bool {
        let any_path = self
            .uri
            .as_ref()
            .is_none_or(|uri| uri.prefix.as_deref() == Some("/"));
        any_path
            && self.method.is_none()
            && self.authority.is_none()
            && self.headers.is_empty()
            && self.without_headers.is_empty()
            && self.source_labels.is_empty()
            && self.source_namespace.is_none()
    }

    fn holds(&self, owner: &VirtualService, at: &[String], request: &Request<'_>) -> bool {
        let header = |name: &str| {
            let found = request
                .headers
                .iter()
                .find(|(n, _)| name.eq_ignore_ascii_case(n));
            found.map(|(_, value)| *value)
        };
        let here = |gateway: &String| at.contains(&full_gateway(gateway, &owner.namespace));
        let path = |uri: &StringMatch| {
            let path = request.path.split('?').next().unwrap_or_default();
            uri.takes(path, self.ignore_uri_case)
        };
        (self.gateways.is_empty() || self.gateways.iter().any(here))
            && self.uri.as_ref().is_none_or(path)
            && self
                .method
                .as_ref()
                .is_none_or(|m| m.takes(request.method, false))
            && self
                .authority
                .as_ref()
                .is_none_or(|m| m.takes(request.host, false))
            && self
                .headers
                .iter()
                .all(|(name, m)| header(name).is_some_and(|value| m.takes(value, false)))
            && self
                .without_headers
                .iter()
                .all(|(name, m)| !header(name).is_some_and(|value| m.takes(value, false)))
            && holds(request.labels, &self.source_labels)
            && self
                .source_namespace
                .as_ref()
                .is_none_or(|n| n == request.namespace)
    }
}

impl StringMatch {
    fn takes(&self, text: &str, ignore_case: bool) -> bool {
        let fold = |text: &str| {
            if ignore_case {
                text.to_lowercase()
            } else {
                text.to_owned()
            }
        };
        let text = fold(text);
        self.exact.as_ref().is_none_or(|exact| fold(exact) == text)
            && self
                .prefix
                .as_ref()
                .is_none_or(|prefix| text.starts_with(&fold(prefix)))
    }
}

impl DelaySpec {
    fn checked(self) -> Result<Delay, String> {
        let text = self.fixed_delay.ok_or("a fault has no `fixedDelay`")?;
        let ms = duration_ms(&text).ok_or_else(|| format!("`{text}` is not a duration"))?;
        let percent = self.percentage.map(|p| p.value).or(self.percent);
        Ok(Delay {
            share: share(percent)?,
            ms,
        })
    }
}

impl AbortSpec {
    fn checked(self) -> Result<Abort, String> {
        let status = match (self.http_status, self.grpc_status) {
            (Some(status), None) if (200..=599).contains(&status) => AbortStatus::Http(status),
            (None, Some(name)) => AbortStatus::Grpc(
                grpc_status(&name).ok_or_else(|| format!("`{name}` is not a gRPC status"))?,
            ),
            _ => {
                return Err(
                    "a fault needs one `httpStatus` of 200 to 599 or one `grpcStatus`".to_owned(),
                );
            }
        };
        Ok(Abort {
            share: share(self.percentage.map(|p| p.value))?,
            status,
        })
    }
}

/// Returns the share of a percentage. Absent means that no call is touched.
fn share(percent: Option<f64>) -> Result<f64, String> {
    let percent = percent.unwrap_or(0.0);
    if !(0.0..=100.0).contains(&percent) {
        return Err(format!("{percent} is not a percentage"));
    }
    Ok(percent / 100.0)
}

/// The word for all sidecars among gateways.
pub(super) const MESH: &str = "mesh";

/// Returns `namespace/name` of a gateway as a VirtualService of `namespace` means it.
fn full_gateway(gateway: &str, namespace: &str) -> String {
    if gateway == MESH || gateway.contains('/') {
        gateway.to_owned()
    } else {
        format!("{namespace}/{gateway}")
    }
}

/// Returns the milliseconds of a duration such as `1h30m`, `2.5s` or `100ms`.
fn duration_ms(text: &str) -> Option<f64> {
    let mut rest = text;
    let mut total = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let unit_ms = match unit {
            "h" => 3_600_000.0,
            "m" => 60_000.0,
            "s" => 1000.0,
            "ms" => 1.0,
            "us" => 0.001,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * unit_ms;
        rest = tail;
    }
    // Envoy takes no delay below a millisecond; beyond a day nothing is left to see.
    (1.0..=86_400_000.0).contains(&total).then_some(total)
}

/// Returns the number of a gRPC status by its name or number.
fn grpc_status(text: &str) -> Option<u16> {
    const NAMES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    let by_name = NAMES.iter().position(|name| *name == text);
    let by_number = || text.parse::<usize>().ok().filter(|n| *n < NAMES.len());
    by_name
        .or_else(by_number)
        .and_then(|n| u16::try_from(n).ok())
}

fn port_number<'de, D: serde::Deserializer<'de>>(port: D) -> Result<Option<u16>, D::Error> {
    #[derive(Deserialize)]
    struct Port {
        number: Option<u16>,
    }
    Ok(Option::<Port>::deserialize(port)?.and_then(|port| port.number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_statuses_are_read_as_istio_reads_them() {
        assert_eq!(duration_ms("5s"), Some(5000.0));
        assert_eq!(duration_ms("1m30.5s"), Some(90_500.0));
        assert_eq!(duration_ms("100ms"), Some(100.0));
        for bad in ["", "5", "s", "-1s", "1d", "0s", "1.2.3s", "9999h"] {
            assert_eq!(duration_ms(bad), None, "{bad}");
        }
        assert_eq!(grpc_status("UNAVAILABLE"), Some(14));
        assert_eq!(grpc_status("14"), Some(14));
        assert_eq!(grpc_status("BUSY"), None);
    }
}
