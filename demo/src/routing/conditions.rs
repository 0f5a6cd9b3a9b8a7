//! The conditions of a VirtualService's rule.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Request;
use super::fields::holds;
use super::virtual_service::{VirtualService, full_gateway};

/// Conditions; all must hold. An unknown one makes the whole object unreadable: to guess would be to
/// route wrongly.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Match {
    uri: Option<StringMatch>,
    #[serde(default)]
    ignore_uri_case: bool,
    method: Option<StringMatch>,
    authority: Option<StringMatch>,
    #[serde(default)]
    headers: BTreeMap<String, StringMatch>,
    #[serde(default)]
    without_headers: BTreeMap<String, StringMatch>,
    #[serde(default)]
    source_labels: BTreeMap<String, String>,
    source_namespace: Option<String>,
    #[serde(default)]
    gateways: Vec<String>,
    #[serde(default, rename = "name")]
    _name: Option<String>,
    #[serde(default, rename = "statPrefix")]
    _stat_prefix: Option<String>,
}

/// How a text must look; none of the three means that it must be there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StringMatch {
    exact: Option<String>,
    prefix: Option<String>,
    regex: Option<String>,
}

impl Match {
    /// Returns why the conditions can't be followed, if they can't.
    pub(super) fn check(&self) -> Result<(), String> {
        let texts = [&self.uri, &self.method, &self.authority];
        texts
            .into_iter()
            .flatten()
            .chain(self.headers.values())
            .chain(self.without_headers.values())
            .all(|text| text.regex.is_none())
            .then_some(())
            .ok_or_else(|| "regular expressions are not simulated".to_owned())
    }

    /// Returns whether nothing is asked of a call itself.
    pub(super) fn takes_any_call(&self) -> bool {
        let any_path = self
            .uri
            .as_ref()
            .is_none_or(|uri| uri.prefix.as_deref() == Some("/"));
        any_path
            && self.method.is_none()
            && self.authority.is_none()
            && self.headers.is_empty()
            && self.without_headers.is_empty()
    }

    /// Returns whether the caller is one that the conditions are for. Istio decides this when it
    /// configures the caller's proxy, not call by call.
    pub(super) fn concerns(
        &self,
        owner: &VirtualService,
        at: &[String],
        request: &Request<'_>,
    ) -> bool {
        let here = |gateway: &String| at.contains(&full_gateway(gateway, &owner.namespace));
        (self.gateways.is_empty() || self.gateways.iter().any(here))
            && holds(request.labels, &self.source_labels)
            && self
                .source_namespace
                .as_ref()
                .is_none_or(|n| n == request.namespace)
    }

    /// Returns whether a call meets the conditions.
    pub(super) fn holds(
        &self,
        owner: &VirtualService,
        at: &[String],
        request: &Request<'_>,
    ) -> bool {
        let header = |name: &str| {
            let found = request
                .headers
                .iter()
                .find(|(n, _)| name.eq_ignore_ascii_case(n));
            found.map(|(_, value)| *value)
        };
        let path = |uri: &StringMatch| {
            let path = request.path.split('?').next().unwrap_or_default();
            uri.takes(path, self.ignore_uri_case)
        };
        let takes = |m: &Option<StringMatch>, text| m.as_ref().is_none_or(|m| m.takes(text, false));
        self.concerns(owner, at, request)
            && self.uri.as_ref().is_none_or(path)
            && takes(&self.method, request.method)
            && takes(&self.authority, request.host)
            && self
                .headers
                .iter()
                .all(|(name, m)| header(name).is_some_and(|value| m.takes(value, false)))
            && self
                .without_headers
                .iter()
                .all(|(name, m)| !header(name).is_some_and(|value| m.takes(value, false)))
    }
}

impl StringMatch {
    fn takes(&self, text: &str, ignore_case: bool) -> bool {
        let fold = |text: &str| {
            if ignore_case {
                text.to_lowercase()
            } else {
                text.to_owned()
            }
        };
        let text = fold(text);
        self.exact.as_ref().is_none_or(|exact| fold(exact) == text)
            && self
                .prefix
                .as_ref()
                .is_none_or(|prefix| text.starts_with(&fold(prefix)))
    }
}
