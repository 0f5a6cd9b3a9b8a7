//! Serves a mesh to a scraper as a cluster would: one target a pod, found by service discovery.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use anyhow::Result;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use serde_json::{Value, json};

use super::synthetic::{Mesh, Pod};

/// Serves `mesh` until the process ends, and returns where a scraper finds its targets.
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
    Ok(format!("http://{address}/targets"))
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
