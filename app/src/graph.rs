//! The traffic graph: page, store, panel, table.

pub mod words;

mod store;
mod stream;

mod page;
mod panel;
mod table;
mod charts;

mod canvas;

pub use page::GraphPage;
pub use store::{Phase, Store};
