//! Where facts come from. Each source answers domain questions with `mesh::telemetry` values.

use mesh::api::Notice;

/// What a source answered, with what should be known about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer<T> {
    /// The answer.
    pub value: T,
    /// What is missing or only estimated in it.
    pub notices: Vec<Notice>,
}
