//! A time limit on the bytes that tell HTTP/2 from HTTP/1.1.
//!
//! The protocols have their own time limits, but those start when the protocol is known. A peer that connects and says
//! nothing, or stops in the middle of the HTTP/2 preface, would otherwise hold its connection for ever.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// What every HTTP/2 connection starts with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A stream whose first bytes must arrive in time.
pub(super) struct FirstBytes<S> {
    stream: S,
    /// Gone once the protocol is known.
    deadline: Option<Pin<Box<Sleep>>>,
    /// Bytes read so far, all of them equal to the preface.
    matched: usize,
}

impl<S> FirstBytes<S> {
    pub(super) fn new(stream: S, limit: Duration) -> Self {
        Self {
            stream,
            deadline: Some(Box::pin(sleep(limit))),
            matched: 0,
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
            self.deadline = None;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FirstBytes<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let Some(deadline) = &mut self.deadline else {
            return polled;
        };
        if polled.is_pending() {
            return deadline.as_mut().poll(context).map(|()| {
                Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "no request arrived in time",
                ))
            });
        }
        self.inspect(&buffer.filled()[before..]);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FirstBytes<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn silence_and_half_a_preface_time_out() {
        for sent in [&b""[..], b"PRI * HTTP"] {
            let (mut peer, stream) = tokio::io::duplex(64);
            peer.write_all(sent).await.unwrap();
            let mut stream = FirstBytes::new(stream, LIMIT);
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
            let mut stream = FirstBytes::new(stream, LIMIT);
            let mut bytes = vec![0; sent.len()];
            stream.read_exact(&mut bytes).await.unwrap();
            sleep(LIMIT * 2).await;
            peer.write_all(b"x").await.unwrap();
            assert_eq!(stream.read_u8().await.unwrap(), b'x');
        }
    }
}
