//! What a span's tags say of a call: Envoy's names, old and new, and OpenTelemetry's.
//!
//! Names after Istio's `pilot/pkg/networking/core/tracing.go`, Envoy's `common_values.h` and OpenTelemetry's semantic
//! conventions for HTTP and RPC.

use compact_str::{CompactString, ToCompactString as _, format_compact};

use crate::telemetry::Flags;

use super::{Span, SpanKind, Tag};

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
    /// Whether a proxy of a mesh recorded it.
    pub is_by_proxy: bool,
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
    /// What it says of a failure.
    error: Option<&'a str>,
    /// OpenTelemetry's status.
    otel_status: Option<&'a str>,
}

/// What tags say under the names that are known here, each name's first one; of two names for one thing, in the order
/// in which they are believed. A trace may have a hundred thousand tags: each is looked at once.
#[derive(Default)]
struct Said<'a> {
    node_id: Option<&'a str>,
    upstream_cluster: [Option<&'a str>; 2],
    pod: Option<&'a str>,
    namespace: [Option<&'a str>; 2],
    app: Option<&'a str>,
    version: [Option<&'a str>; 2],
    cluster: [Option<&'a str>; 2],
    url: [Option<&'a str>; 2],
    rpc_system: Option<&'a str>,
    http: [Option<&'a str>; 2],
    grpc: [Option<&'a str>; 2],
    flags: Option<&'a str>,
    error: Option<&'a str>,
    otel_status: Option<&'a str>,
}

impl<'a> Said<'a> {
    fn of(tags: &'a [Tag]) -> Said<'a> {
        let mut said = Said::default();
        for tag in tags {
            let place = match &*tag.key {
                "node_id" => &mut said.node_id,
                "upstream_cluster" => &mut said.upstream_cluster[0],
                "upstream_cluster.name" => &mut said.upstream_cluster[1],
                "k8s.pod.name" => &mut said.pod,
                "istio.namespace" => &mut said.namespace[0],
                "k8s.namespace.name" => &mut said.namespace[1],
                "istio.canonical_service" => &mut said.app,
                "istio.canonical_revision" => &mut said.version[0],
                "service.version" => &mut said.version[1],
                "istio.cluster_id" => &mut said.cluster[0],
                "k8s.cluster.name" => &mut said.cluster[1],
                "http.url" => &mut said.url[0],
                "url.full" => &mut said.url[1],
                "rpc.system" => &mut said.rpc_system,
                "http.status_code" => &mut said.http[0],
                "http.response.status_code" => &mut said.http[1],
                "grpc.status_code" => &mut said.grpc[0],
                "rpc.grpc.status_code" => &mut said.grpc[1],
                "response_flags" => &mut said.flags,
                "error" => &mut said.error,
                "otel.status_code" => &mut said.otel_status,
                _ => continue,
            };
            place.get_or_insert(&*tag.value);
        }
        said
    }
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
        let (own, process) = (Said::of(&span.tags), Said::of(&span.process.tags));
        let node = own.node_id.and_then(node);
        let mut upstream = None;
        let mut is_inbound = span.kind == SpanKind::Server;
        for cluster in own.upstream_cluster.into_iter().flatten() {
            if cluster.starts_with("inbound|") {
                is_inbound = true;
            }
            upstream = upstream.or_else(|| outbound(cluster));
        }
        // What a span says of itself goes before what its process says.
        let said = |own: &[Option<&'a str>], process: &[Option<&'a str>]| {
            let text = own.iter().chain(process).flatten().next().copied();
            text.filter(|it| !it.is_empty() && *it != "unknown")
        };
        let first = |names: [Option<&'a str>; 2]| names[0].or(names[1]);
        let grpc = first(own.grpc);
        Hop {
            pod: node.map(|it| it.0).or(said(&[own.pod], &[process.pod])),
            namespace: said(&own.namespace, &process.namespace).or(node.map(|it| it.1)),
            app: said(&[own.app], &[process.app]),
            version: said(&own.version, &process.version),
            cluster: said(&own.cluster, &process.cluster),
            is_by_proxy: own.node_id.is_some(),
            is_inbound: is_inbound && upstream.is_none(),
            upstream,
            is_copy: first(own.url).is_some_and(is_shadow),
            is_grpc: grpc.is_some() || own.rpc_system == Some("grpc"),
            http: first(own.http).and_then(|it| it.trim().parse().ok()),
            grpc: grpc.and_then(grpc_status),
            flags: Flags::parse(own.flags.unwrap_or("-")),
            error: own.error,
            otel_status: own.otel_status,
        }
    }

    /// Returns how it ended, for people: `200`, `503 UO`, `grpc 14`; `None` where nothing is said.
    pub fn status(&self) -> Option<CompactString> {
        let code = match (self.grpc, self.http) {
            (Some(grpc), _) => format_compact!("grpc {grpc}"),
            (None, Some(http)) => http.to_compact_string(),
            (None, None) if self.flags.is_empty() => return None,
            (None, None) => return Some(self.flags.to_compact_string()),
        };
        if self.flags.is_empty() {
            return Some(code);
        }
        Some(format_compact!("{code} {}", self.flags))
    }
}

/// Returns whether a span failed: it says so itself, or by a code that is a server's error (rule R4).
pub fn failed(span: &Span, hop: &Hop<'_>) -> bool {
    let is_said = hop.error.is_some_and(|it| {
        let it = it.trim();
        !it.is_empty() && !it.eq_ignore_ascii_case("false") && it != "0"
    });
    // Envoy writes `error` of calls whose client went away, too: nobody's failure (rule R4).
    if hop.http == Some(0) && hop.flags.contains("DC") {
        return false;
    }
    span.is_error
        || is_said
        || hop
            .otel_status
            .is_some_and(|it| it.eq_ignore_ascii_case("error"))
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
