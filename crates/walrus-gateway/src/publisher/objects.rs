//! What was stored before: listing it, keeping it longer, deleting it.

use std::sync::Arc;

use axum::{Extension, Json, body::Body, extract::State, http::HeaderMap};
use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, serde_as};
use tokio::task::spawn_blocking;
use walrus_client::{BlobInput, ClientError, results::BlobObject};
use walrus_contracts::types::Blob;
use walrus_core::{BlobId, EpochCount, ObjectId};
use walrus_http::Connection;

use super::{
    Publisher,
    auth::{Action, AuthError},
    error::StoreError,
};
use crate::{
    extract::{PathOf, QueryOf},
    paths,
};

/// A blob that was deleted.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeletedBlob {
    /// The object, as it was.
    deleted: BlobObject,
}

/// The ID that bytes have as a blob.
#[serde_as]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BlobIdAnswer {
    #[serde_as(as = "DisplayFromStr")]
    blob_id: BlobId,
    unencoded_size: u64,
    encoded_size: u64,
}

/// How much longer.
#[derive(Debug, Deserialize)]
pub(crate) struct ExtensionQuery {
    epochs: EpochCount,
}

/// List the blob objects of the publisher's main account
#[utoipa::path(get, path = paths::OBJECTS, tag = "publisher",
    responses(
        (status = 200, description = "Blob objects, as in the results of stores"),
        (status = 503, description = "UNAVAILABLE: the chain cannot be read; try again later"),
    ))]
pub(crate) async fn list(
    State(publisher): State<Publisher>,
) -> Result<Json<Vec<BlobObject>>, StoreError> {
    let blobs = publisher.owned().await?;
    Ok(Json(blobs.iter().map(BlobObject::from).collect()))
}

/// Delete a deletable blob of the publisher's main account
#[utoipa::path(delete, path = paths::OBJECT, tag = "publisher",
    params(("object_id" = String, Path, description = "The blob object")),
    responses(
        (status = 200, description = "The object, as it was"),
        (status = 400, description = "MALFORMED_REQUEST: the blob is permanent"),
        (status = 401, description = "A token is missing or not valid"),
        (status = 403, description = "The token does not allow this, or this publisher asks for no tokens"),
        (status = 404, description = "BLOB_NOT_FOUND: the main account has no such object"),
        (status = 409, description = "TOKEN_ALREADY_USED"),
    ))]
pub(crate) async fn delete(
    State(publisher): State<Publisher>,
    PathOf(object): PathOf<ObjectId>,
    headers: HeaderMap,
) -> Result<Json<DeletedBlob>, StoreError> {
    let blob = publisher.claim(headers, Action::Delete, object).await?;
    if !blob.deletable {
        return Err(StoreError::malformed("a permanent blob cannot be deleted"));
    }
    let main = publisher.wallets.main();
    main.delete_blob(object).await.map_err(ClientError::from)?;
    let deleted = BlobObject::from(&blob);
    Ok(Json(DeletedBlob { deleted }))
}

/// Keep a blob of the publisher's main account longer
#[utoipa::path(post, path = paths::EXTENSION, tag = "publisher",
    params(
        ("object_id" = String, Path, description = "The blob object"),
        ("epochs" = u32, Query, description = "Epochs after its present end"),
    ),
    responses(
        (status = 200, description = "The object, as it is now"),
        (status = 400, description = "MALFORMED_REQUEST: so many epochs cannot be bought, or the blob has expired"),
        (status = 401, description = "A token is missing or not valid"),
        (status = 403, description = "The token does not allow this, or this publisher asks for no tokens"),
        (status = 404, description = "BLOB_NOT_FOUND: the main account has no such object"),
        (status = 409, description = "TOKEN_ALREADY_USED"),
        (status = 503, description = "INSUFFICIENT_FUNDS, UNAVAILABLE: try again later"),
    ))]
pub(crate) async fn extend(
    State(publisher): State<Publisher>,
    PathOf(object): PathOf<ObjectId>,
    QueryOf(query): QueryOf<ExtensionQuery>,
    headers: HeaderMap,
) -> Result<Json<BlobObject>, StoreError> {
    if query.epochs == 0 {
        return Err(StoreError::malformed(
            "a blob is extended by at least one epoch",
        ));
    }
    let blob = publisher.claim(headers, Action::Extend, object).await?;
    let main = publisher.wallets.main();
    let extended = main.extend_blob(&blob, query.epochs).await;
    extended.map_err(ClientError::from)?;
    let blob = main.reader().blob(object).await;
    Ok(Json(BlobObject::from(&blob.map_err(ClientError::from)?)))
}

/// The ID that a body would have as a blob; nothing is stored
#[utoipa::path(post, path = paths::BLOB_ID, tag = "publisher",
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The blob"),
    responses(
        (status = 200, description = "Its ID and its sizes before and after encoding"),
        (status = 413, description = "The body is too large"),
        (status = 429, description = "Too many requests: try again later"),
    ))]
pub(crate) async fn blob_id(
    State(publisher): State<Publisher>,
    Extension(connection): Extension<Arc<Connection>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<BlobIdAnswer>, StoreError> {
    let limit = publisher.options.body_bytes_max;
    let received = publisher
        .receive(&connection, &headers, body, limit)
        .await?;
    let encoder = publisher.client.encoder().await?;
    let input = BlobInput::Bytes(received.bytes.clone());
    let metadata = input.metadata(&encoder).await;
    let metadata = metadata.map_err(StoreError::of_blob)?;
    Ok(Json(BlobIdAnswer {
        blob_id: *metadata.blob_id(),
        unencoded_size: received.bytes.len() as u64,
        encoded_size: metadata.encoded_length(),
    }))
}

impl Publisher {
    async fn owned(&self) -> Result<Vec<Blob>, StoreError> {
        let main = self.wallets.main();
        let blobs = main.reader().owned_blobs(main.address()).await;
        Ok(blobs.map_err(ClientError::from)?)
    }

    /// The blob of an object that somebody may change, whose token is used up.
    async fn claim(
        &self,
        headers: HeaderMap,
        action: Action,
        object: ObjectId,
    ) -> Result<Blob, StoreError> {
        // Without tokens, everybody who reaches this server could delete what it has stored.
        let auth = self.auth.clone().ok_or(AuthError::TokensOff)?;
        let mut owned = self.owned().await?.into_iter();
        let blob = owned.find(|blob| blob.id == object);
        let checked = spawn_blocking(move || auth.allow(&headers, action, object)).await;
        checked.map_err(|error| StoreError::internal(&error))??;
        blob.ok_or(StoreError::NoSuchObject(object))
    }
}
