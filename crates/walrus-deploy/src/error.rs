//! What can go wrong while deploying.

use std::path::PathBuf;

use walrus_contracts::packages::LinkError;
use walrus_core::Epoch;
use walrus_sui::{SuiError, WalletError, fleet::FleetError, governance::Support};

/// A deployment that could not be made or continued.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The chain refused or cannot be reached.
    #[error("{step}: {cause}")]
    Chain {
        /// What was being done.
        step: String,
        /// What happened.
        cause: Box<SuiError>,
    },
    /// Nodes could not be registered, or epoch 1 not be started.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// A wallet cannot be used.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// A package cannot be linked to its dependencies.
    #[error("cannot link package {package}: {cause}")]
    Link {
        /// The package.
        package: &'static str,
        /// Why.
        cause: LinkError,
    },
    /// A file cannot be read.
    #[error("cannot use file {path}: {cause}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        cause: std::io::Error,
    },
    /// A file cannot be written. The one that was there before still is, and every transaction is
    /// recorded before it is sent.
    #[error(
        "cannot write file {path}: {cause}; nothing is lost: when it can be written, run the same command again, and it \
         goes on from here"
    )]
    NotWritten {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        cause: std::io::Error,
    },
    /// Two runs at once.
    #[error(
        "another run has changed {0} in the meantime; when it has ended, run the same command again: it goes on from \
         there"
    )]
    OtherRun(PathBuf),
    /// A file is not what it should be.
    #[error("file {path} is not valid: {reason}")]
    InvalidFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The state file is about another chain.
    #[error(
        "the deployment in {path} is on chain {recorded}, but the full node serves chain {actual}; remove the file \
         to deploy anew"
    )]
    OtherChain {
        /// The state file.
        path: PathBuf,
        /// Chain ID in the file.
        recorded: String,
        /// Chain ID of the full node.
        actual: String,
    },
    /// The state file is about a deployment with other parameters.
    #[error(
        "the deployment in the state file was begun with other parameters ({0}); remove the file to deploy anew"
    )]
    OtherParameters(String),
    /// An earlier run has sent a transaction of another step and was interrupted before it wrote
    /// down what it did.
    #[error(
        "an earlier run was interrupted after {step} and has not written down what that did; run that command again \
         first"
    )]
    Interrupted {
        /// What the earlier run was doing.
        step: String,
    },
    /// The nodes have not agreed to an upgrade.
    #[error(
        "the upgrade to digest 0x{} has the votes of {votes} shards in epoch {epoch} and needs {needed}; let more nodes \
         vote for it in this epoch",
        hex::encode(digest)
    )]
    NotEnoughVotes {
        /// Digest of the new version.
        digest: [u8; 32],
        /// Votes so far, in shards.
        votes: u16,
        /// Votes needed, in shards.
        needed: u16,
        /// The epoch in which the votes count.
        epoch: Epoch,
    },
    /// The nodes that have handed their authority over have not agreed to an upgrade of the
    /// governance.
    #[error(
        "the upgrade of package walrus_governance to digest 0x{} is approved by {} shards for a day or longer and by {} \
         for less, and needs {} for a day; let more nodes approve it (`walrus-admin proposals approve-upgrade`), and \
         wait for the day to pass",
        hex::encode(digest),
        .support.counting,
        .support.waiting,
        .support.needed
    )]
    NotEnoughApprovals {
        /// Digest of the new version.
        digest: [u8; 32],
        /// What there is.
        support: Support,
    },
    /// A step needs another that has not been done.
    #[error("{0}")]
    NotReady(String),
}

/// Names the step in errors of the chain.
pub(crate) trait Step<T> {
    /// Adds what was being done.
    fn step(self, step: impl Into<String>) -> Result<T, DeployError>;
}

impl<T> Step<T> for Result<T, SuiError> {
    fn step(self, step: impl Into<String>) -> Result<T, DeployError> {
        self.map_err(|cause| DeployError::Chain {
            step: step.into(),
            cause: Box::new(cause),
        })
    }
}
