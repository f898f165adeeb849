//! Repeating one request to one node.

use std::time::Duration;

use crate::{backoff::Waits, config::Backoff, environment::Environment, node::NodeError};

/// Retries of a request to a node that accepts no connection, whatever the back-off allows. A node
/// that restarts is back within these; one that is down must not hold up a quorum that can be had
/// without it.
const UNREACHABLE_RETRIES_MAX: u32 = 3;
/// Retries of a request that was not answered in time.
const TIMEOUT_RETRIES_MAX: u32 = 1;

/// Bound for requests that carry little data, answer included. A node waits at most two seconds for
/// a registration it has not seen, so this is ample for a node that is alive.
pub(crate) const SMALL_REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// Runs `request` until it succeeds, fails for good, or the retries are used up.
pub(crate) async fn with_retries<T, F>(
    backoff: Backoff,
    environment: &Environment,
    mut request: impl FnMut() -> F,
) -> Result<T, NodeError>
where
    F: Future<Output = Result<T, NodeError>>,
{
    let mut waits = Waits::new(backoff, environment);
    let mut unreachable = 0;
    let mut timeouts = 0;
    loop {
        let error = match request().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        match error {
            NodeError::Unreachable(_) => unreachable += 1,
            NodeError::Timeout(_) => timeouts += 1,
            _ => {}
        }
        let exhausted = unreachable > UNREACHABLE_RETRIES_MAX || timeouts > TIMEOUT_RETRIES_MAX;
        if exhausted || !error.is_retriable() {
            return Err(error);
        }
        match waits.next() {
            Some(wait) => tokio::time::sleep(wait).await,
            None => return Err(error),
        }
    }
}

/// Bounds a request that carries little data.
pub(crate) async fn small<T>(
    request: impl Future<Output = Result<T, NodeError>>,
) -> Result<T, NodeError> {
    match tokio::time::timeout(SMALL_REQUEST_TIMEOUT, request).await {
        Ok(answer) => answer,
        Err(_) => Err(NodeError::Timeout(SMALL_REQUEST_TIMEOUT)),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use walrus_core::node_api::ErrorReason;

    use super::*;

    const QUICK: Backoff = Backoff {
        min: Duration::from_millis(1),
        max: Duration::from_millis(1),
        max_retries: Some(5),
    };

    async fn attempts_of(error: NodeError) -> u32 {
        let attempts = Cell::new(0);
        let environment = Environment::of_system();
        let result: Result<(), _> = with_retries(QUICK, &environment, || {
            attempts.set(attempts.get() + 1);
            std::future::ready(Err(error.clone()))
        })
        .await;
        assert_eq!(result, Err(error.clone()));
        attempts.get()
    }

    #[tokio::test]
    async fn each_kind_of_failure_has_its_own_bound() {
        let refused = |status, reason| NodeError::Refused {
            status,
            reason,
            message: String::new(),
        };
        assert_eq!(attempts_of(NodeError::Transport("reset".into())).await, 6);
        assert_eq!(
            attempts_of(refused(400, Some(ErrorReason::NotRegistered))).await,
            6
        );
        assert_eq!(attempts_of(refused(500, None)).await, 6);
        assert_eq!(
            attempts_of(NodeError::Unreachable("refused".into())).await,
            4
        );
        assert_eq!(
            attempts_of(NodeError::Timeout(SMALL_REQUEST_TIMEOUT)).await,
            2
        );
        assert_eq!(attempts_of(NodeError::WrongNetworkKey).await, 1);
        assert_eq!(
            attempts_of(refused(400, Some(ErrorReason::InvalidSliver))).await,
            1
        );
        assert_eq!(attempts_of(refused(404, None)).await, 1);
    }

    #[tokio::test]
    async fn success_after_failures_counts() {
        let attempts = Cell::new(0);
        let environment = Environment::of_system();
        let result = with_retries(QUICK, &environment, || {
            attempts.set(attempts.get() + 1);
            std::future::ready(match attempts.get() {
                3 => Ok(7),
                _ => Err(NodeError::Transport("reset".into())),
            })
        })
        .await;
        assert_eq!((result, attempts.get()), (Ok(7), 3));
    }
}
