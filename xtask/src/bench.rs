//! The speed we promise: builds what is measured, then runs the measuring program.

use std::process::Command;

use anyhow::{Result, bail};

use crate::run::{self, cargo};
use crate::{build, place, setup};

/// Measures what is named, or everything; fails when a target is missed.
pub fn run(names: &[String]) -> Result<()> {
    for name in names {
        if !matches!(name.as_str(), "graph" | "page") {
            bail!("there is no bench `{name}`; there are: graph, page");
        }
    }
    let pidali = build::pidali()?;
    let tools = setup::tests()?;
    run::run(cargo()?.args(["build", "--release", "--package", "bench"]))?;
    run::run(
        Command::new(place::target()?.join("release/bench"))
            .args(names)
            .current_dir(place::root())
            .env("PIDALI_BIN", pidali)
            .env("PIDALI_CHROMIUM", tools.chromium)
            .env("NODE_PATH", tools.node_modules),
    )
}
