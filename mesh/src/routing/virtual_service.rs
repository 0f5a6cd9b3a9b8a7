//! The lens on a VirtualService: this file and its folder alone know its fields.
//!
//! Rules: <https://istio.io/latest/docs/reference/config/networking/virtual-service/>.

mod also;
mod conditions;
mod refusal;

use std::sync::Arc;

use serde_json::Value;

use super::hosts;
use super::lens::{At, Meta, Unreadable};
use super::rule::{Action, Destination, Rule, RuleList, RulePlace};
use super::weights::Absent;

/// What a VirtualService says.
#[derive(Clone, Debug, PartialEq)]
pub struct VirtualService {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// When it was created, RFC 3339 as written: such texts sort as the times do. Empty when not said.
    pub created: String,
    /// The hosts it speaks for, as written. None: it is a delegate.
    pub hosts: Vec<String>,
    /// Whom it governs: [`MESH`](hosts::MESH) or gateways as `namespace/name`. Never empty.
    pub gateways: Vec<String>,
    /// Its rules: http, then tls, then tcp, each in the order written.
    pub rules: Arc<[Rule]>,
    /// The namespaces that may see it, as written; none means all.
    pub export_to: Vec<String>,
}

impl VirtualService {
    /// Reads an object.
    ///
    /// What can be read is not therefore taken by Istio: [`refusal`](Self::refusal) says that.
    ///
    /// # Errors
    /// The first value that is not what it should be.
    pub fn read(object: &Value) -> Result<Self, Unreadable> {
        let root = At::root(object);
        let Meta {
            namespace,
            name,
            created,
        } = Meta::read(&root)?;
        let spec = root.field("spec");
        let gateways = conditions::gateways(&spec.field("gateways"), &namespace)?;
        let mut rules = Vec::new();
        for list in RuleList::ALL {
            for (idx, rule) in spec.field(list.as_str()).items()?.iter().enumerate() {
                rules.push(read_rule(rule, RulePlace { list, idx }, &namespace)?);
            }
        }
        Ok(Self {
            hosts: spec.field("hosts").texts()?,
            gateways: match gateways.is_empty() {
                true => vec![hosts::MESH.to_owned()],
                false => gateways,
            },
            rules: rules.into(),
            export_to: spec.field("exportTo").texts()?,
            namespace,
            name,
            created,
        })
    }

    /// Returns why Istio's webhook would not take it, or nothing. It looks for what changes routing; names
    /// and formats that the API server checks by itself are left to it.
    pub fn refusal(&self) -> Option<Unreadable> {
        refusal::first(self)
    }

    /// Returns whether it speaks for no host of its own and waits for another to hand over to it.
    pub fn is_delegate(&self) -> bool {
        self.hosts.is_empty()
    }

    /// Returns whether it governs calls inside the mesh.
    pub fn is_for_mesh(&self) -> bool {
        self.gateways.iter().any(|gateway| gateway == hosts::MESH)
    }

    /// Returns its rules of one list with their places.
    pub fn rules_of(&self, list: RuleList) -> impl Iterator<Item = &Rule> {
        self.rules
            .iter()
            .filter(move |rule| rule.place.list == list)
    }
}

/// Returns the JSON pointer of a rule: `/spec/http/0`.
pub fn rule_pointer(place: RulePlace) -> String {
    format!("/spec/{place}")
}

/// Returns the JSON pointer of a destination with its weight: `/spec/http/0/route/1`.
pub fn destination_pointer(place: RulePlace, idx: usize) -> String {
    format!("/spec/{place}/route/{idx}")
}

fn read_rule(rule: &At<'_, '_>, place: RulePlace, namespace: &str) -> Result<Rule, Unreadable> {
    rule.object()?;
    let route = rule.field("route");
    let destinations = route.items()?;
    let destinations = destinations.iter().map(|item| {
        let destination = item.field("destination");
        Ok(Destination {
            weight: item.field("weight").count()?,
            ..read_destination(&destination)?
        })
    });
    let matches = rule.field("match");
    let matches = matches.items()?;
    let matches = matches.iter().map(|m| conditions::read(m, namespace));
    let mut read = Rule {
        place,
        name: rule.field("name").word()?.map(str::to_owned),
        matches: matches.collect::<Result<_, _>>()?,
        destinations: destinations.collect::<Result<_, _>>()?,
        absent_weight: Absent::Zero,
        action: Action::Route,
        delay: None,
        abort: None,
        also: Vec::new(),
    };
    if place.list == RuleList::Http {
        read.action = read_action(rule, namespace)?;
        let fault = rule.field("fault");
        read.delay = also::delay(&fault.field("delay"))?;
        read.abort = also::abort(&fault.field("abort"))?;
        read.also = also::words(rule, read.delay.as_ref(), read.abort.as_ref())?;
    }
    Ok(read)
}

/// Reads a destination without its weight, which stands beside it.
fn read_destination(destination: &At<'_, '_>) -> Result<Destination, Unreadable> {
    let host = destination.field("host");
    Ok(Destination {
        host: host
            .word()?
            .ok_or_else(|| host.error("is missing"))?
            .to_owned(),
        subset: destination.field("subset").word()?.map(str::to_owned),
        port: destination.field("port").field("number").port()?,
        weight: None,
    })
}

fn read_action(rule: &At<'_, '_>, namespace: &str) -> Result<Action, Unreadable> {
    let delegate = rule.field("delegate");
    let redirect = rule.field("redirect");
    let direct = rule.field("directResponse");
    // A view has room for one of them, and Istio takes no two with a redirect.
    let says_more = !delegate.is_absent() || !direct.is_absent();
    if !redirect.is_absent() && says_more {
        return Err(rule.error("redirects and does something else as well"));
    }
    if !delegate.is_absent() {
        let name = delegate.field("name");
        return Ok(Action::Delegate {
            namespace: delegate
                .field("namespace")
                .word()?
                .unwrap_or(namespace)
                .to_owned(),
            name: name
                .word()?
                .ok_or_else(|| name.error("is missing"))?
                .to_owned(),
        });
    }
    if !redirect.is_absent() {
        return also::redirect(&redirect);
    }
    if !direct.is_absent() {
        let status = direct.field("status");
        let number = status.status()?.ok_or_else(|| status.error("is missing"))?;
        return Ok(Action::DirectResponse { status: number });
    }
    Ok(Action::Route)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn check(object: &Value, told: Expect) {
        let read = VirtualService::read(object).unwrap();
        let mut lines = vec![format!("{:?} through {:?}", read.hosts, read.gateways)];
        for rule in read.rules.iter() {
            lines.push(format!(
                "{} {}: {:?}",
                rule.place,
                rule.words(),
                rule.action
            ));
            for (idx, to) in rule.destinations.iter().enumerate() {
                let pointer = destination_pointer(rule.place, idx);
                assert!(object.pointer(&pointer).is_some(), "{pointer}");
                let Destination {
                    host,
                    subset,
                    port,
                    weight,
                } = to;
                lines.push(format!(
                    "  {pointer}: {host} {subset:?} {port:?} {weight:?}"
                ));
            }
            lines.extend(rule.also.iter().map(|also| format!("  {also}")));
        }
        told.assert_eq(&(lines.join("\n") + "\n"));
    }

    #[test]
    fn a_canary_with_testers_is_told_in_words() {
        check(
            &json!({
                "metadata": {"name": "backend", "namespace": "default"},
                "spec": {
                    "hosts": ["backend"],
                    "http": [
                        {
                            "match": [
                                {"headers": {"x-testing": {"exact": "true"}}, "uri": {"prefix": "/api"}},
                                {"sourceLabels": {"app": "tester"}, "port": 80}
                            ],
                            "route": [{"destination": {"host": "backend", "subset": "v2", "port": {"number": 80}}}],
                            "timeout": "5s",
                            "retries": {"attempts": 3, "retryOn": "5xx", "perTryTimeout": "2s"},
                            "fault": {
                                "delay": {"percentage": {"value": 50}, "fixedDelay": "1.5s"},
                                "abort": {"percentage": {"value": 0.5}, "grpcStatus": "UNAVAILABLE"}
                            },
                            "mirror": {"host": "backend", "subset": "v3"},
                            "mirrorPercentage": {"value": 10},
                            "rewrite": {"uri": "/v2"}
                        },
                        {"route": [
                            {"destination": {"host": "backend", "subset": "v1"}, "weight": 90},
                            {"destination": {"host": "backend", "subset": "v2"}, "weight": 10}
                        ]}
                    ]
                }
            }),
            expect![[r#"
                ["backend"] through ["mesh"]
                http/0 header x-testing is exactly "true" and path starts with /api, or port is 80 and the caller has app=tester: Route
                  /spec/http/0/route/0: backend Some("v2") Some(80) None
                  rewrites the path to /v2
                  times out after 5s
                  retries 3 times on 5xx, each try for 2s
                  delays 50 % by 1.5s
                  aborts 0.5 % with gRPC status UNAVAILABLE
                  mirrors 10 % to backend v3
                http/1 everything: Route
                  /spec/http/1/route/0: backend Some("v1") None Some(90)
                  /spec/http/1/route/1: backend Some("v2") None Some(10)
            "#]],
        );
    }

    #[test]
    fn connections_and_answers_are_told_too() {
        check(
            &json!({
                "metadata": {"name": "edge", "namespace": "shop"},
                "spec": {
                    "hosts": ["*.example.com"],
                    "gateways": ["edge", "mesh", "infra/wide"],
                    "http": [
                        {"match": [{"uri": {"exact": "/old"}}], "redirect": {"uri": "/new", "authority": "b.example.com", "redirectCode": 302}},
                        {"match": [{"gateways": ["edge"]}], "directResponse": {"status": 403}},
                        {"delegate": {"name": "part"}}
                    ],
                    "tls": [{"match": [{"sniHosts": ["a.example.com"], "port": 443}], "route": [{"destination": {"host": "store"}}]}],
                    "tcp": [{"match": [{"destinationSubnets": ["10.1.0.0/16"]}], "route": [{"destination": {"host": "store"}, "weight": 1}]}]
                }
            }),
            expect![[r#"
                ["*.example.com"] through ["shop/edge", "mesh", "infra/wide"]
                http/0 path is exactly "/old": Redirect { status: 302, to: "…://b.example.com/new" }
                http/1 it comes through gateway shop/edge: DirectResponse { status: 403 }
                http/2 everything: Delegate { namespace: "shop", name: "part" }
                tls/0 the name asked for is a.example.com and port is 443: Route
                  /spec/tls/0/route/0: store None None None
                tcp/0 the address is in 10.1.0.0/16: Route
                  /spec/tcp/0/route/0: store None None Some(1)
            "#]],
        );
    }
}
