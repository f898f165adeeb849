//! The upload relay: encodes and distributes blobs for clients that cannot, such as pages in
//! browsers.
//!
//! A client registers its blob, pays the tip if one is asked for, and sends the bytes here; the
//! answer is what it needs to certify the blob itself. The relay has no wallet.

pub(crate) mod api;
mod checks;
mod config;
mod error;
mod metrics;

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    routing::{get, post},
};
use prometheus_client::registry::Registry;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower_http::catch_panic::CatchPanicLayer;
use walrus_client::WalrusClient;
use walrus_core::upload_relay::{TIP_CONFIG_PATH, UPLOAD_PATH};
use walrus_http::{HttpLimits, HttpMetrics, budget::Budget};

pub use config::{RelayConfig, RelayConfigError};

use crate::{
    listening::{ListenError, Listening, finish, render},
    openapi, paths,
    service::{cors, status},
};
use metrics::RelayMetrics;

/// Time for a whole body: a gigabyte over a slow line. How fast it must arrive is bounded, too.
const BODY_TIMEOUT: Duration = Duration::from_secs(3600);
/// Time a peer may wait for its answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3600);

/// Addresses and bounds of a relay, and what it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayOptions {
    /// Where the API is served.
    pub server_address: SocketAddr,
    /// Where the metrics are served.
    pub metrics_address: SocketAddr,
    /// What is asked for.
    pub config: RelayConfig,
    /// Bytes of a blob.
    pub body_bytes_max: usize,
    /// Bytes of all bodies that arrive, wait or are distributed. Encoding takes several times a
    /// blob on top.
    pub upload_bytes_max: usize,
    /// Blobs that are encoded and distributed at a time.
    pub concurrent_uploads_max: usize,
    /// Blobs that have arrived and wait for that; more are refused.
    pub waiting_uploads_max: usize,
    /// Time for open uploads at shutdown.
    pub shutdown_grace: Duration,
}

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct RelayState {
    client: WalrusClient,
    options: Arc<RelayOptions>,
    limits: Arc<HttpLimits>,
    memory: Arc<Budget>,
    metrics: RelayMetrics,
    /// Places for blobs that are distributed.
    running: Arc<Semaphore>,
    /// Places for those and those that wait.
    admitted: Arc<Semaphore>,
    /// Uploads that go on, whether or not somebody waits for them: their tips are paid.
    tasks: TaskTracker,
}

/// A relay that listens already, and serves while it runs.
pub struct Relay {
    listening: Listening,
    registry: Arc<Registry>,
    tasks: TaskTracker,
    shutdown_grace: Duration,
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay")
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}

impl Relay {
    /// Begins to listen. `client` needs no wallet.
    pub async fn start(client: WalrusClient, options: RelayOptions) -> Result<Self, ListenError> {
        let mut registry = Registry::default();
        let http_metrics = HttpMetrics::register(&mut registry);
        let limits = HttpLimits {
            shutdown_grace: Some(options.shutdown_grace),
            body_timeout: BODY_TIMEOUT,
            answer_timeout: ANSWER_TIMEOUT,
            ..HttpLimits::default()
        };
        let running = options
            .concurrent_uploads_max
            .clamp(1, Semaphore::MAX_PERMITS);
        let admitted = running.saturating_add(options.waiting_uploads_max);
        let tasks = TaskTracker::new();
        let state = RelayState {
            client,
            limits: Arc::new(limits.clone()),
            memory: http_metrics.budget("upload_bytes", options.upload_bytes_max),
            metrics: RelayMetrics::register(&mut registry),
            running: Arc::new(Semaphore::new(running)),
            admitted: Arc::new(Semaphore::new(admitted.min(Semaphore::MAX_PERMITS))),
            tasks: tasks.clone(),
            options: Arc::new(options.clone()),
        };
        let listening = Listening::begin(
            routes(state),
            limits,
            http_metrics,
            options.server_address,
            options.metrics_address,
        );
        Ok(Self {
            listening: listening.await?,
            registry: Arc::new(registry),
            tasks,
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

    /// Serves until `stop`, then lets open uploads finish within their time.
    pub async fn run(self, stop: CancellationToken) {
        let registry = self.registry;
        self.listening.run(move || render(&registry), stop).await;
        if !finish(&self.tasks, self.shutdown_grace).await {
            tracing::warn!("uploads were cut off; their clients can send them again");
        }
    }
}

fn routes(state: RelayState) -> Router {
    Router::new()
        .route(TIP_CONFIG_PATH, get(api::tip_config))
        .route(UPLOAD_PATH, post(api::upload))
        .with_state(state)
        .route(paths::STATUS, get(status))
        .merge(openapi::router(
            openapi::relay_document,
            "Walrus upload relay",
        ))
        .layer(CatchPanicLayer::new())
        .layer(cors())
}
