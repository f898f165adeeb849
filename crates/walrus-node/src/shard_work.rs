//! Completing shards and blobs: what events ask for, and whoever does it.
//!
//! The plan of an epoch says which shards lack slivers; every certified blob may be one this node lacks slivers of. Both
//! are handed over here and worked on in the background. What comes of it is told to [`NodeState`].

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::sleep;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, info, warn};
use walrus_core::{BlobId, Epoch, ShardIndex};

use crate::{
    epoch::{EpochPlan, incomplete_shards},
    state::NodeState,
    storage::StorageError,
};

/// Brings the shards of a plan to completion.
pub trait ShardWork: Send + Sync + 'static {
    /// Takes on the work of `plan` instead of that of any earlier plan, and returns at once. Called when an epoch begins
    /// and when the node starts.
    ///
    /// Every shard that becomes complete is reported with [`NodeState::shard_complete`].
    fn follow(&self, plan: &EpochPlan);
}

/// Gets what this node lacks of blobs.
pub trait Healing: Send + Sync + 'static {
    /// A blob was certified; this node may lack slivers of it. Returns at once. Not called while the node replays epochs
    /// that are over: the next plan covers them.
    fn blob_certified(&self, blob_id: BlobId);
}

const RECHECK_DELAY_MIN: Duration = Duration::from_millis(500);
const RECHECK_DELAY_MAX: Duration = Duration::from_secs(60);

/// Waits until somebody uploads what is missing.
#[derive(Clone)]
pub struct WaitForUploads {
    state: Arc<NodeState>,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Ends the work of the plan before.
    present: Arc<Mutex<CancellationToken>>,
}

impl WaitForUploads {
    /// Work runs on `tasks` until `stop`.
    pub fn new(state: Arc<NodeState>, tasks: TaskTracker, stop: CancellationToken) -> Self {
        Self {
            state,
            tasks,
            present: Arc::new(Mutex::new(stop.child_token())),
            stop,
        }
    }

    /// Looks at the shards again and again until nothing is missing.
    async fn watch(&self, mut shards: Vec<ShardIndex>, epoch: Epoch, over: CancellationToken) {
        let mut delay = RECHECK_DELAY_MIN;
        while !shards.is_empty() {
            tokio::select! {
                () = over.cancelled() => return,
                () = sleep(delay) => {}
            }
            delay = (delay * 2).min(RECHECK_DELAY_MAX);
            match self.check(&shards, epoch).await {
                Ok(incomplete) => shards = incomplete,
                Err(error) => {
                    warn!(%error, "cannot tell whether shards are complete; trying again")
                }
            }
        }
    }

    /// Reports what is complete and returns the rest.
    async fn check(
        &self,
        shards: &[ShardIndex],
        epoch: Epoch,
    ) -> Result<Vec<ShardIndex>, StorageError> {
        let asked = shards.to_vec();
        let incomplete: Vec<ShardIndex> = self
            .state
            .storage()
            .with_index(move |index| incomplete_shards(index, &asked, epoch))
            .await?;
        for shard in shards.iter().filter(|shard| !incomplete.contains(shard)) {
            if self.state.shard_complete(*shard, epoch).await? {
                info!(shard = shard.0, epoch, "the shard is complete");
            }
        }
        Ok(incomplete)
    }
}

impl ShardWork for WaitForUploads {
    fn follow(&self, plan: &EpochPlan) {
        let over = self.stop.child_token();
        let before = std::mem::replace(
            &mut *self.present.lock().unwrap_or_else(PoisonError::into_inner),
            over.clone(),
        );
        before.cancel();
        if plan.work.is_empty() {
            return;
        }
        let shards: Vec<ShardIndex> = plan.work.iter().map(|task| task.shard).collect();
        let numbers: Vec<u16> = shards.iter().map(|shard| shard.0).collect();
        warn!(
            shards = ?numbers,
            "shards lack slivers of certified blobs; this version of the node cannot fetch them from other nodes, so the \
             epoch is not attested until they are uploaded again"
        );
        let (this, epoch) = (self.clone(), plan.epoch);
        self.tasks
            .spawn(async move { this.watch(shards, epoch, over).await });
    }
}

impl Healing for WaitForUploads {
    fn blob_certified(&self, blob_id: BlobId) {
        debug!(%blob_id, "certified; what this node lacks of it has to be uploaded");
    }
}
