//! Makes large answers where they hold nobody up, few at a time.

use tokio::sync::Semaphore;

use crate::http::ApiError;

/// So many large answers are made at once: each holds the whole mesh, and there are few processors anyway.
static MAKING: Semaphore = Semaphore::const_new(2);

/// Does what takes long for a large mesh where it holds nobody up.
pub async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    let permit = MAKING.acquire().await;
    let made = tokio::task::spawn_blocking(work).await;
    drop(permit);
    made.map_err(|error| {
        tracing::error!(%error, "An answer could not be made");
        ApiError::internal()
    })
}
