//! A real Jaeger for the tests, built from a Go module where the path has none.

use std::path::PathBuf;

use anyhow::Result;

use super::go::Module;

const JAEGER: Module = Module {
    folder: "tests/tools/jaeger",
    name: "jaeger",
    wants: "the tests' Jaeger is built with Go 1.26 or newer; install it (https://go.dev/doc/install), or put jaeger 2 on the PATH",
};

/// Finds or builds it.
pub fn jaeger() -> Result<PathBuf> {
    JAEGER.program(
        "jaeger",
        "github.com/jaegertracing/jaeger/cmd/jaeger",
        "about 4 minutes on 2 cores",
    )
}
