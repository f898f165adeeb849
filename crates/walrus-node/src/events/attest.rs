//! Telling the chain that this node holds its shards.

use std::{sync::Arc, time::Duration};

use ambient::pauses::Backoff;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::EventError;
use crate::{
    chain::{ChainError, ChainView},
    state::NodeState,
};

const RETRY_DELAY_MIN: Duration = Duration::from_millis(500);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(60);

/// Attests every epoch once its shards are complete, until stopped.
pub(crate) async fn attest_epochs(
    state: Arc<NodeState>,
    chain: Arc<dyn ChainView>,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = state.attestation_wanted() => {}
        }
        let mut pauses = Backoff::new(RETRY_DELAY_MIN, RETRY_DELAY_MAX);
        while let Err(error) = attest(&state, chain.as_ref()).await {
            if let EventError::Chain(error @ ChainError::Unavailable(_)) = &error {
                state.chain_failed(error);
            } else {
                warn!(%error, "cannot attest the epoch; trying again");
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = sleep(pauses.next_pause()) => {}
            }
        }
    }
}

/// Sends the attestation that is due, if one is.
async fn attest(state: &NodeState, chain: &dyn ChainView) -> Result<(), EventError> {
    let Some(epoch) = state.due_attestation().await? else {
        return Ok(());
    };
    if !chain.can_attest() {
        return Ok(());
    }
    let committees = chain.committees().await?;
    if committees.current.epoch > epoch {
        let present = committees.current.epoch;
        info!(epoch, chain = present, "the attestation is out of date");
    } else {
        chain.epoch_sync_done(epoch).await?;
    }
    Ok(state.attestation_settled(epoch).await?)
}
