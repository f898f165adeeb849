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
    node_api::{ErrorEnvelope, OCTET_STREAM, paths},
};
use walrus_http::Connection;

use super::{
    body, error::HttpError, handlers::AppState, limits::SYNC_REQUEST_BYTES_MAX, schema::Bcs,
};

/// Slivers of a shard in the order of blob IDs, for the node that gains it. The request is signed
/// with the protocol key that the `Authorization` header names; without that header the answer is
/// 401 in plain text.
#[utoipa::path(
    post,
    path = paths::SYNC_SHARD,
    tag = "recovery",
    params(("Authorization" = String, Header, description = "Protocol key of the caller, in base64")),
    request_body(content = inline(Bcs), content_type = OCTET_STREAM, description = "BCS of the signed request"),
    responses(
        (status = 200, body = inline(Bcs), content_type = OCTET_STREAM, description = "BCS of a list of blob IDs and slivers"),
        (status = 400, body = ErrorEnvelope, description = "INVALID_CONTENT_TYPE, MESSAGE_VERIFICATION_FAILED, SLIVER_COUNT_EXCEEDS_LIMIT, INVALID_EPOCH, SHARD_NOT_ASSIGNED"),
        (status = 403, body = ErrorEnvelope, description = "REQUEST_UNAUTHORIZED"),
        (status = 500, body = ErrorEnvelope, description = "INTERNAL_ERROR"),
        (status = 503, body = ErrorEnvelope, description = "UNAVAILABLE"),
        (status = 504, body = ErrorEnvelope, description = "UNAVAILABLE"),
    )
)]
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
    let holder = connection.holder();
    let part = state.service.sync_shard(&caller, &request, holder).await?;
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
