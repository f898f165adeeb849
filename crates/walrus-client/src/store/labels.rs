//! What is done with the objects of stored blobs: attributes, sharing.

use std::{collections::HashMap, sync::Arc};

use walrus_core::{BlobId, ObjectId};
use walrus_sui::{
    SuiError, Unrecorded,
    contract::{Attributes, Call, Receipt},
};

use super::{Batch, BlobError, BlobResult, CertifiedBy, StoreOperation, StoreOutcome};
use crate::{client::WalrusClient, error::ClientError};

impl Batch<'_> {
    /// Sets the attributes of blobs that were not registered by this store, which would have set
    /// them.
    pub(super) async fn label(
        &self,
        labelled: &[(BlobId, Attributes)],
        results: &mut HashMap<BlobId, BlobResult>,
    ) {
        for (blob_id, attributes) in labelled {
            let Some(Ok(outcome)) = results.get_mut(blob_id) else {
                continue;
            };
            let Some(object) = object_made_before(outcome) else {
                continue;
            };
            match self.set_attributes(object, attributes).await {
                Ok(Some(receipt)) => {
                    if let StoreOutcome::Stored(stored) = outcome {
                        stored.add(&receipt);
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    let error = BlobError::Attributes {
                        blob_id: *blob_id,
                        object,
                        cause: Arc::new(error),
                    };
                    results.insert(*blob_id, Err(error));
                }
            }
        }
    }

    /// Sets those attributes that the object does not have yet.
    async fn set_attributes(
        &self,
        object: ObjectId,
        attributes: &Attributes,
    ) -> Result<Option<Receipt>, SuiError> {
        let present = self.client.reader().blob_attributes(object).await?;
        let present = present.unwrap_or_default();
        let mut missing = attributes.clone();
        missing.retain(|attribute| !present.contains(attribute));
        if missing.is_empty() {
            return Ok(None);
        }
        let call = Call::set_attributes(object, missing);
        let paid = self.contract.submit(&call, &Unrecorded).await?;
        Ok(Some(Receipt::of(&paid)))
    }
}

/// The object of the wallet that a store has found.
fn object_made_before(outcome: &StoreOutcome) -> Option<ObjectId> {
    match outcome {
        StoreOutcome::Stored(stored) => match stored.operation {
            StoreOperation::Bought { .. } | StoreOperation::InOwnedStorage => None,
            StoreOperation::Completed { .. } | StoreOperation::Extended { .. } => {
                Some(stored.object.id)
            }
        },
        StoreOutcome::AlreadyCertified { by, .. } => match by {
            CertifiedBy::Object(object) => Some(*object),
            CertifiedBy::Event(_) => None,
        },
    }
}

impl WalrusClient {
    /// Makes shared blobs of the objects that a store has certified or extended. A failure is the
    /// result of the blobs that it concerns.
    pub async fn share_stored(&self, results: &mut [BlobResult]) -> Result<(), ClientError> {
        let contract = self.contract()?;
        for result in results {
            let Ok(StoreOutcome::Stored(stored)) = result else {
                continue;
            };
            let object = stored.object.id;
            match contract.share_blobs(&[object]).await {
                Ok(shared) => {
                    for shared in shared {
                        stored.shared_object = Some(shared.object);
                        stored.add(&shared.receipt);
                    }
                }
                Err(error) => {
                    *result = Err(BlobError::Sharing {
                        blob_id: stored.object.blob_id,
                        object,
                        cause: Arc::new(error),
                    });
                }
            }
        }
        Ok(())
    }
}
