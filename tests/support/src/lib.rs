//! Starts real parts.
