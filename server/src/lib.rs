//! Pidali server.
