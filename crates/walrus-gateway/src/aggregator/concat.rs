//! Several blobs as one answer.

use std::sync::Arc;

use axum::{
    Extension, Json,
    body::Body,
    extract::{State, rejection::JsonRejection},
    http::{HeaderMap, Method},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use utoipa::{IntoParams, ToSchema};
use walrus_core::{BlobId, ObjectId, node_api::ErrorStatus};
use walrus_http::{Connection, budget::Holder};

use super::{Aggregator, blobs::ConsistencyQuery};
use crate::{
    blobs::Opened,
    content::{entity_tag, representation_headers},
    error::{ApiError, Reason},
    extract::QueryOf,
};

/// Blobs in one answer.
const IDS_MAX: usize = 1_000;

/// Which blobs, in the query string.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConcatQuery {
    /// Blob IDs and object IDs, separated by commas
    #[serde(default)]
    ids: Option<String>,
    /// Encode every blob again
    #[serde(default)]
    strict_consistency_check: bool,
    /// Accepted for compatibility
    #[serde(default)]
    skip_consistency_check: bool,
}

/// Which blobs, as JSON.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConcatRequest {
    /// Blob IDs and object IDs
    ids: Vec<String>,
    /// Encode every blob again
    #[serde(default)]
    strict_consistency_check: bool,
    /// Accepted for compatibility
    #[serde(default)]
    skip_consistency_check: bool,
}

/// Read several blobs as one
#[utoipa::path(get, path = crate::paths::CONCAT, tag = "aggregator", params(ConcatQuery),
    responses(
        (status = 200, description = "The blobs one after the other", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 400, description = "INVALID_ID_FORMAT"),
        (status = 404, description = "BLOB_NOT_FOUND or OBJECT_ID_RESOLUTION_FAILED"),
    ))]
pub(crate) async fn by_query(
    State(aggregator): State<Aggregator>,
    Extension(connection): Extension<Arc<Connection>>,
    QueryOf(query): QueryOf<ConcatQuery>,
    method: Method,
    request: HeaderMap,
) -> Result<Response, ApiError> {
    let ids = query.ids.ok_or_else(|| {
        ApiError::bad_request("Failed to deserialize query string: missing field `ids`")
    })?;
    let check = ConsistencyQuery {
        strict_consistency_check: query.strict_consistency_check,
        skip_consistency_check: query.skip_consistency_check,
    };
    let ids = ids.split(',').map(str::to_owned).collect();
    let concat = Concatenation {
        aggregator,
        holder: connection.holder(),
        check,
    };
    concat.answer(ids, &method, &request).await
}

/// Read several blobs as one
#[utoipa::path(post, path = crate::paths::CONCAT, tag = "aggregator", request_body = ConcatRequest,
    responses(
        (status = 200, description = "The blobs one after the other", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 400, description = "INVALID_ID_FORMAT"),
        (status = 404, description = "BLOB_NOT_FOUND or OBJECT_ID_RESOLUTION_FAILED"),
        (status = 415, description = "The content type is not JSON"),
    ))]
pub(crate) async fn by_body(
    State(aggregator): State<Aggregator>,
    Extension(connection): Extension<Arc<Connection>>,
    method: Method,
    headers: HeaderMap,
    request: Result<Json<ConcatRequest>, JsonRejection>,
) -> Result<Response, ApiError> {
    let Json(request) =
        request.map_err(|rejection| ApiError::Plain(rejection.status(), rejection.body_text()))?;
    let check = ConsistencyQuery {
        strict_consistency_check: request.strict_consistency_check,
        skip_consistency_check: request.skip_consistency_check,
    };
    let concat = Concatenation {
        aggregator,
        holder: connection.holder(),
        check,
    };
    concat.answer(request.ids, &method, &headers).await
}

struct Concatenation {
    aggregator: Aggregator,
    holder: Holder,
    check: ConsistencyQuery,
}

impl Concatenation {
    async fn answer(
        self,
        ids: Vec<String>,
        method: &Method,
        request: &HeaderMap,
    ) -> Result<Response, ApiError> {
        if ids.is_empty() {
            return Err(ApiError::bad_request("no IDs are given"));
        }
        if ids.len() > IDS_MAX {
            let text = format!("at most {IDS_MAX} blobs are concatenated");
            return Err(ApiError::bad_request(text));
        }
        let digest = Sha256::digest(ids.join(","));
        let etag = entity_tag(&BASE64_URL_SAFE_NO_PAD.encode(digest));
        let mut headers = representation_headers(request, &etag);
        let mut blobs = Vec::with_capacity(ids.len());
        for (position, id) in ids.iter().enumerate() {
            blobs.push(
                self.resolve(id, (position == 0).then_some(&mut headers))
                    .await?,
            );
        }
        if *method == Method::HEAD {
            return Ok((headers, Body::empty()).into_response());
        }
        let body = self
            .aggregator
            .blobs
            .concatenation(self.holder, blobs)
            .await?;
        Ok((headers, body).into_response())
    }

    /// The blob of an ID of either kind. The attributes of an object go to `headers`.
    async fn resolve(
        &self,
        id: &str,
        headers: Option<&mut HeaderMap>,
    ) -> Result<Arc<Opened>, ApiError> {
        let blobs = &self.aggregator.blobs;
        let blob_id = if let Ok(blob_id) = id.parse::<BlobId>() {
            blob_id
        } else if let Ok(object_id) = id.parse::<ObjectId>() {
            let object = blobs.object(object_id).await.map_err(|error| {
                tracing::debug!(%error, "object not resolved");
                let reason = Reason::ObjectIdResolutionFailed;
                let message = format!("object {object_id} is no blob that can be found");
                ApiError::typed(ErrorStatus::NotFound, reason, message)
            })?;
            if let Some(headers) = headers {
                let attributes = object.attributes.iter().map(|(key, value)| (key, value));
                self.aggregator.allowed.add_attributes(headers, attributes);
            }
            object.blob.blob_id
        } else {
            let message = "an ID is neither a blob ID nor an object ID";
            let status = ErrorStatus::InvalidArgument;
            return Err(ApiError::typed(status, Reason::InvalidIdFormat, message));
        };
        let opened = blobs.open(&blob_id).await?;
        self.check
            .apply(&self.aggregator, self.holder, &opened)
            .await?;
        Ok(opened)
    }
}
