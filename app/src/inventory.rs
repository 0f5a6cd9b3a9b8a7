//! What the pages of overview, services and workloads share: answers, tables, charts.

pub mod rows;
pub mod table;
pub mod thing;
pub mod words;

mod heatmap;
mod over_time;
mod share;
mod store;

pub mod frame;

pub use over_time::OverTime;
pub use share::Shares;
pub use store::{Ask, Store, follow};
