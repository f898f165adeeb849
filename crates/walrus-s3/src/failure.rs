//! Why something was not done.

use std::sync::Arc;

use walrus_client::{BlobError, ClientError};
use walrus_sui::SuiError;

use crate::{spool::ReceiveError, tables::DiskError};

/// Why an operation failed, in the words of S3.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Failure {
    /// There is no such bucket.
    #[error("there is no bucket {0:?}")]
    NoSuchBucket(String),
    /// The bucket is there already.
    #[error("the bucket {0:?} exists already")]
    BucketExists(String),
    /// The bucket has objects.
    #[error("the bucket {0:?} has objects, or some are on their way")]
    BucketNotEmpty(String),
    /// There is no such object.
    #[error("there is no such object")]
    NoSuchKey,
    /// A condition of the request is not met.
    #[error("a condition of the request is not met")]
    Precondition,
    /// Another write of the same object is under way.
    #[error("another write of this object is under way")]
    Conflict,
    /// There is no such upload.
    #[error("there is no such upload: it was completed or aborted, or it never began")]
    NoSuchUpload,
    /// The account that pays has run out of money.
    #[error(
        "the wallet that pays for this store has not enough WAL or SUI; its operator has to fund it: \
         {0}"
    )]
    NoFunds(String),
    /// Something that passes.
    #[error("this cannot be done at this time: {0}")]
    Unavailable(String),
    /// The body did not arrive as it should.
    #[error(transparent)]
    Body(Arc<ReceiveError>),
    /// What was asked for contradicts the rules of the network.
    #[error("{0}")]
    Invalid(String),
    /// Something broke.
    #[error("{0}")]
    Internal(String),
}

impl Failure {
    /// Why a store as a whole failed.
    pub(crate) fn of_client(error: &ClientError) -> Self {
        match error {
            ClientError::Sui(cause) => Self::of_chain(cause),
            ClientError::NotEnoughNodes(_) | ClientError::NoCommittee | ClientError::Status(_) => {
                Self::Unavailable(error.to_string())
            }
            ClientError::TooManyEpochs { .. } => Self::Invalid(error.to_string()),
            _ => Self::Internal(error.to_string()),
        }
    }

    /// Why a blob was not stored.
    pub(crate) fn of_blob(error: &BlobError) -> Self {
        match error {
            BlobError::Registration { cause, .. }
            | BlobError::Certification { cause, .. }
            | BlobError::Attributes { cause, .. } => Self::of_chain(cause),
            BlobError::NotAttempted(cause) => Self::of_client(cause),
            BlobError::Upload(_) => Self::Unavailable(error.to_string()),
            _ => Self::Internal(error.to_string()),
        }
    }

    pub(crate) fn of_chain(error: &SuiError) -> Self {
        match error {
            SuiError::NotEnoughWal { .. }
            | SuiError::NotEnoughSui { .. }
            | SuiError::CoinsScattered { .. } => Self::NoFunds(error.to_string()),
            SuiError::InvalidEpochs { .. } => Self::Invalid(error.to_string()),
            error if error.is_transient() => Self::Unavailable(error.to_string()),
            error => Self::Internal(error.to_string()),
        }
    }
}

impl From<DiskError> for Failure {
    fn from(error: DiskError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<ReceiveError> for Failure {
    fn from(error: ReceiveError) -> Self {
        Self::Body(Arc::new(error))
    }
}

/// Whether a blob may have been paid for although it was not stored: then it is worth to go on
/// with it.
pub(crate) fn is_paid(error: &BlobError) -> bool {
    matches!(
        error,
        BlobError::Upload(_) | BlobError::Certification { .. } | BlobError::Attributes { .. }
    )
}
