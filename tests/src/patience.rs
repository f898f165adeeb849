//! Waiting for what has to happen, but not for ever.

use std::time::Duration;

/// Time for an answer, or for something to happen.
pub const PATIENCE: Duration = Duration::from_secs(120);

const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Waits until the condition holds.
///
/// # Panics
///
/// When it does not in [`PATIENCE`].
pub async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, wait).await;
    assert!(waited.is_ok(), "{what}: it never happened");
}
