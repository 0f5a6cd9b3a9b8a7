//! Serves a mesh to a scraper as a cluster would: one target a pod, found by service discovery.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use anyhow::Result;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};

use super::synthetic::{Mesh, Pod, Truth};

/// Serves `mesh` until the process ends, and returns where: a scraper finds its targets at `/targets`, whoever compares
/// by hand what really happened at `/truth`.
pub fn serve(mesh: Arc<Mesh>) -> Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let router = Router::new()
        .route(
            "/targets",
            get(async move |State(mesh): State<Arc<Mesh>>| axum::Json(targets(&mesh, address))),
        )
        .route("/pods/{workload}/{namespace}/{name}", get(metrics))
        .route("/truth", get(truth))
        .with_state(mesh);
    // A thread of its own: the figures are of what answers, not of what is scraped.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    thread::spawn(move || {
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            axum::serve(listener, router).await
        })
    });
    Ok(format!("http://{address}"))
}

/// The pods that live now, in the words of Prometheus's HTTP service discovery.
fn targets(mesh: &Mesh, address: SocketAddr) -> Value {
    let pods = mesh.living().into_iter().map(|pod| {
        let Pod {
            workload,
            namespace,
            name,
        } = pod;
        json!({
            "targets": [address.to_string()],
            "labels": {
                "__metrics_path__": format!("/pods/{workload}/{namespace}/{name}"),
                "instance": format!("{name}.{namespace}:15020"),
            },
        })
    });
    pods.collect()
}

/// A window that somebody compares by hand.
#[derive(Deserialize)]
struct Span {
    /// Its end, in seconds since the epoch.
    at: f64,
    /// Its length, in seconds.
    window: f64,
}

async fn truth(State(mesh): State<Arc<Mesh>>, Query(span): Query<Span>) -> axum::Json<Vec<Truth>> {
    axum::Json(mesh.truth(span.at, span.window))
}

async fn metrics(
    State(mesh): State<Arc<Mesh>>,
    Path((workload, namespace, name)): Path<(usize, String, String)>,
) -> Result<String, StatusCode> {
    let pod = Pod {
        workload,
        namespace,
        name,
    };
    mesh.metrics(&pod).ok_or(StatusCode::NOT_FOUND)
}
