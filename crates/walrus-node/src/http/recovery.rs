//! Symbols for those who recover slivers, and proofs that blobs are inconsistent.

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use walrus_core::node_api::{DecodingSymbolsQuery, RecoverySymbolsQuery};
use walrus_http::Connection;

use super::{
    error::HttpError,
    handlers::{AppState, binary, success},
    limits::proof_body_bytes_max,
    path::{AxisPath, BlobPath, QueryString},
};

/// A query string with repeated keys.
type Pairs = Vec<(String, String)>;

pub(super) async fn recovery_symbols(
    State(state): State<AppState>,
    BlobPath(blob_id): BlobPath,
    QueryString(pairs): QueryString<Pairs>,
) -> Result<Response, HttpError> {
    let query =
        RecoverySymbolsQuery::from_pairs(borrowed(&pairs)).map_err(HttpError::SymbolQuery)?;
    Ok(binary(
        state.service.recovery_symbols(blob_id, query).await?,
    ))
}

pub(super) async fn decoding_symbols(
    State(state): State<AppState>,
    BlobPath(blob_id): BlobPath,
    QueryString(pairs): QueryString<Pairs>,
) -> Result<Response, HttpError> {
    let query =
        DecodingSymbolsQuery::from_pairs(borrowed(&pairs)).map_err(HttpError::SymbolQuery)?;
    Ok(binary(
        state.service.decoding_symbols(blob_id, query).await?,
    ))
}

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
