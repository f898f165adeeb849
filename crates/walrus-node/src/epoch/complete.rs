//! Which shards lack something.

use walrus_core::{Epoch, ShardIndex, SliverType};

use crate::storage::{Index, SliverKey, StorageError};

/// Shards of `owned` that lack a sliver of a blob that was certified before `epoch` and still is. Reads all blob
/// records, until every shard is found to lack something.
pub fn incomplete_shards<B: FromIterator<ShardIndex>>(
    index: &Index,
    owned: &[ShardIndex],
    epoch: Epoch,
) -> Result<B, StorageError> {
    let mut complete = owned.to_vec();
    if complete.is_empty() {
        return Ok(B::from_iter([]));
    }
    index.for_each_blob(|blob_id, record| {
        let certified_before = record.is_certified(epoch)
            && record
                .initial_certified_epoch
                .is_some_and(|initial| initial < epoch);
        if certified_before {
            let mut still_complete = Vec::with_capacity(complete.len());
            for shard in complete.drain(..) {
                let key = |axis| SliverKey {
                    shard,
                    axis,
                    blob_id,
                };
                if index.has_sliver(&key(SliverType::Primary))?
                    && index.has_sliver(&key(SliverType::Secondary))?
                {
                    still_complete.push(shard);
                }
            }
            complete = still_complete;
        }
        Ok(!complete.is_empty())
    })?;
    Ok(owned
        .iter()
        .copied()
        .filter(|shard| !complete.contains(shard))
        .collect())
}
