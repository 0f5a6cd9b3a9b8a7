//! What a Jaeger speaks, and under which path.

use std::collections::BTreeMap;
use std::sync::Arc;

use reqwest::Url;
use serde::de::IgnoredAny;

use super::{Jaeger, JaegerError};

/// The base path that Istio's add-on gives it.
const USUAL: &str = "jaeger/";

/// What is spoken, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    base: Url,
    has_legacy: bool,
    has_v3: bool,
}

impl Dialect {
    /// Returns the address that all paths stand under.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// Returns that address where the older dialect is spoken.
    pub fn legacy(&self) -> Option<&Url> {
        self.has_legacy.then_some(&self.base)
    }

    /// Returns whether the third version is spoken.
    pub fn has_v3(&self) -> bool {
        self.has_v3
    }
}

impl Jaeger {
    /// Returns what is spoken, looking at it the first time; who comes meanwhile waits for the same.
    pub(super) async fn dialect(&self) -> Result<Arc<Dialect>, JaegerError> {
        let met = self.dialect.try_get_with((), self.look()).await;
        met.map_err(|error: Arc<JaegerError>| (*error).clone())
    }

    /// Tries both dialects under the address given, and under the usual base path where none was given.
    async fn look(&self) -> Result<Arc<Dialect>, JaegerError> {
        let given = self.reach.base();
        let first = match self.look_under(given).await {
            Ok(dialect) => return Ok(dialect),
            Err(error) => error,
        };
        let has_path = match given.scheme() {
            "http" | "https" => given.path() != "/",
            // The Service stands in front of the path.
            _ => given.path().trim_matches('/').contains('/'),
        };
        // What does not answer at all does not answer elsewhere.
        if has_path || !first.may_be_another() {
            return Err(first);
        }
        // The one under the address given is the one to be told.
        let below = given.join(USUAL).map_err(|_| JaegerError::Interrupted)?;
        self.look_under(&below).await.map_err(|_| first)
    }

    async fn look_under(&self, base: &Url) -> Result<Arc<Dialect>, JaegerError> {
        let (legacy, v3) = tokio::join!(
            self.ask(base, "api/services", &[]),
            self.ask(base, "api/v3/services", &[])
        );
        let has = |answer: &Result<super::Body, JaegerError>, is_answer: fn(&Names) -> bool| {
            let body = answer.as_ref().ok().filter(|it| it.status.is_success());
            body.is_some_and(|it| serde_json::from_slice(&it.bytes).is_ok_and(|it| is_answer(&it)))
        };
        let has_legacy = has(&legacy, |it| it.contains_key("data"));
        // Nothing and an empty list are the same in protobuf.
        let has_v3 = has(&v3, |it| it.contains_key("services") || it.is_empty());
        if has_legacy || has_v3 {
            return Ok(Arc::new(Dialect {
                base: base.clone(),
                has_legacy,
                has_v3,
            }));
        }
        // What is wrong on the way says more than that the other dialect is not there.
        let failures = [legacy, v3].map(|it| match it {
            Ok(body) if body.status.is_server_error() => JaegerError::Status {
                status: body.status.as_u16(),
            },
            Ok(body) => JaegerError::NotJaeger {
                url: self.url(),
                kind: match body.status.is_success() {
                    true => "something else".to_owned(),
                    false => format!("status {}", body.status.as_u16()),
                },
            },
            Err(error) => error,
        });
        let [one, other] = failures;
        Err(if one.may_be_another() { other } else { one })
    }
}

/// The names in an object.
type Names = BTreeMap<String, IgnoredAny>;
