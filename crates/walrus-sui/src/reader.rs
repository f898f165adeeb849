//! Reading the state of the Walrus contracts.

mod attributes;
mod committee;
mod exchange;
mod governance;
mod links;
mod names;
mod nodes;
mod origin;
mod owned;
mod pools;
mod quorum;
mod stakes;
mod state;
mod subsidies;
mod upgrades;
mod votes;

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_sdk_types::StructTag;
use tokio::sync::OnceCell;
use walrus_core::ObjectId;

use self::quorum::Agreed;
pub(crate) use self::state::{dynamic_field_id, field_value};
pub use self::{
    attributes::Attributes,
    exchange::ExchangeState,
    governance::{GovernanceState, ProposalView},
    names::NodeRef,
    pools::{NodePool, PoolCommission},
    stakes::{LockedStake, StakeView},
    subsidies::SubsidiesState,
    votes::StakeVoteView,
};
pub use crate::deployment::{ContractIds, ContractState, EpochInfo};
use crate::{
    cache::Cached,
    committee::{Committee, Committees},
    deployment::ContractRefs,
    error::SuiError,
    events::EventStream,
    ids::{object_address, object_id},
    prices::Prices,
    rpc::SuiRpc,
};

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
    /// How many full nodes have to agree; one is believed if it is not given.
    quorum: Option<usize>,
    state: Cached<ContractState>,
    committees: Cached<Committees>,
    /// With a quorum, used instead of `state` and `committees`.
    agreed: Cached<Agreed>,
    wal_type: OnceCell<StructTag>,
    treasury: OnceCell<ObjectId>,
}

impl SuiReader {
    /// How long state read from the chain is used unless configured otherwise.
    pub const CACHE_TTL: Duration = Duration::from_secs(10);

    /// A reader with the default time to keep state.
    pub fn new(rpc: SuiRpc, ids: ContractIds) -> Self {
        Self::with_cache_ttl(rpc, ids, Self::CACHE_TTL)
    }

    /// A reader that uses state for `ttl` after reading it.
    pub fn with_cache_ttl(rpc: SuiRpc, ids: ContractIds, ttl: Duration) -> Self {
        Self::believing(rpc, ids, ttl, None)
    }

    /// A reader that believes what at least `quorum` full nodes say about packages, prices and
    /// committees; one, if it is not given. An error if there are not as many.
    pub fn with_quorum(
        rpc: SuiRpc,
        ids: ContractIds,
        ttl: Duration,
        quorum: Option<NonZeroUsize>,
    ) -> Result<Self, SuiError> {
        let quorum = quorum.map(NonZeroUsize::get);
        let known = rpc.urls().count();
        match quorum {
            Some(quorum) if quorum > known => Err(SuiError::InvalidInput(format!(
                "{quorum} full nodes cannot be required to agree, because only {known} are known; add some to \
                 `rpc_urls`"
            ))),
            _ => Ok(Self::believing(rpc, ids, ttl, quorum)),
        }
    }

    fn believing(rpc: SuiRpc, ids: ContractIds, ttl: Duration, quorum: Option<usize>) -> Self {
        Self {
            shared: Arc::new(Shared {
                rpc,
                ids,
                quorum,
                state: Cached::new(ttl),
                committees: Cached::new(ttl),
                agreed: Cached::new(ttl),
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
        if let Some(agreed) = self.agreed().await? {
            return Ok(Arc::clone(&agreed.state));
        }
        let shared = &*self.shared;
        shared
            .state
            .get(|| state::read(&shared.rpc, shared.ids))
            .await
    }

    /// The current, previous and next committee.
    pub async fn committees(&self) -> Result<Arc<Committees>, SuiError> {
        if let Some(agreed) = self.agreed().await? {
            return Ok(Arc::clone(&agreed.committees));
        }
        let shared = &*self.shared;
        shared
            .committees
            .get(|| async {
                let state = self.contract_state().await?;
                committee::read(&shared.rpc, &state).await
            })
            .await
    }

    /// What a quorum of full nodes says, if one is required.
    async fn agreed(&self) -> Result<Option<Arc<Agreed>>, SuiError> {
        let shared = &*self.shared;
        let Some(quorum) = shared.quorum else {
            return Ok(None);
        };
        let read = || quorum::read(&shared.rpc, shared.ids, quorum);
        shared.agreed.get(read).await.map(Some)
    }

    /// The committee of the current epoch; empty in epoch 0.
    pub async fn current_committee(&self) -> Result<Committee, SuiError> {
        Ok(self.committees().await?.current.clone())
    }

    /// Makes the next reads go to the chain.
    pub async fn refresh(&self) {
        self.shared.committees.invalidate().await;
        self.shared.state.invalidate().await;
        self.shared.agreed.invalidate().await;
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

    /// The treasury of WAL, through which epoch changes burn: the configured one, else the one that
    /// was made when WAL was published.
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
        if let Some(agreed) = self.agreed().await? {
            return Ok(agreed.wal_type.clone());
        }
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

    /// The checkpoint in which the Walrus package was first published: no event is in it or before
    /// it. Fails with [`SuiError::Pruned`] if the full node has forgotten.
    pub async fn deployment_checkpoint(&self) -> Result<u64, SuiError> {
        let package = self.contract_state().await?.original_package;
        let rpc = &self.shared.rpc;
        let error = match rpc.checkpoint_of_last_change(package).await {
            Err(error) if error.is_not_found() => error,
            found => return found,
        };
        // The package is there, so its transaction was: a full node that prunes has forgotten it.
        match *rpc.available_checkpoints().await?.start() {
            0 => Err(error),
            lowest => Err(SuiError::Pruned { needed: 0, lowest }),
        }
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
