//! Comparing a real deployment with the [`model`](crate::model), number by number.

use std::collections::BTreeMap;

use walrus_contracts::types::{
    EpochState, PendingValues, PoolExchangeRate, StakedWal, StakedWalState, StakingPool,
    SystemStateInnerV1, VecMap,
};
use walrus_core::{ObjectId, ShardIndex};

use crate::{
    chain::Walrus,
    model::{Accounting, Assignment, EpochAccount, Network, Phase, Pool, Rate, Stake},
};

/// Asserts that a deployment is what the model says: epoch, committees, candidates, accounts,
/// prices and all pools.
///
/// # Panics
///
/// When they differ.
pub fn assert_agreement(walrus: &Walrus, model: &Network) {
    let staking = walrus.staking();
    let phase = match staking.epoch_state {
        EpochState::EpochChangeSync(arrived) => Phase::Sync(arrived),
        EpochState::EpochChangeDone(at) => Phase::Done(at),
        EpochState::NextParamsSelected(since) => Phase::Selected(since),
    };
    assert_eq!((staking.epoch, phase), (model.epoch, model.phase));
    assert_eq!(assignment(&staking.previous_committee.0), model.previous);
    assert_eq!(assignment(&staking.committee.0), model.current);
    let next = staking.next_committee.map(|next| assignment(&next.0));
    assert_eq!(next, model.next);
    let candidates = walrus.active_set();
    let nodes = candidates.nodes.iter();
    let nodes: Vec<_> = nodes
        .map(|entry| (entry.node_id, entry.staked_amount))
        .collect();
    assert_eq!(nodes, model.active_set.nodes);
    assert_eq!(candidates.total_stake, model.active_set.total_stake());

    let system = walrus.system();
    let weights = system.committee.members.iter();
    let weights: Vec<_> = weights
        .map(|member| (member.node_id, usize::from(member.weight)))
        .collect();
    let expected: Vec<_> = model
        .current
        .iter()
        .map(|(node, shards)| (*node, shards.len()))
        .collect();
    assert_eq!((system.committee.epoch, weights), (model.epoch, expected));
    assert_accounting(&system, &model.accounting);
    let sizes = walrus
        .deny_list_sizes()
        .contents
        .into_iter()
        .collect::<BTreeMap<_, _>>();
    assert_eq!(sizes, model.deny_list_sizes);

    for (node, expected) in &model.pools {
        let pool = walrus.pool(*node);
        assert_pool(&pool, walrus.blocked_commission(&pool), expected);
        for (epoch, rate) in &expected.rates {
            let found = walrus.exchange_rate(&pool, *epoch).map(rate_of);
            assert_eq!(found, Some(*rate), "rate of {node} in epoch {epoch}");
        }
        assert_eq!(pool.exchange_rates.size, expected.rates.len() as u64);
    }
}

/// Asserts that what is sold and paid is what the model says, and each epoch where it is looked
/// for.
///
/// # Panics
///
/// When they differ.
pub fn assert_accounting(system: &SystemStateInnerV1, model: &Accounting) {
    let prices = (
        system.storage_price_per_unit_size,
        system.write_price_per_unit_size,
    );
    assert_eq!(prices, (model.storage_price, model.write_price));
    let used = model.account(model.epoch).used;
    assert_eq!(
        (system.total_capacity_size, system.used_capacity_size),
        (model.capacity, used)
    );
    let ring = &system.future_accounting;
    assert_eq!(
        (ring.length, ring.ring_buffer.len()),
        (model.epochs_max, model.all().len())
    );
    for (offset, expected) in (0..).zip(model.all()) {
        let position = (ring.current_index + offset) % ring.length;
        let found = &ring.ring_buffer[usize::try_from(position).expect("a small ring")];
        let account = EpochAccount {
            used: found.used_capacity,
            rewards: found.rewards_to_distribute.value,
        };
        assert_eq!((found.epoch, account), (model.epoch + offset, expected));
    }
}

/// Asserts that a pool is what the model says, recorded rates left out.
///
/// # Panics
///
/// When they differ.
pub fn assert_pool(pool: &StakingPool, blocked_commission: u64, model: &Pool) {
    assert_eq!(
        (
            pool.activation_epoch,
            pool.latest_epoch,
            pool.commission_rate
        ),
        (model.activation, model.latest, model.commission_rate)
    );
    assert_eq!(
        (pool.wal_balance, pool.num_shares),
        (model.balance, model.shares)
    );
    assert_eq!(
        (
            pool.rewards_pool.value,
            pool.commission.value,
            blocked_commission
        ),
        (model.rewards, model.commission, model.blocked)
    );
    assert_eq!(sorted(&pool.pending_stake), model.pending_stake);
    assert_eq!(sorted(&pool.pending_shares_withdraw), model.leaving_shares);
    assert_eq!(sorted(&pool.pre_active_withdrawals), model.leaving_early);
    let rates = model.pending_rates.iter();
    let rates: BTreeMap<_, u64> = rates
        .map(|(epoch, rate)| (*epoch, (*rate).into()))
        .collect();
    assert_eq!(sorted(&pool.pending_commission_rate), rates);
    let votes = &pool.voting_params;
    assert_eq!(
        (votes.storage_price, votes.write_price, votes.node_capacity),
        (model.storage_price, model.write_price, model.capacity)
    );
}

/// A recorded exchange rate in the model's form.
pub fn rate_of(rate: PoolExchangeRate) -> Rate {
    match rate {
        PoolExchangeRate::Flat => Rate::FLAT,
        PoolExchangeRate::Variable {
            wal_amount,
            share_amount,
        } => Rate {
            wal: wal_amount,
            shares: share_amount,
        },
    }
}

/// A stake object in the model's form.
pub fn stake_of(staked: &StakedWal) -> Stake {
    Stake {
        node: staked.node_id,
        principal: staked.principal.value,
        activation: staked.activation_epoch,
        withdrawal: match staked.state {
            StakedWalState::Staked => None,
            StakedWalState::Withdrawing { withdraw_epoch } => Some(withdraw_epoch),
        },
    }
}

fn assignment(committee: &VecMap<ObjectId, Vec<ShardIndex>>) -> Assignment {
    let nodes = committee.iter().map(|(node, _)| node);
    assert!(nodes.is_sorted(), "committees are in node order");
    committee
        .iter()
        .map(|(node, shards)| (*node, shards.iter().map(|shard| shard.0).collect()))
        .collect()
}

fn sorted(pending: &PendingValues) -> BTreeMap<u32, u64> {
    pending.0.iter().copied().collect()
}
