//! The largest bodies of requests.

use stdx::SaturatingFrom as _;
use walrus_core::{NShards, params};

/// What metadata has for each shard: two hashes, each with a tag of one byte.
const METADATA_BYTES_PER_SHARD: usize = 66;

/// What metadata has besides: encoding, length, and the count of hashes; generously.
const METADATA_OVERHEAD_BYTES: usize = 64;

/// What BCS adds to the symbols of a sliver, generously.
const SLIVER_OVERHEAD_BYTES: u64 = 128;

/// The largest body of a request for a shard, which is a signed message of a hundred bytes.
pub(super) const SYNC_REQUEST_BYTES_MAX: usize = 4 * 1024;

/// A node of the path in a Merkle proof: tag and digest.
const PROOF_NODE_BYTES: u64 = 33;

/// Index and lengths of a symbol with its proof.
const PROOF_SYMBOL_OVERHEAD_BYTES: u64 = 8;

/// The largest body of a sliver upload.
pub(super) fn sliver_body_bytes_max(n_shards: NShards) -> usize {
    let bytes = params::max_sliver_size(n_shards).saturating_add(SLIVER_OVERHEAD_BYTES);
    usize::saturating_from(bytes)
}

/// The largest body of a metadata upload.
pub(super) fn metadata_body_bytes_max(n_shards: NShards) -> usize {
    METADATA_BYTES_PER_SHARD * usize::from(n_shards.get()) + METADATA_OVERHEAD_BYTES
}

/// The largest body with an inconsistency proof: the symbols of a sliver, each with its index and
/// the path of its proof.
pub(super) fn proof_body_bytes_max(n_shards: NShards) -> usize {
    let (_, symbols) = params::source_symbols(n_shards);
    let path_nodes = u64::from(u16::BITS - n_shards.get().leading_zeros());
    let overhead = PROOF_NODE_BYTES * path_nodes + PROOF_SYMBOL_OVERHEAD_BYTES;
    let bytes = params::max_sliver_size(n_shards) + u64::from(symbols) * overhead;
    usize::saturating_from(bytes.saturating_add(SLIVER_OVERHEAD_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sliver_limit_of_the_public_network() {
        assert_eq!(
            sliver_body_bytes_max(NShards::new(1000).unwrap()),
            43_711_306
        );
        // Every symbol has an index, a length, and a path of ten nodes.
        assert_eq!(
            proof_body_bytes_max(NShards::new(1000).unwrap()),
            43_711_306 + 667 * (10 * 33 + 8)
        );
    }
}
