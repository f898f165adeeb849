//! Carrying out plans: transactions that register or extend, before anything is uploaded.

use std::{collections::HashMap, sync::Arc};

use walrus_contracts::types::Blob;
use walrus_core::{BlobId, EpochCount, Frost};
use walrus_sui::contract::{BlobToRegister, Lifetime, StorageSource};

use super::{
    Batch, Unique,
    encoded::EncodedBlob,
    plan::Plan,
    result::{BlobObject, BlobStoreResult, EventOrObject, ResourceOperation},
};
use crate::{error::ClientError, progress::ProgressEvent};

/// A registered blob that must be uploaded and certified.
pub(crate) struct Job {
    /// Position in the batch.
    pub index: usize,
    pub blob: Arc<EncodedBlob>,
    pub object: Blob,
    pub operation: ResourceOperation,
    pub cost: Frost,
    /// Digests of the transactions so far.
    pub transactions: Vec<String>,
    /// Epochs to add once the blob is certified: the contract extends certified blobs only.
    pub extend: EpochCount,
}

/// What registration leads to.
#[derive(Default)]
pub(crate) struct Registration {
    /// Blobs that are done.
    pub results: HashMap<BlobId, BlobStoreResult>,
    /// Blobs that go on.
    pub jobs: Vec<Job>,
}

impl Batch<'_> {
    /// Registers what has to be registered, in as few transactions as possible, and extends what is too short.
    pub(super) async fn register(
        &self,
        plans: Vec<(Unique, Plan)>,
    ) -> Result<Registration, ClientError> {
        let mut registration = Registration::default();
        let mut to_register = Vec::new();
        for (item, plan) in plans {
            let blob_id = *item.blob.blob_id();
            let encoded_length = item.blob.metadata().encoded_length();
            match plan {
                Plan::AlreadyCertifiedBySomebody { event, end_epoch } => {
                    let by = EventOrObject::Event(event);
                    registration
                        .results
                        .insert(blob_id, already(blob_id, by, end_epoch));
                }
                Plan::AlreadyCertified { object, end_epoch } => {
                    let by = EventOrObject::Object(object);
                    registration
                        .results
                        .insert(blob_id, already(blob_id, by, end_epoch));
                }
                Plan::Invalid { event } => {
                    let invalid = BlobStoreResult::MarkedInvalid { blob_id, event };
                    registration.results.insert(blob_id, invalid);
                }
                Plan::Extend { blob, epochs } => {
                    let result = self.extend(blob, epochs, encoded_length).await?;
                    registration.results.insert(blob_id, result);
                }
                Plan::Certify { blob, extend } => {
                    let operation = match extend {
                        0 => ResourceOperation::ReuseRegistration { encoded_length },
                        epochs_extended => ResourceOperation::ReuseAndExtendNonCertified {
                            encoded_length,
                            epochs_extended,
                        },
                    };
                    registration.jobs.push(Job {
                        index: item.index,
                        blob: item.blob,
                        object: blob,
                        operation,
                        cost: Frost(0),
                        transactions: Vec::new(),
                        extend,
                    });
                }
                Plan::RegisterInStorage { storage } => {
                    let operation = ResourceOperation::ReuseStorage { encoded_length };
                    to_register.push((item, StorageSource::Owned(storage.id), operation));
                }
                Plan::RegisterFromScratch => {
                    let operation = ResourceOperation::RegisterFromScratch {
                        encoded_length,
                        epochs_ahead: self.epochs_ahead,
                    };
                    to_register.push((item, StorageSource::Buy(self.epochs_ahead), operation));
                }
            }
        }
        registration
            .jobs
            .extend(self.register_new(to_register).await?);
        Ok(registration)
    }

    async fn register_new(
        &self,
        items: Vec<(Unique, StorageSource, ResourceOperation)>,
    ) -> Result<Vec<Job>, ClientError> {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        self.progress
            .report(ProgressEvent::Registering { blobs: items.len() });
        let lifetime = if self.options.deletable {
            Lifetime::Deletable
        } else {
            Lifetime::Permanent
        };
        let requests: Vec<BlobToRegister> = items
            .iter()
            .map(|(item, storage, _)| BlobToRegister::new(item.blob.metadata(), lifetime, *storage))
            .collect();
        let registered = self
            .client
            .contract()?
            .reserve_and_register(&requests)
            .await?;
        self.progress.report(ProgressEvent::Registered);
        // Nodes learn of the registration from the chain; sending a moment later saves them a retry.
        tokio::time::sleep(self.client.shared.communication.registration_delay).await;
        let jobs = items
            .into_iter()
            .zip(registered)
            .map(|((item, _, operation), registered)| Job {
                index: item.index,
                blob: item.blob,
                object: registered.blob,
                operation,
                cost: registered.cost,
                transactions: vec![registered.digest.to_string()],
                extend: 0,
            });
        Ok(jobs.collect())
    }

    async fn extend(
        &self,
        blob: Blob,
        epochs_extended: EpochCount,
        encoded_length: u64,
    ) -> Result<BlobStoreResult, ClientError> {
        self.progress
            .report(ProgressEvent::Registering { blobs: 1 });
        let (digest, cost) = self
            .client
            .contract()?
            .extend_blob(&blob, epochs_extended)
            .await?;
        self.progress.report(ProgressEvent::Registered);
        let extended = self.client.reader().blob(blob.id).await?;
        Ok(BlobStoreResult::NewlyCreated {
            blob_object: BlobObject::from(&extended),
            resource_operation: ResourceOperation::ReuseAndExtend {
                encoded_length,
                epochs_extended,
            },
            cost,
            shared_blob_object: None,
            transactions: vec![digest.to_string()],
        })
    }
}

fn already(
    blob_id: BlobId,
    event_or_object: EventOrObject,
    end_epoch: walrus_core::Epoch,
) -> BlobStoreResult {
    BlobStoreResult::AlreadyCertified {
        blob_id,
        event_or_object,
        end_epoch,
    }
}
