//! What speed we promise, measured. One line a figure: `name value unit (target ≤ x) ok|MISS`.
//!
//! Times are medians; what they stand beside is measured in the same run, since machines differ and are
//! shared. A miss makes the run fail.
#![expect(
    clippy::print_stdout,
    reason = "figures go to the person who runs this"
)]

mod graph;
mod page;
mod routes;
mod traces;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

// What is measured in here runs as it does in the program (docs/adr/0010).
#[cfg(target_env = "gnu")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> Result<ExitCode> {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    let n_workloads = size(&mut names)?;
    if names == ["mesh"] {
        graph::stand(n_workloads)?;
    }
    let wanted = |name: &str| names.is_empty() || names.iter().any(|n| n == name);
    if let Some(name) = names
        .iter()
        .find(|n| !matches!(n.as_str(), "graph" | "page" | "routes" | "traces"))
    {
        bail!("there is no bench `{name}`; there are: graph, page, routes, traces");
    }
    let mut report = Report { misses: 0 };
    report.beside("calibration_ms", ms(median(9, calibration)), "ms");
    if wanted("graph") {
        graph::measure(&mut report, n_workloads)?;
    }
    if wanted("routes") {
        routes::measure(&mut report)?;
    }
    if wanted("traces") {
        traces::measure(&mut report)?;
    }
    if wanted("page") {
        page::measure(&mut report)?;
    }
    Ok(if report.misses == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Takes the size of the mesh out of the arguments: `--workloads 100`.
fn size(names: &mut Vec<String>) -> Result<usize> {
    let Some(at) = names.iter().position(|name| name == "--workloads") else {
        return Ok(1_100);
    };
    let taken: Vec<String> = names.drain(at..names.len().min(at + 2)).collect();
    let size = taken.get(1).and_then(|text| text.parse().ok());
    size.filter(|n| (10..=20_000).contains(n))
        .context("--workloads wants a number from 10 to 20000, such as 100, 1100 or 5000")
}

struct Report {
    misses: u32,
}

impl Report {
    /// A figure that we promise.
    fn promised(&mut self, name: &str, value: f64, unit: &str, target: f64) {
        let is_met = value <= target;
        if !is_met {
            self.misses += 1;
        }
        let verdict = if is_met { "ok" } else { "MISS" };
        println!("{name} {value:.2} {unit} (target ≤ {target}) {verdict}");
    }

    /// A figure that others are read beside.
    fn beside(&self, name: &str, value: f64, unit: &str) {
        println!("{name} {value:.2} {unit}");
    }
}

/// A loop that does the same everywhere: how fast this machine is just now.
fn calibration() {
    let mut state = 1_u64;
    for n in 0..20_000_000_u64 {
        state = std::hint::black_box(
            state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(n),
        );
    }
    std::hint::black_box(state);
}

fn median(n_runs: usize, mut run: impl FnMut()) -> Duration {
    run();
    let mut times: Vec<Duration> = (0..n_runs)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    times.sort();
    times.get(n_runs / 2).copied().unwrap_or_default()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
