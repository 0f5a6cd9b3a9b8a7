//! The picture of the mesh that the page holds.

use mesh::api::graph::{Include, LayoutState};
use mesh::api::{self, GraphQuery};

use crate::live::{Live, Question};
use crate::url;

/// The latest picture, and how it stands.
pub type Store = Live<GraphQuery>;

impl Question for GraphQuery {
    type Answer = api::Graph;

    fn url(&self) -> String {
        url::graph(self)
    }

    /// Traffic alone, so that the picture does not wait for latency.
    fn first_url(&self) -> Option<String> {
        Some(url::graph(&GraphQuery {
            include: vec![Include::Traffic],
            ..self.clone()
        }))
    }

    /// What happened up to a fixed time does not change.
    fn is_fixed(&self) -> bool {
        self.at.is_some()
    }

    fn is_unfinished(answer: &api::Graph) -> bool {
        answer.layout == LayoutState::Pending
    }
}
