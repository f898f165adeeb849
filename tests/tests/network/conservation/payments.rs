//! Who gives WAL away.

use rand::Rng as _;
use walrus_tests::{
    chain::MAX_EPOCHS_AHEAD,
    keys::{admin, pauper},
    model::{Refused, Subsidies},
};

use crate::conservation::{
    nodes::balances,
    world::{WAL, World},
};

const INVALID_EPOCHS: Refused = Refused("system_state_inner", 2);

impl World {
    /// Adds to what epochs pay to nodes: in equal parts, or with an amount for each.
    pub(crate) fn subsidise_epochs(&mut self) {
        let account = self.user();
        let epochs = self.rng.gen_range(0..MAX_EPOCHS_AHEAD + 2);
        let amount = self.amount(1000 * WAL);
        let (system, coin) = (self.walrus.ids.system, self.walrus.wal_coin(account));
        if self.rng.gen_bool(0.5) {
            let expected = self.model.accounting.subsidise(amount, epochs);
            let done = self.agree("subsidy", expected, account, |ptb| {
                let coin = ptb.object(coin);
                let part = ptb.split(coin, &[amount]);
                let arguments = [ptb.object(system), part, ptb.pure(&epochs)];
                ptb.call("walrus::system::add_subsidy", &arguments);
            });
            if done.is_some() {
                self.spend(account, amount);
            }
            return;
        }
        let amounts: Vec<_> = (0..epochs.max(1)).map(|_| self.amount(WAL)).collect();
        let expected = if epochs > MAX_EPOCHS_AHEAD {
            Err(INVALID_EPOCHS)
        } else {
            Ok(())
        };
        let wal = self.wal_type();
        let done = self.agree("subsidy per epoch", expected, account, |ptb| {
            let balances = balances(ptb, coin, &amounts, &wal);
            let arguments = [ptb.object(system), balances];
            ptb.call("walrus::system::add_per_epoch_subsidies", &arguments);
        });
        if done.is_some() {
            self.spend(account, amounts.iter().sum());
            for (epoch, amount) in (self.model.epoch..).zip(amounts) {
                self.model.accounting.pay(epoch, amount);
            }
        }
    }

    /// Funds the subsidies of package `walrus_subsidies`, and pays what is due.
    pub(crate) fn subsidise_nodes(&mut self) {
        let (object, mut subsidies) = self.subsidies.clone();
        if self.rng.gen_bool(0.6) {
            let account = self.user();
            let amount = self.amount(2000 * WAL);
            let coin = self.walrus.wal_coin(account);
            self.spend(account, amount);
            subsidies.funds += amount;
            self.agree("funds of subsidies", Ok(()), account, |ptb| {
                let coin = ptb.object(coin);
                let arguments = [ptb.object(object), ptb.split(coin, &[amount])];
                ptb.call("walrus_subsidies::walrus_subsidies::add_coin", &arguments);
            });
        }
        if self.rng.gen_bool(0.2) {
            self.bound_subsidies(&mut subsidies);
        }
        self.model.process_subsidies(&mut subsidies);
        let (staking, system) = (self.walrus.ids.staking, self.walrus.ids.system);
        self.agree("subsidies", Ok(()), pauper().address(), |ptb| {
            let arguments = [
                ptb.object(object),
                ptb.object(staking),
                ptb.object(system),
                ptb.clock(),
            ];
            ptb.call(
                "walrus_subsidies::walrus_subsidies::process_subsidies",
                &arguments,
            );
        });
        self.subsidies.1 = subsidies;
    }

    /// Bounds what usage is subsidised with in an epoch, or lifts the bound.
    fn bound_subsidies(&mut self, subsidies: &mut Subsidies) {
        let per_epoch = self.rng.gen_bool(0.7).then(|| self.amount(500 * WAL));
        subsidies.set_usage_budget(per_epoch, self.model.epoch);
        let ((object, _), cap, system) =
            (&self.subsidies, self.subsidies_cap, self.walrus.ids.system);
        let object = *object;
        self.agree("bound of subsidies", Ok(()), admin().address(), |ptb| {
            let arguments = [
                ptb.object(object),
                ptb.object(cap),
                ptb.object(system),
                ptb.pure(&per_epoch),
            ];
            ptb.call(
                "walrus_subsidies::walrus_subsidies::set_usage_budget",
                &arguments,
            );
        });
    }

    pub(crate) fn burn_wal(&mut self) {
        let account = admin().address();
        let amount = self.amount(WAL);
        let (treasury, coin) = (self.walrus.ids.treasury, self.walrus.wal_coin(account));
        self.spend(account, amount);
        self.model.supply -= amount;
        self.agree("burnt WAL", Ok(()), account, |ptb| {
            let coin = ptb.object(coin);
            let arguments = [ptb.object(treasury), ptb.split(coin, &[amount])];
            ptb.call("wal::wal::burn", &arguments);
        });
    }
}
