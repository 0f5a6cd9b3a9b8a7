//! What every request passes: the Host check, and the headers that keep a page to itself.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::ApiError;
use super::body::MAX_BODY;

/// Nothing but what this server sends may run, load or be asked.
const CSP: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
     img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; \
     base-uri 'self'; form-action 'self'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CSP),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// The names that browsers may use for this server, beside loopback ones. Any other name is refused:
/// a foreign page could have made it point here (DNS rebinding).
#[derive(Clone, Debug, Default)]
pub struct Hosts(Arc<[String]>);

impl Hosts {
    /// Returns loopback and `names`.
    pub fn new(names: &[String]) -> Hosts {
        Hosts(
            names
                .iter()
                .map(|n| n.trim().to_ascii_lowercase())
                .collect(),
        )
    }

    /// Returns whether `authority`, a host with or without port, is ours.
    pub fn allow(&self, authority: &str) -> bool {
        let Some(host) = host_of(authority) else {
            return false;
        };
        if let Ok(ip) = host.parse::<IpAddr>() {
            return ip.is_loopback() || self.0.contains(&host);
        }
        host == "localhost" || host.ends_with(".localhost") || self.0.contains(&host)
    }
}

/// Returns the host of an authority in lower case, without port and brackets.
fn host_of(authority: &str) -> Option<String> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (
                host,
                port.strip_prefix(':').or(port.is_empty().then_some("0"))?,
            )
        }
        None => authority.split_once(':').unwrap_or((authority, "0")),
    };
    let valid = !host.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    valid.then(|| host.to_ascii_lowercase())
}

/// Returns whether a write comes from our own page, or from no page at all. Browsers say where a request
/// comes from; programs such as curl say nothing.
fn is_own_origin(headers: &HeaderMap, host: &str) -> bool {
    let text = |name: HeaderName| headers.get(name).map(|v| v.to_str().unwrap_or("?"));
    // Only a browser can set this one, and it knows better than we do what a proxy in front is called.
    if let Some(site) = text(HeaderName::from_static("sec-fetch-site")) {
        return matches!(site, "same-origin" | "none");
    }
    let origin = text(header::ORIGIN);
    origin.is_none_or(|origin| {
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
    })
}

/// Refuses requests for foreign hosts, writes by foreign pages and bodies past the limit; seals every
/// answer.
pub async fn check(hosts: Hosts, request: Request, next: Next) -> Response {
    // HTTP/2 carries the host in the address, HTTP/1.1 in a header.
    let host = request
        .uri()
        .authority()
        .map(|authority| authority.as_str())
        .or_else(|| {
            let mut hosts = request.headers().get_all(header::HOST).iter();
            let first = hosts.next().and_then(|host| host.to_str().ok());
            // Two Host headers are an attempt at something.
            first.filter(|_| hosts.next().is_none())
        })
        .unwrap_or_default();
    let too_large = |length: &HeaderValue| {
        let length = length.to_str().ok().and_then(|l| l.parse::<u64>().ok());
        length.is_none_or(|l| l > MAX_BODY as u64)
    };
    let length = request.headers().get(header::CONTENT_LENGTH);
    let mut response = if !hosts.allow(host) {
        ApiError::foreign_host(&host.chars().take(80).collect::<String>()).into_response()
    } else if !request.method().is_safe() && !is_own_origin(request.headers(), host) {
        ApiError::foreign_origin().into_response()
    } else if length.is_some_and(too_large) {
        ApiError::body_too_large().into_response()
    } else {
        next.run(request).await
    };
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_taken_from_our_own_page_or_from_no_page() {
        let own = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            is_own_origin(&headers, "127.0.0.1:20002")
        };
        assert!(own(&[]));
        assert!(own(&[("origin", "http://127.0.0.1:20002")]));
        // A proxy in front may have another name, and may speak TLS.
        assert!(own(&[
            ("origin", "https://mesh.example.com"),
            ("sec-fetch-site", "same-origin")
        ]));
        assert!(own(&[("origin", "https://127.0.0.1:20002")]));
        for foreign in [
            [("origin", "http://127.0.0.1:20003"), ("accept", "*/*")],
            [("origin", "null"), ("accept", "*/*")],
            [("origin", "http://evil.example"), ("accept", "*/*")],
            [("sec-fetch-site", "cross-site"), ("accept", "*/*")],
            [("sec-fetch-site", "same-site"), ("accept", "*/*")],
        ] {
            assert!(!own(&foreign), "{foreign:?}");
        }
    }

    #[test]
    fn only_loopback_and_configured_names_are_ours() {
        let hosts = Hosts::new(&["Mesh.Example.com".to_owned()]);
        for ours in [
            "localhost",
            "localhost:20002",
            "127.0.0.1:1",
            "127.8.9.1",
            "[::1]:20002",
            "[::1]",
            "mesh.example.com:443",
            "pidali.localhost",
        ] {
            assert!(hosts.allow(ours), "{ours}");
        }
        for foreign in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "[::1",
            "[::1]x",
            "localhost:port",
            "10.0.0.1",
            "0.0.0.0:20002",
        ] {
            assert!(!hosts.allow(foreign), "{foreign}");
        }
    }
}
