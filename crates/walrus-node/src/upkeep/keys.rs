//! Telling the chain which key is to follow.

use std::{sync::Arc, time::Duration};

use ambient::pauses::Backoff;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use walrus_core::keys::ProtocolKeyPair;

use crate::{
    chain::{ChainError, ChainView},
    state::NodeState,
};

const RETRY_DELAY_MIN: Duration = Duration::from_secs(1);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(300);

/// Registers the next key of the configuration, unless the chain has it, and returns. Without one
/// it does nothing.
pub(crate) async fn rotate_key(
    state: Arc<NodeState>,
    chain: Arc<dyn ChainView>,
    stop: CancellationToken,
) {
    let Some(next) = state.keys().next() else {
        return;
    };
    if !chain.can_attest() {
        warn!(
            "next_protocol_key_pair cannot be registered: set sui.wallet_config and storage_node_cap"
        );
        return;
    }
    let mut pauses = Backoff::new(RETRY_DELAY_MIN, RETRY_DELAY_MAX);
    while let Err(error) = register(chain.as_ref(), next).await {
        if let ChainError::Unavailable(_) = error {
            state.chain_failed(&error);
        } else {
            warn!(%error, "cannot register next_protocol_key_pair; trying again");
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = sleep(pauses.next_pause()) => {}
        }
    }
}

async fn register(chain: &dyn ChainView, next: &ProtocolKeyPair) -> Result<(), ChainError> {
    let key = next.public();
    let Some(registered) = chain.registration().await? else {
        return Ok(());
    };
    if registered.public_key == key {
        info!(%key, "the chain knows the node by next_protocol_key_pair: make it protocol_key_pair");
    } else if registered.next_public_key != Some(key) {
        chain.register_next_key(next).await?;
        info!(%key, "registered: the node signs with this key from the next committee that is selected on");
    }
    Ok(())
}
