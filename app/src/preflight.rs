//! Whether the mesh has what this dashboard needs, with the lines to paste.

mod page;
mod words;

pub use page::PreflightPage;
