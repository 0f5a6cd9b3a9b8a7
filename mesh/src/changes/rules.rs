//! The http rules of a VirtualService as a hand edits them: put, moved, removed. An object and an edit in, a new
//! object out; what an edit does not name stays as it is, in this rule and in all others.
//!
//! Rules: <https://istio.io/latest/docs/reference/config/networking/virtual-service/>.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::api::rules::{
    AbortSpec, DelaySpec, DestinationSpec, Fault, MatchSpec, MirrorSpec, RetriesSpec, RuleSpec,
    TextMatch,
};
use crate::object::{list_at, text_at, texts_at};
use crate::routing::{RuleList, RulePlace, go_duration, pattern};

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

/// Why a rule can't be edited so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRule {
    /// There is none at that place.
    #[error("there is no rule `{0}`")]
    NoRule(String),
    /// Rules for connections have other fields.
    #[error("`{0}` is a rule for connections, and only http rules can be written here")]
    NotHttp(String),
    /// A route without a rule is none.
    #[error("it is the only rule, and a route must have one")]
    OnlyOne,
    /// A rule stands in one list.
    #[error("`{0}` and `{1}` are in different lists")]
    OtherList(String, String),
    /// Some of its fields are wrong.
    #[error("{}", .0.first().map(|f| format!("{} {}", f.field, f.problem)).unwrap_or_default())]
    Faulty(Vec<Fault>),
}

/// Returns what an http rule says, as far as a hand can edit it.
///
/// # Errors
/// Where there is no such rule.
pub fn read(object: &Value, place: RulePlace) -> Result<RuleSpec, BadRule> {
    let rule = rule_at(object, place)?;
    Ok(RuleSpec {
        name: text_at(rule, "/name").map(str::to_owned),
        matches: list_at(rule, "/match")
            .enumerate()
            .map(|(idx, entry)| read_match(entry, Some(idx)))
            .collect(),
        destinations: list_at(rule, "/route").map(read_destination).collect(),
        mirror: read_mirror(rule),
        delay: read_delay(rule),
        abort: read_abort(rule),
        timeout: text_at(rule, "/timeout").map(str::to_owned),
        retries: read_retries(rule),
    })
}

/// Returns the object with the rule at `place` saying what `spec` does.
///
/// # Errors
/// Where there is no such rule, or `spec` can't be taken.
pub fn put(object: &Value, place: RulePlace, spec: &RuleSpec) -> Result<Value, BadRule> {
    let rule = rule_at(object, place)?;
    let mut found = faults(spec);
    found.extend(against(rule, spec));
    if !found.is_empty() {
        return Err(BadRule::Faulty(found));
    }
    let written = write(rule, &read(object, place)?, spec);
    Ok(with_rules(object, place.list, |rules| {
        if let Some(rule) = rules.get_mut(place.idx) {
            *rule = written;
        }
    }))
}

/// Returns the object with a new rule before the one at `place`, or behind the last.
///
/// # Errors
/// Where there is no such place, or `spec` can't be taken.
pub fn add(object: &Value, place: RulePlace, spec: &RuleSpec) -> Result<Value, BadRule> {
    if place.list != RuleList::Http {
        return Err(BadRule::NotHttp(place.to_string()));
    }
    let n = list_at(object, "/spec/http").len();
    if n < place.idx {
        return Err(BadRule::NoRule(place.to_string()));
    }
    let mut found = faults(spec);
    if spec.destinations.is_empty() {
        found.push(fault(
            "destinations",
            "are missing: a new rule sends its calls somewhere",
        ));
    }
    if !found.is_empty() {
        return Err(BadRule::Faulty(found));
    }
    let written = write(&json!({}), &RuleSpec::default(), spec);
    Ok(with_rules(object, place.list, |rules| {
        rules.insert(place.idx, written);
    }))
}

/// Returns the object with a rule at another place of its list.
///
/// # Errors
/// Where one of the places is not there.
pub fn shift(object: &Value, from: RulePlace, to: RulePlace) -> Result<Value, BadRule> {
    if from.list != to.list {
        return Err(BadRule::OtherList(from.to_string(), to.to_string()));
    }
    let n = list_at(object, &format!("/spec/{}", from.list.as_str())).len();
    for place in [from, to] {
        if n <= place.idx {
            return Err(BadRule::NoRule(place.to_string()));
        }
    }
    Ok(with_rules(object, from.list, |rules| {
        let rule = rules.remove(from.idx);
        rules.insert(to.idx, rule);
    }))
}

/// Returns the object without a rule.
///
/// # Errors
/// Where it is not there, or the only one.
pub fn remove(object: &Value, place: RulePlace) -> Result<Value, BadRule> {
    let pointer = |list: RuleList| format!("/spec/{}", list.as_str());
    let n = list_at(object, &pointer(place.list)).len();
    if n <= place.idx {
        return Err(BadRule::NoRule(place.to_string()));
    }
    let all: usize = RuleList::ALL
        .iter()
        .map(|list| list_at(object, &pointer(*list)).len())
        .sum();
    if all == 1 {
        return Err(BadRule::OnlyOne);
    }
    Ok(with_rules(object, place.list, |rules| {
        rules.remove(place.idx);
    }))
}

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
fn against(rule: &Value, spec: &RuleSpec) -> Vec<Fault> {
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

fn fault(field: &str, problem: &str) -> Fault {
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

pub(super) fn percent_fault(field: &str, percent: f64) -> Option<Fault> {
    let is_one = percent == 0.0 || (LEAST_PERCENT..=100.0).contains(&percent);
    (!is_one).then(|| fault(field, "is not a percentage: 0, or 0.0001 to 100"))
}

pub(super) fn duration_fault(field: &str, text: &str) -> Option<Fault> {
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

fn rule_at(object: &Value, place: RulePlace) -> Result<&Value, BadRule> {
    if place.list != RuleList::Http {
        return Err(BadRule::NotHttp(place.to_string()));
    }
    let found = list_at(object, "/spec/http").nth(place.idx);
    found.ok_or_else(|| BadRule::NoRule(place.to_string()))
}

fn with_rules(object: &Value, list: RuleList, edit: impl FnOnce(&mut Vec<Value>)) -> Value {
    let mut object = object.clone();
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        let rules = spec.entry(list.as_str()).or_insert_with(|| json!([]));
        if let Some(rules) = rules.as_array_mut() {
            edit(rules);
            if rules.is_empty() {
                spec.remove(list.as_str());
            }
        }
    }
    object
}

/// Writes what differs between what the rule says and what it is to say; the rest is not touched, in whichever
/// of Istio's ways it is written.
fn write(rule: &Value, now: &RuleSpec, to: &RuleSpec) -> Value {
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
                let its = entry.as_ref().map(read_destination);
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
            if read_percent(&Value::from(fields.clone())) != percent {
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

pub(super) fn put_text(fields: &mut Map<String, Value>, name: &str, text: Option<&str>) {
    put_value(fields, name, text.map(Value::from));
}

pub(super) fn put_value(fields: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    match value {
        Some(value) => {
            fields.insert(name.to_owned(), value);
        }
        None => {
            fields.remove(name);
        }
    }
}

fn read_match(entry: &Value, of: Option<usize>) -> MatchSpec {
    let headers = entry.get("headers").and_then(Value::as_object);
    let headers = headers.into_iter().flatten();
    let gateways = list_at(entry, "/gateways").filter_map(Value::as_str);
    MatchSpec {
        of,
        // A condition on nothing is none, unlike one on a header.
        uri: entry
            .get("uri")
            .map(read_text)
            .filter(|it| *it != TextMatch::Present),
        method: entry
            .get("method")
            .map(read_text)
            .filter(|it| *it != TextMatch::Present),
        headers: headers
            .map(|(name, text)| (name.clone(), read_text(text)))
            .collect(),
        gateways: gateways.map(str::to_owned).collect(),
        source_labels: texts_at(entry, "/sourceLabels"),
    }
}

fn read_text(text: &Value) -> TextMatch {
    let of = |field: &str| text.get(field).and_then(Value::as_str).map(str::to_owned);
    of("exact")
        .map(TextMatch::Exact)
        .or_else(|| of("prefix").map(TextMatch::Prefix))
        .or_else(|| of("regex").filter(|it| it != "*").map(TextMatch::Regex))
        .unwrap_or(TextMatch::Present)
}

fn read_destination(entry: &Value) -> DestinationSpec {
    let weight = entry.get("weight").and_then(Value::as_u64);
    DestinationSpec {
        host: text_at(entry, "/destination/host")
            .unwrap_or_default()
            .to_owned(),
        subset: text_at(entry, "/destination/subset").map(str::to_owned),
        port: read_port(entry.pointer("/destination/port/number")),
        weight: weight.and_then(|weight| u32::try_from(weight).ok()),
    }
}

fn read_port(port: Option<&Value>) -> Option<u16> {
    u16::try_from(port?.as_u64()?).ok()
}

fn read_mirror(rule: &Value) -> Option<MirrorSpec> {
    let host = text_at(rule, "/mirror/host")?;
    let percent = [
        "/mirrorPercentage/value",
        "/mirrorPercent",
        "/mirror_percent",
    ]
    .iter()
    .find_map(|pointer| rule.pointer(pointer)?.as_f64());
    Some(MirrorSpec {
        host: host.to_owned(),
        subset: text_at(rule, "/mirror/subset").map(str::to_owned),
        port: read_port(rule.pointer("/mirror/port/number")),
        percent,
    })
}

/// Absent it is none of them; `percent` is how it once was written.
fn read_percent(fault: &Value) -> f64 {
    let percent = fault.pointer("/percentage/value").or(fault.get("percent"));
    percent.and_then(Value::as_f64).unwrap_or(0.0)
}

fn read_delay(rule: &Value) -> Option<DelaySpec> {
    let delay = rule.pointer("/fault/delay")?;
    Some(DelaySpec {
        percent: read_percent(delay),
        length: text_at(delay, "/fixedDelay")?.to_owned(),
    })
}

fn read_abort(rule: &Value) -> Option<AbortSpec> {
    let abort = rule.pointer("/fault/abort")?;
    Some(AbortSpec {
        percent: read_percent(abort),
        http_status: read_port(abort.get("httpStatus")),
        grpc_status: text_at(abort, "/grpcStatus").map(str::to_owned),
    })
}

fn read_retries(rule: &Value) -> Option<RetriesSpec> {
    let retries = rule.get("retries").filter(|it| it.is_object())?;
    let attempts = retries.get("attempts").and_then(Value::as_u64);
    Some(RetriesSpec {
        attempts: attempts.and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
        per_try_timeout: text_at(retries, "/perTryTimeout").map(str::to_owned),
        retry_on: text_at(retries, "/retryOn").map(str::to_owned),
    })
}
