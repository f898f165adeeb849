//! Storage and blobs: reserve, register, certify, extend, delete.

use walrus_contracts::types::{Blob, Storage};
use walrus_core::{
    BlobId, EncodingType, EpochCount, Frost, NShards, ObjectId, ProtocolCertificate,
    VerifiedMetadata, params::encoded_length,
};

use super::{WalrusContract, call::Call};
use crate::{
    TransactionDigest,
    error::SuiError,
    executor::{Executed, Paid, Unrecorded},
    ptb::Ptb,
    reader::{Attributes, ContractState},
    transaction::Argument,
};

/// Blobs registered or certified by one transaction: far below the limits of Sui on inputs (2048),
/// commands (1024) and bytes (128 KiB), which the pure arguments of a certificate exhaust first.
const BLOBS_PER_TRANSACTION_MAX: usize = 100;

/// Whether the owner may delete a blob before its storage ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persistence {
    /// Stored for the whole period.
    Permanent,
    /// The owner may delete it and use the rest of its storage for other blobs.
    Deletable,
}

/// Where the storage of a new blob comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageSource {
    /// Bought for this many epochs, the current one included.
    Buy(EpochCount),
    /// A storage object the account owns; all of it goes into the blob.
    Owned(ObjectId),
}

/// A blob to register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobToRegister {
    /// Its ID.
    pub blob_id: BlobId,
    /// Root of its Merkle tree, from which the contract derives the ID again.
    pub root_hash: [u8; 32],
    /// Bytes before encoding.
    pub unencoded_length: u64,
    /// Its erasure code.
    pub encoding_type: EncodingType,
    /// Whether it can be deleted.
    pub persistence: Persistence,
    /// Where its storage comes from.
    pub storage: StorageSource,
    /// What its object is labelled with.
    pub attributes: Attributes,
}

impl BlobToRegister {
    /// The blob that `metadata` describes.
    pub fn new(
        metadata: &VerifiedMetadata,
        persistence: Persistence,
        storage: StorageSource,
    ) -> Self {
        Self {
            blob_id: *metadata.blob_id(),
            root_hash: *metadata.metadata().root_hash().as_bytes(),
            unencoded_length: metadata.unencoded_length(),
            encoding_type: metadata.metadata().encoding_type(),
            persistence,
            storage,
            attributes: Attributes::new(),
        }
    }

    /// The same with attributes.
    #[must_use]
    pub fn with_attributes(self, attributes: Attributes) -> Self {
        Self { attributes, ..self }
    }

    fn encoded_length(&self, n_shards: NShards) -> Result<u64, SuiError> {
        encoded_length(n_shards, self.unencoded_length).ok_or_else(|| {
            SuiError::InvalidInput(format!(
                "a blob of {} bytes is too large for {n_shards} shards",
                self.unencoded_length
            ))
        })
    }

    /// What the account pays for it.
    fn cost(&self, state: &ContractState) -> Result<Frost, SuiError> {
        let encoded = self.encoded_length(state.n_shards)?;
        let cost = match self.storage {
            StorageSource::Buy(epochs) => state.prices().total_cost(encoded, epochs),
            StorageSource::Owned(_) => state.prices().write_cost(encoded),
        };
        cost.ok_or_else(|| price_overflow(state))
    }
}

/// A blob registered by this account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// The blob object.
    pub blob: Blob,
    /// What it took.
    pub receipt: Receipt,
}

/// What one thing cost that a transaction did, perhaps beside others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The transaction.
    pub digest: TransactionDigest,
    /// WAL paid for this thing.
    pub cost: Frost,
    /// Its share of the gas, in MIST; negative if storage was given back. Shares add up to what the
    /// account paid.
    pub gas_mist: i128,
}

impl Receipt {
    /// The receipt for all that a transaction did.
    pub fn of(paid: &Paid) -> Self {
        Self {
            digest: paid.executed.digest,
            cost: paid.cost,
            gas_mist: paid.executed.gas_mist,
        }
    }

    /// The receipts for things that took the same part in a transaction, and paid `costs`. The
    /// first ones bear what cannot be divided.
    pub(super) fn shared(executed: &Executed, costs: &[Frost]) -> Vec<Self> {
        let count = i128::try_from(costs.len()).expect("a count fits").max(1);
        let (each, rest) = (
            executed.gas_mist.div_euclid(count),
            executed.gas_mist.rem_euclid(count),
        );
        let receipt = |(position, cost): (i128, &Frost)| Self {
            digest: executed.digest,
            cost: *cost,
            gas_mist: each + i128::from(position < rest),
        };
        (0..).zip(costs).map(receipt).collect()
    }
}

/// A blob object and the certificate that its data is stored.
#[derive(Debug, Clone)]
pub struct BlobToCertify {
    /// The blob object.
    pub object_id: ObjectId,
    /// Confirmations of a quorum.
    pub certificate: ProtocolCertificate,
}

impl Call {
    /// Registers blobs in one transaction, buying storage where asked for. The sender gets the blob
    /// objects.
    pub fn register(blobs: Vec<BlobToRegister>) -> Self {
        Self::new(move |ptb, state, sender| {
            let total = batch_cost(&blobs, state)?;
            let payment = ptb.wal(total);
            let mut objects = Vec::with_capacity(blobs.len());
            for blob in &blobs {
                objects.push(register(ptb, state, blob, payment)?);
            }
            ptb.destroy_empty_wal(payment);
            ptb.transfer(objects, sender);
            Ok(total)
        })
    }

    /// Certifies blobs in the current epoch, in one transaction.
    pub fn certify(blobs: Vec<BlobToCertify>) -> Self {
        Self::new(move |ptb, _, _| {
            for blob in &blobs {
                let bitmap = bitmap_of(&blob.certificate)?;
                certify(ptb, blob.object_id, &blob.certificate, &bitmap);
            }
            Ok(Frost(0))
        })
    }

    /// Certifies one blob with a bitmap of signers as given: bit `i` of byte `i / 8` is member `i`.
    pub fn certify_with_bitmap(blob: BlobToCertify, bitmap: Vec<u8>) -> Self {
        Self::free(move |ptb| certify(ptb, blob.object_id, &blob.certificate, &bitmap))
    }

    /// Tells everybody that a blob was encoded inconsistently.
    pub fn invalidate_blob_id(certificate: ProtocolCertificate) -> Self {
        Self::new(move |ptb, _, _| {
            let bitmap = bitmap_of(&certificate)?;
            let arguments = vec![
                ptb.system_read(),
                ptb.bytes(&certificate.signature.0),
                ptb.bytes(&bitmap),
                ptb.bytes(&certificate.serialized_message),
            ];
            ptb.call("system", "invalidate_blob_id", arguments);
            Ok(Frost(0))
        })
    }

    /// Deletes a deletable blob; the sender gets what is left of its storage.
    pub fn delete_blob(object_id: ObjectId) -> Self {
        Self::new(move |ptb, _, sender| {
            let arguments = vec![ptb.system_read(), ptb.owned(object_id)];
            let storage = ptb.call("system", "delete_blob", arguments);
            ptb.transfer(vec![storage], sender);
            Ok(Frost(0))
        })
    }

    /// Extends a certified blob by `epochs` epochs after its present end.
    pub fn extend_blob(blob: Blob, epochs: EpochCount) -> Self {
        Self::new(move |ptb, state, _| {
            check_extension(&blob, epochs, state)?;
            let cost = state
                .prices()
                .storage_cost(blob.storage.storage_size, epochs)
                .ok_or_else(|| price_overflow(state))?;
            let payment = ptb.wal(cost);
            let arguments = vec![ptb.system(), ptb.owned(blob.id), ptb.pure(&epochs), payment];
            ptb.call("system", "extend_blob", arguments);
            ptb.destroy_empty_wal(payment);
            Ok(cost)
        })
    }

    /// Buys storage that is not used for a blob yet; the sender gets it.
    pub fn reserve_space(encoded_bytes: u64, epochs: EpochCount) -> Self {
        Self::new(move |ptb, state, sender| {
            check_epochs(u64::from(epochs), state)?;
            let cost = state
                .prices()
                .storage_cost(encoded_bytes, epochs)
                .ok_or_else(|| price_overflow(state))?;
            let payment = ptb.wal(cost);
            let storage = reserve(ptb, encoded_bytes, epochs, payment);
            ptb.destroy_empty_wal(payment);
            ptb.transfer(vec![storage], sender);
            Ok(cost)
        })
    }
}

impl WalrusContract {
    /// Registers blobs, buying storage where asked for. Results are in the order of `blobs`.
    ///
    /// Many blobs take several transactions. When one fails, blobs of earlier ones stay registered:
    /// they are found among the account's blobs.
    pub async fn reserve_and_register(
        &self,
        blobs: &[BlobToRegister],
    ) -> Result<Vec<Registered>, SuiError> {
        let mut registered = Vec::with_capacity(blobs.len());
        for batch in blobs.chunks(BLOBS_PER_TRANSACTION_MAX) {
            registered.extend(self.register_batch(batch).await?);
        }
        Ok(registered)
    }

    async fn register_batch(&self, batch: &[BlobToRegister]) -> Result<Vec<Registered>, SuiError> {
        let call = Call::register(batch.to_vec());
        let executed = self.submit(&call, &Unrecorded).await?.executed;
        let state = self.reader().contract_state().await?;
        let objects = self.created_blobs(&executed).await?;
        match_blobs(batch, objects, &executed, &state)
    }

    async fn created_blobs(&self, executed: &Executed) -> Result<Vec<Blob>, SuiError> {
        let ids: Vec<_> = executed
            .created("blob", "Blob")
            .map(|object| object.id)
            .collect();
        self.reader().blobs(&ids).await
    }

    /// Certifies blobs in the current epoch.
    ///
    /// Many blobs take several transactions; one certificate that is refused fails its whole
    /// transaction.
    pub async fn certify(&self, blobs: &[BlobToCertify]) -> Result<Vec<Receipt>, SuiError> {
        let mut receipts = Vec::new();
        for batch in blobs.chunks(BLOBS_PER_TRANSACTION_MAX) {
            let call = Call::certify(batch.to_vec());
            let paid = self.submit(&call, &Unrecorded).await?;
            receipts.extend(Receipt::shared(
                &paid.executed,
                &vec![Frost(0); batch.len()],
            ));
        }
        Ok(receipts)
    }

    /// Certifies one blob with a bitmap of signers as given: bit `i` of byte `i / 8` is member `i`.
    ///
    /// [`WalrusContract::certify`] computes the bitmap; this is for those that already have one.
    pub async fn certify_with_bitmap(
        &self,
        blob: &BlobToCertify,
        bitmap: &[u8],
    ) -> Result<TransactionDigest, SuiError> {
        let call = Call::certify_with_bitmap(blob.clone(), bitmap.to_vec());
        let paid = self.submit(&call, &Unrecorded).await?;
        Ok(paid.executed.digest)
    }

    /// Tells everybody that a blob was encoded inconsistently, on the certificate of members of
    /// which at least one is correct.
    pub async fn invalidate_blob_id(
        &self,
        certificate: &ProtocolCertificate,
    ) -> Result<TransactionDigest, SuiError> {
        let call = Call::invalidate_blob_id(certificate.clone());
        let paid = self.submit(&call, &Unrecorded).await?;
        Ok(paid.executed.digest)
    }

    /// Deletes a deletable blob. What is left of its storage returns to the account as a storage
    /// object.
    pub async fn delete_blob(&self, object_id: ObjectId) -> Result<Receipt, SuiError> {
        let call = Call::delete_blob(object_id);
        Ok(Receipt::of(&self.submit(&call, &Unrecorded).await?))
    }

    /// Extends a certified blob by `epochs` epochs after its present end.
    pub async fn extend_blob(&self, blob: &Blob, epochs: EpochCount) -> Result<Receipt, SuiError> {
        let call = Call::extend_blob(blob.clone(), epochs);
        Ok(Receipt::of(&self.submit(&call, &Unrecorded).await?))
    }

    /// Buys storage that is not used for a blob yet. Returns the object and the price.
    pub async fn reserve_space(
        &self,
        encoded_bytes: u64,
        epochs: EpochCount,
    ) -> Result<(Storage, Frost), SuiError> {
        let call = Call::reserve_space(encoded_bytes, epochs);
        let paid = self.submit(&call, &Unrecorded).await?;
        let id = paid.executed.only_created("storage_resource", "Storage")?;
        let storage = self.reader().rpc().object(id).await?.decode("Storage")?;
        Ok((storage, paid.cost))
    }
}

fn batch_cost(batch: &[BlobToRegister], state: &ContractState) -> Result<Frost, SuiError> {
    batch.iter().try_fold(Frost(0), |total, blob| {
        let cost = blob.cost(state)?;
        total
            .0
            .checked_add(cost.0)
            .map(Frost)
            .ok_or_else(|| price_overflow(state))
    })
}

/// Adds the commands that register one blob; returns the blob object.
fn register(
    ptb: &mut Ptb<'_>,
    state: &ContractState,
    blob: &BlobToRegister,
    payment: Argument,
) -> Result<Argument, SuiError> {
    let storage = match blob.storage {
        StorageSource::Buy(epochs) => {
            check_epochs(u64::from(epochs), state)?;
            reserve(ptb, blob.encoded_length(state.n_shards)?, epochs, payment)
        }
        StorageSource::Owned(id) => ptb.owned(id),
    };
    let arguments = vec![
        ptb.system(),
        storage,
        ptb.raw32(blob.blob_id.0),
        ptb.raw32(blob.root_hash),
        ptb.pure(&blob.unencoded_length),
        ptb.pure(&blob.encoding_type.as_u8()),
        ptb.pure(&(blob.persistence == Persistence::Deletable)),
        payment,
    ];
    let object = ptb.call("system", "register_blob", arguments);
    insert_attributes(ptb, object, &blob.attributes);
    Ok(object)
}

fn reserve(ptb: &mut Ptb<'_>, bytes: u64, epochs: EpochCount, payment: Argument) -> Argument {
    let arguments = vec![ptb.system(), ptb.pure(&bytes), ptb.pure(&epochs), payment];
    ptb.call("system", "reserve_space", arguments)
}

fn certify(ptb: &mut Ptb<'_>, object: ObjectId, certificate: &ProtocolCertificate, bitmap: &[u8]) {
    let arguments = vec![
        ptb.system_read(),
        ptb.owned(object),
        ptb.bytes(&certificate.signature.0),
        ptb.bytes(bitmap),
        ptb.bytes(&certificate.serialized_message),
    ];
    ptb.call("system", "certify_blob", arguments);
}

/// The shortest bitmap that holds all signers: it does not depend on what we believe the committee
/// to be.
fn bitmap_of(certificate: &ProtocolCertificate) -> Result<Vec<u8>, SuiError> {
    let last = certificate.signers.iter().max();
    let members = last.map_or(0, |last| usize::from(*last) + 1);
    certificate
        .signers_bitmap(members)
        .map_err(|error| SuiError::InvalidInput(error.to_string()))
}

fn check_epochs(requested: u64, state: &ContractState) -> Result<(), SuiError> {
    let max = state.max_epochs_ahead();
    if (1..=u64::from(max)).contains(&requested) {
        Ok(())
    } else {
        Err(SuiError::InvalidEpochs { requested, max })
    }
}

pub(super) fn check_extension(
    blob: &Blob,
    epochs: EpochCount,
    state: &ContractState,
) -> Result<(), SuiError> {
    let (epoch, end_epoch) = (state.epoch(), blob.storage.end_epoch);
    if end_epoch <= epoch {
        return Err(SuiError::BlobExpired {
            object: blob.id,
            end_epoch,
            epoch,
        });
    }
    if epochs == 0 {
        return Err(SuiError::InvalidEpochs {
            requested: 0,
            max: state.max_epochs_ahead(),
        });
    }
    check_epochs(u64::from(end_epoch - epoch) + u64::from(epochs), state)
}

/// Finds the object of each blob of the batch. Equal requests get equal objects, in whatever order.
fn match_blobs(
    batch: &[BlobToRegister],
    mut objects: Vec<Blob>,
    executed: &Executed,
    state: &ContractState,
) -> Result<Vec<Registered>, SuiError> {
    let costs: Vec<Frost> = batch
        .iter()
        .map(|blob| blob.cost(state))
        .collect::<Result<_, _>>()?;
    let receipts = Receipt::shared(executed, &costs);
    batch
        .iter()
        .zip(receipts)
        .map(|(blob, receipt)| {
            let deletable = blob.persistence == Persistence::Deletable;
            let position = objects
                .iter()
                .position(|object| object.blob_id == blob.blob_id && object.deletable == deletable)
                .ok_or_else(|| SuiError::UnexpectedEffects {
                    digest: executed.digest,
                    missing: format!("it created no object for blob {}", blob.blob_id),
                })?;
            Ok(Registered {
                blob: objects.swap_remove(position),
                receipt,
            })
        })
        .collect()
}

pub(super) fn price_overflow(state: &ContractState) -> SuiError {
    if state.epoch() == 0 {
        return SuiError::InvalidInput("storage cannot be bought before epoch 1".to_owned());
    }
    let prices = state.prices();
    SuiError::InvalidInput(format!(
        "the price is larger than all WAL there is: the nodes ask {} for storing a MiB of encoded data for one epoch, and \
         {} for writing it",
        prices.storage_per_unit, prices.write_per_unit
    ))
}

/// Adds the commands that set attributes of `blob`.
pub(super) fn insert_attributes(
    ptb: &mut Ptb<'_>,
    blob: Argument,
    attributes: &[(String, String)],
) {
    for (key, value) in attributes {
        let arguments = vec![blob, ptb.pure(key), ptb.pure(value)];
        ptb.call("blob", "insert_or_update_metadata_pair", arguments);
    }
}

#[cfg(test)]
mod tests;
