//! The page itself: carried in the binary, or read from a folder while it is being worked on.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::LazyLock;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use crate::http::ApiError;

#[derive(RustEmbed)]
#[folder = "../dist"]
#[allow_missing = true]
struct Dist;

/// A folder to read the page from instead, for those who change it (`cargo xtask dev`).
static FOLDER: LazyLock<Option<PathBuf>> =
    LazyLock::new(|| std::env::var_os("PIDALI_DIST").map(PathBuf::from));

/// What Trunk writes and the server replaces.
const BASE: &str = "<base href=\"./\"";

/// Shows an asset, or the page for every other path.
pub async fn show(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return ApiError::method_not_allowed().into_response();
    }
    let path = uri.path().trim_start_matches('/');
    if !path.is_empty() && path != "index.html" {
        if let Some(response) = asset(path, &headers) {
            return response;
        }
        // A missing script must not be answered with a page.
        let last = path.rsplit('/').next().unwrap_or_default();
        if last.contains('.') && !is_page(path) {
            return (StatusCode::NOT_FOUND, "Not found.\n").into_response();
        }
    }
    let Some(index) = read("index.html") else {
        let text = "This build of Pidali carries no page. Build it with: cargo xtask build\n";
        return (StatusCode::SERVICE_UNAVAILABLE, text).into_response();
    };
    // Under a prefix that a proxy stripped, only relative addresses can be right: the base leads back
    // to the server's root from wherever the browser thinks it is.
    let depth = uri.path().matches('/').count().saturating_sub(1);
    let up = if depth == 0 {
        "./".to_owned()
    } else {
        "../".repeat(depth.min(64))
    };
    let html = String::from_utf8_lossy(&index).replacen(BASE, &format!("<base href=\"{up}\""), 1);
    let known = is_page(path);
    let status = if known {
        StatusCode::OK
    } else {
        StatusCode::NOT_FOUND
    };
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (status, headers, html).into_response()
}

/// Returns whether the page has something to show under this path.
fn is_page(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        [
            "" | "index.html" | "overview" | "graph" | "routes" | "sources" | "preflight"
            | "traces",
        ] => true,
        ["services" | "workloads" | "breakers" | "sidecars" | "control-plane" | "config"] => true,
        ["config", "objects"] => true,
        ["traces", id] => !id.is_empty(),
        ["services" | "workloads", namespace, name] => !namespace.is_empty() && !name.is_empty(),
        _ => false,
    }
}

fn asset(path: &str, headers: &HeaderMap) -> Option<Response> {
    let plain = read(path)?;
    let brotli = read(&format!("{path}.br")).filter(|_| crate::http::accepts(headers, "br"));
    let is_br = brotli.is_some();
    let mut response = Response::new(Body::from(brotli.unwrap_or(plain).into_owned()));
    let mime = mime_guess::from_path(path).first_or_octet_stream();
    let out = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(mime.essence_str()) {
        out.insert(header::CONTENT_TYPE, value);
    }
    if is_br {
        out.insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
    }
    // Trunk puts a hash into the names of what it builds.
    let hashed = path
        .rsplit_once('-')
        .and_then(|(_, rest)| rest.split(['.', '_']).next())
        .is_some_and(|hash| hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()));
    let cache = if hashed {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    Some(response)
}

fn read(path: &str) -> Option<Cow<'static, [u8]>> {
    let plain =
        |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains('\\');
    if !path.split('/').all(plain) {
        return None;
    }
    match &*FOLDER {
        Some(folder) => std::fs::read(folder.join(path)).ok().map(Cow::Owned),
        None => Dist::get(path).map(|file| file.data),
    }
}
