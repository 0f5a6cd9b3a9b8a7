//! The traffic graph: page, store, panel, table.

pub mod words;

mod store;
mod stream;

mod charts;
mod page;
mod panel;
mod table;

mod canvas;

pub use page::GraphPage;
pub use store::{Phase, Store};
