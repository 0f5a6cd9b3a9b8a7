//! Rebuild and reload while editing: Trunk serves the page and reloads it, the server behind it is built
//! again and restarted when its sources change.

use std::process::{Child, Command};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};

use crate::run::say;
use crate::{build, place, setup};

const SERVER: [&str; 5] = ["mesh", "demo", "jaeger", "server", "Cargo.toml"];
const API: &str = "127.0.0.1:20003";

/// The server on its own port; `flags` go to `pidali demo`.
fn run_server(flags: &[String]) -> Result<Kept> {
    let program = place::target()?.join("release/pidali");
    Command::new(&program)
        .args(["demo", "--listen", API])
        .args(flags)
        .spawn()
        .map(Kept)
        .with_context(|| format!("cannot start {}", program.display()))
}

/// A child that ends when we let go of it, however we do.
struct Kept(Child);

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Serves the page on 127.0.0.1:20002 and watches.
pub fn run(flags: &[String]) -> Result<()> {
    let tools = setup::page()?;
    build::server()?;
    let mut server = Some(run_server(flags)?);
    let mut trunk = Command::new("trunk");
    trunk
        .args(["serve", "--address", "127.0.0.1", "--port", "20002"])
        .args([
            "--proxy-backend",
            &format!("http://{API}/api/"),
            "--proxy-rewrite",
            "/api/",
        ])
        .arg("--dist")
        .arg(place::root().join("target/dev"))
        .current_dir(place::root())
        .env("CARGO_TARGET_DIR", place::cache()?.join("target-page"))
        .env("TRUNK_SKIP_VERSION_CHECK", "true")
        .env_remove("NO_COLOR");
    tools.equip(&mut trunk)?;
    let mut trunk = Kept(trunk.spawn().context("cannot start trunk")?);
    let mut seen = newest()?;
    let ended = loop {
        std::thread::sleep(Duration::from_secs(1));
        if let Some(status) = trunk.0.try_wait()? {
            break status;
        }
        let now = newest()?;
        if now == seen {
            continue;
        }
        seen = now;
        say("the server's sources changed");
        if build::server().is_ok() {
            // The old one first: both want the same port.
            drop(server.take());
            server = Some(run_server(flags)?);
        }
    };
    anyhow::ensure!(ended.success(), "trunk ended ({ended})");
    Ok(())
}

/// When the youngest of the server's sources was changed.
fn newest() -> Result<Option<SystemTime>> {
    let mut files = Vec::new();
    for path in SERVER {
        crate::page::list(&place::root().join(path), &mut files)?;
    }
    let times = files
        .iter()
        .filter_map(|file| file.metadata().ok()?.modified().ok());
    Ok(times.max())
}
