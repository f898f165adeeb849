//! Catching up without taking part: before a node goes live on a new machine.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use walrus_core::{Epoch, node_api::HealthInfo};

use super::{RunningNode, StorageNode, signer, sui_chain_config};
use crate::{
    chain::{ChainView, SuiChain},
    config::NodeConfig,
    progress::NodePhase,
    start_error::StartError,
};

/// Pause between two looks at how far the node is.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Where a node is that has caught up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct CaughtUp {
    /// The last checkpoint it has processed.
    pub checkpoint: Option<u64>,
    /// The epoch.
    pub epoch: Epoch,
    /// Its shards, all of which are complete.
    pub shards: u32,
}

/// Why a node did not catch up.
#[derive(Debug, thiserror::Error)]
pub enum CatchUpError {
    /// It did not start, or not stop.
    #[error(transparent)]
    Start(#[from] StartError),
    /// It was told to stop.
    #[error("stopped before the node had caught up; run it again to go on")]
    Stopped,
    /// It cannot go on.
    #[error("the node could not go on; see the log")]
    Failed,
}

impl StorageNode {
    /// Processes events and completes shards until nothing is left, then stops. The node does not
    /// serve, signs nothing and sends nothing to the chain. `report` is told how far it is, and up
    /// to which checkpoint it has to come.
    pub async fn catch_up(
        config: NodeConfig,
        stop: CancellationToken,
        report: impl FnMut(&HealthInfo, Option<u64>),
    ) -> Result<CaughtUp, CatchUpError> {
        let chain = Self::chain_of(&config)?;
        Self::catch_up_with_chain(config, Arc::new(chain), stop, report).await
    }

    fn chain_of(config: &NodeConfig) -> Result<SuiChain, StartError> {
        Ok(SuiChain::new(&sui_chain_config(config), signer(config)?)?)
    }

    /// The same with a given view of the chain.
    pub async fn catch_up_with_chain(
        config: NodeConfig,
        chain: Arc<dyn ChainView>,
        stop: CancellationToken,
        mut report: impl FnMut(&HealthInfo, Option<u64>),
    ) -> Result<CaughtUp, CatchUpError> {
        let config = NodeConfig {
            takes_part: false,
            rest_api_address: ([127, 0, 0, 1], 0).into(),
            ..config
        };
        let start = Self::start_with_chain(config, chain.clone());
        let node = tokio::select! {
            biased;
            () = stop.cancelled() => return Err(CatchUpError::Stopped),
            node = start => node?,
        };
        let mut target = None;
        let outcome = loop {
            if let (None, Ok(present)) = (target, chain.event_blobs().await) {
                target = Some(present.checkpoint);
            }
            let health = node.service().health(false);
            report(&health, target);
            match node.is_complete(&health, target).await {
                Ok(true) => {
                    break Ok(CaughtUp {
                        checkpoint: health.latest_checkpoint_sequence_number,
                        epoch: health.epoch,
                        shards: health.shard_summary.owned,
                    });
                }
                Ok(false) => {}
                Err(error) => break Err(error.into()),
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => break Err(CatchUpError::Stopped),
                () = node.failed() => break Err(CatchUpError::Failed),
                () = sleep(LOOK_INTERVAL) => {}
            }
        };
        let stopped = node.shutdown().await;
        let caught_up = outcome?;
        stopped?;
        Ok(caught_up)
    }
}

impl RunningNode {
    /// Whether everything up to the checkpoint is processed and here.
    async fn is_complete(
        &self,
        health: &HealthInfo,
        target: Option<u64>,
    ) -> Result<bool, StartError> {
        let state = self.service.state();
        let view = state.view();
        let is_present = target.is_some()
            && health.latest_checkpoint_sequence_number >= target
            && matches!(state.phase(), NodePhase::Active | NodePhase::Standby);
        if !is_present || view.current.is_none() || !view.all_owned_active() {
            return Ok(false);
        }
        let lacking = state
            .storage()
            .with_index(move |index| index.incomplete_blobs(None, &view.owned, view.epoch(), 1))
            .await?;
        Ok(lacking.blobs.is_empty())
    }
}
