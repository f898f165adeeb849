//! Why something was not stored.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use walrus_client::{BlobError, ClientError};
use walrus_core::{ObjectId, node_api::ErrorStatus};
use walrus_http::BodyError;
use walrus_sui::SuiError;

use super::auth::AuthError;
use crate::error::{ApiError, Reason, internal};

/// A store that failed.
#[derive(Debug)]
pub(crate) enum StoreError {
    /// The client may not.
    Auth(AuthError),
    /// The query is not understood: plain text, as existing clients get it.
    Plain(String),
    /// The request contradicts itself, or the rules of the network.
    Malformed(String),
    /// Permanent and deletable at once.
    InvalidPersistence,
    /// The body did not arrive.
    Body(BodyError),
    /// Nothing was stored.
    Client(Box<ClientError>),
    /// The blob was not stored.
    Blob(Box<BlobError>),
    /// The blob is stored, but its object stayed with the publisher.
    NotHandedOver {
        /// The object.
        object: ObjectId,
        /// Why.
        cause: Box<SuiError>,
    },
    /// The main account has no such object.
    NoSuchObject(ObjectId),
    /// Nothing came back.
    NoResult,
    /// Something broke.
    Internal(String),
}

impl StoreError {
    pub(super) fn malformed(text: impl Into<String>) -> Self {
        Self::Malformed(text.into())
    }

    pub(super) fn internal(error: &dyn std::error::Error) -> Self {
        Self::Internal(error.to_string())
    }

    pub(super) fn of_blob(error: BlobError) -> Self {
        Self::Blob(Box::new(error))
    }
}

impl From<AuthError> for StoreError {
    fn from(error: AuthError) -> Self {
        Self::Auth(error)
    }
}

impl From<BodyError> for StoreError {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

impl From<ClientError> for StoreError {
    fn from(error: ClientError) -> Self {
        Self::Client(Box::new(error))
    }
}

impl IntoResponse for StoreError {
    fn into_response(self) -> Response {
        match self {
            Self::Auth(error) => error.into_response(),
            Self::Plain(text) => (StatusCode::BAD_REQUEST, text).into_response(),
            Self::Malformed(text) => {
                typed(ErrorStatus::InvalidArgument, Reason::MalformedRequest, text)
            }
            Self::InvalidPersistence => typed(
                ErrorStatus::InvalidArgument,
                Reason::InvalidBlobPersistence,
                "a blob is either permanent or deletable".to_owned(),
            ),
            Self::Body(error) => body_error(&error),
            Self::Client(error) => client_error(&error),
            Self::Blob(error) => blob_error(&error),
            Self::NotHandedOver { object, cause } => {
                tracing::error!(%object, error = %cause, "an object stays with a sub-wallet");
                let text = format!(
                    "the blob is stored, but its object {object} could not be handed over; it stays with the publisher"
                );
                if lack_of_funds(&cause) {
                    typed(ErrorStatus::Unavailable, Reason::InsufficientFunds, text)
                } else {
                    typed(ErrorStatus::Internal, Reason::InternalError, text)
                }
            }
            Self::NoSuchObject(object) => typed(
                ErrorStatus::NotFound,
                Reason::ObjectNotFound,
                format!("the publisher has no blob object {object}"),
            ),
            Self::NoResult => internal_error("a store without a result"),
            Self::Internal(text) => internal_error(&text),
        }
    }
}

fn typed(status: ErrorStatus, reason: Reason, message: String) -> Response {
    ApiError::typed(status, reason, message).into_response()
}

fn internal_error(text: &str) -> Response {
    internal(&std::io::Error::other(text.to_owned())).into_response()
}

fn body_error(error: &BodyError) -> Response {
    match error {
        BodyError::TooLarge { .. } => {
            let text = "Failed to buffer the request body: length limit exceeded";
            (StatusCode::PAYLOAD_TOO_LARGE, text).into_response()
        }
        BodyError::Incomplete(text) => (StatusCode::BAD_REQUEST, text.clone()).into_response(),
        BodyError::NoMemory => typed(
            ErrorStatus::Unavailable,
            Reason::NetworkUnavailable,
            error.to_string(),
        ),
    }
}

fn client_error(error: &ClientError) -> Response {
    match error {
        ClientError::Sui(cause) => chain_error(cause),
        ClientError::TooManyEpochs { .. } | ClientError::TotalTooLarge { .. } => typed(
            ErrorStatus::InvalidArgument,
            Reason::MalformedRequest,
            error.to_string(),
        ),
        ClientError::NotEnoughNodes(_) | ClientError::NoCommittee | ClientError::Status(_) => {
            tracing::warn!(%error, "nothing can be stored");
            let text =
                "too few storage nodes answer at this time; nothing was paid: try again later";
            typed(
                ErrorStatus::Unavailable,
                Reason::NetworkUnavailable,
                text.to_owned(),
            )
        }
        _ => internal(error).into_response(),
    }
}

fn blob_error(error: &BlobError) -> Response {
    match error {
        BlobError::TooLarge(_) => {
            (StatusCode::PAYLOAD_TOO_LARGE, error.to_string()).into_response()
        }
        BlobError::Upload(_) => {
            tracing::warn!(%error, "a blob was not stored");
            let text = "too few storage nodes confirmed that they hold the blob; try again: what was paid is used";
            typed(
                ErrorStatus::DeadlineExceeded,
                Reason::InsufficientConfirmations,
                text.to_owned(),
            )
        }
        BlobError::Registration { cause, .. } | BlobError::Certification { cause, .. } => {
            chain_error(cause)
        }
        BlobError::NotAttempted(cause) => client_error(cause),
        _ => internal(error).into_response(),
    }
}

fn chain_error(error: &SuiError) -> Response {
    if lack_of_funds(error) {
        tracing::error!(%error, "the publisher has run out of money");
        let text =
            "the publisher has not enough SUI or WAL to store this; its operator has to fund it";
        return typed(
            ErrorStatus::Unavailable,
            Reason::InsufficientFunds,
            text.to_owned(),
        );
    }
    match error {
        SuiError::InvalidEpochs { .. } | SuiError::BlobExpired { .. } => typed(
            ErrorStatus::InvalidArgument,
            Reason::MalformedRequest,
            error.to_string(),
        ),
        error => ApiError::of_chain(error).into_response(),
    }
}

fn lack_of_funds(error: &SuiError) -> bool {
    matches!(
        error,
        SuiError::NotEnoughWal { .. }
            | SuiError::NotEnoughSui { .. }
            | SuiError::CoinsScattered { .. }
    )
}

#[cfg(test)]
mod tests {
    use walrus_client::{ShardReport, UploadError};
    use walrus_core::BlobId;

    use super::*;

    #[test]
    fn too_few_confirmations_are_a_matter_of_time() {
        let error = UploadError {
            blob_id: BlobId([7; 32]),
            report: ShardReport {
                answered: 3,
                needed: 7,
                total: 10,
                failures: Vec::new(),
            },
        };
        let answer = StoreError::of_blob(BlobError::Upload(error)).into_response();
        assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
        assert_eq!(
            Reason::InsufficientConfirmations.text(),
            "INSUFFICIENT_CONFIRMATIONS"
        );
    }
}
