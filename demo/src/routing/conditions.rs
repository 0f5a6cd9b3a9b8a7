//! The conditions of a VirtualService's HTTP rule.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::fields::holds;
use super::hosts::full_gateway;
use super::patterns::StringMatch;
use super::{Caller, Request};

/// Conditions; all must hold. An unknown one makes the whole object unreadable: to guess would be to
/// route wrongly.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Match {
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
    query_params: BTreeMap<String, StringMatch>,
    port: Option<u16>,
    #[serde(default)]
    source_labels: BTreeMap<String, String>,
    source_namespace: Option<String>,
    /// `namespace/name`, or `mesh`, once their names are whole.
    #[serde(default)]
    gateways: Vec<String>,
    #[serde(default, rename = "name")]
    _name: Option<String>,
    #[serde(default, rename = "statPrefix")]
    _stat_prefix: Option<String>,
}

impl Match {
    /// Names gateways as an object of `namespace` means them.
    pub(super) fn make_whole(&mut self, namespace: &str) {
        for gateway in &mut self.gateways {
            *gateway = full_gateway(gateway, namespace);
        }
    }

    /// Returns whether nothing is asked of a call itself.
    pub(super) fn takes_any_call(&self) -> bool {
        self.uri.as_ref().is_none_or(StringMatch::takes_any_path)
            && self.method.is_none()
            && self.authority.is_none()
            && self.headers.is_empty()
            && self.without_headers.is_empty()
            && self.query_params.is_empty()
    }

    /// Returns whether the caller is one that the conditions are for. Istio decides this when it
    /// configures the caller's proxy, not call by call.
    pub(super) fn concerns(&self, at: &[String], caller: &Caller<'_>) -> bool {
        (self.gateways.is_empty() || self.gateways.iter().any(|gateway| at.contains(gateway)))
            && self.port.is_none_or(|port| port == caller.port)
            && holds(caller.labels, &self.source_labels)
            && self
                .source_namespace
                .as_ref()
                .is_none_or(|n| n == caller.namespace)
    }

    /// Returns whether a call meets the conditions.
    pub(super) fn holds(&self, at: &[String], request: &Request<'_>) -> bool {
        let header = |name: &str| {
            let found = request
                .headers
                .iter()
                .find(|(n, _)| name.eq_ignore_ascii_case(n));
            found.map(|(_, value)| *value)
        };
        let (path, query) = request.path.split_once('?').unwrap_or((request.path, ""));
        let param = |name: &str| {
            let mut params = query
                .split('&')
                .map(|p| p.split_once('=').unwrap_or((p, "")));
            params.find(|(n, _)| *n == name).map(|(_, value)| value)
        };
        let takes = |m: &Option<StringMatch>, text| m.as_ref().is_none_or(|m| m.takes(text, false));
        let uri = self.uri.as_ref();
        self.concerns(at, &request.caller)
            && uri.is_none_or(|uri| uri.takes(path, self.ignore_uri_case))
            && takes(&self.method, request.method)
            && takes(&self.authority, request.host)
            && self
                .headers
                .iter()
                .all(|(name, m)| header(name).is_some_and(|value| m.takes(value, false)))
            && self
                .without_headers
                .iter()
                .all(|(name, m)| !header(name).is_some_and(|value| m.takes(value, false)))
            && self
                .query_params
                .iter()
                .all(|(name, m)| param(name).is_some_and(|value| m.takes(value, false)))
    }

    /// Returns a delegate's condition as it holds behind its root's, `None` where Istio finds that it
    /// lies outside of it.
    pub(super) fn behind(&self, root: &Match) -> Option<Match> {
        let inside = |root: Option<&StringMatch>, part: Option<&StringMatch>| {
            root.zip(part).is_none_or(|(root, part)| root.covers(part))
        };
        let one = |field: fn(&Match) -> &Option<StringMatch>| {
            inside(field(root).as_ref(), field(self).as_ref())
        };
        let all = |field: fn(&Match) -> &BTreeMap<String, StringMatch>| {
            let mut its = field(self).iter();
            its.all(|(name, part)| inside(field(root).get(name), Some(part)))
        };
        let is_inside = one(|m| &m.uri)
            && one(|m| &m.method)
            && one(|m| &m.authority)
            && all(|m| &m.headers)
            && all(|m| &m.without_headers)
            && all(|m| &m.query_params)
            && self.ignore_uri_case == root.ignore_uri_case
            && same(root.port, self.port)
            && same(
                root.source_namespace.as_ref(),
                self.source_namespace.as_ref(),
            )
            && self
                .source_labels
                .iter()
                .all(|(name, value)| root.source_labels.get(name).is_none_or(|v| v == value))
            && (root.gateways.is_empty()
                || self.gateways.iter().all(|g| root.gateways.contains(g)));
        if !is_inside {
            return None;
        }
        let or = |part: &Option<StringMatch>, root: &Option<StringMatch>| {
            part.as_ref().or(root.as_ref()).cloned()
        };
        Some(Match {
            uri: or(&self.uri, &root.uri),
            ignore_uri_case: self.ignore_uri_case,
            method: or(&self.method, &root.method),
            authority: or(&self.authority, &root.authority),
            headers: both(&root.headers, &self.headers),
            without_headers: both(&root.without_headers, &self.without_headers),
            query_params: both(&root.query_params, &self.query_params),
            port: self.port.or(root.port),
            source_labels: both(&root.source_labels, &self.source_labels),
            source_namespace: self
                .source_namespace
                .as_ref()
                .or(root.source_namespace.as_ref())
                .cloned(),
            gateways: if self.gateways.is_empty() {
                root.gateways.clone()
            } else {
                self.gateways.clone()
            },
            _name: None,
            _stat_prefix: None,
        })
    }
}

/// Returns whether two values are the same, or one is not there.
fn same<T: PartialEq>(a: Option<T>, b: Option<T>) -> bool {
    a.is_none() || b.is_none() || a == b
}

/// Returns the entries of both maps; where both have a name, the part's counts.
fn both<T: Clone>(root: &BTreeMap<String, T>, part: &BTreeMap<String, T>) -> BTreeMap<String, T> {
    let all = root.iter().chain(part);
    all.map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
