//! Checkpoint 0: the framework, the system objects, and all the SUI there is.

use sui_sdk_types::Address;

use super::{
    SUI_SUPPLY,
    clock::wall_clock_ms,
    seal::{SealedAt, record, seal_block},
};
use crate::{
    execution::system::{self, GenesisConfig},
    faucet_account,
    ledger::{AppliedTransaction, Block},
};

/// Why a chain cannot begin as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenesisError {
    /// The accounts are to hold more SUI than exists.
    #[error("the genesis accounts hold more than the total supply of 10,000,000,000 SUI")]
    SupplyExceeded,
}

/// What a new chain begins with.
pub(crate) struct Genesis {
    config: GenesisConfig,
    timestamp_ms: u64,
}

impl Genesis {
    /// A chain that begins now, with `accounts` (owner and MIST) funded and the rest of the supply
    /// in the faucet.
    pub(crate) fn new(accounts: &[(Address, u64)]) -> Result<Self, GenesisError> {
        let funded = accounts
            .iter()
            .try_fold(0u64, |sum, (_, mist)| sum.checked_add(*mist))
            .ok_or(GenesisError::SupplyExceeded)?;
        let rest = SUI_SUPPLY
            .checked_sub(funded)
            .ok_or(GenesisError::SupplyExceeded)?;
        let mut accounts = accounts.to_vec();
        accounts.push((faucet_account::address(), rest));
        Ok(Self {
            config: GenesisConfig { accounts },
            timestamp_ms: wall_clock_ms(),
        })
    }

    /// The genesis checkpoint.
    pub(crate) fn block(&self) -> Block {
        let (transaction, executed) = system::genesis(&self.config);
        let sealed_at = SealedAt {
            checkpoint: 0,
            index: 0,
            timestamp_ms: self.timestamp_ms,
        };
        let record = record(transaction, Vec::new(), &executed, sealed_at);
        let applied = AppliedTransaction {
            record,
            written: executed.written,
            removed: executed.removed,
        };
        seal_block(None, self.timestamp_ms, 0, vec![applied])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gets_more_than_there_is() {
        let one = Address::new([1; 32]);
        assert!(Genesis::new(&[(one, SUI_SUPPLY)]).is_ok());
        for accounts in [
            vec![(one, SUI_SUPPLY), (one, 1)],
            vec![(one, u64::MAX), (one, u64::MAX)],
        ] {
            assert_eq!(
                Genesis::new(&accounts).err(),
                Some(GenesisError::SupplyExceeded)
            );
        }
    }
}
