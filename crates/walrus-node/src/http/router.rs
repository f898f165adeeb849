//! Routes, and what surrounds every request.

use std::sync::Arc;

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{Any, CorsLayer},
};
use walrus_core::node_api::paths;
use walrus_http::{HttpLimits, surround};

use super::{
    document,
    error::HttpError,
    handlers::{self, AppState},
    recovery, sync,
};
use crate::service::Service;

/// All routes of the node. `scheme` is a label of the request metrics.
pub fn router(service: Arc<Service>, limits: HttpLimits, scheme: &'static str) -> Router {
    let metrics = service.metrics().http.clone();
    let requests_max = limits.requests_max;
    let state = AppState::new(service, limits);
    let routes = Router::new()
        .route(
            paths::METADATA,
            get(handlers::get_metadata).put(handlers::put_metadata),
        )
        .route(paths::METADATA_STATUS, get(handlers::metadata_status))
        .route(
            paths::SLIVER,
            get(handlers::get_sliver).put(handlers::put_sliver),
        )
        .route(paths::SLIVER_STATUS, get(handlers::sliver_status))
        .route(
            paths::PERMANENT_CONFIRMATION,
            get(handlers::permanent_confirmation),
        )
        .route(
            paths::DELETABLE_CONFIRMATION,
            get(handlers::deletable_confirmation),
        )
        .route(paths::BLOB_STATUS, get(handlers::blob_status))
        .route(paths::HEALTH, get(handlers::health))
        .route(paths::RECOVERY_SYMBOLS, get(recovery::recovery_symbols))
        .route(paths::DECODING_SYMBOLS, get(recovery::decoding_symbols))
        .route(
            paths::INCONSISTENCY_PROOF,
            post(recovery::inconsistency_proof),
        )
        .route(paths::COLUMNS, post(recovery::columns))
        .route(paths::SYNC_SHARD, post(sync::sync_shard))
        .route(paths::API, get(document::page))
        .route(paths::API_DOCUMENT, get(document::text))
        .with_state(state);
    surround(routes, &metrics, requests_max, scheme, too_many_requests)
        .layer(CatchPanicLayer::new())
        .layer(
            CorsLayer::new()
                .allow_origin(Any)
                .allow_methods(Any)
                .allow_headers(Any),
        )
}

fn too_many_requests() -> Response {
    HttpError::Unavailable("too many requests at a time; try again later".into()).into_response()
}
