//! The signals that ask a process to end.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGINT and SIGTERM, from when they are listened for.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Listens from now on: the signals do not end the process any more.
    pub fn listen() -> anyhow::Result<Self> {
        let listen = || -> io::Result<Self> {
            Ok(Self {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
            })
        };
        listen().map_err(|error| anyhow::Error::new(error).context("cannot listen for signals"))
    }

    /// The name of the next signal.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }

    /// Waits for the end of what has been asked to end, unless another signal comes first.
    pub async fn or_at_once<T>(&mut self, end: impl Future<Output = T>) -> anyhow::Result<T> {
        tokio::select! {
            end = end => Ok(end),
            signal = self.next() => anyhow::bail!("stopped at once by a second {signal}"),
        }
    }
}
