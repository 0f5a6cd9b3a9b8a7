//! What proxies cost.

mod bar;
mod page;
mod words;

pub use page::SidecarsPage;
