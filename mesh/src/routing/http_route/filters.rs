//! What a rule of a Gateway API route does besides sending.

use crate::routing::lens::{At, Unreadable};
use crate::routing::rule::Action;

/// What the filters of a rule, its timeouts and retries say.
#[derive(Default)]
pub(super) struct Told {
    /// A redirect takes the place of sending.
    pub(super) redirect: Option<Action>,
    /// In words, in the order written; timeouts and retries last.
    pub(super) also: Vec<String>,
}

pub(super) fn read(rule: &At<'_, '_>, namespace: &str) -> Result<Told, Unreadable> {
    let mut told = Told::default();
    for filter in rule.field("filters").items()? {
        match filter.field("type").word()? {
            Some("RequestRedirect") => {
                told.redirect = Some(redirect(&filter.field("requestRedirect"))?);
            }
            Some("RequestMirror") => {
                let mirror = filter.field("requestMirror");
                told.also.push(mirrored(&mirror, namespace)?);
            }
            Some("URLRewrite") => told.also.extend(rewrite(&filter.field("urlRewrite"))?),
            Some("RequestHeaderModifier") => {
                let modifier = filter.field("requestHeaderModifier");
                told.also.extend(header_changes(&modifier, "request")?);
            }
            Some("ResponseHeaderModifier") => {
                let modifier = filter.field("responseHeaderModifier");
                told.also.extend(header_changes(&modifier, "response")?);
            }
            Some(other) => told.also.push(format!("applies filter {other}")),
            None => {}
        }
    }
    if let Some(length) = rule.field("timeouts").field("request").word()? {
        told.also.push(format!("times out after {length}"));
    }
    if let Some(length) = rule.field("timeouts").field("backendRequest").word()? {
        told.also.push(format!("gives each try {length}"));
    }
    told.also.extend(retries(&rule.field("retry"))?);
    Ok(told)
}

fn redirect(at: &At<'_, '_>) -> Result<Action, Unreadable> {
    at.object()?;
    let word = |key| Ok(at.field(key).word()?.unwrap_or("…"));
    let (scheme, host) = (word("scheme")?, word("hostname")?);
    let path = at.field("path");
    let path = match path.field("replaceFullPath").word()? {
        Some(full) => full.to_owned(),
        None => match path.field("replacePrefixMatch").word()? {
            Some(start) => format!("{start}…"),
            None => "/…".to_owned(),
        },
    };
    let port = match at.field("port").port()? {
        Some(port) => format!(":{port}"),
        None => String::new(),
    };
    Ok(Action::Redirect {
        status: at.field("statusCode").status()?.unwrap_or(302),
        to: match (scheme, host, port.is_empty()) {
            ("…", "…", true) => path,
            _ => format!("{scheme}://{host}{port}{path}"),
        },
    })
}

fn mirrored(mirror: &At<'_, '_>, namespace: &str) -> Result<String, Unreadable> {
    let to = super::read_backend(&mirror.field("backendRef"), namespace)?;
    let fraction = mirror.field("fraction");
    let percent = match mirror.field("percent").percent()? {
        Some(percent) => percent,
        None => match fraction.field("numerator").count()? {
            None => 100.0,
            Some(part) => {
                let of = fraction.field("denominator").count()?.unwrap_or(100).max(1);
                f64::from(part) * 100.0 / f64::from(of)
            }
        },
    };
    Ok(format!("mirrors {percent} % to {}", to.host))
}

fn rewrite(at: &At<'_, '_>) -> Result<Vec<String>, Unreadable> {
    let mut words = Vec::new();
    let path = at.field("path");
    if let Some(full) = path.field("replaceFullPath").word()? {
        words.push(format!("rewrites the path to {full}"));
    }
    if let Some(start) = path.field("replacePrefixMatch").word()? {
        words.push(format!("rewrites the path's matched start to {start}"));
    }
    if let Some(host) = at.field("hostname").word()? {
        words.push(format!("rewrites the host to {host}"));
    }
    Ok(words)
}

fn header_changes(modifier: &At<'_, '_>, side: &str) -> Result<Vec<String>, Unreadable> {
    let mut words = Vec::new();
    for (key, verb) in [("set", "sets"), ("add", "adds")] {
        let mut names = Vec::new();
        for item in modifier.field(key).items()? {
            names.extend(item.field("name").word()?);
        }
        if !names.is_empty() {
            words.push(format!("{verb} {side} header {}", names.join(", ")));
        }
    }
    let names = modifier.field("remove").texts()?;
    if !names.is_empty() {
        words.push(format!("removes {side} header {}", names.join(", ")));
    }
    Ok(words)
}

fn retries(at: &At<'_, '_>) -> Result<Option<String>, Unreadable> {
    if at.is_absent() {
        return Ok(None);
    }
    at.object()?;
    let mut words = match at.field("attempts").count()? {
        None => "retries".to_owned(),
        Some(0) => return Ok(Some("never retries".to_owned())),
        Some(1) => "retries once".to_owned(),
        Some(n) => format!("retries {n} times"),
    };
    let mut codes = Vec::new();
    for code in at.field("codes").items()? {
        codes.extend(code.status()?.map(|code| code.to_string()));
    }
    if !codes.is_empty() {
        words += &format!(" on {}", codes.join(", "));
    }
    Ok(Some(words))
}
