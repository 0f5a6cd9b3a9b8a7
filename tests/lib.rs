//! Behaviour across crates: the tests are in `tests/`, what starts the real parts in `support/`.
