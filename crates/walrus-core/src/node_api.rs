//! The HTTP interface of a storage node as data: paths, JSON envelopes, error reasons, blob status,
//! health.
//!
//! Both sides of the wire use these types, so a node and a client of this repository cannot drift
//! apart. The JSON text is fixed: field order included, because existing clients group the answers
//! of several nodes by their text. BCS bodies (metadata, slivers) are the types of
//! [`crate::metadata`] and [`crate::sliver`].

mod columns;
mod envelope;
mod error;
mod health;
pub mod paths;
mod query;
mod status;
mod symbols;

pub use columns::{
    COLUMNS_BYTES_MAX, COLUMNS_MAX, COLUMNS_REQUEST_BYTES_MAX, ColumnsRequest, ColumnsResponse,
};
pub use envelope::{
    ERROR_DOMAIN, ErrorBody, ErrorDetail, ErrorEnvelope, GLOBAL_ERROR_DOMAIN, Success, SuccessBody,
    domain_of,
};
pub use error::{ErrorReason, ErrorStatus};
pub use health::{
    BucketHealth, DamageFound, EventBlobProgress, EventProgress, HealthInfo, RecoveryProgress,
    ShardDetail, ShardHealth, ShardStatusCounts, ShardSummary,
};
pub use query::{ConfirmationQuery, HealthQuery, PendingQuery};
pub use status::{BlobStatus, DeletableCounts, StoredStatus};
pub use symbols::{
    DecodingSymbolsQuery, DecodingSymbolsResponse, RecoverySymbolsQuery, SymbolFilter,
    SymbolQueryError,
};

/// `data` text of a metadata PUT that stored something new (201).
pub const METADATA_STORED: &str = "metadata successfully stored";
/// `data` text of a metadata PUT accepted before the registration was seen (202).
pub const METADATA_BUFFERED: &str = "metadata buffered pending registration";
/// `data` text of a metadata PUT that changed nothing (200).
pub const METADATA_ALREADY_STORED: &str = "metadata already stored";
/// `data` text of a sliver PUT that stored something new (201).
pub const SLIVER_STORED: &str = "sliver stored successfully";
/// `data` text of a sliver PUT accepted before the registration was seen (202).
pub const SLIVER_BUFFERED: &str = "sliver buffered pending registration";
/// `data` text of a sliver PUT that changed nothing (200).
pub const SLIVER_ALREADY_STORED: &str = "sliver already stored";

/// Content type of every BCS body.
pub const OCTET_STREAM: &str = "application/octet-stream";
