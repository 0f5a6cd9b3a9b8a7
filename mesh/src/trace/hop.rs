//! What a span's tags say of a call: Envoy's names, old and new, and OpenTelemetry's.
//!
//! Names after Istio's `pilot/pkg/networking/core/tracing.go`, Envoy's `common_values.h` and OpenTelemetry's semantic
//! conventions for HTTP and RPC.

use crate::telemetry::Flags;

use super::{Span, SpanKind};

/// What a proxy, or an application's own tracer, says of its part of a call. What is not said is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hop<'a> {
    /// The pod that it runs in.
    pub pod: Option<&'a str>,
    /// The namespace it runs in.
    pub namespace: Option<&'a str>,
    /// The app (canonical service).
    pub app: Option<&'a str>,
    /// The version (canonical revision).
    pub version: Option<&'a str>,
    /// The cluster it runs in.
    pub cluster: Option<&'a str>,
    /// Where it sent the call, if it is the caller's side.
    pub upstream: Option<Upstream<'a>>,
    /// Whether it says that it took the call from someone else.
    pub is_inbound: bool,
    /// Whether it is a copy of a call, for whose answer nobody waits.
    pub is_copy: bool,
    /// Whether it is gRPC.
    pub is_grpc: bool,
    /// The HTTP status; `Some(0)` where none was sent.
    pub http: Option<u16>,
    /// The gRPC status.
    pub grpc: Option<u16>,
    /// Envoy's response flags.
    pub flags: Flags,
}

/// Where Envoy sent a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upstream<'a> {
    /// The subset of a DestinationRule; none for the whole service.
    pub subset: Option<&'a str>,
    /// The host: a service's full name, one from outside, or Istio's word for what left the mesh.
    pub host: &'a str,
}

impl<'a> Upstream<'a> {
    /// Returns the service's namespace and name, where the host is one of a cluster: `name.namespace.svc.domain`,
    /// whatever the domain.
    pub fn service(&self) -> Option<(&'a str, &'a str)> {
        let mut parts = self.host.splitn(3, '.');
        let (name, namespace, rest) = (parts.next()?, parts.next()?, parts.next()?);
        (rest == "svc" || rest.starts_with("svc.")).then_some((namespace, name))
    }
}

impl<'a> Hop<'a> {
    /// Reads what a span says.
    pub fn of(span: &'a Span) -> Hop<'a> {
        let node = span.tag(&["node_id"]).and_then(node);
        let cluster_names = ["upstream_cluster", "upstream_cluster.name"];
        let clusters = cluster_names.iter().filter_map(|name| span.tag(&[name]));
        let mut upstream = None;
        let mut is_inbound = span.kind == SpanKind::Server;
        for cluster in clusters {
            if cluster.starts_with("inbound|") {
                is_inbound = true;
            }
            upstream = upstream.or_else(|| outbound(cluster));
        }
        let own = |names: &[&str]| span.tag(names).or_else(|| of_process(span, names));
        let said = |text: Option<&'a str>| text.filter(|it| !it.is_empty() && *it != "unknown");
        let grpc = span.tag(&["grpc.status_code", "rpc.grpc.status_code"]);
        let http = span.tag(&["http.status_code", "http.response.status_code"]);
        Hop {
            pod: node.map(|it| it.0).or(said(own(&["k8s.pod.name"]))),
            namespace: said(own(&["istio.namespace", "k8s.namespace.name"]))
                .or(node.map(|it| it.1)),
            app: said(own(&["istio.canonical_service"])),
            version: said(own(&["istio.canonical_revision", "service.version"])),
            cluster: said(own(&["istio.cluster_id", "k8s.cluster.name"])),
            is_inbound: is_inbound && upstream.is_none(),
            upstream,
            is_copy: span.tag(&["http.url", "url.full"]).is_some_and(is_shadow),
            is_grpc: grpc.is_some() || span.tag(&["rpc.system"]) == Some("grpc"),
            http: http.and_then(|it| it.trim().parse().ok()),
            grpc: grpc.and_then(grpc_status),
            flags: Flags::parse(span.tag(&["response_flags"]).unwrap_or("-")),
        }
    }

    /// Returns how it ended, for people: `200`, `503 UO`, `grpc 14`; `None` where nothing is said.
    pub fn status(&self) -> Option<String> {
        let code = match (self.grpc, self.http) {
            (Some(grpc), _) => format!("grpc {grpc}"),
            (None, Some(http)) => http.to_string(),
            (None, None) if self.flags.is_empty() => return None,
            (None, None) => return Some(self.flags.to_string()),
        };
        if self.flags.is_empty() {
            return Some(code);
        }
        Some(format!("{code} {}", self.flags))
    }
}

/// Returns whether a span failed: it says so itself, or by a code that is a server's error (rule R4).
pub fn failed(span: &Span, hop: &Hop<'_>) -> bool {
    let is_said = span.tag(&["error"]).is_some_and(|it| {
        let it = it.trim();
        !it.is_empty() && !it.eq_ignore_ascii_case("false") && it != "0"
    });
    let otel = span.tag(&["otel.status_code"]);
    // Envoy writes `error` of calls whose client went away, too: nobody's failure (rule R4).
    if hop.http == Some(0) && hop.flags.contains("DC") {
        return false;
    }
    span.is_error
        || is_said
        || otel.is_some_and(|it| it.eq_ignore_ascii_case("error"))
        || hop.http.is_some_and(|it| it >= 500 || it == 0)
        || hop
            .grpc
            .is_some_and(|it| [2, 4, 12, 13, 14, 15].contains(&it))
}

/// Returns pod and namespace of a node's id: `sidecar~10.1.2.3~pod.namespace~namespace.svc.cluster.local`.
fn node(id: &str) -> Option<(&str, &str)> {
    let (pod, namespace) = id.split('~').nth(2)?.rsplit_once('.')?;
    (!pod.is_empty() && !namespace.is_empty()).then_some((pod, namespace))
}

/// Reads `outbound|9080|v1|reviews.bookinfo.svc.cluster.local`, with `_.` and `._` in the older form's place of `|`;
/// and Istio's words for what left the mesh.
fn outbound(cluster: &str) -> Option<Upstream<'_>> {
    if matches!(
        cluster,
        crate::graph::PASSTHROUGH | crate::graph::BLACK_HOLE
    ) {
        return Some(Upstream {
            subset: None,
            host: cluster,
        });
    }
    let mut parts = cluster.split('|');
    if parts.next()? != "outbound" {
        return None;
    }
    let (_port, subset, host) = (parts.next()?, parts.next()?, parts.next()?);
    (!host.is_empty()).then_some(Upstream {
        subset: Some(subset).filter(|it| !it.is_empty()),
        host,
    })
}

/// Envoy writes `-shadow` behind the host of a mirrored request.
fn is_shadow(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |it| it.1);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = authority.split(':').next().unwrap_or_default();
    host.ends_with("-shadow")
}

/// gRPC's statuses are written as numbers or as words.
fn grpc_status(text: &str) -> Option<u16> {
    const WORDS: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALIDARGUMENT",
        "DEADLINEEXCEEDED",
        "NOTFOUND",
        "ALREADYEXISTS",
        "PERMISSIONDENIED",
        "RESOURCEEXHAUSTED",
        "FAILEDPRECONDITION",
        "ABORTED",
        "OUTOFRANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATALOSS",
        "UNAUTHENTICATED",
    ];
    let text = text.trim();
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let word: String = text.chars().filter(char::is_ascii_alphabetic).collect();
    let place = WORDS
        .iter()
        .position(|it| it.eq_ignore_ascii_case(&word))
        .or_else(|| word.eq_ignore_ascii_case("Canceled").then_some(1))?;
    u16::try_from(place).ok()
}

fn of_process<'a>(span: &'a Span, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| {
        let found = span.process.tags.iter().find(|it| &*it.key == *name)?;
        Some(&*found.value)
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::span;
    use super::*;

    #[test]
    fn a_client_says_where_it_sent_the_call() {
        let span = span("a", None).tags(&[
            (
                "node_id",
                "sidecar~10.1.2.3~web-7d9f-x2x4z.shop~shop.svc.cluster.local",
            ),
            (
                "upstream_cluster",
                "outbound|9080|v1|reviews.books.svc.corp.example",
            ),
            ("http.status_code", "503"),
            ("response_flags", "UO"),
        ]);
        let hop = Hop::of(&span.0);
        assert_eq!(
            (hop.pod, hop.namespace),
            (Some("web-7d9f-x2x4z"), Some("shop"))
        );
        let upstream = hop.upstream.unwrap();
        assert_eq!(upstream.subset, Some("v1"));
        assert_eq!(upstream.service(), Some(("books", "reviews")));
        assert_eq!(hop.status().as_deref(), Some("503 UO"));
        assert!(failed(&span.0, &hop) && !hop.is_inbound);
    }

    #[test]
    fn a_server_says_that_it_was_called() {
        for tags in [
            &[
                ("upstream_cluster", "inbound|9080||"),
                ("http.status_code", "200"),
            ][..],
            &[
                ("upstream_cluster.name", "inbound|9080||"),
                ("http.response.status_code", "200"),
            ],
        ] {
            let span = span("a", None).tags(tags);
            let hop = Hop::of(&span.0);
            assert!(hop.is_inbound && hop.upstream.is_none());
            assert!(!failed(&span.0, &hop));
            assert_eq!(hop.status().as_deref(), Some("200"));
        }
    }

    #[test]
    fn failures_are_told_in_many_ways() {
        let is_failed = |tags: &[(&str, &str)]| {
            let span = span("a", None).tags(tags);
            failed(&span.0, &Hop::of(&span.0))
        };
        for tags in [
            &[("error", "true")][..],
            &[("error", "boom")],
            &[("otel.status_code", "ERROR")],
            &[("grpc.status_code", "14")],
            &[("grpc.status_code", "Unavailable")],
            &[("http.status_code", "0")],
            &[("http.status_code", "500")],
        ] {
            assert!(is_failed(tags), "{tags:?}");
        }
        for tags in [
            &[("error", "false")][..],
            &[("http.status_code", "404")],
            &[
                ("error", "true"),
                ("http.status_code", "0"),
                ("response_flags", "DC"),
            ],
            &[("grpc.status_code", "5")],
            &[("grpc.status_code", "nonsense")],
        ] {
            assert!(!is_failed(tags), "{tags:?}");
        }
    }
}
