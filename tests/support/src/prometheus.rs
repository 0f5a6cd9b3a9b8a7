//! A real Prometheus, or a real VictoriaMetrics, which speaks its API.

use std::ffi::OsStr;
use std::net::TcpListener;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tempfile::TempDir;

use crate::child::Running;
use crate::{on_path, wait_until};

/// A running Prometheus, its data in a folder that goes with it.
pub struct Prometheus {
    _running: Running,
    home: TempDir,
    /// Where it answers, without a slash at its end.
    pub url: String,
}

/// Which program scrapes and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// Prometheus itself.
    Prometheus,
    /// VictoriaMetrics in one process.
    Victoria,
}

impl Prometheus {
    /// Starts one that scrapes `targets` (`host:port`) every second, keeping the labels they give.
    pub fn scraping(targets: &[&str]) -> Result<Prometheus> {
        Prometheus::start(Store::Prometheus, 1, targets)
    }

    /// One that knows nothing, shared by all who ask.
    pub fn without_metrics() -> Result<&'static Prometheus> {
        static SHARED: OnceLock<Result<Prometheus, String>> = OnceLock::new();
        let started =
            SHARED.get_or_init(|| Prometheus::scraping(&[]).map_err(|error| format!("{error:#}")));
        started.as_ref().map_err(|error| anyhow!("{error}"))
    }

    /// Starts `store`, scraping `targets` (`host:port`) every `secs` seconds, keeping the labels they give.
    pub fn start(store: Store, secs: u32, targets: &[&str]) -> Result<Prometheus> {
        Prometheus::start_with(store, secs, |home| {
            write_targets(home, targets)?;
            let list = home.join("targets.json");
            let found = format!(
                "    file_sd_configs:\n      - files: [\"{}\"]\n",
                list.display()
            );
            Ok(found + store.refreshing())
        })
    }

    /// Starts `store`, scraping what `url` lists in the words of HTTP service discovery every `secs` seconds,
    /// keeping the labels that targets give.
    pub fn discovering(store: Store, secs: u32, url: &str) -> Result<Prometheus> {
        Prometheus::start_with(store, secs, |_| {
            let found = format!("    http_sd_configs:\n      - url: \"{url}\"\n");
            Ok(found + store.refreshing())
        })
    }

    /// `discovery`: the lines of the scrape configuration that find targets, given the folder of what is kept.
    fn start_with(
        store: Store,
        secs: u32,
        discovery: impl FnOnce(&Path) -> Result<String>,
    ) -> Result<Prometheus> {
        let name = store.program();
        let program = on_path(name).with_context(|| {
            format!("no {name} on the path; install it with: apt-get install -y {name}")
        })?;
        let home = tempfile::tempdir()?;
        let config = format!(
            "global:\n  scrape_interval: {secs}s\n  scrape_timeout: {secs}s\nscrape_configs:\n  - job_name: mesh\n    honor_labels: true\n{}",
            discovery(home.path())?
        );
        let file = home.path().join("prometheus.yml");
        std::fs::write(&file, config)?;
        // Free now; another process could take it before Prometheus does, who would then say so.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let data = home.path().join("data");
        let args = store.arguments(
            &file.display().to_string(),
            &data.display().to_string(),
            port,
        );
        let args: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
        let running = Running::start(program.as_os_str(), &args)?;
        let url = format!("http://127.0.0.1:{port}");
        wait_until(&format!("{name} listens"), Duration::from_secs(60), || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        })?;
        Ok(Prometheus {
            _running: running,
            home,
            url,
        })
    }

    /// From now on it scrapes these instead.
    pub fn scrape(&self, targets: &[&str]) -> Result<()> {
        write_targets(self.home.path(), targets)
    }
}

impl Store {
    fn program(self) -> &'static str {
        match self {
            Store::Prometheus => "prometheus",
            Store::Victoria => "victoria-metrics",
        }
    }

    /// How soon changes of targets are seen; VictoriaMetrics takes that on its command line.
    fn refreshing(self) -> &'static str {
        match self {
            Store::Prometheus => "        refresh_interval: 1s\n",
            Store::Victoria => "",
        }
    }

    fn arguments(self, config: &str, data: &str, port: u16) -> Vec<String> {
        match self {
            Store::Prometheus => vec![
                format!("--config.file={config}"),
                format!("--storage.tsdb.path={data}"),
                format!("--web.listen-address=127.0.0.1:{port}"),
                "--log.level=error".to_owned(),
            ],
            Store::Victoria => vec![
                format!("-promscrape.config={config}"),
                format!("-storageDataPath={data}"),
                format!("-httpListenAddr=127.0.0.1:{port}"),
                "-promscrape.fileSDCheckInterval=1s".to_owned(),
                "-promscrape.httpSDCheckInterval=1s".to_owned(),
                // It holds back the last 30 s as a rule, for agents that send late; nobody sends here.
                "-search.latencyOffset=1s".to_owned(),
                // Istio's buckets have more labels than the 30 that are kept otherwise; docs/graph.md says so.
                "-maxLabelsPerTimeseries=64".to_owned(),
                "-loggerLevel=ERROR".to_owned(),
            ],
        }
    }
}

fn write_targets(home: &Path, targets: &[&str]) -> Result<()> {
    // As in a cluster, targets have more labels than their address.
    let labels = serde_json::json!({ "node": "one" });
    let text = serde_json::json!([{ "targets": targets, "labels": labels }]).to_string();
    // Renamed into place: half a file would drop every target.
    let fresh = home.join("targets.json.new");
    std::fs::write(&fresh, text)?;
    std::fs::rename(fresh, home.join("targets.json"))?;
    Ok(())
}
