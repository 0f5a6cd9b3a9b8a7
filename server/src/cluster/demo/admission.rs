//! What would refuse an object before it is stored: the schema of its kind, and Istio's webhook. Only what
//! a hand at weights, rules, breakers and gateways can get wrong.

use std::collections::BTreeSet;

use mesh::object::{ObjectKey, list_at, text_at};
use mesh::routing::destination_rule::DestinationRule;
use mesh::routing::gateway::Gateway;
use mesh::routing::{Unreadable, VirtualService};
use serde_json::Value;

use super::ClusterError;

/// Returns admission's warnings, or why it refuses.
pub fn review(key: &ObjectKey, object: &Value) -> Result<Vec<String>, ClusterError> {
    match key.kind.as_str() {
        "VirtualService" => virtual_service(key, object),
        "DestinationRule" => destination_rule(key, object),
        "Gateway" => gateway(key, object),
        _ => Ok(Vec::new()),
    }
}

fn virtual_service(key: &ObjectKey, object: &Value) -> Result<Vec<String>, ClusterError> {
    if list_at(object, "/spec/hosts").next().is_none() {
        return Err(denied(key, "virtual service must have at least one host"));
    }
    let mut n_rules = 0;
    for kind in ["http", "tls", "tcp"] {
        for (rule, at) in list_at(object, &format!("/spec/{kind}")).zip(0..) {
            n_rules += 1;
            if kind == "http" {
                http_rule(key, rule)?;
            }
            let mut sum = 0_i64;
            let mut n = 0;
            for (destination, idx) in list_at(rule, "/route").zip(0..) {
                n += 1;
                let path = format!("spec.{kind}[{at}].route[{idx}].weight");
                let weight = match destination.get("weight") {
                    None => 0,
                    Some(weight) => int32(key, &path, weight)?,
                };
                if weight < 0 {
                    return Err(denied(key, &format!("weight {weight} < 0")));
                }
                sum += weight;
                let host = destination.pointer("/destination/host");
                if host.and_then(Value::as_str).is_none() {
                    return Err(denied(key, "destination must have a host"));
                }
            }
            if n > 1 && sum == 0 {
                return Err(denied(key, "total destination weight = 0"));
            }
            if sum > i64::from(u32::MAX) {
                return Err(denied(key, "total destination weight does not fit"));
            }
        }
    }
    if n_rules == 0 {
        return Err(denied(
            key,
            "http, tcp or tls must be provided in virtual service",
        ));
    }
    let view = VirtualService::read(object).map_err(|problem| invalid(key, &problem))?;
    refused(key, view.refusal())
}

fn http_rule(key: &ObjectKey, rule: &Value) -> Result<(), ClusterError> {
    let says = |pointer: &str| rule.pointer(pointer).is_some();
    if says("/mirror") && says("/mirrors") {
        return Err(denied(
            key,
            "HTTP route cannot contain both mirror and mirrors",
        ));
    }
    let percent = rule.pointer("/mirrorPercentage/value");
    if percent.is_some_and(|p| p.as_f64().is_none_or(|p| !(0.0..=100.0).contains(&p))) {
        return Err(denied(key, "mirrorPercentage must be in range 0..100"));
    }
    if says("/fault") && !says("/fault/abort") && !says("/fault/delay") {
        return Err(denied(
            key,
            "HTTP fault injection must have an abort and/or a delay",
        ));
    }
    let status = rule
        .pointer("/fault/abort/httpStatus")
        .and_then(Value::as_i64);
    if status.is_some_and(|status| !(200..=600).contains(&status)) {
        return Err(denied(key, "HTTP fault abort status is not valid"));
    }
    let attempts = rule.pointer("/retries/attempts").and_then(Value::as_i64);
    let says_more = says("/retries/perTryTimeout") || says("/retries/retryOn");
    if says("/retries") && attempts.unwrap_or(0) == 0 && says_more {
        return Err(denied(
            key,
            "http retry policy configured when attempts are set to 0 (disabled)",
        ));
    }
    Ok(())
}

fn gateway(key: &ObjectKey, object: &Value) -> Result<Vec<String>, ClusterError> {
    let mut names = BTreeSet::new();
    for server in list_at(object, "/spec/servers") {
        let name = text_at(server, "/port/name").unwrap_or_default();
        if name.is_empty() || !names.insert(name) {
            let why = format!("port names in servers must be unique: duplicate name `{name}`");
            return Err(denied(key, &why));
        }
    }
    let view = Gateway::read(object).map_err(|problem| invalid(key, &problem))?;
    refused(key, view.refusal())
}

/// What the schema of its kind does not know.
fn invalid(key: &ObjectKey, problem: &Unreadable) -> ClusterError {
    ClusterError::Invalid {
        key: key.clone(),
        problem: problem.to_string(),
    }
}

fn refused(key: &ObjectKey, problem: Option<Unreadable>) -> Result<Vec<String>, ClusterError> {
    match problem {
        Some(problem) => Err(denied(key, &problem.to_string())),
        None => Ok(Vec::new()),
    }
}

fn destination_rule(key: &ObjectKey, object: &Value) -> Result<Vec<String>, ClusterError> {
    let host = object.pointer("/spec/host").and_then(Value::as_str);
    if host.is_none_or(str::is_empty) {
        return Err(denied(key, "destination rule must have a host"));
    }
    let mut names = BTreeSet::new();
    for subset in list_at(object, "/spec/subsets") {
        let name = subset
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if name.is_empty() || !names.insert(name) {
            let why = format!("duplicate or empty subset name `{name}`");
            return Err(denied(key, &why));
        }
    }
    let is_bare = |pointer: &str| {
        let fields = object.pointer(pointer).and_then(Value::as_object);
        fields.is_some_and(serde_json::Map::is_empty)
    };
    if is_bare("/spec/trafficPolicy") {
        return Err(denied(key, "traffic policy must have at least one field"));
    }
    if is_bare("/spec/trafficPolicy/connectionPool") {
        return Err(denied(key, "connection pool must have at least one field"));
    }
    let view = DestinationRule::read(object).map_err(|problem| invalid(key, &problem))?;
    refused(key, view.refusal())
}

fn int32(key: &ObjectKey, path: &str, value: &Value) -> Result<i64, ClusterError> {
    let number = value.as_i64().filter(|n| i32::try_from(*n).is_ok());
    number.ok_or_else(|| ClusterError::Invalid {
        key: key.clone(),
        problem: format!("{path}: {value} is not a 32-bit whole number"),
    })
}

fn denied(key: &ObjectKey, why: &str) -> ClusterError {
    ClusterError::Denied {
        key: key.clone(),
        problem: format!(
            "admission webhook \"validation.istio.io\" denied the request: configuration is invalid: {why}"
        ),
    }
}
