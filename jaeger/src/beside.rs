//! Who does several things at once: threads are the caller's.

/// Does what can be done side by side.
pub trait Beside {
    /// Returns how many things are worth doing at once, one at least.
    fn n(&self) -> usize;

    /// Does all of them; returns what came of each in their order, `None` for one that broke off.
    fn all<T: Send, W: FnOnce() -> T + Send>(&self, works: Vec<W>) -> Vec<Option<T>>;
}
