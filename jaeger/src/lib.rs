//! What a Jaeger answers, in both of its dialects, read as [`mesh::trace`]'s traces; and how it is asked in each. Pure: no
//! IO, no clock.
//!
//! It is a crate of its own so that the compiler sees the decoders whole: an answer may hold a million words, and apart
//! from their callers they are read a third faster.

pub mod legacy;
pub mod otlp;

mod beside;
mod loose;
mod read;

pub use beside::Beside;
