//! The task that uploads slivers and deletes objects, as the index says.

use std::{sync::Arc, time::Duration};

use ambient::pauses::Backoff;
use futures::{StreamExt as _, stream};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error};

use super::{
    SliverKey, SliverRead, Storage, StorageError,
    bucket::Bucket,
    committer::Addition,
    index::{ObjectName, Upload},
    read::{Local, load_local},
    run_blocking,
};

/// Objects written or deleted at a time.
const REQUESTS_MAX: usize = 16;

/// Objects looked up in the index at a time.
const BATCH: usize = 256;

/// Pause after a failure, and the longest it becomes when failures follow each other.
const PAUSE_MIN: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// See the module.
pub struct Mover {
    storage: Storage,
    bucket: Arc<Bucket>,
}

impl Storage {
    /// The task that moves slivers to the bucket; `None` without one.
    pub fn mover(&self) -> Option<Mover> {
        let (storage, bucket) = (self.clone(), self.bucket.clone()?);
        Some(Mover { storage, bucket })
    }
}

/// What came of a look at what there is to do.
#[derive(Debug, Default)]
struct Round {
    done: usize,
    failed: Option<StorageError>,
}

impl Mover {
    /// Runs until stopped. What is on its way then is done again after the next start.
    pub async fn run(self, stop: CancellationToken) {
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = self.work() => {}
        }
    }

    async fn work(&self) {
        let mut pauses = Backoff::new(PAUSE_MIN, PAUSE_MAX);
        // It may have been away when the node started.
        while let Err(error) = self.bucket.check_identity().await {
            let pause = pauses.next_pause();
            debug!(%error, ?pause, "cannot move anything to the bucket now; trying again");
            sleep(pause).await;
        }
        loop {
            let round = self.round().await;
            if round.done > 0 {
                pauses.reset();
            }
            match round.failed {
                None if round.done > 0 => {}
                None => self.bucket.work.notified().await,
                Some(error) => {
                    let pause = pauses.next_pause();
                    debug!(%error, ?pause, "cannot move everything to the bucket now; trying again");
                    sleep(pause).await;
                }
            }
        }
    }

    /// Does some of what there is to do.
    async fn round(&self) -> Round {
        let listed = self
            .storage
            .with_index(|index| Ok((index.uploads(BATCH), index.deletions(BATCH))));
        let (uploads, deletions) = match listed.await {
            Ok(listed) => listed,
            Err(error) => {
                return Round {
                    done: 0,
                    failed: Some(error),
                };
            }
        };
        let uploads = stream::iter(uploads)
            .map(|(key, upload)| self.upload(key, upload))
            .buffer_unordered(REQUESTS_MAX)
            .collect::<Vec<_>>();
        let deletions = stream::iter(deletions)
            .map(|name| self.delete(name))
            .buffer_unordered(REQUESTS_MAX)
            .collect::<Vec<_>>();
        let (uploads, deletions) = tokio::join!(uploads, deletions);
        let mut round = Round::default();
        for result in uploads.into_iter().chain(deletions) {
            match result {
                Ok(()) => round.done += 1,
                Err(error) => round.failed = Some(error),
            }
        }
        round
    }

    async fn upload(&self, key: SliverKey, upload: Upload) -> Result<(), StorageError> {
        let number = upload.number;
        let name = ObjectName { key, number };
        let (index, files) = (self.storage.index.clone(), self.storage.files.clone());
        let local = run_blocking(move || load_local(&index, &files, &key)).await??;
        match local {
            Some(Local::Read(_, SliverRead::Found(bytes))) => {
                let put = self.bucket.client.put(&name, bytes).await;
                put.map_err(|failure| self.bucket.failed(failure.to_string()))?;
                self.bucket.answered();
                self.bucket.count(|counters| counters.uploads += 1);
            }
            Some(Local::Read(..)) => {
                error!(
                    blob_id = %key.blob_id, shard = key.shard.0, axis = %key.axis,
                    "a sliver is damaged that was to be uploaded; it is treated as missing"
                );
                self.storage.forget_damaged(key).await?;
                return Ok(());
            }
            // It went meanwhile, or the index has lost its entry.
            None | Some(Local::InBucket(..)) => {}
        }
        // Says so even of a sliver that went: then what was uploaded is to be deleted.
        self.storage
            .committer
            .add(Addition::Uploaded { name })
            .await?;
        Ok(())
    }

    async fn delete(&self, name: ObjectName) -> Result<(), StorageError> {
        let deleted = self.bucket.client.delete(&name).await;
        deleted.map_err(|failure| self.bucket.failed(failure.to_string()))?;
        self.bucket.answered();
        self.bucket.count(|counters| counters.deletions += 1);
        self.storage
            .with_index(move |index| index.remove_deletion(&name))
            .await
    }
}
