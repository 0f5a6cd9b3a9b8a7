//! One request to the API server: sent once, bounded in time and size, its warnings kept.

use std::time::Duration;

use http::Request;
use http_body_util::{BodyExt as _, Limited};
use kube::Client;
use kube::client::Body;
use serde_json::Value;

use super::failure::{Failure, shorten};

/// How long the server may take: its own limit for what is no watch is a minute.
const PATIENCE: Duration = Duration::from_secs(30);
/// One object; etcd holds none that is larger than a few MiB.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// More warnings than a person reads.
const MAX_WARNINGS: usize = 10;

/// What the server answered.
#[derive(Debug)]
pub struct Reply {
    /// The object.
    pub value: Value,
    /// What admission said, in its words.
    pub warnings: Vec<String>,
}

/// Sends one request.
pub async fn ask(client: &Client, request: Request<Vec<u8>>) -> Result<Reply, Failure> {
    let asking = async {
        let response = client.send(request.map(Body::from)).await?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, MAX_BYTES).collect().await;
        let body = body.map_err(|error| {
            Failure::Unanswered(format!(
                "the answer broke off: {}",
                shorten(&error.to_string())
            ))
        })?;
        let value = serde_json::from_slice::<Value>(&body.to_bytes());
        if !parts.status.is_success() {
            // A proxy's words are no JSON.
            return Err(Failure::refused(
                parts.status.as_u16(),
                &value.unwrap_or_default(),
            ));
        }
        let value = value.map_err(|error| Failure::Unreadable(shorten(&error.to_string())))?;
        let headers = parts.headers.get_all(http::header::WARNING).iter();
        let warnings = headers
            .filter_map(|it| it.to_str().ok())
            .filter_map(warning);
        Ok(Reply {
            value,
            warnings: warnings.take(MAX_WARNINGS).collect(),
        })
    };
    let asked = tokio::time::timeout(PATIENCE, asking).await;
    asked.unwrap_or_else(|_| {
        Err(Failure::Unanswered(format!(
            "no answer within {} s",
            PATIENCE.as_secs()
        )))
    })
}

/// Reads `299 - "text"`, the form that Kubernetes gives warnings.
fn warning(header: &str) -> Option<String> {
    let quoted = header.strip_prefix("299 ")?.split_once(' ')?.1.trim();
    let text = quoted.strip_prefix('"')?.strip_suffix('"')?;
    Some(shorten(&text.replace("\\\"", "\"").replace("\\\\", "\\")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_read_as_kubernetes_writes_them() {
        let read = |it: &str| warning(it).unwrap_or_default();
        assert_eq!(
            read(r#"299 - "rule \"a\" is unreachable""#),
            "rule \"a\" is unreachable"
        );
        assert_eq!(read("199 - \"x\""), "");
        assert_eq!(read("299"), "");
    }
}
