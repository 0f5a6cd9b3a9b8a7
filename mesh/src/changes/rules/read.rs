//! What a rule says, as far as a hand can edit it.

use serde_json::Value;

use crate::api::rules::{
    AbortSpec, DelaySpec, DestinationSpec, MatchSpec, MirrorSpec, RetriesSpec, RuleSpec, TextMatch,
};
use crate::object::{list_at, text_at, texts_at};

/// Returns what an http rule says.
pub fn rule(rule: &Value) -> RuleSpec {
    RuleSpec {
        name: text_at(rule, "/name").map(str::to_owned),
        matches: list_at(rule, "/match")
            .enumerate()
            .map(|(idx, entry)| condition(entry, Some(idx)))
            .collect(),
        destinations: list_at(rule, "/route").map(destination).collect(),
        mirror: mirror(rule),
        delay: delay(rule),
        abort: abort(rule),
        timeout: text_at(rule, "/timeout").map(str::to_owned),
        retries: retries(rule),
    }
}

fn condition(entry: &Value, of: Option<usize>) -> MatchSpec {
    let headers = entry.get("headers").and_then(Value::as_object);
    let headers = headers.into_iter().flatten();
    let gateways = list_at(entry, "/gateways").filter_map(Value::as_str);
    MatchSpec {
        of,
        // A condition on nothing is none, unlike one on a header.
        uri: entry
            .get("uri")
            .map(text)
            .filter(|it| *it != TextMatch::Present),
        method: entry
            .get("method")
            .map(text)
            .filter(|it| *it != TextMatch::Present),
        headers: headers
            .map(|(name, said)| (name.clone(), text(said)))
            .collect(),
        gateways: gateways.map(str::to_owned).collect(),
        source_labels: texts_at(entry, "/sourceLabels"),
    }
}

fn text(said: &Value) -> TextMatch {
    let of = |field: &str| said.get(field).and_then(Value::as_str).map(str::to_owned);
    of("exact")
        .map(TextMatch::Exact)
        .or_else(|| of("prefix").map(TextMatch::Prefix))
        .or_else(|| of("regex").filter(|it| it != "*").map(TextMatch::Regex))
        .unwrap_or(TextMatch::Present)
}

/// Returns where calls go, and how many of a hundred.
pub fn destination(entry: &Value) -> DestinationSpec {
    let weight = entry.get("weight").and_then(Value::as_u64);
    DestinationSpec {
        host: text_at(entry, "/destination/host")
            .unwrap_or_default()
            .to_owned(),
        subset: text_at(entry, "/destination/subset").map(str::to_owned),
        port: port(entry.pointer("/destination/port/number")),
        weight: weight.and_then(|weight| u32::try_from(weight).ok()),
    }
}

fn port(port: Option<&Value>) -> Option<u16> {
    u16::try_from(port?.as_u64()?).ok()
}

fn mirror(rule: &Value) -> Option<MirrorSpec> {
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
        port: port(rule.pointer("/mirror/port/number")),
        percent,
    })
}

/// Returns the share of a fault. Absent it is none of the calls; `percent` is how it once was written.
pub fn percent(fault: &Value) -> f64 {
    let percent = fault.pointer("/percentage/value").or(fault.get("percent"));
    percent.and_then(Value::as_f64).unwrap_or(0.0)
}

fn delay(rule: &Value) -> Option<DelaySpec> {
    let delay = rule.pointer("/fault/delay")?;
    Some(DelaySpec {
        percent: percent(delay),
        length: text_at(delay, "/fixedDelay")?.to_owned(),
    })
}

fn abort(rule: &Value) -> Option<AbortSpec> {
    let abort = rule.pointer("/fault/abort")?;
    Some(AbortSpec {
        percent: percent(abort),
        http_status: port(abort.get("httpStatus")),
        grpc_status: text_at(abort, "/grpcStatus").map(str::to_owned),
    })
}

fn retries(rule: &Value) -> Option<RetriesSpec> {
    let retries = rule.get("retries").filter(|it| it.is_object())?;
    let attempts = retries.get("attempts").and_then(Value::as_u64);
    Some(RetriesSpec {
        attempts: attempts.and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
        per_try_timeout: text_at(retries, "/perTryTimeout").map(str::to_owned),
        retry_on: text_at(retries, "/retryOn").map(str::to_owned),
    })
}
