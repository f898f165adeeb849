//! Path and query parameters. What is not understood is refused with plain text, as existing
//! clients know it.

use std::{fmt::Display, str::FromStr};

use axum::{
    extract::{FromRequestParts, Path, Query},
    http::request::Parts,
};
use serde::de::DeserializeOwned;
use walrus_core::{BlobId, ObjectId, quilt::QuiltPatchId};

use crate::error::ApiError;

/// What a path parameter is called in a refusal.
pub(crate) trait PathValue: FromStr<Err: Display> {
    const NAME: &'static str;
}

impl PathValue for BlobId {
    const NAME: &'static str = "a blob ID";
}

impl PathValue for ObjectId {
    const NAME: &'static str = "an object ID";
}

impl PathValue for QuiltPatchId {
    const NAME: &'static str = "a quilt patch ID";
}

/// The only parameter of a path.
pub(crate) struct PathOf<T>(pub(crate) T);

impl<S: Send + Sync, T: PathValue> FromRequestParts<S> for PathOf<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| not_parsed::<T>())?;
        parse(&text).map(Self)
    }
}

/// A quilt and the identifier of a file in it.
pub(crate) struct QuiltPath {
    pub(crate) quilt_id: BlobId,
    pub(crate) identifier: String,
}

impl<S: Send + Sync> FromRequestParts<S> for QuiltPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path((quilt_id, identifier)) =
            Path::<(String, String)>::from_request_parts(parts, state)
                .await
                .map_err(|_| not_parsed::<BlobId>())?;
        Ok(Self {
            quilt_id: parse(&quilt_id)?,
            identifier,
        })
    }
}

fn parse<T: PathValue>(text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|_| not_parsed::<T>())
}

fn not_parsed<T: PathValue>() -> ApiError {
    ApiError::bad_request(format!("Invalid URL: failed to parse {}", T::NAME))
}

/// The query string. Keys that are not known are ignored.
pub(crate) struct QueryOf<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for QueryOf<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(query) = Query::from_request_parts(parts, state)
            .await
            .map_err(|rejection| ApiError::bad_request(rejection.body_text()))?;
        Ok(Self(query))
    }
}
