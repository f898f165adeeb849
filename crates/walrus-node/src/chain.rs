//! What the node needs from the chain, and nothing more.
//!
//! [`ChainView`] is the seam between the node and Sui: [`sui::SuiChain`] implements it over gRPC;
//! tests of the node alone implement it in memory. Every method may fail for a while, and the
//! callers retry.

mod announce;
mod sui;

use futures::{FutureExt as _, future::BoxFuture, stream::BoxStream};
use walrus_core::{
    BlobId, Epoch, ObjectId,
    certificate::ProtocolCertificate,
    keys::{NetworkPublicKey, ProtocolKeyPair, ProtocolPublicKey},
};

use crate::epoch::{EpochCall, Moment};

pub use announce::Announcement;
pub use sui::{SuiChain, SuiChainConfig};
pub use walrus_contracts::events::WalrusEvent;
pub use walrus_sui::{
    CheckpointEvents, Committee, CommitteeMember, Committees, EpochInfo, EpochState,
    checkpoints::Trust, contract::EventBlobAttestation,
};

/// The chain as a storage node sees it.
pub trait ChainView: Send + Sync + 'static {
    /// Current committees and epoch state.
    fn committees(&self) -> BoxFuture<'_, Result<Committees, ChainError>>;

    /// What the chain has registered for this node's capability; `None` without a capability.
    fn registration(&self) -> BoxFuture<'_, Result<Option<Registration>, ChainError>>;

    /// Events of every checkpoint after `after`, in order and without a gap; `None` starts with the
    /// first checkpoint that can hold an event of the contracts. The stream reconnects by itself
    /// and ends only with an error that repetition does not cure.
    fn events(
        &self,
        after: Option<u64>,
    ) -> BoxStream<'static, Result<CheckpointEvents, ChainError>>;

    /// How many checkpoints were not used because the validators have not signed what a full node
    /// said of them.
    fn refused_checkpoints(&self) -> u64 {
        0
    }

    /// Attests on chain that this node holds its shards of `epoch`. Repeating it is not an error.
    fn epoch_sync_done(&self, epoch: Epoch) -> BoxFuture<'_, Result<(), ChainError>>;

    /// Where the epoch stands, by the chain's own clock.
    fn moment(&self) -> BoxFuture<'_, Result<Moment, ChainError>>;

    /// Moves the epoch on. Fails with [`ChainError::NothingToDo`] if that is done already, or
    /// cannot be done yet.
    fn advance(&self, call: EpochCall) -> BoxFuture<'_, Result<(), ChainError>>;

    /// Registers the key the node signs with from the next committee that is selected on.
    fn register_next_key<'a>(
        &'a self,
        key: &'a ProtocolKeyPair,
    ) -> BoxFuture<'a, Result<(), ChainError>>;

    /// Tells everybody that a blob was encoded inconsistently, on the certificate of members of
    /// which at least one is correct. Repeating it is not an error.
    fn invalidate_blob_id(
        &self,
        certificate: ProtocolCertificate,
    ) -> BoxFuture<'_, Result<(), ChainError>>;

    /// What the chain says about event blobs.
    fn event_blobs(&self) -> BoxFuture<'_, Result<EventBlobsOnChain, ChainError>>;

    /// Attests that this node holds its part of an event blob. Fails with
    /// [`ChainError::NothingToDo`] if that was attested before, or cannot be attested in this
    /// epoch.
    fn certify_event_blob(
        &self,
        attestation: EventBlobAttestation,
    ) -> BoxFuture<'_, Result<(), ChainError>>;

    /// Makes the chain say about this node what is wanted; returns the names of what was different.
    fn announce<'a>(
        &'a self,
        wanted: &'a Announcement,
    ) -> BoxFuture<'a, Result<Vec<&'static str>, ChainError>>;

    /// SUI of the account that pays for gas, in MIST; `None` without a wallet.
    fn sui_balance_mist(&self) -> BoxFuture<'_, Result<Option<u64>, ChainError>> {
        std::future::ready(Ok(None)).boxed()
    }

    /// Whether this node can send transactions (it has a wallet).
    fn can_send(&self) -> bool;

    /// Whether this node can act as a node (it has a capability and a wallet).
    fn can_attest(&self) -> bool;
}

/// Why the chain did not answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ChainError {
    /// The endpoint could not be reached or failed; trying again later may help.
    #[error("{0}")]
    Unavailable(String),
    /// The chain answered something that contradicts the configuration.
    #[error("{0}")]
    Contradiction(String),
    /// The full nodes no longer have the checkpoints that were asked for.
    #[error("{0}")]
    Pruned(String),
    /// The step was done by somebody else, or its time has not come.
    #[error("{0}")]
    NothingToDo(String),
    /// The transaction was refused for another reason.
    #[error("{0}")]
    Refused(String),
    /// The wallet cannot pay for gas.
    #[error("{0}; send SUI to this account")]
    NoGas(String),
}

/// Event blobs, as the chain has them at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventBlobsOnChain {
    /// The current epoch.
    pub epoch: Epoch,
    /// The last one that is certified.
    pub latest: Option<CertifiedEventBlob>,
    /// Whether this node is in the committee.
    pub is_member: bool,
    /// What this node attested last: the last checkpoint of the event blob, and the epoch.
    pub attested: Option<(u64, Epoch)>,
    /// A checkpoint that shows all that.
    pub checkpoint: u64,
}

/// A certified event blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertifiedEventBlob {
    /// Its ID.
    pub blob_id: BlobId,
    /// Its last checkpoint.
    pub last_checkpoint: u64,
}

/// The registration of a node on chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The node's ID, which is the ID of its staking pool.
    pub node_id: ObjectId,
    /// Key the committee knows the node by.
    pub public_key: ProtocolPublicKey,
    /// Key that replaces it with the next committee that is selected.
    pub next_public_key: Option<ProtocolPublicKey>,
    /// Key the node's TLS certificate must carry.
    pub network_public_key: NetworkPublicKey,
}
