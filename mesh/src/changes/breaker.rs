//! The circuit breaker of a host in its DestinationRule, and two DestinationRules of one host made one.
//!
//! Rules: <https://istio.io/latest/docs/reference/config/networking/destination-rule/>.

use serde_json::{Map, Value, json};

use super::rules::{duration_fault, put_text, put_value};
use crate::api::rules::{BreakerSpec, EjectionSpec, Fault};
use crate::object::{list_at, text_at};

const POOL_TCP: &str = "/spec/trafficPolicy/connectionPool/tcp";
const POOL_HTTP: &str = "/spec/trafficPolicy/connectionPool/http";
const OUTLIER: &str = "/spec/trafficPolicy/outlierDetection";

/// Why two DestinationRules can't be joined.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadJoin {
    /// They are of different hosts.
    #[error("they are of different hosts: {0} and {1}")]
    OtherHosts(String, String),
    /// Each says something else.
    #[error("both write {0}, and not the same")]
    Differ(String),
}

/// Returns what a DestinationRule says of the whole host's breaker.
pub fn read(rule: &Value) -> BreakerSpec {
    let count = |pointer: &str, field: &str| {
        let value = rule.pointer(pointer)?.get(field)?.as_u64()?;
        u32::try_from(value).ok()
    };
    let text =
        |field: &str| text_at(rule.pointer(OUTLIER)?, &format!("/{field}")).map(str::to_owned);
    let ejection = rule.pointer(OUTLIER).filter(|it| it.is_object());
    BreakerSpec {
        max_connections: count(POOL_TCP, "maxConnections"),
        max_pending_requests: count(POOL_HTTP, "http1MaxPendingRequests"),
        max_requests: count(POOL_HTTP, "http2MaxRequests"),
        max_requests_per_connection: count(POOL_HTTP, "maxRequestsPerConnection"),
        max_retries: count(POOL_HTTP, "maxRetries"),
        ejection: ejection.map(|_| EjectionSpec {
            consecutive_5xx_errors: count(OUTLIER, "consecutive5xxErrors")
                .or(count(OUTLIER, "consecutiveErrors")),
            consecutive_gateway_errors: count(OUTLIER, "consecutiveGatewayErrors"),
            interval: text("interval"),
            base_ejection_time: text("baseEjectionTime"),
            max_ejection_percent: count(OUTLIER, "maxEjectionPercent"),
            min_health_percent: count(OUTLIER, "minHealthPercent"),
        }),
    }
}

/// Returns everything that is wrong with a breaker, by field.
pub fn faults(breaker: &BreakerSpec) -> Vec<Fault> {
    let mut found = Vec::new();
    for (field, value) in [
        ("max_connections", breaker.max_connections),
        ("max_pending_requests", breaker.max_pending_requests),
        ("max_requests", breaker.max_requests),
        (
            "max_requests_per_connection",
            breaker.max_requests_per_connection,
        ),
        ("max_retries", breaker.max_retries),
    ] {
        if value.is_some_and(|value| value > i32::MAX as u32) {
            found.push(fault(field, "is more than 2147483647"));
        }
    }
    if breaker.max_connections == Some(0) {
        found.push(fault("max_connections", "is 0, which lets nobody in"));
    }
    if let Some(ejection) = &breaker.ejection {
        for (field, text) in [
            ("ejection.interval", &ejection.interval),
            ("ejection.base_ejection_time", &ejection.base_ejection_time),
        ] {
            found.extend(text.as_deref().and_then(|text| duration_fault(field, text)));
        }
        for (field, percent) in [
            (
                "ejection.max_ejection_percent",
                ejection.max_ejection_percent,
            ),
            ("ejection.min_health_percent", ejection.min_health_percent),
        ] {
            if percent.is_some_and(|percent| percent > 100) {
                found.push(fault(field, "is more than 100 percent"));
            }
        }
    }
    found
}

fn fault(field: &str, problem: &str) -> Fault {
    Fault {
        field: field.to_owned(),
        problem: problem.to_owned(),
    }
}

/// Returns a DestinationRule with that breaker for the whole host; what its policy says besides stays.
pub fn put(rule: &Value, to: &BreakerSpec) -> Value {
    let now = read(rule);
    let mut rule = rule.clone();
    let Some(spec) = rule.get_mut("spec").and_then(Value::as_object_mut) else {
        return rule;
    };
    let mut policy = part(spec, "trafficPolicy");
    let mut pool = part(&policy, "connectionPool");
    let mut tcp = part(&pool, "tcp");
    let mut http = part(&pool, "http");
    put_value(
        &mut tcp,
        "maxConnections",
        to.max_connections.map(Value::from),
    );
    for (field, limit) in [
        ("http1MaxPendingRequests", to.max_pending_requests),
        ("http2MaxRequests", to.max_requests),
        ("maxRequestsPerConnection", to.max_requests_per_connection),
        ("maxRetries", to.max_retries),
    ] {
        put_value(&mut http, field, limit.map(Value::from));
    }
    put_part(&mut pool, "tcp", tcp);
    put_part(&mut pool, "http", http);
    put_part(&mut policy, "connectionPool", pool);
    if now.ejection != to.ejection {
        match &to.ejection {
            None => {
                policy.remove("outlierDetection");
            }
            Some(ejection) => {
                let mut outlier = part(&policy, "outlierDetection");
                write_ejection(&mut outlier, ejection);
                policy.insert("outlierDetection".to_owned(), outlier.into());
            }
        }
    }
    put_part(spec, "trafficPolicy", policy);
    rule
}

fn write_ejection(outlier: &mut Map<String, Value>, ejection: &EjectionSpec) {
    outlier.remove("consecutiveErrors");
    for (field, count) in [
        ("consecutive5xxErrors", ejection.consecutive_5xx_errors),
        (
            "consecutiveGatewayErrors",
            ejection.consecutive_gateway_errors,
        ),
        ("maxEjectionPercent", ejection.max_ejection_percent),
        ("minHealthPercent", ejection.min_health_percent),
    ] {
        put_value(outlier, field, count.map(Value::from));
    }
    put_text(outlier, "interval", ejection.interval.as_deref());
    put_text(
        outlier,
        "baseEjectionTime",
        ejection.base_ejection_time.as_deref(),
    );
}

fn part(fields: &Map<String, Value>, name: &str) -> Map<String, Value> {
    let part = fields.get(name).and_then(Value::as_object);
    part.cloned().unwrap_or_default()
}

/// Istio refuses a policy, and a pool, that is there and says nothing.
fn put_part(fields: &mut Map<String, Value>, name: &str, part: Map<String, Value>) {
    let part = Some(part).filter(|part| !part.is_empty());
    put_value(fields, name, part.map(Value::from));
}

/// Returns `stays` with all that `goes` says besides: subsets, and what its policy adds. `full` makes a host
/// as written a full one.
///
/// # Errors
/// Where they say different things of the same.
pub fn join(stays: &Value, goes: &Value, full: impl Fn(&str) -> String) -> Result<Value, BadJoin> {
    let host = |rule: &Value| full(text_at(rule, "/spec/host").unwrap_or_default());
    let (its, others) = (host(stays), host(goes));
    if its != others {
        return Err(BadJoin::OtherHosts(its, others));
    }
    let mut joined = stays.clone();
    let nothing = json!({});
    let more = goes.get("spec").unwrap_or(&nothing);
    for (field, value) in more.as_object().into_iter().flatten() {
        if ["host", "subsets"].contains(&field.as_str()) {
            continue;
        }
        if let Some(spec) = joined.get_mut("spec") {
            merge(spec, field, value, &format!("spec.{field}"))?;
        }
    }
    for subset in list_at(goes, "/spec/subsets") {
        let name = text_at(subset, "/name");
        let there = list_at(&joined, "/spec/subsets").find(|it| text_at(it, "/name") == name);
        match there {
            Some(it) if it == subset => {}
            Some(_) => {
                let shown = name.unwrap_or_default();
                return Err(BadJoin::Differ(format!("subset {shown}")));
            }
            None => {
                if let Some(spec) = joined.get_mut("spec").and_then(Value::as_object_mut) {
                    let subsets = spec.entry("subsets").or_insert_with(|| json!([]));
                    if let Some(subsets) = subsets.as_array_mut() {
                        subsets.push(subset.clone());
                    }
                }
            }
        }
    }
    Ok(joined)
}

fn merge(into: &mut Value, field: &str, value: &Value, path: &str) -> Result<(), BadJoin> {
    let Some(fields) = into.as_object_mut() else {
        return Err(BadJoin::Differ(path.to_owned()));
    };
    match (fields.get_mut(field), value) {
        (None, value) => {
            fields.insert(field.to_owned(), value.clone());
            Ok(())
        }
        (Some(there), Value::Object(more)) if there.is_object() => {
            for (name, value) in more {
                merge(there, name, value, &format!("{path}.{name}"))?;
            }
            Ok(())
        }
        (Some(there), value) if there == value => Ok(()),
        (Some(_), _) => Err(BadJoin::Differ(path.to_owned())),
    }
}
