//! Request bodies, so that a bad one is our JSON error naming the field.

use std::time::Duration;

use axum::body::{Body as RawBody, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header;
use serde::de::DeserializeOwned;

use super::ApiError;

/// A larger body is refused unread.
pub const MAX_BODY: usize = 64 * 1024;
/// A body that takes longer is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// The JSON body of a request, read as `T`.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Body<T>, ApiError> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        // A form or plain text could come from a foreign page without the browser asking us first.
        if kind.split(';').next().map(str::trim) != Some("application/json") {
            return Err(ApiError::bad_body(
                "is not JSON",
                Some("send it as content-type: application/json"),
            ));
        }
        let bytes = read(request.into_body()).await?;
        let mut json = serde_json::Deserializer::from_slice(&bytes);
        let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let path = error.path().to_string();
            let problem = error.inner().to_string();
            let at = if path == "." {
                String::new()
            } else {
                format!(" at `{path}`")
            };
            ApiError::bad_body(&format!("can't be read{at}: {problem}"), None)
        })?;
        json.end()
            .map_err(|_| ApiError::bad_body("goes on after its end", None))?;
        Ok(Body(value))
    }
}

async fn read(body: RawBody) -> Result<bytes::Bytes, ApiError> {
    match tokio::time::timeout(PATIENCE, to_bytes(body, MAX_BODY)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        // The limit was passed, or the connection broke: nobody hears of that one.
        Ok(Err(_)) => Err(ApiError::body_too_large()),
        Err(_) => Err(ApiError::bad_body(
            "did not arrive in time",
            Some("send it again"),
        )),
    }
}
