//! The lens on an Istio Gateway: the ports and hosts that a gateway's pods open.
//!
//! Rules: <https://istio.io/latest/docs/reference/config/networking/gateway/>.

use std::collections::BTreeMap;

use serde_json::Value;

use super::lens::{At, Meta, Unreadable};

/// A port that a gateway opens for some hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its number.
    pub port: u16,
    /// Its name.
    pub name: String,
    /// As written: `HTTP`, `HTTPS`, `GRPC`, `HTTP2`, `TLS`, `TCP`, `MONGO`.
    pub protocol: String,
    /// The hosts it opens, as written: `app.example.com`, `*.example.com`, `namespace/host`, `./host`.
    pub hosts: Vec<String>,
    /// Such as `SIMPLE` or `PASSTHROUGH`; `None` without TLS.
    pub tls_mode: Option<String>,
    /// The secret that holds the certificate.
    pub credential_name: Option<String>,
    /// Secrets with further certificates.
    pub credential_names: Vec<String>,
    /// The address it listens on, where it is not each of the pod's.
    pub bind: Option<String>,
    /// Whether it sends whoever comes without TLS to `https`.
    pub redirects_to_https: bool,
}

/// What goes through a port of a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Passes {
    /// Requests, decrypted here where they come encrypted.
    Requests,
    /// TLS as it is: the name asked for is all that is seen.
    Sealed,
    /// Other connections, decrypted here where they come encrypted.
    Connections,
}

impl Server {
    /// Returns what goes through.
    pub fn passes(&self) -> Passes {
        let is = |names: &[&str]| names.iter().any(|n| self.protocol.eq_ignore_ascii_case(n));
        let mode = self.tls_mode.as_deref();
        if matches!(mode, Some("PASSTHROUGH" | "AUTO_PASSTHROUGH")) {
            return Passes::Sealed;
        }
        match is(&["HTTP", "HTTP2", "GRPC", "HTTPS", "HTTP_PROXY", "GRPC-WEB"]) {
            true => Passes::Requests,
            false => Passes::Connections,
        }
    }

    /// Returns the hosts it opens for objects of `namespace`; `own` is the gateway's namespace.
    pub fn hosts_for<'a>(
        &'a self,
        namespace: &'a str,
        own: &'a str,
    ) -> impl Iterator<Item = &'a str> {
        self.hosts.iter().filter_map(move |host| {
            let Some((whose, host)) = host.split_once('/') else {
                return Some(host.as_str());
            };
            let whose = match whose {
                "." => own,
                whose => whose,
            };
            (whose == "*" || whose == namespace).then_some(host)
        })
    }
}

/// What a Gateway says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// When it was created, RFC 3339 as written: such texts sort as the times do. Empty when not said.
    pub created: String,
    /// Labels of the pods that it configures, in any namespace. None: every gateway's pods.
    pub selector: BTreeMap<String, String>,
    /// In the order written.
    pub servers: Vec<Server>,
}

impl Gateway {
    /// Reads an object of Istio's kind; the Gateway API's kind of that name is another.
    ///
    /// # Errors
    /// The first value that is not what it should be.
    pub fn read(object: &Value) -> Result<Self, Unreadable> {
        let root = At::root(object);
        let meta = Meta::read(&root)?;
        let spec = root.field("spec");
        let servers = spec.field("servers");
        let servers = servers.items()?;
        Ok(Self {
            namespace: meta.namespace,
            name: meta.name,
            created: meta.created,
            selector: spec.field("selector").labels()?,
            servers: servers.iter().map(read_server).collect::<Result<_, _>>()?,
        })
    }

    /// Returns the name routes know it by: `namespace/name`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Returns why Istio's webhook would not take it, or nothing: what changes routing is looked at.
    pub fn refusal(&self) -> Option<Unreadable> {
        let at = |path: String, problem: &str| {
            let problem = problem.to_owned();
            Some(Unreadable { path, problem })
        };
        if self.servers.is_empty() {
            return at("/spec/servers".to_owned(), "opens no port");
        }
        let mut servers = self.servers.iter().enumerate();
        servers.find_map(|(idx, server)| {
            let path = format!("/spec/servers/{idx}");
            let is_tls = ["HTTPS", "TLS"].contains(&server.protocol.as_str());
            if server.hosts.is_empty() {
                return at(path, "opens no host");
            }
            match is_tls && server.tls_mode.is_none() {
                true => at(path, "says TLS and not how"),
                false => None,
            }
        })
    }
}

fn read_server(server: &At<'_, '_>) -> Result<Server, Unreadable> {
    let port = server.field("port");
    let number = port.field("number");
    let tls = server.field("tls");
    let word = |at: At<'_, '_>| Ok(at.word()?.map(str::to_owned));
    let redirects_to_https = tls.field("httpsRedirect").flag()?;
    let tls_mode = match (word(tls.field("mode"))?, tls.is_absent()) {
        (_, true) => None,
        // A redirect alone is what a port without TLS says under `tls`.
        (None, false) if redirects_to_https => None,
        // The first of the values is the one that is not written.
        (None, false) => Some("PASSTHROUGH".to_owned()),
        (written, false) => written,
    };
    Ok(Server {
        port: number.port()?.ok_or_else(|| number.error("is missing"))?,
        name: word(port.field("name"))?.unwrap_or_default(),
        protocol: word(port.field("protocol"))?.unwrap_or_default(),
        hosts: server.field("hosts").texts()?,
        tls_mode,
        credential_name: word(tls.field("credentialName"))?,
        credential_names: tls.field("credentialNames").texts()?,
        bind: word(server.field("bind"))?,
        redirects_to_https,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn servers_are_read_with_what_they_open() {
        let gateway = Gateway::read(&json!({
            "metadata": {"name": "app-gateway", "namespace": "default"},
            "spec": {
                "selector": {"istio": "ingressgateway"},
                "servers": [
                    {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["app.example.com"], "tls": {"httpsRedirect": true}},
                    {"port": {"number": 443, "name": "https", "protocol": "HTTPS"}, "hosts": ["./a.example.com", "shop/*.example.com"],
                     "tls": {"mode": "SIMPLE", "credentialName": "app-tls-secret"}},
                    {"port": {"number": 8443, "name": "tls", "protocol": "TLS"}, "hosts": ["*"], "tls": {"mode": "PASSTHROUGH"}},
                    {"port": {"number": 5432, "name": "tcp", "protocol": "TCP"}, "hosts": ["*"]}
                ]
            }
        }))
        .unwrap();
        assert_eq!(gateway.refusal(), None);
        assert_eq!(gateway.full_name(), "default/app-gateway");
        let passes: Vec<Passes> = gateway.servers.iter().map(Server::passes).collect();
        use Passes::*;
        assert_eq!(passes, [Requests, Requests, Sealed, Connections]);
        let https = &gateway.servers[1];
        assert_eq!(https.credential_name.as_deref(), Some("app-tls-secret"));
        let hosts = |namespace| https.hosts_for(namespace, "default").collect::<Vec<_>>();
        assert_eq!(hosts("default"), ["a.example.com"]);
        assert_eq!(hosts("shop"), ["*.example.com"]);
        assert!(gateway.servers[0].redirects_to_https);
    }
}
