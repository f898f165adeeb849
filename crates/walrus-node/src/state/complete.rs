//! Which shards lack something.

use walrus_core::{BlobId, Epoch, ShardIndex, SliverType};

use crate::storage::{Index, StorageError};

/// Shards of `owned` that lack a sliver of a blob that was certified before `epoch` and still is.
///
/// Records are read once, and the slivers of each shard in their order, until something is missing.
pub fn incomplete_shards<B: FromIterator<ShardIndex>>(
    index: &Index,
    owned: &[ShardIndex],
    epoch: Epoch,
) -> Result<B, StorageError> {
    if owned.is_empty() {
        return Ok(B::from_iter([]));
    }
    let wanted = certified_before(index, epoch)?;
    let lacks_something = |shard: ShardIndex| {
        for axis in [SliverType::Primary, SliverType::Secondary] {
            if index.lacks_any(shard, axis, &wanted)? {
                return Ok(Some(shard));
            }
        }
        Ok(None)
    };
    owned
        .iter()
        .filter_map(|shard| lacks_something(*shard).transpose())
        .collect()
}

/// Blobs that were certified before `epoch` and still are, in ascending order.
fn certified_before(index: &Index, epoch: Epoch) -> Result<Vec<BlobId>, StorageError> {
    let mut certified = Vec::new();
    index.for_each_blob(|blob_id, record| {
        if record.is_certified(epoch) && record.initial_certified_epoch < Some(epoch) {
            certified.push(blob_id);
        }
        Ok(true)
    })?;
    Ok(certified)
}
