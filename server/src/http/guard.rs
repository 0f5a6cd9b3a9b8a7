//! What every request passes: the Host check, and the headers that keep a page to itself.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::ApiError;

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

/// Refuses requests for foreign hosts, and seals every answer.
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
    let mut response = if hosts.allow(host) {
        next.run(request).await
    } else {
        ApiError::foreign_host(&host.chars().take(80).collect::<String>()).into_response()
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
