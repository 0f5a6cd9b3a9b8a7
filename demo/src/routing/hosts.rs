//! Host names: what a name means, and how specifically a pattern names a host.

/// The suffix of every service's full host name.
const DOMAIN: &str = "svc.cluster.local";

/// Returns the full host name of a service.
pub(crate) fn host_of(namespace: &str, name: &str) -> String {
    format!("{name}.{namespace}.{DOMAIN}")
}

/// Returns the host that a name in an object means: a name without a dot is a service of the object's
/// own namespace, anything else is taken as it is.
pub(super) fn full_host(host: &str, namespace: &str) -> String {
    if host == "*" || host.contains('.') {
        host.to_owned()
    } else {
        host_of(namespace, host)
    }
}

/// Returns how specifically `pattern` names `host`: exactly is more than by a long wildcard, that more
/// than by a short one. `None` when it does not.
pub(super) fn specificity(pattern: &str, host: &str) -> Option<usize> {
    if pattern.eq_ignore_ascii_case(host) {
        return Some(usize::MAX);
    }
    let suffix = pattern.strip_prefix('*')?;
    let host = host.to_ascii_lowercase();
    (host.len() > suffix.len() && host.ends_with(&suffix.to_ascii_lowercase()))
        .then_some(suffix.len())
}
