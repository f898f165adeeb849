//! Whether the node can go on paying for gas.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::{
    chain::{ChainError, ChainView},
    config::BalanceCheckConfig,
    state::NodeState,
};

/// Time until the next attempt when the chain does not answer.
const RETRY_DELAY: Duration = Duration::from_secs(60);

/// Looks at the SUI of the node's account again and again, until stopped, and says so when it
/// becomes low.
pub(crate) async fn watch_balance(
    state: Arc<NodeState>,
    chain: Arc<dyn ChainView>,
    config: BalanceCheckConfig,
    stop: CancellationToken,
) {
    let mut was_low = false;
    loop {
        let pause = match chain.sui_balance_mist().await {
            Ok(None) => return,
            Ok(Some(balance)) => {
                state.metrics().sui_balance.set(balance);
                was_low = tell(balance, &config, was_low);
                config.interval()
            }
            Err(error @ ChainError::Unavailable(_)) => {
                state.chain_failed(&error);
                RETRY_DELAY.min(config.interval())
            }
            Err(error) => {
                debug!(%error, "cannot look at the balance");
                config.interval()
            }
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = sleep(pause) => {}
        }
    }
}

/// Says when the balance becomes low, and when it no longer is; returns whether it is low.
fn tell(balance_mist: u64, config: &BalanceCheckConfig, was_low: bool) -> bool {
    let warning_threshold_mist = config.warning_threshold_mist;
    let is_low = balance_mist < warning_threshold_mist;
    match (was_low, is_low) {
        (false, true) => warn!(
            balance_mist,
            warning_threshold_mist,
            "the account of the node has little SUI left: without it no epoch is attested. Send it some"
        ),
        (true, false) => info!(balance_mist, "the account of the node has enough SUI again"),
        _ => {}
    }
    is_low
}
