//! Why an upload is refused: plain text, as existing clients get it.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use walrus_client::{BlobError, ClientError, DistributeError};
use walrus_core::SuiAddress;
use walrus_http::BodyError;
use walrus_sui::{SuiError, TransactionDigest};

use crate::error::RETRY_AFTER_SECS;

/// A refusal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RelayError {
    #[error("this relay asks for a tip: the parameters `tx_id` and `nonce` are needed")]
    TipNeeded,
    #[error("transaction {0} is not on chain yet; try again in a moment")]
    UnknownTransaction(TransactionDigest),
    #[error("the transaction is too old: it was made {age_secs} s ago, {max_secs} s are allowed")]
    TooOld { age_secs: u64, max_secs: u64 },
    #[error("the transaction is {ahead_secs} s in the future of this relay's clock")]
    InFuture { ahead_secs: u64 },
    #[error("the transaction changes no balance")]
    NoBalanceChanges,
    #[error("the transaction pays no tip to {0}")]
    NoTip(SuiAddress),
    #[error("the tip is too small: {paid} MIST were paid, {expected} are asked for")]
    TipTooSmall { paid: i128, expected: u64 },
    #[error("the transaction is not a programmable one")]
    NotProgrammable,
    #[error(
        "the first input of the transaction is not the value of {0} bytes that says what the tip is for"
    )]
    NoPayload(usize),
    #[error("the nonce is not the one that the transaction was made with")]
    WrongNonce,
    #[error("the blob has {actual} bytes; the transaction was made for {expected}")]
    WrongLength { actual: u64, expected: u64 },
    #[error("the blob is not the one that the transaction was made for")]
    WrongDigest,
    #[error("the network takes blobs of at most {0} bytes")]
    TooLarge(u64),
    #[error("too many uploads at this time; try again later")]
    Busy,
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("internal client error: {0}")]
    Chain(#[from] SuiError),
    #[error(transparent)]
    Distribute(#[from] DistributeError),
    #[error("the upload ended without a result")]
    Broken,
}

impl RelayError {
    fn status(&self) -> StatusCode {
        match self {
            Self::NoTip(_) | Self::TipTooSmall { .. } => StatusCode::PAYMENT_REQUIRED,
            Self::TipNeeded
            | Self::TooOld { .. }
            | Self::InFuture { .. }
            | Self::NoBalanceChanges
            | Self::TooLarge(_)
            | Self::Body(BodyError::Incomplete(_))
            | Self::Distribute(DistributeError::OtherBlob { .. } | DistributeError::Blob(_)) => {
                StatusCode::BAD_REQUEST
            }
            Self::NotProgrammable
            | Self::NoPayload(_)
            | Self::WrongNonce
            | Self::WrongLength { .. }
            | Self::WrongDigest => StatusCode::UNAUTHORIZED,
            Self::UnknownTransaction(_) => StatusCode::NOT_FOUND,
            Self::Body(BodyError::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Busy => StatusCode::TOO_MANY_REQUESTS,
            Self::Body(BodyError::NoMemory) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Chain(_) | Self::Distribute(_) | Self::Broken => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    /// What the client is told. Addresses of nodes and full nodes stay in the log.
    fn text(&self) -> String {
        match self {
            Self::Body(BodyError::TooLarge { .. }) => {
                "Failed to buffer the request body: length limit exceeded".to_owned()
            }
            Self::Chain(_) | Self::Distribute(DistributeError::Client(ClientError::Sui(_))) => {
                "internal client error: the chain cannot be read at this time; try again".to_owned()
            }
            Self::Distribute(DistributeError::Upload(error)) => format!(
                "internal client error: storage nodes with {} of {} shards confirmed blob {}, {} are needed; is it \
                 registered, and is `deletable_blob_object` right? Send it again: the tip stays good",
                error.report.answered, error.report.total, error.blob_id, error.report.needed
            ),
            Self::Distribute(DistributeError::Client(_)) => {
                "internal client error: too few storage nodes answer; try again".to_owned()
            }
            Self::Distribute(DistributeError::Blob(BlobError::TooLarge(error))) => {
                error.to_string()
            }
            error => error.to_string(),
        }
    }
}

impl IntoResponse for RelayError {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            tracing::warn!(error = %self, "an upload failed");
        } else {
            tracing::debug!(error = %self, "an upload was refused");
        }
        let mut response = (status, self.text()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if matches!(
            self,
            Self::UnknownTransaction(_) | Self::Busy | Self::Body(BodyError::NoMemory)
        ) {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER_SECS.into());
        }
        response
    }
}
