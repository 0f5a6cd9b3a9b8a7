//! The table of cases that this evaluation and `mesh::routing` are both tested against.

use serde::Deserialize;
use serde_json::Value;

use super::connections::Connection;
use super::*;
use crate::deployments;

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
    #[serde(default)]
    objects: Vec<Value>,
    #[serde(default)]
    refused: Vec<String>,
    calls: Vec<Call>,
}

/// What is spoken.
#[derive(Clone, Copy, Deserialize, Default, Debug, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Protocol {
    #[default]
    Http,
    Tcp,
    Tls,
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
    let table: Table = serde_saphyr::from_str(include_str!("../../routing-cases.yaml")).unwrap();
    let mut wrong = Vec::new();
    let mut n_calls = 0;
    for case in &table.cases {
        let objects = table.base.iter().chain(&case.objects).cloned().collect();
        let objects = Objects::from_values(objects).unwrap();
        let mut complaints = Vec::new();
        let deployments = deployments::read(&objects, &mut complaints);
        let routing = Routing::read(&objects, &mut complaints);
        let refused: Vec<String> = complaints
            .iter()
            .map(|c| format!("{} {}/{}", c.kind, c.namespace, c.name))
            .collect();
        if refused != case.refused {
            wrong.push(format!("{}: refused {refused:?}", case.case));
        }
        for (idx, call) in case.calls.iter().enumerate() {
            n_calls += 1;
            let verdict = call.verdict(&routing, &deployments);
            let (shares, abort, delay) = told(&verdict, call.protocol, &deployments);
            let same = shares.len() == call.expect.len()
                && shares
                    .iter()
                    .zip(&call.expect)
                    .all(|(a, b)| a.0 == b.0 && (a.1 - b.1).abs() < 1e-9);
            if !same || abort != call.abort || delay != call.delay {
                wrong.push(format!(
                    "{}, call {idx}: {shares:?} {abort:?} {delay:?}",
                    case.case
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(150 <= n_calls, "{n_calls} calls are in the table");
}

impl Call {
    fn verdict(&self, routing: &Routing, deployments: &[Deployment]) -> Verdict {
        let caller = Caller {
            namespace: &self.from,
            labels: &self.labels,
            is_gateway: self.gateway,
            port: self.port.unwrap_or(80),
        };
        if self.protocol != Protocol::Http {
            let sni = self.sni.as_deref().unwrap_or(&self.host);
            let connection = Connection {
                caller,
                host: &self.host,
                sni: (self.protocol == Protocol::Tls).then_some(sni),
            };
            return routing.connect(&connection, deployments);
        }
        let headers = self.headers.iter();
        let headers: Vec<(&str, &str)> = headers
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let request = Request {
            caller,
            host: &self.host,
            method: self.method.as_deref().unwrap_or("GET"),
            path: self.path.as_deref().unwrap_or("/"),
            headers: &headers,
        };
        routing.route(&request, deployments)
    }
}

/// Tells a verdict in the words of the table.
fn told(
    verdict: &Verdict,
    protocol: Protocol,
    deployments: &[Deployment],
) -> (
    BTreeMap<String, f64>,
    Option<ExpectedAbort>,
    Option<ExpectedDelay>,
) {
    let whole = |word: String| BTreeMap::from([(word, 1.0)]);
    // A connection that is closed has no status.
    let failed = |status: u16, flag: &str| match protocol {
        Protocol::Http => format!("{status} {flag}"),
        Protocol::Tcp | Protocol::Tls => flag.to_owned(),
    };
    let route = match verdict {
        Verdict::NoRoute => return (whole(failed(404, "NR")), None, None),
        Verdict::Answer(status) => return (whole(status.to_string()), None, None),
        Verdict::Route(route) => route,
    };
    let total: u64 = route.shares.iter().map(|share| share.weight).sum();
    let mut shares = BTreeMap::new();
    for Share {
        weight,
        destination,
    } in &route.shares
    {
        let n_ready = |idx: &usize| deployments[*idx].replicas - deployments[*idx].unavailable;
        let word = match (&destination.workloads, &destination.service) {
            (None, _) | (_, None) => failed(503, "NC"),
            (Some(workloads), _) if workloads.iter().map(n_ready).sum::<u32>() == 0 => {
                failed(503, "UH")
            }
            (Some(_), Some((namespace, name))) => match &destination.subset {
                Some(subset) => format!("{namespace}/{name} {subset}"),
                None => format!("{namespace}/{name}"),
            },
        };
        *shares.entry(word).or_insert(0.0) += *weight as f64 / total as f64;
    }
    let abort = route.abort.map(|abort| ExpectedAbort {
        share: abort.share,
        status: match abort.status {
            AbortStatus::Http(status) | AbortStatus::Grpc(status) => status,
        },
    });
    let delay = route.delay.map(|delay| ExpectedDelay {
        share: delay.share,
        ms: delay.ms,
    });
    (shares, abort, delay)
}
