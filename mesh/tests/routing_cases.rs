//! Istio's routing against the table of cases that the demo's own reading is tested against as well.

use std::collections::BTreeMap;

use mesh::inventory::Inventory;
use mesh::routing::hosts::DOMAIN;
use mesh::routing::{Request, Routing, RuleList, Share, Status, Verdict};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    base: Vec<Value>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    case: String,
    /// What the demo does with it is not asked here.
    #[serde(default, rename = "demo")]
    _demo: Option<String>,
    #[serde(default)]
    objects: Vec<Value>,
    #[serde(default)]
    refused: Vec<String>,
    calls: Vec<Call>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    from: String,
    #[serde(default)]
    gateway: bool,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    protocol: Protocol,
    #[serde(default)]
    host: String,
    port: Option<u16>,
    sni: Option<String>,
    path: Option<String>,
    method: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    expect: BTreeMap<String, f64>,
    abort: Option<ExpectedAbort>,
    delay: Option<ExpectedDelay>,
}

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "lowercase")]
enum Protocol {
    #[default]
    Http,
    Tcp,
    Tls,
}

#[derive(Deserialize, Debug, PartialEq)]
struct ExpectedAbort {
    share: f64,
    status: u16,
}

#[derive(Deserialize, Debug, PartialEq)]
struct ExpectedDelay {
    share: f64,
    ms: f64,
}

#[test]
fn every_call_of_the_table_goes_where_istios_documentation_says() {
    let table: Table =
        serde_saphyr::from_str(include_str!("../../demo/routing-cases.yaml")).unwrap();
    let mut wrong = Vec::new();
    let mut n_calls = 0;
    for case in &table.cases {
        let objects = || table.base.iter().chain(&case.objects);
        let inventory = Inventory::read(objects());
        let routing = Routing::read(objects(), DOMAIN);
        let refused = routing.problems.iter();
        let refused: Vec<String> = refused.map(|(object, _)| object.to_string()).collect();
        if refused != case.refused {
            let why: Vec<String> = routing.problems.iter().map(|it| it.1.to_string()).collect();
            wrong.push(format!("{}: refused {refused:?} {why:?}", case.case));
        }
        for (idx, call) in case.calls.iter().enumerate() {
            n_calls += 1;
            let verdict = decide(&routing, call);
            let told = tell(&verdict, call.protocol, &inventory);
            let is_same = told.shares.len() == call.expect.len()
                && told
                    .shares
                    .iter()
                    .zip(&call.expect)
                    .all(|(a, b)| a.0 == b.0 && (a.1 - b.1).abs() < 1e-9);
            if !is_same || told.abort != call.abort || told.delay != call.delay {
                wrong.push(format!(
                    "{}, call {idx}: {told:?} by {verdict:?}",
                    case.case
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(140 <= n_calls, "{n_calls} calls are in the table");
}

fn decide(routing: &Routing, call: &Call) -> Verdict {
    let headers: Vec<(&str, &str)> = call
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    routing.decide(&Request {
        namespace: &call.from,
        labels: &call.labels,
        from_gateway: call.gateway,
        protocol: match call.protocol {
            Protocol::Http => RuleList::Http,
            Protocol::Tcp => RuleList::Tcp,
            Protocol::Tls => RuleList::Tls,
        },
        host: &call.host,
        port: call.port.unwrap_or(80),
        sni: call.sni.as_deref().unwrap_or(&call.host),
        scheme: "http",
        method: call.method.as_deref().unwrap_or("GET"),
        path: call.path.as_deref().unwrap_or("/"),
        headers: &headers,
    })
}

/// A verdict in the words of the table.
#[derive(Debug, Default)]
struct Told {
    shares: BTreeMap<String, f64>,
    abort: Option<ExpectedAbort>,
    delay: Option<ExpectedDelay>,
}

fn tell(verdict: &Verdict, protocol: Protocol, inventory: &Inventory) -> Told {
    let flag = |status: &str, flag: &str| match protocol {
        Protocol::Http => format!("{status} {flag}"),
        Protocol::Tcp | Protocol::Tls => flag.to_owned(),
    };
    let whole = |word: String| Told {
        shares: BTreeMap::from([(word, 1.0)]),
        ..Told::default()
    };
    let route = match verdict {
        Verdict::NoRoute => return whole(flag("404", "NR")),
        Verdict::Answer { status, .. } => return whole(status.to_string()),
        Verdict::Passthrough => return whole("passes through".to_owned()),
        Verdict::Route(route) => route,
    };
    let total: u32 = route.shares.iter().map(|share| share.weight).sum();
    let mut told = Told::default();
    for share in &route.shares {
        let word = match taken_by(share, inventory) {
            None => flag("503", "NC"),
            Some((_, 0)) => flag("503", "UH"),
            Some((word, _)) => word,
        };
        *told.shares.entry(word).or_insert(0.0) += f64::from(share.weight) / f64::from(total);
    }
    told.abort = route.abort.as_ref().map(|abort| ExpectedAbort {
        share: abort.percent / 100.0,
        status: match &abort.status {
            Status::Http(status) => *status,
            // The table has none; 0 is no status.
            Status::Grpc(_) => 0,
        },
    });
    told.delay = route.delay.as_ref().map(|delay| ExpectedDelay {
        share: delay.percent / 100.0,
        ms: delay.length.as_secs_f64() * 1_000.0,
    });
    told
}

/// Who takes a share, and how many of their pods are ready.
fn taken_by(share: &Share, inventory: &Inventory) -> Option<(String, u32)> {
    let target = share.target.as_ref()?;
    let key = target.service.clone()?;
    let service = &inventory.services[&key];
    let workloads = inventory.workloads_of(service, &target.labels);
    let subset = share.subset.as_ref().map(|subset| format!(" {subset}"));
    let word = format!("{}/{}{}", key.0, key.1, subset.unwrap_or_default());
    Some((word, workloads.iter().map(|workload| workload.ready).sum()))
}
