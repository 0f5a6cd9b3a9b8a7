//! The search: what is asked, what was found, drawn and listed.

mod page;

mod draft;
mod filters;

mod list;
mod plot;
mod scatter;

mod said;

pub use page::SearchPage;
