//! One HTTP port for native gRPC (HTTP/2), grpc-web (HTTP/1.1 or 2), health and time control.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use sui_rpc::{headers, proto::timestamp_ms_to_proto};
use tonic_web::GrpcWebLayer;
use tower::{Layer, ServiceExt};
use tower_http::cors::{AllowHeaders, Any, CorsLayer};

use crate::{
    chain::{AdvanceError, Chain, ClockError},
    rpc::Rpc,
};

/// How long browsers may remember the answer to a preflight request.
const PREFLIGHT_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Headers browsers must let scripts read; without the gRPC ones, errors look like missing answers.
const EXPOSED_HEADERS: [&str; 11] = [
    "grpc-status",
    "grpc-message",
    "grpc-status-details-bin",
    headers::X_SUI_CHAIN_ID,
    headers::X_SUI_CHAIN,
    headers::X_SUI_CHECKPOINT_HEIGHT,
    headers::X_SUI_LOWEST_AVAILABLE_CHECKPOINT,
    headers::X_SUI_LOWEST_AVAILABLE_CHECKPOINT_OBJECTS,
    headers::X_SUI_EPOCH,
    headers::X_SUI_TIMESTAMP_MS,
    headers::X_SUI_TIMESTAMP,
];

/// Everything served on the RPC port.
pub(crate) fn routes(chain: Arc<Chain>) -> Router {
    let services = Rpc::new(Arc::clone(&chain)).routes().into_axum_router();
    let grpc = GrpcWebLayer::new().layer(services);
    let dispatch = move |request: Request| {
        let grpc = grpc.clone();
        async move {
            if !is_grpc(request.headers()) {
                return StatusCode::NOT_FOUND.into_response();
            }
            match grpc.oneshot(request).await {
                Ok(response) => response.into_response(),
                Err(never) => match never {},
            }
        }
    };
    let public = Router::new()
        .route("/health", get(|| async { "OK" }))
        .route("/", post(no_json_rpc))
        .fallback(dispatch)
        .layer(axum::middleware::map_response_with_state(
            Arc::clone(&chain),
            describe_chain,
        ))
        .layer(cors());
    let admin = Router::new()
        .route("/admin/advance-clock", post(advance_clock))
        .with_state(chain)
        .layer(axum::middleware::from_fn(refuse_web_pages));
    public.merge(admin)
}

/// Browsers say which page a request comes from; what changes the chain as a whole is not for
/// pages.
async fn refuse_web_pages(request: Request, next: Next) -> Response {
    if request.headers().contains_key(header::ORIGIN) {
        let refusal = "web pages cannot use the administration of the chain";
        return (StatusCode::FORBIDDEN, refusal).into_response();
    }
    next.run(request).await
}

/// Lets browsers on any origin call.
pub(crate) fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST, Method::OPTIONS])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(EXPOSED_HEADERS.map(HeaderName::from_static))
        .max_age(PREFLIGHT_AGE)
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

/// Adds the headers that tell clients which chain answered, and from which checkpoint.
async fn describe_chain(State(chain): State<Arc<Chain>>, mut response: Response) -> Response {
    let Some(tip) = chain.ledger().tip() else {
        return response;
    };
    let summary = &tip.checkpoint.summary;
    let timestamp = timestamp_ms_to_proto(summary.timestamp_ms);
    let values = [
        (headers::X_SUI_CHAIN_ID, tip.chain_id.to_string()),
        (headers::X_SUI_CHAIN, crate::chain::CHAIN_NAME.to_owned()),
        (headers::X_SUI_EPOCH, summary.epoch.to_string()),
        (
            headers::X_SUI_CHECKPOINT_HEIGHT,
            summary.sequence_number.to_string(),
        ),
        (
            headers::X_SUI_LOWEST_AVAILABLE_CHECKPOINT,
            tip.lowest.to_string(),
        ),
        (
            headers::X_SUI_LOWEST_AVAILABLE_CHECKPOINT_OBJECTS,
            tip.lowest.to_string(),
        ),
        (
            headers::X_SUI_TIMESTAMP_MS,
            summary.timestamp_ms.to_string(),
        ),
        (headers::X_SUI_TIMESTAMP, timestamp.to_string()),
    ];
    for (name, value) in values {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
    }
    response
}

#[derive(Deserialize)]
struct AdvanceClock {
    /// Milliseconds to move ahead.
    ms: u64,
}

#[derive(Serialize)]
struct ClockAdvanced {
    /// The new time, in milliseconds since the Unix epoch.
    timestamp_ms: u64,
}

async fn advance_clock(
    State(chain): State<Arc<Chain>>,
    Json(request): Json<AdvanceClock>,
) -> Response {
    match chain.advance_clock(request.ms).await {
        Ok(timestamp_ms) => Json(ClockAdvanced { timestamp_ms }).into_response(),
        Err(error) => {
            let status = match &error {
                AdvanceError::Clock(ClockError::Store(_)) => StatusCode::INTERNAL_SERVER_ERROR,
                AdvanceError::Clock(_) => StatusCode::BAD_REQUEST,
                AdvanceError::Interrupted(_) => StatusCode::SERVICE_UNAVAILABLE,
            };
            (status, error.to_string()).into_response()
        }
    }
}

/// Tells old clients in their own protocol that it is not spoken here.
async fn no_json_rpc() -> Json<serde_json::Value> {
    Json(serde_json::json!({
        "jsonrpc": "2.0",
        "id": null,
        "error": {
            "code": -32601,
            "message": "JSON-RPC is not served by this chain; use gRPC (sui.rpc.v2) on the same port",
        },
    }))
}
