//! How requests reach nodes: over the network, unless a program brings another way.

use std::fmt;

use futures::future::BoxFuture;
use reqwest::{Request, Response};

/// Carries a request to the node its URL names, and the answer back.
pub trait Transport: Send + Sync + 'static {
    /// Sends a request. The body of the answer may arrive later than its head.
    fn send(&self, request: Request) -> BoxFuture<'static, Result<Response, TransportError>>;
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// There is no connection to the node.
    #[error("{0}")]
    Unreachable(String),
    /// The connection ended before the answer.
    #[error("{0}")]
    Broken(String),
}

impl fmt::Debug for dyn Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport")
    }
}
