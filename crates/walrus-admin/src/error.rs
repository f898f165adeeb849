//! What can go wrong while operating nodes.

use walrus_sui::SuiError;

/// A step that could not be done.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// A node could not be registered.
    #[error("cannot register node {name:?}: {cause}")]
    Register {
        /// Name of the node.
        name: String,
        /// What happened.
        cause: Box<SuiError>,
    },
    /// Epoch 1 could not be started.
    #[error("cannot start epoch 1: {0}")]
    FirstEpoch(Box<SuiError>),
    /// There is no committee without stake.
    #[error("nothing is staked with any node; without stake there is no committee")]
    NoStake,
}
