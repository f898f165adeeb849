//! Columns of many small blobs at once, for nodes that complete shards.

use bytes::Bytes;
use stdx::SaturatingFrom as _;
use walrus_core::{
    BlobId, Epoch, SecondarySliver, ShardIndex, SliverType,
    node_api::{COLUMNS_BYTES_MAX, COLUMNS_MAX, ColumnsRequest, ColumnsResponse},
};
use walrus_http::budget::Holder;

use super::{Service, ServiceError};
use crate::storage::{READ_WAIT_MAX, SliverKey, Storage, StorageError};

/// Largest column that is given together with others, in bytes of its BCS.
const COLUMN_BYTES_MAX: u64 = 64 * 1024;

impl Service {
    /// `POST /v1/recovery/columns`: BCS of the columns that shards of this node have of the blobs
    /// that readers get; read in the name of `holder`.
    pub async fn columns(
        &self,
        request: ColumnsRequest,
        holder: Holder,
    ) -> Result<Bytes, ServiceError> {
        let ColumnsRequest { shards, blob_ids } = request;
        let count = shards.len().saturating_mul(blob_ids.len());
        if count > COLUMNS_MAX {
            return Err(ServiceError::SliverCountExceedsLimit {
                count: u64::saturating_from(count),
                max: u64::saturating_from(COLUMNS_MAX),
            });
        }
        let _permit = self.symbol_request()?;
        let _memory = self.symbols.reserve(COLUMNS_BYTES_MAX)?;
        let storage = self.state.storage().clone();
        let bytes = u64::saturating_from(COLUMNS_BYTES_MAX);
        let _share = storage.reserve_memory(bytes, holder, READ_WAIT_MAX).await?;
        let view = self.state.view();
        let epoch = view.epoch();
        let shards = shards
            .into_iter()
            .filter(|shard| view.shards.contains_key(shard));
        let shards: Vec<_> = shards.collect();
        let blocked = self.limits.blocked.clone();
        let answer = self.verify(move |_| {
            let mut answer = ColumnsResponse::new();
            let mut room = COLUMNS_BYTES_MAX;
            for blob_id in blob_ids {
                let columns = if blocked.contains(&blob_id) {
                    Vec::new()
                } else {
                    columns_of(&storage, blob_id, epoch, &shards)?
                };
                let sizes = columns.iter().map(|(_, column)| column.symbols.data.len());
                let Some(rest) = room.checked_sub(sizes.sum()) else {
                    break;
                };
                room = rest;
                answer.push(columns);
            }
            let bytes = bcs::to_bytes(&answer).expect("columns are plain data");
            Ok::<_, StorageError>(bytes.into())
        });
        Ok(answer.await??)
    }
}

/// The columns of a blob that are here, small, and of use: none of a blob that nobody pays for.
fn columns_of(
    storage: &Storage,
    blob_id: BlobId,
    epoch: Epoch,
    shards: &[ShardIndex],
) -> Result<Vec<(ShardIndex, SecondarySliver)>, StorageError> {
    let record = storage.index().blob(&blob_id)?;
    if !record.is_some_and(|record| record.is_registered(epoch)) {
        return Ok(Vec::new());
    }
    let mut columns = Vec::with_capacity(shards.len());
    for shard in shards {
        let key = SliverKey {
            shard: *shard,
            axis: SliverType::Secondary,
            blob_id,
        };
        let Some(bytes) = storage.read_small_sliver(&key, COLUMN_BYTES_MAX)? else {
            continue;
        };
        // What is stored was verified; damage is found and mended by who asks for it alone.
        if let Ok(column) = bcs::from_bytes(&bytes) {
            columns.push((*shard, column));
        }
    }
    Ok(columns)
}
