//! The built-in mesh's traces for a real collector: what Jaeger or OpenTelemetry's own takes over HTTP.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use demo::Exported;
use mesh::units::UnixMillis;
use reqwest::{Client, StatusCode, Url};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::clock;
use crate::sources::demo::Demo;

/// How far back an export begins, and how much of it is left to be sent after the collector was away.
const PAST: Duration = Duration::from_secs(600);
/// How often traces that have ended since are sent.
const EVERY: Duration = Duration::from_secs(1);
/// How many traces go into one request: a few megabytes.
const BATCH: usize = 100;
/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A collector that takes OTLP over HTTP, as JSON.
pub struct Collector {
    client: Client,
    url: Url,
}

/// How far a request got.
enum Sent {
    /// The collector has it.
    Taken,
    /// It answered that it will never take it.
    Refused(StatusCode),
}

impl Collector {
    /// Returns the collector at an address such as `http://127.0.0.1:4318`, with any path prefix.
    pub fn new(address: &str) -> anyhow::Result<Collector> {
        let url = Url::parse(address.trim())
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some());
        let mut url = url.context("not an http or https address such as http://127.0.0.1:4318")?;
        url.set_query(None);
        url.set_fragment(None);
        let path = format!("{}/v1/traces", url.path().trim_end_matches('/'));
        url.set_path(&path);
        let client = Client::builder()
            .user_agent(concat!("pidali/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(TIMEOUT.min(Duration::from_secs(5)))
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .context("the HTTP client could not be made")?;
        Ok(Collector { client, url })
    }

    async fn send(&self, body: String) -> anyhow::Result<Sent> {
        let request = self.client.post(self.url.clone());
        let request = request.header(http::header::CONTENT_TYPE, "application/json");
        let answer = request.body(body).send().await?;
        match answer.status() {
            status if status.is_success() => Ok(Sent::Taken),
            // Those that ask to come again are not refusals.
            status @ (StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS) => {
                bail!("it answered {status}")
            }
            status if status.is_client_error() => Ok(Sent::Refused(status)),
            status => bail!("it answered {status}"),
        }
    }
}

/// Sends what the mesh has traced in the last ten minutes, and from then on what ends, until it is time to stop. While
/// the collector is away traces wait, at most ten minutes.
pub async fn export(collector: Collector, mesh: Arc<Demo>, mut stopping: watch::Receiver<bool>) {
    let mut exported = Exported::up_to(past());
    let mut is_away = false;
    loop {
        let outcome = tokio::select! {
            outcome = send_all(&collector, &mesh, &mut exported) => outcome,
            _ = stopping.wait_for(|stop| *stop) => return,
        };
        match outcome {
            Ok(()) if is_away => {
                is_away = false;
                info!(url = %collector.url, "The collector takes traces again");
            }
            Ok(()) => {}
            Err(error) if !is_away => {
                is_away = true;
                let error = format!("{error:#}");
                warn!(url = %collector.url, %error, "The collector takes no traces; what is younger than ten minutes will be sent when it does");
            }
            Err(_) => {}
        }
        exported = exported.max(Exported::up_to(past()));
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
    }
}

/// Sends all that has ended and was not sent.
async fn send_all(
    collector: &Collector,
    mesh: &Arc<Demo>,
    exported: &mut Exported,
) -> anyhow::Result<()> {
    loop {
        let (mesh, mut next) = (Arc::clone(mesh), *exported);
        let (body, n_traces, next) = tokio::task::spawn_blocking(move || {
            let traces = mesh.world().export_traces(&mut next, BATCH);
            (demo::otlp(&traces), traces.len(), next)
        })
        .await?;
        if n_traces == 0 {
            return Ok(());
        }
        if let Sent::Refused(status) = collector.send(body).await? {
            // It would refuse them again; others may be to its liking.
            warn!(url = %collector.url, %status, n_traces, "The collector refused traces, they are left out");
        }
        *exported = next;
    }
}

fn past() -> UnixMillis {
    let past_ms = i64::try_from(PAST.as_millis()).unwrap_or(i64::MAX);
    UnixMillis(clock::now().0 - past_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collectors_address_may_have_a_prefix() {
        for (given, taken) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            (
                "https://otel.example/in/?x=1",
                "https://otel.example/in/v1/traces",
            ),
        ] {
            assert_eq!(Collector::new(given).unwrap().url.as_str(), taken);
        }
        for bad in ["", "127.0.0.1:4318", "grpc://127.0.0.1:4317"] {
            assert!(Collector::new(bad).is_err(), "{bad}");
        }
    }
}
