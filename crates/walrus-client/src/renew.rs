//! Keeping blobs: extending those that expire soon.

use walrus_contracts::types::Blob;
use walrus_core::{Epoch, EpochCount, Frost};
use walrus_sui::{
    Prices, SuiError, Unrecorded,
    contract::{Call, EXTENSIONS_PER_TRANSACTION_MAX, Receipt},
};

use crate::{client::WalrusClient, error::ClientError};

/// Which blobs are renewed, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenewalPolicy {
    /// Blobs are renewed that expire within this many epochs.
    pub within: EpochCount,
    /// Until this many epochs from now on are paid for, the current one included; at most what the
    /// network sells.
    pub epochs: EpochCount,
    /// The most to spend.
    pub cost_max: Frost,
}

/// A blob that is to be extended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewal {
    /// The blob as it is.
    pub blob: Blob,
    /// Epochs to add.
    pub epochs: EpochCount,
    /// The price.
    pub cost: Frost,
}

/// What a renewal would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RenewalPlan {
    /// Blobs to extend, those that expire first before others.
    pub renewals: Vec<Renewal>,
    /// What that costs.
    pub cost: Frost,
    /// Blobs for which the money is not enough.
    pub unaffordable: Vec<Renewal>,
}

/// What a renewal did.
#[derive(Debug, Default)]
pub struct Renewed {
    /// The blobs that were extended.
    pub renewals: Vec<Renewal>,
    /// The transactions.
    pub receipts: Vec<Receipt>,
    /// Why the rest was not extended.
    pub failure: Option<SuiError>,
}

impl Renewed {
    /// WAL paid.
    pub fn cost(&self) -> Frost {
        self.receipts.iter().map(|receipt| receipt.cost).sum()
    }

    /// Gas paid, in MIST.
    pub fn gas_mist(&self) -> i128 {
        self.receipts.iter().map(|receipt| receipt.gas_mist).sum()
    }
}

/// Decides what is renewed: certified blobs that expire soon, those first that expire first, of
/// these the cheapest, as long as the money is enough.
fn plan(
    blobs: Vec<Blob>,
    epoch: Epoch,
    epochs_ahead_max: EpochCount,
    prices: &Prices,
    policy: &RenewalPolicy,
) -> RenewalPlan {
    let target = epoch.saturating_add(policy.epochs.min(epochs_ahead_max));
    let last = epoch.saturating_add(policy.within);
    let due = |blob: &Blob| {
        let end = blob.storage.end_epoch;
        blob.certified_epoch.is_some() && end > epoch && end <= last && end < target
    };
    let mut due: Vec<Renewal> = blobs
        .into_iter()
        .filter(due)
        .map(|blob| {
            let epochs = target - blob.storage.end_epoch;
            let cost = prices.storage_cost(blob.storage.storage_size, epochs);
            Renewal {
                // A price beyond all money there is saturates.
                cost: cost.unwrap_or(Frost(u64::MAX)),
                epochs,
                blob,
            }
        })
        .collect();
    due.sort_by_key(|renewal| {
        (
            renewal.blob.storage.end_epoch,
            renewal.cost,
            renewal.blob.id,
        )
    });
    let mut plan = RenewalPlan::default();
    for renewal in due {
        match plan.cost.0.checked_add(renewal.cost.0) {
            Some(cost) if cost <= policy.cost_max.0 => {
                plan.cost = Frost(cost);
                plan.renewals.push(renewal);
            }
            _ => plan.unaffordable.push(renewal),
        }
    }
    plan
}

impl WalrusClient {
    /// What would be renewed now.
    pub async fn plan_renewal(&self, policy: &RenewalPolicy) -> Result<RenewalPlan, ClientError> {
        let owner = self.contract()?.address();
        let reader = self.reader();
        reader.refresh().await;
        let blobs = reader.owned_blobs(owner).await?;
        self.plan_renewal_of(blobs, policy).await
    }

    /// What would be renewed of these blobs, which are as the chain has them now.
    pub async fn plan_renewal_of(
        &self,
        blobs: Vec<Blob>,
        policy: &RenewalPolicy,
    ) -> Result<RenewalPlan, ClientError> {
        let reader = self.reader();
        let info = reader.epoch_info().await?;
        let prices = reader.prices().await?;
        Ok(plan(
            blobs,
            info.epoch,
            info.max_epochs_ahead,
            &prices,
            policy,
        ))
    }

    /// Carries out a plan, in as few transactions as possible. None of them pays more than what the
    /// plan says of its blobs, also if prices have risen since. What fails leaves the transactions
    /// before it done.
    pub async fn renew(&self, plan: &RenewalPlan) -> Result<Renewed, ClientError> {
        let contract = self.contract()?;
        let mut renewed = Renewed::default();
        for batch in plan.renewals.chunks(EXTENSIONS_PER_TRANSACTION_MAX) {
            let cost = batch.iter().map(|renewal| renewal.cost).sum();
            let extensions = batch
                .iter()
                .map(|renewal| (renewal.blob.clone(), renewal.epochs));
            let call = Call::extend_blobs(extensions.collect(), cost);
            match contract.submit(&call, &Unrecorded).await {
                Ok(paid) => {
                    renewed.receipts.push(Receipt::of(&paid));
                    renewed.renewals.extend_from_slice(batch);
                }
                Err(error) => {
                    renewed.failure = Some(error);
                    break;
                }
            }
        }
        Ok(renewed)
    }
}

#[cfg(test)]
mod tests {
    use walrus_contracts::types::Storage;
    use walrus_core::{BlobId, ObjectId};

    use super::*;

    const MIB: u64 = 1 << 20;

    fn blob(id: u8, certified: bool, end_epoch: Epoch, mib: u64) -> Blob {
        Blob {
            id: ObjectId([id; 32]),
            registered_epoch: 1,
            blob_id: BlobId([id; 32]),
            size: 1,
            encoding_type: 1,
            certified_epoch: certified.then_some(1),
            storage: Storage {
                id: ObjectId([id; 32]),
                start_epoch: 1,
                end_epoch,
                storage_size: mib * MIB,
            },
            deletable: true,
        }
    }

    /// IDs, epochs and prices of what is renewed in epoch 10, where a MiB costs 5 FROST for an
    /// epoch.
    fn planned(blobs: Vec<Blob>, policy: RenewalPolicy) -> (Vec<(u8, u32, u64)>, Vec<u8>) {
        let prices = Prices {
            storage_per_unit: Frost(5),
            write_per_unit: Frost(1),
        };
        let plan = plan(blobs, 10, 20, &prices, &policy);
        let total: Frost = plan.renewals.iter().map(|renewal| renewal.cost).sum();
        assert_eq!(total, plan.cost);
        assert!(plan.cost <= policy.cost_max);
        (
            plan.renewals
                .iter()
                .map(|one| (one.blob.id.0[0], one.epochs, one.cost.0))
                .collect(),
            plan.unaffordable
                .iter()
                .map(|one| one.blob.id.0[0])
                .collect(),
        )
    }

    const POLICY: RenewalPolicy = RenewalPolicy {
        within: 3,
        epochs: 8,
        cost_max: Frost(1000),
    };

    #[test]
    fn what_expires_soon_is_extended_to_the_same_epoch() {
        let blobs = vec![
            blob(1, true, 13, 1),
            blob(2, true, 11, 1),
            // Later, too late, not certified.
            blob(3, true, 14, 1),
            blob(4, true, 10, 1),
            blob(5, false, 11, 1),
        ];
        assert_eq!(
            planned(blobs, POLICY),
            (vec![(2, 7, 35), (1, 5, 25)], vec![])
        );
    }

    #[test]
    fn no_more_is_bought_than_the_network_sells() {
        let policy = RenewalPolicy {
            epochs: 100,
            ..POLICY
        };
        assert_eq!(planned(vec![blob(1, true, 12, 1)], policy).0, [(1, 18, 90)]);
        // What lasts as long already is left alone.
        let policy = RenewalPolicy {
            within: 50,
            epochs: 2,
            ..POLICY
        };
        assert_eq!(planned(vec![blob(1, true, 12, 1)], policy).0, []);
    }

    #[test]
    fn money_goes_to_what_expires_first_and_is_never_exceeded() {
        let blobs = vec![
            blob(1, true, 12, 1),
            blob(2, true, 11, 3),
            blob(3, true, 11, 1),
            blob(4, true, 13, 1),
        ];
        let policy = RenewalPolicy {
            cost_max: Frost(95),
            ..POLICY
        };
        // 35 and 105, 30, 25: the large one is left out.
        assert_eq!(
            planned(blobs, policy),
            (vec![(3, 7, 35), (1, 6, 30), (4, 5, 25)], vec![2])
        );
        let nothing = RenewalPolicy {
            cost_max: Frost(0),
            ..POLICY
        };
        assert_eq!(
            planned(vec![blob(1, true, 12, 1)], nothing),
            (vec![], vec![1])
        );
    }
}
