//! Refusals as HTTP answers.

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use tracing::{error, warn};
use walrus_core::{
    Epoch,
    node_api::{ErrorEnvelope, ErrorReason, ErrorStatus, SymbolQueryError},
};
use walrus_http::BodyError;

use crate::service::ServiceError;

/// Characters of what a client sent that an answer repeats at most.
const EXCERPT_CHARS_MAX: usize = 100;

/// The beginning of a text from outside, for messages.
pub(super) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
/// What a caller that was refused for lack of room is told to wait.
const RETRY_AFTER_SECS: u64 = 1;

/// Why a request is answered with an error.
#[derive(Debug)]
pub(super) enum HttpError {
    /// A part of the path is malformed: 400 outside the JSON envelope.
    BadPath(String),
    /// A header is missing or malformed: outside the JSON envelope.
    BadHeader(StatusCode, &'static str),
    /// The query asks for symbols in a way that cannot be answered.
    SymbolQuery(SymbolQueryError),
    /// The body is larger than the route accepts: 413 outside the JSON envelope.
    BodyTooLarge { limit: usize },
    /// The body did not arrive completely.
    BodyIncomplete(String),
    /// Wrong content type, undecodable or oversized body on the routes that report it so.
    InvalidContentType(String),
    /// The node is at one of its bounds, or cannot do this yet.
    Unavailable(String),
    /// The service refused.
    Service(ServiceError),
}

impl From<BodyError> for HttpError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge { limit } => Self::BodyTooLarge { limit },
            BodyError::Incomplete(text) => Self::BodyIncomplete(text),
            BodyError::NoMemory => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<ServiceError> for HttpError {
    fn from(error: ServiceError) -> Self {
        match error {
            // On the wire undecodable bodies are a matter of their content type.
            ServiceError::UndecodableMetadata(_) | ServiceError::UndecodableProof(_) => {
                Self::InvalidContentType(error.to_string())
            }
            other => Self::Service(other),
        }
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        match self {
            Self::BadPath(text) => plain(StatusCode::BAD_REQUEST, text),
            Self::BadHeader(status, text) => plain(status, text.into()),
            Self::SymbolQuery(error) => symbol_query_error(&error),
            Self::BodyTooLarge { limit } => plain(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the body is larger than the limit of {limit} bytes"),
            ),
            Self::BodyIncomplete(text) => envelope(
                ErrorStatus::DeadlineExceeded,
                ErrorReason::Unavailable,
                text,
            ),
            Self::InvalidContentType(text) => envelope(
                ErrorStatus::InvalidArgument,
                ErrorReason::InvalidContentType,
                text,
            ),
            Self::Unavailable(text) => {
                envelope(ErrorStatus::Unavailable, ErrorReason::Unavailable, text)
            }
            Self::Service(error) => service_error(&error),
        }
    }
}

fn plain(status: StatusCode, text: String) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
        text,
    )
        .into_response()
}

fn envelope(status: ErrorStatus, reason: ErrorReason, message: impl Into<String>) -> Response {
    respond(ErrorEnvelope::new(status, reason, message))
}

fn respond(envelope: ErrorEnvelope) -> Response {
    let status = StatusCode::from_u16(envelope.error.code)
        .expect("every ErrorStatus maps to a valid HTTP status");
    let mut response = (status, Json(envelope)).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, RETRY_AFTER_SECS.into());
    }
    response
}

fn symbol_query_error(error: &SymbolQueryError) -> Response {
    let (status, reason) = match error {
        SymbolQueryError::Malformed { .. } => {
            return plain(StatusCode::BAD_REQUEST, error.to_string());
        }
        SymbolQueryError::NoSymbols => (
            ErrorStatus::FailedPrecondition,
            ErrorReason::NoSymbolsSpecified,
        ),
        SymbolQueryError::NoTargets => (
            ErrorStatus::FailedPrecondition,
            ErrorReason::NoTargetSliversSpecified,
        ),
        SymbolQueryError::InvalidFilter => {
            (ErrorStatus::InvalidArgument, ErrorReason::InvalidFilter)
        }
    };
    envelope(status, reason, error.to_string())
}

fn service_error(error: &ServiceError) -> Response {
    use ErrorReason as Reason;
    use ErrorStatus::{FailedPrecondition, InvalidArgument, NotFound};
    let (status, reason) = match error {
        ServiceError::MetadataNotFound => (NotFound, Reason::MetadataNotFound),
        ServiceError::MetadataRequired => (FailedPrecondition, Reason::MetadataNotFound),
        ServiceError::SliverNotFound => (NotFound, Reason::SliverNotFound),
        ServiceError::NotRegistered | ServiceError::ObjectNotRegistered => {
            (FailedPrecondition, Reason::NotRegistered)
        }
        ServiceError::CacheSaturated => (FailedPrecondition, Reason::CacheSaturated),
        ServiceError::InvalidMetadata(_) | ServiceError::UndecodableMetadata(_) => {
            (InvalidArgument, Reason::InvalidMetadata)
        }
        ServiceError::Blocked => (
            ErrorStatus::UnavailableForLegalReasons,
            Reason::ForbiddenBlob,
        ),
        ServiceError::InvalidBlob => (FailedPrecondition, Reason::InvalidBlob),
        ServiceError::UnsupportedEncodingType => (InvalidArgument, Reason::UnsupportedEncodingType),
        ServiceError::IndexOutOfRange { .. } | ServiceError::SliverIndexOutOfRange { .. } => {
            (InvalidArgument, Reason::IndexOutOfRange)
        }
        ServiceError::ShardNotAssigned { .. } => (FailedPrecondition, Reason::ShardNotAssigned),
        ServiceError::InvalidSliver(_) | ServiceError::UndecodableSliver(_) => {
            (InvalidArgument, Reason::InvalidSliver)
        }
        ServiceError::SliverIndexMismatch { .. } => (InvalidArgument, Reason::SliverIndexMismatch),
        ServiceError::MissingSlivers { .. } => (FailedPrecondition, Reason::MissingSlivers),
        ServiceError::TooManySymbols { .. } => (InvalidArgument, Reason::InvalidFilter),
        ServiceError::SymbolOutOfRange { .. } => {
            (InvalidArgument, Reason::RecoverySymbolOutOfRange)
        }
        ServiceError::SymbolNotPresent => (FailedPrecondition, Reason::SymbolNotPresentAtShards),
        ServiceError::UndecodableProof(_) => (InvalidArgument, Reason::InvalidContentType),
        ServiceError::InvalidProof(_) => (InvalidArgument, Reason::InvalidProof),
        ServiceError::Unauthorized(_) => {
            (ErrorStatus::PermissionDenied, Reason::RequestUnauthorized)
        }
        ServiceError::MessageVerification(_) => {
            (InvalidArgument, Reason::MessageVerificationFailed)
        }
        ServiceError::SliverCountExceedsLimit { .. } => {
            (InvalidArgument, Reason::SliverCountExceedsLimit)
        }
        ServiceError::InvalidEpoch { request, server } => {
            return invalid_epoch(error, *request, *server);
        }
        ServiceError::NoKey | ServiceError::Busy => (ErrorStatus::Unavailable, Reason::Unavailable),
        ServiceError::Unavailable(cause) => {
            warn!(%cause, "request refused");
            (ErrorStatus::Unavailable, Reason::Unavailable)
        }
        ServiceError::Storage(cause) => return internal_error(error, cause),
    };
    envelope(status, reason, error.to_string())
}

/// The requester tells from the numbers which of the two is behind.
fn invalid_epoch(error: &ServiceError, request: Epoch, server: Epoch) -> Response {
    let metadata = [("request_epoch", request), ("server_epoch", server)]
        .map(|(key, epoch)| (key.to_owned(), epoch.into()));
    respond(ErrorEnvelope::with_metadata(
        ErrorStatus::InvalidArgument,
        ErrorReason::InvalidEpoch,
        error.to_string(),
        metadata.into_iter().collect(),
    ))
}

/// The cause stays in the log; the caller gets a number to find it by.
fn internal_error(error: &ServiceError, cause: &dyn std::error::Error) -> Response {
    use std::{
        sync::atomic::{AtomicU64, Ordering},
        time::UNIX_EPOCH,
    };
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    // Seconds make numbers of different runs differ, the serial those of one second.
    let seconds = ambient::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs());
    let trace_id = (seconds << 24) | (SERIAL.fetch_add(1, Ordering::Relaxed) & 0xff_ffff);
    error!(trace_id = format!("{trace_id:016x}"), %cause, "{error}");
    respond(
        ErrorEnvelope::new(
            ErrorStatus::Internal,
            ErrorReason::InternalError,
            error.to_string(),
        )
        .with_trace_id(trace_id),
    )
}
