//! Where a stake stands and how it can leave.

use stdx::SaturatingFrom as _;
use walrus_contracts::types::{PoolExchangeRate, StakedWal, StakedWalState};
use walrus_core::{Epoch, Frost, ObjectId};

use crate::deployment::ContractState;

/// What decides about the stake with one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StakePlace {
    /// The current epoch.
    pub epoch: Epoch,
    /// Whether the node serves in this epoch.
    pub in_committee: bool,
    /// Whether the node is selected for the next epoch; false until the next committee is selected.
    pub in_next_committee: bool,
}

impl StakePlace {
    /// The place of stake with `node`.
    pub fn of(state: &ContractState, node: ObjectId) -> Self {
        let staking = &state.staking_inner;
        let is_in =
            |committee: &walrus_contracts::types::Committee| committee.0.get(&node).is_some();
        Self {
            epoch: staking.epoch,
            in_committee: is_in(&staking.committee),
            in_next_committee: staking.next_committee.as_ref().is_some_and(is_in),
        }
    }

    fn serves(self) -> bool {
        self.in_committee || self.in_next_committee
    }
}

/// Where a stake stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StakeStatus {
    /// Counts from this epoch on.
    Pending {
        /// The epoch.
        active_from: Epoch,
    },
    /// Earns rewards.
    Active,
    /// Is active, but its node serves in no committee: it earns nothing.
    Idle,
    /// Its withdrawal is announced.
    Leaving {
        /// When it is paid out.
        payable_from: Epoch,
    },
    /// Its withdrawal was announced, and it can be taken out.
    Payable,
}

impl StakeStatus {
    /// The status of a stake.
    pub fn of(stake: &StakedWal, place: StakePlace) -> Self {
        match stake.state {
            StakedWalState::Withdrawing { withdraw_epoch } if withdraw_epoch > place.epoch => {
                Self::Leaving {
                    payable_from: withdraw_epoch,
                }
            }
            StakedWalState::Withdrawing { .. } => Self::Payable,
            StakedWalState::Staked if stake.activation_epoch > place.epoch => Self::Pending {
                active_from: stake.activation_epoch,
            },
            StakedWalState::Staked if place.serves() => Self::Active,
            StakedWalState::Staked => Self::Idle,
        }
    }
}

/// How a stake can leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It can be withdrawn now.
    Now,
    /// The withdrawal has to be announced; announced now, it is paid out from this epoch on.
    ByRequest {
        /// The epoch.
        payable_from: Epoch,
    },
    /// The withdrawal is announced; it is paid out from this epoch on.
    Requested {
        /// The epoch.
        payable_from: Epoch,
    },
}

impl Exit {
    /// How a stake can leave now.
    pub fn of(stake: &StakedWal, place: StakePlace) -> Self {
        let (activation, epoch) = (stake.activation_epoch, place.epoch);
        if let StakedWalState::Withdrawing { withdraw_epoch } = stake.state {
            return if withdraw_epoch <= epoch {
                Self::Now
            } else {
                Self::Requested {
                    payable_from: withdraw_epoch,
                }
            };
        }
        let next = epoch.saturating_add(1);
        // No committee counts on stake that becomes active after the next one, nor on stake with a
        // node that is not in it.
        let is_early = activation > next || (activation == next && !place.in_next_committee);
        if is_early || !place.serves() {
            return Self::Now;
        }
        let payable_from = if activation == next {
            activation.saturating_add(1)
        } else if place.in_next_committee {
            epoch.saturating_add(2)
        } else {
            next
        };
        Self::ByRequest { payable_from }
    }
}

/// What `principal` earned between two exchange rates of its pool: the one of the epoch in which it
/// became active, and the one of the epoch up to which it earned.
pub fn rewards(principal: Frost, from: PoolExchangeRate, until: PoolExchangeRate) -> Frost {
    let shares = match from {
        PoolExchangeRate::Flat => u128::from(principal.0),
        PoolExchangeRate::Variable {
            wal_amount,
            share_amount,
        } => scale(u128::from(principal.0), share_amount, wal_amount),
    };
    let value = match until {
        PoolExchangeRate::Flat => shares,
        PoolExchangeRate::Variable {
            wal_amount,
            share_amount,
        } => scale(shares, wal_amount, share_amount),
    };
    let rewards = value.saturating_sub(u128::from(principal.0));
    Frost(u64::saturating_from(rewards))
}

/// `value · numerator / denominator`, rounded down. Amounts on chain are below 2^64, so nothing
/// overflows.
fn scale(value: u128, numerator: u128, denominator: u128) -> u128 {
    value
        .saturating_mul(numerator)
        .checked_div(denominator)
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use walrus_contracts::types::Balance;

    use super::*;

    const EPOCH: Epoch = 10;

    fn stake(activation_epoch: Epoch, state: StakedWalState) -> StakedWal {
        StakedWal {
            id: ObjectId([1; 32]),
            state,
            node_id: ObjectId([2; 32]),
            principal: Balance { value: 1 },
            activation_epoch,
        }
    }

    fn staked(activation_epoch: Epoch) -> StakedWal {
        stake(activation_epoch, StakedWalState::Staked)
    }

    fn withdrawing(activation_epoch: Epoch, withdraw_epoch: Epoch) -> StakedWal {
        stake(
            activation_epoch,
            StakedWalState::Withdrawing { withdraw_epoch },
        )
    }

    fn place(in_committee: bool, in_next_committee: bool) -> StakePlace {
        StakePlace {
            epoch: EPOCH,
            in_committee,
            in_next_committee,
        }
    }

    /// The table "timing summary" of the contracts' behaviour.
    #[test]
    fn exits_follow_the_timing_of_the_contracts() {
        use Exit::{ByRequest, Now, Requested};
        let by_request = |payable_from| ByRequest { payable_from };
        for (stake, in_committee, in_next, exit) in [
            // Staked after the selection: active two epochs later, leaves at once.
            (staked(EPOCH + 2), true, true, Now),
            (staked(EPOCH + 2), true, false, Now),
            // Active in the next epoch: leaves at once unless the next committee counts on it.
            (staked(EPOCH + 1), true, false, Now),
            (staked(EPOCH + 1), false, false, Now),
            (staked(EPOCH + 1), true, true, by_request(EPOCH + 2)),
            (staked(EPOCH + 1), false, true, by_request(EPOCH + 2)),
            // Active: at the end of the last committee that counts on it.
            (staked(EPOCH), true, false, by_request(EPOCH + 1)),
            (staked(EPOCH), true, true, by_request(EPOCH + 2)),
            (staked(3), false, true, by_request(EPOCH + 2)),
            (staked(3), false, false, Now),
            // Announced.
            (
                withdrawing(3, EPOCH + 1),
                true,
                true,
                Requested {
                    payable_from: EPOCH + 1,
                },
            ),
            (withdrawing(3, EPOCH), true, true, Now),
            (withdrawing(3, 5), false, false, Now),
        ] {
            let found = Exit::of(&stake, place(in_committee, in_next));
            assert_eq!(found, exit, "{stake:?} {in_committee} {in_next}");
        }
    }

    #[test]
    fn status_is_told_apart() {
        let serving = place(true, false);
        assert_eq!(
            StakeStatus::of(&staked(EPOCH + 1), serving),
            StakeStatus::Pending {
                active_from: EPOCH + 1
            }
        );
        assert_eq!(
            StakeStatus::of(&staked(EPOCH), serving),
            StakeStatus::Active
        );
        assert_eq!(
            StakeStatus::of(&staked(EPOCH), place(false, false)),
            StakeStatus::Idle
        );
        assert_eq!(
            StakeStatus::of(&withdrawing(EPOCH, EPOCH + 1), serving),
            StakeStatus::Leaving {
                payable_from: EPOCH + 1
            }
        );
        assert_eq!(
            StakeStatus::of(&withdrawing(3, EPOCH), serving),
            StakeStatus::Payable
        );
    }

    /// The worked example of the contracts' economics: 100 WAL from epoch 5, requested to leave in
    /// epoch 9.
    #[test]
    fn rewards_are_those_of_the_worked_example() {
        let until = PoolExchangeRate::Variable {
            wal_amount: 188_000_000_000,
            share_amount: 142_016_806_722,
        };
        let principal = Frost(100_000_000_000);
        assert_eq!(
            rewards(principal, PoolExchangeRate::Flat, until),
            Frost(32_378_698_225)
        );
        let from = PoolExchangeRate::Variable {
            wal_amount: 119_000_000_000,
            share_amount: 100_000_000_000,
        };
        // Stake that came at a higher price has fewer shares.
        assert_eq!(
            rewards(Frost(50_000_000_000), from, until),
            Frost(5_621_301_774)
        );
        assert_eq!(rewards(principal, until, until), Frost(0));
    }
}
