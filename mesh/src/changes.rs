//! Changing what steers traffic: weights with what they will move; whole objects, and rules, subsets, breakers
//! and gateways in them; the record of each change and its inverse. Pure: an object in, an object or a JSON
//! Patch out; nothing else of the object is touched (rule W1).

pub mod journal;
pub mod rules;
pub mod whole;

pub mod breaker;
pub mod gateway;
pub mod subsets;

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
