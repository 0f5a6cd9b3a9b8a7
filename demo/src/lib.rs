//! A simulated mesh.
