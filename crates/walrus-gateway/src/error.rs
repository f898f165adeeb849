//! Why a request is refused, in the envelope that existing clients match on.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::Map;
use walrus_client::{ClientError, ReadError};
use walrus_core::node_api::{ErrorBody, ErrorDetail, ErrorEnvelope, ErrorStatus};
use walrus_encoder::quilt::QuiltError;
use walrus_sui::SuiError;

/// Who defines the reasons.
const DOMAIN: &str = "daemon.walrus.space";
/// Seconds after which a request that failed for a passing reason may be repeated.
pub(crate) const RETRY_AFTER_SECS: u64 = 1;

/// Why something was refused; the text is what clients compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    BlobNotFound,
    ObjectNotFound,
    QuiltPatchNotFound,
    BlobUnavailable,
    ForbiddenBlob,
    BlobTooLarge,
    InvalidByteRange,
    InvalidConsistencyCheck,
    InvalidIdFormat,
    ObjectIdResolutionFailed,
    SliverRetrievalFailed,
    NetworkUnavailable,
    InsufficientConfirmations,
    InsufficientFunds,
    InvalidBlobPersistence,
    MalformedRequest,
    InternalError,
}

impl Reason {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            // An object that is no blob is, for a reader, a blob that is not there.
            Self::BlobNotFound | Self::ObjectNotFound => "BLOB_NOT_FOUND",
            Self::QuiltPatchNotFound => "QUILT_PATCH_NOT_FOUND",
            Self::BlobUnavailable => "BLOB_UNAVAILABLE",
            Self::ForbiddenBlob => "FORBIDDEN_BLOB",
            Self::BlobTooLarge => "BLOB_TOO_LARGE",
            Self::InvalidByteRange => "INVALID_BYTE_RANGE",
            Self::InvalidConsistencyCheck => "INVALID_CONSISTENCY_CHECK",
            Self::InvalidIdFormat => "INVALID_ID_FORMAT",
            Self::ObjectIdResolutionFailed => "OBJECT_ID_RESOLUTION_FAILED",
            Self::SliverRetrievalFailed => "SLIVER_RETRIEVAL_FAILED",
            Self::NetworkUnavailable => "UNAVAILABLE",
            Self::InsufficientConfirmations => "INSUFFICIENT_CONFIRMATIONS",
            Self::InsufficientFunds => "INSUFFICIENT_FUNDS",
            Self::InvalidBlobPersistence => "INVALID_BLOB_PERSISTENCE",
            Self::MalformedRequest => "MALFORMED_REQUEST",
            Self::InternalError => "INTERNAL_ERROR",
        }
    }
}

/// A refusal.
#[derive(Debug, Clone)]
pub(crate) enum ApiError {
    /// In the JSON envelope.
    Typed {
        status: ErrorStatus,
        reason: Reason,
        message: String,
    },
    /// A request that is not understood: plain text, as existing clients get it.
    Plain(StatusCode, String),
    /// The range asked for lies outside of what has this length.
    RangeNotSatisfiable { length: u64 },
}

impl ApiError {
    pub(crate) fn typed(status: ErrorStatus, reason: Reason, message: impl Into<String>) -> Self {
        Self::Typed {
            status,
            reason,
            message: message.into(),
        }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::Plain(StatusCode::BAD_REQUEST, message.into())
    }

    pub(crate) fn forbidden() -> Self {
        Self::typed(
            ErrorStatus::UnavailableForLegalReasons,
            Reason::ForbiddenBlob,
            "the requested blob is blocked here",
        )
    }

    pub(crate) fn too_large(size: u64, limit: u64) -> Self {
        Self::typed(
            ErrorStatus::SizeExceeded,
            Reason::BlobTooLarge,
            format!(
                "the blob has {size} bytes; blobs of more than {limit} bytes are not served here"
            ),
        )
    }

    pub(crate) fn invalid_range(message: impl Into<String>) -> Self {
        Self::typed(
            ErrorStatus::InvalidArgument,
            Reason::InvalidByteRange,
            message,
        )
    }

    pub(crate) fn patch_not_found() -> Self {
        Self::typed(
            ErrorStatus::NotFound,
            Reason::QuiltPatchNotFound,
            "the requested quilt patch does not exist; ensure that its ID or identifier was entered correctly",
        )
    }

    fn blob_not_found() -> Self {
        Self::typed(
            ErrorStatus::NotFound,
            Reason::BlobNotFound,
            "the requested blob ID does not exist on Walrus, ensure that it was entered correctly",
        )
    }

    pub(crate) fn busy() -> Self {
        Self::typed(
            ErrorStatus::Unavailable,
            Reason::BlobUnavailable,
            "too much is being read at this time; try again later",
        )
    }

    /// The failure of a read of what was named by a blob ID.
    pub(crate) fn of_read(error: &ClientError) -> Self {
        match error {
            ClientError::Read(read) => Self::of_blob(read),
            ClientError::Quilt { source, .. } => Self::of_quilt(source),
            ClientError::Sui(sui) => Self::of_chain(sui),
            ClientError::Status(_) | ClientError::NotEnoughNodes(_) | ClientError::NoCommittee => {
                unavailable(error)
            }
            _ => internal(error),
        }
    }

    fn of_blob(error: &ReadError) -> Self {
        match error {
            ReadError::NotFound(_) | ReadError::NotCertified(_) | ReadError::Invalid(_) => {
                Self::blob_not_found()
            }
            ReadError::Forbidden(_) => Self::forbidden(),
            ReadError::NoMetadata { .. } | ReadError::NotEnoughSlivers { .. } => unavailable(error),
            ReadError::Decode { .. } | ReadError::NotRecovered { .. } => {
                // Only a writer who encoded inconsistently on purpose gets here.
                tracing::warn!(%error, "a blob cannot be decoded");
                Self::blob_not_found()
            }
        }
    }

    fn of_quilt(error: &QuiltError) -> Self {
        tracing::debug!(%error, "cannot be read as a quilt");
        Self::patch_not_found()
    }

    /// The failure of reading an object.
    pub(crate) fn of_chain(error: &SuiError) -> Self {
        match error {
            SuiError::ObjectNotFound(_) | SuiError::UnexpectedType { .. } => Self::typed(
                ErrorStatus::NotFound,
                Reason::ObjectNotFound,
                "the requested object does not exist, or is no blob; ensure that its ID was entered correctly",
            ),
            error if error.is_transient() => {
                tracing::warn!(%error, "the chain cannot be read");
                Self::typed(
                    ErrorStatus::Unavailable,
                    Reason::NetworkUnavailable,
                    "the chain cannot be read at this time; try again later",
                )
            }
            error => internal(error),
        }
    }
}

fn unavailable(error: &dyn std::error::Error) -> ApiError {
    tracing::warn!(%error, "a blob is unavailable");
    ApiError::typed(
        ErrorStatus::Unavailable,
        Reason::BlobUnavailable,
        "too few storage nodes answer for the requested blob at this time; try again later",
    )
}

/// The cause stays in the log: it may name files, addresses and accounts.
pub(crate) fn internal(error: &dyn std::error::Error) -> ApiError {
    tracing::error!(%error, "a request failed");
    ApiError::typed(
        ErrorStatus::Internal,
        Reason::InternalError,
        "an internal error occurred; the log of this server says more",
    )
}

/// The envelope of a refusal.
pub(crate) fn envelope(
    status: ErrorStatus,
    reason: &str,
    domain: &str,
    message: String,
) -> ErrorEnvelope {
    let info = ErrorDetail::ErrorInfo {
        reason: reason.to_owned(),
        domain: domain.to_owned(),
        metadata: Map::new(),
    };
    ErrorEnvelope {
        error: ErrorBody {
            status,
            code: status.code(),
            message,
            details: vec![info],
        },
    }
}

/// An envelope as an answer. Caches must not keep it; those who met a passing reason are told when
/// to come again.
pub(crate) fn respond(envelope: ErrorEnvelope) -> Response {
    let status = StatusCode::from_u16(envelope.error.code)
        .expect("every ErrorStatus maps to a valid HTTP status");
    let mut response = (status, Json(envelope)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if matches!(
        status,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
    ) {
        headers.insert(header::RETRY_AFTER, RETRY_AFTER_SECS.into());
    }
    response
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match self {
            Self::Typed {
                status,
                reason,
                message,
            } => respond(envelope(status, reason.text(), DOMAIN, message)),
            Self::Plain(status, text) => (status, text).into_response(),
            Self::RangeNotSatisfiable { length } => {
                let status = ErrorStatus::RangeNotSatisfiable;
                let message = format!("the range lies outside of the {length} bytes there are");
                let reason = Reason::InvalidByteRange.text();
                let mut response = respond(envelope(status, reason, DOMAIN, message));
                let range = HeaderValue::from_str(&format!("bytes */{length}"))
                    .expect("digits are legal in a header");
                response.headers_mut().insert(header::CONTENT_RANGE, range);
                response
            }
        }
    }
}
