//! Names of hosts: what a short one means, which service a full one is, and which pattern fits best.
//!
//! Rules: <https://istio.io/latest/docs/reference/config/networking/virtual-service/#VirtualService> (`hosts`),
//! <https://istio.io/latest/docs/reference/config/networking/destination-rule/#DestinationRule> (`host`).

/// The domain of a cluster unless it was configured otherwise.
pub const DOMAIN: &str = "cluster.local";

/// The domain of services that several clusters share: which there are is not to be seen in one of them.
pub const CLUSTER_SET: &str = "clusterset.local";

/// The callers inside the mesh, where a VirtualService names gateways.
pub const MESH: &str = "mesh";

/// Returns the full name that `host` means in an object of `namespace`.
///
/// A name without a dot is a service of the object's own namespace, wherever the caller is. Any other name is
/// taken as it is: `backend.shop` is not completed.
pub fn full_host(host: &str, namespace: &str, domain: &str) -> String {
    match host.contains('.') || host == "*" || host.is_empty() {
        true => host.to_ascii_lowercase(),
        false => service_host(namespace, &host.to_ascii_lowercase(), domain),
    }
}

/// Returns the full name of a service.
pub fn service_host(namespace: &str, name: &str, domain: &str) -> String {
    format!("{name}.{namespace}.svc.{domain}")
}

/// Returns the namespace and the name of the service that a full name means, if it has the form of one.
pub fn service_of(full_host: &str, domain: &str) -> Option<(String, String)> {
    let rest = full_host.strip_suffix(domain)?.strip_suffix(".svc.")?;
    let (name, namespace) = rest.split_once('.')?;
    let is_label = |text: &str| !text.is_empty() && !text.contains(['.', '*', '/']);
    (is_label(name) && is_label(namespace)).then(|| (namespace.to_owned(), name.to_owned()))
}

/// Returns how exactly `pattern` fits `host`, the larger the better; nothing where it does not.
///
/// The very name fits best, then the longest wildcard: `*.example.com` fits `a.example.com` and
/// `a.b.example.com`, not `example.com`.
pub fn specificity(pattern: &str, host: &str) -> Option<usize> {
    match pattern.strip_prefix('*') {
        Some(suffix) => host.ends_with(suffix).then_some(suffix.len()),
        None => (pattern == host).then_some(usize::MAX),
    }
}

/// Returns whether all that `narrow` stands for, `wide` stands for as well. Both may be wildcards.
pub fn covers(wide: &str, narrow: &str) -> bool {
    match (wide.strip_prefix('*'), narrow.strip_prefix('*')) {
        (Some(wide), Some(narrow)) => narrow.ends_with(wide),
        (Some(wide), None) => narrow.ends_with(wide),
        (None, Some(_)) => false,
        (None, None) => wide == narrow,
    }
}

/// Returns the gateway that `written` means in an object of `namespace`: `mesh` or `namespace/name`.
///
/// Without a namespace it is the object's own; `name.namespace…` is how Istio once wrote it.
pub fn gateway_name(written: &str, namespace: &str) -> String {
    if written == MESH {
        return MESH.to_owned();
    }
    match (written.split_once('/'), written.split_once('.')) {
        (Some((".", name)), _) => format!("{namespace}/{name}"),
        (Some(_), _) => written.to_owned(),
        (None, Some((name, rest))) => {
            let namespace = rest.split('.').next().unwrap_or(rest);
            format!("{namespace}/{name}")
        }
        (None, None) => format!("{namespace}/{written}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_short_name_is_of_the_objects_own_namespace() {
        let full = |host| full_host(host, "shop", DOMAIN);
        assert_eq!(full("reviews"), "reviews.shop.svc.cluster.local");
        assert_eq!(full("backend.default"), "backend.default");
        assert_eq!(full("*"), "*");
        assert_eq!(full("*.example.com"), "*.example.com");
    }

    #[test]
    fn a_full_name_says_its_service() {
        let of = |host| service_of(host, DOMAIN);
        let reviews = ("shop".to_owned(), "reviews".to_owned());
        assert_eq!(of("reviews.shop.svc.cluster.local"), Some(reviews));
        for none in [
            "reviews",
            "reviews.shop",
            "*.shop.svc.cluster.local",
            "a.b.shop.svc.cluster.local",
            "svc.cluster.local",
            "example.com",
        ] {
            assert_eq!(of(none), None, "{none}");
        }
    }

    #[test]
    fn the_very_name_fits_best_then_the_longest_wildcard() {
        let host = "a.b.example.com";
        let fits = |pattern| specificity(pattern, host);
        assert!(fits(host) > fits("*.b.example.com"));
        assert!(fits("*.b.example.com") > fits("*.example.com"));
        assert!(fits("*.example.com") > fits("*"));
        assert_eq!(fits("*.a.b.example.com"), None);
        assert_eq!(specificity("*.example.com", "example.com"), None);
    }

    #[test]
    fn a_gateway_is_named_with_its_namespace() {
        let of = |written| gateway_name(written, "shop");
        assert_eq!(of("mesh"), "mesh");
        assert_eq!(of("edge"), "shop/edge");
        assert_eq!(of("./edge"), "shop/edge");
        assert_eq!(of("infra/edge"), "infra/edge");
        assert_eq!(of("edge.infra.svc.cluster.local"), "infra/edge");
    }

    proptest! {
        #[test]
        fn a_service_reads_back_from_its_full_name(name in "[a-z][a-z0-9-]{0,9}", namespace in "[a-z][a-z0-9-]{0,9}") {
            let full = full_host(&name, &namespace, DOMAIN);
            prop_assert_eq!(service_of(&full, DOMAIN), Some((namespace, name)));
        }

        #[test]
        fn what_covers_a_pattern_fits_all_it_fits(
            wide in "(\\*\\.)?(a|b)(\\.(a|b)){0,2}",
            narrow in "(\\*\\.)?(a|b)(\\.(a|b)){0,3}",
            host in "(a|b)(\\.(a|b)){0,4}",
        ) {
            if covers(&wide, &narrow) && specificity(&narrow, &host).is_some() {
                prop_assert!(specificity(&wide, &host).is_some());
            }
        }
    }
}
