//! What a store did, as people read it.

use walrus_client::{BlobError, EstimateError};

use super::format::Size;

/// Why there is no estimate, as people read it.
pub(crate) fn estimate_error(error: EstimateError) -> anyhow::Error {
    match error {
        EstimateError::Client(error) => error.into(),
        EstimateError::Blob(error) => anyhow::Error::msg(blob_error_text(&error)),
    }
}

/// Why a blob was not stored, as people read it.
pub(crate) fn blob_error_text(error: &BlobError) -> String {
    let BlobError::TooLarge(too_large) = error else {
        return error.to_string();
    };
    let size = match too_large.size {
        Some(size) => Size(size).to_string(),
        None => format!("more than {}", Size(too_large.limit)),
    };
    let (what, n_shards, limit) = (&too_large.what, too_large.n_shards, Size(too_large.limit));
    let way_out = match too_large.shards_needed() {
        Some(needed) => format!(
            "split it, or use a network of at least {needed} shards (walrus-localnet up --shards {needed})"
        ),
        None => "split it".to_owned(),
    };
    format!("{what} has {size}, but with {n_shards} shards a blob has at most {limit}: {way_out}")
}
