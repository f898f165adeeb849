//! Storage confirmations: the promise that every sliver of the node's shards is durable.

use std::time::Duration;

use tokio::time::timeout;
use walrus_core::{
    BlobId, BlobPersistence, Epoch, SliverType,
    messages::{ConfirmationBody, StorageConfirmation},
};

use super::{Service, ServiceError};
use crate::{
    epoch::EpochView,
    storage::{Index, SliverKey, StorageError},
};

/// Whether a confirmation request is ready to wait for the registration.
pub type ConfirmationWait = Option<Duration>;

/// What the index says about the wish for a confirmation.
struct Findings {
    registered: bool,
    object_registered: bool,
    has_metadata: bool,
    needed: usize,
    missing: usize,
}

impl Service {
    /// `GET …/confirmation/…`: signs that all slivers of this node are stored, if they are.
    pub async fn confirmation(
        &self,
        blob_id: BlobId,
        persistence: BlobPersistence,
        wait: ConfirmationWait,
    ) -> Result<StorageConfirmation, ServiceError> {
        self.await_registration(blob_id, wait).await?;
        self.state.flush_pending(blob_id).await?;
        let view = self.state.view();
        let epoch = view.epoch();
        let findings = {
            let view = view.clone();
            self.state
                .storage()
                .with_index(move |index| examine(index, &view, blob_id, &persistence))
                .await?
        };
        if !findings.registered {
            return Err(ServiceError::NotRegistered);
        }
        // Slivers without metadata could neither be verified nor read.
        if findings.missing > 0 || findings.needed == 0 || !findings.has_metadata {
            return Err(ServiceError::MissingSlivers {
                missing: findings.missing,
                needed: findings.needed,
                has_metadata: findings.has_metadata,
            });
        }
        if !findings.object_registered {
            return Err(ServiceError::ObjectNotRegistered);
        }
        self.state.storage().sync_records().await?;
        let body = ConfirmationBody {
            blob_id,
            persistence,
        };
        let key = self.state.signing_key(&view).ok_or(ServiceError::NoKey)?;
        let signed = key.sign_message(epoch, body);
        self.state.metrics().confirmations_issued.inc();
        Ok(StorageConfirmation::Signed(signed))
    }

    /// Waits for the registration if the caller wants to, the node allows it, and there is
    /// something to lose.
    async fn await_registration(
        &self,
        blob_id: BlobId,
        wait: ConfirmationWait,
    ) -> Result<(), ServiceError> {
        let limit = wait
            .unwrap_or_default()
            .min(self.limits.confirmation_wait_max);
        if limit.is_zero() || !self.state.buffers(&blob_id) {
            return Ok(());
        }
        let Some(waiter) = self.state.registration_waiter(blob_id) else {
            return Ok(());
        };
        let announced = waiter.announced();
        if !self.state.is_registered(blob_id).await? {
            // The record is asked again whether this timed out or not.
            let _ = timeout(limit, announced).await;
        }
        Ok(())
    }
}

/// Everything a confirmation depends on, from the index alone: what it lists is durable.
fn examine(
    index: &Index,
    view: &EpochView,
    blob_id: BlobId,
    persistence: &BlobPersistence,
) -> Result<Findings, StorageError> {
    let epoch = view.epoch();
    let registered = index
        .blob(&blob_id)?
        .is_some_and(|record| record.is_registered(epoch));
    let object_registered = match persistence {
        BlobPersistence::Permanent => true,
        BlobPersistence::Deletable { object_id } => {
            object_is_registered(index, blob_id, object_id, epoch)?
        }
    };
    let mut needed = 0;
    let mut missing = 0;
    for shard in &view.owned {
        for axis in [SliverType::Primary, SliverType::Secondary] {
            needed += 1;
            if !index.has_sliver(&SliverKey {
                shard: *shard,
                axis,
                blob_id,
            })? {
                missing += 1;
            }
        }
    }
    Ok(Findings {
        registered,
        object_registered,
        has_metadata: index.has_metadata(&blob_id)?,
        needed,
        missing,
    })
}

/// Stricter than the protocol asks: the object must be one of this blob.
fn object_is_registered(
    index: &Index,
    blob_id: BlobId,
    object_id: &walrus_core::ObjectId,
    epoch: Epoch,
) -> Result<bool, StorageError> {
    if let Some(object) = index.object(object_id)? {
        return Ok(!object.deleted && object.end_epoch > epoch && object.blob_id == blob_id);
    }
    Ok(index
        .pooled_object(object_id)?
        .is_some_and(|object| object.blob_id == blob_id))
}
