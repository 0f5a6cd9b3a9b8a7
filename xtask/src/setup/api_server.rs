//! A real API server for the tests: its programs, built from Go modules where the path has none, and the
//! resource definitions of Istio and of the Gateway API.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::go::Module;
use crate::run::say;

const WANTS_GO: &str = "the tests' API server is built with Go 1.26 or newer; install it (https://go.dev/doc/install), or put etcd, kube-apiserver and kubectl on the PATH";
const PROGRAMS: Module = Module {
    folder: "tests/tools/kube-apiserver",
    name: "kube-apiserver",
    wants: WANTS_GO,
};
/// Its requirements carry the resource definitions.
const DEFINITIONS: Module = Module {
    folder: "tests/tools/crds",
    name: "crds",
    wants: WANTS_GO,
};

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
        kube_apiserver: PROGRAMS.program(
            "kube-apiserver",
            "k8s.io/kubernetes/cmd/kube-apiserver",
            "about 5 minutes on 2 cores",
        )?,
        etcd: PROGRAMS.program("etcd", "go.etcd.io/etcd/server/v3", "less than a minute")?,
        kubectl: PROGRAMS.program(
            "kubectl",
            "k8s.io/kubernetes/cmd/kubectl",
            "less than a minute",
        )?,
        crds: definitions()?,
    })
}

/// The folder of resource definitions, copied once out of the modules that carry them.
fn definitions() -> Result<PathBuf> {
    let kept = DEFINITIONS.kept()?;
    if kept.exists() {
        return Ok(kept);
    }
    say("fetching the resource definitions of Istio and of the Gateway API (seconds)");
    DEFINITIONS.download()?;
    let fresh = kept.with_extension(format!("{}.part", std::process::id()));
    fs::create_dir_all(&fresh)?;
    fs::copy(
        DEFINITIONS
            .folder_of("istio.io/api")?
            .join("kubernetes/customresourcedefinitions.gen.yaml"),
        fresh.join("istio.yaml"),
    )
    .context("Istio's module has no resource definitions")?;
    let standard = DEFINITIONS
        .folder_of("sigs.k8s.io/gateway-api")?
        .join("config/crd/standard");
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
