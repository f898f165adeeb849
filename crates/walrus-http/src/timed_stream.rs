//! Time limits the protocols do not have.
//!
//! Their limits start when the protocol is known: a peer that connects and says nothing, or stops
//! in the middle of the HTTP/2 preface, would hold its connection for ever. And none limits how
//! long a peer may refuse to take an answer, which for a large sliver is a lot of memory held. On
//! the way it counts what the connection moves.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use crate::exchange::Connection;

/// What every HTTP/2 connection starts with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A stream whose first bytes must arrive in time, and whose peer must keep taking what is written.
pub(crate) struct TimedStream<S> {
    stream: S,
    connection: Arc<Connection>,
    /// Gone once the protocol is known.
    first_bytes: Option<Pin<Box<Sleep>>>,
    /// Bytes read so far, all of them equal to the preface.
    matched: usize,
    write_stall_max: Duration,
    /// There while a write waits for the peer.
    write_stall: Option<Pin<Box<Sleep>>>,
}

impl<S> TimedStream<S> {
    pub(crate) fn new(
        stream: S,
        connection: Arc<Connection>,
        first_bytes_max: Duration,
        write_stall_max: Duration,
    ) -> Self {
        Self {
            stream,
            connection,
            first_bytes: Some(Box::pin(sleep(first_bytes_max))),
            matched: 0,
            write_stall_max,
            write_stall: None,
        }
    }

    fn inspect(&mut self, bytes: &[u8]) {
        let expected = &PREFACE[self.matched..];
        let common = expected
            .iter()
            .zip(bytes)
            .take_while(|(left, right)| left == right)
            .count();
        self.matched += common;
        if self.matched == PREFACE.len() || common < bytes.len() {
            self.first_bytes = None;
        }
    }

    fn count_sent(&self, polled: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = polled {
            self.connection.count_sent(*bytes);
        }
    }

    /// Turns a write that has waited too long into an error.
    fn limit_write<T>(
        &mut self,
        context: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.write_stall = None;
            return polled;
        }
        let limit = self.write_stall_max;
        let stall = self
            .write_stall
            .get_or_insert_with(|| Box::pin(sleep(limit)));
        stall
            .as_mut()
            .poll(context)
            .map(|()| Err(timed_out("the peer does not take the answer")))
    }
}

fn timed_out(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, reason)
}

impl<S: AsyncRead + Unpin> AsyncRead for TimedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.connection
            .count_received(buffer.filled().len() - before);
        let Some(deadline) = &mut self.first_bytes else {
            return polled;
        };
        if polled.is_pending() {
            let expired = deadline.as_mut().poll(context);
            return expired.map(|()| Err(timed_out("no request arrived in time")));
        }
        self.inspect(&buffer.filled()[before..]);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.count_sent(&polled);
        self.limit_write(context, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        self.limit_write(context, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(context);
        self.limit_write(context, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.count_sent(&polled);
        self.limit_write(context, polled)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    fn timed<S>(stream: S) -> TimedStream<S> {
        let connection = Connection::new(crate::budget::Holder::NODE);
        TimedStream::new(stream, connection, LIMIT, LIMIT)
    }

    #[tokio::test(start_paused = true)]
    async fn silence_and_half_a_preface_time_out() {
        for sent in [&b""[..], b"PRI * HTTP"] {
            let (mut peer, stream) = tokio::io::duplex(64);
            peer.write_all(sent).await.unwrap();
            let mut stream = timed(stream);
            let mut bytes = Vec::new();
            let error = stream.read_to_end(&mut bytes).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn known_protocols_are_left_to_their_own_limits() {
        for sent in [&b"GET"[..], b"PUT /", PREFACE] {
            let (mut peer, stream) = tokio::io::duplex(64);
            peer.write_all(sent).await.unwrap();
            let mut stream = timed(stream);
            let mut bytes = vec![0; sent.len()];
            stream.read_exact(&mut bytes).await.unwrap();
            sleep(LIMIT * 2).await;
            peer.write_all(b"x").await.unwrap();
            assert_eq!(stream.read_u8().await.unwrap(), b'x');
        }
    }

    #[tokio::test(start_paused = true)]
    async fn peers_must_take_what_is_written_but_may_be_slow() {
        let (mut peer, stream) = tokio::io::duplex(4);
        let mut stream = timed(stream);
        let slow_reader = tokio::spawn(async move {
            for _ in 0..10 {
                sleep(LIMIT / 2).await;
                peer.read_exact(&mut [0; 4]).await.unwrap();
            }
            peer
        });
        stream.write_all(&[0; 44]).await.unwrap();
        // Now the peer reads no more.
        let peer = slow_reader.await.unwrap();
        let error = stream.write_all(&[0; 44]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(peer);
    }
}
