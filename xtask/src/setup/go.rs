//! Programs that are built from Go modules: what a module requires says what is built, and from which sources.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::which;
use crate::place;
use crate::run::{run, say};

/// A folder with a go.mod and a go.sum.
pub struct Module {
    /// Where it is, below the checkout.
    pub folder: &'static str,
    /// What is kept of it in the cache is named after it.
    pub name: &'static str,
    /// What to do without Go.
    pub wants: &'static str,
}

impl Module {
    /// A program, from the path or built into the cache out of `package`.
    pub fn program(&self, name: &str, package: &str, takes: &str) -> Result<PathBuf> {
        if let Some(there) = which(name) {
            return Ok(there);
        }
        let home = self.kept()?;
        let built = home.join(name);
        if built.exists() {
            return Ok(built);
        }
        say(&format!("building {name} once, into the cache ({takes})"));
        fs::create_dir_all(&home)?;
        let fresh = home.join(format!("{name}.{}.part", std::process::id()));
        let mut go = self.go()?;
        go.args(["build", "-trimpath", "-ldflags=-s -w", "-o"])
            .arg(&fresh)
            .arg(package);
        run(&mut go).context(self.wants)?;
        // Renamed at the end: a build that was cut off leaves nothing that looks whole.
        fs::rename(&fresh, &built)?;
        Ok(built)
    }

    /// Where what comes of it is kept: another place for each state of its requirements.
    pub fn kept(&self) -> Result<PathBuf> {
        let file = place::root().join(self.folder).join("go.mod");
        let requirements =
            fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let digest = crate::page::digest(&[&requirements]);
        Ok(place::cache()?
            .join("tools")
            .join(format!("{}-{digest:016x}", self.name)))
    }

    /// Fetches the sources of all that it requires.
    pub fn download(&self) -> Result<()> {
        run(self.go()?.args(["mod", "download"])).context(self.wants)
    }

    /// Where Go keeps the sources of a module that it requires.
    pub fn folder_of(&self, name: &str) -> Result<PathBuf> {
        let mut list = self.go()?;
        list.args(["list", "-m", "-f", "{{.Dir}}", name]);
        let output = list.output()?;
        let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        anyhow::ensure!(
            output.status.success() && !folder.is_empty(),
            "Go does not say where {name} is: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(folder.into())
    }

    /// A `go` in the module's folder that takes exactly what go.mod and go.sum say.
    fn go(&self) -> Result<Command> {
        // Where Go's own archive is unpacked by its instructions, which not everybody has on the path.
        let usual = Path::new("/usr/local/go/bin/go");
        let program = which("go").or_else(|| usual.is_file().then(|| usual.to_owned()));
        let mut go = Command::new(program.context(self.wants)?);
        go.current_dir(place::root().join(self.folder))
            .env("GOFLAGS", "-mod=readonly -buildvcs=false")
            .env("GOWORK", "off");
        Ok(go)
    }
}
