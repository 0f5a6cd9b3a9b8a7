//! The fields of a VirtualService that decide where a call goes.

use serde::Deserialize;
use serde_json::Value;

use super::conditions::Match;
use super::fault::Fault;
use super::fields::{Age, duration_ms, spec};
use super::hosts::{full_host, specificity};
use super::mirror::{MirrorSpec, MirrorTarget};
use super::retries::{Retries, RetrySpec};
use super::{Abort, Delay, Request};
use crate::objects::place;

/// A VirtualService.
pub(super) struct VirtualService {
    pub(super) namespace: String,
    pub(super) age: Age,
    hosts: Vec<String>,
    /// `namespace/name`, or `mesh`.
    gateways: Vec<String>,
    /// In the order in which they are tried.
    pub(super) http: Vec<HttpRoute>,
}

/// One rule.
pub(super) struct HttpRoute {
    matches: Vec<Match>,
    pub(super) delay: Option<Delay>,
    pub(super) abort: Option<Abort>,
    pub(super) retries: Option<Retries>,
    pub(super) timeout_ms: Option<f64>,
    pub(super) mirrors: Vec<MirrorTarget>,
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
    retries: Option<RetrySpec>,
    timeout: Option<String>,
    #[serde(flatten)]
    mirrors: MirrorSpec,
    direct_response: Option<DirectResponse>,
    redirect: Option<Redirect>,
    delegate: Option<Value>,
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
        let mut http = Vec::new();
        for (idx, rule) in spec.http.into_iter().enumerate() {
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
        let (delay, abort) = match self.fault {
            Some(fault) => fault.checked()?,
            None => (None, None),
        };
        Ok(HttpRoute {
            matches: self.matches,
            delay,
            abort,
            retries: match self.retries {
                Some(written) => written.checked()?,
                None => Some(Retries::default()),
            },
            timeout_ms: self.timeout.map(|text| duration_ms(&text)).transpose()?,
            mirrors: self.mirrors.checked()?,
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

    /// Returns whether it takes every call that this caller may make.
    pub(super) fn catches_all(
        &self,
        owner: &VirtualService,
        at: &[String],
        request: &Request<'_>,
    ) -> bool {
        self.matches.is_empty()
            || self
                .matches
                .iter()
                .any(|m| m.takes_any_call() && m.concerns(owner, at, request))
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

/// The word for all sidecars among gateways.
pub(super) const MESH: &str = "mesh";

/// Returns `namespace/name` of a gateway as a VirtualService of `namespace` means it.
pub(super) fn full_gateway(gateway: &str, namespace: &str) -> String {
    if gateway == MESH || gateway.contains('/') {
        gateway.to_owned()
    } else {
        format!("{namespace}/{gateway}")
    }
}

fn port_number<'de, D: serde::Deserializer<'de>>(port: D) -> Result<Option<u16>, D::Error> {
    #[derive(Deserialize)]
    struct Port {
        number: Option<u16>,
    }
    Ok(Option::<Port>::deserialize(port)?.and_then(|port| port.number))
}
