//! Buckets: each is a tiny blob, whose attributes say that it is one.

use std::collections::HashSet;

use walrus_client::{BlobInput, BlobToStore};
use walrus_core::EpochCount;

use super::{Store, parcels::Stored, state::State, stopping};
use crate::{
    failure::Failure,
    journal::Removal,
    labels::Label,
    record::{BucketRecord, Chunk, Name, Place, Version},
};

/// Buckets of one store.
const BUCKETS_MAX: usize = 1_000;

/// Keeps others from making or deleting the same bucket.
struct Busy<'a> {
    store: &'a Store,
    bucket: String,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.store.lock().busy_buckets.remove(&self.bucket);
    }
}

impl Store {
    /// All buckets, by name.
    pub(crate) fn buckets(&self) -> Result<Vec<(String, BucketRecord)>, Failure> {
        let busy = self.lock().busy_buckets.clone();
        let mut buckets = self.shared.index.buckets()?;
        buckets.retain(|(name, _)| !busy.contains(name));
        Ok(buckets)
    }

    /// A bucket; an error if there is none.
    pub(crate) fn bucket(&self, bucket: &str) -> Result<BucketRecord, Failure> {
        let found = self.shared.index.bucket(bucket)?;
        found.ok_or_else(|| Failure::NoSuchBucket(bucket.to_owned()))
    }

    pub(super) fn check_bucket(&self, state: &State, bucket: &str) -> Result<(), Failure> {
        if state.busy_buckets.contains(bucket) {
            return Err(Failure::NoSuchBucket(bucket.to_owned()));
        }
        self.bucket(bucket).map(|_| ())
    }

    fn busy(&self, state: &mut State, bucket: &str) -> Result<Busy<'_>, Failure> {
        if !state.busy_buckets.insert(bucket.to_owned()) {
            return Err(Failure::Conflict);
        }
        Ok(Busy {
            store: self,
            bucket: bucket.to_owned(),
        })
    }

    /// Makes a bucket; returns when the network has certified it, whatever the options say.
    pub(crate) async fn create_bucket(
        &self,
        bucket: String,
        epochs: Option<EpochCount>,
    ) -> Result<(), Failure> {
        let store = self.clone();
        self.detached(async move { store.create_to_the_end(bucket, epochs).await })
            .await
    }

    async fn create_to_the_end(
        self,
        bucket: String,
        epochs: Option<EpochCount>,
    ) -> Result<(), Failure> {
        let (_busy, version) = {
            let mut state = self.lock();
            if self.shared.index.bucket(&bucket)?.is_some() {
                return Err(Failure::BucketExists(bucket));
            }
            if self.shared.index.buckets()?.len() >= BUCKETS_MAX {
                let text = format!("a store has at most {BUCKETS_MAX} buckets");
                return Err(Failure::Invalid(text));
            }
            let version = state.next_version();
            (self.busy(&mut state, &bucket)?, version)
        };
        let chunk = self.store_marker(&bucket, version, epochs).await?;
        let record = BucketRecord {
            version,
            object: chunk.object,
            epochs,
        };
        let mut change = self.shared.index.change();
        change.insert_bucket(&bucket, &record);
        Ok(change.commit_durably()?)
    }

    /// Stores the blob that stands for a bucket.
    pub(super) async fn store_marker(
        &self,
        bucket: &str,
        version: Version,
        epochs: Option<EpochCount>,
    ) -> Result<Chunk, Failure> {
        let label = Label::Bucket {
            bucket: bucket.to_owned(),
            version,
            epochs,
        };
        let blob = BlobToStore {
            input: BlobInput::Bytes(format!("bucket {bucket}, made at {}\n", version.0).into()),
            attributes: label.to_attributes(),
        };
        let epochs = epochs.unwrap_or(self.shared.options.epochs);
        let stored = self.store_blobs(vec![blob], epochs, false).await;
        match stored?.pop() {
            Some(Stored::Done(chunk)) => Ok(chunk),
            Some(Stored::Failed { failure, .. }) => Err(failure),
            Some(Stored::Duplicate) | None => Err(Failure::Conflict),
        }
    }

    /// Deletes an empty bucket; returns when the chain has done it.
    pub(crate) async fn delete_bucket(&self, bucket: String) -> Result<(), Failure> {
        let store = self.clone();
        self.detached(async move { store.delete_bucket_to_the_end(bucket).await })
            .await
    }

    async fn delete_bucket_to_the_end(self, bucket: String) -> Result<(), Failure> {
        let (_busy, record, number) = {
            let mut state = self.lock();
            self.check_bucket(&state, &bucket)?;
            if self.shared.index.has_objects(&bucket)? || state.has_writes_in(&bucket) {
                return Err(Failure::BucketNotEmpty(bucket));
            }
            let (record, number) = (self.bucket(&bucket)?, state.next_version());
            (self.busy(&mut state, &bucket)?, record, number)
        };
        self.abort_uploads_of(&bucket)?;
        let removal = Removal {
            name: Name {
                bucket: bucket.clone(),
                key: String::new(),
            },
            version: record.version,
            place: Place::Blobs(vec![Chunk {
                object: record.object,
                blob: walrus_core::BlobId::default(),
                size: 0,
            }]),
        };
        let (waiter, wait) = tokio::sync::oneshot::channel();
        self.add_removal(&mut self.lock(), number, removal, vec![waiter]);
        wait.await.map_err(|_| stopping())??;
        let mut change = self.shared.index.change();
        change.remove_bucket(&bucket);
        Ok(change.commit_durably()?)
    }

    /// The epochs for which objects of a bucket are kept.
    pub(super) fn epochs_of(&self, bucket: &str) -> Result<EpochCount, Failure> {
        let record = self.shared.index.bucket(bucket)?;
        let own = record.and_then(|record| record.epochs);
        Ok(own.unwrap_or(self.shared.options.epochs))
    }

    /// Makes markers for buckets that have objects and none.
    pub(super) async fn mend_buckets(&self, missing: HashSet<String>) -> Result<(), Failure> {
        for bucket in missing {
            tracing::warn!(
                bucket,
                "the bucket has objects, but nothing stands for it: it is made again"
            );
            self.create_bucket(bucket, None).await?;
        }
        Ok(())
    }
}
