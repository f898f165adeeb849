//! Accepting connections: TLS or plain, HTTP/1.1 and HTTP/2 on one port, with or without
//! negotiation.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Extension, Router, serve::Listener};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::Layer as _;
use tracing::{debug, info, warn};

use crate::{
    connections::{Connections, Place},
    limits::HttpLimits,
    metrics::HttpMetrics,
    timed_stream::TimedStream,
};

/// A peer that does not answer HTTP/2 pings in this interval and time is gone.
const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(30);
const HTTP2_PING_TIMEOUT: Duration = Duration::from_secs(20);

/// How connections are secured.
#[derive(Clone)]
pub enum Scheme {
    /// TLS.
    Https(Arc<ServerConfig>),
    /// Nothing: a proxy terminates TLS, or the network is local.
    Http,
}

impl Scheme {
    /// The scheme of the server's URLs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Https(_) => "https",
            Self::Http => "http",
        }
    }
}

/// A server of one API on one address.
pub struct HttpServer<L> {
    listener: L,
    router: Router,
    scheme: Scheme,
    limits: HttpLimits,
    metrics: HttpMetrics,
}

impl<L: Listener<Addr = SocketAddr>> HttpServer<L> {
    /// A server on a bound listener.
    pub fn new(
        listener: L,
        router: Router,
        scheme: Scheme,
        limits: HttpLimits,
        metrics: HttpMetrics,
    ) -> Self {
        Self {
            listener,
            router,
            scheme,
            limits,
            metrics,
        }
    }

    /// Serves until `stop`, then lets open requests finish within the grace period.
    pub async fn run(mut self, stop: CancellationToken) {
        let connections = Connections::new(
            self.limits.connections_max,
            self.metrics.connections.clone(),
        );
        let graceful = GracefulShutdown::new();
        let acceptor = match &self.scheme {
            Scheme::Https(config) => Some(TlsAcceptor::from(config.clone())),
            Scheme::Http => None,
        };
        let builder = self.connection_builder();
        let limits = Arc::new(self.limits.clone());
        loop {
            let (stream, peer) = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            let Some(place) = connections.admit(peer.ip().into()) else {
                debug!(%peer, "connection refused: the address has its share");
                self.metrics.count_closed("refused");
                continue;
            };
            let connection = ServedConnection {
                builder: builder.clone(),
                router: self.router.clone(),
                watcher: graceful.watcher(),
                limits: limits.clone(),
                metrics: self.metrics.clone(),
                place,
                peer,
            };
            ambient::spawn(connection.serve(stream, acceptor.clone()));
        }
        drop(self.listener);
        wait_for_requests(graceful, self.limits.shutdown_grace).await;
    }

    fn connection_builder(&self) -> Builder<TokioExecutor> {
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head_timeout);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.limits.http2_streams_max)
            .adaptive_window(true)
            .keep_alive_interval(HTTP2_PING_INTERVAL)
            .keep_alive_timeout(HTTP2_PING_TIMEOUT);
        builder
    }
}

async fn wait_for_requests(graceful: GracefulShutdown, grace: Option<Duration>) {
    let open = graceful.count();
    let Some(grace) = grace else {
        return graceful.shutdown().await;
    };
    if timeout(grace, graceful.shutdown()).await.is_err() {
        warn!(
            connections = open,
            "requests were cut off: the grace period is over"
        );
    } else {
        info!("all requests are answered");
    }
}

/// A connection's bytes.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

struct ServedConnection {
    builder: Builder<TokioExecutor>,
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
    limits: Arc<HttpLimits>,
    metrics: HttpMetrics,
    place: Place,
    peer: SocketAddr,
}

impl ServedConnection {
    /// Serves the connection until the peer ends it, or breaks a limit.
    async fn serve<S: Stream>(self, stream: S, acceptor: Option<TlsAcceptor>) {
        let connection = self.place.connection().clone();
        let (peer, limits, metrics) = (self.peer, self.limits.clone(), self.metrics.clone());
        tokio::select! {
            biased;
            () = self.serve_stream(stream, acceptor) => {}
            reason = connection.broken_limit(&limits) => {
                debug!(%peer, reason = reason.text(), "connection closed");
                metrics.count_closed(reason.text());
            }
        }
    }

    async fn serve_stream<S: Stream>(self, stream: S, acceptor: Option<TlsAcceptor>) {
        let peer = self.peer;
        let Some(acceptor) = acceptor else {
            return self.serve_http(stream).await;
        };
        match timeout(self.limits.head_timeout, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => self.serve_http(stream).await,
            Ok(Err(error)) => debug!(%peer, %error, "TLS handshake failed"),
            Err(_) => debug!(%peer, "TLS handshake took too long"),
        }
    }

    async fn serve_http<S: Stream>(self, stream: S) {
        let connection = self.place.connection().clone();
        let io = TokioIo::new(TimedStream::new(
            stream,
            connection.clone(),
            self.limits.head_timeout,
            self.limits.write_stall_timeout,
        ));
        let service = TowerToHyperService::new(Extension(connection).layer(self.router));
        let served = self.builder.serve_connection(io, service).into_owned();
        let result = self.watcher.watch(served).await;
        if let Err(error) = result {
            debug!(peer = %self.peer, %error, "connection ended");
        }
    }
}
