//! Keeping what the chain says about the node in step with its configuration.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::PriceSource;
use crate::{
    chain::{ChainError, ChainView},
    config::NodeConfig,
    state::NodeState,
};

/// Compares every `interval`, until stopped, and sends what differs.
pub(crate) async fn announce_config(
    state: Arc<NodeState>,
    chain: Arc<dyn ChainView>,
    config: NodeConfig,
    price: Option<PriceSource>,
    interval: Duration,
    stop: CancellationToken,
) {
    if !chain.can_attest() {
        return;
    }
    let mut is_refused = false;
    let mut price_failed = false;
    loop {
        let usd_per_wal = match &price {
            Some(source) => ask_price(source, &mut price_failed).await,
            None => None,
        };
        let wanted = config.announcement(usd_per_wal);
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

/// What a WAL costs in dollars. That it is not to be had is told once; until then the votes stay as
/// they are.
async fn ask_price(source: &PriceSource, has_failed: &mut bool) -> Option<f64> {
    match source.usd_per_wal().await {
        Ok(price) => {
            if std::mem::take(has_failed) {
                info!(usd_per_wal = price, "the price of WAL is known again");
            }
            Some(price)
        }
        Err(error) => {
            if !std::mem::replace(has_failed, true) {
                warn!(%error, "the votes for prices stay as they are");
            }
            None
        }
    }
}
