//! [`ChainView`] over a Sui full node.

use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream, stream::BoxStream};
use walrus_contracts::events::WalrusEvent;
use walrus_core::{
    Epoch, ObjectId,
    keys::{NetworkPublicKey, ProtocolPublicKey},
};
use walrus_sui::{ContractIds, EventStream, SuiError, SuiReader, SuiRpc, Wallet, WalrusContract};

use super::{
    ChainError, ChainEvent, ChainView, CheckpointEvents, Committee, CommitteeMember, Committees,
    PersistenceKind, Registration,
};

/// Module that refuses attestations, and its code for "attested before".
const STAKING_MODULE: &str = "staking_inner";
const ABORT_ALREADY_ATTESTED: u64 = 2;

/// How the node reaches the chain.
#[derive(Debug, Clone)]
pub struct SuiChainConfig {
    /// URLs of full nodes, in order of preference.
    pub rpc_urls: Vec<String>,
    /// The Walrus deployment.
    pub contracts: ContractIds,
    /// The node's capability; without it nothing is attested.
    pub node_cap: Option<ObjectId>,
    /// Sui CLI wallet that owns the capability.
    pub wallet_config: Option<std::path::PathBuf>,
    /// Account of the wallet; its active one if not given.
    pub wallet_address: Option<walrus_core::SuiAddress>,
}

/// The chain, read and written through full nodes.
#[derive(Clone)]
pub struct SuiChain {
    reader: SuiReader,
    contract: Option<WalrusContract>,
    node_cap: Option<ObjectId>,
}

impl SuiChain {
    /// Prepares the connection; nothing is sent yet. Fails when URLs or the wallet are unusable.
    pub fn new(config: &SuiChainConfig) -> Result<Self, SuiError> {
        let reader = SuiReader::new(SuiRpc::new(&config.rpc_urls)?, config.contracts);
        let contract = match &config.wallet_config {
            Some(path) => {
                let wallet = Wallet::load(path)?;
                let signer = match config.wallet_address {
                    Some(address) => wallet.signer(address)?,
                    None => wallet.active_signer()?,
                };
                Some(WalrusContract::new(reader.clone(), signer))
            }
            None => None,
        };
        Ok(Self {
            reader,
            contract,
            node_cap: config.node_cap,
        })
    }

    async fn read_committees(&self) -> Result<Committees, ChainError> {
        // Asked only at start and around epoch changes, when stale answers would be wrong.
        self.reader.refresh().await;
        let committees = self.reader.committees().await.map_err(chain_error)?;
        Ok(Committees {
            current: committee(&committees.current),
            previous: committees.previous.as_ref().map(committee),
            change_in_progress: committees.is_changing(),
        })
    }

    async fn read_registration(&self) -> Result<Option<Registration>, ChainError> {
        let Some(node_cap) = self.node_cap else {
            return Ok(None);
        };
        let cap = self.reader.node_cap(node_cap).await.map_err(chain_error)?;
        let pool = self
            .reader
            .staking_pool(cap.node_id)
            .await
            .map_err(chain_error)?;
        let info = pool.node_info;
        let contradiction = |what: &str| {
            ChainError::Contradiction(format!("the chain holds no usable {what} of this node"))
        };
        let public_key = info
            .public_key
            .to_compressed_g1()
            .ok_or_else(|| contradiction("protocol key"))?;
        let network_public_key = <[u8; 33]>::try_from(info.network_public_key)
            .map_err(|_| contradiction("network key"))?;
        Ok(Some(Registration {
            node_id: cap.node_id,
            public_key: ProtocolPublicKey(public_key),
            network_public_key: NetworkPublicKey(network_public_key),
        }))
    }

    async fn open_events(&self, after: Option<u64>) -> Result<EventStream, SuiError> {
        let after = match after {
            Some(after) => after,
            None => self.reader.deployment_checkpoint().await?,
        };
        self.reader.events(after).await
    }

    async fn attest(&self, epoch: Epoch) -> Result<(), ChainError> {
        let (Some(contract), Some(node_cap)) = (&self.contract, self.node_cap) else {
            return Err(ChainError::Contradiction(
                "no wallet or no storage node capability is configured".into(),
            ));
        };
        match contract.epoch_sync_done(node_cap, epoch).await {
            Ok(digest) => {
                tracing::info!(epoch, %digest, "attested that all shards are in place");
                Ok(())
            }
            Err(error) if error.is_abort(STAKING_MODULE, ABORT_ALREADY_ATTESTED) => Ok(()),
            Err(error) => Err(chain_error(error)),
        }
    }
}

impl ChainView for SuiChain {
    fn committees(&self) -> BoxFuture<'_, Result<Committees, ChainError>> {
        self.read_committees().boxed()
    }

    fn registration(&self) -> BoxFuture<'_, Result<Option<Registration>, ChainError>> {
        self.read_registration().boxed()
    }

    fn events(
        &self,
        after: Option<u64>,
    ) -> BoxStream<'static, Result<CheckpointEvents, ChainError>> {
        let chain = self.clone();
        stream::unfold((chain, None), move |(chain, opened)| async move {
            let mut events: EventStream = match opened {
                Some(events) => events,
                None => match chain.open_events(after).await {
                    Ok(events) => events,
                    Err(error) => return Some((Err(chain_error(error)), (chain, None))),
                },
            };
            let next = events
                .next()
                .await
                .map(checkpoint_events)
                .map_err(chain_error);
            Some((next, (chain, Some(events))))
        })
        .boxed()
    }

    fn epoch_sync_done(&self, epoch: Epoch) -> BoxFuture<'_, Result<(), ChainError>> {
        self.attest(epoch).boxed()
    }

    fn can_attest(&self) -> bool {
        self.contract.is_some() && self.node_cap.is_some()
    }
}

fn chain_error(error: SuiError) -> ChainError {
    match error {
        SuiError::ObjectNotFound(_)
        | SuiError::UnexpectedType { .. }
        | SuiError::ChainReset { .. }
        | SuiError::Decode { .. } => ChainError::Contradiction(error.to_string()),
        other => ChainError::Unavailable(other.to_string()),
    }
}

fn committee(committee: &walrus_sui::Committee) -> Committee {
    let members = committee
        .members
        .iter()
        .map(|member| CommitteeMember {
            node_id: member.node_id,
            public_key: member.public_key,
            shards: member.shards.clone(),
        })
        .collect();
    Committee {
        epoch: committee.epoch,
        n_shards: committee.n_shards,
        members,
    }
}

fn checkpoint_events(events: walrus_sui::CheckpointEvents) -> CheckpointEvents {
    CheckpointEvents {
        checkpoint: events.checkpoint,
        timestamp_ms: events.timestamp_ms,
        events: events
            .events
            .into_iter()
            .map(|(id, event)| (id, chain_event(event)))
            .collect(),
    }
}

fn persistence(deletable: bool) -> PersistenceKind {
    if deletable {
        PersistenceKind::Deletable
    } else {
        PersistenceKind::Permanent
    }
}

/// The part of an event the node acts on.
fn chain_event(event: WalrusEvent) -> ChainEvent {
    match event {
        WalrusEvent::BlobRegistered(event) => ChainEvent::BlobRegistered {
            blob_id: event.blob_id,
            object_id: event.object_id,
            epoch: event.epoch,
            end_epoch: event.end_epoch,
            persistence: persistence(event.deletable),
        },
        WalrusEvent::BlobCertified(event) => ChainEvent::BlobCertified {
            blob_id: event.blob_id,
            object_id: event.object_id,
            epoch: event.epoch,
            end_epoch: event.end_epoch,
            persistence: persistence(event.deletable),
            is_extension: event.is_extension,
        },
        WalrusEvent::BlobDeleted(event) => ChainEvent::BlobDeleted {
            blob_id: event.blob_id,
            object_id: event.object_id,
            epoch: event.epoch,
            was_certified: event.was_certified,
        },
        WalrusEvent::InvalidBlobID(event) => ChainEvent::InvalidBlobId {
            blob_id: event.blob_id,
            epoch: event.epoch,
        },
        WalrusEvent::PooledBlobRegistered(event) => ChainEvent::PooledBlobRegistered {
            blob_id: event.blob_id,
            object_id: event.object_id,
            pool_id: event.storage_pool_id,
            epoch: event.epoch,
        },
        WalrusEvent::PooledBlobCertified(event) => ChainEvent::PooledBlobCertified {
            blob_id: event.blob_id,
            object_id: event.object_id,
            pool_id: event.storage_pool_id,
            epoch: event.epoch,
        },
        WalrusEvent::PooledBlobDeleted(event) => ChainEvent::PooledBlobDeleted {
            blob_id: event.blob_id,
            object_id: event.object_id,
            epoch: event.epoch,
            was_certified: event.was_certified,
        },
        WalrusEvent::StoragePoolCreated(event) => ChainEvent::StoragePoolCreated {
            pool_id: event.storage_pool_id,
            start_epoch: event.start_epoch,
            end_epoch: event.end_epoch,
        },
        WalrusEvent::StoragePoolExtended(event) => ChainEvent::StoragePoolExtended {
            pool_id: event.storage_pool_id,
            end_epoch: event.new_end_epoch,
        },
        WalrusEvent::EpochChangeStart(event) => ChainEvent::EpochChangeStart { epoch: event.epoch },
        WalrusEvent::EpochChangeDone(event) => ChainEvent::EpochChangeDone { epoch: event.epoch },
        other => ChainEvent::Other {
            name: other.name().to_owned(),
        },
    }
}
