//! Layouts: computed beside the answer, cached by shape, shared by viewers.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use mesh::api::Graph;
use mesh::api::GraphQuery;
use mesh::layout::{self, Ids, Placement, Shape};
use mesh::units::UnixMillis;
use moka::future::Cache;
use tokio::sync::Semaphore;
use tracing::error;

/// How long an answer waits for its layout before it says `pending`.
const BLINK: Duration = Duration::from_millis(150);
const LARGE: usize = 300;
/// So many placed nodes are remembered, over all layouts.
const MAX_PLACED: u64 = 20_000;
static LAYING: Semaphore = Semaphore::const_new(1);
/// How many windows are laid out together, so that a rare edge does not make the picture jump.
const N_WINDOWS: usize = 6;
/// How many selections are remembered.
const N_SCOPES: usize = 128;

/// How long an answer may wait for its layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Until it is made, if that is soon.
    Blink,
    /// Not at all: others wait.
    None,
}

/// Layouts by shape.
pub struct Arranger {
    placements: Cache<Arc<Shape>, Arc<Placement>>,
    ids: Mutex<Ids>,
    recent: Mutex<HashMap<GraphQuery, VecDeque<(UnixMillis, Arc<Shape>)>>>,
}

impl Default for Arranger {
    fn default() -> Arranger {
        Arranger {
            placements: Cache::builder()
                .max_capacity(MAX_PLACED)
                .weigher(|shape: &Arc<Shape>, _| u32::try_from(shape.n_nodes()).unwrap_or(u32::MAX))
                .time_to_idle(Duration::from_secs(300))
                .build(),
            ids: Mutex::default(),
            recent: Mutex::default(),
        }
    }
}

/// A layout that is still to be made; nobody makes it when it is dropped.
#[must_use]
pub struct Unmade(BoxFuture<'static, ()>);

impl Unmade {
    /// Makes it beside whatever is done meanwhile.
    pub fn begin(self) {
        tokio::spawn(self.0);
    }
}

impl Arranger {
    /// Writes positions into `graph`, or leaves it `pending` when they take longer than a blink; they are computed
    /// on and are there the next time. One that takes long is returned, to be begun when the answer is made: both
    /// want the processors.
    pub async fn arrange(
        &self,
        graph: &mut Graph,
        query: &GraphQuery,
        at: UnixMillis,
        patience: Patience,
    ) -> Option<Unmade> {
        let shape = {
            let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
            Shape::sharing(graph, &mut ids)
        };
        let shape = self.joined(Arc::new(shape), query, at);
        if let Some(known) = self.placements.get(&shape).await {
            known.apply(graph);
            return None;
        }
        let placements = self.placements.clone();
        let work = async move {
            let placed = placements.try_get_with(shape.clone(), async move {
                // One at a time: a large one takes much memory, and there are few processors anyway.
                let permit = LAYING.acquire().await;
                let placed = tokio::task::spawn_blocking(move || Arc::new(layout::place(&shape)));
                let placed = placed.await;
                drop(permit);
                placed
            });
            let placed = placed.await;
            placed.inspect_err(|error| {
                // At shutdown, what still waits for its turn is called off.
                if !error.is_cancelled() {
                    error!(%error, "The layout failed, the graph goes without");
                }
            })
        };
        // A large one takes longer than anybody waits.
        if patience == Patience::None || graph.nodes.len() >= LARGE {
            return Some(Unmade(work.map(drop).boxed()));
        }
        // A task of its own: a viewer who leaves must not throw the work away.
        let work = tokio::spawn(work);
        if let Ok(Ok(Ok(placement))) = tokio::time::timeout(BLINK, work).await {
            placement.apply(graph);
        }
        None
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
        // Most windows have the same shape: one copy of it does.
        let same = shapes.iter().find(|(_, known)| **known == *shape);
        let shape = same.map_or(shape, |(_, known)| Arc::clone(known));
        match shapes.back_mut() {
            Some((last, known)) if *last == at => *known = shape,
            _ => shapes.push_back((at, shape)),
        }
        while shapes.len() > N_WINDOWS {
            shapes.pop_front();
        }
        if let Some((_, first)) = shapes.front()
            && shapes.iter().all(|(_, shape)| Arc::ptr_eq(shape, first))
        {
            return Arc::clone(first);
        }
        let mut all = Shape::default();
        for (_, shape) in shapes.iter() {
            all.join(shape);
        }
        Arc::new(all)
    }
}
