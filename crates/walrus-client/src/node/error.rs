//! Why a request to a storage node failed.

use std::time::Duration;

use walrus_core::node_api::ErrorReason;

use super::InvalidNode;

/// A failed request to one storage node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// The chain does not say how to reach the node.
    #[error(transparent)]
    Misconfigured(#[from] InvalidNode),
    /// No connection: refused, no route, unknown host.
    #[error("cannot connect: {0}")]
    Unreachable(String),
    /// The node does not hold the network key it has on chain.
    #[error("the node's TLS key is not the network key it has registered on chain")]
    WrongNetworkKey,
    /// No complete answer in time.
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The connection broke in the middle.
    #[error("connection failed: {0}")]
    Transport(String),
    /// The node refused the request.
    #[error("refused with {}: {message}", code(*.status, *.reason))]
    Refused {
        /// HTTP status.
        status: u16,
        /// The reason of the error envelope; `None` when the answer had none this client knows.
        reason: Option<ErrorReason>,
        /// The node's own words, shortened.
        message: String,
    },
    /// The answer does not have the form of the protocol, or fails verification.
    #[error("invalid answer: {0}")]
    InvalidAnswer(String),
}

fn code(status: u16, reason: Option<ErrorReason>) -> String {
    reason.map_or_else(|| format!("status {status}"), |reason| reason.to_string())
}

impl NodeError {
    /// The reason the node gave, if it gave one.
    pub fn reason(&self) -> Option<ErrorReason> {
        match self {
            Self::Refused { reason, .. } => *reason,
            _ => None,
        }
    }

    /// The node does not have what was asked for.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    /// The node does not know what it was asked: another version or implementation.
    pub fn is_unknown_endpoint(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                status: 404 | 405 | 501,
                ..
            }
        )
    }

    /// The node may not serve the blob.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Refused { status: 451, .. })
    }

    /// Nobody answers at the node's address, or somebody else does.
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(_) | Self::WrongNetworkKey | Self::Misconfigured(_)
        )
    }

    /// Whether the same request can succeed a little later.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Timeout(_) | Self::Transport(_) => true,
            Self::Misconfigured(_) | Self::WrongNetworkKey | Self::InvalidAnswer(_) => false,
            Self::Refused { status, reason, .. } => {
                let soon = matches!(
                    reason,
                    Some(
                        ErrorReason::NotRegistered
                            | ErrorReason::CacheSaturated
                            | ErrorReason::MetadataNotFound
                            | ErrorReason::MissingSlivers
                            | ErrorReason::ShardNotAssigned
                    )
                );
                soon || *status == 429 || *status >= 500
            }
        }
    }
}
