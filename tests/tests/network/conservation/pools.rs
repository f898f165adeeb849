//! Users who store blobs in pools.

use rand::Rng as _;
use walrus_core::{EncodingType, ObjectId, SuiAddress};
use walrus_tests::{chain::MAX_EPOCHS_AHEAD, model::Refused};

use crate::conservation::world::{SHARDS, World};

const EXPIRED: Refused = Refused("system_state_inner", 2);
const NO_SIZE: Refused = Refused("system_state_inner", 11);
const NO_ROOM: Refused = Refused("storage_pool", 6);

/// A storage pool.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PoolEntry {
    owner: SuiAddress,
    id: ObjectId,
    size: u64,
    used: u64,
    end: u32,
}

impl World {
    pub(crate) fn create_pool(&mut self) {
        let owner = self.user();
        let size = self.amount(1 << 30);
        let epochs = self.rng.gen_range(0..MAX_EPOCHS_AHEAD + 2);
        let (epoch, budget) = (self.model.epoch, self.budget(owner));
        let cost = self
            .model
            .accounting
            .reserve(size, epoch, epoch + epochs, budget);
        let (system, coin) = (self.walrus.ids.system, self.walrus.wal_coin(owner));
        let done = self.agree("pool", cost, owner, |ptb| {
            let arguments = [
                ptb.object(system),
                ptb.pure(&size),
                ptb.pure(&epochs),
                ptb.object(coin),
            ];
            let pool = ptb.call("walrus::system::create_storage_pool", &arguments);
            ptb.transfer(&[pool], owner);
        });
        if let Some((receipt, cost)) = done {
            self.spend(owner, cost);
            self.pools.push(PoolEntry {
                owner,
                id: receipt.only("storage_pool", "StoragePool"),
                size,
                used: 0,
                end: epoch + epochs,
            });
        }
    }

    fn some_pool(&mut self) -> Option<usize> {
        let count = self.pools.len();
        (count > 0).then(|| self.rng.gen_range(0..count))
    }

    pub(crate) fn register_pooled_blob(&mut self) {
        let Some(index) = self.some_pool() else {
            return;
        };
        let pool = self.pools[index];
        let spec = self.blob_spec();
        let size = spec.encoded_length(SHARDS);
        let budget = self.budget(pool.owner);
        let cost = if pool.end <= self.model.epoch {
            Err(EXPIRED)
        } else if pool.used + size > pool.size {
            Err(NO_ROOM)
        } else {
            self.model.accounting.write(size, budget)
        };
        let (system, coin) = (self.walrus.ids.system, self.walrus.wal_coin(pool.owner));
        let done = self.agree("pooled blob", cost, pool.owner, |ptb| {
            let arguments = [
                ptb.object(system),
                ptb.object(pool.id),
                ptb.pure(&spec.blob_id().0),
                ptb.pure(&spec.root_hash()),
                ptb.pure(&spec.length),
                ptb.pure(&EncodingType::Rs2.as_u8()),
                ptb.pure(&spec.deletable),
                ptb.object(coin),
            ];
            ptb.call("walrus::system::register_pooled_blob", &arguments);
        });
        if let Some((_, cost)) = done {
            self.spend(pool.owner, cost);
            self.pools[index].used += size;
        }
    }

    /// Makes a pool larger, or lets it last longer.
    pub(crate) fn change_pool(&mut self) {
        let Some(index) = self.some_pool() else {
            return;
        };
        let pool = self.pools[index];
        let (epoch, budget) = (self.model.epoch, self.budget(pool.owner));
        let (system, coin) = (self.walrus.ids.system, self.walrus.wal_coin(pool.owner));
        let is_expired = pool.end <= epoch;
        if self.rng.gen_bool(0.5) {
            let bytes = self.amount(1 << 28);
            let cost = match (bytes, is_expired) {
                (0, _) => Err(NO_SIZE),
                (_, true) => Err(EXPIRED),
                _ => self
                    .model
                    .accounting
                    .reserve(bytes, epoch, pool.end, budget),
            };
            let done = self.agree("larger pool", cost, pool.owner, |ptb| {
                let arguments = [
                    ptb.object(system),
                    ptb.object(pool.id),
                    ptb.pure(&bytes),
                    ptb.object(coin),
                ];
                ptb.call("walrus::system::increase_storage_pool_capacity", &arguments);
            });
            if let Some((_, cost)) = done {
                self.spend(pool.owner, cost);
                self.pools[index].size += bytes;
            }
        } else {
            let epochs = self.rng.gen_range(0..MAX_EPOCHS_AHEAD);
            let cost = if is_expired {
                Err(EXPIRED)
            } else {
                self.model
                    .accounting
                    .extend(pool.size, pool.end, epochs, budget)
            };
            let done = self.agree("longer pool", cost, pool.owner, |ptb| {
                let arguments = [
                    ptb.object(system),
                    ptb.object(pool.id),
                    ptb.pure(&epochs),
                    ptb.object(coin),
                ];
                ptb.call("walrus::system::extend_storage_pool", &arguments);
            });
            if let Some((_, cost)) = done {
                self.spend(pool.owner, cost);
                self.pools[index].end += epochs;
            }
        }
    }
}
