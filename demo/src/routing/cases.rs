//! The table of cases that this evaluation and `mesh::routing` are both tested against.

use serde::Deserialize;

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
    demo: Option<Later>,
    #[serde(default)]
    objects: Vec<Value>,
    #[serde(default)]
    refused: Vec<String>,
    calls: Vec<Call>,
}

/// Marks a case that only `mesh::routing` follows so far.
#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Later {
    Later,
}

/// What is spoken. The demo follows requests so far.
#[derive(Deserialize, Default, Debug, PartialEq)]
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
    let followed = |case: &&Case| case.demo != Some(Later::Later);
    for case in table.cases.iter().filter(followed) {
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
            if call.protocol != Protocol::Http || call.port.is_some() || call.sni.is_some() {
                wrong.push(format!(
                    "{}, call {idx}: the demo does not read what it speaks",
                    case.case
                ));
            }
            let headers: Vec<(&str, &str)> = call
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            let verdict = routing.route(
                &Request {
                    namespace: &call.from,
                    labels: &call.labels,
                    from_gateway: call.gateway,
                    host: &call.host,
                    method: call.method.as_deref().unwrap_or("GET"),
                    path: call.path.as_deref().unwrap_or("/"),
                    headers: &headers,
                },
                &deployments,
            );
            let (shares, abort, delay) = told(&verdict, &deployments);
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
    assert!(60 <= n_calls, "{n_calls} calls are in the table");
}

/// Tells a verdict in the words of the table.
fn told(
    verdict: &Verdict,
    deployments: &[Deployment],
) -> (
    BTreeMap<String, f64>,
    Option<ExpectedAbort>,
    Option<ExpectedDelay>,
) {
    let whole = |word: String| BTreeMap::from([(word, 1.0)]);
    let route = match verdict {
        Verdict::NoRoute => return (whole("404 NR".to_owned()), None, None),
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
            (None, _) | (_, None) => "503 NC".to_owned(),
            (Some(workloads), _) if workloads.iter().map(n_ready).sum::<u32>() == 0 => {
                "503 UH".to_owned()
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
