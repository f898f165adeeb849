//! Reading the state of the Walrus contracts.

mod committee;
mod governance;
mod links;
mod origin;
mod owned;
mod pools;
mod stakes;
mod state;
mod subsidies;

use std::{sync::Arc, time::Duration};

use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_sdk_types::StructTag;
use tokio::sync::OnceCell;
use walrus_core::{Epoch, NShards, ObjectId};

pub(crate) use self::state::{dynamic_field_id, field_value};
pub use self::{
    governance::{GovernanceState, ProposalView},
    pools::{NodePool, PoolCommission},
    stakes::StakeView,
    state::ContractState,
    subsidies::SubsidiesState,
};
use crate::{
    cache::Cached,
    committee::{Committee, Committees, EpochState},
    error::SuiError,
    events::EventStream,
    ids::{object_address, object_id},
    prices::Prices,
    ptb::ContractRefs,
    rpc::SuiRpc,
};

/// How long state read from the chain is used unless configured otherwise.
const CACHE_TTL: Duration = Duration::from_secs(10);

/// The objects that identify one Walrus deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContractIds {
    /// The System object.
    pub system_object: ObjectId,
    /// The Staking object.
    pub staking_object: ObjectId,
    /// The treasury of WAL; only epoch changes need it. Looked up when not given.
    pub treasury_object: Option<ObjectId>,
}

/// Time and limits of epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochInfo {
    /// The current epoch.
    pub epoch: Epoch,
    /// Where it stands.
    pub state: EpochState,
    /// Duration of an epoch, in ms.
    pub epoch_duration_ms: u64,
    /// When epoch 0 may end, in ms since 1970.
    pub first_epoch_start_ms: u64,
    /// Number of shards.
    pub n_shards: NShards,
    /// Storage can be bought for at most this many epochs ahead.
    pub max_epochs_ahead: u32,
}

/// Reads the contracts of one Walrus deployment; cheap to clone, clones share the cache.
///
/// State that changes rarely is cached for a short while; [`SuiReader::refresh`] drops it.
#[derive(Debug, Clone)]
pub struct SuiReader {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    rpc: SuiRpc,
    ids: ContractIds,
    state: Cached<ContractState>,
    committees: Cached<Committees>,
    wal_type: OnceCell<StructTag>,
    treasury: OnceCell<ObjectId>,
}

impl SuiReader {
    /// A reader with the default time to keep state.
    pub fn new(rpc: SuiRpc, ids: ContractIds) -> Self {
        Self::with_cache_ttl(rpc, ids, CACHE_TTL)
    }

    /// A reader that uses state for `ttl` after reading it.
    pub fn with_cache_ttl(rpc: SuiRpc, ids: ContractIds, ttl: Duration) -> Self {
        Self {
            shared: Arc::new(Shared {
                rpc,
                ids,
                state: Cached::new(ttl),
                committees: Cached::new(ttl),
                wal_type: OnceCell::new(),
                treasury: OnceCell::new(),
            }),
        }
    }

    /// Where reads go.
    pub fn rpc(&self) -> &SuiRpc {
        &self.shared.rpc
    }

    /// The deployment.
    pub fn ids(&self) -> ContractIds {
        self.shared.ids
    }

    /// System and Staking objects with their contents.
    pub async fn contract_state(&self) -> Result<Arc<ContractState>, SuiError> {
        let shared = &*self.shared;
        shared
            .state
            .get(|| state::read(&shared.rpc, shared.ids))
            .await
    }

    /// The current, previous and next committee.
    pub async fn committees(&self) -> Result<Arc<Committees>, SuiError> {
        let shared = &*self.shared;
        shared
            .committees
            .get(|| async {
                let state = self.contract_state().await?;
                committee::read(&shared.rpc, &state).await
            })
            .await
    }

    /// The committee of the current epoch; empty in epoch 0.
    pub async fn current_committee(&self) -> Result<Committee, SuiError> {
        Ok(self.committees().await?.current.clone())
    }

    /// Makes the next reads go to the chain.
    pub async fn refresh(&self) {
        self.shared.committees.invalidate().await;
        self.shared.state.invalidate().await;
    }

    /// Prices in force.
    pub async fn prices(&self) -> Result<Prices, SuiError> {
        Ok(self.contract_state().await?.prices())
    }

    /// Epoch, its state, and the limits of time.
    pub async fn epoch_info(&self) -> Result<EpochInfo, SuiError> {
        let state = self.contract_state().await?;
        let staking = &state.staking_inner;
        Ok(EpochInfo {
            epoch: staking.epoch,
            state: state.epoch_state(),
            epoch_duration_ms: staking.epoch_duration,
            first_epoch_start_ms: staking.first_epoch_start,
            n_shards: state.n_shards,
            max_epochs_ahead: state.max_epochs_ahead(),
        })
    }

    /// What transactions have to name.
    pub async fn refs(&self) -> Result<ContractRefs, SuiError> {
        let state = self.contract_state().await?;
        Ok(ContractRefs {
            package: state.system.package_id,
            original_package: state.original_package,
            wal_type: self.wal_type().await?,
            system_object: self.shared.ids.system_object,
            staking_object: self.shared.ids.staking_object,
        })
    }

    /// The treasury of WAL, through which epoch changes burn: the configured one, else the one that was made
    /// when WAL was published.
    pub async fn treasury(&self) -> Result<ObjectId, SuiError> {
        if let Some(treasury) = self.shared.ids.treasury_object {
            return Ok(treasury);
        }
        let wal = object_id(*self.wal_type().await?.address());
        self.shared
            .treasury
            .get_or_try_init(|| {
                origin::created_with_package(self.rpc(), wal, "wal", "ProtectedTreasury")
            })
            .await
            .copied()
    }

    /// The type of WAL (without `Coin`): what `staking::stake_with_pool` takes as payment.
    pub async fn wal_type(&self) -> Result<StructTag, SuiError> {
        let state = self.contract_state().await?;
        self.shared
            .wal_type
            .get_or_try_init(|| read_wal_type(&self.shared.rpc, state.original_package))
            .await
            .cloned()
    }

    /// Events after checkpoint `cursor`.
    pub async fn events(&self, cursor: u64) -> Result<EventStream, SuiError> {
        let package = self.contract_state().await?.original_package;
        Ok(EventStream::new(self.shared.rpc.clone(), package, cursor))
    }

    /// The checkpoint in which the Walrus package was first published: no event is in it or before it.
    pub async fn deployment_checkpoint(&self) -> Result<u64, SuiError> {
        let package = self.contract_state().await?.original_package;
        self.shared.rpc.checkpoint_of_last_change(package).await
    }
}

/// Position of the payment among the parameters of `staking::stake_with_pool`.
const PAYMENT_PARAMETER: usize = 1;

async fn read_wal_type(rpc: &SuiRpc, package: ObjectId) -> Result<StructTag, SuiError> {
    let request =
        proto::GetFunctionRequest::new(&object_address(package), "staking", "stake_with_pool");
    let response = rpc
        .call("GetFunction", |mut client| {
            let request = request.clone();
            async move { client.package_client().get_function(request).await }
        })
        .await?;
    response
        .get_ref()
        .function()
        .parameters
        .get(PAYMENT_PARAMETER)
        .and_then(|parameter| parameter.body.as_ref())
        .and_then(|coin| coin.type_parameter_instantiation.first())
        .and_then(|wal| wal.type_name.as_deref())
        .and_then(|name| name.parse().ok())
        .ok_or_else(|| {
            SuiError::decode(
                "the signature of staking::stake_with_pool",
                "no Coin<WAL> parameter",
            )
        })
}

impl SuiRpc {
    /// The first four bytes of the digest of the genesis checkpoint in hex: the name of a chain in package files.
    pub async fn chain_id(&self) -> Result<String, SuiError> {
        let response = self
            .call("GetServiceInfo", |mut client| async move {
                client
                    .ledger_client()
                    .get_service_info(proto::GetServiceInfoRequest::default())
                    .await
            })
            .await?;
        let digest: sui_sdk_types::Digest = response
            .get_ref()
            .chain_id()
            .parse()
            .map_err(|error| SuiError::decode("the chain ID", error))?;
        Ok(hex::encode(&digest.inner()[..4]))
    }

    /// The time of the chain's Clock, in ms since 1970.
    pub async fn clock_ms(&self) -> Result<u64, SuiError> {
        #[derive(serde::Deserialize)]
        struct Clock {
            _id: ObjectId,
            timestamp_ms: u64,
        }
        let id = object_id(crate::ptb::CLOCK);
        let clock: Clock = self.object(id).await?.decode("Clock")?;
        Ok(clock.timestamp_ms)
    }
}
