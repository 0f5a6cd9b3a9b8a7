//! The graph: building it, and asking a real Prometheus for it.

mod build;
mod live;
mod scraped;
mod synthetic;

use anyhow::Result;

use crate::Report;

pub use live::stand;

/// Measures building the graph and laying it out, then the whole way from a real Prometheus that scrapes a
/// mesh of `n_workloads`.
pub fn measure(report: &mut Report, n_workloads: usize) -> Result<()> {
    build::measure(report);
    live::measure(report, n_workloads)
}
