//! How the control plane does.

mod page;
mod words;

pub use page::ControlPlanePage;
