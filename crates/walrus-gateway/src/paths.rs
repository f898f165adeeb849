//! The paths of the API, in the form of the router.

pub(crate) const STATUS: &str = "/status";
pub(crate) const HEALTH: &str = "/health";
pub(crate) const API: &str = "/v1/api";
pub(crate) const API_DOCUMENT: &str = "/v1/api/openapi.json";
pub(crate) const BLOBS: &str = "/v1/blobs";
pub(crate) const QUILTS: &str = "/v1/quilts";
pub(crate) const BLOB: &str = "/v1/blobs/{blob_id}";
pub(crate) const BLOB_BY_OBJECT: &str = "/v1/blobs/by-object-id/{object_id}";
pub(crate) const BYTE_RANGE: &str = "/v1/blobs/{blob_id}/byte-range";
pub(crate) const STREAM: &str = "/v1alpha/blobs/{blob_id}/stream";
pub(crate) const CONCAT: &str = "/v1alpha/blobs/concat";
pub(crate) const PATCH: &str = "/v1/blobs/by-quilt-patch-id/{patch_id}";
pub(crate) const PATCH_BY_IDENTIFIER: &str = "/v1/blobs/by-quilt-id/{quilt_id}/{identifier}";
pub(crate) const BLOB_STATUS: &str = "/v2/blobs/{blob_id}/status";
pub(crate) const INFO: &str = "/v2/info";
pub(crate) const BLOB_ID: &str = "/v2/blob-id";
pub(crate) const OBJECTS: &str = "/v2/objects";
pub(crate) const OBJECT: &str = "/v2/objects/{object_id}";
pub(crate) const EXTENSION: &str = "/v2/objects/{object_id}/extend";
pub(crate) const PATCHES: &str = "/v1/quilts/{quilt_id}/patches";
