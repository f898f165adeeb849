//! Handing shards over.

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use walrus_core::{
    keys::ProtocolPublicKey,
    messages::{SignedMessage, SyncShardRequest},
    node_api::OCTET_STREAM,
};
use walrus_http::Connection;

use super::{body, error::HttpError, handlers::AppState, limits::SYNC_REQUEST_BYTES_MAX};

pub(super) async fn sync_shard(
    State(state): State<AppState>,
    Extension(connection): Extension<Arc<Connection>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, HttpError> {
    let caller = caller(&headers)?;
    body::check_content_type(&headers)?;
    let received = state
        .read_body(&connection, &headers, body, SYNC_REQUEST_BYTES_MAX)
        .await
        .map_err(body::too_large_for_envelope)?;
    let request: SignedMessage<SyncShardRequest> =
        bcs::from_bytes(&received.bytes).map_err(|error| {
            HttpError::InvalidContentType(format!("the body is not a signed message: {error}"))
        })?;
    let part = state.service.sync_shard(&caller, &request).await?;
    let headers = [
        (header::CONTENT_TYPE, OCTET_STREAM.to_owned()),
        (header::CONTENT_LENGTH, part.content_length().to_string()),
    ];
    Ok((headers, Body::from_stream(part.into_stream())).into_response())
}

/// The protocol key the caller says it has; the signature shows whether that is so.
fn caller(headers: &HeaderMap) -> Result<ProtocolPublicKey, HttpError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Err(HttpError::BadHeader(
            StatusCode::UNAUTHORIZED,
            "Missing Authorization header",
        ));
    };
    let parsed = value.to_str().ok().and_then(|text| text.parse().ok());
    parsed.ok_or(HttpError::BadHeader(
        StatusCode::BAD_REQUEST,
        "Invalid Authorization header",
    ))
}
