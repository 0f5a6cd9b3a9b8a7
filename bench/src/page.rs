//! The page: how large it is, how soon it shows the mesh, and what the server needs for it.

use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use support::Pidali;

use crate::Report;

/// Measures the page of the built-in mesh in a real browser.
pub fn measure(report: &mut Report) -> Result<()> {
    let pidali = Pidali::start(&["demo"])?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let bytes = runtime.block_on(wasm_bytes(&pidali))?;
    report.promised("page_wasm_brotli_kb", bytes as f64 / 1000.0, "kB", 900.0);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/page.mjs");
    let output = Command::new("node")
        .arg(script)
        .arg(&pidali.url)
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("cannot start node; install it with: apt-get install -y nodejs")?;
    if !output.status.success() {
        bail!("{script} failed ({})", output.status);
    }
    let figures: Value = serde_json::from_slice(&output.stdout).context("what page.mjs printed")?;
    let figure = |name: &str| {
        figures[name]
            .as_f64()
            .with_context(|| format!("no figure {name}"))
    };
    report.beside("page_blank_ms", figure("blank_ms")?, "ms");
    report.promised(
        "page_first_graph_ms",
        figure("first_graph_ms")?,
        "ms",
        1500.0,
    );
    report.promised("server_peak_mib", pidali.peak_mib()?, "MiB", 60.0);
    Ok(())
}

/// The size of the page's module as a browser that takes brotli gets it.
async fn wasm_bytes(pidali: &Pidali) -> Result<usize> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let html = client.get(&pidali.url).send().await?.text().await?;
    let (_, rest) = html
        .split_once("data-wasm=\"")
        .context("the page names no module")?;
    let name = rest
        .split('"')
        .next()
        .unwrap_or_default()
        .trim_start_matches("./");
    let request = client
        .get(format!("{}{name}", pidali.url))
        .header("accept-encoding", "br");
    let response = request.send().await?;
    let coding = response
        .headers()
        .get("content-encoding")
        .and_then(|v| v.to_str().ok());
    if coding != Some("br") {
        bail!("{name} is not served in brotli");
    }
    Ok(response.bytes().await?.len())
}
