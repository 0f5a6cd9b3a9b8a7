//! Changing what steers traffic: the patch for a change of weights, its record, its inverse, and what it
//! will move. Pure: an object in, a JSON Patch out; nothing else of the object is touched (rule W1).

pub mod journal;

mod join;
mod predict;
mod undo;
mod weights;

#[cfg(test)]
mod tests;

pub use join::{BadJoin, is_still_joined, join, part, parted};
pub use predict::predict;
pub use undo::{CannotUndo, undo};
pub use weights::{BadWeights, checked, set_weights};
