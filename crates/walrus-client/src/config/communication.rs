//! The `communication_config` section: concurrency, retries and time-outs towards storage nodes.

use std::{num::NonZeroUsize, time::Duration};

use serde::{Deserialize, Serialize};

/// Default number of bytes of slivers on the wire or waiting for an answer, in bytes.
const MAX_DATA_IN_FLIGHT: usize = 12_500_000;
/// Slivers above this size are preceded by a question whether the node already has them, in bytes.
const SLIVER_STATUS_CHECK_THRESHOLD: usize = 5_560;
/// Default sum of the sizes of all files of one store, in bytes. Not applied to a single file.
const MAX_TOTAL_BLOB_SIZE: u64 = 1 << 30;

/// How the client talks to storage nodes. All limits are per operation unless they say otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct CommunicationConfig {
    /// Nodes written to at the same time; `None` means all of them.
    pub max_concurrent_writes: Option<NonZeroUsize>,
    /// Slivers requested at the same time; `None` means as many as decoding needs.
    pub max_concurrent_sliver_reads: Option<NonZeroUsize>,
    /// Nodes asked for the same metadata at the same time.
    pub max_concurrent_metadata_reads: NonZeroUsize,
    /// Nodes asked for a blob status at the same time; `None` means all of them.
    pub max_concurrent_status_reads: Option<NonZeroUsize>,
    /// Bytes of slivers on their way at any moment.
    pub max_data_in_flight: usize,
    /// Upper bound of one HTTP exchange, body included.
    pub total_timeout: Duration,
    /// How long an idle connection is kept; `None` leaves it to the HTTP library.
    pub pool_idle_timeout: Option<Duration>,
    /// Time for an answer to an HTTP/2 ping.
    pub http2_keep_alive_timeout: Duration,
    /// Time between HTTP/2 pings; `None` sends none.
    pub http2_keep_alive_interval: Option<Duration>,
    /// Whether pings are sent on idle connections as well.
    pub http2_keep_alive_while_idle: bool,
    /// Sliver requests in progress per node.
    pub max_node_connections: NonZeroUsize,
    /// Retries of one request to one node.
    pub backoff: Backoff,
    /// Ignore the proxy settings of the environment.
    pub disable_proxy: bool,
    /// Time given to slow nodes once a quorum has confirmed.
    pub sliver_write_extra_time: SliverWriteExtraTime,
    /// Slivers above this size, in bytes, are not sent to a node that already has them.
    pub sliver_status_check_threshold: usize,
    /// Whether a store waits for the slow nodes.
    pub tail_handling: TailHandling,
    /// Wait between registration and upload, for nodes to see the registration.
    pub registration_delay: Duration,
    /// How long a node may hold a confirmation request open while it waits for the registration.
    pub confirmation_long_poll: Duration,
    /// Sum of the sizes of all files of one store, in bytes.
    pub max_total_blob_size: u64,
    /// Retries of a whole operation after the committee has changed.
    pub committee_change_backoff: Backoff,
    /// How storage nodes are reached.
    pub node_scheme: NodeScheme,
}

impl Default for CommunicationConfig {
    fn default() -> Self {
        Self {
            max_concurrent_writes: None,
            max_concurrent_sliver_reads: None,
            max_concurrent_metadata_reads: nonzero(3),
            max_concurrent_status_reads: None,
            max_data_in_flight: UploadMode::default().max_data_in_flight(),
            total_timeout: Duration::from_secs(300),
            pool_idle_timeout: None,
            http2_keep_alive_timeout: Duration::from_secs(5),
            http2_keep_alive_interval: Some(Duration::from_secs(30)),
            http2_keep_alive_while_idle: true,
            max_node_connections: nonzero(10),
            backoff: Backoff::default(),
            disable_proxy: false,
            sliver_write_extra_time: SliverWriteExtraTime::default(),
            sliver_status_check_threshold: SLIVER_STATUS_CHECK_THRESHOLD,
            tail_handling: TailHandling::default(),
            registration_delay: Duration::from_millis(200),
            confirmation_long_poll: Duration::ZERO,
            max_total_blob_size: MAX_TOTAL_BLOB_SIZE,
            committee_change_backoff: Backoff {
                min: Duration::from_secs(1),
                max: Duration::from_secs(5),
                max_retries: Some(5),
            },
            node_scheme: NodeScheme::default(),
        }
    }
}

/// A positive constant as the type of the limits.
pub(super) const fn nonzero(value: usize) -> NonZeroUsize {
    match NonZeroUsize::new(value) {
        Some(value) => value,
        None => NonZeroUsize::MIN,
    }
}

/// Exponential back-off: the `i`-th wait is `min · 2^i` plus up to a second of jitter, at most
/// `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first wait.
    pub min: Duration,
    /// The longest wait.
    pub max: Duration,
    /// Retries after the first attempt; `None` retries for ever.
    pub max_retries: Option<u32>,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            min: Duration::from_secs(1),
            max: Duration::from_secs(30),
            max_retries: Some(5),
        }
    }
}

/// Time given to slow nodes after a quorum: `elapsed · factor + base`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SliverWriteExtraTime {
    /// Share of the time the quorum took.
    pub factor: f64,
    /// Constant part.
    pub base: Duration,
}

/// Longest extra time whatever the configuration says: an hour, so that arithmetic never overflows.
const EXTRA_TIME_MAX: Duration = Duration::from_secs(3600);

impl SliverWriteExtraTime {
    /// The extra time after a quorum that took `elapsed`.
    pub fn after(&self, elapsed: Duration) -> Duration {
        let seconds = elapsed.as_secs_f64() * self.factor + self.base.as_secs_f64();
        Duration::try_from_secs_f64(seconds.max(0.0))
            .map_or(EXTRA_TIME_MAX, |time| time.min(EXTRA_TIME_MAX))
    }
}

impl Default for SliverWriteExtraTime {
    fn default() -> Self {
        Self {
            factor: 0.5,
            base: Duration::from_millis(500),
        }
    }
}

/// What happens to nodes that have not answered when the quorum is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TailHandling {
    /// The store returns after the extra time.
    #[default]
    Blocking,
    /// The store returns after certification; the rest goes on in the background.
    Detached,
}

/// Presets of how much is uploaded at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UploadMode {
    /// 500 writes, 12.5 MB in flight.
    Conservative,
    /// 1000 writes, 512 MB in flight.
    #[default]
    Balanced,
    /// 2000 writes, 1.25 GB in flight.
    Aggressive,
}

impl UploadMode {
    /// Concurrent writes of the preset.
    pub const fn max_concurrent_writes(self) -> NonZeroUsize {
        match self {
            Self::Conservative => nonzero(500),
            Self::Balanced => nonzero(1000),
            Self::Aggressive => nonzero(2000),
        }
    }

    /// Bytes in flight of the preset.
    pub const fn max_data_in_flight(self) -> usize {
        match self {
            Self::Conservative => MAX_DATA_IN_FLIGHT,
            Self::Balanced => 512_000_000,
            Self::Aggressive => 1_250_000_000,
        }
    }
}

/// How storage nodes are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeScheme {
    /// TLS, authenticated by the network key each node has published on chain.
    #[default]
    Https,
    /// Plain text, for local networks only. Data is still checked against the blob ID.
    Http,
}

impl NodeScheme {
    /// The scheme as it stands in a URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extra_time_is_proportional_and_bounded() {
        let extra = SliverWriteExtraTime::default();
        assert_eq!(
            extra.after(Duration::from_secs(2)),
            Duration::from_millis(1500)
        );
        let wild = SliverWriteExtraTime {
            factor: f64::MAX,
            base: Duration::ZERO,
        };
        assert_eq!(wild.after(Duration::from_secs(2)), EXTRA_TIME_MAX);
        let negative = SliverWriteExtraTime {
            factor: -10.0,
            base: Duration::ZERO,
        };
        assert_eq!(negative.after(Duration::from_secs(2)), Duration::ZERO);
    }
}
