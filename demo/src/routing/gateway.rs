//! The fields of a Gateway that routing depends on.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::Request;
use super::fields::{holds, spec};
use super::hosts::specificity;
use super::virtual_service::VirtualService;
use crate::objects::place;

/// A Gateway.
pub(super) struct Gateway {
    namespace: String,
    name: String,
    selector: BTreeMap<String, String>,
    /// `(namespace, host)`; the namespace may be `*`.
    hosts: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Spec {
    #[serde(default)]
    selector: BTreeMap<String, String>,
    #[serde(default)]
    servers: Vec<Server>,
}

#[derive(Deserialize)]
struct Server {
    #[serde(default)]
    hosts: Vec<String>,
}

impl Gateway {
    pub(super) fn read(object: &Value) -> Result<Gateway, String> {
        let (_, namespace, name) = place(object);
        let spec: Spec = spec(object)?;
        let hosts = spec.servers.into_iter().flat_map(|server| server.hosts);
        Ok(Gateway {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            selector: spec.selector,
            hosts: hosts
                .map(|host| match host.split_once('/') {
                    Some((".", host)) => (namespace.to_owned(), host.to_owned()),
                    Some((from, host)) => (from.to_owned(), host.to_owned()),
                    None => ("*".to_owned(), host),
                })
                .collect(),
        })
    }

    /// Returns `namespace/name`.
    pub(super) fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Returns whether the caller is this gateway and it has the host of the call open.
    pub(super) fn serves(&self, request: &Request<'_>) -> bool {
        holds(request.labels, &self.selector)
            && self
                .hosts
                .iter()
                .any(|(_, host)| specificity(host, request.host).is_some())
    }

    /// Returns whether it has the host of the call open for a VirtualService's namespace.
    pub(super) fn takes_routes_of(&self, routes: &VirtualService, request: &Request<'_>) -> bool {
        self.hosts.iter().any(|(namespace, host)| {
            (namespace == "*" || *namespace == routes.namespace)
                && specificity(host, request.host).is_some()
        })
    }
}
