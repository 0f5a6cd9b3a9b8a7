//! Which crates may not come near which.

use anyhow::{Context, Result};

use crate::place;
use crate::run::read;

/// Who, on which target, and what may never be below it.
const RULES: [(&str, &str, &[&str]); 4] = [
    (
        "mesh",
        "host",
        &["tokio", "reqwest", "kube", "web-sys", "getrandom"],
    ),
    (
        "demo",
        "host",
        &["tokio", "reqwest", "kube", "web-sys", "server"],
    ),
    (
        "jaeger",
        "host",
        &["tokio", "reqwest", "kube", "web-sys", "server"],
    ),
    (
        "app",
        "wasm32-unknown-unknown",
        &["tokio", "reqwest", "dugong", "server", "demo"],
    ),
];

/// One line for every crate that is where it may not be.
pub fn check() -> Result<Vec<String>> {
    let manifest = place::root().join("Cargo.toml");
    let manifest = manifest.to_string_lossy();
    let mut broken = Vec::new();
    for (package, target, never) in RULES {
        let mut args = vec![
            "tree",
            "--manifest-path",
            &manifest,
            "--locked",
            "-p",
            package,
            "-e",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ];
        if target != "host" {
            args.extend(["--target", target]);
        }
        let tree =
            read("cargo", &args).with_context(|| format!("`cargo tree -p {package}` failed"))?;
        broken.extend(
            found(&tree, never).map(|name| {
                format!("{package} depends on {name}; ARCHITECTURE.md says it never may")
            }),
        );
    }
    Ok(broken)
}

fn found<'a>(tree: &'a str, never: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    never.iter().copied().filter(move |name| {
        tree.lines()
            .any(|line| line.split_whitespace().next() == Some(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_is_found_by_its_whole_name() {
        let tree = "mesh v0.1.0\ntokio-util v0.7.0\nserde v1.0.0";
        assert_eq!(found(tree, &["tokio", "reqwest"]).count(), 0);
        assert_eq!(found(tree, &["serde"]).collect::<Vec<_>>(), ["serde"]);
    }
}
