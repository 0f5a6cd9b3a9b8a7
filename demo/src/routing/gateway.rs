//! The fields of a Gateway that routing depends on.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::connections::covers;
use super::fields::{holds, spec};
use super::hosts::specificity;
use super::virtual_service::VirtualService;
use super::{Caller, Request};
use crate::objects::place;

/// A Gateway.
pub(super) struct Gateway {
    namespace: String,
    name: String,
    selector: BTreeMap<String, String>,
    servers: Vec<Server>,
}

/// One port of it, with the hosts that are open there.
struct Server {
    /// Absent where nothing is said: then any.
    port: Option<u16>,
    speaks: Speaks,
    /// `(namespace, host)`; the namespace may be `*`.
    hosts: Vec<(String, String)>,
}

/// What a server makes of what arrives.
#[derive(PartialEq)]
enum Speaks {
    Requests,
    Connections,
    /// TLS, which it does not terminate.
    Sealed,
}

#[derive(Deserialize)]
struct Spec {
    #[serde(default)]
    selector: BTreeMap<String, String>,
    #[serde(default)]
    servers: Vec<ServerSpec>,
}

#[derive(Deserialize)]
struct ServerSpec {
    #[serde(default)]
    hosts: Vec<String>,
    #[serde(default)]
    port: PortSpec,
    tls: Option<TlsSpec>,
}

#[derive(Default, Deserialize)]
struct PortSpec {
    number: Option<u16>,
    protocol: Option<String>,
}

#[derive(Deserialize)]
struct TlsSpec {
    mode: Option<String>,
}

impl Gateway {
    pub(super) fn read(object: &Value) -> Result<Gateway, String> {
        let (_, namespace, name) = place(object);
        let spec: Spec = spec(object)?;
        Ok(Gateway {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            selector: spec.selector,
            servers: spec
                .servers
                .into_iter()
                .map(|server| server.read(namespace))
                .collect(),
        })
    }

    /// Returns `namespace/name`.
    pub(super) fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Returns whether the caller is this gateway.
    pub(super) fn is_at(&self, caller: &Caller<'_>) -> bool {
        holds(caller.labels, &self.selector)
    }

    /// Returns whether the caller is this gateway and it has the host of the call open.
    pub(super) fn serves(&self, request: &Request<'_>) -> bool {
        self.is_at(&request.caller) && self.open_to(request).next().is_some()
    }

    /// Returns whether it has the host of the call open for a VirtualService's namespace.
    pub(super) fn takes_routes_of(&self, routes: &VirtualService, request: &Request<'_>) -> bool {
        self.open_to(request)
            .any(|(namespace, _)| namespace == "*" || *namespace == routes.namespace)
    }

    fn open_to(&self, request: &Request<'_>) -> impl Iterator<Item = &(String, String)> {
        self.servers_at(request.caller.port, Speaks::Requests)
            .flat_map(|server| &server.hosts)
            .filter(|(_, host)| specificity(host, request.host).is_some())
    }

    /// Returns whether connections that come in may follow a VirtualService: one of its hosts is open,
    /// and so is the name that is asked for.
    pub(super) fn passes_to(
        &self,
        routes: &VirtualService,
        caller: &Caller<'_>,
        sni: Option<&str>,
    ) -> bool {
        let speaks = match sni {
            Some(_) => Speaks::Sealed,
            None => Speaks::Connections,
        };
        self.servers_at(caller.port, speaks)
            .flat_map(|server| &server.hosts)
            .any(|(namespace, open)| {
                (namespace == "*" || *namespace == routes.namespace)
                    && sni.is_none_or(|sni| specificity(open, sni).is_some())
                    && routes
                        .hosts
                        .iter()
                        .any(|host| covers(open, host) || covers(host, open))
            })
    }

    fn servers_at(&self, port: u16, speaks: Speaks) -> impl Iterator<Item = &Server> {
        self.servers.iter().filter(move |server| {
            server.speaks == speaks && server.port.is_none_or(|its| its == port)
        })
    }
}

impl ServerSpec {
    fn read(self, namespace: &str) -> Server {
        let mode = self.tls.and_then(|tls| tls.mode).unwrap_or_default();
        let is_sealed = mode.ends_with("PASSTHROUGH");
        let protocol = self.port.protocol.unwrap_or_default().to_uppercase();
        Server {
            port: self.port.number,
            speaks: match protocol.as_str() {
                "HTTPS" | "TLS" if is_sealed => Speaks::Sealed,
                "TCP" | "TLS" | "MONGO" | "MYSQL" | "REDIS" => Speaks::Connections,
                _ => Speaks::Requests,
            },
            hosts: self
                .hosts
                .into_iter()
                .map(|host| match host.split_once('/') {
                    Some((".", host)) => (namespace.to_owned(), host.to_owned()),
                    Some((from, host)) => (from.to_owned(), host.to_owned()),
                    None => ("*".to_owned(), host),
                })
                .collect(),
        }
    }
}
