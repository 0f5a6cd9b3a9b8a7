//! Layouts: computed beside the answer, cached by shape, shared by viewers.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mesh::api::Graph;
use mesh::api::GraphQuery;
use mesh::layout::{self, Placement, Shape};
use mesh::units::UnixMillis;
use moka::future::Cache;
use tracing::error;

/// How long an answer waits for its layout before it says `pending`.
const PATIENCE: Duration = Duration::from_millis(150);
/// The same for a graph so large that its layout takes longer than that anyway: only as long as it takes to
/// find one that is there.
const PATIENCE_LARGE: Duration = Duration::from_millis(5);
const LARGE: usize = 300;
/// How many windows are laid out together, so that a rare edge does not make the picture jump.
const N_WINDOWS: usize = 6;
/// How many selections are remembered.
const N_SCOPES: usize = 128;

/// Layouts by shape.
pub struct Arranger {
    placements: Cache<Arc<Shape>, Arc<Placement>>,
    recent: Mutex<HashMap<GraphQuery, VecDeque<(UnixMillis, Arc<Shape>)>>>,
}

impl Default for Arranger {
    fn default() -> Arranger {
        Arranger {
            placements: Cache::builder()
                .max_capacity(64)
                .time_to_idle(Duration::from_secs(900))
                .build(),
            recent: Mutex::default(),
        }
    }
}

impl Arranger {
    /// Writes positions into `graph`, or leaves it `pending` when they take longer than a blink; they
    /// are computed on and are there the next time.
    pub async fn arrange(&self, graph: &mut Graph, query: &GraphQuery, at: UnixMillis) {
        let shape = self.joined(Arc::new(Shape::of(graph)), query, at);
        let placements = self.placements.clone();
        // A task of its own: a viewer who leaves must not throw the work away.
        let work = tokio::spawn(async move {
            placements
                .try_get_with(shape.clone(), async move {
                    tokio::task::spawn_blocking(move || Arc::new(layout::place(&shape))).await
                })
                .await
        });
        let patience = if graph.nodes.len() < LARGE {
            PATIENCE
        } else {
            PATIENCE_LARGE
        };
        match tokio::time::timeout(patience, work).await {
            Ok(Ok(Ok(placement))) => {
                placement.apply(graph);
            }
            Ok(Ok(Err(error))) => error!(%error, "The layout failed, the graph goes without"),
            Ok(Err(error)) => error!(%error, "The layout failed, the graph goes without"),
            Err(_) => {}
        }
    }

    /// Returns the union of the last windows' shapes for live questions; a named instant stands alone.
    fn joined(&self, shape: Arc<Shape>, query: &GraphQuery, at: UnixMillis) -> Arc<Shape> {
        if query.at.is_some() {
            return shape;
        }
        let scope = GraphQuery {
            include: Vec::new(),
            ..query.clone()
        };
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() >= N_SCOPES && !recent.contains_key(&scope) {
            let oldest = recent
                .iter()
                .min_by_key(|(_, shapes)| shapes.back().map(|(at, _)| *at))
                .map(|(scope, _)| scope.clone());
            if let Some(oldest) = oldest {
                recent.remove(&oldest);
            }
        }
        let shapes = recent.entry(scope).or_default();
        match shapes.back_mut() {
            Some((last, known)) if *last == at => *known = shape,
            _ => shapes.push_back((at, shape)),
        }
        while shapes.len() > N_WINDOWS {
            shapes.pop_front();
        }
        let mut all = Shape::default();
        for (_, shape) in shapes.iter() {
            all.join(shape);
        }
        Arc::new(all)
    }
}
