//! Bounds of the HTTP server.

use std::time::Duration;

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

/// Bytes of a refused body that are read and thrown away, so that the client sees the answer instead of a reset.
pub(super) const LINGER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Time for doing so.
pub(super) const LINGER_MAX: Duration = Duration::from_secs(2);

/// Bounds of connections and requests.
///
/// Connections, requests and bytes are shared as [`crate::budget`] says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpLimits {
    /// Connections open at a time; when there are more, the one idle longest is closed.
    pub connections_max: usize,
    /// A connection without requests is closed after this time.
    pub idle_timeout: Duration,
    /// Requests at a time, from the head until the last byte of the answer has left; more are refused with 503.
    pub requests_max: usize,
    /// Bytes of bodies in memory at a time; more wait for their turn.
    pub upload_bytes_max: usize,
    /// Longest wait for such a turn, then 503.
    pub upload_wait_max: Duration,
    /// Time for a TLS handshake, and for the head of a request.
    pub head_timeout: Duration,
    /// Longest time until a body begins, on a connection that brings nothing else.
    pub body_begin_timeout: Duration,
    /// Longest pause between two parts of a body, on a connection that brings nothing else.
    pub body_idle_timeout: Duration,
    /// Longest time for a whole body.
    pub body_timeout: Duration,
    /// Longest time a peer may refuse to take a part of an answer.
    pub write_stall_timeout: Duration,
    /// Bytes per second a connection has to move while there is something to move.
    pub transfer_rate_min: u64,
    /// Time before that rate counts.
    pub transfer_grace: Duration,
    /// Longest time a peer may take for a whole answer.
    pub answer_timeout: Duration,
    /// Streams of one HTTP/2 connection at a time.
    pub http2_streams_max: u32,
    /// Time for open requests at shutdown; `None` waits for ever.
    pub shutdown_grace: Option<Duration>,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connections_max: 4_096,
            // Longer than clients keep idle connections, so that none is closed under a request.
            idle_timeout: Duration::from_secs(120),
            requests_max: 8_192,
            upload_bytes_max: 1 << 30,
            upload_wait_max: Duration::from_secs(20),
            head_timeout: Duration::from_secs(15),
            body_begin_timeout: Duration::from_secs(10),
            body_idle_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(300),
            write_stall_timeout: Duration::from_secs(60),
            transfer_rate_min: 8 * 1_024,
            transfer_grace: Duration::from_secs(30),
            answer_timeout: Duration::from_secs(300),
            http2_streams_max: 1_000,
            shutdown_grace: Some(Duration::from_secs(60)),
        }
    }
}

/// The largest body of a sliver upload.
pub(super) fn sliver_body_bytes_max(n_shards: NShards) -> usize {
    let bytes = params::max_sliver_size(n_shards).saturating_add(SLIVER_OVERHEAD_BYTES);
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// The largest body of a metadata upload.
pub(super) fn metadata_body_bytes_max(n_shards: NShards) -> usize {
    METADATA_BYTES_PER_SHARD * usize::from(n_shards.get()) + METADATA_OVERHEAD_BYTES
}

/// The largest body with an inconsistency proof: the symbols of a sliver, each with its index and the path of its proof.
pub(super) fn proof_body_bytes_max(n_shards: NShards) -> usize {
    let (_, symbols) = params::source_symbols(n_shards);
    let path_nodes = u64::from(u16::BITS - n_shards.get().leading_zeros());
    let overhead = PROOF_NODE_BYTES * path_nodes + PROOF_SYMBOL_OVERHEAD_BYTES;
    let bytes = params::max_sliver_size(n_shards) + u64::from(symbols) * overhead;
    usize::try_from(bytes.saturating_add(SLIVER_OVERHEAD_BYTES)).unwrap_or(usize::MAX)
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
