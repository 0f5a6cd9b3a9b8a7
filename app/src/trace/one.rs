//! One trace: its tree, what its spans say, and how it stands beside another.

mod page;

mod finder;
mod tree;

mod row;
mod rows;

mod details;
mod rank;

mod compare;
mod versus;

mod hue;

pub use page::TracePage;
