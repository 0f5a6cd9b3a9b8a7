//! Builds the page with Trunk, once for each state of what it is built from, and puts it into dist/.

use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::place;
use crate::run::{run, say};
use crate::setup::{self, PageTools};

/// What the page is built from; any change here builds it anew.
const INPUTS: [&str; 9] = [
    ".cargo/config.toml",
    "app",
    "mesh",
    "style",
    "public",
    "index.html",
    "Trunk.toml",
    "Cargo.toml",
    "Cargo.lock",
];

/// Builds the page into dist/, with every asset compressed beside itself.
pub fn build() -> Result<PathBuf> {
    let tools = setup::page()?;
    let kept = kept(&tools)?;
    if !kept.exists() {
        say("building the page (3 to 5 minutes the first time on 2 cores, then about 1)");
        let fresh = kept.with_extension(format!("{}.part", std::process::id()));
        trunk(&tools, &fresh)?;
        compress(&fresh)?;
        // Renamed at the end: a build that was cut off leaves nothing that looks whole.
        if let Err(error) = fs::rename(&fresh, &kept)
            && !kept.exists()
        {
            return Err(error).context("cannot keep the built page in the cache");
        }
    }
    let dist = place::root().join("dist");
    sync(&kept, &dist)?;
    Ok(dist)
}

fn kept(tools: &PageTools) -> Result<PathBuf> {
    let root = place::root();
    let mut files = Vec::new();
    for input in INPUTS {
        list(&root.join(input), &mut files)?;
    }
    files.retain(|file| !is_test(file.strip_prefix(root).unwrap_or(file)));
    files.sort();
    let mut parts = vec![
        tools.rustc()?.into_bytes(),
        include_bytes!("page.rs").to_vec(),
    ];
    for file in &files {
        let name = file.strip_prefix(root).unwrap_or(file);
        parts.push(name.as_os_str().as_encoded_bytes().to_vec());
        parts.push(fs::read(file).with_context(|| format!("cannot read {}", file.display()))?);
    }
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    let pages = place::cache()?.join("pages");
    fs::create_dir_all(&pages)?;
    Ok(pages.join(format!("{:016x}", digest(&parts))))
}

/// Returns whether a file holds tests alone: they are no part of the page.
fn is_test(file: &Path) -> bool {
    let is_folder = file.iter().any(|part| part == "tests");
    is_folder || file.file_name().is_some_and(|name| name == "tests.rs")
}

/// A number that differs when any part does.
pub fn digest(parts: &[&[u8]]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for part in parts {
        hasher.write_usize(part.len());
        hasher.write(part);
    }
    hasher.finish()
}

fn trunk(tools: &PageTools, dist: &Path) -> Result<()> {
    let mut trunk = Command::new("trunk");
    trunk
        .args(["build", "--release", "--dist"])
        .arg(dist)
        .current_dir(place::root())
        .env("CARGO_TARGET_DIR", place::cache()?.join("target-page"))
        .env("TRUNK_SKIP_VERSION_CHECK", "true")
        // Trunk reads it as a switch, and takes the empty word of some shells for a mistake.
        .env_remove("NO_COLOR");
    tools.equip(&mut trunk)?;
    fs::create_dir_all(dist)?;
    run(&mut trunk)
}

/// Writes `x.br` beside every text and module, so that the server never compresses them again.
fn compress(dist: &Path) -> Result<()> {
    let mut files = Vec::new();
    list(dist, &mut files)?;
    for file in files {
        let worth = file
            .extension()
            .and_then(|e| e.to_str())
            .is_some_and(|e| matches!(e, "wasm" | "js" | "css" | "svg"));
        if !worth {
            continue;
        }
        let plain = fs::read(&file)?;
        let mut small = Vec::new();
        let mut writer = brotli::CompressorWriter::new(&mut small, 1 << 16, 11, 24);
        writer.write_all(&plain)?;
        drop(writer);
        let mut name = file.into_os_string();
        name.push(".br");
        fs::write(name, small)?;
    }
    Ok(())
}

/// Makes `to` hold what `from` holds, touching only what differs: the server is rebuilt when it changes.
fn sync(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    let mut wanted = Vec::new();
    list(from, &mut wanted)?;
    let names: Vec<&Path> = wanted
        .iter()
        .filter_map(|file| file.strip_prefix(from).ok())
        .collect();
    if !names.contains(&Path::new("index.html")) {
        bail!("the built page has no index.html in {}", from.display());
    }
    let mut old = Vec::new();
    list(to, &mut old)?;
    for file in old {
        if let Ok(name) = file.strip_prefix(to)
            && !names.contains(&name)
        {
            fs::remove_file(&file)?;
        }
    }
    for name in names {
        let fresh = fs::read(from.join(name))?;
        let place = to.join(name);
        if fs::read(&place).ok().as_deref() == Some(&fresh) {
            continue;
        }
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&place, fresh)?;
    }
    Ok(())
}

/// Every file under `path`, or `path` itself.
pub fn list(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if path.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    let entries = fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
    for entry in entries {
        let entry = entry?.path();
        // Editors leave links to nowhere, and files that are gone before one looks.
        if entry.exists() {
            list(&entry, files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_no_part_of_the_page() {
        for file in [
            "mesh/tests/reach.rs",
            "mesh/src/trace/tests.rs",
            "mesh/src/graph/tests/r2.rs",
        ] {
            assert!(is_test(Path::new(file)), "{file}");
        }
        for file in [
            "mesh/src/trace.rs",
            "mesh/src/latests.rs",
            "app/src/main.rs",
        ] {
            assert!(!is_test(Path::new(file)), "{file}");
        }
    }

    #[test]
    fn a_digest_tells_parts_apart() {
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
        assert_eq!(digest(&[b"ab", b"c"]), digest(&[b"ab", b"c"]));
    }

    #[test]
    fn a_sync_touches_only_what_differs() -> Result<()> {
        let home = std::env::temp_dir().join(format!("pidali-sync-{}", std::process::id()));
        let (from, to) = (home.join("from"), home.join("to"));
        fs::create_dir_all(from.join("deep"))?;
        fs::create_dir_all(&to)?;
        fs::write(from.join("index.html"), "new")?;
        fs::write(from.join("deep/same"), "same")?;
        fs::write(to.join("gone"), "old")?;
        sync(&from, &to)?;
        let before = fs::metadata(to.join("deep/same"))?.modified()?;
        fs::write(from.join("index.html"), "newer")?;
        sync(&from, &to)?;
        assert_eq!(fs::read(to.join("index.html"))?, b"newer");
        assert!(!to.join("gone").exists());
        assert_eq!(fs::metadata(to.join("deep/same"))?.modified()?, before);
        fs::remove_dir_all(home)?;
        Ok(())
    }
}
