//! Writes a rule: what is edited, and nothing else of it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::read;
use crate::api::rules::{DestinationSpec, MatchSpec, MirrorSpec, RetriesSpec, RuleSpec, TextMatch};

/// Writes what differs between what the rule says and what it is to say; the rest is not touched, in whichever
/// of Istio's ways it is written.
pub fn rule(rule: &Value, now: &RuleSpec, to: &RuleSpec) -> Value {
    let mut rule = rule.as_object().cloned().unwrap_or_default();
    if now.name != to.name {
        put_text(&mut rule, "name", to.name.as_deref());
    }
    if now.matches != to.matches {
        write_matches(&mut rule, now, to);
    }
    if now.destinations != to.destinations {
        write_destinations(&mut rule, to);
    }
    if now.mirror != to.mirror {
        write_mirror(&mut rule, to.mirror.as_ref());
    }
    if now.delay != to.delay {
        let delay = to.delay.as_ref();
        write_fault(&mut rule, "delay", delay.map(|it| it.percent), |fields| {
            put_text(fields, "fixedDelay", delay.map(|it| it.length.as_str()));
        });
    }
    if now.abort != to.abort {
        let abort = to.abort.as_ref();
        write_fault(&mut rule, "abort", abort.map(|it| it.percent), |fields| {
            let http = abort.and_then(|it| it.http_status);
            put_value(fields, "httpStatus", http.map(Value::from));
            let grpc = abort.and_then(|it| it.grpc_status.as_deref());
            put_text(fields, "grpcStatus", grpc);
        });
    }
    if now.timeout != to.timeout {
        put_text(&mut rule, "timeout", to.timeout.as_deref());
    }
    if now.retries != to.retries {
        write_retries(&mut rule, to.retries.as_ref());
    }
    rule.into()
}

fn write_matches(rule: &mut Map<String, Value>, now: &RuleSpec, to: &RuleSpec) {
    let old = rule.get("match").and_then(Value::as_array);
    let old = old.cloned().unwrap_or_default();
    let entries: Vec<Value> = to
        .matches
        .iter()
        .map(|entry| {
            let before = entry.of.and_then(|of| now.matches.get(of));
            let kept = entry.of.and_then(|of| old.get(of)?.as_object());
            let mut fields = kept.cloned().unwrap_or_default();
            let nothing = MatchSpec::default();
            let before = before.unwrap_or(&nothing);
            if before.uri != entry.uri {
                put_value(&mut fields, "uri", entry.uri.as_ref().map(text_match));
            }
            if before.method != entry.method {
                put_value(&mut fields, "method", entry.method.as_ref().map(text_match));
            }
            if before.headers != entry.headers {
                write_headers(&mut fields, &before.headers, &entry.headers);
            }
            if before.gateways != entry.gateways {
                let gateways = Some(&entry.gateways).filter(|list| !list.is_empty());
                put_value(&mut fields, "gateways", gateways.map(|list| json!(list)));
            }
            fields.into()
        })
        .collect();
    put_value(
        rule,
        "match",
        Some(entries)
            .filter(|list| !list.is_empty())
            .map(Value::from),
    );
}

fn write_headers(
    fields: &mut Map<String, Value>,
    now: &BTreeMap<String, TextMatch>,
    to: &BTreeMap<String, TextMatch>,
) {
    let kept = fields.get("headers").and_then(Value::as_object);
    let mut headers = kept.cloned().unwrap_or_default();
    headers.retain(|name, _| to.contains_key(name));
    for (name, text) in to {
        if now.get(name) != Some(text) {
            headers.insert(name.clone(), text_match(text));
        }
    }
    let headers = Some(headers).filter(|headers| !headers.is_empty());
    put_value(fields, "headers", headers.map(Value::from));
}

fn text_match(text: &TextMatch) -> Value {
    match text {
        TextMatch::Exact(text) => json!({"exact": text}),
        TextMatch::Prefix(text) => json!({"prefix": text}),
        TextMatch::Regex(text) => json!({"regex": text}),
        TextMatch::Present => json!({}),
    }
}

/// A destination is the same where host, subset and port are: what it says besides stays with it.
fn write_destinations(rule: &mut Map<String, Value>, to: &RuleSpec) {
    let old = rule.get("route").and_then(Value::as_array);
    let mut old: Vec<Option<Value>> = old
        .cloned()
        .unwrap_or_default()
        .into_iter()
        .map(Some)
        .collect();
    let destinations: Vec<Value> = to
        .destinations
        .iter()
        .map(|wanted| {
            let is_it = |entry: &Option<Value>| {
                let its = entry.as_ref().map(read::destination);
                its.is_some_and(|its| same_place(&its, wanted))
            };
            let kept = old
                .iter_mut()
                .find(|entry| is_it(entry))
                .and_then(Option::take);
            let mut fields = kept
                .and_then(|kept| kept.as_object().cloned())
                .unwrap_or_else(|| {
                    let mut destination = Map::new();
                    put_place(
                        &mut destination,
                        &wanted.host,
                        wanted.subset.as_deref(),
                        wanted.port,
                    );
                    Map::from_iter([("destination".to_owned(), destination.into())])
                });
            let its = fields.get("weight").and_then(Value::as_u64);
            if its != wanted.weight.map(u64::from) {
                put_value(&mut fields, "weight", wanted.weight.map(Value::from));
            }
            fields.into()
        })
        .collect();
    let destinations = Some(destinations).filter(|list| !list.is_empty());
    put_value(rule, "route", destinations.map(Value::from));
}

fn same_place(a: &DestinationSpec, b: &DestinationSpec) -> bool {
    (&a.host, &a.subset, a.port) == (&b.host, &b.subset, b.port)
}

fn put_place(fields: &mut Map<String, Value>, host: &str, subset: Option<&str>, port: Option<u16>) {
    put_text(fields, "host", Some(host));
    put_text(fields, "subset", subset);
    put_value(fields, "port", port.map(|number| json!({"number": number})));
}

fn write_mirror(rule: &mut Map<String, Value>, to: Option<&MirrorSpec>) {
    for older in ["mirrorPercent", "mirror_percent", "mirrorPercentage"] {
        rule.remove(older);
    }
    let Some(to) = to else {
        rule.remove("mirror");
        return;
    };
    let kept = rule.get("mirror").and_then(Value::as_object);
    let mut mirror = kept.cloned().unwrap_or_default();
    put_place(&mut mirror, &to.host, to.subset.as_deref(), to.port);
    rule.insert("mirror".to_owned(), mirror.into());
    put_value(rule, "mirrorPercentage", to.percent.map(percentage));
}

fn write_fault(
    rule: &mut Map<String, Value>,
    name: &str,
    percent: Option<f64>,
    edit: impl FnOnce(&mut Map<String, Value>),
) {
    let kept = rule.get("fault").and_then(Value::as_object);
    let mut fault = kept.cloned().unwrap_or_default();
    match percent {
        None => {
            fault.remove(name);
        }
        Some(percent) => {
            let kept = fault.get(name).and_then(Value::as_object);
            let mut fields = kept.cloned().unwrap_or_default();
            if read::percent(&Value::from(fields.clone())) != percent {
                fields.remove("percent");
                fields.insert("percentage".to_owned(), percentage(percent));
            }
            edit(&mut fields);
            fault.insert(name.to_owned(), fields.into());
        }
    }
    let fault = Some(fault).filter(|fault| !fault.is_empty());
    put_value(rule, "fault", fault.map(Value::from));
}

fn write_retries(rule: &mut Map<String, Value>, to: Option<&RetriesSpec>) {
    let Some(to) = to else {
        rule.remove("retries");
        return;
    };
    let kept = rule.get("retries").and_then(Value::as_object);
    let mut retries = kept.cloned().unwrap_or_default();
    retries.insert("attempts".to_owned(), to.attempts.into());
    put_text(&mut retries, "perTryTimeout", to.per_try_timeout.as_deref());
    put_text(&mut retries, "retryOn", to.retry_on.as_deref());
    rule.insert("retries".to_owned(), retries.into());
}

/// A whole number of percent is written as one, as people do.
fn percentage(percent: f64) -> Value {
    if percent.fract() == 0.0 && (0.0..=100.0).contains(&percent) {
        json!({"value": percent as u32})
    } else {
        json!({"value": percent})
    }
}

/// Writes a text under `name`, or takes it away.
pub fn put_text(fields: &mut Map<String, Value>, name: &str, text: Option<&str>) {
    put_value(fields, name, text.map(Value::from));
}

/// Writes a value under `name`, or takes it away.
pub fn put_value(fields: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    match value {
        Some(value) => {
            fields.insert(name.to_owned(), value);
        }
        None => {
            fields.remove(name);
        }
    }
}
