//! Transactions of the chain itself: genesis and the clock.

use super::{ChainEnv, Executed, ObjectSource};
use sui_sdk_types::{Address, Transaction};

/// What the chain starts with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GenesisConfig {
    /// Time of genesis, in milliseconds since the Unix epoch; also in the Clock.
    pub timestamp_ms: u64,
    /// Coins of SUI to create: owner and balance in MIST.
    pub accounts: Vec<(Address, u64)>,
}

/// The genesis transaction: framework packages, system objects and funded coins.
pub fn genesis(config: &GenesisConfig) -> (Transaction, Executed) {
    let _ = config;
    unreachable!("not written yet")
}

/// The transaction that opens a checkpoint and sets the Clock to `timestamp_ms`.
pub fn commit_prologue(
    store: &dyn ObjectSource,
    env: &ChainEnv,
    round: u64,
    timestamp_ms: u64,
) -> (Transaction, Executed) {
    let _ = (store, env, round, timestamp_ms);
    unreachable!("not written yet")
}
