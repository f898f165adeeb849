//! Slivers out of the bucket.

use super::{
    SliverRead, Storage, StorageError,
    bucket::Object,
    committer::{CommitOutcome, Removal},
    index::{ObjectName, SliverEntry},
    read::Origin,
    run_blocking,
};

/// How often an object that is not what was written is asked for, before it counts as lost.
const ATTEMPTS: usize = 2;

impl Storage {
    pub(super) async fn load_from_bucket(
        &self,
        name: ObjectName,
        entry: SliverEntry,
        origin: Origin,
    ) -> Result<SliverRead, StorageError> {
        let Some(bucket) = self.bucket.clone() else {
            return Err(StorageError::Bucket(
                "a sliver is in a bucket, but none is configured".into(),
            ));
        };
        let _turn = bucket.reads.acquire().await;
        for _ in 0..ATTEMPTS {
            let object = bucket.client.get(&name, entry.len).await;
            let object = object.map_err(|failure| bucket.failed(failure.to_string()))?;
            bucket.answered();
            bucket.count(|counters| counters.reads += 1);
            let Object::Found(bytes) = object else {
                continue;
            };
            let (holder, entry) = (bucket.clone(), entry.clone());
            let checked = run_blocking(move || {
                let bytes = entry.intact(Some(bytes))?;
                if origin == Origin::Anywhere {
                    holder.cache.keep(&name.key, name.number, &bytes);
                }
                Some(bytes)
            });
            if let Some(bytes) = checked.await? {
                return Ok(SliverRead::Found(bytes));
            }
        }
        bucket.check_identity().await?;
        bucket.count(|counters| counters.lost += 1);
        let removal = Removal::LostObject { name };
        Ok(match self.committer.remove(removal).await? {
            // It was deleted while it was read.
            CommitOutcome::Removed(0) => SliverRead::Missing,
            _ => SliverRead::Damaged,
        })
    }
}
