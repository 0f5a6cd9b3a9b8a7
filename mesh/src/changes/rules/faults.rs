//! What is wrong with what a hand wrote, by field: what Istio's webhook would refuse.

use std::time::Duration;

use serde_json::Value;

use crate::api::rules::{Fault, RetriesSpec, RuleSpec, TextMatch};
use crate::object::list_at;
use crate::routing::{go_duration, pattern};

/// The fewest percent that Envoy can tell from none.
const LEAST_PERCENT: f64 = 0.0001;

/// What Envoy can be told to try again after, besides numbers of statuses.
const RETRY_ON: [&str; 17] = [
    "5xx",
    "gateway-error",
    "reset",
    "reset-before-request",
    "connect-failure",
    "envoy-ratelimited",
    "retriable-4xx",
    "refused-stream",
    "retriable-status-codes",
    "retriable-headers",
    "http3-post-connect-failure",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
    "unknown",
];

/// Returns everything that is wrong with what a hand wrote, by field: what Istio's webhook would refuse.
pub fn faults(spec: &RuleSpec) -> Vec<Fault> {
    let mut found = Vec::new();
    for (idx, entry) in spec.matches.iter().enumerate() {
        let at = |field: &str| format!("matches[{idx}].{field}");
        // A path alone may start with nothing.
        let uri = entry.uri.as_ref();
        found.extend(uri.and_then(|it| text_fault(&at("uri"), it, true)));
        let method = entry.method.as_ref();
        found.extend(method.and_then(|it| text_fault(&at("method"), it, false)));
        for (name, text) in &entry.headers {
            let field = at(&format!("headers.{name}"));
            if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control()) {
                found.push(fault(&field, "is not the name of a header"));
            } else if name.chars().any(|c| c.is_ascii_uppercase()) {
                found.push(fault(
                    &field,
                    "must be in lower case, as proxies compare it",
                ));
            }
            found.extend(text_fault(&field, text, false));
        }
        if entry.gateways.iter().any(String::is_empty) {
            found.push(fault(&at("gateways"), "name nothing"));
        }
    }
    let mut sum = 0_u64;
    for (idx, to) in spec.destinations.iter().enumerate() {
        found.extend(host_fault(&format!("destinations[{idx}].host"), &to.host));
        sum += u64::from(to.weight.unwrap_or(0));
    }
    if spec.destinations.len() > 1 && sum == 0 {
        found.push(fault(
            "destinations",
            "have weights that are all zero, so calls would go nowhere",
        ));
    }
    if sum > i32::MAX as u64 {
        found.push(fault(
            "destinations",
            "have weights that add up to more than 2147483647",
        ));
    }
    if let Some(mirror) = &spec.mirror {
        found.extend(host_fault("mirror.host", &mirror.host));
        found.extend(
            mirror
                .percent
                .and_then(|it| percent_fault("mirror.percent", it)),
        );
    }
    if let Some(delay) = &spec.delay {
        found.extend(percent_fault("delay.percent", delay.percent));
        found.extend(duration_fault("delay.length", &delay.length));
    }
    if let Some(abort) = &spec.abort {
        found.extend(percent_fault("abort.percent", abort.percent));
        match (abort.http_status, abort.grpc_status.as_deref()) {
            (Some(status), None) if !(200..600).contains(&status) => {
                found.push(fault(
                    "abort.http_status",
                    "is not a status from 200 to 599",
                ));
            }
            (Some(_), None) => {}
            (None, Some("")) => {
                found.push(fault("abort.grpc_status", "names nothing"));
            }
            (None, Some(_)) => {}
            _ => found.push(fault(
                "abort.http_status",
                "or a status of gRPC is needed: one of them",
            )),
        }
    }
    if let Some(timeout) = spec.timeout.as_deref().filter(|it| !is_never(it)) {
        found.extend(duration_fault("timeout", timeout));
    }
    if let Some(retries) = &spec.retries {
        found.extend(retries_faults(retries));
    }
    found.sort();
    found.dedup();
    found
}

fn retries_faults(retries: &RetriesSpec) -> Vec<Fault> {
    let mut found = Vec::new();
    if retries.attempts > i32::MAX as u32 {
        found.push(fault("retries.attempts", "is too large"));
    }
    if let Some(length) = &retries.per_try_timeout {
        found.extend(duration_fault("retries.per_try_timeout", length));
    }
    let words = retries.retry_on.as_deref().unwrap_or_default().split(',');
    for word in words.map(str::trim).filter(|word| !word.is_empty()) {
        let is_status = word
            .parse()
            .is_ok_and(|status: u16| (100..600).contains(&status));
        if !is_status && !RETRY_ON.contains(&word) {
            let problem = format!("names `{word}`, which Envoy does not know");
            found.push(fault("retries.retry_on", &problem));
        }
    }
    let says_more = retries.per_try_timeout.is_some() || retries.retry_on.is_some();
    if retries.attempts == 0 && says_more {
        found.push(fault(
            "retries.attempts",
            "is 0, so nothing else can be said of retries",
        ));
    }
    found
}

/// Returns what of an edit does not go with what the rule says besides.
pub fn against(rule: &Value, spec: &RuleSpec) -> Vec<Fault> {
    let says = |field: &str| rule.get(field).is_some_and(|value| !value.is_null());
    let mut found = Vec::new();
    let answers = ["redirect", "directResponse", "delegate"]
        .into_iter()
        .find(|field| says(field));
    if let Some(field) = answers {
        let problem = format!("can't be there: the rule has a `{field}`, which takes all calls");
        if !spec.destinations.is_empty() {
            found.push(fault("destinations", &problem));
        }
        for (is_there, name) in [
            (spec.delay.is_some() && field != "delegate", "delay"),
            (spec.abort.is_some() && field != "delegate", "abort"),
        ] {
            if is_there {
                found.push(fault(name, &problem));
            }
        }
    } else if spec.destinations.is_empty() {
        found.push(fault(
            "destinations",
            "are missing: the rule would send its calls nowhere",
        ));
    }
    if spec.mirror.is_some() && list_at(rule, "/mirrors").next().is_some() {
        found.push(fault(
            "mirror",
            "can't be there beside the list `mirrors`, which the rule has: edit that as YAML",
        ));
    }
    let n = list_at(rule, "/match").len();
    for (idx, entry) in spec.matches.iter().enumerate() {
        let field = format!("matches[{idx}].of");
        let twice = spec
            .matches
            .iter()
            .take(idx)
            .any(|other| other.of == entry.of);
        match entry.of {
            Some(of) if of >= n => found.push(fault(&field, "is none of the rule's conditions")),
            Some(_) if twice => found.push(fault(&field, "is named twice")),
            _ => {}
        }
    }
    found
}

/// Says what is wrong with a field.
pub fn fault(field: &str, problem: &str) -> Fault {
    Fault {
        field: field.to_owned(),
        problem: problem.to_owned(),
    }
}

fn host_fault(field: &str, host: &str) -> Option<Fault> {
    match host {
        "" => Some(fault(field, "is missing")),
        "*" => Some(fault(field, "is every host, which is no destination")),
        _ => None,
    }
}

fn text_fault(field: &str, text: &TextMatch, may_be_empty: bool) -> Option<Fault> {
    match text {
        TextMatch::Prefix(text) if text.is_empty() && !may_be_empty => Some(fault(
            field,
            "has an empty prefix, which only a path may have",
        )),
        TextMatch::Regex(text) => pattern::fault(text).map(|problem| fault(field, &problem)),
        _ => None,
    }
}

fn percent_fault(field: &str, percent: f64) -> Option<Fault> {
    let is_one = percent == 0.0 || (LEAST_PERCENT..=100.0).contains(&percent);
    (!is_one).then(|| fault(field, "is not a percentage: 0, or 0.0001 to 100"))
}

/// Returns why a text is no duration that Istio takes.
pub fn duration_fault(field: &str, text: &str) -> Option<Fault> {
    let Some(length) = go_duration(text) else {
        return Some(fault(field, "is not a duration, such as `1.5s` or `20ms`"));
    };
    if length < Duration::from_millis(1) {
        return Some(fault(field, "is less than a millisecond"));
    }
    let is_whole = length.subsec_nanos() % 1_000_000 == 0;
    (!is_whole).then(|| fault(field, "is not a whole number of milliseconds"))
}

/// A timeout of zero is none at all.
fn is_never(text: &str) -> bool {
    go_duration(text).is_some_and(|length| length.is_zero())
}
