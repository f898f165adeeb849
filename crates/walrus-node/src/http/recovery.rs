//! Symbols for those who recover slivers, and proofs that blobs are inconsistent.

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use walrus_core::{
    messages::SignedMessageJson,
    node_api::{
        COLUMNS_REQUEST_BYTES_MAX, ColumnsRequest, DecodingSymbolsQuery, ErrorEnvelope,
        OCTET_STREAM, RecoverySymbolsQuery, Success, paths,
    },
};
use walrus_http::Connection;

use super::{
    body,
    error::HttpError,
    handlers::{AppState, binary, success},
    limits::proof_body_bytes_max,
    path::{AxisPath, BlobPath, QueryString},
    schema::{Bcs, DecodingSymbolsParameters, RecoverySymbolsParameters},
};

/// A query string with repeated keys.
type Pairs = Vec<(String, String)>;

/// Symbols with proofs, for nodes that recover slivers: `id`, or `targetSliver` and `targetType`,
/// but not both.
#[utoipa::path(
    get,
    path = paths::RECOVERY_SYMBOLS,
    tag = "recovery",
    params(BlobPath, RecoverySymbolsParameters),
    responses(
        (status = 200, body = inline(Bcs), content_type = OCTET_STREAM, description = "BCS of a list of symbols with proofs, as many as this node has"),
        (status = 400, body = ErrorEnvelope, description = "NO_SYMBOLS_SPECIFIED, INVALID_FILTER, RECOVERY_SYMBOL_OUT_OF_RANGE, SYMBOL_NOT_PRESENT_AT_SHARDS, INDEX_OUT_OF_RANGE, SHARD_NOT_ASSIGNED"),
        (status = 404, body = ErrorEnvelope, description = "METADATA_NOT_FOUND, SLIVER_NOT_FOUND"),
        (status = 451, body = ErrorEnvelope, description = "FORBIDDEN_BLOB"),
        (status = 500, body = ErrorEnvelope, description = "INTERNAL_ERROR"),
        (status = 503, body = ErrorEnvelope, description = "UNAVAILABLE"),
    )
)]
pub(super) async fn recovery_symbols(
    State(state): State<AppState>,
    Extension(connection): Extension<Arc<Connection>>,
    BlobPath(blob_id): BlobPath,
    QueryString(pairs): QueryString<Pairs>,
) -> Result<Response, HttpError> {
    let query =
        RecoverySymbolsQuery::from_pairs(borrowed(&pairs)).map_err(HttpError::SymbolQuery)?;
    let holder = connection.holder();
    let symbols = state.service.recovery_symbols(blob_id, query, holder);
    Ok(binary(symbols.await?))
}

/// Symbols without proofs, for nodes that decode a whole blob.
#[utoipa::path(
    get,
    path = paths::DECODING_SYMBOLS,
    tag = "recovery",
    params(BlobPath, DecodingSymbolsParameters),
    responses(
        (status = 200, body = inline(Bcs), content_type = OCTET_STREAM, description = "BCS of a map from sliver index to symbols"),
        (status = 400, body = ErrorEnvelope, description = "NO_TARGET_SLIVERS_SPECIFIED, INVALID_FILTER, INDEX_OUT_OF_RANGE, SYMBOL_NOT_PRESENT_AT_SHARDS, SHARD_NOT_ASSIGNED"),
        (status = 404, body = ErrorEnvelope, description = "METADATA_NOT_FOUND, SLIVER_NOT_FOUND"),
        (status = 451, body = ErrorEnvelope, description = "FORBIDDEN_BLOB"),
        (status = 500, body = ErrorEnvelope, description = "INTERNAL_ERROR"),
        (status = 503, body = ErrorEnvelope, description = "UNAVAILABLE"),
    )
)]
pub(super) async fn decoding_symbols(
    State(state): State<AppState>,
    Extension(connection): Extension<Arc<Connection>>,
    BlobPath(blob_id): BlobPath,
    QueryString(pairs): QueryString<Pairs>,
) -> Result<Response, HttpError> {
    let query =
        DecodingSymbolsQuery::from_pairs(borrowed(&pairs)).map_err(HttpError::SymbolQuery)?;
    let holder = connection.holder();
    let symbols = state.service.decoding_symbols(blob_id, query, holder);
    Ok(binary(symbols.await?))
}

/// Columns of many small blobs at once, for nodes that complete shards. Other implementations do
/// not have this; everything in it can be had from them with the symbols of single blobs.
#[utoipa::path(
    post,
    path = paths::COLUMNS,
    tag = "recovery",
    request_body(content = inline(Bcs), content_type = OCTET_STREAM, description = "BCS of a list of shards and a list of blob IDs"),
    responses(
        (status = 200, body = inline(Bcs), content_type = OCTET_STREAM, description = "BCS of a list that has, for each blob asked for, a list of shards and secondary slivers; empty for blobs that are not here or are not small, and shorter than the request when the answer is full"),
        (status = 400, body = ErrorEnvelope, description = "INVALID_CONTENT_TYPE, SLIVER_COUNT_EXCEEDS_LIMIT"),
        (status = 500, body = ErrorEnvelope, description = "INTERNAL_ERROR"),
        (status = 503, body = ErrorEnvelope, description = "UNAVAILABLE"),
        (status = 504, body = ErrorEnvelope, description = "UNAVAILABLE"),
    )
)]
pub(super) async fn columns(
    State(state): State<AppState>,
    Extension(connection): Extension<Arc<Connection>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, HttpError> {
    body::check_content_type(&headers)?;
    let received = state
        .read_body(&connection, &headers, body, COLUMNS_REQUEST_BYTES_MAX)
        .await
        .map_err(body::too_large_for_envelope)?;
    let request: ColumnsRequest = bcs::from_bytes(&received.bytes).map_err(|error| {
        HttpError::InvalidContentType(format!("the body is not a request for columns: {error}"))
    })?;
    let columns = state.service.columns(request, connection.holder());
    Ok(binary(columns.await?))
}

/// Attests that a blob is inconsistent, if the proof proves it.
#[utoipa::path(
    post,
    path = paths::INCONSISTENCY_PROOF,
    tag = "recovery",
    params(AxisPath),
    request_body(content = inline(Bcs), content_type = OCTET_STREAM, description = "BCS of the proof"),
    responses(
        (status = 200, body = Success<SignedMessageJson>, description = "the signed attestation"),
        (status = 400, body = ErrorEnvelope, description = "INVALID_CONTENT_TYPE, INVALID_PROOF, INDEX_OUT_OF_RANGE"),
        (status = 404, body = ErrorEnvelope, description = "METADATA_NOT_FOUND"),
        (status = 500, body = ErrorEnvelope, description = "INTERNAL_ERROR"),
        (status = 503, body = ErrorEnvelope, description = "UNAVAILABLE"),
        (status = 504, body = ErrorEnvelope, description = "UNAVAILABLE"),
    )
)]
pub(super) async fn inconsistency_proof(
    State(state): State<AppState>,
    Extension(connection): Extension<Arc<Connection>>,
    AxisPath(blob_id, axis): AxisPath,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, HttpError> {
    let bytes_max = proof_body_bytes_max(state.service.n_shards());
    let received = state
        .read_body(&connection, &headers, body, bytes_max)
        .await?;
    let body = received.bytes.clone();
    let attestation = state
        .service
        .attest_inconsistency(blob_id, axis, body)
        .await?;
    Ok(success(StatusCode::OK, attestation))
}

fn borrowed(pairs: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    pairs
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
}
