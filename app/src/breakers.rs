//! Circuit breakers.

mod page;
mod words;

pub use page::BreakersPage;
