//! What all servers of this crate have in common: an API and metrics that are listened for, and
//! work that goes on for a while when they end.

use std::{fmt, io, net::SocketAddr, time::Duration};

use axum::{
    Router,
    response::{IntoResponse as _, Response},
};
use prometheus_client::{encoding::text::encode, registry::Registry};
use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use walrus_http::{
    HttpLimits, HttpMetrics, HttpServer, Network, Scheme, Tcp, serve_metrics, surround,
};

use crate::error::ApiError;

/// Accepts connections from the network of the system.
type Listener = <Tcp as Network>::Listener;

/// An address cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct ListenError {
    /// The address.
    pub address: SocketAddr,
    /// Why.
    pub source: io::Error,
}

/// An API and metrics that are listened for already, and served while it runs.
pub(crate) struct Listening {
    server: HttpServer<Listener>,
    metrics_listener: Listener,
    address: SocketAddr,
    metrics_address: SocketAddr,
}

impl Listening {
    /// Begins to listen.
    pub(crate) async fn begin(
        routes: Router,
        limits: HttpLimits,
        metrics: HttpMetrics,
        address: SocketAddr,
        metrics_address: SocketAddr,
    ) -> Result<Self, ListenError> {
        let scheme = Scheme::Http;
        let requests_max = limits.requests_max;
        let router = surround(routes, &metrics, requests_max, scheme.name(), busy);
        let (listener, address) = bind(address).await?;
        let (metrics_listener, metrics_address) = bind(metrics_address).await?;
        Ok(Self {
            server: HttpServer::new(listener, router, scheme, limits, metrics),
            metrics_listener,
            address,
            metrics_address,
        })
    }

    /// Where the API is served.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the metrics are served.
    pub(crate) fn metrics_address(&self) -> SocketAddr {
        self.metrics_address
    }

    /// Serves until `stop`, then lets open requests finish within their time.
    pub(crate) async fn run<F>(self, render: F, stop: CancellationToken)
    where
        F: Fn() -> Result<String, fmt::Error> + Clone + Send + Sync + 'static,
    {
        let metrics = serve_metrics(self.metrics_listener, render, stop.clone());
        let metrics = tokio::spawn(metrics);
        self.server.run(stop).await;
        // It ends with the token; that it failed is in the log.
        let _ = metrics.await;
    }
}

/// All metrics as text.
pub(crate) fn render(registry: &Registry) -> Result<String, fmt::Error> {
    let mut text = String::new();
    encode(&mut text, registry)?;
    Ok(text)
}

/// Lets work end that nobody waits for any more, but that is paid for; whether it did in time.
pub(crate) async fn finish(tasks: &TaskTracker, grace: Duration) -> bool {
    tasks.close();
    timeout(grace, tasks.wait()).await.is_ok()
}

async fn bind(address: SocketAddr) -> Result<(Listener, SocketAddr), ListenError> {
    let failed = |source| ListenError { address, source };
    let listener = Tcp.bind(address).await.map_err(failed)?;
    let address = axum::serve::Listener::local_addr(&listener).map_err(failed)?;
    Ok((listener, address))
}

fn busy() -> Response {
    ApiError::busy().into_response()
}
