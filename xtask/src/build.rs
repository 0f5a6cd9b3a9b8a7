//! The program, with the page inside.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::run::{cargo, run, say};
use crate::{page, place};

/// Builds page and server; returns the checkout's own copy of the program.
pub fn pidali() -> Result<PathBuf> {
    page::build()?;
    say("building the server (3 to 5 minutes the first time on 2 cores)");
    server()?;
    keep()
}

/// Builds the server alone, with whatever page is in dist/.
pub fn server() -> Result<()> {
    run(cargo()?.args([
        "build",
        "--release",
        "--package",
        "server",
        "--bin",
        "pidali",
    ]))
}

/// Copies the built program into the checkout, where people look for it.
pub fn keep() -> Result<PathBuf> {
    let built = place::target()?.join("release/pidali");
    let wanted = place::root().join("target/release/pidali");
    if built == wanted {
        return Ok(wanted);
    }
    fs::create_dir_all(place::root().join("target/release"))?;
    // A running copy cannot be overwritten, but it can be replaced.
    let fresh = wanted.with_extension("new");
    fs::copy(&built, &fresh).with_context(|| format!("cannot copy {}", built.display()))?;
    fs::rename(&fresh, &wanted)?;
    Ok(wanted)
}

/// Builds everything and runs `pidali demo` or `pidali serve` until it is ended.
pub fn start(name: &str, flags: &[String]) -> Result<()> {
    let program = pidali()?;
    run(Command::new(program).arg(name).args(flags))
}
