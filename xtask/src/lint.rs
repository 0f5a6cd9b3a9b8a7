//! What must hold before a change lands: formatting, clippy, and the rules of ARCHITECTURE.md.

mod rules;
mod trees;

use std::fs;

use anyhow::{Context, Result, bail};

use crate::place;
use crate::run::{cargo, read, run, say};

/// Runs every lint; says all that is broken before it fails.
pub fn all() -> Result<()> {
    say("checking formatting and clippy (3 to 5 minutes the first time on 2 cores)");
    run(cargo()?.args(["fmt", "--all", "--check"]))?;
    run(cargo()?.args([
        "clippy",
        "--quiet",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    let mut broken = sources()?;
    broken.extend(trees::check()?);
    for fault in &broken {
        eprintln!("{fault}");
    }
    if !broken.is_empty() {
        bail!("{} rules of ARCHITECTURE.md are broken", broken.len());
    }
    Ok(())
}

/// The rules that can be read off the sources.
fn sources() -> Result<Vec<String>> {
    let root = place::root();
    let folder = root.to_string_lossy();
    let names = read(
        "git",
        &["-C", &folder, "ls-files", "-co", "--exclude-standard"],
    )
    .context("`git ls-files` failed; the rules are checked on the files git knows")?;
    let mut broken = Vec::new();
    for name in names.lines() {
        // A file that git knows and the folder no longer has, or one that is not text.
        let Ok(text) = fs::read_to_string(root.join(name)) else {
            continue;
        };
        broken.extend(rules::check(name, &text));
    }
    Ok(broken)
}
