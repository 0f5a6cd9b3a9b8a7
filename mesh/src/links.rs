//! Ways to Grafana's dashboards for Istio, and to Jaeger's page. Pure: an address and what it should be about in, links
//! out.

use serde_json::Value;

use crate::api::links::{Link, LinksQuery};
use crate::api::query::encode_into;
use crate::routing::hosts;
use crate::trace::Search;
use crate::units::UnixMillis;

/// A dashboard that comes with Istio: its id and its name in addresses.
struct Dashboard {
    uid: &'static str,
    slug: &'static str,
    label: &'static str,
}

// The ids stand in the dashboards that Istio ships (manifests/addons/dashboards). Two were written anew, with
// new ids, in 1.23; who imported the older ones keeps those ids.
const MESH: Dashboard = Dashboard {
    uid: "1a9a8ea49444aae205c7737573e894f9",
    slug: "istio-mesh-dashboard",
    label: "Mesh",
};
const MESH_BEFORE: Dashboard = Dashboard {
    uid: "G8wLrJIZk",
    ..MESH
};
const CONTROL_PLANE: Dashboard = Dashboard {
    uid: "1813f692a8e4ac77155348d4c7d2fba8",
    slug: "istio-control-plane-dashboard",
    label: "Control plane",
};
const CONTROL_PLANE_BEFORE: Dashboard = Dashboard {
    uid: "3--MLVZZk",
    ..CONTROL_PLANE
};
const PERFORMANCE: Dashboard = Dashboard {
    uid: "vu8e0VWZk",
    slug: "istio-performance-dashboard",
    label: "Performance",
};
const SERVICE: Dashboard = Dashboard {
    uid: "LJ_uJAvmk",
    slug: "istio-service-dashboard",
    label: "Service",
};
const WORKLOAD: Dashboard = Dashboard {
    uid: "UbsSZTDik",
    slug: "istio-workload-dashboard",
    label: "Workload",
};

/// The first minor version of Istio 1 that ships the dashboards with new ids.
const NEW_IDS_SINCE: u32 = 23;

/// Returns links into the Grafana at `base` (http or https, ends with a slash) about what `query` names: a
/// workload, a service, or the mesh. The end of the window is `at`; `minor` is the control plane's version of
/// Istio 1, where it is known.
pub fn grafana(base: &str, query: &LinksQuery, at: UnixMillis, minor: Option<u32>) -> Vec<Link> {
    let is_before = minor.is_some_and(|minor| minor < NEW_IDS_SINCE);
    let either = |new: Dashboard, old: Dashboard| if is_before { old } else { new };
    let link = |dashboard: &Dashboard, variables: &[(&str, &str)]| {
        let mut url = format!("{base}d/{}/{}", dashboard.uid, dashboard.slug);
        let from = query.at.map_or_else(
            || format!("now-{}", query.window),
            |_| at.before(query.window).0.to_string(),
        );
        let to = query
            .at
            .map_or_else(|| "now".to_owned(), |at| at.0.to_string());
        let times = [("from", from.as_str()), ("to", to.as_str())];
        let pairs = times.iter().chain(variables);
        for (n, (name, value)) in pairs.enumerate() {
            url.push(if n == 0 { '?' } else { '&' });
            url.push_str(name);
            url.push('=');
            encode_into(&mut url, value);
        }
        Link {
            to: "grafana".to_owned(),
            label: dashboard.label.to_owned(),
            url,
        }
    };
    let Some(namespace) = &query.namespace else {
        let all = [
            either(MESH, MESH_BEFORE),
            either(CONTROL_PLANE, CONTROL_PLANE_BEFORE),
            PERFORMANCE,
        ];
        return all.iter().map(|dashboard| link(dashboard, &[])).collect();
    };
    let mut out = Vec::new();
    if let Some(workload) = &query.workload {
        out.push(link(
            &WORKLOAD,
            &[("var-namespace", namespace), ("var-workload", workload)],
        ));
    }
    if let Some(service) = &query.service {
        let host = hosts::service_host(namespace, service, hosts::DOMAIN);
        out.push(link(&SERVICE, &[("var-service", &host)]));
    }
    if out.is_empty() {
        out.push(link(&WORKLOAD, &[("var-namespace", namespace)]));
    }
    out
}

/// Returns the address of a trace on the page of the Jaeger at `base` (http or https, ends with a slash).
pub fn jaeger_trace(base: &str, id: &str) -> String {
    let mut url = format!("{base}trace/");
    encode_into(&mut url, id);
    url
}

/// Returns the address of a search on the page of the Jaeger at `base` (http or https, ends with a slash).
pub fn jaeger_search(base: &str, search: &Search) -> String {
    let mut url = format!("{base}search?lookback=custom");
    let mut pair = |name: &str, value: &str| {
        url.push('&');
        url.push_str(name);
        url.push('=');
        encode_into(&mut url, value);
    };
    pair("service", &search.service);
    if let Some(operation) = &search.operation {
        pair("operation", operation);
    }
    pair("start", &search.since_us.to_string());
    pair("end", &search.until_us.to_string());
    pair("limit", &search.limit.to_string());
    let durations = [
        ("minDuration", search.min_duration_us),
        ("maxDuration", search.max_duration_us),
    ];
    for (name, micros) in durations {
        if let Some(micros) = micros {
            pair(name, &format!("{micros}us"));
        }
    }
    if let Some(tags) = jaeger_tags(search) {
        pair("tags", &tags);
    }
    url
}

/// Returns the tags that one span must bear, as Jaeger takes them: a JSON object of texts. None where there are none.
pub fn jaeger_tags(search: &Search) -> Option<String> {
    let tags = search.tags.iter();
    let mut tags: serde_json::Map<String, Value> = tags
        .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
        .collect();
    if search.errors {
        tags.insert("error".to_owned(), Value::from("true"));
    }
    (!tags.is_empty()).then(|| Value::Object(tags).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Window;

    const BASE: &str = "https://grafana.example/tools/";

    fn urls(query: &LinksQuery, minor: Option<u32>) -> Vec<String> {
        let at = query.at.unwrap_or(UnixMillis(0));
        let links = grafana(BASE, query, at, minor);
        links.into_iter().map(|link| link.url).collect()
    }

    #[test]
    fn the_mesh_has_three_dashboards_whose_ids_hang_on_the_version() {
        let query = LinksQuery::default();
        let now = urls(&query, None);
        assert_eq!(
            now[0],
            "https://grafana.example/tools/d/1a9a8ea49444aae205c7737573e894f9/istio-mesh-dashboard?from=now-5m&to=now"
        );
        assert_eq!(now.len(), 3);
        assert!(urls(&query, Some(20))[1].contains("/d/3--MLVZZk/istio-control-plane-dashboard?"));
        assert_eq!(urls(&query, Some(27)), now);
    }

    #[test]
    fn a_name_is_only_a_value() {
        let query = LinksQuery {
            namespace: Some("a&b=c#\"<".to_owned()),
            workload: Some("web v1".to_owned()),
            service: Some("cart".to_owned()),
            window: Window::HOUR,
            at: Some(UnixMillis(7_200_000)),
        };
        let urls = urls(&query, None);
        assert_eq!(
            urls[0],
            "https://grafana.example/tools/d/UbsSZTDik/istio-workload-dashboard?from=3600000&to=7200000\
             &var-namespace=a%26b%3Dc%23%22%3C&var-workload=web%20v1"
        );
        assert!(urls[1].ends_with("&var-service=cart.a%26b%3Dc%23%22%3C.svc.cluster.local"));
    }
}
