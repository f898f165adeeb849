//! Bounds of the HTTP server.

use std::time::Duration;

/// Bytes of a refused body that are read and thrown away, so that the client sees the answer
/// instead of a reset.
pub(crate) const LINGER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Time for doing so.
pub(crate) const LINGER_MAX: Duration = Duration::from_secs(2);

/// Bounds of connections and requests.
///
/// Connections, requests and bytes are shared as [`crate::budget`] says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpLimits {
    /// Connections open at a time; when there are more, the one idle longest is closed.
    pub connections_max: usize,
    /// A connection without requests is closed after this time.
    pub idle_timeout: Duration,
    /// Requests at a time, from the head until the last byte of the answer has left; more are
    /// refused with 503.
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
