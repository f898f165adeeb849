//! Failures as S3 says them.

use axum::http::{HeaderMap, HeaderValue, header};
use s3s::{S3Error, S3ErrorCode};

use crate::{failure::Failure, spool::ReceiveError, store::CompleteError};

/// Seconds after which a request that failed for a passing reason may be repeated.
const RETRY_AFTER_SECS: u64 = 5;
/// The same when the wallet is empty: somebody has to do something.
const RETRY_AFTER_FUNDS_SECS: u64 = 30;

/// A failure as an answer.
pub(crate) fn of(failure: Failure) -> S3Error {
    let text = failure.to_string();
    match failure {
        Failure::NoSuchBucket(_) => error(S3ErrorCode::NoSuchBucket, text),
        Failure::BucketExists(_) => error(S3ErrorCode::BucketAlreadyOwnedByYou, text),
        Failure::BucketNotEmpty(_) => error(S3ErrorCode::BucketNotEmpty, text),
        Failure::NoSuchKey => error(S3ErrorCode::NoSuchKey, text),
        Failure::Precondition => error(S3ErrorCode::PreconditionFailed, text),
        Failure::Conflict => error(S3ErrorCode::ConditionalRequestConflict, text),
        Failure::NoSuchUpload => error(S3ErrorCode::NoSuchUpload, text),
        Failure::NoFunds(_) => retry(S3ErrorCode::SlowDown, text, RETRY_AFTER_FUNDS_SECS),
        Failure::Unavailable(_) => retry(S3ErrorCode::ServiceUnavailable, text, RETRY_AFTER_SECS),
        Failure::Body(cause) => of_body(&cause, text),
        Failure::Invalid(_) => error(S3ErrorCode::InvalidRequest, text),
        Failure::Internal(_) => {
            tracing::error!(error = text, "a request failed");
            let text = "an internal error occurred; the log of this server says more";
            error(S3ErrorCode::InternalError, text)
        }
    }
}

fn of_body(cause: &ReceiveError, text: String) -> S3Error {
    match cause {
        ReceiveError::Incomplete(_) => error(S3ErrorCode::IncompleteBody, text),
        ReceiveError::TooLarge(_) => error(S3ErrorCode::EntityTooLarge, text),
        ReceiveError::Mismatch(_) => error(S3ErrorCode::BadDigest, text),
        ReceiveError::Full(_) => retry(S3ErrorCode::SlowDown, text, RETRY_AFTER_SECS),
        ReceiveError::Disk(_) => of(Failure::Internal(text)),
    }
}

/// A failed completion as an answer.
pub(crate) fn of_completion(failure: CompleteError) -> S3Error {
    let text = failure.to_string();
    match failure {
        CompleteError::NoParts => error(S3ErrorCode::MalformedXML, text),
        CompleteError::Order => error(S3ErrorCode::InvalidPartOrder, text),
        CompleteError::Part(_) => error(S3ErrorCode::InvalidPart, text),
        CompleteError::Small(_) => error(S3ErrorCode::EntityTooSmall, text),
        CompleteError::Failure(failure) => of(failure),
    }
}

/// An error with a text.
pub(crate) fn error(code: S3ErrorCode, text: impl Into<String>) -> S3Error {
    S3Error::with_message(code, text.into())
}

/// What S3 has and this does not.
pub(crate) fn not_implemented(what: &str) -> S3Error {
    error(
        S3ErrorCode::NotImplemented,
        format!("{what}: not supported here"),
    )
}

fn retry(code: S3ErrorCode, text: String, seconds: u64) -> S3Error {
    let mut error = error(code, text);
    let mut headers = xml_headers();
    headers.insert(header::RETRY_AFTER, seconds.into());
    error.set_headers(headers);
    error
}

/// The client has it already.
pub(crate) fn not_modified(etag: HeaderValue) -> S3Error {
    let mut error = S3Error::new(S3ErrorCode::NotModified);
    let mut headers = xml_headers();
    headers.insert(header::ETAG, etag);
    error.set_headers(headers);
    error
}

/// Headers of an error take the place of all others.
fn xml_headers() -> HeaderMap {
    let xml = HeaderValue::from_static("application/xml");
    HeaderMap::from_iter([(header::CONTENT_TYPE, xml)])
}
