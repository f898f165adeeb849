//! Staking pools: nodes in committees, candidates, and what they earn.

use std::collections::BTreeSet;

use futures::{StreamExt as _, TryStreamExt as _};
use stdx::SaturatingFrom as _;
use sui_rpc::{
    field::{FieldMask, FieldMaskUtil as _},
    proto::sui::rpc::v2 as proto,
};
use sui_sdk_types::TypeTag;
use walrus_contracts::types::{ActiveSet, NodeMetadata, PoolExchangeRate, StakingPool};
use walrus_core::{Epoch, Frost, ObjectId};

use super::{
    ContractState, SuiReader,
    state::{dynamic_field_id, extended_field, field_value},
};
use crate::{deployment::ContractRefs, error::SuiError, ids::object_address};

/// Entries of a table on one page.
const PAGE_MAX: u32 = 500;
/// Exchange rates read at once while looking for the last one: most pools have one for every epoch,
/// so the first look nearly always hits.
const RATE_BATCHES: [u32; 3] = [1, 8, 50];

/// A node with its stake, in whatever committee it is.
#[derive(Debug, Clone, PartialEq)]
pub struct NodePool {
    /// The pool: registration, votes and stake.
    pub pool: StakingPool,
    /// Its shards in the current epoch.
    pub shards: u16,
    /// Its shards in the next epoch; `None` until the next committee is selected.
    pub shards_next: Option<u16>,
    /// The stake with which it competes for the next committee to be selected; `None` if it is not
    /// in the active set.
    pub stake_next: Option<Frost>,
}

/// Commission of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolCommission {
    /// All of it.
    pub total: Frost,
    /// What can be collected now; the rest can after the next end of voting.
    pub collectable: Frost,
}

impl SuiReader {
    /// Nodes with stake: those of the committees and of the active set; `all` adds nodes without.
    /// Ordered by stake for the next committee, then by shards, most first, then by name.
    pub async fn node_pools(&self, all: bool) -> Result<Vec<NodePool>, SuiError> {
        let state = self.contract_state().await?;
        let active = self.active_set().await?;
        let staking = &state.staking_inner;
        let committees = [Some(&staking.committee), staking.next_committee.as_ref()];
        let mut ids: BTreeSet<ObjectId> = committees
            .into_iter()
            .flatten()
            .flat_map(|committee| committee.0.iter().map(|(id, _)| *id))
            .chain(active.nodes.iter().map(|entry| entry.node_id))
            .collect();
        if all {
            ids.extend(self.pool_ids().await?);
        }
        let ids: Vec<ObjectId> = ids.into_iter().collect();
        let mut pools: Vec<NodePool> = self
            .staking_pools(&ids)
            .await?
            .into_iter()
            .map(|pool| node_pool(pool, &state, &active))
            .collect();
        pools.sort_by(|left, right| {
            let rank = |node: &NodePool| std::cmp::Reverse((node.stake_next, node.shards));
            let name = |node: &NodePool| node.pool.node_info.name.clone();
            (rank(left), name(left)).cmp(&(rank(right), name(right)))
        });
        Ok(pools)
    }

    /// The pools of nodes, in the order of `ids`; all must exist.
    pub async fn staking_pools(&self, ids: &[ObjectId]) -> Result<Vec<StakingPool>, SuiError> {
        let objects = self.rpc().objects(ids).await?;
        objects
            .iter()
            .map(|object| object.decode("StakingPool"))
            .collect()
    }

    /// The nodes from which committees are chosen.
    pub async fn active_set(&self) -> Result<ActiveSet, SuiError> {
        let state = self.contract_state().await?;
        extended_field(
            self.rpc(),
            state.original_package,
            state.staking_inner.active_set.id,
            "ActiveSet",
        )
        .await
    }

    /// What the node of `pool` says about itself.
    pub async fn node_metadata(&self, pool: &StakingPool) -> Result<NodeMetadata, SuiError> {
        let package = self.contract_state().await?.original_package;
        let field = pool.node_info.metadata.id;
        extended_field(self.rpc(), package, field, "NodeMetadata").await
    }

    /// The commission of `pool`.
    pub async fn commission(&self, pool: &StakingPool) -> Result<PoolCommission, SuiError> {
        let package = self.contract_state().await?.original_package;
        let key = ContractRefs::tag_of(
            package,
            "staking_pool",
            "NewEpochCommissionBlockedForCollection",
        );
        // The key is an empty struct: one zero byte.
        let id = dynamic_field_id(pool.extra_fields.id, &TypeTag::from(key), &0u8);
        let blocked = match self.rpc().try_objects(&[id]).await?.pop().flatten() {
            Some(field) => field_value::<u8, u64>(&field, "blocked commission")?,
            None => 0,
        };
        let total = pool.commission.value;
        Ok(PoolCommission {
            total: Frost(total),
            collectable: Frost(total.saturating_sub(blocked)),
        })
    }

    /// The rate at which shares of `pool` were worth WAL in `epoch`.
    pub async fn exchange_rate(
        &self,
        pool: &StakingPool,
        epoch: Epoch,
    ) -> Result<PoolExchangeRate, SuiError> {
        // The last recorded rate holds until the next one; before the first it is flat.
        let mut end = epoch.min(pool.latest_epoch).saturating_add(1);
        let last = RATE_BATCHES[RATE_BATCHES.len() - 1];
        for batch in RATE_BATCHES.into_iter().chain(std::iter::repeat(last)) {
            if end <= pool.activation_epoch {
                break;
            }
            let start = end.saturating_sub(batch).max(pool.activation_epoch);
            let ids: Vec<ObjectId> = (start..end)
                .map(|epoch| dynamic_field_id(pool.exchange_rates.id, &TypeTag::U32, &epoch))
                .collect();
            let found = self.rpc().try_objects(&ids).await?;
            if let Some(field) = found.into_iter().flatten().next_back() {
                return field_value::<Epoch, _>(&field, "PoolExchangeRate");
            }
            end = start;
        }
        Ok(PoolExchangeRate::Flat)
    }

    /// IDs of all nodes that ever registered.
    async fn pool_ids(&self) -> Result<Vec<ObjectId>, SuiError> {
        let table = self.contract_state().await?.staking_inner.pools.id;
        let request = proto::ListDynamicFieldsRequest::default()
            .with_parent(object_address(table).to_string())
            .with_page_size(PAGE_MAX)
            .with_read_mask(FieldMask::from_str("child_id"));
        let fields: Vec<proto::DynamicField> = self
            .rpc()
            .call("ListDynamicFields", |client| {
                client
                    .list_dynamic_fields(request.clone())
                    .boxed()
                    .try_collect()
            })
            .await?;
        fields
            .iter()
            .map(|field| {
                field
                    .child_id()
                    .parse()
                    .map_err(|error| SuiError::decode("the table of nodes", error))
            })
            .collect()
    }
}

fn node_pool(pool: StakingPool, state: &ContractState, active: &ActiveSet) -> NodePool {
    let staking = &state.staking_inner;
    let shards_of = |committee: &walrus_contracts::types::Committee| {
        let shards = committee.0.get(&pool.id).map_or(0, Vec::len);
        u16::saturating_from(shards)
    };
    NodePool {
        shards: shards_of(&staking.committee),
        shards_next: staking.next_committee.as_ref().map(shards_of),
        stake_next: active
            .nodes
            .iter()
            .find(|entry| entry.node_id == pool.id)
            .map(|entry| Frost(entry.staked_amount)),
        pool,
    }
}
