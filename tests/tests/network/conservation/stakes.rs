//! Stakers.

use rand::Rng as _;
use walrus_core::{ObjectId, SuiAddress};

use crate::conservation::world::{WAL, World};

impl World {
    pub(crate) fn stake(&mut self) {
        let (account, node) = (self.user(), self.node().id);
        let mut amount = self.amount(20_000 * WAL);
        if amount < WAL && self.rng.gen_bool(0.7) {
            amount += WAL;
        }
        self.stake_with(account, node, amount);
    }

    pub(crate) fn stake_with(&mut self, account: SuiAddress, node: ObjectId, amount: u64) {
        let expected = self.model.stake(node, amount);
        let found = self.walrus.stake(account, node, amount);
        if let Some((object, stake)) = self.agreed("stake", expected, found) {
            self.spend(account, amount);
            self.stakes.push((account, object, stake));
        }
    }

    /// Index of a random stake.
    fn some_stake(&mut self) -> Option<usize> {
        let count = self.stakes.len();
        (count > 0).then(|| self.rng.gen_range(0..count))
    }

    pub(crate) fn request_withdrawal(&mut self) {
        let Some(index) = self.some_stake() else {
            return;
        };
        let (account, object, mut stake) = self.stakes[index];
        let expected = self.model.request_withdrawal(&mut stake);
        let staking = self.walrus.ids.staking;
        let done = self.agree("request", expected, account, |ptb| {
            let arguments = [ptb.object(staking), ptb.object(object)];
            ptb.call("walrus::staking::request_withdraw_stake", &arguments);
        });
        if done.is_some() {
            self.stakes[index].2 = stake;
        }
    }

    pub(crate) fn withdraw(&mut self) {
        let Some(index) = self.some_stake() else {
            return;
        };
        let (account, object, stake) = self.stakes[index];
        let expected = self.model.withdraw(&stake);
        let (staking, coin) = (self.walrus.ids.staking, self.walrus.wal_coin(account));
        let done = self.agree("withdraw", expected, account, |ptb| {
            let arguments = [ptb.object(staking), ptb.object(object)];
            let paid = ptb.call("walrus::staking::withdraw_stake", &arguments);
            let coin = ptb.object(coin);
            ptb.merge(coin, &[paid]);
        });
        if let Some((_, paid)) = done {
            self.earn(account, paid);
            self.stakes.swap_remove(index);
        }
    }

    pub(crate) fn split_stake(&mut self) {
        let Some(index) = self.some_stake() else {
            return;
        };
        let (account, object, mut stake) = self.stakes[index];
        let amount = self.rng.gen_range(0..=stake.principal + WAL);
        let expected = stake.split(amount);
        let done = self.agree("split", expected, account, |ptb| {
            let arguments = [ptb.object(object), ptb.pure(&amount)];
            let part = ptb.call("walrus::staked_wal::split", &arguments);
            ptb.transfer(&[part], account);
        });
        if let Some((receipt, part)) = done {
            self.stakes[index].2 = stake;
            let object = receipt.only("staked_wal", "StakedWal");
            self.stakes.push((account, object, part));
        }
    }

    pub(crate) fn join_stakes(&mut self) {
        // Mostly two that fit.
        let count = self.stakes.len();
        let pairs = || (0..count).flat_map(|first| (0..count).map(move |second| (first, second)));
        let same_owner = |(first, second): &(usize, usize)| {
            first != second && self.stakes[*first].0 == self.stakes[*second].0
        };
        let fits = |(first, second): &(usize, usize)| {
            let mut joined = self.stakes[*first].2;
            joined.join(self.stakes[*second].2).is_ok()
        };
        let fitting = pairs().find(|pair| same_owner(pair) && fits(pair));
        let Some((first, second)) = fitting.or_else(|| pairs().find(same_owner)) else {
            return;
        };
        let (account, object, mut stake) = self.stakes[first];
        let (_, other_object, other) = self.stakes[second];
        let expected = stake.join(other);
        let done = self.agree("join", expected, account, |ptb| {
            let arguments = [ptb.object(object), ptb.object(other_object)];
            ptb.call("walrus::staked_wal::join", &arguments);
        });
        if done.is_some() {
            self.stakes[first].2 = stake;
            self.stakes.swap_remove(second);
        }
    }
}
