//! Rewards on top of what users pay.

use std::collections::BTreeMap;

use walrus_core::ObjectId;

use super::{Accounting, Assignment, Refused};

const NOT_ENOUGH_FUNDS: Refused = Refused("walrus_subsidies_inner", 1);

/// Funds, rates, and what was paid already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subsidies {
    /// FROST left.
    pub funds: u64,
    /// Part of each payment for storage, in hundredths of a percent.
    pub usage_rate: u32,
    /// FROST per node and epoch.
    pub per_node: u64,
    /// FROST per shard and epoch.
    pub per_shard: u64,
    latest_epoch: u32,
    /// Epoch → payments that need no subsidy any more, subsidies included.
    settled: BTreeMap<u32, u64>,
}

impl Subsidies {
    /// Subsidies without funds. What is paid for already is settled.
    pub fn new(accounting: &Accounting, usage_rate: u32, per_node: u64, per_shard: u64) -> Self {
        let mut subsidies = Self {
            funds: 0,
            usage_rate,
            per_node,
            per_shard,
            latest_epoch: accounting.epoch.saturating_sub(1),
            settled: BTreeMap::new(),
        };
        for (epoch, account) in (accounting.epoch..).zip(accounting.all()) {
            subsidies.settled.insert(epoch, account.rewards);
        }
        subsidies
    }

    /// Pays what is due: returns the commission of each node of the previous committee, and adds the rest to the
    /// payments of the epochs.
    ///
    /// # Errors
    ///
    /// When the funds do not suffice for all of it; then nothing is paid.
    ///
    /// # Panics
    ///
    /// When an amount is more than there can be.
    pub fn process(
        &mut self,
        accounting: &mut Accounting,
        previous: &Assignment,
    ) -> Result<Vec<(ObjectId, u64)>, Refused> {
        let epoch = accounting.epoch;
        let mut commissions = Vec::new();
        let is_fixed_part_due = epoch > 0 && self.latest_epoch < epoch - 1;
        if is_fixed_part_due {
            commissions.extend(previous.iter().map(|(node, shards)| {
                let shards = u64::try_from(shards.len()).expect("few shards");
                (*node, self.per_node + shards * self.per_shard)
            }));
        }
        let usage: Vec<_> = (epoch..)
            .zip(accounting.all())
            .map(|(epoch, account)| {
                let settled = self.settled.get(&epoch).copied().unwrap_or(0);
                let new = u128::from(account.rewards - settled);
                let subsidy = new * u128::from(self.usage_rate) / 10_000;
                (epoch, u64::try_from(subsidy).expect("rates are bounded"))
            })
            .collect();
        let fixed: u64 = commissions.iter().map(|(_, amount)| amount).sum();
        let total = fixed + usage.iter().map(|(_, amount)| amount).sum::<u64>();
        if total > self.funds {
            return Err(NOT_ENOUGH_FUNDS);
        }
        self.funds -= total;
        if is_fixed_part_due {
            self.latest_epoch = epoch - 1;
        }
        self.settled.retain(|settled, _| *settled >= epoch);
        for (epoch, subsidy) in usage {
            accounting.pay(epoch, subsidy);
            self.settled
                .insert(epoch, accounting.account(epoch).rewards);
        }
        Ok(commissions)
    }
}
