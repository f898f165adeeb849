//! Storing, and what becomes of what was stored. The publisher pays.

pub(crate) mod auth;
mod error;
pub(crate) mod objects;
pub(crate) mod quilts;
pub(crate) mod store;
mod used_tokens;
pub(crate) mod wallets;

use std::sync::Arc;

use axum::{
    Router,
    routing::{delete, get, post, put},
};
use tokio_util::task::TaskTracker;
use walrus_client::WalrusClient;
use walrus_http::{HttpLimits, budget::Budget};

pub use auth::{AuthConfigError, AuthOptions};
pub use wallets::{SubWalletOptions, WalletsError};

use crate::{
    gate::{Gate, gated},
    paths,
};
use auth::Auth;
use wallets::Wallets;

/// Bounds and habits of a publisher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublisherOptions {
    /// Bytes of a blob.
    pub body_bytes_max: usize,
    /// Bytes of a body with the files of a quilt.
    pub quilt_body_bytes_max: usize,
    /// Stores of one route at a time.
    pub concurrent_requests_max: usize,
    /// Stores of one route that wait for that; more are refused.
    pub waiting_requests_max: usize,
    /// Whether objects are destroyed instead of kept: their blobs can then be neither deleted nor
    /// extended.
    pub burn_after_store: bool,
    /// Who may store; everybody if absent.
    pub auth: Option<AuthOptions>,
    /// The accounts that pay.
    pub wallets: SubWalletOptions,
}

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Publisher {
    client: WalrusClient,
    auth: Option<Auth>,
    pub(crate) wallets: Wallets,
    options: Arc<PublisherOptions>,
    limits: Arc<HttpLimits>,
    uploads: Arc<Budget>,
    /// Stores that go on, whether or not somebody waits for them.
    pub(crate) tasks: TaskTracker,
}

impl Publisher {
    pub(crate) fn new(
        client: WalrusClient,
        wallets: Wallets,
        options: PublisherOptions,
        limits: HttpLimits,
        uploads: Arc<Budget>,
    ) -> Result<Self, AuthConfigError> {
        Ok(Self {
            client,
            auth: options.auth.clone().map(Auth::new).transpose()?,
            wallets,
            options: Arc::new(options),
            limits: Arc::new(limits),
            uploads,
            tasks: TaskTracker::new(),
        })
    }

    /// The routes of a publisher.
    pub(crate) fn router(self) -> Router {
        let gate = || {
            let (running, waiting) = (
                self.options.concurrent_requests_max,
                self.options.waiting_requests_max,
            );
            Gate::new("publisher", running, waiting)
        };
        Router::new()
            .route(paths::BLOBS, gated(put(store::put_blob), gate()))
            .route(paths::QUILTS, gated(put(quilts::put_quilt), gate()))
            .route(paths::BLOB_ID, gated(post(objects::blob_id), gate()))
            .route(paths::OBJECTS, gated(get(objects::list), gate()))
            .route(paths::OBJECT, gated(delete(objects::delete), gate()))
            .route(paths::EXTENSION, gated(post(objects::extend), gate()))
            .with_state(self)
    }
}
