//! What a mesh is told to do with its traffic. Pure: routing objects in, proportions out, and back.

pub mod weights;
