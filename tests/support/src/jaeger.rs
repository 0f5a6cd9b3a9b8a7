//! A real Jaeger, its traces in memory.

use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::child::{Running, up};
use crate::stub::{Stub, response};
use crate::{free_ports, on_path};

/// Two seconds when nothing else runs; builds and other tests may.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running Jaeger.
pub struct Jaeger {
    _running: Running,
    _home: TempDir,
    port: u16,
    /// Where it answers questions, with its base path, without a slash at its end.
    pub url: String,
    /// Where it takes traces over OTLP's HTTP, without a slash at its end.
    pub otlp: String,
}

/// One of the two ways to ask Jaeger over HTTP. Old servers speak the first alone, the newest the second alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `/api/traces`: the one that Jaeger's own page spoke.
    Legacy,
    /// `/api/v3/traces`: the stable one.
    V3,
}

impl Jaeger {
    /// Starts one that answers at its root.
    pub fn start() -> Result<Jaeger> {
        Jaeger::start_under("")
    }

    /// Starts one that answers under a base path, such as `/jaeger`.
    pub fn start_under(base_path: &str) -> Result<Jaeger> {
        let program = program()?;
        let home = tempfile::tempdir()?;
        let [port, grpc, otlp] = free_ports()?;
        let config = home.path().join("jaeger.yaml");
        fs::write(&config, configuration(base_path, port, grpc, otlp))?;
        let log = home.path().join("jaeger.log");
        let config = format!("--config=file:{}", config.display());
        let args = [OsStr::new(&config)];
        let running = Running::start_logging(program.as_os_str(), &args, &log)?;
        let listens = |port: u16| TcpStream::connect(("127.0.0.1", port)).is_ok();
        up("jaeger listens", &running, &log, PATIENCE, || {
            listens(port) && listens(otlp)
        })?;
        Ok(Jaeger {
            _running: running,
            _home: home,
            port,
            url: format!("http://127.0.0.1:{port}{base_path}"),
            otlp: format!("http://127.0.0.1:{otlp}"),
        })
    }

    /// Returns a way to it on which it knows one dialect alone. It ends with the test process.
    pub fn speaking(&self, dialect: Dialect) -> Result<Stub> {
        let port = self.port;
        Stub::raw(move |request| {
            if dialect.knows(path_of(request)) {
                forward(request, port).ok()
            } else {
                Some(response(404, "text/plain", "404 page not found\n"))
            }
        })
    }
}

impl Dialect {
    /// Whether a server that speaks it alone has this path, under whatever base path.
    fn knows(self, path: &str) -> bool {
        match (self, path.contains("/api/"), path.contains("/api/v3/")) {
            (_, false, _) => true,
            (Dialect::Legacy, true, is_v3) => !is_v3,
            (Dialect::V3, true, is_v3) => is_v3,
        }
    }
}

fn path_of(request: &str) -> &str {
    let target = request.split(' ').nth(1).unwrap_or("");
    target.split('?').next().unwrap_or("")
}

/// Sends a request on, and returns the whole response.
fn forward(request: &str, port: u16) -> Result<Vec<u8>> {
    let (head, body) = request.split_once("\r\n\r\n").unwrap_or((request, ""));
    let kept = head
        .split("\r\n")
        .filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    let head: Vec<&str> = kept.chain(["connection: close"]).collect();
    let mut jaeger = TcpStream::connect(("127.0.0.1", port))?;
    jaeger.write_all(format!("{}\r\n\r\n{body}", head.join("\r\n")).as_bytes())?;
    let mut answer = Vec::new();
    jaeger.read_to_end(&mut answer)?;
    jaeger.shutdown(Shutdown::Both).ok();
    Ok(answer)
}

fn program() -> Result<PathBuf> {
    std::env::var_os("PIDALI_JAEGER_BIN")
        .map(PathBuf::from)
        .or_else(|| on_path("jaeger"))
        .context("no jaeger (PIDALI_JAEGER_BIN); bring it with: eval \"$(cargo xtask setup tests)\", or run `cargo xtask test`")
}

/// Nothing but what the tests need, all of it on loopback.
fn configuration(base_path: &str, port: u16, grpc: u16, otlp: u16) -> String {
    let base_path = if base_path.is_empty() { "/" } else { base_path };
    format!(
        "service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [jaeger_storage_exporter]
  telemetry:
    metrics:
      level: none
    logs:
      level: warn
extensions:
  jaeger_query:
    base_path: {base_path}
    storage:
      traces: memory
    http:
      endpoint: 127.0.0.1:{port}
    grpc:
      endpoint: 127.0.0.1:{grpc}
  jaeger_storage:
    backends:
      memory:
        memory:
          max_traces: 100000
receivers:
  otlp:
    protocols:
      http:
        endpoint: 127.0.0.1:{otlp}
exporters:
  jaeger_storage_exporter:
    trace_storage: memory
"
    )
}
