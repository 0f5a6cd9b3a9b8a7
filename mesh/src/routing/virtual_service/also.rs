//! What a rule of a VirtualService does besides sending: in words, and as values where routing depends on it.

use crate::routing::lens::{At, Unreadable};
use crate::routing::rule::{Abort, Action, Delay, Status};

/// Returns in words what an http rule does besides, in a fixed order.
pub(super) fn words(
    rule: &At<'_, '_>,
    delay: Option<&Delay>,
    abort: Option<&Abort>,
) -> Result<Vec<String>, Unreadable> {
    let mut words = rewrite(&rule.field("rewrite"))?;
    words.extend(match rule.field("timeout").duration()? {
        None => None,
        Some(length) if length.is_zero() => Some("never times out".to_owned()),
        Some(_) => rule
            .field("timeout")
            .text()?
            .map(|text| format!("times out after {text}")),
    });
    words.extend(retries(&rule.field("retries"))?);
    if let Some(Delay { percent, .. }) = delay {
        let fault = rule.field("fault");
        let delay = fault.field("delay");
        let length = delay.field("fixedDelay").text()?.unwrap_or_default();
        words.push(format!("delays {percent} % by {length}"));
    }
    if let Some(Abort { percent, status }) = abort {
        words.push(format!("aborts {percent} % with {status}"));
    }
    words.extend(mirrors(rule)?);
    words.extend(header_changes(&rule.field("headers"))?);
    if !rule.field("corsPolicy").is_absent() {
        words.push("answers requests from other origins (CORS)".to_owned());
    }
    Ok(words)
}

pub(super) fn delay(at: &At<'_, '_>) -> Result<Option<Delay>, Unreadable> {
    at.object()?;
    let length = at.field("fixedDelay").duration()?;
    let percent = fault_percent(at)?;
    Ok(length.map(|length| Delay { percent, length }))
}

pub(super) fn abort(at: &At<'_, '_>) -> Result<Option<Abort>, Unreadable> {
    at.object()?;
    let percent = fault_percent(at)?;
    let grpc = at.field("grpcStatus").word()?.map(str::to_owned);
    let http = at.field("httpStatus").status()?;
    let status = grpc.map(Status::Grpc).or(http.map(Status::Http));
    Ok(status.map(|status| Abort { percent, status }))
}

pub(super) fn redirect(at: &At<'_, '_>) -> Result<Action, Unreadable> {
    at.object()?;
    let word = |key| Ok(at.field(key).word()?.unwrap_or("…"));
    let port = match at.field("port").port()? {
        Some(port) => format!(":{port}"),
        None => String::new(),
    };
    let (scheme, host, path) = (word("scheme")?, word("authority")?, word("uri")?);
    let path = match path {
        "…" => "/…",
        path => path,
    };
    Ok(Action::Redirect {
        status: at.field("redirectCode").status()?.unwrap_or(301),
        to: match (scheme, host, port.is_empty()) {
            ("…", "…", true) => path.to_owned(),
            _ => format!("{scheme}://{host}{port}{path}"),
        },
    })
}

/// The share that a fault touches. Absent it is none; `percent` is how it once was written.
fn fault_percent(at: &At<'_, '_>) -> Result<f64, Unreadable> {
    let percentage = at.field("percentage").field("value").percent()?;
    let percent = at.field("percent").percent()?;
    Ok(percentage.or(percent).unwrap_or(0.0))
}

fn rewrite(at: &At<'_, '_>) -> Result<Vec<String>, Unreadable> {
    at.object()?;
    let mut words = Vec::new();
    if let Some(uri) = at.field("uri").word()? {
        words.push(format!("rewrites the path to {uri}"));
    }
    let regex = at.field("uriRegexRewrite");
    if let Some(pattern) = regex.field("match").word()? {
        let by = regex.field("rewrite").word()?.unwrap_or_default();
        words.push(format!(
            "rewrites what matches {pattern} in the path to {by}"
        ));
    }
    if let Some(authority) = at.field("authority").word()? {
        words.push(format!("rewrites the host to {authority}"));
    }
    Ok(words)
}

fn retries(at: &At<'_, '_>) -> Result<Option<String>, Unreadable> {
    at.object()?;
    if at.is_absent() {
        return Ok(None);
    }
    let attempts = at.field("attempts").count()?.unwrap_or(0);
    let mut words = match attempts {
        0 => return Ok(Some("never retries".to_owned())),
        1 => "retries once".to_owned(),
        n => format!("retries {n} times"),
    };
    if let Some(on) = at.field("retryOn").word()? {
        words += &format!(" on {on}");
    }
    if let Some(length) = at.field("perTryTimeout").word()? {
        words += &format!(", each try for {length}");
    }
    Ok(Some(words))
}

/// Mirrors are written in two ways: one with its percentage beside it, or a list with theirs inside.
fn mirrors(rule: &At<'_, '_>) -> Result<Vec<String>, Unreadable> {
    let mut words = Vec::new();
    let one = rule.field("mirror");
    if !one.is_absent() {
        let percentage = rule.field("mirrorPercentage").field("value").percent()?;
        // Two older names of the same.
        let older = rule.field("mirrorPercent").percent()?;
        let oldest = rule.field("mirror_percent").percent()?;
        words.push(mirror(&one, percentage.or(older).or(oldest))?);
    }
    for several in rule.field("mirrors").items()? {
        let percentage = several.field("percentage").field("value").percent()?;
        words.push(mirror(&several.field("destination"), percentage)?);
    }
    Ok(words)
}

fn mirror(destination: &At<'_, '_>, percent: Option<f64>) -> Result<String, Unreadable> {
    let to = super::read_destination(destination)?;
    let subset = to.subset.map(|subset| format!(" {subset}"));
    let percent = percent.unwrap_or(100.0);
    Ok(format!(
        "mirrors {percent} % to {}{}",
        to.host,
        subset.unwrap_or_default()
    ))
}

fn header_changes(headers: &At<'_, '_>) -> Result<Vec<String>, Unreadable> {
    let mut words = Vec::new();
    for side in ["request", "response"] {
        let side_at = headers.field(side);
        for (key, verb) in [("set", "sets"), ("add", "adds")] {
            let names: Vec<&str> = side_at
                .field(key)
                .entries()?
                .into_iter()
                .map(|(name, _)| name)
                .collect();
            if !names.is_empty() {
                words.push(format!("{verb} {side} header {}", names.join(", ")));
            }
        }
        let names = side_at.field("remove").texts()?;
        if !names.is_empty() {
            words.push(format!("removes {side} header {}", names.join(", ")));
        }
    }
    Ok(words)
}
