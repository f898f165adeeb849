/// What a share of a staking pool is worth.
module walrus::pool_exchange_rate;

// === Errors ===

/// A share is never worth less than 1 FROST.
const EInvalidRate: u64 = 0;

// === Structs ===

/// Exchange rate between WAL (in FROST) and shares.
public enum PoolExchangeRate has copy, drop, store {
    /// One share is worth 1 FROST.
    Flat,
    /// `share_amount` shares are worth `wal_amount` FROST.
    Variable { wal_amount: u128, share_amount: u128 },
}

// === Package functions ===

/// The rate 1:1.
public(package) fun flat(): PoolExchangeRate {
    PoolExchangeRate::Flat
}

/// The rate of a pool with this balance and number of shares; flat if one of them is 0.
public(package) fun new(wal_amount: u64, share_amount: u64): PoolExchangeRate {
    if (wal_amount == 0 || share_amount == 0) return PoolExchangeRate::Flat;
    assert!(share_amount <= wal_amount, EInvalidRate);
    PoolExchangeRate::Variable {
        wal_amount: wal_amount as u128,
        share_amount: share_amount as u128,
    }
}

/// What shares are worth, in FROST, rounded down.
public(package) fun convert_to_wal_amount(self: &PoolExchangeRate, shares: u64): u64 {
    match (self) {
        PoolExchangeRate::Flat => shares,
        PoolExchangeRate::Variable { wal_amount, share_amount } => {
            ((shares as u128) * *wal_amount / *share_amount) as u64
        },
    }
}

/// How many shares an amount buys, rounded down.
public(package) fun convert_to_share_amount(self: &PoolExchangeRate, amount: u64): u64 {
    match (self) {
        PoolExchangeRate::Flat => amount,
        PoolExchangeRate::Variable { wal_amount, share_amount } => {
            ((amount as u128) * *share_amount / *wal_amount) as u64
        },
    }
}
