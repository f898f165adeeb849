//! Putting the parts together: routes, what surrounds them, listeners, the end.

use std::{fmt, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderName, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use prometheus_client::registry::Registry;
use serde::Serialize;
use stdx::SaturatingFrom as _;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{Any, CorsLayer},
};
use utoipa::ToSchema;
use walrus_client::WalrusClient;
use walrus_http::{HttpLimits, HttpMetrics, budget::Budget};
use walrus_sui::WalletEnv;

use crate::{
    aggregator::{Aggregator, AggregatorOptions},
    blobs::Blobs,
    blocklist::{Blocklist, BlocklistError},
    cache::{CacheMetrics, DiskCacheError, DiskCacheOptions, Pages},
    listening::{ListenError, Listening, finish, render},
    openapi, paths,
    publisher::{
        AuthConfigError, Publisher, PublisherOptions, WalletsError,
        wallets::{WalletMetrics, Wallets},
    },
    readiness::Readiness,
};

/// How long browsers may remember what is allowed.
const CORS_MAX_AGE: Duration = Duration::from_secs(86_400);
/// Share of the memory for cached pages, for files of quilts, and for answers on their way.
const PAGES_SHARE: u64 = 2;
const PATCHES_SHARE: u64 = 8;
const ANSWERS_SHARE: u64 = 4;
const UPLOADS_SHARE: u64 = 2;
/// Time a peer may take for a whole answer, which may be a blob of gigabytes.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(6 * 3600);

/// Addresses, bounds and files of a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayOptions {
    /// Where the API is served.
    pub bind_address: SocketAddr,
    /// Where the metrics are served.
    pub metrics_address: SocketAddr,
    /// List of blobs that are not served; read again when it changes.
    pub blocklist: Option<PathBuf>,
    /// Bytes of blobs in memory, at most: cached, being fetched, and on their way to readers.
    pub memory_bytes_max: u64,
    /// Where pages of blobs are kept on disk.
    pub disk_cache: Option<DiskCacheOptions>,
    /// What is read, and how; absent if nothing is.
    pub aggregator: Option<AggregatorOptions>,
    /// Time for open requests at shutdown.
    pub shutdown_grace: Duration,
}

/// What a publisher needs besides a client that signs for its main account.
#[derive(Debug, Clone)]
pub struct PublisherSetup {
    /// Bounds and habits.
    pub options: PublisherOptions,
    /// The chain its accounts are on.
    pub env: WalletEnv,
    /// Full nodes, in order of preference.
    pub rpc_urls: Vec<String>,
}

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be used.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The block list cannot be used.
    #[error(transparent)]
    Blocklist(#[from] BlocklistError),
    /// The folder of the cache cannot be used.
    #[error(transparent)]
    DiskCache(#[from] DiskCacheError),
    /// Accounts of the publisher cannot be used.
    #[error(transparent)]
    Wallets(#[from] WalletsError),
    /// Tokens cannot be checked.
    #[error(transparent)]
    Auth(#[from] AuthConfigError),
}

/// A gateway that listens already, and serves while it runs.
pub struct Gateway {
    listening: Listening,
    state: ServiceState,
    blocklist: Option<(Blocklist, PathBuf)>,
    shutdown_grace: Duration,
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}

impl Gateway {
    /// Opens what a gateway needs and begins to listen. `client` reads; for a publisher, it signs
    /// for the main account.
    pub async fn start(
        client: WalrusClient,
        options: GatewayOptions,
        publisher: Option<PublisherSetup>,
    ) -> Result<Self, StartError> {
        let mut registry = Registry::default();
        let http_metrics = HttpMetrics::register(&mut registry);
        let blocklist = match &options.blocklist {
            Some(path) => Some((Blocklist::load(path)?, path.clone())),
            None => None,
        };
        let memory = |share: u64| options.memory_bytes_max / share;
        let metrics = CacheMetrics::register(&mut registry);
        let pages = Pages::new(memory(PAGES_SHARE), options.disk_cache.as_ref(), metrics)?;
        let answers = usize::saturating_from(memory(ANSWERS_SHARE));
        let blocked = blocklist.as_ref().map(|(list, _)| list.clone());
        let aggregator = options.aggregator.as_ref().map(|habits| {
            let blobs = Blobs::new(
                client.clone(),
                blocked.unwrap_or_default(),
                habits.blob_size_max,
                pages,
                memory(PATCHES_SHARE),
                http_metrics.budget("answer_bytes", answers),
            );
            Aggregator::new(blobs, habits)
        });
        let limits = HttpLimits {
            shutdown_grace: Some(options.shutdown_grace),
            answer_timeout: ANSWER_TIMEOUT,
            ..HttpLimits::default()
        };
        let publisher = match publisher {
            Some(setup) => {
                let metrics = WalletMetrics::register(&mut registry);
                let uploads = usize::saturating_from(memory(UPLOADS_SHARE));
                let uploads = http_metrics.budget("upload_bytes", uploads);
                Some(start_publisher(&client, setup, metrics, limits.clone(), uploads).await?)
            }
            None => None,
        };
        let state = ServiceState {
            readiness: Readiness::new(client),
            aggregator: aggregator.clone(),
            publisher,
            registry: Arc::new(registry),
        };
        let routes = routes(state.clone(), aggregator, &options);
        let listening = Listening::begin(
            routes,
            limits,
            http_metrics,
            options.bind_address,
            options.metrics_address,
        );
        Ok(Self {
            listening: listening.await?,
            state,
            blocklist,
            shutdown_grace: options.shutdown_grace,
        })
    }

    /// Where the API is served.
    pub fn address(&self) -> SocketAddr {
        self.listening.address()
    }

    /// Where the metrics are served.
    pub fn metrics_address(&self) -> SocketAddr {
        self.listening.metrics_address()
    }

    /// Serves until `stop`, then lets open requests finish within their time.
    pub async fn run(self, stop: CancellationToken) {
        let tasks = TaskTracker::new();
        let state = self.state.clone();
        if let Some((list, path)) = self.blocklist {
            tasks.spawn(list.follow(path, stop.clone()));
        }
        if let Some(publisher) = &self.state.publisher {
            tasks.spawn(publisher.wallets.clone().keep_filled(stop.clone()));
        }
        tasks.close();
        self.listening.run(move || state.render(), stop).await;
        tasks.wait().await;
        if let Some(publisher) = &self.state.publisher
            && !finish(&publisher.tasks, self.shutdown_grace).await
        {
            tracing::warn!(
                "stores were cut off; what they paid for is collected at the next start"
            );
        }
    }
}

/// Opens the accounts, fills them, and collects what stores that were cut off have left in them.
async fn start_publisher(
    client: &WalrusClient,
    setup: PublisherSetup,
    metrics: WalletMetrics,
    limits: HttpLimits,
    uploads: Arc<Budget>,
) -> Result<Publisher, StartError> {
    let accounts = setup.options.wallets.clone();
    let wallets = Wallets::open(client, &setup.env, &setup.rpc_urls, accounts, metrics)?;
    let publisher = Publisher::new(client.clone(), wallets, setup.options, limits, uploads)?;
    publisher.wallets.fill().await;
    publisher.wallets.collect().await;
    Ok(publisher)
}

/// All routes, and what is around them.
fn routes(state: ServiceState, aggregator: Option<Aggregator>, options: &GatewayOptions) -> Router {
    let mut routes = Router::new()
        .route(paths::STATUS, get(status))
        .route(paths::HEALTH, get(health))
        .with_state(state.clone())
        .merge(openapi::router(openapi::document, "Walrus gateway"));
    if let Some(publisher) = state.publisher {
        routes = routes.merge(publisher.router());
    }
    if let (Some(aggregator), Some(habits)) = (aggregator, &options.aggregator) {
        routes = routes.merge(aggregator.router(habits));
    }
    routes.layer(CatchPanicLayer::new()).layer(cors())
}

/// Every page may read everything. `authorization` must be named: browsers do not count it among
/// all headers.
pub(crate) fn cors() -> CorsLayer {
    let all = HeaderName::from_static("*");
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([
            Method::GET,
            Method::HEAD,
            Method::PUT,
            Method::POST,
            Method::DELETE,
        ])
        .allow_headers([all, header::AUTHORIZATION])
        .expose_headers(Any)
        .max_age(CORS_MAX_AGE)
}

#[derive(Clone)]
pub(crate) struct ServiceState {
    readiness: Readiness,
    aggregator: Option<Aggregator>,
    publisher: Option<Publisher>,
    registry: Arc<Registry>,
}

impl ServiceState {
    fn render(&self) -> Result<String, fmt::Error> {
        if let Some(aggregator) = &self.aggregator {
            aggregator.blobs.pages().sample();
        }
        render(&self.registry)
    }
}

/// Whether the process is alive
#[utoipa::path(get, path = crate::paths::STATUS, tag = "service",
    responses((status = 200, description = "It is: `OK`", body = String)))]
pub(crate) async fn status() -> &'static str {
    "OK"
}

/// What works.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// Reading; absent if this server does not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    read: Option<Ability>,
    /// Storing; absent if this server does not store.
    #[serde(skip_serializing_if = "Option::is_none")]
    write: Option<Ability>,
}

/// Whether something can be done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ability {
    ok: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Ability {
    fn without(obstacle: Option<String>) -> Self {
        Self {
            ok: obstacle.is_none(),
            reason: obstacle,
        }
    }
}

/// Whether the network can be read and written from here
#[utoipa::path(get, path = crate::paths::HEALTH, tag = "service",
    responses(
        (status = 200, description = "Everything works", body = Health),
        (status = 503, description = "Something does not, and why", body = Health),
    ))]
pub(crate) async fn health(State(state): State<ServiceState>) -> Response {
    let network = state.readiness.obstacle().await;
    let read = state
        .aggregator
        .as_ref()
        .map(|_| Ability::without(network.clone()));
    let write = state.publisher.as_ref().map(|publisher| {
        let obstacle = network.clone().or_else(|| publisher.wallets.obstacle());
        Ability::without(obstacle)
    });
    let is_well = [&read, &write]
        .into_iter()
        .flatten()
        .all(|ability| ability.ok);
    let status = if is_well {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let headers = [(header::CACHE_CONTROL, "no-store")];
    (status, headers, Json(Health { read, write })).into_response()
}
