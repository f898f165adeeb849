//! Routes, and what surrounds every request.

use std::{sync::Arc, time::Instant};

use axum::{
    Extension, Router,
    body::Body,
    extract::{MatchedPath, Request, State},
    http::Version,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{Any, CorsLayer},
};
use walrus_core::node_api::paths;

use super::{
    answer::Answer,
    error::HttpError,
    exchange::{Connection, Exchange},
    handlers::{self, AppState},
    later,
    limits::HttpLimits,
    recovery, sync,
};
use crate::{budget::Budget, metrics::RequestLabels, service::Service};

/// All routes of the node. `scheme` is a label of the request metrics.
pub fn router(service: Arc<Service>, limits: HttpLimits, scheme: &'static str) -> Router {
    let requests = service.metrics().budget("requests", limits.requests_max);
    let state = AppState::new(service, limits);
    let surroundings = Surroundings {
        state: state.clone(),
        requests,
        scheme,
    };
    Router::new()
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
        .route(paths::SYNC_SHARD, post(sync::sync_shard))
        .route(paths::API, get(later::api_document))
        .with_state(state)
        .layer(middleware::from_fn_with_state(surroundings, surround))
        .layer(CatchPanicLayer::new())
        .layer(
            CorsLayer::new()
                .allow_origin(Any)
                .allow_methods(Any)
                .allow_headers(Any),
        )
}

#[derive(Clone)]
struct Surroundings {
    state: AppState,
    requests: Arc<Budget>,
    scheme: &'static str,
}

/// Bounds the number of requests, and measures each.
async fn surround(
    State(around): State<Surroundings>,
    Extension(connection): Extension<Arc<Connection>>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let metrics = around.state.service.metrics().clone();
    let mut labels = RequestLabels {
        http_request_method: request.method().as_str().to_owned(),
        // Unknown paths share one series; anybody can invent paths.
        http_route: request
            .extensions()
            .get::<MatchedPath>()
            .map_or_else(|| "unknown".to_owned(), |path| path.as_str().to_owned()),
        http_response_status_code: 0,
        network_protocol_version: if request.version() == Version::HTTP_2 {
            "2"
        } else {
            "1.1"
        },
        url_scheme: around.scheme,
    };
    if !matches!(
        labels.http_request_method.as_str(),
        "GET" | "PUT" | "POST" | "HEAD" | "OPTIONS"
    ) {
        "other".clone_into(&mut labels.http_request_method);
    }
    let place = around.requests.try_take(connection.holder(), 1);
    let admitted = place.is_some();
    let exchange = Exchange::begin(connection, place, metrics.active_requests.clone());
    let response = if admitted {
        next.run(request).await
    } else {
        HttpError::Unavailable("too many requests at a time; try again later".into())
            .into_response()
    };
    labels.http_response_status_code = response.status().as_u16();
    metrics
        .request_duration
        .get_or_create(&labels)
        .observe(started.elapsed().as_secs_f64());
    response.map(|body| Body::new(Answer::new(body, exchange)))
}
