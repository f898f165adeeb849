//! Storing many files as one blob.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Extension, Json,
    body::Body,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures::stream;
use multer::Multipart;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use walrus_client::{
    NewQuilt, QuiltPiece,
    results::{BlobStoreResult, StoredQuiltPatch},
};
use walrus_http::Connection;
use walrus_sui::contract::Attributes;

use super::{
    Publisher,
    error::StoreError,
    store::{NewBlob, StoreQuery},
};

/// The field with the tags of the files.
const METADATA_FIELD: &str = "_metadata";
/// Fields of one body: more files fit into no quilt.
const FIELDS_MAX: usize = 1_000;

/// Tags of a file.
#[derive(Debug, Deserialize)]
struct FileMetadata {
    identifier: String,
    #[serde(default)]
    tags: BTreeMap<String, Value>,
}

/// What became of a quilt.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct QuiltStoreResult {
    blob_store_result: BlobStoreResult,
    stored_quilt_blobs: Vec<StoredQuiltPatch>,
}

/// Store files as a quilt: one blob, one price
#[utoipa::path(put, path = crate::paths::QUILTS, tag = "publisher",
    request_body(content = Vec<u8>, content_type = "multipart/form-data", description = "One field per file, whose name is the identifier; and `_metadata`, a JSON array of {identifier, tags}"),
    params(
        ("epochs" = Option<u32>, Query, description = "Epochs to store it, the current one included; 1 by default"),
        ("permanent" = Option<bool>, Query, description = "Nobody can delete it before its time"),
        ("send_object_to" = Option<String>, Query, description = "Address that gets the blob object"),
        ("share" = Option<bool>, Query, description = "Make a shared blob, which everybody can extend; needs permanent=true"),
        ("attribute" = Option<String>, Query, description = "NAME=VALUE; can be repeated"),
        ("force" = Option<bool>, Query, description = "Store it even if it is available already"),
        ("quilt_version" = Option<String>, Query, description = "V1"),
    ),
    responses(
        (status = 200, description = "The result and the patch IDs, as `walrus store-quilt --json`"),
        (status = 400, description = "MALFORMED_REQUEST"),
        (status = 401, description = "A token is missing or not valid"),
        (status = 403, description = "The token is not good for this"),
        (status = 409, description = "TOKEN_ALREADY_USED"),
        (status = 413, description = "The body is too large"),
        (status = 429, description = "Too many requests: try again later"),
        (status = 503, description = "INSUFFICIENT_FUNDS, UNAVAILABLE: try again later"),
        (status = 504, description = "INSUFFICIENT_CONFIRMATIONS"),
    ))]
pub(crate) async fn put_quilt(
    State(publisher): State<Publisher>,
    Extension(connection): Extension<Arc<Connection>>,
    query: StoreQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, StoreError> {
    let boundary = boundary(&headers)?;
    let permit = publisher.permit(&headers, &query).await?;
    let limit = publisher.options.quilt_body_bytes_max;
    let received = publisher
        .receive(&connection, &headers, body, limit)
        .await?;
    let pieces = pieces(received.bytes.clone(), boundary).await?;
    if let Some(permit) = &permit {
        permit.check_size_max(received.bytes.len() as u64)?;
    }
    let result = publisher
        .detached(received, |publisher| publisher.store_quilt(pieces, query))
        .await?;
    Ok(Json(result).into_response())
}

impl Publisher {
    async fn store_quilt(
        self,
        pieces: Vec<QuiltPiece>,
        mut query: StoreQuery,
    ) -> Result<QuiltStoreResult, StoreError> {
        let n_shards = self.client.encoder().await?.n_shards();
        let quilt = tokio::task::spawn_blocking(move || NewQuilt::build(n_shards, &pieces));
        let quilt = quilt.await.map_err(|error| StoreError::internal(&error))?;
        let quilt = quilt.map_err(|error| StoreError::malformed(error.to_string()))?;
        let attributes = std::mem::take(&mut query.attributes);
        let labelled = quilt.to_blob(attributes);
        query.attributes = Attributes::from_iter(labelled.attributes);
        let blob = NewBlob {
            bytes: quilt.bytes().clone(),
            content_type: None,
            query,
        };
        let blob_store_result = self.store(blob).await?;
        let patches = blob_store_result
            .blob_id()
            .map(|quilt_id| quilt.patches(quilt_id))
            .unwrap_or_default();
        Ok(QuiltStoreResult {
            stored_quilt_blobs: patches.iter().map(StoredQuiltPatch::from).collect(),
            blob_store_result,
        })
    }
}

fn boundary(headers: &HeaderMap) -> Result<String, StoreError> {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    multer::parse_boundary(content_type).map_err(|_| {
        StoreError::Plain("Invalid `boundary` for `multipart/form-data` request".to_owned())
    })
}

/// The files of a body, with their tags.
async fn pieces(body: Bytes, boundary: String) -> Result<Vec<QuiltPiece>, StoreError> {
    let malformed = |error: multer::Error| StoreError::malformed(error.to_string());
    let whole = stream::iter([Ok::<_, std::convert::Infallible>(body)]);
    let mut multipart = Multipart::new(whole, boundary);
    let mut pieces: Vec<QuiltPiece> = Vec::new();
    let mut tags: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    while let Some(field) = multipart.next_field().await.map_err(malformed)? {
        let Some(name) = field.name().map(str::to_owned) else {
            return Err(StoreError::malformed("a field has no name"));
        };
        let data = field.bytes().await.map_err(malformed)?;
        if name == METADATA_FIELD {
            tags = parse_tags(&data)?;
            continue;
        }
        if pieces.len() == FIELDS_MAX {
            let text = format!("a quilt has at most {FIELDS_MAX} files");
            return Err(StoreError::malformed(text));
        }
        pieces.push(QuiltPiece {
            identifier: name,
            tags: BTreeMap::new(),
            data,
        });
    }
    if pieces.is_empty() {
        return Err(StoreError::malformed("there are no files"));
    }
    for piece in &mut pieces {
        piece.tags = tags.remove(&piece.identifier).unwrap_or_default();
    }
    Ok(pieces)
}

fn parse_tags(data: &[u8]) -> Result<BTreeMap<String, BTreeMap<String, String>>, StoreError> {
    let files: Vec<FileMetadata> = serde_json::from_slice(data)
        .map_err(|error| StoreError::malformed(format!("{METADATA_FIELD}: {error}")))?;
    let mut all = BTreeMap::new();
    for file in files {
        let tags = file.tags.into_iter().map(|(key, value)| {
            let value = match value {
                Value::String(text) => text,
                other => other.to_string(),
            };
            (key, value)
        });
        if all
            .insert(file.identifier.clone(), tags.collect())
            .is_some()
        {
            let name = walrus_core::text::printable(&file.identifier).into_owned();
            return Err(StoreError::malformed(format!(
                "{METADATA_FIELD} names {name} twice"
            )));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn parsed(fields: &[(&str, &str)]) -> Result<Vec<QuiltPiece>, StoreError> {
        let field = |(name, value): &(&str, &str)| {
            format!(
                "--b\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"f\"\r\n\r\n{value}\r\n"
            )
        };
        let body: String = fields.iter().map(field).collect();
        pieces(Bytes::from(body + "--b--\r\n"), "b".to_owned()).await
    }

    #[tokio::test]
    async fn fields_are_files_and_metadata_their_tags() {
        let metadata =
            r#"[{"identifier":"a","tags":{"k":"v","n":7,"o":{"x":null}}},{"identifier":"gone"}]"#;
        let files = parsed(&[("a", "1"), (METADATA_FIELD, metadata), ("b/c", "")])
            .await
            .unwrap();
        let names: Vec<&str> = files.iter().map(|file| file.identifier.as_str()).collect();
        assert_eq!(names, ["a", "b/c"]);
        let tags: Vec<_> = files[0]
            .tags
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        assert_eq!(tags, ["k=v", "n=7", r#"o={"x":null}"#]);
        assert!(files[1].data.is_empty());
    }

    #[tokio::test]
    async fn what_is_no_quilt_is_refused() {
        let twice = r#"[{"identifier":"a"},{"identifier":"a"}]"#;
        for fields in [
            &[][..],
            &[(METADATA_FIELD, "[]")],
            &[("a", "1"), (METADATA_FIELD, "{}")],
            &[("a", "1"), (METADATA_FIELD, twice)],
        ] {
            assert!(parsed(fields).await.is_err(), "{fields:?}");
        }
        let cut = pieces(Bytes::from_static(b"--b\r\nContent-Disp"), "b".to_owned()).await;
        assert!(cut.is_err());
        assert!(pieces(Bytes::new(), "b".to_owned()).await.is_err());
    }
}
