//! Starts every real part that a test or a bench drives: pidali, Prometheus, Jaeger, a Kubernetes
//! API, and upstreams that misbehave.
//!
//! All of it listens on loopback and ends with the process that started it, however that one ends.

mod api_server;
mod child;
mod jaeger;
pub mod network;
mod pidali;
mod prometheus;
mod steering;
mod stub;
mod wire;

pub use api_server::ApiServer;
pub use jaeger::{Dialect, Jaeger};
pub use pidali::{Answer, Pidali, pidali};
pub use prometheus::{Prometheus, Store};
pub use stub::{Stub, is_about_targets, question_of, response};
pub use wire::Wire;

use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Asks until `done` says so; fails with `what` when that takes longer than `limit`.
pub fn wait_until(what: &str, limit: Duration, mut done: impl FnMut() -> bool) -> Result<()> {
    let start = Instant::now();
    while !done() {
        if start.elapsed() > limit {
            bail!("{what}: not within {} s", limit.as_secs());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// The first of these programs that is on the path.
fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// Free now, and different; another process could take one before we do, who would then say so.
fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut held = Vec::new();
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}
