//! The server: listeners, what surrounds requests, the end.

use std::{convert::Infallible, fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use prometheus_client::{encoding::text::encode, registry::Registry};
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use walrus_client::{ClientError, WalrusClient};
use walrus_gateway::{DiskCacheError, DiskCacheOptions, reader::BlobReader};
use walrus_http::{
    HttpLimits, HttpMetrics, HttpServer, Network, Scheme, Tcp, serve_metrics, surround,
};

use crate::{
    access::Access,
    credentials::Credentials,
    hosts::{DomainError, Hosts},
    metrics::Metrics,
    service::Service,
    store::{Rebuilt, Store, StoreOptions, delete_index},
    tables::DiskError,
    unread,
};

/// Time a peer may take for a whole answer, or a whole body, which may be an object of gigabytes.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(6 * 3600);
/// How often the gauges are brought up to date.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);

/// Addresses, bounds and keys of a server.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Where S3 is served.
    pub bind_address: SocketAddr,
    /// Where the metrics are served.
    pub metrics_address: SocketAddr,
    /// Who may.
    pub credentials: Credentials,
    /// Whether objects may be read without a key.
    pub anonymous_read: bool,
    /// Domains below which buckets are names of hosts.
    pub domains: Vec<String>,
    /// Bytes of blobs in memory, at most: cached, being fetched, and on their way to readers.
    pub memory_bytes_max: u64,
    /// Where pages of blobs are kept on disk.
    pub disk_cache: Option<DiskCacheOptions>,
    /// Time for open requests at shutdown.
    pub shutdown_grace: Duration,
    /// How objects are kept.
    pub store: StoreOptions,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// An address cannot be used.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The domains cannot be used.
    #[error(transparent)]
    Domains(#[from] DomainError),
    /// The folder of the cache cannot be used.
    #[error(transparent)]
    DiskCache(#[from] DiskCacheError),
    /// Index or journal cannot be used.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The network cannot be read.
    #[error("the index cannot be compared with the chain: {0}")]
    Client(#[from] ClientError),
    /// What is missing could not be made.
    #[error("{0}")]
    Store(String),
}

/// Accepts connections from the network of the system.
type Listener = <Tcp as Network>::Listener;

/// A server that listens already, and serves while it runs.
pub struct Server {
    http: HttpServer<Listener>,
    metrics_listener: Listener,
    store: Store,
    registry: Arc<Registry>,
    address: SocketAddr,
    metrics_address: SocketAddr,
    rebuilt: Rebuilt,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Opens index and journal, brings them together with the chain, and begins to listen.
    /// `client` signs for the account that
    /// pays; what it owns is what the server has.
    pub async fn start(client: WalrusClient, options: ServerOptions) -> Result<Self, StartError> {
        let hosts = Hosts::new(&options.domains)?;
        let mut registry = Registry::default();
        let http_metrics = HttpMetrics::register(&mut registry);
        let metrics = Metrics::register(&mut registry);
        let reader = BlobReader::new(
            client.clone(),
            options.memory_bytes_max,
            options.disk_cache.as_ref(),
            &http_metrics,
            &mut registry,
        )?;
        let (store, rebuilt) = Store::open(client, reader, options.store, metrics).await?;
        let mut builder = S3ServiceBuilder::new(Service {
            store: store.clone(),
        });
        builder.set_auth(options.credentials);
        builder.set_access(Access {
            anonymous_read: options.anonymous_read,
        });
        builder.set_host(hosts);
        let limits = HttpLimits {
            shutdown_grace: Some(options.shutdown_grace),
            answer_timeout: EXCHANGE_TIMEOUT,
            body_timeout: EXCHANGE_TIMEOUT,
            ..HttpLimits::default()
        };
        let scheme = Scheme::Http;
        let router = surround(
            routes(builder.build()),
            &http_metrics,
            limits.requests_max,
            scheme.name(),
            busy,
        );
        let (listener, address) = bind(options.bind_address).await?;
        let (metrics_listener, metrics_address) = bind(options.metrics_address).await?;
        Ok(Self {
            http: HttpServer::new(listener, router, scheme, limits, http_metrics),
            metrics_listener,
            store,
            registry: Arc::new(registry),
            address,
            metrics_address,
            rebuilt,
        })
    }

    /// Where S3 is served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the metrics are served.
    pub fn metrics_address(&self) -> SocketAddr {
        self.metrics_address
    }

    /// What the start has found.
    pub fn rebuilt(&self) -> Rebuilt {
        self.rebuilt
    }

    /// Serves until `stop`, then lets open requests finish within their time. What is not
    /// certified by then is in the journal.
    pub async fn run(self, stop: CancellationToken) {
        let tasks = TaskTracker::new();
        let registry = Arc::clone(&self.registry);
        let render = move || {
            let mut text = String::new();
            encode(&mut text, &registry)?;
            Ok(text)
        };
        tasks.spawn(serve_metrics(self.metrics_listener, render, stop.clone()));
        tasks.spawn(sample(self.store.clone(), stop.clone()));
        let end = CancellationToken::new();
        let store = self.store.clone();
        let background = {
            let end = end.clone();
            tasks.spawn(async move { store.run(end).await })
        };
        tasks.close();
        self.http.run(stop).await;
        end.cancel();
        if let Err(error) = background.await {
            tracing::error!(%error, "the store ended in a wrong way");
        }
        tasks.wait().await;
    }
}

async fn sample(store: Store, stop: CancellationToken) {
    loop {
        store.sample();
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(SAMPLE_INTERVAL) => {}
        }
    }
}

async fn bind(address: SocketAddr) -> Result<(Listener, SocketAddr), StartError> {
    let failed = |source| StartError::Listen { address, source };
    let listener = Tcp.bind(address).await.map_err(failed)?;
    let address = axum::serve::Listener::local_addr(&listener).map_err(failed)?;
    Ok((listener, address))
}

fn routes(service: S3Service) -> Router {
    Router::new().fallback(move |request: Request| {
        let service = service.clone();
        async move { Ok::<_, Infallible>(answer(service, request).await) }
    })
}

async fn answer(service: S3Service, request: Request) -> Response {
    let (request, reading) = unread::watch(request);
    let request = request.map(s3s::Body::http_body_unsync);
    let answer = match service.call(request).await {
        Ok(response) => response.map(Body::new),
        Err(error) => {
            tracing::error!(?error, "an answer could not be made");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    };
    reading.finish(answer)
}

fn busy() -> Response {
    StatusCode::SERVICE_UNAVAILABLE.into_response()
}

/// Deletes the index of a store that does not run, and builds it anew from the chain and the
/// journal.
pub async fn rebuild(client: WalrusClient, options: StoreOptions) -> Result<Rebuilt, StartError> {
    delete_index(&options.data_folder).await?;
    let mut registry = Registry::default();
    let http_metrics = HttpMetrics::register(&mut registry);
    let metrics = Metrics::register(&mut registry);
    let reader = BlobReader::new(client.clone(), 0, None, &http_metrics, &mut registry)?;
    let (_, rebuilt) = Store::open(client, reader, options, metrics).await?;
    Ok(rebuilt)
}
