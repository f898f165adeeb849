#[test_only]
/// Staking pools for tests, and the situations they can be in.
module walrus::test_pool;

use sui::balance;
use walrus::auth;
use walrus::staked_wal::StakedWal;
use walrus::staking_pool::{Self, StakingPool};
use walrus::walrus_context::{Self, WalrusContext};

/// Votes not ended, node in the committee.
public fun before(epoch: u32): WalrusContext {
    walrus_context::new(epoch, false, true, false)
}

/// Votes ended, node in both committees.
public fun after(epoch: u32): WalrusContext {
    walrus_context::new(epoch, true, true, true)
}

/// Votes ended, node in the current committee but not in the next.
public fun leaving(epoch: u32): WalrusContext {
    walrus_context::new(epoch, true, true, false)
}

/// Votes ended, node in the next committee but not in the current one.
public fun joining(epoch: u32): WalrusContext {
    walrus_context::new(epoch, true, false, true)
}

/// Node in no committee.
public fun outside(epoch: u32): WalrusContext {
    walrus_context::new(epoch, false, false, false)
}

/// A pool that was created in an epoch, before the votes ended. Its commission goes to the sender.
public fun new(commission_rate: u16, epoch: u32): StakingPool {
    staking_pool::new_for_testing(
        b"node".to_string(),
        b"localhost:9185".to_string(),
        vector::tabulate!(33, |_| 2),
        commission_rate,
        0,
        0,
        0,
        &outside(epoch),
        &mut tx_context::dummy(),
    )
}

/// Stakes an amount.
public fun stake(pool: &mut StakingPool, amount: u64, wctx: WalrusContext): StakedWal {
    pool.stake(balance::create_for_testing(amount), &wctx, &mut tx_context::dummy())
}

/// Moves the pool to an epoch, with rewards.
public fun advance(pool: &mut StakingPool, epoch: u32, reward: u64) {
    pool.advance_epoch(balance::create_for_testing(reward), epoch);
}

/// Withdraws a stake; returns what is paid out.
public fun withdraw(pool: &mut StakingPool, staked_wal: StakedWal, wctx: WalrusContext): u64 {
    pool.withdraw_stake(staked_wal, &wctx).destroy_for_testing()
}

/// Collects the commission as the sender; returns what is paid out.
public fun collect(pool: &mut StakingPool): u64 {
    let sender = auth::authenticate_sender(&tx_context::dummy());
    pool.collect_commission(sender).destroy_for_testing()
}
