//! Workloads: the list, and one with all that is known of it.

mod list;
mod page;

pub use list::WorkloadsPage;
pub use page::WorkloadPage;
