//! Status names with their HTTP codes, and the reasons a node gives.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Name of an error class. Each belongs to exactly one HTTP status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)] // The names are the documentation; `code` gives their meaning on the wire.
pub enum ErrorStatus {
    Ok,
    InvalidArgument,
    FailedPrecondition,
    Unauthenticated,
    PermissionDenied,
    SizeExceeded,
    NotFound,
    RangeNotSatisfiable,
    ResourceExhausted,
    UnavailableForLegalReasons,
    Internal,
    Unavailable,
    DeadlineExceeded,
}

impl ErrorStatus {
    /// The HTTP status code that goes with the name.
    pub const fn code(self) -> u16 {
        match self {
            Self::Ok => 200,
            Self::InvalidArgument | Self::FailedPrecondition => 400,
            Self::Unauthenticated => 401,
            Self::PermissionDenied | Self::SizeExceeded => 403,
            Self::NotFound => 404,
            Self::RangeNotSatisfiable => 416,
            Self::ResourceExhausted => 429,
            Self::UnavailableForLegalReasons => 451,
            Self::Internal => 500,
            Self::Unavailable => 503,
            Self::DeadlineExceeded => 504,
        }
    }
}

/// Declares [`ErrorReason`] with its wire names in one place.
macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// Why a node refused a request: `reason` of the `ErrorInfo` detail.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorReason { $($(#[$doc])* $variant,)* }

        impl ErrorReason {
            /// Every reason, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

reasons! {
    /// The node holds no metadata for the blob.
    MetadataNotFound = "METADATA_NOT_FOUND",
    /// The node does not hold the sliver.
    SliverNotFound = "SLIVER_NOT_FOUND",
    /// The operator of the node blocks the blob.
    ForbiddenBlob = "FORBIDDEN_BLOB",
    /// The blob (or deletable object) is not registered, as far as the node has seen the chain.
    NotRegistered = "NOT_REGISTERED",
    /// The caches for data of unregistered blobs are full.
    CacheSaturated = "CACHE_SATURATED",
    /// The metadata does not hash to the blob ID, or is malformed.
    InvalidMetadata = "INVALID_METADATA",
    /// The blob ID was marked invalid on chain.
    InvalidBlob = "INVALID_BLOB",
    /// The encoding type is not served.
    UnsupportedEncodingType = "UNSUPPORTED_ENCODING_TYPE",
    /// A sliver pair index is not below the number of shards.
    IndexOutOfRange = "INDEX_OUT_OF_RANGE",
    /// The shard of the sliver does not belong to the node.
    ShardNotAssigned = "SHARD_NOT_ASSIGNED",
    /// The sliver does not match the metadata.
    InvalidSliver = "INVALID_SLIVER",
    /// The index inside the sliver is not the one implied by the path.
    SliverIndexMismatch = "SLIVER_INDEX_MISMATCH",
    /// The sliver is larger than a sliver may be.
    SliverTooLarge = "SLIVER_TOO_LARGE",
    /// The node does not hold all slivers it would have to confirm.
    MissingSlivers = "MISSING_SLIVERS",
    /// A symbol request named no symbols.
    NoSymbolsSpecified = "NO_SYMBOLS_SPECIFIED",
    /// A symbol request combined filters that exclude each other.
    InvalidFilter = "INVALID_FILTER",
    /// A symbol index is not below the number of shards.
    RecoverySymbolOutOfRange = "RECOVERY_SYMBOL_OUT_OF_RANGE",
    /// None of the node's shards contributes to the symbol.
    SymbolNotPresentAtShards = "SYMBOL_NOT_PRESENT_AT_SHARDS",
    /// A decoding-symbol request named no target.
    NoTargetSliversSpecified = "NO_TARGET_SLIVERS_SPECIFIED",
    /// An inconsistency proof does not prove an inconsistency.
    InvalidProof = "INVALID_PROOF",
    /// The caller may not make this request.
    RequestUnauthorized = "REQUEST_UNAUTHORIZED",
    /// More slivers were asked for than one answer may hold.
    SliverCountExceedsLimit = "SLIVER_COUNT_EXCEEDS_LIMIT",
    /// The signature or header of a signed request is wrong.
    MessageVerificationFailed = "MESSAGE_VERIFICATION_FAILED",
    /// The request was made for another epoch than the node is in.
    InvalidEpoch = "INVALID_EPOCH",
    /// Wrong content type, undecodable or oversized BCS body.
    InvalidContentType = "INVALID_CONTENT_TYPE",
    /// The node cannot do this now.
    Unavailable = "UNAVAILABLE",
    /// The node failed; its log has the cause.
    InternalError = "INTERNAL_ERROR",
}

impl fmt::Display for ErrorReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A reason this version does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown error reason {0:?}")]
pub struct UnknownReason(pub String);

impl FromStr for ErrorReason {
    type Err = UnknownReason;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.as_str() == text)
            .ok_or_else(|| UnknownReason(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_round_trip() {
        for reason in ErrorReason::ALL {
            assert_eq!(reason.as_str().parse::<ErrorReason>().unwrap(), *reason);
        }
        assert!("not_registered".parse::<ErrorReason>().is_err());
    }

    #[test]
    fn status_names_are_screaming() {
        let text = serde_json::to_string(&ErrorStatus::UnavailableForLegalReasons).unwrap();
        assert_eq!(text, r#""UNAVAILABLE_FOR_LEGAL_REASONS""#);
        assert_eq!(ErrorStatus::UnavailableForLegalReasons.code(), 451);
        assert_eq!(serde_json::to_string(&ErrorStatus::Ok).unwrap(), r#""OK""#);
    }
}
