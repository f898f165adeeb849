//! Where connections come from: sockets of the system, or a network in memory.

use std::{io, net::SocketAddr};

use axum::serve::Listener;
use tokio::net::TcpListener;

/// Gives a node the addresses it listens on.
pub trait Network: Send + Sync {
    /// What accepts connections.
    type Listener: Listener<Addr = SocketAddr>;

    /// Listens on an address; port 0 stands for any that is free.
    fn bind(&self, address: SocketAddr) -> impl Future<Output = io::Result<Self::Listener>> + Send;
}

/// The network of the system.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tcp;

impl Network for Tcp {
    type Listener = axum::serve::TapIo<TcpListener, fn(&mut tokio::net::TcpStream)>;

    async fn bind(&self, address: SocketAddr) -> io::Result<Self::Listener> {
        use axum::serve::ListenerExt as _;
        Ok(TcpListener::bind(address).await?.tap_io(send_at_once))
    }
}

/// Answers are written whole; waiting to fill packets only delays them.
fn send_at_once(stream: &mut tokio::net::TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot disable Nagle's algorithm");
    }
}
