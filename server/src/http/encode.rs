//! Answers as bytes: encoded once, shared by all viewers, with an entity tag.

use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Read as _, Write as _};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::{Buf as _, Bytes};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::Serialize;

use super::ApiError;

/// Below this, compressing costs more than it saves.
const MIN_GZIP: usize = 1024;
/// Above this level, graphs get a few percent smaller and take twice as long.
const LEVEL: u32 = 3;
/// How much is packed or unpacked at once.
const CHUNK: usize = 64 * 1024;
/// How many chunks may wait to be packed.
const N_WAITING: usize = 4;

/// A JSON answer, kept compressed where that is worth it: nearly everybody takes it so.
#[derive(Clone, Debug)]
pub struct Encoded {
    body: Bytes,
    is_gzip: bool,
    etag: HeaderValue,
}

impl Encoded {
    /// Encodes `value`, packing while it is written: a large answer is never held plain.
    pub fn json<T: Serialize>(value: &T) -> Result<Encoded, ApiError> {
        let failed = |error: &dyn std::error::Error| {
            tracing::error!(%error, "An answer could not be encoded");
            ApiError::internal()
        };
        let mut packer = Packer::default();
        serde_json::to_writer(&mut packer, value).map_err(|error| failed(&error))?;
        packer.finish().map_err(|error| failed(&error))
    }

    /// Returns about how many bytes it holds.
    pub fn weight(&self) -> u32 {
        u32::try_from(self.body.len()).unwrap_or(u32::MAX)
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
            let is_gzip = self.is_gzip && accepts(headers, "gzip");
            let body = if is_gzip || !self.is_gzip {
                Body::from(self.body.clone())
            } else {
                self.unpacked()
            };
            let mut response = Response::new(body);
            if is_gzip {
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

/// Packs what is written to it, unless that stays small. What is large is packed on a thread of its own while the
/// rest is still being written: together they take as long as the packing.
#[derive(Default)]
struct Packer {
    /// What is not packed yet.
    plain: Vec<u8>,
    press: Option<Press>,
}

impl Packer {
    /// Hands on what has come together.
    fn hand_on(&mut self) -> io::Result<()> {
        let press = match &mut self.press {
            Some(press) => press,
            none => none.insert(Press::start()?),
        };
        let empty = Vec::with_capacity(CHUNK + CHUNK / 8);
        press.push(std::mem::replace(&mut self.plain, empty))
    }

    fn finish(self) -> io::Result<Encoded> {
        let (mut body, is_gzip) = match self.press {
            Some(press) => {
                press.push(self.plain)?;
                (press.finish()?, true)
            }
            None if self.plain.len() >= MIN_GZIP => {
                let mut encoder = encoder();
                encoder.write_all(&self.plain)?;
                (encoder.finish()?, true)
            }
            None => (self.plain, false),
        };
        body.shrink_to_fit();
        // Of what is kept: a tenth of what was written, and the same whenever that is.
        let mut hasher = DefaultHasher::new();
        hasher.write(&body);
        let tag = format!("\"{:016x}\"", hasher.finish());
        Ok(Encoded {
            body: body.into(),
            is_gzip,
            etag: HeaderValue::from_str(&tag).map_err(io::Error::other)?,
        })
    }
}

fn encoder() -> GzEncoder<Vec<u8>> {
    GzEncoder::new(Vec::new(), Compression::new(LEVEL))
}

/// A thread that packs what it is handed. It ends with what feeds it.
struct Press {
    chunks: SyncSender<Vec<u8>>,
    packed: JoinHandle<io::Result<Vec<u8>>>,
}

impl Press {
    fn start() -> io::Result<Press> {
        let (chunks, handed) = sync_channel::<Vec<u8>>(N_WAITING);
        let pack = move || {
            let mut encoder = encoder();
            for chunk in handed {
                encoder.write_all(&chunk)?;
            }
            encoder.finish()
        };
        let named = thread::Builder::new().name("press".to_owned());
        Ok(Press {
            chunks,
            packed: named.spawn(pack)?,
        })
    }

    fn push(&self, chunk: Vec<u8>) -> io::Result<()> {
        let pushed = self.chunks.send(chunk);
        pushed.map_err(|_| io::Error::other("what packs an answer is gone"))
    }

    fn finish(self) -> io::Result<Vec<u8>> {
        drop(self.chunks);
        let packed = self.packed.join();
        packed.map_err(|_| io::Error::other("what packs an answer broke down"))?
    }
}

impl io::Write for Packer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    // JSON comes in pieces of a few bytes.
    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.plain.extend_from_slice(bytes);
        if self.plain.len() >= CHUNK {
            self.hand_on()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Encoded {
    /// The body as it was before it was compressed, for the few who do not take it so; made while it is sent, and
    /// never held as a whole.
    fn unpacked(&self) -> Body {
        let mut reader = GzDecoder::new(self.body.clone().reader());
        let chunks = std::iter::from_fn(move || {
            let mut chunk = vec![0; CHUNK];
            match reader.read(&mut chunk) {
                Ok(0) => None,
                Ok(n) => {
                    chunk.truncate(n);
                    Some(Ok(Bytes::from(chunk)))
                }
                Err(error) => Some(Err(error)),
            }
        });
        Body::from_stream(futures::stream::iter(chunks))
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

    #[tokio::test]
    async fn who_does_not_take_it_packed_gets_the_same_plain() {
        let value: Vec<String> = (0..30_000).map(|n| format!("edge {n} \u{e9}")).collect();
        let encoded = Encoded::json(&value).unwrap();
        let plain = serde_json::to_vec(&value).unwrap();
        assert!(encoded.weight() < u32::try_from(plain.len()).unwrap() / 3);
        let response = encoded.respond(&HeaderMap::new());
        assert!(!response.headers().contains_key(header::CONTENT_ENCODING));
        let body = axum::body::to_bytes(response.into_body(), usize::MAX)
            .await
            .unwrap();
        assert!(body == plain, "the body differs from what was encoded");
        let small = Encoded::json(&"x")
            .unwrap()
            .respond(&headers(header::ACCEPT_ENCODING, "gzip"));
        assert!(!small.headers().contains_key(header::CONTENT_ENCODING));
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
