//! What a Gateway opens, and who follows a VirtualService.
//!
//! Rules: <https://istio.io/latest/docs/reference/config/networking/gateway/>.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::rules::{put_text, put_value};
use crate::api::rules::{Fault, GatewaySpec, ServerSpec};
use crate::object::{list_at, text_at, texts_at};

/// Returns what a Gateway says, as far as a hand can edit it.
pub fn read(gateway: &Value) -> GatewaySpec {
    GatewaySpec {
        selector: texts_at(gateway, "/spec/selector"),
        servers: list_at(gateway, "/spec/servers").map(read_server).collect(),
    }
}

fn read_server(server: &Value) -> ServerSpec {
    let text = |pointer: &str| text_at(server, pointer).unwrap_or_default().to_owned();
    let port = server.pointer("/port/number").and_then(Value::as_u64);
    let hosts = list_at(server, "/hosts").filter_map(Value::as_str);
    ServerSpec {
        port: port.and_then(|port| u16::try_from(port).ok()).unwrap_or(0),
        name: text("/port/name"),
        protocol: text("/port/protocol"),
        hosts: hosts.map(str::to_owned).collect(),
        credential_name: text_at(server, "/tls/credentialName").map(str::to_owned),
        https_redirect: server
            .pointer("/tls/httpsRedirect")
            .and_then(Value::as_bool)
            == Some(true),
    }
}

/// Returns everything that is wrong with what a gateway is to open, by field. `now` is what it says now: a port that has
/// its certificates in another way (from a file, `ISTIO_MUTUAL`, none at all with `PASSTHROUGH`) may go on so.
pub fn faults(spec: &GatewaySpec, now: &GatewaySpec) -> Vec<Fault> {
    let mut found = Vec::new();
    let mut fault = |field: String, problem: &str| {
        found.push(Fault {
            field,
            problem: problem.to_owned(),
        });
    };
    if spec.selector.is_empty() {
        fault(
            "selector".to_owned(),
            "is missing: without labels it is for the pods of every gateway",
        );
    }
    if spec.servers.is_empty() {
        fault("servers".to_owned(), "is missing: it opens no port");
    }
    let mut names = BTreeSet::new();
    for (idx, server) in spec.servers.iter().enumerate() {
        let at = |field: &str| format!("servers[{idx}].{field}");
        if server.port == 0 {
            fault(at("port"), "is not a port: 1 to 65535");
        }
        if server.name.is_empty() || !names.insert(&server.name) {
            fault(at("name"), "is missing or used twice");
        }
        if server.hosts.is_empty() || server.hosts.iter().any(String::is_empty) {
            fault(at("hosts"), "is missing: name at least one");
        }
        let has_none =
            |it: &ServerSpec| it.credential_name.as_deref().unwrap_or_default().is_empty();
        let goes_on = now
            .servers
            .iter()
            .any(|it| it.name == server.name && it.protocol == server.protocol && has_none(it));
        match server.protocol.as_str() {
            "HTTPS" if has_none(server) && !goes_on => {
                fault(
                    at("credential_name"),
                    "is missing: which secret holds the certificate?",
                );
            }
            "HTTPS" if server.https_redirect => {
                fault(at("https_redirect"), "is for ports without TLS");
            }
            "HTTP" if server.credential_name.is_some() => {
                fault(at("credential_name"), "is for ports with TLS");
            }
            _ => {}
        }
    }
    found
}

/// Returns a Gateway that opens what `spec` says; a port keeps what it says besides.
pub fn put(gateway: &Value, to: &GatewaySpec) -> Value {
    let now = read(gateway);
    let mut gateway = gateway.clone();
    let Some(spec) = gateway.get_mut("spec").and_then(Value::as_object_mut) else {
        return gateway;
    };
    if now.selector != to.selector {
        spec.insert("selector".to_owned(), json!(to.selector));
    }
    if now.servers != to.servers {
        let old = spec.get("servers").and_then(Value::as_array);
        let old = old.cloned().unwrap_or_default();
        let befores = befores(&old, &now.servers, &to.servers);
        let servers = befores.into_iter().zip(&to.servers);
        let servers: Vec<Value> = servers
            .map(|(before, server)| write_server(before, server))
            .collect();
        spec.insert("servers".to_owned(), servers.into());
    }
    gateway
}

/// A port as it is written, and what it says.
type Written<'a> = (&'a Value, &'a ServerSpec);

/// Returns which of the ports that are there each of `to` is, each of them once: the same one, else the one of that
/// name, else the one for the same hosts, else the only one of that number. Several may have a number, with other hosts
/// and other certificates: which of them is meant is not guessed.
fn befores<'a>(
    old: &'a [Value],
    now: &'a [ServerSpec],
    to: &[ServerSpec],
) -> Vec<Option<Written<'a>>> {
    let is_only = |port: u16| now.iter().filter(|it| it.port == port).count() == 1;
    let ways: [&dyn Fn(&ServerSpec, &ServerSpec) -> bool; 4] = [
        &|a, b| a == b,
        &|a, b| !a.name.is_empty() && a.name == b.name,
        &|a, b| a.port == b.port && a.hosts == b.hosts,
        &|a, b| a.port == b.port && is_only(a.port),
    ];
    let mut left: Vec<Option<Written<'a>>> = old.iter().zip(now).map(Some).collect();
    let mut found: Vec<Option<Written<'a>>> = vec![None; to.len()];
    for is_it in ways {
        for (place, server) in found.iter_mut().zip(to) {
            if place.is_none() {
                let mut its = left.iter_mut();
                let it = its.find(|it| it.is_some_and(|(_, now)| is_it(now, server)));
                *place = it.and_then(Option::take);
            }
        }
    }
    found
}

fn write_server(before: Option<(&Value, &ServerSpec)>, to: &ServerSpec) -> Value {
    if let Some((server, now)) = before
        && now == to
    {
        return server.clone();
    }
    let kept = before.and_then(|(server, _)| server.as_object());
    let mut server = kept.cloned().unwrap_or_default();
    let of = |server: &Map<String, Value>, name: &str| -> Map<String, Value> {
        let part = server.get(name).and_then(Value::as_object);
        part.cloned().unwrap_or_default()
    };
    let mut port = of(&server, "port");
    port.insert("number".to_owned(), to.port.into());
    put_text(&mut port, "name", Some(&to.name));
    put_text(&mut port, "protocol", Some(&to.protocol));
    server.insert("port".to_owned(), port.into());
    server.insert("hosts".to_owned(), json!(to.hosts));
    let mut tls = of(&server, "tls");
    put_text(&mut tls, "credentialName", to.credential_name.as_deref());
    put_value(
        &mut tls,
        "httpsRedirect",
        to.https_redirect.then_some(Value::Bool(true)),
    );
    match to.protocol.as_str() {
        "HTTPS" => {
            tls.entry("mode").or_insert_with(|| "SIMPLE".into());
        }
        "HTTP" => {
            tls.remove("mode");
        }
        _ => {}
    }
    let tls = Some(tls).filter(|tls| !tls.is_empty());
    put_value(&mut server, "tls", tls.map(Value::from));
    server.into()
}

/// Returns a new Gateway.
pub fn new(api_version: &str, namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": api_version,
        "kind": "Gateway",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {},
    })
}

/// Returns a VirtualService that callers of these gateways follow, for these hosts.
pub fn bind(route: &Value, gateways: &[String], hosts: Option<&[String]>) -> Value {
    let mut route = route.clone();
    if let Some(spec) = route.get_mut("spec").and_then(Value::as_object_mut) {
        // None, and the sidecars alone, are the same.
        let is_plain = gateways.is_empty() || gateways == ["mesh"];
        let was_plain = !spec.contains_key("gateways");
        if !(is_plain && was_plain) {
            let gateways = Some(gateways).filter(|list| !list.is_empty());
            put_value(spec, "gateways", gateways.map(|list| json!(list)));
        }
        if let Some(hosts) = hosts {
            spec.insert("hosts".to_owned(), json!(hosts));
        }
    }
    route
}
