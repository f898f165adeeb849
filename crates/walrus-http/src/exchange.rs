//! What is known of one connection while it is open: its exchanges of request and answer, and what
//! it moves.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use prometheus_client::metrics::gauge::Gauge;
use stdx::{Mutex, SaturatingFrom as _};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    budget::{Holder, Lease},
    limits::HttpLimits,
};

/// How often the limits of a connection are checked, in parts of the time they allow.
const CHECKS_PER_GRACE: u32 = 8;

/// Why the server closes a connection. The texts are labels of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CloseReason {
    /// No exchange for too long.
    Idle,
    /// It was idle, and somebody else needed the place.
    Evicted,
    /// The peer takes answers more slowly than the minimum rate.
    SlowPeer,
    /// One answer was not taken completely in time.
    AnswerTimeout,
}

impl CloseReason {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Evicted => "evicted",
            Self::SlowPeer => "slow_peer",
            Self::AnswerTimeout => "answer_timeout",
        }
    }
}

/// An open connection.
#[derive(Debug)]
pub struct Connection {
    holder: Holder,
    received: AtomicU64,
    sent: AtomicU64,
    exchanges: Mutex<Exchanges>,
    evicted: CancellationToken,
}

#[derive(Debug)]
struct Exchanges {
    next: u64,
    open: usize,
    /// Since when there has been no exchange, while there is none.
    idle_since: Instant,
    /// Answers the peer could take, and since when.
    waiting: BTreeMap<u64, Instant>,
    /// Start of the present measurement of the rate, and the bytes sent by then.
    measured_since: Instant,
    measured_from: u64,
}

impl Connection {
    pub(crate) fn new(holder: Holder) -> Arc<Self> {
        let now = Instant::now();
        Arc::new(Self {
            holder,
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            exchanges: Mutex::new(Exchanges {
                next: 0,
                open: 0,
                idle_since: now,
                waiting: BTreeMap::new(),
                measured_since: now,
                measured_from: 0,
            }),
            evicted: CancellationToken::new(),
        })
    }

    /// Whose connection it is.
    pub fn holder(&self) -> Holder {
        self.holder
    }

    /// Bytes received so far.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    pub(crate) fn count_received(&self, bytes: usize) {
        self.received.fetch_add(to_u64(bytes), Ordering::Relaxed);
    }

    pub(crate) fn count_sent(&self, bytes: usize) {
        self.sent.fetch_add(to_u64(bytes), Ordering::Relaxed);
    }

    /// Since when the connection has been idle; `None` while it is not.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let exchanges = self.exchanges.lock();
        (exchanges.open == 0).then_some(exchanges.idle_since)
    }

    /// Asks the connection to end.
    pub(crate) fn evict(&self) {
        self.evicted.cancel();
    }

    /// Completes when the connection must be closed.
    pub(crate) async fn broken_limit(&self, limits: &HttpLimits) -> CloseReason {
        let pause = limits.transfer_grace.min(limits.idle_timeout) / CHECKS_PER_GRACE;
        loop {
            tokio::select! {
                biased;
                () = self.evicted.cancelled() => return CloseReason::Evicted,
                () = sleep(pause) => {}
            }
            if let Some(reason) = self.check(Instant::now(), limits) {
                return reason;
            }
        }
    }

    fn check(&self, now: Instant, limits: &HttpLimits) -> Option<CloseReason> {
        let sent = self.sent.load(Ordering::Relaxed);
        let mut exchanges = self.exchanges.lock();
        if exchanges.open == 0 {
            let idle = now.saturating_duration_since(exchanges.idle_since);
            return (idle >= limits.idle_timeout).then_some(CloseReason::Idle);
        }
        let Some(oldest) = exchanges.waiting.values().min().copied() else {
            exchanges.measure(now, sent);
            return None;
        };
        if now.saturating_duration_since(oldest) >= limits.answer_timeout {
            return Some(CloseReason::AnswerTimeout);
        }
        // The rate counts only while there was something to take all the time.
        if oldest > exchanges.measured_since {
            exchanges.measured_since = oldest;
            exchanges.measured_from = sent;
        }
        let elapsed = now.saturating_duration_since(exchanges.measured_since);
        if elapsed < limits.transfer_grace {
            return None;
        }
        let moved = sent - exchanges.measured_from;
        if moved < bytes_due(limits.transfer_rate_min, elapsed) {
            return Some(CloseReason::SlowPeer);
        }
        exchanges.measure(now, sent);
        None
    }
}

impl Exchanges {
    fn measure(&mut self, now: Instant, sent: u64) {
        self.measured_since = now;
        self.measured_from = sent;
    }
}

/// Bytes that must have moved in `elapsed`.
pub(crate) fn bytes_due(rate_min: u64, elapsed: Duration) -> u64 {
    let millis = u64::saturating_from(elapsed.as_millis());
    rate_min.saturating_mul(millis) / 1_000
}

fn to_u64(bytes: usize) -> u64 {
    u64::saturating_from(bytes)
}

/// A request from its head on, and its answer until the last byte has left (or the peer has).
#[derive(Debug)]
pub(crate) struct Exchange {
    connection: Arc<Connection>,
    number: u64,
    active: Gauge<i64>,
    _place: Option<Lease>,
}

impl Exchange {
    /// Begins an exchange. `active` counts all exchanges that are going on.
    pub(crate) fn begin(
        connection: Arc<Connection>,
        place: Option<Lease>,
        active: Gauge<i64>,
    ) -> Arc<Self> {
        let number = {
            let mut exchanges = connection.exchanges.lock();
            exchanges.open += 1;
            exchanges.next += 1;
            exchanges.next
        };
        active.inc();
        Arc::new(Self {
            connection,
            number,
            active,
            _place: place,
        })
    }

    /// From now on the peer has something to take.
    pub(crate) fn peers_turn(&self) {
        let mut exchanges = self.connection.exchanges.lock();
        exchanges
            .waiting
            .entry(self.number)
            .or_insert_with(Instant::now);
    }

    /// The server has nothing ready for the peer: the peer's time does not run.
    pub(crate) fn servers_turn(&self) {
        self.connection
            .exchanges
            .lock()
            .waiting
            .remove(&self.number);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.active.dec();
        let mut exchanges = self.connection.exchanges.lock();
        exchanges.open -= 1;
        exchanges.waiting.remove(&self.number);
        exchanges.idle_since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> HttpLimits {
        HttpLimits {
            idle_timeout: Duration::from_secs(60),
            transfer_grace: Duration::from_secs(8),
            transfer_rate_min: 1_000,
            answer_timeout: Duration::from_secs(100),
            ..HttpLimits::default()
        }
    }

    /// Sends `bytes` per second until the connection is closed; returns why and after how many
    /// seconds.
    async fn life(connection: &Connection, bytes: usize) -> (CloseReason, u64) {
        let started = Instant::now();
        let limits = limits();
        let closed = connection.broken_limit(&limits);
        tokio::pin!(closed);
        loop {
            tokio::select! {
                biased;
                reason = &mut closed => return (reason, started.elapsed().as_secs()),
                () = sleep(Duration::from_secs(1)) => connection.count_sent(bytes),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn idle_connections_end_and_those_that_wait_for_the_server_do_not() {
        let connection = Connection::new(Holder::NODE);
        assert_eq!(life(&connection, 0).await, (CloseReason::Idle, 60));
        let exchange = Exchange::begin(connection.clone(), None, Gauge::default());
        assert_eq!(connection.idle_since(), None);
        let life = tokio::time::timeout(Duration::from_secs(500), life(&connection, 0)).await;
        assert!(life.is_err(), "the server has not answered yet");
        drop(exchange);
        assert!(connection.idle_since().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn answers_must_be_taken_at_a_rate_and_in_time() {
        for (rate, expected) in [
            (0, (CloseReason::SlowPeer, 8)),
            (500, (CloseReason::SlowPeer, 8)),
            (2_000, (CloseReason::AnswerTimeout, 100)),
        ] {
            let connection = Connection::new(Holder::NODE);
            let exchange = Exchange::begin(connection.clone(), None, Gauge::default());
            exchange.peers_turn();
            assert_eq!(life(&connection, rate).await, expected, "{rate} bytes/s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn evicted_connections_end_at_once() {
        let connection = Connection::new(Holder::NODE);
        connection.evict();
        assert_eq!(life(&connection, 0).await, (CloseReason::Evicted, 0));
    }
}
