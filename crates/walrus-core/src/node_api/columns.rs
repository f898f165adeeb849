//! Columns of many small blobs in one answer.
//!
//! Only nodes of this implementation offer this, to each other: who gets nothing asks for each blob
//! as every node answers it.

use serde::{Deserialize, Serialize};

use crate::{BlobId, SecondarySliver, ShardIndex};

/// Columns that a request may ask for: shards times blobs.
pub const COLUMNS_MAX: usize = 16_384;

/// Bytes of columns in an answer at most; it ends before the blob that would exceed them.
pub const COLUMNS_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Bytes of a request at most.
pub const COLUMNS_REQUEST_BYTES_MAX: usize = 64 * 1024;

/// Asks for what these shards have of these blobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnsRequest {
    /// The shards; those that are not the node's have nothing.
    pub shards: Vec<ShardIndex>,
    /// The blobs.
    pub blob_ids: Vec<BlobId>,
}

/// For each blob, in the order of the request and perhaps not up to its end, the columns that are
/// at hand, by shard. They are not verified.
pub type ColumnsResponse = Vec<Vec<(ShardIndex, SecondarySliver)>>;

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use super::*;
    use crate::SliverIndex;

    #[test]
    fn requests_and_answers_have_these_bytes() {
        let request = ColumnsRequest {
            shards: vec![ShardIndex(1), ShardIndex(258)],
            blob_ids: vec![BlobId([7; 32])],
        };
        let bytes = bcs::to_bytes(&request).unwrap();
        let expected = format!("020100020101{}", "07".repeat(32));
        assert_eq!(hex::encode(&bytes), expected);
        assert_eq!(bcs::from_bytes::<ColumnsRequest>(&bytes), Ok(request));

        let symbol_size = NonZeroU16::new(2).unwrap();
        let column = SecondarySliver::new(vec![1, 2, 3, 4], symbol_size, SliverIndex(5));
        let answer: ColumnsResponse = vec![Vec::new(), vec![(ShardIndex(9), column)]];
        let bytes = bcs::to_bytes(&answer).unwrap();
        assert_eq!(hex::encode(&bytes), "0200010900040102030402000500");
        assert_eq!(bcs::from_bytes::<ColumnsResponse>(&bytes), Ok(answer));
    }
}
