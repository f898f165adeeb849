//! Reads of a deployment.

use serde::de::DeserializeOwned;
use sui_sdk_types::{Identifier, StructTag, TypeTag};
use walrus_contracts::types::{
    ActiveSet, Coin, PoolExchangeRate, Staking, StakingInnerV1, StakingPool, System,
    SystemStateInnerV1, VecMap,
};
use walrus_core::{Epoch, ObjectId, SuiAddress};
use walrus_sui::ids::object_address;

use super::{Node, Walrus};
use crate::keys::admin;

impl Walrus {
    /// Number of shards.
    pub fn n_shards(&self) -> u16 {
        self.n_shards
    }

    /// The state of System.
    ///
    /// # Panics
    ///
    /// When it cannot be read.
    pub fn system(&self) -> SystemStateInnerV1 {
        let outer: System = self.chain.read(self.ids.system);
        self.chain
            .field(self.ids.system, &TypeTag::U64, &outer.version)
            .expect("System has a state of its version")
    }

    /// The state of Staking.
    ///
    /// # Panics
    ///
    /// When it cannot be read.
    pub fn staking(&self) -> StakingInnerV1 {
        let outer: Staking = self.chain.read(self.ids.staking);
        self.chain
            .field(self.ids.staking, &TypeTag::U64, &outer.version)
            .expect("Staking has a state of its version")
    }

    /// The current epoch.
    pub fn epoch(&self) -> Epoch {
        self.staking().epoch
    }

    /// The pool of a node.
    pub fn pool(&self, node: ObjectId) -> StakingPool {
        self.chain.read(node)
    }

    /// Commission of a pool that cannot be collected yet, in FROST.
    pub fn blocked_commission(&self, pool: &StakingPool) -> u64 {
        let name = "NewEpochCommissionBlockedForCollection";
        let key = TypeTag::from(self.struct_tag("staking_pool", name));
        self.chain
            .field(pool.extra_fields.id, &key, &false)
            .unwrap_or(0)
    }

    /// The recorded exchange rate of a pool in an epoch.
    pub fn exchange_rate(&self, pool: &StakingPool, epoch: Epoch) -> Option<PoolExchangeRate> {
        self.chain
            .field(pool.exchange_rates.id, &TypeTag::U32, &epoch)
    }

    /// The candidates for the next committee.
    pub fn active_set(&self) -> ActiveSet {
        self.extended(self.staking().active_set.id)
    }

    /// Sizes of the nodes' deny lists, in bytes.
    pub fn deny_list_sizes(&self) -> VecMap<ObjectId, u64> {
        self.extended(self.system().deny_list_sizes.id)
    }

    /// The value that an `ExtendedField` holds.
    ///
    /// # Panics
    ///
    /// When it is not a `T`.
    pub fn extended<T: DeserializeOwned>(&self, id: ObjectId) -> T {
        let key = TypeTag::from(self.struct_tag("extended_field", "Key"));
        self.chain
            .field(id, &key, &false)
            .expect("an extended field has a value")
    }

    /// The nodes of the current committee, in committee order.
    ///
    /// # Panics
    ///
    /// When one of them was not registered through this value.
    pub fn members(&self) -> Vec<Node> {
        let committee = self.staking().committee.0;
        let node = |id: &ObjectId| {
            *self
                .nodes
                .iter()
                .find(|node| node.id == *id)
                .expect("known")
        };
        committee.iter().map(|(id, _)| node(id)).collect()
    }

    /// Value of a coin, in FROST.
    pub fn coin_value(&self, coin: ObjectId) -> u64 {
        self.chain.read::<Coin>(coin).balance.value
    }

    /// WAL of an account, in FROST.
    pub fn wal_balance(&self, account: SuiAddress) -> u64 {
        let coins = self.chain.owned(account, &self.coin_type());
        coins.into_iter().map(|coin| self.coin_value(coin)).sum()
    }

    /// All WAL there is, by the token's own count, in FROST.
    ///
    /// # Panics
    ///
    /// When the treasury does not answer.
    pub fn supply(&mut self) -> u64 {
        let mut ptb = self.ptb();
        let treasury = ptb.object(self.ids.treasury);
        ptb.call("wal::wal::total_supply", &[treasury]);
        self.chain
            .inspect(admin().address(), ptb)
            .expect("the supply can be read")
    }

    /// The type `module::name` of package `walrus`.
    pub fn struct_tag(&self, module: &'static str, name: &'static str) -> StructTag {
        StructTag::new(
            object_address(self.ids.package),
            Identifier::from_static(module),
            Identifier::from_static(name),
            vec![],
        )
    }
}
