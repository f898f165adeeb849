//! The stake of an account, with what it earned and how it can leave.

use std::{cmp::Reverse, collections::BTreeMap};

use walrus_contracts::types::{StakedWal, StakedWalState, StakingPool, voting::VotingStake};
use walrus_core::{Epoch, Frost, ObjectId, SuiAddress};

use super::{GovernanceState, SuiReader};
use crate::{
    error::SuiError,
    staking::{Exit, StakePlace, StakeStatus, rewards},
};

/// A stake as its owner sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct StakeView {
    /// The object.
    pub stake: StakedWal,
    /// Name of the node it is staked with.
    pub node_name: String,
    /// Where it stands.
    pub status: StakeStatus,
    /// How it can leave.
    pub exit: Exit,
    /// Rewards so far, in FROST, up to the last epoch whose rewards are distributed. What the pool
    /// can pay may be a few FROST less.
    pub rewards: Frost,
}

impl StakeView {
    /// What was staked.
    pub fn principal(&self) -> Frost {
        Frost(self.stake.principal.value)
    }
}

/// A stake that takes part in votes, and is locked for that long.
#[derive(Debug, Clone, PartialEq)]
pub struct LockedStake {
    /// The object that holds it, a `VotingStake`.
    pub id: ObjectId,
    /// The stake as if it were free.
    pub view: StakeView,
    /// Numbers of the proposals it votes on.
    pub proposals: Vec<u64>,
    /// First epoch in which all these votes are over; `None` if it votes on nothing and only has to
    /// be unlocked.
    pub votes_end: Option<Epoch>,
}

impl SuiReader {
    /// The stake of an account that takes part in votes, in the order of [`Self::stakes`].
    pub async fn locked_stakes(
        &self,
        governance: &GovernanceState,
        owner: SuiAddress,
    ) -> Result<Vec<LockedStake>, SuiError> {
        let mut voting: BTreeMap<ObjectId, VotingStake> = BTreeMap::new();
        for stake in self.owned_voting_stake(governance, owner).await? {
            voting.insert(stake.staked_wal.id, stake);
        }
        let stakes = voting.values().map(|stake| stake.staked_wal.clone());
        let mut views = self.stake_views(stakes.collect()).await?;
        views.sort_by(|left, right| order(left).cmp(&order(right)));
        let locked = views.into_iter().filter_map(|view| {
            let stake = voting.remove(&view.stake.id)?;
            Some(LockedStake {
                id: stake.id,
                view,
                proposals: stake.votes.iter().map(|(number, _)| *number).collect(),
                votes_end: stake.votes.iter().map(|(_, end)| *end).max(),
            })
        });
        Ok(locked.collect())
    }

    /// All stake of an account, ordered by node and activation; the largest first.
    pub async fn stakes(&self, owner: SuiAddress) -> Result<Vec<StakeView>, SuiError> {
        let stakes = self.owned_stake(owner).await?;
        let mut views = self.stake_views(stakes).await?;
        views.sort_by(|left, right| order(left).cmp(&order(right)));
        Ok(views)
    }

    /// Stake objects by ID, in the order of `ids`; all must exist, whoever owns them.
    pub async fn stakes_by_id(&self, ids: &[ObjectId]) -> Result<Vec<StakeView>, SuiError> {
        let objects = self.rpc().objects(ids).await?;
        let mut stakes = Vec::with_capacity(ids.len());
        for object in objects {
            if !object.is("staked_wal", "StakedWal") {
                return Err(SuiError::unexpected_type(
                    object.id,
                    "a Walrus stake",
                    object.type_.as_ref(),
                ));
            }
            stakes.push(object.decode::<StakedWal>("StakedWal")?);
        }
        let mut views = self.stake_views(stakes).await?;
        views.sort_by_key(|view| ids.iter().position(|id| *id == view.stake.id));
        Ok(views)
    }

    async fn stake_views(&self, mut stakes: Vec<StakedWal>) -> Result<Vec<StakeView>, SuiError> {
        stakes.sort_by_key(|stake| (stake.node_id, stake.activation_epoch, stake.id));
        let mut nodes: Vec<ObjectId> = stakes.iter().map(|stake| stake.node_id).collect();
        nodes.dedup();
        let pools: BTreeMap<ObjectId, StakingPool> = self
            .staking_pools(&nodes)
            .await?
            .into_iter()
            .map(|pool| (pool.id, pool))
            .collect();
        let state = self.contract_state().await?;
        let mut views = Vec::with_capacity(stakes.len());
        for stake in stakes {
            let pool = pools
                .get(&stake.node_id)
                .ok_or(SuiError::ObjectNotFound(stake.node_id))?;
            let place = StakePlace::of(&state, stake.node_id);
            views.push(StakeView {
                node_name: pool.node_info.name.clone(),
                status: StakeStatus::of(&stake, place),
                exit: Exit::of(&stake, place),
                rewards: self.rewards_of(&stake, pool, place).await?,
                stake,
            });
        }
        Ok(views)
    }

    async fn rewards_of(
        &self,
        stake: &StakedWal,
        pool: &StakingPool,
        place: StakePlace,
    ) -> Result<Frost, SuiError> {
        let until = match stake.state {
            StakedWalState::Withdrawing { withdraw_epoch } => withdraw_epoch.min(place.epoch),
            StakedWalState::Staked => place.epoch,
        };
        if stake.activation_epoch >= until {
            return Ok(Frost(0));
        }
        let from_rate = self.exchange_rate(pool, stake.activation_epoch).await?;
        let until_rate = self.exchange_rate(pool, until).await?;
        Ok(rewards(Frost(stake.principal.value), from_rate, until_rate))
    }
}

/// How people look for stake. IDs of nodes and stake only tell apart what is equal otherwise.
fn order(view: &StakeView) -> (&str, ObjectId, Epoch, Reverse<u64>, ObjectId) {
    let stake = &view.stake;
    (
        view.node_name.as_str(),
        stake.node_id,
        stake.activation_epoch,
        Reverse(stake.principal.value),
        stake.id,
    )
}
