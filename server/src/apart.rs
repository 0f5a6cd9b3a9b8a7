//! Makes large answers where they hold nobody up, few at a time.

use std::num::NonZero;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, available_parallelism};

use jaeger::Beside;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::http::ApiError;

/// Large answers are made on half of the processors, the other half is for who asks and is asked: each answer
/// holds the whole mesh.
static MAKING: LazyLock<Semaphore> = LazyLock::new(|| {
    let n_processors = available_parallelism().map_or(1, NonZero::get);
    Semaphore::new((n_processors / 2).clamp(1, 8))
});
/// How many wait for a turn.
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// The right to make one large answer, in as many steps as it takes.
pub struct Turn {
    _permit: Option<SemaphorePermit<'static>>,
}

impl Turn {
    /// Waits for one.
    pub async fn take() -> Turn {
        let waiting = Waiting::new();
        // It is never closed.
        let permit = MAKING.acquire().await.ok();
        drop(waiting);
        Turn { _permit: permit }
    }

    /// Returns whether others wait for this one to end.
    pub fn is_awaited(&self) -> bool {
        WAITING.load(Ordering::Relaxed) > 0
    }

    /// Does what takes long for a large mesh where it holds nobody up.
    pub async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let made = tokio::task::spawn_blocking(work).await;
        made.map_err(|error| {
            tracing::error!(%error, "An answer could not be made");
            ApiError::internal()
        })
    }
}

/// Reads parts of one answer on a thread each: that takes milliseconds, and somebody waits.
#[derive(Clone, Copy, Debug)]
pub struct Threads;

impl Beside for Threads {
    fn n(&self) -> usize {
        available_parallelism().map_or(1, NonZero::get)
    }

    fn all<T: Send, W: FnOnce() -> T + Send>(&self, works: Vec<W>) -> Vec<Option<T>> {
        let mut works = works.into_iter();
        let Some(first) = works.next() else {
            return Vec::new();
        };
        thread::scope(|scope| {
            // Where the system gives no thread, that part is missing.
            let start = |work| thread::Builder::new().spawn_scoped(scope, work).ok();
            let others: Vec<_> = works.map(start).collect();
            let first = Some(first());
            let others = others.into_iter().map(|it| it?.join().ok());
            std::iter::once(first).chain(others).collect()
        })
    }
}

/// Counts one who waits, until it gets its turn or goes away.
struct Waiting;

impl Waiting {
    fn new() -> Waiting {
        WAITING.fetch_add(1, Ordering::Relaxed);
        Waiting
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        WAITING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Does in one turn what takes long for a large mesh.
pub async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    Turn::take().await.work(work).await
}
