//! A real API server for the tests: its programs, built from Go modules where the path has none, and the
//! resource definitions of Istio and of the Gateway API.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::which;
use crate::place;
use crate::run::{run, say};

/// A Go module whose requirements say what is built, and from which sources.
const PROGRAMS: &str = "tests/tools/kube-apiserver";
/// A Go module whose requirements carry the resource definitions.
const DEFINITIONS: &str = "tests/tools/crds";
const WANTS_GO: &str = "the tests' API server is built with Go 1.26 or newer; install it (https://go.dev/doc/install), or put etcd, kube-apiserver and kubectl on the PATH";

/// What starting an API server needs.
pub struct ApiServerTools {
    /// Where it keeps its objects.
    pub etcd: PathBuf,
    /// The server itself.
    pub kube_apiserver: PathBuf,
    /// Its client.
    pub kubectl: PathBuf,
    /// A folder of resource definitions as YAML.
    pub crds: PathBuf,
}

/// Finds or builds all of it.
pub fn api_server() -> Result<ApiServerTools> {
    Ok(ApiServerTools {
        // First what takes longest: the others are made of the same packages.
        kube_apiserver: program(
            "kube-apiserver",
            "k8s.io/kubernetes/cmd/kube-apiserver",
            "about 5 minutes on 2 cores",
        )?,
        etcd: program("etcd", "go.etcd.io/etcd/server/v3", "less than a minute")?,
        kubectl: program(
            "kubectl",
            "k8s.io/kubernetes/cmd/kubectl",
            "less than a minute",
        )?,
        crds: definitions()?,
    })
}

/// A program of the module, from the path or built into the cache.
fn program(name: &str, package: &str, takes: &str) -> Result<PathBuf> {
    if let Some(there) = which(name) {
        return Ok(there);
    }
    let module = place::root().join(PROGRAMS);
    let home = kept("kube-apiserver", &module)?;
    let built = home.join(name);
    if built.exists() {
        return Ok(built);
    }
    say(&format!("building {name} once, into the cache ({takes})"));
    fs::create_dir_all(&home)?;
    let fresh = home.join(format!("{name}.{}.part", std::process::id()));
    let mut go = go(&module)?;
    go.args(["build", "-trimpath", "-ldflags=-s -w", "-o"])
        .arg(&fresh)
        .arg(package);
    run(&mut go).context(WANTS_GO)?;
    // Renamed at the end: a build that was cut off leaves nothing that looks whole.
    fs::rename(&fresh, &built)?;
    Ok(built)
}

/// The folder of resource definitions, copied once out of the modules that carry them.
fn definitions() -> Result<PathBuf> {
    let module = place::root().join(DEFINITIONS);
    let kept = kept("crds", &module)?;
    if kept.exists() {
        return Ok(kept);
    }
    say("fetching the resource definitions of Istio and of the Gateway API (seconds)");
    run(go(&module)?.args(["mod", "download"])).context(WANTS_GO)?;
    let fresh = kept.with_extension(format!("{}.part", std::process::id()));
    fs::create_dir_all(&fresh)?;
    fs::copy(
        folder_of("istio.io/api", &module)?.join("kubernetes/customresourcedefinitions.gen.yaml"),
        fresh.join("istio.yaml"),
    )
    .context("Istio's module has no resource definitions")?;
    let standard = folder_of("sigs.k8s.io/gateway-api", &module)?.join("config/crd/standard");
    let files = fs::read_dir(&standard).context("the Gateway API has no resource definitions")?;
    for file in files {
        let file = file?;
        fs::copy(file.path(), fresh.join(file.file_name()))?;
    }
    if let Err(error) = fs::rename(&fresh, &kept)
        && !kept.exists()
    {
        return Err(error).context("cannot keep the resource definitions in the cache");
    }
    Ok(kept)
}

/// Where what comes of a module is kept: another place for each state of its requirements.
fn kept(name: &str, module: &Path) -> Result<PathBuf> {
    let file = module.join("go.mod");
    let requirements =
        fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let digest = crate::page::digest(&[&requirements]);
    Ok(place::cache()?
        .join("tools")
        .join(format!("{name}-{digest:016x}")))
}

/// Where Go keeps the sources of a module that `module` requires.
fn folder_of(name: &str, module: &Path) -> Result<PathBuf> {
    let mut list = go(module)?;
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
fn go(module: &Path) -> Result<Command> {
    // Where Go's own archive is unpacked by its instructions, which not everybody has on the path.
    let usual = Path::new("/usr/local/go/bin/go");
    let program = which("go").or_else(|| usual.is_file().then(|| usual.to_owned()));
    let mut go = Command::new(program.context(WANTS_GO)?);
    go.current_dir(module)
        .env("GOFLAGS", "-mod=readonly -buildvcs=false")
        .env("GOWORK", "off");
    Ok(go)
}
