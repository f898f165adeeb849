//! The pool of a node: stake, shares, rewards and commission.

use std::collections::BTreeMap;

use walrus_core::ObjectId;

use super::{Rate, Refused};

/// Smallest stake, in FROST.
const STAKE_MIN: u64 = 1_000_000_000;
/// 100%, in hundredths of a percent.
const RATE_MAX: u16 = 10_000;

const ZERO_STAKE: Refused = Refused("staking_pool", 7);
const NOT_STAKED: Refused = Refused("staking_pool", 8);
const NOT_WITHDRAWING: Refused = Refused("staking_pool", 10);
const WITHDRAW_EPOCH_NOT_REACHED: Refused = Refused("staking_pool", 11);
const ACTIVATION_EPOCH_NOT_REACHED: Refused = Refused("staking_pool", 12);
const WITHDRAW_DIRECTLY: Refused = Refused("staking_pool", 13);
const COMMISSION_TOO_HIGH: Refused = Refused("staking_pool", 14);
const ZERO_SHARES: Refused = Refused("staking_pool", 18);
const MISMATCH: Refused = Refused("staked_wal", 1);
const INVALID_AMOUNT: Refused = Refused("staked_wal", 2);
const STAKE_TOO_SMALL: Refused = Refused("staked_wal", 7);

/// Where a node stands when something is done to its pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The current epoch.
    pub epoch: u32,
    /// Whether the next committee is chosen.
    pub selected: bool,
    /// Whether the node is in the current committee.
    pub current: bool,
    /// Whether it is in the next one, as far as that is chosen.
    pub next: bool,
}

/// Stake with a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stake {
    /// The node.
    pub node: ObjectId,
    /// FROST.
    pub principal: u64,
    /// First epoch in which it earns rewards.
    pub activation: u32,
    /// Epoch from which on it can be withdrawn, once that was requested.
    pub withdrawal: Option<u32>,
}

/// A pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// First epoch of the pool.
    pub activation: u32,
    /// Epoch up to which the balances are computed.
    pub latest: u32,
    /// Active stake with its rewards, in FROST.
    pub balance: u64,
    /// Its shares.
    pub shares: u64,
    /// Epoch → principal that becomes active.
    pub pending_stake: BTreeMap<u32, u64>,
    /// Epoch → shares that leave.
    pub leaving_shares: BTreeMap<u32, u64>,
    /// Epoch → principal that leaves and was not active when that was requested.
    pub leaving_early: BTreeMap<u32, u64>,
    /// Epoch → commission rate from then on.
    pub pending_rates: BTreeMap<u32, u16>,
    /// In hundredths of a percent.
    pub commission_rate: u16,
    /// Epoch → exchange rate.
    pub rates: BTreeMap<u32, Rate>,
    /// Rewards not withdrawn, in FROST.
    pub rewards: u64,
    /// Commission not collected, in FROST.
    pub commission: u64,
    /// The part of it that cannot be collected yet.
    pub blocked: u64,
    /// Vote for the price of storage.
    pub storage_price: u64,
    /// Vote for the price of writing.
    pub write_price: u64,
    /// What the node can store, in bytes.
    pub capacity: u64,
}

impl Stake {
    /// Whether it can leave at once, with nothing but its principal: no committee counts on it.
    pub fn is_early(&self, standing: Standing) -> bool {
        self.withdrawal.is_none()
            && (self.activation == standing.epoch + 2
                || self.activation == standing.epoch + 1 && !standing.next)
    }

    /// Takes a part away.
    ///
    /// # Errors
    ///
    /// When one of the parts would be too small.
    pub fn split(&mut self, amount: u64) -> Result<Self, Refused> {
        if amount >= self.principal {
            return Err(INVALID_AMOUNT);
        }
        if amount < STAKE_MIN || self.principal - amount < STAKE_MIN {
            return Err(STAKE_TOO_SMALL);
        }
        self.principal -= amount;
        Ok(Self {
            principal: amount,
            ..*self
        })
    }

    /// Adds another stake.
    ///
    /// # Errors
    ///
    /// When it differs in anything but the amount.
    pub fn join(&mut self, other: Self) -> Result<(), Refused> {
        let same = Self {
            principal: self.principal,
            ..other
        };
        if same != *self {
            return Err(MISMATCH);
        }
        self.principal += other.principal;
        Ok(())
    }
}

impl Pool {
    /// The pool of a node that registers.
    ///
    /// # Errors
    ///
    /// When the commission rate is above 100%.
    pub fn new(standing: Standing, commission_rate: u16) -> Result<Self, Refused> {
        if commission_rate > RATE_MAX {
            return Err(COMMISSION_TOO_HIGH);
        }
        let activation = standing.epoch + u32::from(standing.selected);
        Ok(Self {
            activation,
            latest: standing.epoch,
            balance: 0,
            shares: 0,
            pending_stake: BTreeMap::new(),
            leaving_shares: BTreeMap::new(),
            leaving_early: BTreeMap::new(),
            pending_rates: BTreeMap::new(),
            commission_rate,
            rates: BTreeMap::from([(activation, Rate::FLAT)]),
            rewards: 0,
            commission: 0,
            blocked: 0,
            storage_price: 0,
            write_price: 0,
            capacity: 0,
        })
    }

    /// The last rate recorded up to an epoch.
    pub fn rate_at(&self, epoch: u32) -> Rate {
        let recorded = self.rates.range(..=epoch).next_back();
        recorded.map_or(Rate::FLAT, |(_, rate)| *rate)
    }

    /// Takes stake in.
    ///
    /// # Errors
    ///
    /// When it is too small.
    pub fn stake(
        &mut self,
        node: ObjectId,
        amount: u64,
        standing: Standing,
    ) -> Result<Stake, Refused> {
        if amount == 0 {
            return Err(ZERO_STAKE);
        }
        if amount < STAKE_MIN {
            return Err(STAKE_TOO_SMALL);
        }
        let activation = standing.epoch + 1 + u32::from(standing.selected);
        *self.pending_stake.entry(activation).or_default() += amount;
        Ok(Stake {
            node,
            principal: amount,
            activation,
            withdrawal: None,
        })
    }

    /// Announces that stake leaves.
    ///
    /// # Errors
    ///
    /// When that was done already, or is not needed.
    pub fn request_withdrawal(
        &mut self,
        stake: &mut Stake,
        standing: Standing,
    ) -> Result<(), Refused> {
        if stake.withdrawal.is_some() {
            return Err(NOT_STAKED);
        }
        if stake.is_early(standing) {
            return Err(WITHDRAW_DIRECTLY);
        }
        if stake.activation > standing.epoch {
            let withdrawal = stake.activation + 1;
            *self.leaving_early.entry(withdrawal).or_default() += stake.principal;
            stake.withdrawal = Some(withdrawal);
            return Ok(());
        }
        let withdrawal = match (standing.next, standing.current) {
            (true, _) => standing.epoch + 2,
            (false, true) => standing.epoch + 1,
            (false, false) => return Err(WITHDRAW_DIRECTLY),
        };
        let shares = self.rate_at(stake.activation).to_shares(stake.principal);
        if shares == 0 {
            return Err(ZERO_SHARES);
        }
        *self.leaving_shares.entry(withdrawal).or_default() += shares;
        stake.withdrawal = Some(withdrawal);
        Ok(())
    }

    /// Pays stake out; returns principal and rewards.
    ///
    /// # Errors
    ///
    /// When it is too early, or not announced.
    ///
    /// # Panics
    ///
    /// When the stake is not of this pool.
    pub fn withdraw(&mut self, stake: &Stake, standing: Standing) -> Result<u64, Refused> {
        let Stake {
            principal,
            activation,
            ..
        } = *stake;
        let earned = if stake.is_early(standing) {
            self.unstake(activation, principal);
            0
        } else if stake.withdrawal.is_none() && !standing.current && !standing.next {
            if activation > self.latest {
                self.unstake(activation, principal);
                0
            } else {
                let shares = self.rate_at(activation).to_shares(principal);
                *self.leaving_shares.entry(standing.epoch).or_default() += shares;
                self.earned(principal, activation, standing.epoch)
            }
        } else {
            let withdrawal = stake.withdrawal.ok_or(NOT_WITHDRAWING)?;
            if withdrawal > standing.epoch {
                return Err(WITHDRAW_EPOCH_NOT_REACHED);
            }
            if activation > standing.epoch {
                return Err(ACTIVATION_EPOCH_NOT_REACHED);
            }
            self.earned(principal, activation, withdrawal)
        };
        let paid = earned.min(self.rewards);
        self.rewards -= paid;
        Ok(principal + paid)
    }

    fn unstake(&mut self, activation: u32, principal: u64) {
        let pending = self.pending_stake.get_mut(&activation);
        *pending.expect("stake of this pool is pending") -= principal;
    }

    /// What stake earned between two epochs.
    pub fn earned(&self, principal: u64, activation: u32, withdrawal: u32) -> u64 {
        let shares = self.rate_at(activation).to_shares(principal);
        self.rate_at(withdrawal)
            .to_wal(shares)
            .saturating_sub(principal)
    }

    /// The balance in an epoch that is still to come, as far as is known.
    pub fn balance_in(&self, epoch: u32) -> u64 {
        // Nobody looks further than two epochs ahead of the present one, in which every member of
        // the committee is.
        let rate = if epoch > self.latest + 2 {
            self.rate_at(self.latest)
        } else {
            Rate::of(self.balance, self.shares)
        };
        let shares = due(&self.leaving_shares, epoch).sum::<u64>() + self.early_shares(epoch);
        let stake = self.balance + due(&self.pending_stake, epoch).sum::<u64>();
        stake.saturating_sub(rate.to_wal(shares))
    }

    /// Shares of the stake that leaves one epoch after its activation.
    fn early_shares(&self, epoch: u32) -> u64 {
        let leaving = self.leaving_early.range(..=epoch);
        leaving
            .map(|(withdrawal, amount)| self.rate_at(withdrawal - 1).to_shares(*amount))
            .sum()
    }

    /// Moves the pool to the epoch that starts, with the rewards of the one that ended.
    ///
    /// # Panics
    ///
    /// When a pool without stake gets rewards, or when more would leave than there is. Whoever has
    /// shares has them at a rate at which the pool took stake in, so it gave them out: they cannot
    /// be worth more than it holds.
    pub fn advance(&mut self, epoch: u32, rewards: u64) {
        assert!(epoch > self.latest && (rewards == 0 || self.balance > 0));
        let commission = u128::from(rewards) * u128::from(self.commission_rate) / 10_000;
        let commission = u64::try_from(commission).expect("a part of the rewards");
        self.add_commission(commission, true);
        // Version 3 of the contracts: a rate set for an epoch that the pool skipped is lost.
        if let Some(rate) = self.pending_rates.get(&epoch) {
            self.commission_rate = *rate;
        }
        self.pending_rates.retain(|due, _| *due > epoch);
        // A node that is back after epochs outside the committees goes on with the rate it left
        // with.
        let is_back = rewards == 0 && epoch > self.latest + 1;
        self.rewards += rewards - commission;
        self.balance += rewards - commission;
        let rate = if is_back {
            self.rate_at(self.latest)
        } else {
            Rate::of(self.balance, self.shares)
        };
        self.latest = epoch;

        self.rates.insert(epoch, rate);
        let leaving = due(&self.leaving_shares, epoch).sum::<u64>() + self.early_shares(epoch);
        self.balance += due(&self.pending_stake, epoch).sum::<u64>();
        let remaining = self.balance.checked_sub(rate.to_wal(leaving));
        self.balance = remaining.expect("no more leaves than there is");
        self.shares = rate.to_shares(self.balance);
        for pending in [
            &mut self.pending_stake,
            &mut self.leaving_shares,
            &mut self.leaving_early,
        ] {
            pending.retain(|due, _| *due > epoch);
        }
    }

    /// Adds commission, which may have to wait until it can be collected.
    pub fn add_commission(&mut self, amount: u64, blocked: bool) {
        self.commission += amount;
        if blocked {
            self.blocked += amount;
        }
    }

    /// Pays out what can be collected.
    pub fn collect_commission(&mut self) -> u64 {
        let collected = self.commission - self.blocked;
        self.commission = self.blocked;
        collected
    }

    /// Takes all commission away.
    pub fn slash(&mut self) -> u64 {
        self.blocked = 0;
        std::mem::take(&mut self.commission)
    }

    /// Sets the commission rate from two epochs later on.
    ///
    /// # Errors
    ///
    /// When it is above 100%.
    pub fn set_next_commission(&mut self, epoch: u32, rate: u16) -> Result<(), Refused> {
        if rate > RATE_MAX {
            return Err(COMMISSION_TOO_HIGH);
        }
        self.pending_rates.insert(epoch + 2, rate);
        Ok(())
    }
}

/// The amounts that are due in an epoch.
fn due(pending: &BTreeMap<u32, u64>, epoch: u32) -> impl Iterator<Item = u64> {
    pending.range(..=epoch).map(|(_, amount)| *amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAL: u64 = 1_000_000_000;

    #[test]
    fn the_worked_example_of_the_specification_holds() {
        let node = ObjectId([1; 32]);
        let standing = |epoch, selected| Standing {
            epoch,
            selected,
            current: epoch > 4,
            next: selected,
        };
        let mut pool = Pool::new(standing(4, false), 500).unwrap();
        let mut first = pool.stake(node, 100 * WAL, standing(4, false)).unwrap();
        pool.advance(5, 0);
        pool.stake(node, 50 * WAL, standing(5, true)).unwrap();
        let expected = [
            (6, 109_500_000_000, 100_000_000_000, 500_000_000),
            (7, 169_000_000_000, 142_016_806_722, 1_000_000_000),
            (8, 178_500_000_000, 142_016_806_722, 1_500_000_000),
            (9, 55_621_301_775, 42_016_806_722, 2_000_000_000),
        ];
        for (epoch, balance, shares, commission) in expected {
            pool.advance(epoch, 10 * WAL);
            assert_eq!(
                (pool.balance, pool.shares, pool.commission),
                (balance, shares, commission)
            );
            if epoch == 7 {
                let after_selection = standing(7, true);
                pool.request_withdrawal(&mut first, after_selection)
                    .unwrap();
                assert_eq!(first.withdrawal, Some(9));
            }
        }
        assert_eq!(
            pool.withdraw(&first, standing(9, false)),
            Ok(132_378_698_225)
        );
    }
}
