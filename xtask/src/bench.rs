//! The speed we promise: builds what is measured, then runs the measuring program.

use std::process::Command;

use anyhow::{Result, bail};

use crate::run::{self, cargo};
use crate::{build, place, setup};

/// Measures what is named, or everything; fails when a target is missed. `--workloads N` is the size of the
/// mesh; `mesh` serves such a mesh with its Prometheus, to be looked at by hand.
pub fn run(words: &[String]) -> Result<()> {
    let size = words.iter().position(|word| word == "--workloads");
    for (at, word) in words.iter().enumerate() {
        let is_size = size.is_some_and(|size| at == size || at == size + 1);
        if !is_size
            && !matches!(
                word.as_str(),
                "graph" | "routes" | "traces" | "page" | "mesh"
            )
        {
            bail!(
                "there is no bench `{word}`; there are: graph, routes, traces, page; and `mesh`, which stands to be looked at"
            );
        }
    }
    let pidali = build::pidali()?;
    let tools = setup::tests()?;
    run::run(cargo()?.args(["build", "--release", "--package", "bench"]))?;
    let mut bench = Command::new(place::target()?.join("release/bench"));
    bench
        .args(words)
        .current_dir(place::root())
        .env("PIDALI_BIN", pidali);
    tools.equip(&mut bench);
    run::run(&mut bench)
}
