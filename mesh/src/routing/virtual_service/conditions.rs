//! What a rule of a VirtualService matches.

use std::collections::BTreeMap;

use crate::routing::hosts;
use crate::routing::lens::{At, Unreadable};
use crate::routing::rule::{Condition, Match};

/// Reads one entry of a rule's `match`. All three lists share one reading: a field that is not of a list can't
/// stand there, since the API server knows the fields of each.
pub(super) fn read(m: &At<'_, '_>, namespace: &str) -> Result<Match, Unreadable> {
    m.object()?;
    let text = |key| Ok(m.field(key).word()?.map(str::to_owned));
    Ok(Match {
        name: text("name")?,
        path: condition(&m.field("uri"))?,
        ignores_case: m.field("ignoreUriCase").flag()?,
        scheme: condition(&m.field("scheme"))?,
        method: condition(&m.field("method"))?,
        authority: condition(&m.field("authority"))?,
        headers: headers(&m.field("headers"))?,
        without_headers: headers(&m.field("withoutHeaders"))?,
        query: named(&m.field("queryParams"))?,
        port: m.field("port").port()?,
        gateways: gateways(&m.field("gateways"), namespace)?,
        source_labels: m.field("sourceLabels").labels()?,
        source_namespace: text("sourceNamespace")?,
        sni_hosts: m.field("sniHosts").texts()?,
        destination_subnets: m.field("destinationSubnets").texts()?,
        stat_prefix: text("statPrefix")?,
    })
}

/// Reads names of gateways in the order written: it says nothing, but a person knows their own list.
pub(super) fn gateways(list: &At<'_, '_>, namespace: &str) -> Result<Vec<String>, Unreadable> {
    let written = list.texts()?;
    let full = written.iter().map(|it| hosts::gateway_name(it, namespace));
    Ok(full.collect())
}

/// Reads a condition that stands alone: absent is no condition.
fn condition(at: &At<'_, '_>) -> Result<Option<Condition>, Unreadable> {
    match at.is_absent() {
        true => Ok(None),
        // A condition on nothing is none, unlike one on a header, which asks that it is there.
        false => Ok(Some(present_or(at)?).filter(|c| *c != Condition::Present)),
    }
}

fn headers(map: &At<'_, '_>) -> Result<BTreeMap<String, Condition>, Unreadable> {
    let named = named(map)?.into_iter();
    Ok(named.map(|(k, v)| (k.to_ascii_lowercase(), v)).collect())
}

fn named(map: &At<'_, '_>) -> Result<BTreeMap<String, Condition>, Unreadable> {
    let entries = map.entries()?;
    let named = entries
        .iter()
        .map(|(name, at)| Ok(((*name).to_owned(), present_or(at)?)));
    named.collect()
}

fn present_or(at: &At<'_, '_>) -> Result<Condition, Unreadable> {
    at.object()?;
    let exact = at.field("exact");
    let prefix = at.field("prefix");
    let regex = at.field("regex");
    let written = [&exact, &prefix, &regex];
    if 1 < written.iter().filter(|it| !it.is_absent()).count() {
        return Err(at.error("says more than one of exact, prefix and regex"));
    }
    let owned = |text: &str| text.to_owned();
    if let Some(text) = exact.text()? {
        return Ok(Condition::Exact(owned(text)));
    }
    if let Some(text) = prefix.text()? {
        return Ok(Condition::Prefix(owned(text)));
    }
    Ok(match regex.text()? {
        // Not an expression by itself: Istio has always taken it for "is there".
        None | Some("*") => Condition::Present,
        Some(text) => Condition::Regex(owned(text)),
    })
}
