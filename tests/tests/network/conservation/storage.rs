//! Users who store blobs.

use rand::Rng as _;
use walrus_core::{ObjectId, SuiAddress};
use walrus_tests::{
    chain::{BlobSpec, MAX_EPOCHS_AHEAD, register_blob},
    keys::{deletable, permanent},
    model::{Accounting, Refused},
};

use crate::conservation::world::{SHARDS, WAL, World};

const NOT_CERTIFIED: Refused = Refused("blob", 0);
const NOT_DELETABLE: Refused = Refused("blob", 1);
const EXPIRED: Refused = Refused("blob", 2);
const CERTIFIED: Refused = Refused("blob", 5);

/// A blob that somebody owns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BlobEntry {
    owner: SuiAddress,
    id: ObjectId,
    spec: BlobSpec,
    /// Bytes of its storage.
    size: u64,
    end: u32,
    certified: bool,
}

/// A blob that everybody may extend.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SharedEntry {
    id: ObjectId,
    pub(crate) funds: u64,
    size: u64,
    end: u32,
    certified: bool,
}

/// What it costs to extend a blob, which must be certified and not expired.
fn extension(
    accounting: &mut Accounting,
    (size, end, certified): (u64, u32, bool),
    epochs: u32,
    budget: u64,
) -> Result<u64, Refused> {
    if !certified {
        return Err(NOT_CERTIFIED);
    }
    if end <= accounting.epoch {
        return Err(EXPIRED);
    }
    accounting.extend(size, end, epochs, budget)
}

impl World {
    pub(crate) fn blob_spec(&mut self) -> BlobSpec {
        self.next_blob += 1;
        BlobSpec {
            seed: self.next_blob,
            length: self.amount(30_000_000),
            deletable: self.rng.gen_bool(0.6),
            epochs: self.rng.gen_range(0..=MAX_EPOCHS_AHEAD + 1),
        }
    }

    pub(crate) fn register_blob(&mut self) {
        let (owner, spec) = (self.user(), self.blob_spec());
        let (epoch, budget) = (self.model.epoch, self.budget(owner));
        let size = spec.encoded_length(SHARDS);
        // Both steps are one transaction.
        let mut accounting = self.model.accounting.clone();
        let end = epoch + spec.epochs;
        let cost = accounting
            .reserve(size, epoch, end, budget)
            .and_then(|storage| {
                let write = accounting.write(size, budget - storage)?;
                Ok(storage + write)
            });
        let found = self.walrus.register_blob(owner, &spec);
        if let Some((id, cost)) = self.agreed("blob", cost, found) {
            self.model.accounting = accounting;
            self.spend(owner, cost);
            self.blobs.push(BlobEntry {
                owner,
                id,
                spec,
                size,
                end,
                certified: false,
            });
        }
    }

    /// Storage for later epochs, which is thrown away: the capacity stays sold.
    pub(crate) fn reserve_ahead(&mut self) {
        let owner = self.user();
        let epoch = self.model.epoch;
        let start = epoch + self.rng.gen_range(0..MAX_EPOCHS_AHEAD + 2) - epoch.min(1);
        let end = epoch + self.rng.gen_range(0..MAX_EPOCHS_AHEAD + 2);
        let bytes = self.amount(1 << 30);
        let budget = self.budget(owner);
        let cost = self.model.accounting.reserve(bytes, start, end, budget);
        let (system, coin) = (self.walrus.ids.system, self.walrus.wal_coin(owner));
        let done = self.agree("storage ahead", cost, owner, |ptb| {
            let arguments = [
                ptb.object(system),
                ptb.pure(&bytes),
                ptb.pure(&start),
                ptb.pure(&end),
                ptb.object(coin),
            ];
            let storage = ptb.call("walrus::system::reserve_space_for_epochs", &arguments);
            ptb.call("walrus::storage_resource::destroy", &[storage]);
        });
        if let Some((_, cost)) = done {
            self.spend(owner, cost);
        }
    }

    /// Index of a random blob, mostly one that is still stored.
    fn some_blob(&mut self) -> Option<usize> {
        let epoch = self.model.epoch;
        let indices = 0..self.blobs.len();
        let stored: Vec<_> = indices
            .clone()
            .filter(|index| self.blobs[*index].end > epoch)
            .collect();
        if stored.is_empty() || self.rng.gen_bool(0.1) {
            return (!indices.is_empty()).then(|| self.rng.gen_range(indices));
        }
        Some(stored[self.rng.gen_range(0..stored.len())])
    }

    pub(crate) fn certify_blob(&mut self) {
        let Some(index) = self.some_blob() else {
            return;
        };
        let BlobEntry {
            owner,
            id,
            spec,
            end,
            certified,
            ..
        } = self.blobs[index];
        let expected = match (certified, end <= self.model.epoch) {
            (true, _) => Err(CERTIFIED),
            (false, true) => Err(EXPIRED),
            (false, false) => Ok(()),
        };
        let body = if spec.deletable {
            deletable(spec.blob_id(), id)
        } else {
            permanent(spec.blob_id())
        };
        let certificate = self.walrus.certify(body);
        let found = self.walrus.certify_blob(owner, id, &certificate);
        if self.agreed("certificate", expected, found).is_some() {
            self.blobs[index].certified = true;
        }
    }

    pub(crate) fn extend_blob(&mut self) {
        let Some(index) = self.some_blob() else {
            return;
        };
        let blob = self.blobs[index];
        let epochs = self.rng.gen_range(0..MAX_EPOCHS_AHEAD);
        let budget = self.budget(blob.owner);
        let state = (blob.size, blob.end, blob.certified);
        let cost = extension(&mut self.model.accounting, state, epochs, budget);
        let (system, coin) = (self.walrus.ids.system, self.walrus.wal_coin(blob.owner));
        let done = self.agree("extension", cost, blob.owner, |ptb| {
            let arguments = [
                ptb.object(system),
                ptb.object(blob.id),
                ptb.pure(&epochs),
                ptb.object(coin),
            ];
            ptb.call("walrus::system::extend_blob", &arguments);
        });
        if let Some((_, cost)) = done {
            self.spend(blob.owner, cost);
            self.blobs[index].end += epochs;
        }
    }

    /// Deletes a blob and stores another of the same length in its storage.
    pub(crate) fn delete_blob(&mut self) {
        let Some(index) = self.some_blob() else {
            return;
        };
        let blob = self.blobs[index];
        let mut accounting = self.model.accounting.clone();
        let mut next = BlobSpec {
            length: blob.spec.length,
            ..self.blob_spec()
        };
        next.deletable = true;
        let cost = if !blob.spec.deletable {
            Err(NOT_DELETABLE)
        } else if blob.end <= accounting.epoch {
            Err(EXPIRED)
        } else {
            accounting.write(blob.size, self.budget(blob.owner))
        };
        let (system, coin) = (self.walrus.ids.system, self.walrus.wal_coin(blob.owner));
        let done = self.agree("deletion", cost, blob.owner, |ptb| {
            let (system, coin) = (ptb.object(system), ptb.object(coin));
            let arguments = [system, ptb.object(blob.id)];
            let storage = ptb.call("walrus::system::delete_blob", &arguments);
            let registered = register_blob(ptb, system, storage, &next, coin);
            ptb.transfer(&[registered], blob.owner);
        });
        if let Some((receipt, cost)) = done {
            self.model.accounting = accounting;
            self.spend(blob.owner, cost);
            self.blobs[index] = BlobEntry {
                id: receipt.only("blob", "Blob"),
                spec: next,
                certified: false,
                ..blob
            };
        }
    }

    pub(crate) fn burn_blob(&mut self) {
        let Some(index) = self.some_blob() else {
            return;
        };
        let blob = self.blobs.swap_remove(index);
        self.agree("burnt blob", Ok(()), blob.owner, |ptb| {
            let blob = ptb.object(blob.id);
            ptb.call("walrus::blob::burn", &[blob]);
        });
    }

    pub(crate) fn share_blob(&mut self) {
        // Mostly one that can be extended.
        let epoch = self.model.epoch;
        let blobs = self.blobs.iter();
        let certified = blobs
            .enumerate()
            .find(|(_, blob)| blob.certified && blob.end > epoch)
            .map(|(index, _)| index);
        let Some(index) = certified.or_else(|| self.some_blob()) else {
            return;
        };
        let blob = self.blobs.swap_remove(index);
        let funds = self.amount(100 * WAL);
        self.spend(blob.owner, funds);
        let coin = self.walrus.wal_coin(blob.owner);
        let (receipt, ()) = self
            .agree("shared blob", Ok(()), blob.owner, |ptb| {
                let coin = ptb.object(coin);
                let arguments = [ptb.object(blob.id), ptb.split(coin, &[funds])];
                ptb.call("walrus::shared_blob::new_funded", &arguments);
            })
            .expect("every blob can be shared");
        self.shared.push(SharedEntry {
            id: receipt.only("shared_blob", "SharedBlob"),
            funds,
            size: blob.size,
            end: blob.end,
            certified: blob.certified,
        });
    }

    /// Funds a shared blob, and extends it.
    pub(crate) fn extend_shared_blob(&mut self) {
        if self.shared.is_empty() {
            return;
        }
        let index = self.rng.gen_range(0..self.shared.len());
        let (account, amount) = (self.user(), self.amount(10 * WAL));
        let (id, coin) = (self.shared[index].id, self.walrus.wal_coin(account));
        self.spend(account, amount);
        self.shared[index].funds += amount;
        self.agree("funds of a shared blob", Ok(()), account, |ptb| {
            let coin = ptb.object(coin);
            let arguments = [ptb.object(id), ptb.split(coin, &[amount])];
            ptb.call("walrus::shared_blob::fund", &arguments);
        });

        let shared = self.shared[index];
        let epochs = self.rng.gen_range(0..MAX_EPOCHS_AHEAD);
        let state = (shared.size, shared.end, shared.certified);
        let cost = extension(&mut self.model.accounting, state, epochs, shared.funds);
        let system = self.walrus.ids.system;
        let done = self.agree("extension of a shared blob", cost, account, |ptb| {
            let arguments = [ptb.object(id), ptb.object(system), ptb.pure(&epochs)];
            ptb.call("walrus::shared_blob::extend", &arguments);
        });
        if let Some((_, cost)) = done {
            self.shared[index].funds -= cost;
            self.shared[index].end += epochs;
        }
    }
}
