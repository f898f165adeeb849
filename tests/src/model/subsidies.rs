//! Rewards on top of what users pay.

use std::collections::BTreeMap;

use walrus_core::ObjectId;

use super::{Accounting, Assignment};

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
    /// Most for usage in an epoch, the epoch in which that was touched last, and what was paid in
    /// it.
    usage_budget: Option<(u64, u32, u64)>,
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
            usage_budget: None,
            settled: BTreeMap::new(),
        };
        for (epoch, account) in (accounting.epoch..).zip(accounting.all()) {
            subsidies.settled.insert(epoch, account.rewards);
        }
        subsidies
    }

    /// Bounds what is paid for usage in each epoch from `epoch` on.
    pub fn set_usage_budget(&mut self, per_epoch: Option<u64>, epoch: u32) {
        let paid = match self.usage_budget {
            Some((_, of, paid)) if of == epoch => paid,
            _ => 0,
        };
        self.usage_budget = per_epoch.map(|per_epoch| (per_epoch, epoch, paid));
    }

    /// Pays what is due, as far as the funds go: returns the commission of each node of the
    /// previous committee, and adds the rest to the payments of the epochs.
    ///
    /// # Panics
    ///
    /// When an amount is more than there can be.
    pub fn process(
        &mut self,
        accounting: &mut Accounting,
        previous: &Assignment,
    ) -> Vec<(ObjectId, u64)> {
        let epoch = accounting.epoch;
        let commissions = if epoch > 0 && self.latest_epoch < epoch - 1 {
            self.latest_epoch = epoch - 1;
            self.fixed(previous)
        } else {
            Vec::new()
        };
        self.settled.retain(|settled, _| *settled >= epoch);
        for (epoch, subsidy) in self.usage(accounting) {
            accounting.pay(epoch, subsidy);
        }
        commissions
    }

    /// The same part of what is due for each node, rounded down.
    fn fixed(&mut self, previous: &Assignment) -> Vec<(ObjectId, u64)> {
        let due = previous.iter().map(|(node, shards)| {
            let shards = u64::try_from(shards.len()).expect("few shards");
            (*node, self.per_node + shards * self.per_shard)
        });
        let due: Vec<_> = due.collect();
        let total: u64 = due.iter().map(|(_, amount)| amount).sum();
        let funds = u128::from(self.funds.min(total));
        let part = |amount: u64| {
            let part = u128::from(amount) * funds / u128::from(total.max(1));
            u64::try_from(part).expect("a part is not more than the whole")
        };
        let paid = due.into_iter().map(|(node, amount)| (node, part(amount)));
        let paid: Vec<_> = paid.collect();
        self.funds -= paid.iter().map(|(_, amount)| amount).sum::<u64>();
        paid
    }

    /// What each epoch gets, the nearest first; the rest stays unsettled.
    fn usage(&mut self, accounting: &Accounting) -> Vec<(u32, u64)> {
        let epoch = accounting.epoch;
        let bound = self.usage_budget.map_or(u64::MAX, |(per_epoch, of, paid)| {
            let paid = if of == epoch { paid } else { 0 };
            per_epoch.saturating_sub(paid)
        });
        let mut left = self.funds.min(bound);
        let mut spent = 0;
        let mut subsidies = Vec::new();
        for (epoch, account) in (epoch..).zip(accounting.all()) {
            let settled = self.settled.entry(epoch).or_insert(0);
            let new = account.rewards - *settled;
            let due = u128::from(new) * u128::from(self.usage_rate) / 10_000;
            let due = u64::try_from(due).expect("rates are bounded");
            let subsidy = due.min(left);
            left -= subsidy;
            spent += subsidy;
            let subsidised = if subsidy == due {
                new
            } else {
                let subsidised = u128::from(subsidy) * 10_000;
                let subsidised = subsidised.div_ceil(u128::from(self.usage_rate));
                u64::try_from(subsidised).expect("it is not more than what is new")
            };
            *settled += subsidised + subsidy;
            subsidies.push((epoch, subsidy));
        }
        self.funds -= spent;
        if let Some((_, of, paid)) = &mut self.usage_budget
            && spent > 0
        {
            *paid = if *of == epoch { *paid + spent } else { spent };
            *of = epoch;
        }
        subsidies
    }
}
