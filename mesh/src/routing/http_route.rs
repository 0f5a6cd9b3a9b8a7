//! The lens on routes of the Gateway API: HTTPRoute and GRPCRoute, told as a VirtualService's rules are.
//!
//! Rules: <https://gateway-api.sigs.k8s.io/reference/spec/>,
//! <https://gateway-api.sigs.k8s.io/mesh/> for routes of services.

mod filters;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::hosts;
use super::lens::{At, Meta, Unreadable};
use super::rule::{Action, Condition, Destination, Match, Rule, RuleList, RulePlace};
use super::weights::Absent;

/// Which kind of route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RouteKind {
    /// Of HTTP requests.
    Http,
    /// Of gRPC calls.
    Grpc,
}

impl RouteKind {
    /// Returns the kind as objects write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "HTTPRoute",
            Self::Grpc => "GRPCRoute",
        }
    }
}

/// What a route of the Gateway API belongs to: a Gateway of that API, or a Service inside the mesh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parent {
    /// Which of the route's parents, from 0; those of other kinds are counted and left out.
    pub idx: usize,
    /// Whether it is a Service.
    pub is_service: bool,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// What a route of the Gateway API says.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpRoute {
    /// Which kind it is.
    pub kind: RouteKind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// When it was created, RFC 3339 as written: such texts sort as the times do. Empty when not said.
    pub created: String,
    /// The hosts it speaks for at gateways, as written; none means all that the gateway opens.
    pub hosts: Vec<String>,
    /// Whom it governs: [`MESH`](hosts::MESH) where it belongs to a service, gateways as `namespace/name`.
    /// Empty for a route without parents, which governs nobody. Sorted.
    pub gateways: Vec<String>,
    /// The services it belongs to inside the mesh, as namespace and name, sorted.
    pub services: Vec<(String, String)>,
    /// Its parents of both kinds, in the order written.
    pub parents: Vec<Parent>,
    /// Its rules in the order written; their places count as http.
    pub rules: Arc<[Rule]>,
}

impl HttpRoute {
    /// Reads an object, whose `kind` says which it is.
    ///
    /// # Errors
    /// The first value that is not what it should be.
    pub fn read(object: &Value) -> Result<Self, Unreadable> {
        let root = At::root(object);
        let kind = match root.field("kind").text()? {
            Some("GRPCRoute") => RouteKind::Grpc,
            Some("HTTPRoute") => RouteKind::Http,
            _ => {
                return Err(root
                    .field("kind")
                    .error("is neither HTTPRoute nor GRPCRoute"));
            }
        };
        let Meta {
            namespace,
            name,
            created,
        } = Meta::read(&root)?;
        let spec = root.field("spec");
        let mut gateways = Vec::new();
        let mut services = Vec::new();
        let mut parents = Vec::new();
        for (idx, parent) in spec.field("parentRefs").items()?.iter().enumerate() {
            let own = parent.field("namespace").word()?.unwrap_or(&namespace);
            let name = parent.field("name").word()?.unwrap_or_default();
            let kind = parent.field("kind").word()?;
            let group = parent.field("group").word()?;
            let is_gateway = kind.is_none_or(|kind| kind == "Gateway")
                && group.is_none_or(|group| group == "gateway.networking.k8s.io");
            if is_gateway || (kind == Some("Service") && group.is_none()) {
                parents.push(Parent {
                    idx,
                    is_service: !is_gateway,
                    namespace: own.to_owned(),
                    name: name.to_owned(),
                });
            }
            match kind {
                Some("Service") => {
                    gateways.push(hosts::MESH.to_owned());
                    services.push((own.to_owned(), name.to_owned()));
                }
                None | Some("Gateway") => gateways.push(format!("{own}/{name}")),
                // Another kind of parent is another's to say.
                Some(_) => {}
            }
        }
        gateways.sort();
        gateways.dedup();
        services.sort();
        services.dedup();
        let rules = spec.field("rules");
        let rules = rules.items()?;
        let rules = rules
            .iter()
            .enumerate()
            .map(|(idx, rule)| read_rule(rule, idx, kind, &namespace));
        Ok(Self {
            rules: rules.collect::<Result<_, _>>()?,
            hosts: spec.field("hostnames").texts()?,
            kind,
            gateways,
            services,
            parents,
            namespace,
            name,
            created,
        })
    }
}

/// Returns the JSON pointer of a rule: `/spec/rules/0`.
pub fn rule_pointer(place: RulePlace) -> String {
    format!("/spec/rules/{}", place.idx)
}

/// Returns the JSON pointer of a destination with its weight: `/spec/rules/0/backendRefs/1`.
pub fn destination_pointer(place: RulePlace, idx: usize) -> String {
    format!("/spec/rules/{}/backendRefs/{idx}", place.idx)
}

/// Returns whether a destination is a Service of the cluster: a route may name other kinds as well.
pub fn is_service(object: &Value, place: RulePlace, idx: usize) -> bool {
    let backend = object.pointer(&destination_pointer(place, idx));
    let word = |key| {
        let text = backend.and_then(|it| it.get(key)).and_then(Value::as_str);
        text.unwrap_or_default()
    };
    matches!(word("kind"), "" | "Service") && word("group").is_empty()
}

fn read_rule(
    rule: &At<'_, '_>,
    idx: usize,
    kind: RouteKind,
    namespace: &str,
) -> Result<Rule, Unreadable> {
    rule.object()?;
    let matches = rule.field("matches");
    let matches = matches.items()?;
    let matches = matches.iter().map(|m| read_match(m, kind));
    let destinations = rule.field("backendRefs");
    let destinations = destinations.items()?;
    let destinations = destinations.iter().map(|it| read_backend(it, namespace));
    let told = filters::read(rule, namespace)?;
    Ok(Rule {
        place: RulePlace {
            list: RuleList::Http,
            idx,
        },
        name: rule.field("name").word()?.map(str::to_owned),
        matches: matches.collect::<Result<_, _>>()?,
        destinations: destinations.collect::<Result<_, _>>()?,
        absent_weight: Absent::One,
        action: told.redirect.unwrap_or(Action::Route),
        delay: None,
        abort: None,
        also: told.also,
    })
}

/// Reads where a rule sends, or where it mirrors.
fn read_backend(backend: &At<'_, '_>, namespace: &str) -> Result<Destination, Unreadable> {
    let name = backend.field("name");
    let written = name.word()?.ok_or_else(|| name.error("is missing"))?;
    let theirs = backend.field("namespace").word()?;
    Ok(Destination {
        // A route names a service and its namespace apart; together they are the host.
        host: match theirs.filter(|it| *it != namespace) {
            Some(theirs) => hosts::service_host(theirs, written, hosts::DOMAIN),
            None => written.to_owned(),
        },
        subset: None,
        port: backend.field("port").port()?,
        weight: backend.field("weight").count()?,
    })
}

fn read_match(m: &At<'_, '_>, kind: RouteKind) -> Result<Match, Unreadable> {
    m.object()?;
    let exact = |text: &str| Condition::Exact(text.to_owned());
    let method = m.field("method");
    let (path, method) = match kind {
        RouteKind::Http => {
            let path = m.field("path");
            (http_path(&path)?, method.word()?.map(exact))
        }
        // A gRPC call is a request by POST whose path is its service and method.
        RouteKind::Grpc => (grpc_path(&method)?, None),
    };
    Ok(Match {
        path,
        method,
        headers: named(&m.field("headers"))?
            .into_iter()
            .map(|(name, condition)| (name.to_ascii_lowercase(), condition))
            .collect(),
        query: named(&m.field("queryParams"))?,
        ..Match::default()
    })
}

fn http_path(path: &At<'_, '_>) -> Result<Option<Condition>, Unreadable> {
    if path.is_absent() {
        return Ok(None);
    }
    let value = path.field("value").word()?.unwrap_or("/").to_owned();
    Ok(Some(match path.field("type").word()? {
        Some("Exact") => Condition::Exact(value),
        Some("RegularExpression") => Condition::Regex(value),
        None | Some("PathPrefix") => Condition::PathPrefix(value),
        Some(_) => {
            let known = "is none of Exact, PathPrefix and RegularExpression";
            return Err(path.field("type").error(known));
        }
    }))
}

fn grpc_path(method: &At<'_, '_>) -> Result<Option<Condition>, Unreadable> {
    method.object()?;
    let service = method.field("service").word()?;
    let name = method.field("method").word()?;
    let is_regex = method.field("type").word()? == Some("RegularExpression");
    Ok(match (service, name, is_regex) {
        (None, None, _) => None,
        (Some(service), Some(name), false) => Some(Condition::Exact(format!("/{service}/{name}"))),
        (Some(service), None, false) => Some(Condition::PathPrefix(format!("/{service}"))),
        (None, Some(name), false) => Some(Condition::Regex(format!("/[^/]+/{}", escaped(name)))),
        (service, name, true) => Some(Condition::Regex(format!(
            "/{}/{}",
            service.unwrap_or("[^/]+"),
            name.unwrap_or("[^/]+")
        ))),
    })
}

/// A method's name as an expression that matches it alone; names have letters, digits and `_`, and whatever
/// else stands there is taken literally.
fn escaped(name: &str) -> String {
    regex_lite::escape(name)
}

/// Reads conditions of a list of named ones, of which the first of a name counts.
fn named(list: &At<'_, '_>) -> Result<BTreeMap<String, Condition>, Unreadable> {
    let mut named = BTreeMap::new();
    for item in list.items()? {
        let name = item.field("name").word()?.unwrap_or_default();
        let value = item.field("value").text()?.unwrap_or_default().to_owned();
        let condition = match item.field("type").word()? {
            Some("RegularExpression") => Condition::Regex(value),
            _ => Condition::Exact(value),
        };
        named.entry(name.to_owned()).or_insert(condition);
    }
    Ok(named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn check(object: &Value, told: Expect) {
        let read = HttpRoute::read(object).unwrap();
        let mut lines = vec![format!(
            "{:?} through {:?} of {:?}",
            read.hosts, read.gateways, read.services
        )];
        for rule in read.rules.iter() {
            let shares = rule.shares();
            lines.push(format!(
                "{} {}: {:?} {shares:?}",
                rule.place,
                rule.words(),
                rule.action
            ));
            for (idx, to) in rule.destinations.iter().enumerate() {
                let pointer = destination_pointer(rule.place, idx);
                assert!(object.pointer(&pointer).is_some(), "{pointer}");
                lines.push(format!(
                    "  {pointer}: {} {:?} {:?}",
                    to.host, to.port, to.weight
                ));
            }
            lines.extend(rule.also.iter().map(|also| format!("  {also}")));
        }
        told.assert_eq(&(lines.join("\n") + "\n"));
    }

    #[test]
    fn an_http_route_is_told_as_rules() {
        check(
            &json!({
                "kind": "HTTPRoute",
                "metadata": {"name": "checkout", "namespace": "shop"},
                "spec": {
                    "parentRefs": [
                        {"name": "edge", "namespace": "infra"},
                        {"group": "", "kind": "Service", "name": "checkout", "port": 80}
                    ],
                    "hostnames": ["shop.example.com"],
                    "rules": [
                        {
                            "matches": [{"path": {"type": "PathPrefix", "value": "/pay"}, "headers": [{"name": "X-Testing", "value": "true"}], "method": "POST"}],
                            "backendRefs": [{"name": "checkout-v1", "port": 80, "weight": 3}, {"name": "checkout-v2", "namespace": "next", "port": 80}],
                            "timeouts": {"request": "10s"},
                            "filters": [
                                {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "checkout-v3", "port": 80}, "percent": 5}},
                                {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/p"}}}
                            ]
                        },
                        {"matches": [{"path": {"value": "/old"}}], "filters": [{"type": "RequestRedirect", "requestRedirect": {"hostname": "b.example.com", "statusCode": 301}}]},
                        {"backendRefs": [{"name": "checkout-v1", "port": 80}]}
                    ]
                }
            }),
            expect![[r#"
                ["shop.example.com"] through ["infra/edge", "mesh"] of [("shop", "checkout")]
                http/0 header x-testing is exactly "true" and path is /pay or below it and method is exactly "POST": Route Ok([7500, 2500])
                  /spec/rules/0/backendRefs/0: checkout-v1 Some(80) Some(3)
                  /spec/rules/0/backendRefs/1: checkout-v2.next.svc.cluster.local Some(80) None
                  mirrors 5 % to checkout-v3
                  rewrites the path's matched start to /p
                  times out after 10s
                http/1 path is /old or below it: Redirect { status: 301, to: "…://b.example.com/…" } Err(Empty)
                http/2 everything: Route Ok([10000])
                  /spec/rules/2/backendRefs/0: checkout-v1 Some(80) None
            "#]],
        );
    }

    #[test]
    fn a_grpc_route_is_told_by_its_paths() {
        check(
            &json!({
                "kind": "GRPCRoute",
                "metadata": {"name": "stock", "namespace": "shop"},
                "spec": {
                    "parentRefs": [{"kind": "Service", "name": "stock"}],
                    "rules": [
                        {"matches": [{"method": {"service": "shop.Stock", "method": "Get"}}], "backendRefs": [{"name": "stock-v2", "port": 9090}]},
                        {"matches": [{"method": {"service": "shop.Stock"}}, {"method": {"method": "Check"}}], "backendRefs": [{"name": "stock", "port": 9090}]}
                    ]
                }
            }),
            expect![[r#"
                [] through ["mesh"] of [("shop", "stock")]
                http/0 path is exactly "/shop.Stock/Get": Route Ok([10000])
                  /spec/rules/0/backendRefs/0: stock-v2 Some(9090) None
                http/1 path is /shop.Stock or below it, or path matches /[^/]+/Check: Route Ok([10000])
                  /spec/rules/1/backendRefs/0: stock Some(9090) None
            "#]],
        );
    }
}
