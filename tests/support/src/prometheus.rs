//! A real Prometheus.

use std::ffi::OsStr;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
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

impl Prometheus {
    /// Starts one that scrapes `targets` (`host:port`) every second, keeping the labels they give.
    pub fn scraping(targets: &[&str]) -> Result<Prometheus> {
        let program = on_path("prometheus")
            .context("no prometheus on the path; install it with: apt-get install -y prometheus")?;
        let home = tempfile::tempdir()?;
        let config = "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\nscrape_configs:\n  - job_name: mesh\n    honor_labels: true\n    file_sd_configs:\n      - files: [targets.json]\n        refresh_interval: 1s\n";
        let file = home.path().join("prometheus.yml");
        std::fs::write(&file, config)?;
        write_targets(home.path(), targets)?;
        // Free now; another process could take it before Prometheus does, who would then say so.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let args = [
            format!("--config.file={}", file.display()),
            format!("--storage.tsdb.path={}", home.path().join("data").display()),
            format!("--web.listen-address=127.0.0.1:{port}"),
            "--log.level=error".to_owned(),
        ];
        let args: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
        let running = Running::start(program.as_os_str(), &args)?;
        let url = format!("http://127.0.0.1:{port}");
        wait_until("Prometheus listens", Duration::from_secs(60), || {
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

fn write_targets(home: &Path, targets: &[&str]) -> Result<()> {
    let text = serde_json::json!([{ "targets": targets }]).to_string();
    // Renamed into place: half a file would drop every target.
    let fresh = home.join("targets.json.new");
    std::fs::write(&fresh, text)?;
    std::fs::rename(fresh, home.join("targets.json"))?;
    Ok(())
}
