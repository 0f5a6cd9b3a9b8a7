//! One question on its way: sent, tried again, read as it arrives, up to the caps.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use mesh::api::Notice;
use mesh::telemetry::Series;
use mesh::units::UnixMillis;
use reqwest::{Response, StatusCode, Url};
use tokio::sync::mpsc;

use super::decode::{self, Item, Outcome};
use super::{Prometheus, PrometheusError};
use crate::sources::reach::{Lost, Question, shorten};

/// The pause before the one retry of a connection that failed.
const RETRY_AFTER: Duration = Duration::from_millis(250);

impl Prometheus {
    /// Asks for values at one time.
    pub(super) async fn instant<T: Send + 'static>(
        &self,
        text: &str,
        at: UnixMillis,
        sink: impl FnMut(Option<Item>) -> Option<T> + Send + 'static,
    ) -> Result<(T, Vec<Notice>), PrometheusError> {
        let time = seconds(at.0);
        // Boxed: a picture waits for several of these at once, and each holds a whole request.
        Box::pin(self.ask(
            "api/v1/query",
            &[("query", text), ("time", &time)],
            "vector",
            sink,
        ))
        .await
    }

    /// Asks for values at one time, and lets `each` add every one of them to what is returned.
    pub(super) async fn gather<T: Default + Send + 'static>(
        &self,
        text: &str,
        at: UnixMillis,
        mut each: impl FnMut(&mut T, Item) + Send + 'static,
    ) -> Result<(T, Vec<Notice>), PrometheusError> {
        let mut all = T::default();
        let sink = move |item: Option<Item>| match item {
            Some(item) => {
                each(&mut all, item);
                None
            }
            None => Some(std::mem::take(&mut all)),
        };
        self.instant(text, at, sink).await
    }

    /// Asks for the one value that a question has, if it has one: a number above zero.
    pub(super) async fn value(
        &self,
        text: &str,
        at: UnixMillis,
    ) -> Result<Option<f64>, PrometheusError> {
        let (value, _) = self
            .gather(text, at, |value: &mut Option<f64>, item| {
                let number = item.value.and_then(|point| point.1.parse::<f64>().ok());
                *value = number.filter(|it| it.is_finite() && *it > 0.0);
            })
            .await?;
        Ok(value)
    }

    /// Asks for values at several times.
    pub(super) async fn range<T: Send + 'static>(
        &self,
        text: &str,
        ask: &Series,
        sink: impl FnMut(Option<Item>) -> Option<T> + Send + 'static,
    ) -> Result<(T, Vec<Notice>), PrometheusError> {
        let step_ms = i64::from(ask.step_secs) * 1000;
        let start = seconds(ask.at.0 - step_ms * (i64::from(ask.n_points) - 1));
        let end = seconds(ask.at.0);
        let step = ask.step_secs.to_string();
        let form = [
            ("query", text),
            ("start", &start),
            ("end", &end),
            ("step", &step),
        ];
        self.ask("api/v1/query_range", &form, "matrix", sink).await
    }

    /// Asks one question and feeds the items of the answer to `sink`, which is asked for its result at
    /// the end (`None`).
    async fn ask<T: Send + 'static>(
        &self,
        path: &str,
        form: &[(&str, &str)],
        expected: &'static str,
        sink: impl FnMut(Option<Item>) -> Option<T> + Send + 'static,
    ) -> Result<(T, Vec<Notice>), PrometheusError> {
        let _slot = self
            .slots
            .acquire()
            .await
            .map_err(|_| PrometheusError::Interrupted)?;
        let url = self
            .reach
            .base()
            .join(path)
            .map_err(|_| PrometheusError::Interrupted)?;
        let mut response = self.send(&url, form).await;
        let again = match &response {
            Err(PrometheusError::Unreachable { .. }) => true,
            Ok(response) => response.status() == StatusCode::SERVICE_UNAVAILABLE,
            Err(_) => false,
        };
        if again {
            tokio::time::sleep(RETRY_AFTER).await;
            response = self.send(&url, form).await;
        }
        let response = response?;
        let status = response.status();
        self.refuse_what_is_no_answer(&response)?;
        let (max_bytes, max_samples) = (self.max_bytes, self.max_samples);
        let (chunks, receiver) = mpsc::channel::<Bytes>(4);
        let decoding =
            tokio::task::spawn_blocking(move || decode::read(receiver, max_samples, sink));
        let mut stream = response.bytes_stream();
        let (mut n_bytes, mut broken) = (0_u64, None);
        while let Some(chunk) = stream.next().await {
            let chunk = match chunk {
                Ok(chunk) => chunk,
                Err(error) => {
                    broken = Some(self.transport(error));
                    break;
                }
            };
            n_bytes += chunk.len() as u64;
            if n_bytes > max_bytes {
                broken = Some(PrometheusError::TooLarge {
                    max_mib: max_bytes / (1024 * 1024),
                });
                break;
            }
            if chunks.send(chunk).await.is_err() {
                break;
            }
        }
        drop(chunks);
        let decoded = decoding.await.map_err(|_| PrometheusError::Interrupted)?;
        if let Some(error) = broken {
            return Err(error);
        }
        let outcome = decoded.map_err(|error| error.into_error(max_samples))?;
        let promql = || {
            form.first()
                .map(|(_, text)| (*text).to_owned())
                .unwrap_or_default()
        };
        match outcome {
            Outcome::Success {
                result_type,
                value,
                warnings,
            } => {
                if !status.is_success() {
                    return Err(PrometheusError::Status {
                        status: status.as_u16(),
                    });
                }
                if result_type.as_deref() != Some(expected) {
                    return Err(PrometheusError::Malformed {
                        what: format!("the answer is not a {expected}"),
                    });
                }
                let notices = warnings
                    .into_iter()
                    .take(5)
                    .map(|warning| Notice {
                        kind: "source_warning".to_owned(),
                        source: "prometheus".to_owned(),
                        message: format!("Prometheus warns: {}", shorten(&warning)),
                        hint: None,
                    })
                    .collect();
                Ok((value, notices))
            }
            Outcome::Failure { kind, message }
                if matches!(kind.as_str(), "timeout" | "canceled") =>
            {
                Err(PrometheusError::TooSlow {
                    secs: self.timeout.as_secs(),
                    why: Some(shorten(&message)),
                })
            }
            Outcome::Failure { kind, message } => Err(PrometheusError::Refused {
                promql: promql(),
                message: format!("{} ({})", shorten(&message), shorten(&kind)),
            }),
        }
    }

    /// Sends a question.
    pub(super) async fn send(
        &self,
        url: &Url,
        form: &[(&str, &str)],
    ) -> Result<Response, PrometheusError> {
        let query = &self.query;
        let sent = self.reach.send(Question { url, form, query }).await;
        sent.map_err(|lost| match lost {
            Lost::Transport(error) => self.transport(error),
            Lost::TooSlow(secs) => PrometheusError::TooSlow { secs, why: None },
            Lost::Token(source) => PrometheusError::Token { source },
            Lost::Nowhere(detour) | Lost::Proxy(detour) => PrometheusError::Proxy(detour),
            Lost::Interrupted => PrometheusError::Interrupted,
        })
    }

    fn transport(&self, error: reqwest::Error) -> PrometheusError {
        // The address may carry query parameters that are secret.
        let error = error.without_url();
        if error.is_timeout() {
            PrometheusError::TooSlow {
                secs: self.timeout.as_secs(),
                why: None,
            }
        } else if error.is_body() || error.is_decode() {
            PrometheusError::Truncated
        } else {
            PrometheusError::Unreachable {
                url: self.url(),
                source: error,
            }
        }
    }

    fn refuse_what_is_no_answer(&self, response: &Response) -> Result<(), PrometheusError> {
        let status = response.status();
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err(PrometheusError::Unauthorized {
                status: status.as_u16(),
            });
        }
        if status.is_redirection() {
            return Err(PrometheusError::Redirected {
                status: status.as_u16(),
            });
        }
        let kind = response
            .headers()
            .get(reqwest::header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("no content type");
        if kind.contains("json") {
            return Ok(());
        }
        if status.is_success() {
            let kind = shorten(kind);
            return Err(PrometheusError::NotPrometheus {
                url: self.url(),
                kind,
            });
        }
        Err(PrometheusError::Status {
            status: status.as_u16(),
        })
    }
}

/// Writes milliseconds as seconds, exactly.
fn seconds(millis: i64) -> String {
    format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000))
}
