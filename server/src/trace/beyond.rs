//! What only traces know of, looked for in the background: the graph takes what was found last and waits for nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::{StreamExt as _, TryStreamExt as _};
use mesh::graph::Traced;
use mesh::trace::{self, Found, Search};
use mesh::units::Window;
use tracing::debug;

use super::AT_ONCE;
use crate::apart::apart;
use crate::http::{ApiError, App};

/// The time before now that is looked at: what is rare shows within it, what is gone is soon forgotten.
const WINDOW_SECS: u32 = 900;
/// Traces are asked for again after this, by whoever looks at the graph then; after a failure, too.
const HOLDS: Duration = Duration::from_secs(30);
/// And after this where the graph knew nobody: as soon as it does, others are not known by traces alone any more.
const FEW_HOLDS: Duration = Duration::from_secs(5);
/// So many names are looked at; those of more than so many services without a proxy are told by the backend's sums alone.
const MAX_NAMES: usize = 24;
/// And so many traces of each.
const LIMIT: u32 = 20;

/// What was found last.
#[derive(Default)]
pub struct Beyond(Mutex<State>);

#[derive(Default)]
struct State {
    /// When it is to be looked for again.
    due: Option<Instant>,
    is_looking: bool,
    found: Option<Arc<Traced>>,
}

impl Beyond {
    /// Returns what was found last; `None` before that, and where nobody keeps traces.
    pub fn now(&self) -> Option<Arc<Traced>> {
        self.state(|state| state.found.clone())
    }

    fn state<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether it is time to look, which the caller does then.
    fn begin(&self) -> bool {
        self.state(|state| {
            let is_due = state.due.is_none_or(|it| it <= Instant::now());
            let begins = is_due && !state.is_looking;
            state.is_looking |= begins;
            begins
        })
    }

    fn end(&self, found: Option<Traced>, holds: Duration) {
        self.state(|state| {
            state.is_looking = false;
            state.due = Some(Instant::now() + holds);
            // What was found before a failure was true then, and is what there is.
            if let Some(found) = found {
                state.found = Some(Arc::new(found));
            }
        });
    }
}

/// Looks for what only traces know of, where that was not done of late; returns at once.
pub fn look(app: &App) {
    if app.traces.is_none() || !app.beyond.begin() {
        return;
    }
    let app = app.clone();
    tokio::spawn(async move {
        match find(&app).await {
            Ok((found, holds)) => app.beyond.end(Some(found), holds),
            Err(error) => {
                // The page of traces says why, to whoever looks there.
                debug!(?error, "What only traces know of could not be looked for");
                app.beyond.end(None, HOLDS);
            }
        }
    });
}

/// Returns what only traces know of, and how long that holds.
async fn find(app: &App) -> Result<(Traced, Duration), ApiError> {
    let source = super::source(app)?;
    let window = Window::from_secs(WINDOW_SECS).unwrap_or_default();
    let at = app.facts.instant(None)?;
    let live = app.facts.live(Window::default(), None)?;
    let (listed, known) = tokio::join!(
        app.traces_kept.services(source),
        app.traces_kept.known(&app.facts, Window::default(), live)
    );
    // Where the metrics can't be asked, everybody would seem to be known by traces alone.
    let (listed, known) = (listed?, known?);
    let lookback = Duration::from_secs(u64::from(WINDOW_SECS));
    let sums = source
        .dependencies(at.0.saturating_mul(1000), lookback)
        .await?;
    let names = {
        let known = Arc::clone(&known);
        apart(move || trace::unclaimed(&listed, &known)).await?
    };
    let searches: Vec<Search> = names
        .into_iter()
        .take(MAX_NAMES)
        .map(|service| Search {
            service,
            since_us: at.before(window).0.saturating_mul(1000),
            until_us: at.0.saturating_mul(1000),
            limit: LIMIT,
            ..Search::default()
        })
        .collect();
    let asked: Vec<_> = searches.iter().map(|it| source.find(it)).collect();
    let answers = futures::stream::iter(asked).buffered(AT_ONCE);
    let answers: Vec<Found> = answers.try_collect().await?;
    let holds = if known.is_empty() { FEW_HOLDS } else { HOLDS };
    let found = apart(move || {
        let traces = answers.iter().flat_map(|it| &it.traces).map(Arc::as_ref);
        trace::beyond(traces, &sums, &known, window)
    });
    Ok((found.await?, holds))
}
