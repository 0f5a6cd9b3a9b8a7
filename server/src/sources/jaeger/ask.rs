//! One question on its way: sent, tried again, read up to the cap.

use std::time::Duration;

use futures::StreamExt as _;
use reqwest::{Response, StatusCode, Url};

use super::{Jaeger, JaegerError};
use crate::sources::reach::Question;
use crate::sources::reach::shorten;

/// The pause before the one retry of a connection that failed.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// What came back: JSON, whatever its status.
pub struct Body {
    /// The status.
    pub status: StatusCode,
    /// The whole of it.
    pub bytes: Vec<u8>,
}

impl Jaeger {
    /// Asks for JSON below an address that ends with a slash.
    pub(super) async fn ask(
        &self,
        base: &Url,
        path: &str,
        query: &[(String, String)],
    ) -> Result<Body, JaegerError> {
        let url = base.join(path).map_err(|_| JaegerError::Interrupted)?;
        let _slot = self
            .slots
            .acquire()
            .await
            .map_err(|_| JaegerError::Interrupted)?;
        let mut response = self.send(&url, query).await;
        let again = match &response {
            Err(JaegerError::Unreachable { .. }) => true,
            Ok(response) => response.status() == StatusCode::SERVICE_UNAVAILABLE,
            Err(_) => false,
        };
        if again {
            tokio::time::sleep(RETRY_AFTER).await;
            response = self.send(&url, query).await;
        }
        let response = response?;
        self.refuse_what_is_no_answer(&response)?;
        let status = response.status();
        let mut bytes = Vec::new();
        let mut stream = response.bytes_stream();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|error| self.transport(error))?;
            if (bytes.len() + chunk.len()) as u64 > self.max_bytes {
                return Err(JaegerError::TooLarge {
                    max_mib: self.max_bytes / (1024 * 1024),
                });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Body { status, bytes })
    }

    async fn send(&self, url: &Url, query: &[(String, String)]) -> Result<Response, JaegerError> {
        let question = Question {
            url,
            form: &[],
            query,
        };
        let sent = self.reach.send(question).await;
        sent.map_err(|lost| JaegerError::of(lost, &self.url(), self.timeout.as_secs()))
    }

    fn transport(&self, error: reqwest::Error) -> JaegerError {
        JaegerError::transport(error, &self.url(), self.timeout.as_secs())
    }

    fn refuse_what_is_no_answer(&self, response: &Response) -> Result<(), JaegerError> {
        let status = response.status();
        let code = status.as_u16();
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err(JaegerError::Unauthorized { status: code });
        }
        if status.is_redirection() {
            return Err(JaegerError::Redirected { status: code });
        }
        let kind = response
            .headers()
            .get(reqwest::header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("no content type");
        // Go calls JSON plain text where nobody says what it is: Jaeger's refusals, and the third version of its API up
        // to 1.76. Whether it is any is seen when it is read.
        if kind.contains("json") || kind.starts_with("text/plain") {
            return Ok(());
        }
        let not_jaeger = |kind: String| JaegerError::NotJaeger {
            url: self.url(),
            kind,
        };
        if status.is_success() {
            return Err(not_jaeger(format!("{} instead of JSON", shorten(kind))));
        }
        if status == StatusCode::NOT_FOUND || status == StatusCode::METHOD_NOT_ALLOWED {
            return Err(not_jaeger(format!("status {code}")));
        }
        Err(JaegerError::Status { status: code })
    }
}
