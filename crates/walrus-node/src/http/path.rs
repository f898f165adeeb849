//! Path and query parameters. Malformed ones are refused with plain text, outside the JSON
//! envelope.

use std::{fmt::Display, str::FromStr};

use axum::{
    extract::{FromRequestParts, Path, Query},
    http::request::Parts,
};
use serde::de::DeserializeOwned;
use walrus_core::{BlobId, ObjectId, SliverPairIndex, SliverType};

use super::error::{HttpError, excerpt};

/// `{blob_id}`
pub(super) struct BlobPath(pub(super) BlobId);

/// `{blob_id}`, `{object_id}`
pub(super) struct ObjectPath(pub(super) BlobId, pub(super) ObjectId);

/// `{blob_id}`, `{pair}`, `{sliver_type}`
pub(super) struct SliverPath {
    pub(super) blob_id: BlobId,
    pub(super) pair: SliverPairIndex,
    pub(super) axis: SliverType,
}

/// `{blob_id}`, `{sliver_type}`
pub(super) struct AxisPath(pub(super) BlobId, pub(super) SliverType);

/// The query string.
pub(super) struct QueryString<T>(pub(super) T);

impl<S: Send + Sync> FromRequestParts<S> for BlobPath {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let blob_id: String = segments(parts, state).await?;
        Ok(Self(parse("blob ID", &blob_id)?))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ObjectPath {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let (blob_id, object_id): (String, String) = segments(parts, state).await?;
        Ok(Self(
            parse("blob ID", &blob_id)?,
            parse("object ID", &object_id)?,
        ))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for AxisPath {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let (blob_id, axis): (String, String) = segments(parts, state).await?;
        Ok(Self(
            parse("blob ID", &blob_id)?,
            parse("sliver type", &axis)?,
        ))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SliverPath {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let (blob_id, pair, axis): (String, String, String) = segments(parts, state).await?;
        Ok(Self {
            blob_id: parse("blob ID", &blob_id)?,
            pair: SliverPairIndex(parse("sliver pair index", &pair)?),
            axis: parse("sliver type", &axis)?,
        })
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for QueryString<T> {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let Query(query) = Query::from_request_parts(parts, state)
            .await
            .map_err(|rejection| HttpError::BadPath(excerpt(&rejection.body_text())))?;
        Ok(Self(query))
    }
}

async fn segments<T, S>(parts: &mut Parts, state: &S) -> Result<T, HttpError>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    let Path(segments) = Path::from_request_parts(parts, state)
        .await
        .map_err(|rejection| HttpError::BadPath(rejection.body_text()))?;
    Ok(segments)
}

fn parse<T: FromStr<Err: Display>>(what: &str, text: &str) -> Result<T, HttpError> {
    text.parse()
        .map_err(|error| HttpError::BadPath(format!("invalid {what} {:?}: {error}", excerpt(text))))
}
