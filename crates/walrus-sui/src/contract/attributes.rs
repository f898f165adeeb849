//! What an owner does with blob objects: attributes, sharing, giving away, destroying.

use walrus_contracts::types::{Blob, SharedBlob};
use walrus_core::{EpochCount, Frost, ObjectId, SuiAddress};

use super::{
    WalrusContract,
    blobs::{Receipt, check_extension, insert_attributes, price_overflow},
    call::{Call, total},
};
use crate::{
    error::SuiError,
    executor::{Executed, Unrecorded},
};

/// Blobs extended by one transaction.
pub const EXTENSIONS_PER_TRANSACTION_MAX: usize = 100;
/// Blobs shared by one transaction.
const SHARES_PER_TRANSACTION_MAX: usize = 100;

/// A blob object that was made a shared blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shared {
    /// The blob object, which is inside the shared blob now.
    pub blob: ObjectId,
    /// The shared blob.
    pub object: ObjectId,
    /// What it took.
    pub receipt: Receipt,
}

impl Call {
    /// Sets attributes of an own blob object; those of the same names are replaced, others stay.
    pub fn set_attributes(blob: ObjectId, attributes: Vec<(String, String)>) -> Self {
        Self::free(move |ptb| {
            let blob = ptb.owned(blob);
            insert_attributes(ptb, blob, &attributes);
        })
    }

    /// Removes attributes of an own blob object. It fails if it has none of one of the names.
    pub fn remove_attributes(blob: ObjectId, keys: Vec<String>) -> Self {
        Self::free(move |ptb| {
            for key in &keys {
                let arguments = vec![ptb.owned(blob), ptb.pure(key)];
                ptb.call("blob", "remove_metadata_pair", arguments);
            }
        })
    }

    /// Removes all attributes of an own blob object, which must have been given some.
    pub fn take_attributes(blob: ObjectId) -> Self {
        Self::free(move |ptb| {
            let arguments = vec![ptb.owned(blob)];
            ptb.call("blob", "take_metadata", arguments);
        })
    }

    /// Makes shared blobs of own certified blob objects: everybody may extend them, nobody owns
    /// them.
    pub fn share_blobs(blobs: Vec<ObjectId>) -> Self {
        Self::free(move |ptb| {
            for blob in &blobs {
                let arguments = vec![ptb.owned(*blob)];
                ptb.call("shared_blob", "new", arguments);
            }
        })
    }

    /// Makes a shared blob of an own certified blob object, with `funds` for its extensions.
    pub fn share_blob_with_funds(blob: ObjectId, funds: Frost) -> Self {
        Self::new(move |ptb, _, _| {
            let arguments = vec![ptb.owned(blob), ptb.wal(funds)];
            ptb.call("shared_blob", "new_funded", arguments);
            Ok(funds)
        })
    }

    /// Adds WAL to the funds of a shared blob, whoever made it.
    pub fn fund_shared_blob(shared: ObjectId, funds: Frost) -> Self {
        Self::new(move |ptb, _, _| {
            let arguments = vec![ptb.shared(shared), ptb.wal(funds)];
            ptb.call("shared_blob", "fund", arguments);
            Ok(funds)
        })
    }

    /// Extends a shared blob out of its own funds.
    pub fn extend_shared_blob(shared: SharedBlob, epochs: EpochCount) -> Self {
        Self::new(move |ptb, state, _| {
            check_extension(&shared.blob, epochs, state)?;
            let size = shared.blob.storage.storage_size;
            let cost = state.prices().storage_cost(size, epochs);
            let cost = cost.ok_or_else(|| price_overflow(state))?;
            let funds = Frost(shared.funds.value);
            if funds < cost {
                return Err(SuiError::InvalidInput(format!(
                    "shared blob {} has {funds} for extensions, but {epochs} epochs cost {cost}: add WAL to its funds",
                    shared.id
                )));
            }
            let arguments = vec![ptb.shared(shared.id), ptb.system(), ptb.pure(&epochs)];
            ptb.call("shared_blob", "extend", arguments);
            // The sender pays nothing.
            Ok(Frost(0))
        })
    }

    /// Extends certified blobs in one transaction, each by its number of epochs after its present
    /// end. It is not sent if it would pay more than `cost_max`.
    pub fn extend_blobs(extensions: Vec<(Blob, EpochCount)>, cost_max: Frost) -> Self {
        Self::new(move |ptb, state, _| {
            let mut costs = Vec::with_capacity(extensions.len());
            for (blob, epochs) in &extensions {
                check_extension(blob, *epochs, state)?;
                let size = blob.storage.storage_size;
                let cost = state.prices().storage_cost(size, *epochs);
                costs.push(cost.ok_or_else(|| price_overflow(state))?);
            }
            let cost = total(costs)?;
            if cost > cost_max {
                return Err(SuiError::InvalidInput(format!(
                    "the extensions cost {cost} by now, more than the {cost_max} that may be spent"
                )));
            }
            let payment = ptb.wal(cost);
            for (blob, epochs) in &extensions {
                let arguments = vec![ptb.system(), ptb.owned(blob.id), ptb.pure(epochs), payment];
                ptb.call("system", "extend_blob", arguments);
            }
            ptb.destroy_empty_wal(payment);
            Ok(cost)
        })
    }

    /// Gives own objects to another account.
    pub fn transfer(objects: Vec<ObjectId>, to: SuiAddress) -> Self {
        Self::new(move |ptb, _, _| {
            let arguments = objects.iter().map(|id| ptb.owned(*id)).collect();
            ptb.transfer(arguments, to);
            Ok(Frost(0))
        })
    }

    /// Destroys own blob objects. The data stays with the nodes until its storage ends.
    pub fn burn_blobs(blobs: Vec<ObjectId>) -> Self {
        Self::free(move |ptb| {
            for blob in &blobs {
                let arguments = vec![ptb.owned(*blob)];
                ptb.call("blob", "burn", arguments);
            }
        })
    }
}

impl WalrusContract {
    /// Makes shared blobs of own certified blob objects. Results are in the order of `blobs`.
    ///
    /// Many blobs take several transactions. When one fails, those of earlier ones are shared.
    pub async fn share_blobs(&self, blobs: &[ObjectId]) -> Result<Vec<Shared>, SuiError> {
        let mut shared = Vec::with_capacity(blobs.len());
        for batch in blobs.chunks(SHARES_PER_TRANSACTION_MAX) {
            let call = Call::share_blobs(batch.to_vec());
            let executed = self.submit(&call, &Unrecorded).await?.executed;
            shared.extend(self.shared_by(batch, &executed).await?);
        }
        Ok(shared)
    }

    async fn shared_by(
        &self,
        blobs: &[ObjectId],
        executed: &Executed,
    ) -> Result<Vec<Shared>, SuiError> {
        let made: Vec<ObjectId> = executed
            .created("shared_blob", "SharedBlob")
            .map(|object| object.id)
            .collect();
        let made = self.reader().rpc().objects(&made).await?;
        let made: Vec<SharedBlob> = made
            .iter()
            .map(|object| object.decode("SharedBlob"))
            .collect::<Result<_, _>>()?;
        let receipts = Receipt::shared(executed, &vec![Frost(0); blobs.len()]);
        blobs
            .iter()
            .zip(receipts)
            .map(|(blob, receipt)| {
                let shared = made.iter().find(|shared| shared.blob.id == *blob);
                let shared = shared.ok_or_else(|| SuiError::UnexpectedEffects {
                    digest: executed.digest,
                    missing: format!("it made no shared blob of {blob}"),
                })?;
                Ok(Shared {
                    blob: *blob,
                    object: shared.id,
                    receipt,
                })
            })
            .collect()
    }
}
