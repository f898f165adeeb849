//! Reading request bodies within bounds of size, time and memory.

use std::{sync::Arc, time::Duration};

use axum::{body::Body, http::HeaderMap};
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use http::header::CONTENT_LENGTH;
use tokio::time::{Instant, timeout, timeout_at};

use crate::{
    budget::{Budget, Lease},
    exchange::{Connection, bytes_due},
    limits::{HttpLimits, LINGER_BYTES_MAX, LINGER_MAX},
};

/// Memory taken at first for a body of unknown length.
const UNANNOUNCED_BYTES: usize = 64 * 1024;

/// Why a body was not received.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is larger than the route accepts.
    #[error("the body is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// It stopped, was too slow, or was cut off.
    #[error("{0}")]
    Incomplete(String),
    /// Others hold the memory it needs, for longer than it may wait.
    #[error("too many uploads at a time; try again later")]
    NoMemory,
}

/// In whose name a body is read, and what it may use.
pub struct Reception<'a> {
    /// The connection that brings it.
    pub connection: &'a Connection,
    /// Bounds of size and time.
    pub limits: &'a HttpLimits,
    /// The memory it is charged to.
    pub memory: &'a Arc<Budget>,
}

/// A whole body, and the right to hold it in memory.
#[derive(Debug)]
pub struct Received {
    /// The body.
    pub bytes: Bytes,
    _memory: Vec<Lease>,
}

impl Reception<'_> {
    /// Reads a whole body of at most `bytes_max` bytes.
    ///
    /// Memory is taken when the first bytes are there: a length alone costs nothing. It is taken
    /// for the whole announced length, because bodies that each hold a part and wait for the rest
    /// would wait for ever.
    pub async fn read(
        &self,
        headers: &HeaderMap,
        body: Body,
        bytes_max: usize,
    ) -> Result<Received, BodyError> {
        let announced = content_length(headers);
        let mut stream = body.into_data_stream();
        if announced.is_some_and(|length| length > bytes_max) {
            linger(&mut stream).await;
            return Err(BodyError::TooLarge { limit: bytes_max });
        }
        let mut pace = Pace::new(self);
        let mut memory = Vec::new();
        let mut reserved = 0;
        let mut bytes = BytesMut::new();
        while let Some(part) = pace.next(&mut stream, bytes.is_empty()).await? {
            let part = part.map_err(|error| {
                BodyError::Incomplete(format!("the body did not arrive completely: {error}"))
            })?;
            let len = bytes.len().saturating_add(part.len());
            if len > bytes_max {
                linger(&mut stream).await;
                return Err(BodyError::TooLarge { limit: bytes_max });
            }
            if len > reserved {
                let wanted = announced
                    .unwrap_or(reserved.saturating_mul(2).max(UNANNOUNCED_BYTES))
                    .clamp(len, bytes_max);
                memory.push(self.reserve(wanted - reserved).await?);
                bytes.reserve(wanted - bytes.len());
                reserved = wanted;
                pace.resume();
            }
            bytes.extend_from_slice(&part);
        }
        Ok(Received {
            bytes: bytes.freeze(),
            _memory: memory,
        })
    }

    async fn reserve(&self, bytes: usize) -> Result<Lease, BodyError> {
        let holder = self.connection.holder();
        let lease = self
            .memory
            .take(holder, bytes, self.limits.upload_wait_max)
            .await;
        lease.ok_or(BodyError::NoMemory)
    }
}

/// Throws away a body that is not needed, within bounds, so that the client sees the answer instead
/// of a reset.
pub async fn discard(body: Body) {
    linger(&mut body.into_data_stream()).await;
}

/// How fast a body arrives. One that waits its turn on a connection that brings others is not slow.
struct Pace<'a> {
    connection: &'a Connection,
    limits: &'a HttpLimits,
    deadline: Instant,
    since: Instant,
    received: u64,
}

impl<'a> Pace<'a> {
    fn new(reception: &Reception<'a>) -> Self {
        let now = Instant::now();
        Self {
            connection: reception.connection,
            limits: reception.limits,
            deadline: now + reception.limits.body_timeout,
            since: now,
            received: reception.connection.received(),
        }
    }

    /// Measures anew, after a pause that was the server's.
    fn resume(&mut self) {
        self.since = Instant::now();
        self.received = self.connection.received();
    }

    /// The next part of the stream, unless it is late or the connection slow.
    async fn next<S: futures::Stream + Unpin>(
        &mut self,
        stream: &mut S,
        first: bool,
    ) -> Result<Option<S::Item>, BodyError> {
        let pause_max = if first {
            self.limits.body_begin_timeout
        } else {
            self.limits.body_idle_timeout
        };
        loop {
            let before = self.connection.received();
            match timeout(pause_max, timeout_at(self.deadline, stream.next())).await {
                Ok(Ok(part)) if self.is_fast_enough() => return Ok(part),
                Err(_) if self.moved(before) >= self.due(pause_max) => {}
                _ => {
                    return Err(BodyError::Incomplete(
                        "the body took too long to arrive".into(),
                    ));
                }
            }
        }
    }

    fn is_fast_enough(&self) -> bool {
        let elapsed = self.since.elapsed();
        elapsed < self.limits.transfer_grace || self.moved(self.received) >= self.due(elapsed)
    }

    fn moved(&self, before: u64) -> u64 {
        self.connection.received() - before
    }

    fn due(&self, elapsed: Duration) -> u64 {
        bytes_due(self.limits.transfer_rate_min, elapsed)
    }
}

/// The length the client announced.
fn content_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Throws away the rest of a refused body, within bounds.
async fn linger<S, E>(stream: &mut S)
where
    S: futures::Stream<Item = Result<Bytes, E>> + Unpin,
{
    let mut left = LINGER_BYTES_MAX;
    let drain = async {
        while let Some(Ok(part)) = stream.next().await {
            left = left.saturating_sub(part.len());
            if left == 0 {
                break;
            }
        }
    };
    // Running out of time only means that the client may see a reset.
    let _ = timeout(LINGER_MAX, drain).await;
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;
    use crate::budget::Holder;

    const LIMIT: usize = 10;

    fn limits() -> HttpLimits {
        HttpLimits {
            body_begin_timeout: Duration::from_secs(2),
            body_idle_timeout: Duration::from_secs(3),
            body_timeout: Duration::from_secs(12),
            transfer_grace: Duration::from_secs(60),
            upload_wait_max: Duration::from_secs(1),
            ..HttpLimits::default()
        }
    }

    /// A body of one-byte parts, each after a pause.
    fn dripping(parts: usize, pause: Duration) -> Body {
        Body::from_stream(stream::unfold(0, move |sent| async move {
            if sent == parts {
                return None;
            }
            tokio::time::sleep(pause).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b"x")), sent + 1))
        }))
    }

    async fn read_with(
        headers: &HeaderMap,
        body: Body,
        limits: &HttpLimits,
        memory: &Arc<Budget>,
    ) -> Result<usize, BodyError> {
        let connection = Connection::new(Holder::NODE);
        let reception = Reception {
            connection: &connection,
            limits,
            memory,
        };
        let received = reception.read(headers, body, LIMIT).await?;
        assert_eq!(memory.used(), received.bytes.len());
        Ok(received.bytes.len())
    }

    async fn read_body(body: Body) -> Result<usize, BodyError> {
        let mut headers = HeaderMap::new();
        if let Some(length) = http_body::Body::size_hint(&body).exact() {
            headers.insert(CONTENT_LENGTH, length.into());
        }
        read_with(&headers, body, &limits(), &Budget::new(1_000)).await
    }

    fn assert_incomplete(read: &Result<usize, BodyError>) {
        assert!(matches!(read, Err(BodyError::Incomplete(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn slow_bodies_are_read_within_limits() {
        let second = Duration::from_secs(1);
        assert_eq!(read_body(dripping(LIMIT, second)).await.ok(), Some(LIMIT));
        // Begun too late, and too long in all.
        assert_incomplete(&read_body(dripping(2, second * 4)).await);
        assert_incomplete(&read_body(dripping(9, second * 3 / 2)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_minimum_rate_is_asked_for_after_a_while() {
        let limits = HttpLimits {
            transfer_grace: Duration::from_secs(3),
            transfer_rate_min: 100,
            ..limits()
        };
        let body = dripping(9, Duration::from_secs(1));
        let memory = Budget::new(1_000);
        assert_incomplete(&read_with(&HeaderMap::new(), body, &limits, &memory).await);
        assert_eq!(memory.used(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_taken_with_the_first_bytes_and_waited_for() {
        let memory = Budget::new(LIMIT);
        let other = memory.try_take(Holder::NODE, LIMIT).unwrap();
        let read = read_with(&HeaderMap::new(), Body::from("abc"), &limits(), &memory).await;
        assert!(matches!(read, Err(BodyError::NoMemory)));
        drop(other);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_LENGTH, LIMIT.into());
        let body = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        assert_incomplete(&read_with(&headers, body, &limits(), &memory).await);
        assert_eq!(memory.used(), 0, "nothing arrived");
    }

    #[tokio::test(start_paused = true)]
    async fn sizes_are_limited_announced_or_not() {
        assert_eq!(read_body(vec![0; LIMIT].into()).await.ok(), Some(LIMIT));
        let drip = dripping(LIMIT + 1, Duration::ZERO);
        for (headers, body) in [
            (HeaderMap::new(), drip),
            (
                HeaderMap::from_iter([(CONTENT_LENGTH, (LIMIT + 1).into())]),
                Body::empty(),
            ),
        ] {
            let read = read_with(&headers, body, &limits(), &Budget::new(1_000)).await;
            assert!(matches!(read, Err(BodyError::TooLarge { limit: LIMIT })));
        }
    }
}
