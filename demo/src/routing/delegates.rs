//! Rules that hand over to another VirtualService
//! (<https://istio.io/latest/docs/reference/config/networking/virtual-service/#Delegate>).

use std::collections::BTreeMap;

use super::fields::Exports;
use super::http_rule::HttpRule;
use super::virtual_service::VirtualService;

/// Puts the rules of delegates in the place of those that hand over to them. A rule whose delegate is
/// not there, or not to be seen, is left out.
pub(super) fn resolve(virtual_services: &mut Vec<VirtualService>) {
    let mut delegates = BTreeMap::<(String, String), (Exports, Vec<HttpRule>)>::new();
    virtual_services.retain_mut(|v| {
        if v.is_delegate() {
            let rules = std::mem::take(&mut v.rules);
            let place = (v.namespace.clone(), v.name.clone());
            delegates.insert(place, (v.exports.clone(), rules));
        }
        !v.is_delegate()
    });
    for root in virtual_services {
        for rule in std::mem::take(&mut root.rules) {
            let Some(delegate) = &rule.delegate else {
                root.http.extend(rule.followed(&root.namespace));
                continue;
            };
            let namespace = delegate.namespace.as_ref().unwrap_or(&root.namespace);
            let place = (namespace.clone(), delegate.name.clone());
            let Some((exports, parts)) = delegates.get(&place) else {
                continue;
            };
            if !exports.reach(namespace, &root.namespace) {
                continue;
            }
            for part in parts {
                let merged = behind(part, &rule).map(|rule| rule.followed(namespace));
                root.http.extend(merged.into_iter().flatten());
            }
        }
    }
}

/// Returns a delegate's rule as it holds behind the rule that hands over to it, `None` where one of its
/// conditions lies outside of that rule's.
fn behind(part: &HttpRule, root: &HttpRule) -> Option<HttpRule> {
    let matches = if root.matches.is_empty() {
        part.matches.clone()
    } else if part.matches.is_empty() {
        root.matches.clone()
    } else {
        let mut all = Vec::new();
        for condition in &part.matches {
            let before = all.len();
            all.extend(root.matches.iter().filter_map(|m| condition.behind(m)));
            if all.len() == before {
                return None;
            }
        }
        all
    };
    // What the delegate does not say, its root does.
    let mut merged = part.clone();
    merged.matches = matches;
    merged.fault = merged.fault.or_else(|| root.fault.clone());
    merged.retries = merged.retries.or_else(|| root.retries.clone());
    merged.timeout = merged.timeout.or_else(|| root.timeout.clone());
    merged.mirrors = merged.mirrors.or(&root.mirrors);
    merged.direct_response = merged
        .direct_response
        .or_else(|| root.direct_response.clone());
    Some(merged)
}
