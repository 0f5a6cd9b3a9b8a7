//! Where things are: the checkout, the cache beside it, the target folders.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The checkout this was built from.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// What survives a fresh clone: target folders, built tools, built pages.
pub fn cache() -> Result<PathBuf> {
    let env = |name: &str| {
        std::env::var_os(name)
            .filter(|v| !v.is_empty())
            // Tools are built from other folders, too.
            .and_then(|v| std::path::absolute(v).ok())
    };
    if let Some(cache) = env("PIDALI_CACHE") {
        return Ok(cache);
    }
    if let Some(cache) = env("XDG_CACHE_HOME") {
        return Ok(cache.join("pidali"));
    }
    let home = env("HOME").context("neither PIDALI_CACHE nor HOME is set: nowhere to keep what is built; set PIDALI_CACHE to a folder")?;
    Ok(home.join(".cache/pidali"))
}

/// The target folder of the server and the tests.
pub fn target() -> Result<PathBuf> {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(target) if !target.is_empty() => Ok(root().join(target)),
        _ => Ok(cache()?.join("target")),
    }
}
