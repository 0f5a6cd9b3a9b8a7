//! One case for each fault, with the nearest sound config, which has none.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::object::Stored;
use crate::routes::{Board, Read};

/// A sound mesh: `backend` with two versions, `store` with two ports, a gateway with its certificate.
const BASE: &str = "
{apiVersion: v1, kind: Service, metadata: {name: backend, namespace: default}, spec: {selector: {app: backend}, ports: [{port: 80, name: http}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: store, namespace: default}, spec: {selector: {app: store}, ports: [{port: 8080, name: http}, {port: 9090, name: http-admin}]}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: backend-v1, namespace: default}, spec: {replicas: 2, template: {metadata: {labels: {app: backend, version: v1}}}}, status: {readyReplicas: 2}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: backend-v2, namespace: default}, spec: {replicas: 2, template: {metadata: {labels: {app: backend, version: v2}}}}, status: {readyReplicas: 1}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: backend-v3, namespace: default}, spec: {replicas: 2, template: {metadata: {labels: {app: backend, version: v3}}}}, status: {unavailableReplicas: 2}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: store, namespace: default}, spec: {replicas: 1, template: {metadata: {labels: {app: store}}}}, status: {readyReplicas: 1}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: ingress, namespace: istio-system}, spec: {replicas: 1, template: {metadata: {labels: {istio: ingressgateway}}}}, status: {readyReplicas: 1}}
---
{apiVersion: v1, kind: Secret, metadata: {name: web-tls, namespace: istio-system}, type: kubernetes.io/tls}
---
{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: web, namespace: default, creationTimestamp: '2026-01-01T00:00:00Z'}, spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [app.example.com]}, {port: {number: 443, name: https, protocol: HTTPS}, tls: {mode: SIMPLE, credentialName: web-tls}, hosts: [app.example.com]}]}}
---
{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: outside, namespace: default}, spec: {hosts: ['*.pay.example.com', api.example.org], ports: [{number: 443, name: tls, protocol: TLS}]}}
---
{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: backend, namespace: default, creationTimestamp: '2026-01-01T00:00:00Z'}, spec: {host: backend, trafficPolicy: {connectionPool: {http: {h2UpgradePolicy: DEFAULT}}}, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}, {name: v3, labels: {version: v3}}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: edge, namespace: default}, spec: {gatewayClassName: istio, listeners: []}}
";

fn objects(text: &str) -> Vec<Arc<Stored>> {
    let objects: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
    objects
        .into_iter()
        .filter(|it| !it.is_null())
        .map(|it| Arc::new(it.into()))
        .collect()
}

fn read(more: &[String]) -> Read {
    let mut text = BASE.to_owned();
    for object in more {
        text.push_str(&format!("---\n{object}\n"));
    }
    Read::all(objects(&text))
}

/// What is found, one line for each: severity, code, codes elsewhere, object, path.
fn told(read: Read) -> Vec<String> {
    let checks = Board::read(read).checks(&[]);
    let lines = checks.items.iter().map(|it| {
        let check = &it.check;
        assert!(
            !check.message.is_empty() && !check.why.is_empty() && check.mend.is_some(),
            "{check:?}"
        );
        let known = check.also_known_as.join(" ");
        let path = check.path.as_deref().unwrap_or("-");
        format!(
            "{:?} {} [{known}] {} {path}",
            check.severity, check.code, check.object
        )
    });
    lines.collect()
}

fn object(kind: &str, name: &str, spec: &str) -> String {
    let api = match kind {
        "HTTPRoute" => "gateway.networking.k8s.io/v1",
        "Service" | "Pod" => "v1",
        "Rollout" => "argoproj.io/v1alpha1",
        "Deployment" => "apps/v1",
        _ => "networking.istio.io/v1",
    };
    let (namespace, name) = name.split_once('/').unwrap_or(("default", name));
    format!(
        "{{apiVersion: {api}, kind: {kind}, metadata: {{name: {name}, namespace: {namespace}, creationTimestamp: '2026-02-01T00:00:00Z'}}, spec: {spec}}}"
    )
}

fn rule(name: &str, spec: &str) -> String {
    object("DestinationRule", name, spec)
}

fn vs(name: &str, spec: &str) -> String {
    object("VirtualService", name, spec)
}

/// A VirtualService of host `backend` with one rule.
fn route(destinations: &str) -> String {
    vs(
        "split",
        &format!("{{hosts: [backend], http: [{{route: {destinations}}}]}}"),
    )
}

fn gateway(name: &str, spec: &str) -> String {
    object("Gateway", name, spec)
}

/// A fault, what is told of it, and the nearest sound config.
struct Case {
    name: &'static str,
    fault: Vec<String>,
    told: &'static [&'static str],
    sound: Vec<Vec<String>>,
}

fn cases() -> Vec<Case> {
    vec![
        Case {
            name: "KIA0201: a policy that never applies",
            fault: vec![rule("breaker", "{host: backend.default.svc.cluster.local, trafficPolicy: {outlierDetection: {consecutive5xxErrors: 3}}}")],
            told: &["Warning policy_without_effect [KIA0201] default/destinationrule/breaker spec.trafficPolicy"],
            sound: vec![
                // Rules of other namespaces are for other callers, those exported otherwise for others too.
                vec![rule("shop/breaker", "{host: backend.default.svc.cluster.local, trafficPolicy: {outlierDetection: {consecutive5xxErrors: 3}}}")],
                vec![rule("breaker", "{host: backend, exportTo: ['.'], trafficPolicy: {outlierDetection: {consecutive5xxErrors: 3}}}")],
                vec![rule("breaker", "{host: backend, workloadSelector: {matchLabels: {app: web}}, trafficPolicy: {outlierDetection: {consecutive5xxErrors: 3}}}")],
                vec![rule("more", "{host: backend, subsets: [{name: stable, labels: {version: v1}}]}")],
            ],
        },
        Case {
            name: "KIA0201: a subset that is there already",
            fault: vec![rule("more", "{host: backend, subsets: [{name: v1, labels: {version: v2}}]}")],
            told: &["Warning subset_twice [KIA0201] default/destinationrule/more spec.subsets[0]"],
            sound: vec![vec![rule("more", "{host: store, subsets: [{name: v1, labels: {app: store}}]}")]],
        },
        Case {
            name: "KIA0202: a rule for a host that is not there",
            fault: vec![rule("nobody", "{host: nobody}"), rule("short", "{host: backend.default}"), rule("away", "{host: example.net}")],
            told: &[
                "Warning host_missing [KIA0202 IST0174] default/destinationrule/away spec.host",
                "Warning host_missing [KIA0202 IST0174] default/destinationrule/nobody spec.host",
                "Warning host_missing [KIA0202 IST0174] default/destinationrule/short spec.host",
            ],
            sound: vec![vec![
                rule("one", "{host: eu.pay.example.com, trafficPolicy: {tls: {mode: SIMPLE}}}"),
                rule("two", "{host: '*.example.org'}"),
                rule("three", "{host: '*.local'}"),
                rule("shop/four", "{host: backend.default.svc.cluster.local}"),
                rule("five", "{host: backend.default.svc.clusterset.local}"),
            ]],
        },
        Case {
            name: "KIA0203, IST0173: labels that nothing has, with calls and without",
            fault: vec![
                rule("more", "{host: backend, subsets: [{name: lost, labels: {version: v9}}, {name: idle, labels: {version: v8}}]}"),
                route("[{destination: {host: backend, subset: v1}, weight: 90}, {destination: {host: backend, subset: lost}, weight: 10}]"),
            ],
            told: &[
                "Error subset_selects_nothing [KIA0203 IST0173] default/destinationrule/more spec.subsets[0].labels",
                "Info subset_selects_nothing [KIA0203 IST0173] default/destinationrule/more spec.subsets[1].labels",
            ],
            sound: vec![
                // A pod that nothing keeps running, a machine outside, endpoints from elsewhere.
                vec![
                    rule("more", "{host: backend, subsets: [{name: lost, labels: {version: v9}}]}"),
                    "{apiVersion: v1, kind: Pod, metadata: {name: lone, namespace: default, labels: {app: backend, version: v9}}, status: {phase: Running}}".to_owned(),
                ],
                vec![
                    rule("more", "{host: backend, subsets: [{name: lost, labels: {version: v9}}]}"),
                    object("WorkloadEntry", "vm", "{address: 10.0.0.1, labels: {app: backend, version: v9}}"),
                ],
                vec![rule("more", "{host: eu.pay.example.com, subsets: [{name: a, labels: {zone: a}}]}")],
            ],
        },
        Case {
            name: "KIA0209: a subset without labels",
            fault: vec![rule("more", "{host: backend, subsets: [{name: all}, {name: slow, trafficPolicy: {connectionPool: {tcp: {maxConnections: 1}}}}]}")],
            told: &[
                "Warning subset_without_labels [KIA0209] default/destinationrule/more spec.subsets[0]",
                "Info subset_without_labels [KIA0209] default/destinationrule/more spec.subsets[1]",
            ],
            sound: vec![vec![rule("more", "{host: eu.pay.example.com, subsets: [{name: all}]}")]],
        },
        Case {
            name: "KIA0301: a port that is opened twice for a host",
            fault: vec![gateway("late", "{selector: {istio: ingressgateway}, servers: [{port: {number: 443, name: https, protocol: HTTPS}, tls: {mode: SIMPLE, credentialName: web-tls}, hosts: [default/app.example.com]}]}")],
            told: &["Warning port_twice [KIA0301 IST0145] default/gateway/late spec.servers[0].hosts"],
            sound: vec![
                vec![gateway("late", "{selector: {istio: ingressgateway}, servers: [{port: {number: 443, name: https, protocol: HTTPS}, tls: {mode: SIMPLE, credentialName: web-tls}, hosts: [www.example.com]}]}")],
                vec![gateway("late", "{selector: {istio: ingressgateway}, servers: [{port: {number: 8443, name: https, protocol: HTTPS}, tls: {mode: SIMPLE, credentialName: web-tls}, hosts: [app.example.com]}]}")],
                vec![gateway("late", "{selector: {istio: ingressgateway}, servers: [{bind: 10.0.0.1, port: {number: 80, name: http, protocol: HTTP}, hosts: [app.example.com]}]}")],
                vec![gateway("late", "{selector: {app: store}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [app.example.com]}]}")],
                // For the routes of different namespaces.
                vec![
                    gateway("a", "{selector: {app: store}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [shop/a.example.com]}]}"),
                    gateway("b", "{selector: {app: store}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [./a.example.com]}]}"),
                ],
            ],
        },
        Case {
            name: "KIA0302: a gateway that nobody is",
            fault: vec![gateway("nobody", "{selector: {istio: gone}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [b.example.com]}]}")],
            told: &["Warning gateway_without_workload [KIA0302 IST0101] default/gateway/nobody spec.selector"],
            sound: vec![vec![
                gateway("pods", "{selector: {istio: gone}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [b.example.com]}]}"),
                "{apiVersion: v1, kind: Pod, metadata: {name: lone, namespace: edge, labels: {istio: gone}}, status: {phase: Running}}".to_owned(),
            ]],
        },
        Case {
            name: "IST0132: a host that the gateway does not open",
            fault: vec![vs("out", "{hosts: [www.example.com], gateways: [web], http: [{route: [{destination: {host: backend}}]}]}")],
            told: &["Warning host_not_opened [IST0132] default/virtualservice/out spec.hosts[0]"],
            sound: vec![
                vec![vs("out", "{hosts: [APP.example.com], gateways: [web], http: [{route: [{destination: {host: backend}}]}]}")],
                vec![vs("out", "{hosts: ['*.example.com'], gateways: [web], http: [{route: [{destination: {host: backend}}]}]}")],
                vec![vs("out", "{hosts: [backend, app.example.com], gateways: [web, mesh], http: [{route: [{destination: {host: backend}}]}]}")],
            ],
        },
        Case {
            name: "KIA1101, IST0101: a destination that is not there",
            fault: vec![route("[{destination: {host: nobody}, weight: 1}, {destination: {host: backend.default}, weight: 1}, {destination: {host: example.net}, weight: 1}]")],
            told: &[
                "Error host_missing [KIA1101 IST0101] default/virtualservice/split spec.http[0].route[0].destination.host",
                "Error host_missing [KIA1101 IST0101] default/virtualservice/split spec.http[0].route[1].destination.host",
                "Warning host_missing [KIA1101 IST0101] default/virtualservice/split spec.http[0].route[2].destination.host",
            ],
            sound: vec![vec![route("[{destination: {host: eu.pay.example.com, port: {number: 443}}, weight: 1}, {destination: {host: api.example.org}, weight: 1}, {destination: {host: backend.default.svc.clusterset.local}, weight: 1}]")]],
        },
        Case {
            name: "KIA1102: a gateway that is not there",
            fault: vec![vs("out", "{hosts: [app.example.com], gateways: [web, shop/web], http: [{route: [{destination: {host: backend}}]}]}")],
            told: &["Error gateway_missing [KIA1102 IST0101] default/virtualservice/out spec.gateways[1]"],
            sound: vec![
                vec![vs("shop/out", "{hosts: [app.example.com], gateways: [default/web], http: [{route: [{destination: {host: backend.default.svc.cluster.local}}]}]}")],
                vec![vs("out", "{hosts: [app.example.com], gateways: [edge-istio-autogenerated-k8s-gateway], http: [{route: [{destination: {host: backend}}]}]}")],
            ],
        },
        Case {
            name: "KIA1105: a destination named twice",
            fault: vec![route("[{destination: {host: backend, subset: v1}, weight: 50}, {destination: {host: backend, subset: v1}, weight: 50}]")],
            told: &["Warning destination_twice [KIA1105] default/virtualservice/split spec.http[0].route[1]"],
            sound: vec![vec![vs("split", "{hosts: [backend], http: [{match: [{uri: {prefix: /a}}], route: [{destination: {host: backend, subset: v1}}]}, {route: [{destination: {host: backend, subset: v1}}]}]}")]],
        },
        Case {
            name: "KIA1106, IST0109: two VirtualServices for a host in the mesh",
            fault: vec![vs("a", "{hosts: [backend], http: [{route: [{destination: {host: backend}}]}]}"), vs("b", "{hosts: [backend.default.svc.cluster.local], http: [{route: [{destination: {host: backend}}]}]}")],
            told: &["Error host_twice [KIA1106 IST0109] default/virtualservice/b spec.hosts[0]"],
            sound: vec![
                // One that a namespace keeps for itself goes before the one for all, and is meant to.
                vec![vs("a", "{hosts: [backend], http: [{route: [{destination: {host: backend}}]}]}"), vs("shop/b", "{hosts: [backend.default.svc.cluster.local], exportTo: ['.'], http: [{route: [{destination: {host: backend.default.svc.cluster.local}}]}]}")],
                vec![vs("a", "{hosts: [backend], exportTo: [shop], http: [{route: [{destination: {host: backend}}]}]}"), vs("b", "{hosts: [backend], exportTo: [payments], http: [{route: [{destination: {host: backend}}]}]}")],
                vec![vs("a", "{hosts: [backend], http: [{route: [{destination: {host: backend}}]}]}"), vs("b", "{hosts: [app.example.com], gateways: [web], http: [{route: [{destination: {host: backend}}]}]}")],
            ],
        },
        Case {
            name: "KIA1107, IST0101: a subset that is not there",
            fault: vec![route("[{destination: {host: backend, subset: v9}}]")],
            told: &["Error subset_missing [KIA1107 IST0101] default/virtualservice/split spec.http[0].route[0].destination.subset"],
            sound: vec![
                // The rule of the route's own namespace, whose callers follow it.
                vec![
                    rule("shop/own", "{host: backend.default.svc.cluster.local, exportTo: ['.'], subsets: [{name: own, labels: {version: v1}}]}"),
                    vs("shop/split", "{hosts: [backend.default.svc.cluster.local], exportTo: ['.'], http: [{route: [{destination: {host: backend.default.svc.cluster.local, subset: own}}]}]}"),
                ],
                // One of the gateway's own namespace.
                vec![
                    rule("istio-system/own", "{host: backend.default.svc.cluster.local, exportTo: ['.'], subsets: [{name: own, labels: {version: v1}}]}"),
                    vs("out", "{hosts: [app.example.com], gateways: [web], http: [{route: [{destination: {host: backend, subset: own}}]}]}"),
                ],
            ],
        },
        Case {
            name: "KIA1401, KIA1402: parents and backends of the Gateway API",
            fault: vec![object("HTTPRoute", "out", "{parentRefs: [{name: edge}, {name: web}, {name: nobody, kind: Service, group: ''}], rules: [{backendRefs: [{name: backend, port: 80}, {name: nobody, port: 80}, {name: cart, namespace: shop, port: 80}]}]}")],
            told: &[
                "Error gateway_missing [KIA1401] default/httproute/out spec.parentRefs[1]",
                "Error host_missing [KIA1402] default/httproute/out spec.parentRefs[2]",
                "Error host_missing [KIA1402 IST0101] default/httproute/out spec.rules[0].backendRefs[1].name",
                "Error host_missing [KIA1402 IST0101] default/httproute/out spec.rules[0].backendRefs[2].name",
            ],
            sound: vec![vec![object("HTTPRoute", "shop/out", "{parentRefs: [{name: edge, namespace: default}, {name: gone, kind: XListenerSet}], rules: [{backendRefs: [{name: backend, namespace: default, port: 80}, {name: nobody, kind: ServiceImport, group: multicluster.x-k8s.io, port: 80}]}]}")]],
        },
        Case {
            name: "IST0112: which of several ports",
            fault: vec![vs("out", "{hosts: [app.example.com], gateways: [web], http: [{route: [{destination: {host: store}}]}]}")],
            told: &["Error port_missing [IST0112] default/virtualservice/out spec.http[0].route[0].destination.port"],
            sound: vec![vec![vs("out", "{hosts: [app.example.com], gateways: [web], http: [{route: [{destination: {host: store, port: {number: 8080}}}]}]}")]],
        },
        Case {
            name: "IST0112: the port that was called",
            fault: vec![vs("inside", "{hosts: [store], http: [{route: [{destination: {host: store}}]}]}")],
            told: &["Info port_missing [IST0112] default/virtualservice/inside spec.http[0].route[0].destination.port"],
            sound: vec![vec![vs("inside", "{hosts: [backend], http: [{route: [{destination: {host: backend}}]}]}")]],
        },
        Case {
            name: "IST0130: a rule that is never reached",
            fault: vec![vs("split", "{hosts: [backend], http: [{route: [{destination: {host: backend}}]}, {match: [{uri: {prefix: /a}}], route: [{destination: {host: backend}}]}]}")],
            told: &["Warning rule_unreachable [IST0130] default/virtualservice/split spec.http[1]"],
            sound: vec![vec![vs("split", "{hosts: [backend], http: [{match: [{uri: {prefix: /a}}], route: [{destination: {host: backend}}]}, {route: [{destination: {host: backend}}]}]}")]],
        },
        Case {
            name: "IST0131: a match that is never reached",
            fault: vec![vs("split", "{hosts: [backend], http: [{match: [{uri: {prefix: /a}}, {uri: {exact: /a/b}}], route: [{destination: {host: backend}}]}]}")],
            told: &["Info match_ineffective [IST0131] default/virtualservice/split spec.http[0].match[1]"],
            sound: vec![vec![vs("split", "{hosts: [backend], http: [{match: [{uri: {exact: /a/b}}, {uri: {prefix: /a}}], route: [{destination: {host: backend}}]}]}")]],
        },
        Case {
            name: "IST0140: subsets that a gateway sends past",
            fault: vec![route("[{destination: {host: backend, subset: v1}}]"), vs("out", "{hosts: [app.example.com], gateways: [web], http: [{route: [{destination: {host: backend}}]}]}")],
            told: &["Warning subset_not_at_gateway [IST0140] default/virtualservice/split spec.hosts[0]"],
            sound: vec![
                vec![route("[{destination: {host: backend, subset: v1}}]"), vs("out", "{hosts: [app.example.com], gateways: [web], http: [{route: [{destination: {host: backend, subset: v1}}]}]}")],
                vec![route("[{destination: {host: backend}}]"), vs("out", "{hosts: [app.example.com], gateways: [web], http: [{route: [{destination: {host: backend}}]}]}")],
            ],
        },
        Case {
            name: "all weights on a subset without ready pods",
            fault: vec![route("[{destination: {host: backend, subset: v1}, weight: 0}, {destination: {host: backend, subset: v3}, weight: 100}]")],
            told: &["Error nothing_ready [IST0173] default/virtualservice/split spec.http[0].route[1]"],
            sound: vec![vec![route("[{destination: {host: backend, subset: v1}, weight: 100}, {destination: {host: backend, subset: v3}, weight: 0}]")]],
        },
        Case {
            name: "some weight on a subset without ready pods",
            fault: vec![route("[{destination: {host: backend, subset: v1}, weight: 99}, {destination: {host: backend, subset: v3}, weight: 1}]")],
            told: &["Error subset_not_ready [IST0173] default/virtualservice/split spec.http[0].route[1]"],
            sound: vec![vec![route("[{destination: {host: backend, subset: v1}, weight: 99}, {destination: {host: backend, subset: v2}, weight: 1}]")]],
        },
        Case {
            name: "a certificate that is not there",
            fault: vec![gateway("tls", "{selector: {istio: ingressgateway}, servers: [{port: {number: 443, name: https, protocol: HTTPS}, tls: {mode: SIMPLE, credentialName: gone}, hosts: [b.example.com]}]}")],
            told: &["Error credential_missing [IST0101] default/gateway/tls spec.servers[0].tls.credentialName"],
            sound: vec![
                vec![gateway("tls", "{selector: {istio: ingressgateway}, servers: [{port: {number: 443, name: https, protocol: HTTPS}, tls: {mode: SIMPLE, credentialName: kubernetes://web-tls}, hosts: [b.example.com]}]}")],
                vec![gateway("tls", "{selector: {istio: ingressgateway}, servers: [{port: {number: 443, name: tls, protocol: TLS}, tls: {mode: PASSTHROUGH}, hosts: [b.example.com]}]}")],
            ],
        },
        Case {
            name: "IST0101: a delegate that is not there",
            fault: vec![vs("root", "{hosts: [backend], http: [{delegate: {name: gone}}]}")],
            told: &["Error delegate_missing [IST0101] default/virtualservice/root spec.http[0].delegate"],
            sound: vec![vec![
                vs("root", "{hosts: [backend], http: [{match: [{uri: {prefix: /a}}], delegate: {name: a, namespace: shop}}]}"),
                vs("shop/a", "{http: [{route: [{destination: {host: backend.default.svc.cluster.local, subset: v1}}]}]}"),
            ]],
        },
        Case {
            name: "IST0106: an object that can't be read",
            fault: vec![rule("broken", "{host: backend, subsets: [{labels: {version: v1}}]}")],
            told: &["Error unreadable [IST0106] default/destinationrule/broken spec.subsets[0].name"],
            sound: vec![vec![rule("broken", "{host: backend, subsets: [{name: one, labels: {version: v1}}]}")]],
        },
    ]
}

#[test]
fn the_base_is_sound() {
    assert_eq!(told(read(&[])), [""; 0]);
}

#[test]
fn w4_each_fault_is_found_once_and_what_is_sound_is_left_alone() {
    let mut wrong = Vec::new();
    for case in cases() {
        let found = told(read(&case.fault));
        if found != case.told {
            wrong.push(format!("{}: {found:#?}", case.name));
        }
        for (idx, sound) in case.sound.iter().enumerate() {
            let found = told(read(sound));
            if !found.is_empty() {
                wrong.push(format!("{}, sound config {idx}: {found:#?}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn w4_what_is_known_under_another_domain_is_known() {
    for case in cases() {
        let renamed = |more: &[String]| {
            let base = BASE.replace("cluster.local", "example.internal");
            let mut text = base;
            for object in more {
                text.push_str(&format!(
                    "---\n{}\n",
                    object.replace("cluster.local", "example.internal")
                ));
            }
            Read {
                domain: Some("example.internal".to_owned()),
                ..Read::all(objects(&text))
            }
        };
        assert_eq!(told(renamed(&case.fault)), case.told, "{}", case.name);
        for sound in &case.sound {
            // The wildcard of all services ends like the domain.
            let sound: Vec<String> = sound
                .iter()
                .map(|it| it.replace("*.local", "*.internal"))
                .collect();
            assert_eq!(told(renamed(&sound)), [""; 0], "{}", case.name);
        }
    }
}

#[test]
fn w5_what_argo_rollouts_steers_is_left_alone() {
    let rollout = "{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: cart, namespace: default}, spec: {replicas: 2, strategy: {canary: {trafficRouting: {istio: {destinationRule: {name: cart}}}}}, template: {metadata: {labels: {app: cart}}}}, status: {readyReplicas: 2}}".to_owned();
    let service = |name: &str, selector: &str| {
        object(
            "Service",
            name,
            &format!("{{selector: {{app: cart{selector}}}, ports: [{{port: 80}}]}}"),
        )
    };
    let both = |a: &str, b: &str| {
        vs(
            "cart",
            &format!(
                "{{hosts: [cart], http: [{{route: [{{destination: {a}, weight: 90}}, {{destination: {b}, weight: 10}}]}}]}}"
            ),
        )
    };
    let subsets = both(
        "{host: cart, subset: stable}",
        "{host: cart, subset: canary}",
    );
    // Subsets with its hash, a canary's not among the pods yet.
    let hashed = [
        rollout.clone(),
        service("cart", ""),
        subsets.clone(),
        rule(
            "cart",
            "{host: cart, subsets: [{name: stable, labels: {app: cart, rollouts-pod-template-hash: abc}}, {name: canary, labels: {rollouts-pod-template-hash: def}}]}",
        ),
    ];
    assert_eq!(told(read(&hashed)), [""; 0]);
    // Before its first rollout, subsets have no labels, or ones of its own.
    let fresh = [
        rollout.clone(),
        service("cart", ""),
        subsets,
        rule(
            "cart",
            "{host: cart, subsets: [{name: stable}, {name: canary, labels: {role: canary}}]}",
        ),
    ];
    assert_eq!(told(read(&fresh)), [""; 0]);
    // Two services, of which it changes the selectors.
    let services = [
        rollout,
        service("cart", ", rollouts-pod-template-hash: abc"),
        service("cart-canary", ", rollouts-pod-template-hash: def"),
        both("{host: cart}", "{host: cart-canary}"),
    ];
    assert_eq!(told(read(&services)), [""; 0]);
    // The same labels of somebody else are a fault.
    let by_hand = [
        hashed[1].clone(),
        rule(
            "cart",
            "{host: cart, subsets: [{name: canary, labels: {role: canary}}]}",
        ),
    ];
    assert_eq!(
        told(read(&by_hand)),
        [
            "Info subset_selects_nothing [KIA0203 IST0173] default/destinationrule/cart spec.subsets[0].labels"
        ]
    );
}

#[test]
fn w4_what_could_not_be_listed_is_said_once_and_nothing_is_said_to_be_missing() {
    let kinds = [
        "Service",
        "ServiceEntry",
        "DestinationRule",
        "VirtualService",
        "Gateway",
        "Deployment",
        "Secret",
    ];
    let claims = [
        "host_missing",
        "subset_missing",
        "gateway_missing",
        "delegate_missing",
        "subset_selects_nothing",
        "gateway_without_workload",
        "credential_missing",
        "subset_not_ready",
        "nothing_ready",
    ];
    for case in cases() {
        let all = read(&case.fault);
        let unread: BTreeSet<String> = kinds.iter().map(|it| (*it).to_owned()).collect();
        let is_unread = |it: &Arc<Stored>| unread.contains(&it.key().kind);
        // The objects may still be there: of one namespace, say.
        for keeps in [true, false] {
            let objects = all.objects.iter().filter(|it| keeps || !is_unread(it));
            let found = told(Read {
                objects: objects.cloned().collect(),
                unread: unread.clone(),
                domain: None,
            });
            for line in &found {
                assert!(
                    claims.iter().all(|claim| !line.contains(claim)),
                    "{}: {line}",
                    case.name
                );
            }
            let said = found
                .iter()
                .filter(|line| line.starts_with("Info kind_unread"));
            // Secrets are most people's not to list: that is no news.
            assert_eq!(said.count(), kinds.len() - 1, "{found:?}");
        }
    }
}

#[test]
fn one_of_two_kinds_of_a_name_may_be_listed() {
    let told_with = |unread: &str| {
        let fault = [
            vs(
                "out",
                "{hosts: [app.example.com], gateways: [gone], http: [{route: [{destination: {host: backend}}]}]}",
            ),
            object(
                "HTTPRoute",
                "out",
                "{parentRefs: [{name: gone}], rules: [{backendRefs: [{name: backend, port: 80}]}]}",
            ),
        ];
        let unread = BTreeSet::from([unread.to_owned()]);
        let found = told(Read {
            unread,
            ..read(&fault)
        });
        let codes = found
            .iter()
            .filter_map(|line| line.split_once('[')?.1.split([' ', ']']).next());
        codes
            .filter(|code| !code.is_empty())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(told_with("Gateway.networking.istio.io"), ["KIA1401"]);
    assert_eq!(told_with("Gateway.gateway.networking.k8s.io"), ["KIA1102"]);
    assert_eq!(told_with("Gateway"), [""; 0]);
}

#[test]
fn without_any_secret_certificates_are_not_told_of() {
    let mut read = read(&[]);
    read.objects.retain(|it| it.key().kind != "Secret");
    assert_eq!(told(read), [""; 0]);
}

#[test]
fn routes_show_what_they_meet_elsewhere() {
    let fault = [
        rule(
            "breaker",
            "{host: backend, trafficPolicy: {outlierDetection: {consecutive5xxErrors: 3}}}",
        ),
        gateway(
            "tls",
            "{selector: {istio: ingressgateway}, servers: [{port: {number: 443, name: https, protocol: HTTPS}, tls: {mode: SIMPLE, credentialName: gone}, hosts: [b.example.com]}]}",
        ),
        vs(
            "out",
            "{hosts: [b.example.com], gateways: [tls], http: [{route: [{destination: {host: backend}}]}]}",
        ),
        vs(
            "shop/other",
            "{hosts: [c.default.svc.cluster.local], exportTo: ['.'], http: [{route: [{destination: {host: store.default.svc.cluster.local, port: {number: 8080}}}]}]}",
        ),
    ];
    let board = Board::read(read(&fault));
    let codes = |idx: usize| {
        board
            .found
            .of_route(idx)
            .into_iter()
            .map(|it| it.code)
            .collect::<Vec<_>>()
    };
    assert_eq!(codes(0), ["credential_missing", "policy_without_effect"]);
    assert_eq!(codes(1), [""; 0]);
    // The faults themselves are told once, of the objects that they are in, by namespace.
    let of = |namespace: &str| board.checks(&[namespace.to_owned()]);
    assert_eq!((of("default").items.len(), of("shop").items.len()), (2, 0));
    assert_eq!((of("default").objects, of("shop").objects), (5, 1));
    let about = &of("default").items[0].about;
    assert_eq!(
        (about.kind.as_str(), about.name.as_str(), &about.route),
        ("Gateway", "tls", &None)
    );
}

#[test]
fn what_is_to_be_pasted_means_what_it_says() {
    let odd = "[{destination: {host: store, port: {number: 8080}, subset: \"no: 'x'\"}}]";
    let board = Board::read(read(&[route(odd)]));
    let found = board.checks(&[]).items.remove(0);
    let yaml: Value = serde_saphyr::from_str(found.check.yaml.as_ref().unwrap()).unwrap();
    assert_eq!(
        yaml.pointer("/spec/subsets/0/name"),
        Some(&json!("no: 'x'"))
    );
    assert_eq!(
        yaml.pointer("/spec/host"),
        Some(&json!("store.default.svc.cluster.local"))
    );
    assert_eq!(super::quoted("no"), "\"no\"");
}

/// Anything at all, in the places where something is looked for.
fn anything() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("backend"),
        Just("v1"),
        Just("*"),
        Just(""),
        Just("a/b"),
        Just("."),
        Just("*.x"),
        Just("mesh"),
        Just("backend.default.svc.cluster.local"),
        Just("default"),
        Just("SIMPLE"),
        Just("HTTPS"),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2i64..70_000).prop_map(Value::from),
        word.prop_map(Value::from),
    ];
    let key = prop::sample::select(
        &[
            "host",
            "hosts",
            "http",
            "route",
            "destination",
            "subset",
            "weight",
            "subsets",
            "labels",
            "name",
            "version",
            "gateways",
            "servers",
            "port",
            "number",
            "tls",
            "credentialName",
            "selector",
            "match",
            "uri",
            "prefix",
            "mode",
            "exportTo",
            "parentRefs",
            "rules",
            "backendRefs",
            "trafficPolicy",
            "delegate",
            "namespace",
            "spec",
            "protocol",
            "kind",
            "group",
            "template",
            "metadata",
            "ports",
            "app",
            "app.kubernetes.io/name",
        ][..],
    );
    leaf.prop_recursive(5, 40, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..5).prop_map(|fields| {
                Value::Object(fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
            }),
        ]
    })
}

/// An object of some kind that may say anything; some are objects of a sound mesh with one value replaced.
fn any_object() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(
        &[
            "Service",
            "Deployment",
            "Rollout",
            "VirtualService",
            "DestinationRule",
            "Gateway",
            "ServiceEntry",
            "HTTPRoute",
            "GRPCRoute",
            "Secret",
            "Pod",
            "WorkloadEntry",
        ][..],
    );
    let api = prop::sample::select(
        &[
            "networking.istio.io/v1",
            "gateway.networking.k8s.io/v1",
            "v1",
            "apps/v1",
        ][..],
    );
    let name = prop::sample::select(&["backend", "web", "a"][..]);
    let made = (kind, api, name, anything()).prop_map(|(kind, api, name, spec)| {
        json!({"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "default"}, "spec": spec})
    });
    let cases: Vec<Value> = cases()
        .iter()
        .flat_map(|case| read(&case.fault).objects)
        .map(|it| it.value().into_owned())
        .collect();
    let bent = (
        prop::sample::select(cases),
        any::<prop::sample::Index>(),
        anything(),
    )
        .prop_map(|(mut object, at, value)| {
            let mut pointers = Vec::new();
            pointers_of(&object, "", &mut pointers);
            let pointer = at.get(&pointers).clone();
            if let Some(place) = object.pointer_mut(&pointer) {
                *place = value;
            }
            object
        });
    prop_oneof![made, bent, anything()]
}

fn pointers_of(value: &Value, at: &str, pointers: &mut Vec<String>) {
    pointers.push(at.to_owned());
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let key = key.replace('~', "~0").replace('/', "~1");
                pointers_of(value, &format!("{at}/{key}"), pointers);
            }
        }
        Value::Array(items) => {
            for (idx, value) in items.iter().enumerate() {
                pointers_of(value, &format!("{at}/{idx}"), pointers);
            }
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn whatever_is_there_checks_answer_with_the_worst_first(
        bent in prop::collection::vec(any_object(), 0..12),
        with_base in any::<bool>(),
        unread in prop::collection::btree_set(prop::sample::select(&["Service", "Gateway", "Deployment"][..]), 0..2),
    ) {
        let bent = bent.into_iter().map(|it| Arc::new(it.into()));
        let mut objects: Vec<Arc<Stored>> = bent.collect();
        if with_base {
            objects.extend(read(&[]).objects);
        }
        let unread = unread.into_iter().map(str::to_owned).collect();
        let found = Board::read(Read { objects, unread, domain: None }).checks(&[]).items;
        let severities: Vec<_> = found.iter().map(|it| it.check.severity).collect();
        prop_assert!(severities.is_sorted());
        for finding in &found {
            prop_assert!(!finding.check.message.is_empty() && !finding.check.why.is_empty());
        }
    }
}
