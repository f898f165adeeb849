//! The beginning of an epoch, as a node lives it.

use std::{sync::Arc, time::Duration};

use stdx::SaturatingFrom as _;
use tokio::time::sleep;
use tracing::{info, warn};
use walrus_core::{Epoch, ObjectId, ShardIndex};

use super::{BACKGROUND_EVENTS_MAX, EventError, EventProcessor};
use crate::{
    chain::{ChainError, ChainView, Committee, Committees},
    epoch::EpochPlan,
    state::NodeState,
};

/// How often the chain is asked whether its state shows the new epoch yet.
const CHAIN_POLL_INTERVAL: Duration = Duration::from_millis(500);

/// How many times, before the event is put back and tried again later.
const CHAIN_POLLS_MAX: usize = 120;

impl EventProcessor {
    /// Processes the start of `epoch`. Everything here may be repeated after a crash.
    pub(super) async fn begin_epoch(&mut self, epoch: Epoch) -> Result<(), EventError> {
        // What earlier events led to is done before shards move. Permits are only lost when the
        // node stops.
        let all = u32::saturating_from(BACKGROUND_EVENTS_MAX);
        let _drained = self.background.clone().acquire_many_owned(all).await;
        let expired = self.state.expire_records(epoch).await?;
        let committees = self.wait_for_epoch(epoch).await?;
        if committees.current.epoch > epoch {
            // The chain is further: this epoch is history, only its records matter.
            let present = committees.current.epoch;
            info!(epoch, chain = present, expired, "catching up");
            self.state.catching_up();
            return Ok(());
        }
        info!(epoch, expired, "a new epoch began");
        self.show_records_digest(epoch).await?;
        self.enter(committees).await?;
        self.garbage.collect(epoch);
        Ok(())
    }

    /// Shows a digest of the records as they are now. To compute it takes a while for many, which
    /// nothing waits for.
    async fn show_records_digest(&self, epoch: Epoch) -> Result<(), EventError> {
        let storage = self.state.storage();
        let records = storage.with_index(|index| Ok(index.blobs_now())).await?;
        let (state, stop) = (self.state.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            if let Err(error) = state.show_records_digest(records, epoch, stop).await {
                warn!(epoch, %error, "cannot compute the digest of the records");
            }
        });
        Ok(())
    }

    /// Chain state, once it shows `epoch` or a later one.
    async fn wait_for_epoch(&self, epoch: Epoch) -> Result<Committees, EventError> {
        for _ in 0..CHAIN_POLLS_MAX {
            let committees = self.chain.committees().await?;
            if committees.current.epoch >= epoch {
                return Ok(committees);
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                () = sleep(CHAIN_POLL_INTERVAL) => {}
            }
        }
        Err(EventError::Chain(ChainError::Unavailable(format!(
            "the state of the chain does not show epoch {epoch} yet"
        ))))
    }

    /// Makes the current committee the one this node works in.
    async fn enter(&mut self, committees: Committees) -> Result<(), EventError> {
        let current = Arc::new(committees.current);
        let previous = committees.previous.map(Arc::new);
        let node_id = who_am_i(&self.state, self.chain.as_ref(), &current).await?;
        let plan = self.state.enter_epoch(node_id, current, previous).await?;
        info!(
            epoch = plan.epoch,
            owned = plan.owned.len(),
            gained = ?numbers(&plan.gained),
            lost = ?numbers(&plan.lost),
            "committee activated"
        );
        let view = self.state.view();
        if self.state.signing_key(&view).is_none() {
            let key = view.member().map(|member| member.public_key.to_string());
            warn!(
                epoch = plan.epoch,
                committee_key = key,
                "the node cannot sign in this epoch: the committee knows it by a key it does not have. Name the file of that \
                 key in protocol_key_pair or next_protocol_key_pair and restart the node; it keeps its shards meanwhile"
            );
        }
        self.follow_plan(&plan);
        Ok(())
    }

    /// Hands on what a plan asks for.
    pub(super) fn follow_plan(&self, plan: &EpochPlan) {
        self.shard_work.follow(plan);
        for shard in plan.delete.clone() {
            let state = self.state.clone();
            self.tasks.spawn(async move {
                match state.delete_shard(shard).await {
                    Ok(true) => info!(shard = shard.0, "deleted a shard that moved away"),
                    Ok(false) => {}
                    Err(error) => {
                        warn!(shard = shard.0, %error, "cannot delete a shard that moved away");
                    }
                }
            });
        }
    }
}

/// The node this process is: what its capability says, now or earlier. Without a capability, the
/// member of `committee` with its key, if there is one.
async fn who_am_i(
    state: &NodeState,
    chain: &dyn ChainView,
    committee: &Committee,
) -> Result<Option<ObjectId>, EventError> {
    if let Some(known) = state.view().node_id {
        return Ok(Some(known));
    }
    if let Some(registration) = chain.registration().await? {
        return Ok(Some(registration.node_id));
    }
    Ok(state.keys().member_of(committee))
}

fn numbers(shards: &[ShardIndex]) -> Vec<u16> {
    shards.iter().map(|shard| shard.0).collect()
}
