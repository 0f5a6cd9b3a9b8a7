//! The one place that reads the clock.

use std::time::{SystemTime, UNIX_EPOCH};

use mesh::units::UnixMillis;

/// Returns the time now.
pub fn now() -> UnixMillis {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    UnixMillis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
