//! Traces: the search, one trace, two side by side, their way over the graph, the names they stand under.

mod kept;
mod store;
mod words;

mod names;
mod search;

mod one;

mod beside;
mod onward;
mod path;

pub use beside::Beside;
pub use names::NamesPage;
pub use one::TracePage;
pub use onward::{Ways, traces_of_points};
pub use path::{PathStrip, way};
pub use search::SearchPage;
pub use store::Store;
