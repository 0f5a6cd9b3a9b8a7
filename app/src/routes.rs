//! Routes: how traffic is told to go, how it goes, and the hand that moves it.

mod draft;
mod hue;
mod judge;
mod order;
mod split;
pub mod words;

mod proposal;
mod store;

mod page;

mod bar;
pub mod checks;
mod list;
mod sides;

mod editor;
pub mod forms;
mod history;
mod preview;

#[cfg(test)]
mod sample;

pub use editor::{HEADING, Helm};
pub use page::RoutesPage;
pub use preview::Preview;
pub use proposal::{Proposal, What};
pub use store::Store;
