//! Answers as bytes: encoded once, shared by all viewers, with an entity tag.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write as _;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

use super::ApiError;

/// Below this, compressing costs more than it saves.
const MIN_GZIP: usize = 1024;

/// A JSON answer, plain and compressed.
#[derive(Clone, Debug)]
pub struct Encoded {
    plain: Bytes,
    gzip: Option<Bytes>,
    etag: HeaderValue,
}

impl Encoded {
    /// Encodes `value`.
    pub fn json<T: Serialize>(value: &T) -> Result<Encoded, ApiError> {
        let plain = serde_json::to_vec(value).map_err(|error| {
            tracing::error!(%error, "An answer could not be encoded");
            ApiError::internal()
        })?;
        let mut hasher = DefaultHasher::new();
        plain.hash(&mut hasher);
        // Hexadecimal between quotes is always a valid header.
        let etag = HeaderValue::from_str(&format!("\"{:016x}\"", hasher.finish()))
            .map_err(|_| ApiError::internal())?;
        let gzip = (plain.len() >= MIN_GZIP)
            .then(|| {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::new(5));
                encoder.write_all(&plain).ok()?;
                encoder.finish().ok().map(Bytes::from)
            })
            .flatten();
        Ok(Encoded {
            plain: plain.into(),
            gzip,
            etag,
        })
    }

    /// Returns about how many bytes it holds.
    pub fn weight(&self) -> u32 {
        let len = self.plain.len() + self.gzip.as_ref().map_or(0, Bytes::len);
        u32::try_from(len).unwrap_or(u32::MAX)
    }

    /// Answers a request that came with `headers`: 304 where the body is known there.
    pub fn respond(&self, headers: &HeaderMap) -> Response {
        let known = headers
            .get_all(header::IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|tag| tag.trim().trim_start_matches("W/").as_bytes() == self.etag.as_bytes());
        let mut response = if known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let zip = self.gzip.as_ref().filter(|_| accepts(headers, "gzip"));
            let mut response = Response::new(Body::from(zip.unwrap_or(&self.plain).clone()));
            if zip.is_some() {
                response
                    .headers_mut()
                    .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
            response.headers_mut().insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            );
            response
        };
        let out = response.headers_mut();
        out.insert(header::ETAG, self.etag.clone());
        out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        response
    }
}

/// Returns whether the client of `headers` takes `encoding`.
pub fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| {
            let mut parts = item.split(';').map(str::trim);
            let named = parts
                .next()
                .is_some_and(|it| it.eq_ignore_ascii_case(encoding));
            named && !parts.any(|q| matches!(q, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
        })
}

/// Answers `value` as JSON.
pub fn encoded<T: Serialize>(value: &T) -> Result<Response, ApiError> {
    Ok(Encoded::json(value)?.respond(&HeaderMap::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn a_body_that_is_known_is_not_sent_again() {
        let encoded = Encoded::json(&vec!["x"; 2000]).unwrap();
        let first = encoded.respond(&headers(header::ACCEPT_ENCODING, "br, gzip"));
        assert_eq!(first.headers()[header::CONTENT_ENCODING], "gzip");
        let etag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
        let again = encoded.respond(&headers(header::IF_NONE_MATCH, &format!("\"a\", W/{etag}")));
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        let other = Encoded::json(&["y"]).unwrap();
        let fresh = other.respond(&headers(header::IF_NONE_MATCH, &etag));
        assert_eq!(fresh.status(), StatusCode::OK);
    }

    #[test]
    fn an_encoding_refused_by_the_client_is_not_used() {
        assert!(accepts(
            &headers(header::ACCEPT_ENCODING, "gzip;q=0.5, br"),
            "gzip"
        ));
        assert!(!accepts(
            &headers(header::ACCEPT_ENCODING, "gzip;q=0, br"),
            "gzip"
        ));
        assert!(!accepts(&HeaderMap::new(), "gzip"));
    }
}
