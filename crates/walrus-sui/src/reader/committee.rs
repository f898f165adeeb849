//! Assembling committees: shards from the Staking object, everything else from the nodes' pools.

use std::collections::{BTreeMap, BTreeSet};

use walrus_contracts::types::{Committee as ChainCommittee, GroupElement, StakingPool, VecMap};
use walrus_core::{Epoch, Frost, NShards, NetworkPublicKey, ObjectId, ProtocolPublicKey};

use super::{ContractState, state::extended_field};
use crate::{
    committee::{Committee, CommitteeMember, Committees},
    error::SuiError,
    rpc::SuiRpc,
};

type Pools = BTreeMap<ObjectId, StakingPool>;
type Keys = BTreeMap<ObjectId, GroupElement>;

/// Reads the pools of all members and puts the committees together.
pub(super) async fn read(rpc: &SuiRpc, state: &ContractState) -> Result<Committees, SuiError> {
    let staking = &state.staking_inner;
    let all = [
        Some(&staking.committee),
        Some(&staking.previous_committee),
        staking.next_committee.as_ref(),
    ];
    let ids: BTreeSet<ObjectId> = all
        .into_iter()
        .flatten()
        .flat_map(|committee| committee.0.iter().map(|(id, _)| *id))
        .collect();
    let ids: Vec<ObjectId> = ids.into_iter().collect();
    let pools: Pools = rpc
        .objects(&ids)
        .await?
        .iter()
        .map(|object| Ok((object.id, object.decode("StakingPool")?)))
        .collect::<Result<_, SuiError>>()?;

    // Certificates of this epoch are verified with the keys captured when its committee was
    // selected, which may differ from the pools' keys.
    let current_keys = state
        .system_inner
        .committee
        .members
        .iter()
        .map(|member| (member.node_id, member.public_key.clone()))
        .collect();
    let next_keys = match &staking.next_committee {
        Some(_) => captured_keys(rpc, state).await?,
        None => Keys::new(),
    };

    let epoch = staking.epoch;
    let build =
        |committee, epoch, keys: &Keys| assemble(committee, epoch, state.n_shards, &pools, keys);
    Ok(Committees {
        epoch,
        n_shards: state.n_shards,
        epoch_state: state.epoch_state(),
        current: build(&staking.committee, epoch, &current_keys)?,
        previous: match epoch.checked_sub(1) {
            Some(previous) if !staking.previous_committee.0.is_empty() => {
                Some(build(&staking.previous_committee, previous, &Keys::new())?)
            }
            _ => None,
        },
        next: match &staking.next_committee {
            Some(next) => Some(build(next, epoch.saturating_add(1), &next_keys)?),
            None => None,
        },
    })
}

/// The keys captured for the committee of the next epoch.
async fn captured_keys(rpc: &SuiRpc, state: &ContractState) -> Result<Keys, SuiError> {
    let keys: VecMap<ObjectId, GroupElement> = extended_field(
        rpc,
        state.original_package,
        state.staking_inner.next_epoch_public_keys.id,
        "next_epoch_public_keys",
    )
    .await?;
    Ok(keys.contents.into_iter().collect())
}

fn assemble(
    committee: &ChainCommittee,
    epoch: Epoch,
    n_shards: NShards,
    pools: &Pools,
    keys: &Keys,
) -> Result<Committee, SuiError> {
    let members = committee
        .0
        .iter()
        .map(|(node_id, shards)| {
            let pool = pools
                .get(node_id)
                .ok_or(SuiError::ObjectNotFound(*node_id))?;
            let info = &pool.node_info;
            let key = keys.get(node_id).unwrap_or(&info.public_key);
            Ok(CommitteeMember {
                node_id: *node_id,
                name: info.name.clone(),
                network_address: info.network_address.clone(),
                public_key: protocol_key(*node_id, key)?,
                network_public_key: network_key(&info.network_public_key),
                shards: shards.clone(),
                stake: Frost(pool.wal_balance),
            })
        })
        .collect::<Result<_, SuiError>>()?;
    Ok(Committee {
        epoch,
        n_shards,
        members,
    })
}

/// The contract checked the point when the key was registered, so a failure means corruption.
fn protocol_key(node: ObjectId, element: &GroupElement) -> Result<ProtocolPublicKey, SuiError> {
    let what = || format!("the protocol key of node {node}");
    let bytes = element
        .to_compressed_g1()
        .ok_or_else(|| SuiError::decode(what(), "not a G1 element"))?;
    Ok(ProtocolPublicKey(bytes))
}

/// The contract does not check network keys: a bad one makes its node unreachable, not the
/// committee unreadable.
fn network_key(bytes: &[u8]) -> Option<NetworkPublicKey> {
    let key = NetworkPublicKey(bytes.try_into().ok()?);
    key.validate().ok()?;
    Some(key)
}
