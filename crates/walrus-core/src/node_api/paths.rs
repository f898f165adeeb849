//! Paths of the endpoints, as route patterns for the server and as text for the client.

use crate::{BlobId, ObjectId, SliverPairIndex, SliverType};

/// Pattern of [`metadata`].
pub const METADATA: &str = "/v1/blobs/{blob_id}/metadata";
/// Pattern of [`metadata_status`].
pub const METADATA_STATUS: &str = "/v1/blobs/{blob_id}/metadata/status";
/// Pattern of [`sliver`].
pub const SLIVER: &str = "/v1/blobs/{blob_id}/slivers/{pair}/{sliver_type}";
/// Pattern of [`sliver_status`].
pub const SLIVER_STATUS: &str = "/v1/blobs/{blob_id}/slivers/{pair}/{sliver_type}/status";
/// Pattern of [`permanent_confirmation`].
pub const PERMANENT_CONFIRMATION: &str = "/v1/blobs/{blob_id}/confirmation/permanent";
/// Pattern of [`deletable_confirmation`].
pub const DELETABLE_CONFIRMATION: &str = "/v1/blobs/{blob_id}/confirmation/deletable/{object_id}";
/// Pattern of [`recovery_symbols`].
pub const RECOVERY_SYMBOLS: &str = "/v1/blobs/{blob_id}/recoverySymbols";
/// Pattern of [`decoding_symbols`].
pub const DECODING_SYMBOLS: &str = "/v1/blobs/{blob_id}/decodingSymbols";
/// Pattern of [`inconsistency_proof`].
pub const INCONSISTENCY_PROOF: &str = "/v1/blobs/{blob_id}/inconsistencyProof/{sliver_type}";
/// Pattern of [`blob_status`].
pub const BLOB_STATUS: &str = "/v1/blobs/{blob_id}/status";
/// Health of the node.
pub const HEALTH: &str = "/v1/health";
/// Transfer of a shard to its new owner.
pub const SYNC_SHARD: &str = "/v1/migrate/sync_shard";
/// Columns of many small blobs, between nodes of this implementation.
pub const COLUMNS: &str = "/v1/recovery/columns";
/// The API document, for people.
pub const API: &str = "/v1/api";
/// The API document as OpenAPI in JSON.
pub const API_DOCUMENT: &str = "/v1/api/openapi.json";

/// `/v1/blobs/{blob_id}/metadata`
pub fn metadata(blob_id: &BlobId) -> String {
    format!("/v1/blobs/{blob_id}/metadata")
}

/// `/v1/blobs/{blob_id}/metadata/status`
pub fn metadata_status(blob_id: &BlobId) -> String {
    format!("/v1/blobs/{blob_id}/metadata/status")
}

/// `/v1/blobs/{blob_id}/slivers/{pair}/{type}`
pub fn sliver(blob_id: &BlobId, pair: SliverPairIndex, axis: SliverType) -> String {
    format!("/v1/blobs/{blob_id}/slivers/{}/{axis}", pair.0)
}

/// `/v1/blobs/{blob_id}/slivers/{pair}/{type}/status`
pub fn sliver_status(blob_id: &BlobId, pair: SliverPairIndex, axis: SliverType) -> String {
    format!("/v1/blobs/{blob_id}/slivers/{}/{axis}/status", pair.0)
}

/// `/v1/blobs/{blob_id}/confirmation/permanent`
pub fn permanent_confirmation(blob_id: &BlobId) -> String {
    format!("/v1/blobs/{blob_id}/confirmation/permanent")
}

/// `/v1/blobs/{blob_id}/confirmation/deletable/{object_id}`
pub fn deletable_confirmation(blob_id: &BlobId, object_id: &ObjectId) -> String {
    format!("/v1/blobs/{blob_id}/confirmation/deletable/{object_id}")
}

/// `/v1/blobs/{blob_id}/recoverySymbols`
pub fn recovery_symbols(blob_id: &BlobId) -> String {
    format!("/v1/blobs/{blob_id}/recoverySymbols")
}

/// `/v1/blobs/{blob_id}/decodingSymbols`
pub fn decoding_symbols(blob_id: &BlobId) -> String {
    format!("/v1/blobs/{blob_id}/decodingSymbols")
}

/// `/v1/blobs/{blob_id}/inconsistencyProof/{type}`
pub fn inconsistency_proof(blob_id: &BlobId, axis: SliverType) -> String {
    format!("/v1/blobs/{blob_id}/inconsistencyProof/{axis}")
}

/// `/v1/blobs/{blob_id}/status`
pub fn blob_status(blob_id: &BlobId) -> String {
    format!("/v1/blobs/{blob_id}/status")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_exact() {
        let blob_id = BlobId([0; 32]);
        let text = "A".repeat(43);
        assert_eq!(
            sliver(&blob_id, SliverPairIndex(7), SliverType::Secondary),
            format!("/v1/blobs/{text}/slivers/7/secondary")
        );
        assert_eq!(
            deletable_confirmation(&blob_id, &ObjectId([1; 32])),
            format!(
                "/v1/blobs/{text}/confirmation/deletable/0x{}",
                "01".repeat(32)
            )
        );
    }
}
