//! [`ChainView`] over a Sui full node.

use futures::{
    FutureExt as _, StreamExt as _, TryFutureExt as _, future::BoxFuture, stream, stream::BoxStream,
};
use walrus_contracts::abort::{
    ContractError,
    walrus::{StakingInnerError, SystemStateInnerError},
};
use walrus_core::{
    Epoch, ObjectId,
    certificate::ProtocolCertificate,
    keys::{NetworkPublicKey, ProtocolKeyPair, ProtocolPublicKey},
};
use walrus_sui::{
    ContractIds, EventStream, Signer, SuiError, SuiReader, SuiRpc, WalrusContract,
    checkpoints::{Trust, Validators},
    contract::Call,
};

use crate::epoch::{EpochCall, Moment, SubsidiesState};

use super::{
    CertifiedEventBlob, ChainError, ChainView, CheckpointEvents, Committees, EventBlobAttestation,
    EventBlobsOnChain, Registration,
    announce::{Announcement, Difference},
};

/// How the node reaches the chain.
#[derive(Debug, Clone)]
pub struct SuiChainConfig {
    /// URLs of full nodes, in order of preference.
    pub rpc_urls: Vec<String>,
    /// How many of them have to agree about packages, prices and committees; one is believed if it
    /// is not given.
    pub rpc_quorum: Option<std::num::NonZeroUsize>,
    /// Whose signatures events need; without it full nodes are believed.
    pub checkpoints: Option<Trust>,
    /// The Walrus deployment.
    pub contracts: ContractIds,
    /// The WalrusSubsidies object; without it no subsidies are paid.
    pub subsidies_object: Option<ObjectId>,
    /// The node's capability; without it nothing is attested.
    pub node_cap: Option<ObjectId>,
}

/// The chain, read and written through full nodes.
#[derive(Clone)]
pub struct SuiChain {
    reader: SuiReader,
    contract: Option<WalrusContract>,
    validators: Option<Validators>,
    subsidies_object: Option<ObjectId>,
    node_cap: Option<ObjectId>,
}

impl SuiChain {
    /// Prepares the connection; nothing is sent yet. `signer` owns the node's capability; without
    /// it nothing is written. Fails when URLs are unusable.
    pub fn new(config: &SuiChainConfig, signer: Option<Signer>) -> Result<Self, SuiError> {
        Self::over(SuiRpc::new(&config.rpc_urls)?, config, signer)
    }

    /// The chain over full nodes that are reached in another way than by the URLs of `config`.
    pub fn over(
        rpc: SuiRpc,
        config: &SuiChainConfig,
        signer: Option<Signer>,
    ) -> Result<Self, SuiError> {
        let ttl = SuiReader::CACHE_TTL;
        let reader = SuiReader::with_quorum(rpc, config.contracts, ttl, config.rpc_quorum)?;
        let contract = signer.map(|signer| WalrusContract::new(reader.clone(), signer));
        Ok(Self {
            reader,
            contract,
            validators: config.checkpoints.clone().map(Validators::new),
            subsidies_object: config.subsidies_object,
            node_cap: config.node_cap,
        })
    }

    async fn read_committees(&self) -> Result<Committees, ChainError> {
        // Asked only at start and around epoch changes, when stale answers would be wrong.
        self.reader.refresh().await;
        let committees = self.reader.committees().await.map_err(chain_error)?;
        Ok((*committees).clone())
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
        let next_public_key = info
            .next_epoch_public_key
            .and_then(|key| key.to_compressed_g1())
            .map(ProtocolPublicKey);
        Ok(Some(Registration {
            node_id: cap.node_id,
            next_public_key,
            public_key: ProtocolPublicKey(public_key),
            network_public_key: NetworkPublicKey(network_public_key),
        }))
    }

    async fn open_events(&self, after: Option<u64>) -> Result<EventStream, SuiError> {
        let after = match after {
            Some(after) => after,
            None => self.reader.deployment_checkpoint().await?,
        };
        let events = self.reader.events(after).await?;
        Ok(match &self.validators {
            Some(validators) => events.proven_by(validators.clone()),
            None => events,
        })
    }

    async fn attest(&self, epoch: Epoch) -> Result<(), ChainError> {
        let (contract, node_cap) = (self.contract()?, self.node_cap()?);
        match contract.epoch_sync_done(node_cap, epoch).await {
            Ok(digest) => {
                tracing::info!(epoch, %digest, "attested that all shards are in place");
                Ok(())
            }
            Err(error) if is_staking_error(&error, StakingInnerError::DuplicateSyncDone) => Ok(()),
            Err(error) => Err(chain_error(error)),
        }
    }

    async fn read_moment(&self) -> Result<Moment, SuiError> {
        self.reader.refresh().await;
        let info = self.reader.epoch_info().await?;
        let subsidies = match self.subsidies_object {
            Some(object) => {
                let inner = self.reader.subsidies(object).await?.inner;
                Some(SubsidiesState {
                    paid_epoch: inner.latest_epoch,
                    paid_ms: inner.last_subsidized_ts,
                })
            }
            None => None,
        };
        let now_ms = self.reader.rpc().clock_ms().await?;
        Ok(Moment {
            info,
            now_ms,
            subsidies,
        })
    }

    async fn make(&self, call: EpochCall) -> Result<(), ChainError> {
        let contract = self.contract()?;
        let made = match call {
            EpochCall::EndVoting => contract.voting_end().await,
            EpochCall::ChangeEpoch => contract.initiate_epoch_change().await,
            EpochCall::PaySubsidies => {
                let object = self
                    .subsidies_object
                    .ok_or_else(|| missing("sui.walrus_subsidies_object"))?;
                contract.pay_subsidies(object).await
            }
        };
        made.map(drop).map_err(|error| {
            if MOVED_ON
                .into_iter()
                .any(|reason| is_staking_error(&error, reason))
            {
                ChainError::NothingToDo(error.to_string())
            } else {
                chain_error(error)
            }
        })
    }

    async fn register_key(&self, key: &ProtocolKeyPair) -> Result<(), ChainError> {
        let (contract, node_cap) = (self.contract()?, self.node_cap()?);
        let register = async {
            let proof = contract.prove_possession(key).await?;
            let call = Call::rotate_key(node_cap, key.public(), proof);
            contract.execute(&call).await
        };
        register.await.map(drop).map_err(chain_error)
    }

    async fn send_announcement(
        &self,
        wanted: &Announcement,
    ) -> Result<Vec<&'static str>, ChainError> {
        let (contract, node_cap) = (self.contract()?, self.node_cap()?);
        let send = async {
            let cap = self.reader.node_cap(node_cap).await?;
            let pool = self.reader.staking_pool(cap.node_id).await?;
            let metadata = self.reader.node_metadata(&pool).await?;
            let difference = Difference::of(wanted, &pool, &metadata);
            let names = difference.names();
            if names.is_empty() {
                return Ok(names);
            }
            let mut call = Call::set_node_info(node_cap, difference.info)?
                .then(Call::set_votes(node_cap, difference.votes));
            if let Some(rate) = difference.commission_rate {
                call = call.then(Call::set_commission_rate(node_cap, rate)?);
            }
            contract.execute(&call).await?;
            Ok(names)
        };
        send.await.map_err(chain_error)
    }

    async fn read_event_blobs(&self) -> Result<EventBlobsOnChain, SuiError> {
        self.reader.refresh().await;
        let state = self.reader.contract_state().await?;
        let cap = match self.node_cap {
            Some(node_cap) => Some(self.reader.node_cap(node_cap).await?),
            None => None,
        };
        let inner = &state.system_inner;
        let certification = &inner.event_blob_certification_state;
        let is_member = cap.as_ref().is_some_and(|cap| {
            let members = &inner.committee.members;
            members.iter().any(|member| member.node_id == cap.node_id)
        });
        let attested = cap.and_then(|cap| cap.last_event_blob_attestation);
        Ok(EventBlobsOnChain {
            epoch: inner.committee.epoch,
            latest: certification
                .latest_certified_blob
                .as_ref()
                .map(|blob| CertifiedEventBlob {
                    blob_id: blob.blob_id,
                    last_checkpoint: blob.ending_checkpoint_sequence_number,
                }),
            is_member,
            attested: attested.map(|last| (last.checkpoint_sequence_num, last.epoch)),
            // Asked for last, so that what was read before is in it.
            checkpoint: self.reader.rpc().latest_checkpoint().await?,
        })
    }

    async fn attest_event_blob(&self, attestation: EventBlobAttestation) -> Result<(), ChainError> {
        let (contract, node_cap) = (self.contract()?, self.node_cap()?);
        let attested = contract.certify_event_blob(node_cap, attestation).await;
        attested.map(drop).map_err(|error| {
            let has_reason = |reason: SystemStateInnerError| {
                error.contract_error() == Some(ContractError::from(reason))
            };
            if CANNOT_ATTEST.into_iter().any(has_reason) {
                ChainError::NothingToDo(error.to_string())
            } else {
                chain_error(error)
            }
        })
    }

    fn contract(&self) -> Result<&WalrusContract, ChainError> {
        self.contract
            .as_ref()
            .ok_or_else(|| missing("sui.wallet_config"))
    }

    fn node_cap(&self) -> Result<ObjectId, ChainError> {
        self.node_cap.ok_or_else(|| missing("storage_node_cap"))
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
            let next = events.next().await.map_err(chain_error);
            Some((next, (chain, Some(events))))
        })
        .boxed()
    }

    fn refused_checkpoints(&self) -> u64 {
        self.validators.as_ref().map_or(0, Validators::refused)
    }

    fn epoch_sync_done(&self, epoch: Epoch) -> BoxFuture<'_, Result<(), ChainError>> {
        self.attest(epoch).boxed()
    }

    fn moment(&self) -> BoxFuture<'_, Result<Moment, ChainError>> {
        self.read_moment().map_err(chain_error).boxed()
    }

    fn advance(&self, call: EpochCall) -> BoxFuture<'_, Result<(), ChainError>> {
        self.make(call).boxed()
    }

    fn register_next_key<'a>(
        &'a self,
        key: &'a ProtocolKeyPair,
    ) -> BoxFuture<'a, Result<(), ChainError>> {
        self.register_key(key).boxed()
    }

    fn invalidate_blob_id(
        &self,
        certificate: ProtocolCertificate,
    ) -> BoxFuture<'_, Result<(), ChainError>> {
        async move {
            let invalidated = self.contract()?.invalidate_blob_id(&certificate).await;
            invalidated.map(drop).map_err(chain_error)
        }
        .boxed()
    }

    fn event_blobs(&self) -> BoxFuture<'_, Result<EventBlobsOnChain, ChainError>> {
        self.read_event_blobs().map_err(chain_error).boxed()
    }

    fn certify_event_blob(
        &self,
        attestation: EventBlobAttestation,
    ) -> BoxFuture<'_, Result<(), ChainError>> {
        self.attest_event_blob(attestation).boxed()
    }

    fn announce<'a>(
        &'a self,
        wanted: &'a Announcement,
    ) -> BoxFuture<'a, Result<Vec<&'static str>, ChainError>> {
        self.send_announcement(wanted).boxed()
    }

    fn sui_balance_mist(&self) -> BoxFuture<'_, Result<Option<u64>, ChainError>> {
        async move {
            let Some(contract) = &self.contract else {
                return Ok(None);
            };
            let balance = self.reader.sui_balance_mist(contract.address()).await;
            balance.map(Some).map_err(chain_error)
        }
        .boxed()
    }

    fn can_send(&self) -> bool {
        self.contract.is_some()
    }

    fn can_attest(&self) -> bool {
        self.contract.is_some() && self.node_cap.is_some()
    }
}

/// Aborts that say that an epoch is not where a call would move it on.
const MOVED_ON: [StakingInnerError; 4] = [
    StakingInnerError::WrongEpochState,
    StakingInnerError::CommitteeSelected,
    StakingInnerError::NextCommitteeIsEmpty,
    // Epoch 0 waits for the first stake.
    StakingInnerError::NoStake,
];

/// Aborts that say that an event blob cannot be attested in this epoch, or was already.
const CANNOT_ATTEST: [SystemStateInnerError; 4] = [
    SystemStateInnerError::InvalidIdEpoch,
    SystemStateInnerError::IncorrectAttestation,
    SystemStateInnerError::RepeatedAttestation,
    SystemStateInnerError::NotCommitteeMember,
];

fn is_staking_error(error: &SuiError, reason: StakingInnerError) -> bool {
    error.contract_error() == Some(reason.into())
}

fn missing(key: &str) -> ChainError {
    ChainError::Contradiction(format!("{key} is not configured"))
}

fn chain_error(error: SuiError) -> ChainError {
    match error {
        SuiError::NotEnoughSui { .. } => ChainError::NoGas(error.to_string()),
        SuiError::MoveAbort(_) | SuiError::Execution { .. } => {
            ChainError::Refused(error.to_string())
        }
        SuiError::Pruned { .. } => ChainError::Pruned(error.to_string()),
        SuiError::ObjectNotFound(_)
        | SuiError::UnexpectedType { .. }
        | SuiError::ChainReset { .. }
        | SuiError::Decode { .. } => ChainError::Contradiction(error.to_string()),
        other => ChainError::Unavailable(other.to_string()),
    }
}
