//! Bounds of the HTTP server.

use std::time::Duration;

use walrus_core::{NShards, params};

/// Size of a body that is neither a sliver nor anything else with its own bound.
pub(super) const SMALL_BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// What BCS adds to the symbols of a sliver, generously.
const SLIVER_OVERHEAD_BYTES: u64 = 128;

/// Bytes of a refused body that are read and thrown away, so that the client sees the answer instead of a reset.
pub(super) const LINGER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Time for doing so.
pub(super) const LINGER_MAX: Duration = Duration::from_secs(2);

/// Bounds of connections and requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpLimits {
    /// Connections open at a time; more wait to be accepted.
    pub connections_max: usize,
    /// Requests being answered at a time; more are refused with 503.
    pub requests_max: usize,
    /// Bytes of sliver bodies in memory at a time; more wait for their turn.
    pub upload_bytes_max: usize,
    /// Longest wait for such a turn, then 503.
    pub upload_wait_max: Duration,
    /// Time for a TLS handshake, and for the head of a request.
    pub head_timeout: Duration,
    /// Longest pause between two parts of a body.
    pub body_idle_timeout: Duration,
    /// Longest time for a whole body.
    pub body_timeout: Duration,
    /// Longest time a peer may refuse to take a part of an answer.
    pub write_stall_timeout: Duration,
    /// Streams of one HTTP/2 connection at a time.
    pub http2_streams_max: u32,
    /// Time for open requests at shutdown; `None` waits for ever.
    pub shutdown_grace: Option<Duration>,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connections_max: 4_096,
            requests_max: 8_192,
            upload_bytes_max: 1 << 30,
            upload_wait_max: Duration::from_secs(20),
            head_timeout: Duration::from_secs(15),
            body_idle_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(300),
            write_stall_timeout: Duration::from_secs(60),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sliver_limit_of_the_public_network() {
        assert_eq!(
            sliver_body_bytes_max(NShards::new(1000).unwrap()),
            43_711_306
        );
    }
}
