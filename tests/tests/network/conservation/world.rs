//! A deployment and the model of it, with everybody who acts on them.

use std::collections::BTreeMap;

use rand::{Rng as _, rngs::StdRng, seq::SliceRandom as _};
use sui_sdk_types::TypeTag;
use walrus_contracts::packages;
use walrus_core::{ObjectId, SuiAddress};
use walrus_tests::{
    agreement::assert_agreement,
    chain::{EPOCH_MS, Failure, MAX_EPOCHS_AHEAD, Ptb, Receipt, STAKERS, Walrus},
    keys::{admin, staker},
    model::{Network, Refused, Stake, Subsidies},
};

use crate::conservation::{
    pools::PoolEntry,
    storage::{BlobEntry, SharedEntry},
};

pub(crate) const SHARDS: u16 = 61;
pub(crate) const WAL: u64 = 1_000_000_000;
/// WAL of each user at the start, in FROST.
const USER_WAL: u64 = 2_000_000 * WAL;
const FIRST_NODES: u8 = 6;

pub(crate) struct World {
    pub(crate) rng: StdRng,
    pub(crate) walrus: Walrus,
    pub(crate) model: Network,
    /// WAL in coins, by account.
    pub(crate) wallets: BTreeMap<SuiAddress, u64>,
    pub(crate) stakes: Vec<(SuiAddress, ObjectId, Stake)>,
    pub(crate) blobs: Vec<BlobEntry>,
    pub(crate) shared: Vec<SharedEntry>,
    pub(crate) pools: Vec<PoolEntry>,
    /// The object and its model.
    pub(crate) subsidies: (ObjectId, Subsidies),
    /// The capability of whoever sets the rates.
    pub(crate) subsidies_cap: ObjectId,
    pub(crate) next_blob: u64,
    /// What succeeded and what was refused, by name.
    tally: BTreeMap<&'static str, (u32, u32)>,
}

impl World {
    pub(crate) fn new(rng: StdRng) -> Self {
        let mut walrus = Walrus::deploy(SHARDS);
        let supply = walrus.supply();
        let now = walrus.chain.now_ms();
        let model = Network::new(SHARDS, MAX_EPOCHS_AHEAD, EPOCH_MS, supply, now);
        let mut wallets = BTreeMap::from([(admin().address(), supply)]);
        for index in 0..STAKERS {
            walrus.send_wal(admin().address(), staker(index).address(), USER_WAL);
            wallets.insert(staker(index).address(), USER_WAL);
            *wallets.get_mut(&admin().address()).unwrap() -= USER_WAL;
        }
        walrus.publish(packages::walrus_subsidies());
        let (usage_rate, per_node, per_shard) = (4_000, 3 * WAL + 1, WAL / 7);
        let (system, staking) = (walrus.ids.system, walrus.ids.staking);
        let created = walrus.run(admin().address(), |ptb| {
            let arguments = [
                ptb.object(system),
                ptb.object(staking),
                ptb.pure(&usage_rate),
                ptb.pure(&per_node),
                ptb.pure(&per_shard),
            ];
            let cap = ptb.call("walrus_subsidies::walrus_subsidies::new", &arguments);
            ptb.transfer(&[cap], admin().address());
        });
        let created = created.unwrap();
        let object = created.only("walrus_subsidies", "WalrusSubsidies");
        let subsidies_cap = created.only("walrus_subsidies", "AdminCap");
        let subsidies = Subsidies::new(&model.accounting, usage_rate, per_node, per_shard);
        Self {
            rng,
            walrus,
            model,
            wallets,
            stakes: Vec::new(),
            blobs: Vec::new(),
            shared: Vec::new(),
            pools: Vec::new(),
            subsidies: (object, subsidies),
            subsidies_cap,
            next_blob: 0,
            tally: BTreeMap::new(),
        }
    }

    /// The first nodes register and get stake; the first epoch starts.
    pub(crate) fn epoch_zero(&mut self) {
        for _ in 0..FIRST_NODES {
            self.register_node();
        }
        let nodes: Vec<_> = self.walrus.nodes.iter().map(|node| node.id).collect();
        for (index, node) in (0..).zip(nodes) {
            self.stake_with(
                staker(index).address(),
                node,
                (10_000 + u64::from(index)) * WAL,
            );
        }
        self.check();
        self.voting_end();
        self.change_epoch();
        self.check();
    }

    pub(crate) fn user(&mut self) -> SuiAddress {
        staker(self.rng.gen_range(0..STAKERS)).address()
    }

    pub(crate) fn node(&mut self) -> walrus_tests::chain::Node {
        *self
            .walrus
            .nodes
            .choose(&mut self.rng)
            .expect("there are nodes")
    }

    /// A number whose size is random, too.
    pub(crate) fn amount(&mut self, max: u64) -> u64 {
        let bits = self.rng.gen_range(0..=max.max(1).ilog2());
        self.rng.gen_range(0..=(1u64 << bits)).min(max)
    }

    /// Takes WAL out of an account's coins.
    pub(crate) fn spend(&mut self, account: SuiAddress, amount: u64) {
        *self.wallets.get_mut(&account).expect("the account has WAL") -= amount;
    }

    pub(crate) fn earn(&mut self, account: SuiAddress, amount: u64) {
        *self.wallets.entry(account).or_default() += amount;
    }

    /// What the account's only coin is worth.
    pub(crate) fn budget(&self, account: SuiAddress) -> u64 {
        self.wallets[&account]
    }

    /// Executes a transaction and asserts that it ends as the model says; returns its receipt if it
    /// succeeds.
    pub(crate) fn agree<T>(
        &mut self,
        what: &'static str,
        expected: Result<T, Refused>,
        sender: SuiAddress,
        commands: impl FnOnce(&mut Ptb),
    ) -> Option<(Receipt, T)> {
        let found = self.walrus.run(sender, commands);
        self.agreed(what, expected, found)
    }

    pub(crate) fn agreed<T, F>(
        &mut self,
        what: &'static str,
        expected: Result<T, Refused>,
        found: Result<F, Failure>,
    ) -> Option<(F, T)> {
        let (successes, refusals) = self.tally.entry(what).or_default();
        match (found, expected) {
            (Ok(found), Ok(expected)) => {
                *successes += 1;
                Some((found, expected))
            }
            (Err(failure), Err(Refused(module, code))) => {
                *refusals += 1;
                assert!(
                    failure.is_abort(module, code),
                    "{what}: expected {module} {code}, got {failure}"
                );
                None
            }
            (Ok(_), Err(refused)) => panic!("{what}: accepted instead of {refused:?}"),
            (Err(failure), Ok(_)) => panic!("{what}: {failure}"),
        }
    }

    pub(crate) fn advance_clock(&mut self, ms: u64) {
        self.walrus.chain.advance_clock(ms);
    }

    /// Everything that is said in `main.rs` to hold after an epoch.
    pub(crate) fn check(&mut self) {
        assert_agreement(&self.walrus, &self.model);
        let supply = self.walrus.supply();
        assert_eq!(supply, self.model.supply, "what is burnt");

        let found = self.walrus.chain.wal_by_type(&self.walrus.wal_type);
        let (_, subsidies) = &self.subsidies;
        let expected = [
            ("coin::Coin", self.wallets.values().sum()),
            (
                "staked_wal::StakedWal",
                self.stakes
                    .iter()
                    .map(|(_, _, stake)| stake.principal)
                    .sum(),
            ),
            (
                "staking_pool::StakingPool",
                self.model
                    .pools
                    .values()
                    .map(|pool| pool.rewards + pool.commission)
                    .sum(),
            ),
            (
                "system_state_inner::SystemStateInnerV1",
                self.model
                    .accounting
                    .all()
                    .iter()
                    .map(|account| account.rewards)
                    .sum(),
            ),
            (
                "shared_blob::SharedBlob",
                self.shared.iter().map(|shared| shared.funds).sum(),
            ),
            (
                "walrus_subsidies_inner::WalrusSubsidiesInnerV1",
                subsidies.funds,
            ),
        ];
        let expected: BTreeMap<_, u64> = expected
            .into_iter()
            .filter(|(_, amount)| *amount > 0)
            .map(|(holder, amount)| (holder.to_owned(), amount))
            .collect();
        assert_eq!(found, expected, "who holds how much");
        assert_eq!(found.values().sum::<u64>(), supply, "to the last FROST");
        for (account, amount) in &self.wallets {
            assert_eq!(
                self.walrus.wal_balance(*account),
                *amount,
                "WAL of {account}"
            );
        }
        for (_, id, stake) in &self.stakes {
            let staked = self.walrus.chain.read(*id);
            assert_eq!(walrus_tests::agreement::stake_of(&staked), *stake);
        }
    }

    /// Asserts that the run tested something: every kind of action succeeded.
    pub(crate) fn assert_eventful(&self) {
        println!("{:#?}", self.tally);
        for (what, (successes, _)) in &self.tally {
            assert!(*successes > 0, "no {what} succeeded");
        }
    }

    pub(crate) fn wal_type(&self) -> TypeTag {
        TypeTag::from(self.walrus.wal_type.clone())
    }
}
