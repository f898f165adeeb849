//! Carrying out plans: transactions that register or extend, before anything is uploaded.

use std::{collections::HashMap, sync::Arc};

use walrus_contracts::types::Blob;
use walrus_core::{BlobId, EpochCount, Frost};
use walrus_sui::{
    SuiError,
    contract::{BlobToRegister, Persistence, Receipt, Registered, StorageSource},
};

use super::{
    Batch, BlobResult, Unique,
    encoded::EncodedBlob,
    outcome::{BlobError, CertifiedBy, StoreOperation, StoreOutcome, StoredBlob},
    plan::StorePlan,
};
use crate::{backoff::Waits, error::ClientError, progress::ProgressEvent};

/// A registered blob that must be uploaded and certified.
pub(crate) struct Job {
    /// Position in the batch.
    pub index: usize,
    pub blob: Arc<EncodedBlob>,
    pub object: Blob,
    pub operation: StoreOperation,
    pub cost: Frost,
    pub gas_mist: i128,
    /// Digests of the transactions so far.
    pub transactions: Vec<String>,
    /// Epochs to add once the blob is certified: the contract extends certified blobs only.
    pub extend: EpochCount,
}

impl Job {
    pub(super) fn blob_id(&self) -> BlobId {
        *self.blob.blob_id()
    }

    /// The blob as it is now.
    pub(super) fn into_stored(self, object: Blob) -> StoreOutcome {
        StoreOutcome::Stored(StoredBlob {
            object,
            operation: self.operation,
            encoded_length: self.blob.metadata().encoded_length(),
            cost: self.cost,
            gas_mist: self.gas_mist,
            transactions: self.transactions,
            shared_object: None,
        })
    }

    /// Takes note of one more transaction.
    pub(super) fn add(&mut self, receipt: &Receipt) {
        self.cost = self.cost + receipt.cost;
        self.gas_mist += receipt.gas_mist;
        self.transactions.push(receipt.digest.to_string());
    }
}

/// What registration leads to.
#[derive(Default)]
pub(crate) struct Registration {
    /// Blobs that are done, or have failed.
    pub results: HashMap<BlobId, BlobResult>,
    /// Blobs that go on.
    pub jobs: Vec<Job>,
}

/// A blob to register, and where its storage comes from.
struct NewBlob {
    item: Unique,
    storage: StorageSource,
}

impl NewBlob {
    fn operation(&self) -> StoreOperation {
        match self.storage {
            StorageSource::Buy(epochs_ahead) => StoreOperation::Bought { epochs_ahead },
            StorageSource::Owned(_) => StoreOperation::InOwnedStorage,
        }
    }
}

impl Batch<'_> {
    /// Registers what has to be registered, in as few transactions as possible, and extends what is
    /// too short.
    pub(super) async fn register(
        &self,
        plans: Vec<(Unique, StorePlan)>,
    ) -> Result<Registration, ClientError> {
        let mut registration = Registration::default();
        let mut to_register = Vec::new();
        for (item, plan) in plans {
            let blob_id = *item.blob.blob_id();
            let already = |by, end_epoch| {
                Ok(StoreOutcome::AlreadyCertified {
                    blob_id,
                    by,
                    end_epoch,
                })
            };
            let result = match plan {
                StorePlan::AlreadyCertifiedBySomebody { event, end_epoch } => {
                    already(CertifiedBy::Event(event), end_epoch)
                }
                StorePlan::AlreadyCertified { object, end_epoch } => {
                    already(CertifiedBy::Object(object), end_epoch)
                }
                StorePlan::Invalid { event } => Err(BlobError::MarkedInvalid { blob_id, event }),
                StorePlan::Extend { blob, epochs } => self.extend(&item, blob, epochs).await,
                StorePlan::Certify { blob, extend } => {
                    registration.jobs.push(Job {
                        index: item.index,
                        blob: item.blob,
                        object: blob,
                        operation: StoreOperation::Completed {
                            epochs_extended: extend,
                        },
                        cost: Frost(0),
                        gas_mist: 0,
                        transactions: Vec::new(),
                        extend,
                    });
                    continue;
                }
                StorePlan::RegisterInStorage { storage } => {
                    let storage = StorageSource::Owned(storage.id);
                    to_register.push(NewBlob { item, storage });
                    continue;
                }
                StorePlan::RegisterFromScratch => {
                    let storage = StorageSource::Buy(self.epochs_ahead);
                    to_register.push(NewBlob { item, storage });
                    continue;
                }
            };
            registration.results.insert(blob_id, result);
        }
        self.register_new(to_register, &mut registration).await?;
        Ok(registration)
    }

    /// Registers new blobs together. If the chain refuses because of some of them, the others are
    /// registered without those.
    async fn register_new(
        &self,
        blobs: Vec<NewBlob>,
        registration: &mut Registration,
    ) -> Result<(), ClientError> {
        if blobs.is_empty() {
            return Ok(());
        }
        self.progress
            .report(ProgressEvent::Registering { blobs: blobs.len() });
        let started = tokio::time::Instant::now();
        let mut groups = vec![blobs];
        let mut waits = Waits::new(
            self.client.shared.communication.committee_change_backoff,
            &self.client.shared.environment,
        );
        while let Some(mut group) = groups.pop() {
            let error = match self.send_registration(&group).await {
                Ok(registered) => {
                    registration.jobs.extend(jobs_of(group, registered));
                    continue;
                }
                Err(error) => error,
            };
            // Other commands with the same wallet use the same coins; nothing was executed.
            if matches!(error, SuiError::ObjectsInUse(_))
                && let Some(wait) = waits.next()
            {
                tokio::time::sleep(wait).await;
                groups.push(group);
                continue;
            }
            if !is_about_single_blobs(&error) {
                // What was registered before this group is not given up for it.
                if !registration.has_progress() {
                    return Err(error.into());
                }
                let cause = Arc::new(error);
                let left = groups.drain(..).flatten().chain(group);
                registration.fail(left, &cause);
                break;
            }
            if group.len() > 1 {
                let half = group.split_off(group.len() / 2);
                groups.extend([half, group]);
                continue;
            }
            match &mut group[0].storage {
                // Somebody else has used this storage meanwhile: other storage does as well.
                storage @ StorageSource::Owned(_) => {
                    tracing::debug!(%error, "owned storage cannot be used");
                    *storage = StorageSource::Buy(self.epochs_ahead);
                    groups.push(group);
                }
                StorageSource::Buy(_) => registration.fail(group, &Arc::new(error)),
            }
        }
        let cost = registration
            .jobs
            .iter()
            .fold(Frost(0), |total, job| total + job.cost);
        let blobs = registration.jobs.len();
        tracing::info!(blobs, %cost, elapsed = ?started.elapsed(), "registered");
        self.progress
            .report(ProgressEvent::Registered { blobs, cost });
        // Nodes learn of the registration from the chain; sending a moment later saves them a
        // retry.
        tokio::time::sleep(self.client.shared.communication.registration_delay).await;
        Ok(())
    }

    async fn send_registration(&self, blobs: &[NewBlob]) -> Result<Vec<Registered>, SuiError> {
        let persistence = if self.options.deletable {
            Persistence::Deletable
        } else {
            Persistence::Permanent
        };
        let requests: Vec<BlobToRegister> = blobs
            .iter()
            .map(|new| {
                BlobToRegister::new(new.item.blob.metadata(), persistence, new.storage)
                    .with_attributes(new.item.attributes.clone())
            })
            .collect();
        self.contract.reserve_and_register(&requests).await
    }

    async fn extend(&self, item: &Unique, blob: Blob, epochs_extended: EpochCount) -> BlobResult {
        self.progress
            .report(ProgressEvent::Registering { blobs: 1 });
        let extended = self.contract.extend_blob(&blob, epochs_extended).await;
        let receipt = extended.map_err(|error| BlobError::Extension {
            blob_id: blob.blob_id,
            end_epoch: blob.storage.end_epoch,
            cause: Arc::new(error),
        })?;
        let cost = receipt.cost;
        self.progress
            .report(ProgressEvent::Registered { blobs: 1, cost });
        let object = self.as_extended(blob, epochs_extended).await;
        Ok(StoreOutcome::Stored(StoredBlob {
            object,
            operation: StoreOperation::Extended { epochs_extended },
            encoded_length: item.blob.metadata().encoded_length(),
            cost,
            gas_mist: receipt.gas_mist,
            transactions: vec![receipt.digest.to_string()],
            shared_object: None,
        }))
    }

    /// A blob that was extended, as the chain has it; if the chain cannot be asked, as it must be.
    pub(super) async fn as_extended(&self, mut blob: Blob, epochs: EpochCount) -> Blob {
        match self.client.reader().blob(blob.id).await {
            Ok(object) => object,
            Err(error) => {
                tracing::debug!(%error, object = %blob.id, "cannot read the blob that was extended");
                blob.storage.end_epoch = blob.storage.end_epoch.saturating_add(epochs);
                blob
            }
        }
    }
}

impl Registration {
    /// Whether something is registered or paid that goes on, or must be told.
    fn has_progress(&self) -> bool {
        let is_stored = |result: &BlobResult| matches!(result, Ok(StoreOutcome::Stored(_)));
        !self.jobs.is_empty() || self.results.values().any(is_stored)
    }

    fn fail(&mut self, blobs: impl IntoIterator<Item = NewBlob>, cause: &Arc<SuiError>) {
        for new in blobs {
            let blob_id = *new.item.blob.blob_id();
            let error = BlobError::Registration {
                blob_id,
                cause: Arc::clone(cause),
            };
            self.results.insert(blob_id, Err(error));
        }
    }
}

/// Whether a transaction about several blobs may succeed without some of them.
pub(super) fn is_about_single_blobs(error: &SuiError) -> bool {
    matches!(
        error,
        SuiError::MoveAbort(_)
            | SuiError::ObjectNotFound(_)
            | SuiError::UnexpectedType { .. }
            | SuiError::BlobExpired { .. }
    )
}

fn jobs_of(blobs: Vec<NewBlob>, registered: Vec<Registered>) -> impl Iterator<Item = Job> {
    let pairs = blobs.into_iter().zip(registered);
    pairs.map(|(new, registered)| Job {
        index: new.item.index,
        operation: new.operation(),
        blob: new.item.blob,
        object: registered.blob,
        cost: registered.receipt.cost,
        gas_mist: registered.receipt.gas_mist,
        transactions: vec![registered.receipt.digest.to_string()],
        extend: 0,
    })
}
