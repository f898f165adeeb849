//! What the node asks of request bodies besides the bounds of every server.

use axum::http::HeaderMap;
use http::header::CONTENT_TYPE;
use walrus_core::node_api::OCTET_STREAM;

use super::error::{HttpError, excerpt};

/// What a body that is too large is answered with on the routes that keep inside the JSON envelope.
pub(crate) fn too_large_for_envelope(error: HttpError) -> HttpError {
    match error {
        HttpError::BodyTooLarge { limit } => HttpError::InvalidContentType(format!(
            "the body is larger than the limit of {limit} bytes"
        )),
        other => other,
    }
}

/// Refuses any content type but `application/octet-stream`; none at all is fine.
pub(crate) fn check_content_type(headers: &HeaderMap) -> Result<(), HttpError> {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return Ok(());
    };
    let essence = value
        .to_str()
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    if essence.eq_ignore_ascii_case(OCTET_STREAM) {
        return Ok(());
    }
    Err(HttpError::InvalidContentType(format!(
        "the content type must be {OCTET_STREAM}, not {:?}",
        excerpt(&String::from_utf8_lossy(value.as_bytes()))
    )))
}
