//! The program under test.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::child::Running;

/// A running pidali.
pub struct Pidali {
    running: Running,
    /// Where it serves page and API, with a slash at its end.
    pub url: String,
    /// Where it exposes the built-in mesh, with a slash at its end.
    pub exposed: Option<String>,
    client: reqwest::Client,
}

/// An answer: its status, and its body as JSON where it is JSON.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body as JSON; `null` where it is none.
    pub json: Value,
    /// The body as text.
    pub text: String,
}

/// The program: `PIDALI_BIN`, or what was built beside this test.
pub fn pidali() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("PIDALI_BIN") {
        return Ok(path.into());
    }
    let here = std::env::current_exe()?;
    let beside = here
        .ancestors()
        .map(|folder| folder.join("pidali"))
        .find(|file| file.is_file());
    beside.context("no pidali to test: build it with `cargo xtask build`, or set PIDALI_BIN")
}

impl Pidali {
    /// Starts `pidali demo`, exposed to a Prometheus.
    pub fn demo() -> Result<Pidali> {
        Pidali::start(&["demo", "--expose", "127.0.0.1:0"])
    }

    /// Starts `pidali serve` on a Prometheus.
    pub fn serve(prometheus: &str) -> Result<Pidali> {
        Pidali::start(&["serve", "--prometheus", prometheus])
    }

    /// Starts it with these arguments, on a free port.
    pub fn start(args: &[&str]) -> Result<Pidali> {
        let listen = ["--listen", "127.0.0.1:0"];
        let args: Vec<&OsStr> = args.iter().chain(&listen).map(OsStr::new).collect();
        let program: OsString = pidali()?.into();
        let running = Running::start(&program, &args)?;
        let url = running.line("Pidali listens on ")?;
        let exposed = if args.contains(&OsStr::new("--expose")) {
            let metrics = running.line("The mesh is exposed on ")?;
            Some(metrics.trim_end_matches("metrics").to_owned())
        } else {
            None
        };
        Ok(Pidali {
            running,
            url,
            exposed,
            client: reqwest::Client::builder()
                .no_proxy()
                // Every test has a runtime of its own; a connection does not outlive its own.
                .pool_max_idle_per_host(0)
                .timeout(Duration::from_secs(60))
                .build()?,
        })
    }

    /// Asks the API: `get("graph?window=1m")`.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.fetch(&format!("{}api/v1/{path}", self.url), &[]).await
    }

    /// Asks the API, and takes nothing but a good answer.
    pub async fn json(&self, path: &str) -> Result<Value> {
        let answer = self.get(path).await?;
        if answer.status != 200 {
            bail!("{path}: {} {}", answer.status, answer.text);
        }
        Ok(answer.json)
    }

    /// Asks what really happened in the built-in mesh.
    pub async fn truth(&self, query: &str) -> Result<Value> {
        let exposed = self.exposed.as_ref().context("this mesh is not exposed")?;
        let answer = self.fetch(&format!("{exposed}truth?{query}"), &[]).await?;
        if answer.status != 200 {
            bail!("truth: {} {}", answer.status, answer.text);
        }
        Ok(answer.json)
    }

    /// Asks any address, with headers.
    pub async fn fetch(&self, url: &str, headers: &[(&str, &str)]) -> Result<Answer> {
        let mut request = self.client.get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { status, json, text })
    }

    /// Sends a JSON body to the API: `send("PUT", "routes/…/weights", &json, &[])`.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Result<Answer> {
        let json = [("content-type", "application/json")];
        let headers: Vec<_> = json.iter().chain(headers).copied().collect();
        self.send_text(method, path, body.to_string(), &headers)
            .await
    }

    /// Sends any body to the API, with these headers alone.
    pub async fn send_text(
        &self,
        method: &str,
        path: &str,
        body: String,
        headers: &[(&str, &str)],
    ) -> Result<Answer> {
        let url = format!("{}api/v1/{path}", self.url);
        let mut request = self.client.request(method.parse()?, url).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { status, json, text })
    }

    /// The most memory it ever had, in MiB, as the kernel says (VmHWM).
    pub fn peak_mib(&self) -> Result<f64> {
        let keeper = self.running.id();
        let children = std::fs::read_to_string(format!("/proc/{keeper}/task/{keeper}/children"))?;
        for child in children.split_whitespace() {
            let status = std::fs::read_to_string(format!("/proc/{child}/status"))?;
            let is_it = status
                .lines()
                .next()
                .is_some_and(|name| name.ends_with("pidali"));
            let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            if let (true, Some(peak)) = (is_it, peak) {
                let kib = peak.trim().trim_end_matches("kB").trim();
                return Ok(kib.parse::<f64>()? / 1024.0);
            }
        }
        bail!("no pidali below its keeper")
    }
}
