//! Keeping what the chain says about the node in step with its configuration.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::{
    chain::{Announcement, ChainError, ChainView},
    state::NodeState,
};

/// Compares every `interval`, until stopped, and sends what differs.
pub(super) async fn announce_config(
    state: Arc<NodeState>,
    chain: Arc<dyn ChainView>,
    wanted: Announcement,
    interval: Duration,
    stop: CancellationToken,
) {
    if !chain.can_attest() {
        return;
    }
    let mut is_refused = false;
    loop {
        match chain.announce(&wanted).await {
            Ok(changed) => {
                is_refused = false;
                if !changed.is_empty() {
                    info!(
                        changed = changed.join(", "),
                        "told the chain what the configuration says"
                    );
                }
            }
            Err(error @ ChainError::Unavailable(_)) => state.chain_failed(&error),
            Err(error) if !is_refused => {
                is_refused = true;
                warn!(%error, "cannot tell the chain what the configuration says; trying again");
            }
            Err(error) => debug!(%error, "cannot tell the chain what the configuration says"),
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = sleep(interval) => {}
        }
    }
}
