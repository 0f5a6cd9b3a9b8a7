//! The objects that steer traffic, and what is wrong with them.

mod page;
mod words;

pub use page::ConfigPage;
