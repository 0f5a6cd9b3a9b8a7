//! A VirtualService: for which hosts it speaks, where, and with which rules.

use serde::Deserialize;
use serde_json::Value;

use super::connections::ConnectionRule;
use super::fields::{Age, Exports, spec};
use super::hosts::{full_gateway, full_host, specificity};
use super::http_rule::{HttpRoute, HttpRule};
use crate::objects::place;

/// A VirtualService.
pub(super) struct VirtualService {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) age: Age,
    pub(super) exports: Exports,
    /// None in a delegate.
    pub(super) hosts: Vec<String>,
    /// `namespace/name`, or `mesh`.
    gateways: Vec<String>,
    /// HTTP rules as they are written, until delegates are resolved.
    pub(super) rules: Vec<HttpRule>,
    /// In the order in which they are tried.
    pub(super) http: Vec<HttpRoute>,
    pub(super) tcp: Vec<ConnectionRule>,
    pub(super) tls: Vec<ConnectionRule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    #[serde(default)]
    hosts: Vec<String>,
    #[serde(default)]
    gateways: Vec<String>,
    #[serde(default)]
    export_to: Exports,
    #[serde(default)]
    http: Vec<HttpRule>,
    #[serde(default)]
    tcp: Vec<ConnectionRule>,
    #[serde(default)]
    tls: Vec<ConnectionRule>,
}

/// The word for all sidecars among gateways.
pub(super) const MESH: &str = "mesh";

impl VirtualService {
    pub(super) fn read(object: &Value) -> Result<VirtualService, String> {
        let (_, namespace, name) = place(object);
        let mut spec: Spec = spec(object)?;
        let is_delegate = spec.hosts.is_empty();
        if is_delegate && !(spec.gateways.is_empty() && spec.tcp.is_empty() && spec.tls.is_empty())
        {
            return Err("without hosts it is a delegate: it may have HTTP rules alone".to_owned());
        }
        if spec.http.is_empty() && spec.tcp.is_empty() && spec.tls.is_empty() {
            return Err("it has no rules".to_owned());
        }
        let hosts: Vec<String> = spec
            .hosts
            .iter()
            .map(|host| full_host(host, namespace))
            .collect();
        let named = |list: &str, idx: usize, why: String| format!("{list}/{idx}: {why}");
        for (idx, rule) in spec.http.iter_mut().enumerate() {
            rule.check(is_delegate)
                .map_err(|why| named("http", idx, why))?;
            rule.matches
                .iter_mut()
                .for_each(|m| m.make_whole(namespace));
        }
        for (idx, rule) in spec.tcp.iter_mut().enumerate() {
            rule.check_tcp().map_err(|why| named("tcp", idx, why))?;
            rule.make_whole(namespace);
        }
        for (idx, rule) in spec.tls.iter_mut().enumerate() {
            rule.check_tls(&hosts)
                .map_err(|why| named("tls", idx, why))?;
            rule.make_whole(namespace);
        }
        let gateways = if spec.gateways.is_empty() {
            vec![MESH.to_owned()]
        } else {
            let full = |gateway: &String| full_gateway(gateway, namespace);
            spec.gateways.iter().map(full).collect()
        };
        Ok(VirtualService {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            age: Age::of(object),
            exports: spec.export_to,
            hosts,
            gateways,
            rules: spec.http,
            http: Vec::new(),
            tcp: spec.tcp,
            tls: spec.tls,
        })
    }

    /// Returns whether others hand over to it, and it says nothing by itself.
    pub(super) fn is_delegate(&self) -> bool {
        self.hosts.is_empty()
    }

    /// Returns whether `gateway`, written `namespace/name` or `mesh`, follows it in a namespace.
    pub(super) fn is_for(&self, gateway: &str, namespace: &str) -> bool {
        self.gateways.iter().any(|g| g == gateway) && self.exports.reach(&self.namespace, namespace)
    }

    /// Returns how specifically it names `host`.
    pub(super) fn specificity(&self, host: &str) -> Option<usize> {
        self.hosts
            .iter()
            .filter_map(|pattern| specificity(pattern, host))
            .max()
    }
}
