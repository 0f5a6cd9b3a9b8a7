//! The traffic graph: page, store, panel, table.

pub mod words;

mod store;

mod page;

mod legend;
mod skeleton;

mod charts;
mod panel;

mod table;

mod flow;

mod camera;
mod canvas;
mod positions;
mod scene;

#[cfg(test)]
pub mod sample;

pub use page::GraphPage;
pub use panel::{figures, quantiles};
pub use store::Store;
