//! What would refuse an object before it is stored: the schema of its kind, and Istio's webhook. Only what
//! a hand at the weights can get wrong.

use std::collections::BTreeSet;

use mesh::object::{ObjectKey, list_at};
use serde_json::Value;

use super::ClusterError;

/// Returns admission's warnings, or why it refuses.
pub fn review(key: &ObjectKey, object: &Value) -> Result<Vec<String>, ClusterError> {
    match key.kind.as_str() {
        "VirtualService" => virtual_service(key, object),
        "DestinationRule" => destination_rule(key, object),
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
    Ok(Vec::new())
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
    Ok(Vec::new())
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
