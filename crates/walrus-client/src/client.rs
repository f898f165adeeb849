//! The client: one value that knows the network and offers the operations.

use std::{sync::Arc, time::Duration};

use ambient::memory::MemoryBound;
use stdx::Mutex;
use tokio::sync::OnceCell;
use walrus_core::{BlobId, node_api::BlobStatus};
use walrus_encoder::Encoder;
use walrus_sui::{
    Committee, Committees, ContractIds, Executor, Signer, SuiReader, SuiRpc, WalrusContract,
};

use crate::{
    committee::CommitteeClients,
    config::{ClientConfig, CommunicationConfig},
    duration::EpochOutlook,
    environment::Environment,
    error::ClientError,
    status::blob_status,
    upload_relay::UploadRelay,
};

/// Time for the nodes to agree on a status that is asked for beside another operation.
pub(crate) const STATUS_TIMEOUT: Duration = Duration::from_secs(10);
/// Committees whose clients (and connections) are kept: current, previous, next.
const COMMITTEES_KEPT: usize = 3;

/// Reads and stores blobs. Cheap to clone; clones share connections, caches and limits.
#[derive(Clone)]
pub struct WalrusClient {
    pub(crate) shared: Arc<Shared>,
    pub(crate) relay: Option<Arc<UploadRelay>>,
}

pub(crate) struct Shared {
    pub(crate) reader: SuiReader,
    pub(crate) contract: Option<WalrusContract>,
    pub(crate) config: ClientConfig,
    pub(crate) communication: Arc<CommunicationConfig>,
    /// Bytes of slivers that are on their way to nodes, for all blobs together.
    pub(crate) budget: MemoryBound,
    pub(crate) environment: Environment,
    encoder: OnceCell<Encoder>,
    committees: Mutex<Vec<Arc<CommitteeClients>>>,
}

/// How a client signs transactions.
#[derive(Debug, Clone)]
pub struct SigningOptions {
    /// The key.
    pub signer: Signer,
    /// Most gas to pay per transaction, in MIST; estimated when absent.
    pub gas_budget: Option<u64>,
}

impl WalrusClient {
    /// A client for the network of `config`, reached through `rpc_urls` in that order. Without
    /// `signing` it can read but not store. Nothing is contacted yet.
    pub fn new(
        config: ClientConfig,
        rpc_urls: &[String],
        signing: Option<SigningOptions>,
    ) -> Result<Self, ClientError> {
        Self::with_environment(config, rpc_urls, signing, Environment::of_system())
    }

    /// The same with a clock and randomness of choice.
    pub fn with_environment(
        config: ClientConfig,
        rpc_urls: &[String],
        signing: Option<SigningOptions>,
        environment: Environment,
    ) -> Result<Self, ClientError> {
        Self::over(config, SuiRpc::new(rpc_urls)?, signing, environment)
    }

    /// The same over full nodes that are reached in another way.
    pub fn over(
        config: ClientConfig,
        rpc: SuiRpc,
        signing: Option<SigningOptions>,
        environment: Environment,
    ) -> Result<Self, ClientError> {
        let ids = ContractIds {
            system_object: config.system_object,
            staking_object: config.staking_object,
            treasury_object: config.treasury_object,
        };
        let reader = SuiReader::with_quorum(rpc, ids, config.cache_ttl, config.rpc_quorum)?;
        let contract = signing.map(|signing| {
            let rpc = reader.rpc().clone();
            let executor = Executor::with_options(rpc, signing.signer, signing.gas_budget, None);
            WalrusContract::with_executor(reader.clone(), executor)
        });
        let communication = Arc::new(config.communication.clone());
        Ok(Self {
            shared: Arc::new(Shared {
                budget: MemoryBound::new(communication.max_data_in_flight),
                reader,
                contract,
                config,
                communication,
                environment,
                encoder: OnceCell::new(),
                committees: Mutex::default(),
            }),
            relay: None,
        })
    }

    /// The same client, which stores through a relay.
    #[must_use]
    pub fn through(mut self, relay: UploadRelay) -> Self {
        self.relay = Some(Arc::new(relay));
        self
    }

    /// The chain as this client sees it.
    pub fn reader(&self) -> &SuiReader {
        &self.shared.reader
    }

    /// The contracts in the name of the wallet, if the client has one.
    pub fn contract(&self) -> Result<&WalrusContract, ClientError> {
        self.shared.contract.as_ref().ok_or(ClientError::NoWallet)
    }

    /// The encoder for the network's number of shards. The number in the configuration, if there is
    /// one, must be that of the chain: before anything is paid or computed with it.
    pub async fn encoder(&self) -> Result<Encoder, ClientError> {
        let encoder = self.shared.encoder.get_or_try_init(|| async {
            let n_shards = self.reader().contract_state().await?.n_shards;
            if let Some(configured) = self.shared.config.n_shards
                && configured != n_shards
            {
                return Err(ClientError::ShardCountMismatch {
                    configured: configured.get(),
                    actual: n_shards.get(),
                });
            }
            Encoder::new(n_shards).map_err(|_| ClientError::UnsupportedShardCount(n_shards.get()))
        });
        encoder.await.cloned()
    }

    /// When epochs will begin, as far as can be told now.
    pub async fn epoch_outlook(&self) -> Result<EpochOutlook, ClientError> {
        Ok(EpochOutlook::new(
            &self.reader().epoch_info().await?,
            self.shared.environment.now_ms(),
        ))
    }

    /// The configuration this client was made with.
    pub fn config(&self) -> &ClientConfig {
        &self.shared.config
    }

    /// What the network knows about a blob.
    pub async fn blob_status(
        &self,
        blob_id: &BlobId,
        timeout: Duration,
    ) -> Result<BlobStatus, ClientError> {
        let committees = self.committees().await?;
        let clients = self.clients(&committees.current);
        Ok(blob_status(&clients, blob_id, &self.shared.communication, timeout).await?)
    }

    /// The committees, of a network that has started.
    pub(crate) async fn committees(&self) -> Result<Arc<Committees>, ClientError> {
        let committees = self.reader().committees().await?;
        if committees.current.is_empty() {
            return Err(ClientError::NoCommittee);
        }
        Ok(committees)
    }

    /// Reads the chain again and tells whether the committees are others than those known.
    pub(crate) async fn has_changed(&self, known: &Committees) -> Result<bool, ClientError> {
        self.reader().refresh().await;
        let fresh = self.committees().await?;
        Ok(fresh.epoch != known.epoch
            || fresh.is_changing() != known.is_changing()
            || fresh.current.members != known.current.members)
    }

    /// The clients of a committee; connections are kept as long as the committee stays what it is.
    pub(crate) fn clients(&self, committee: &Committee) -> Arc<CommitteeClients> {
        let mut kept = self.shared.committees.lock();
        if let Some(clients) = kept.iter().find(|clients| clients.is_of(committee)) {
            return Arc::clone(clients);
        }
        let clients = Arc::new(CommitteeClients::new(
            Arc::new(committee.clone()),
            &self.shared.communication,
            self.shared.environment.clone(),
        ));
        kept.insert(0, Arc::clone(&clients));
        kept.truncate(COMMITTEES_KEPT);
        clients
    }
}
