//! Putting the parts together: start, run, stop.

mod catch_up;
mod options;
mod rest;
mod work;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use ambient::TaskTracker;
use axum::serve::Listener;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use walrus_client::Environment;
use walrus_core::{NShards, ObjectId, keys::NetworkKeyPair};
use walrus_encoder::Encoder;
use walrus_http::{HttpServer, Network, Scheme, Tcp};
use walrus_sui::{ContractIds, Signer, Wallet, WalletError};

pub use catch_up::{CatchUpError, CaughtUp};
use work::Work;

use crate::{
    blocklist::Blocklist,
    chain::{ChainError, ChainView, Registration, SuiChain, SuiChainConfig, Trust},
    config::{NodeConfig, load_network_key, load_protocol_key},
    epoch::EpochView,
    http::{Certificate, TlsIdentity, router, server_config},
    keys::KeyRing,
    metrics::Metrics,
    peer::Peers,
    service::{Service, ServiceLimits},
    start_error::StartError,
    state::{NodeParts, NodeState},
    storage::{Identity, Medium, Storage, StorageOptions, VALIDATORS_FILE, open_or_rebuild},
    upkeep::{PriceSource, Reloader},
};

/// Pause between attempts to reach the chain at the first start.
const CHAIN_RETRY_DELAY: Duration = Duration::from_secs(2);

/// Time for the chain to confirm the node's registration at later starts, when the node can also do
/// without.
const REGISTRATION_CHECK_MAX: Duration = Duration::from_secs(5);

/// What a node finds around it when it starts.
pub struct NodeSurroundings<N> {
    /// The chain.
    pub chain: Arc<dyn ChainView>,
    /// Where it listens.
    pub network: N,
    /// The way to other nodes.
    pub environment: Environment,
    /// What its storage is on.
    pub medium: Medium,
}

/// The storage node.
pub struct StorageNode;

impl StorageNode {
    /// Starts a node with the chain its configuration names. Waits for the chain only at the first
    /// start.
    pub async fn start(config: NodeConfig) -> Result<RunningNode, StartError> {
        if !config.sui.verify_checkpoints {
            warn!(
                "sui.verify_checkpoints is false: this node believes what its full nodes say of events"
            );
        }
        let chain = SuiChain::new(&sui_chain_config(&config), signer(&config)?)?;
        Self::start_with_chain(config, Arc::new(chain)).await
    }

    /// Starts a node with a given view of the chain.
    pub async fn start_with_chain(
        config: NodeConfig,
        chain: Arc<dyn ChainView>,
    ) -> Result<RunningNode, StartError> {
        let surroundings = NodeSurroundings {
            chain,
            network: Tcp,
            environment: Environment::of_system(),
            medium: Medium::FileSystem,
        };
        Self::start_in(config, surroundings).await
    }

    /// Starts a node in surroundings of choice.
    pub async fn start_in<N: Network>(
        config: NodeConfig,
        surroundings: NodeSurroundings<N>,
    ) -> Result<RunningNode, StartError> {
        let NodeSurroundings {
            chain,
            network,
            environment,
            medium,
        } = surroundings;
        let keys = Keys::load(&config)?;
        let certificate = certificate(&config, &keys.network)?;
        let scheme = scheme(certificate.clone())?;
        let blocked = config.blocklist_path.as_deref().map(Blocklist::load);
        let blocked = blocked.transpose()?.unwrap_or_default();
        let price = price_source(&config)?;
        // Before anything is opened, so that a wrong key leaves nothing to be closed.
        let registration = check_registration(&config, &keys, chain.as_ref()).await?;
        let rest = bind(&network, "API", config.rest_api_address).await?;
        let metrics_listener = bind(&network, "metrics", config.metrics_address).await?;
        let storage = open_storage(&config, medium).await?;
        let identity = identify(&storage, chain.as_ref(), config.sui.system_object).await?;

        let encoder = encoder(identity.n_shards)?;
        let metrics = Metrics::default();
        let limits = ServiceLimits {
            blocked: blocked.clone(),
            ..config.service_limits()
        };
        let view = load_view(&storage, registration.as_ref(), &keys.protocol)?;
        let node_id = view.node_id;
        let state = NodeState::new(NodeParts {
            storage: storage.clone(),
            n_shards: identity.n_shards,
            keys: keys.protocol,
            view,
            metrics: metrics.clone(),
            pending: limits.pending.clone(),
            registration_waiters_max: limits.registration_waiters_max,
        });
        let resumed = state.resume_epoch(node_id).await?;
        let service = Service::new(state, encoder, limits);

        let addr = local_address("API", &rest)?;
        let metrics_addr = local_address("metrics", &metrics_listener)?;
        let limits = config.http_limits();
        let scheme_name = scheme.name();
        let routes = router(service.clone(), limits.clone(), scheme_name);
        let server = HttpServer::new(rest, routes, scheme, limits, metrics.http.clone());
        let reloader = Arc::new(Reloader::new(blocked, certificate, metrics));
        let peers = Peers::new(identity.n_shards, config.peer_communication(), environment);
        if config.takes_part {
            info!(%addr, %metrics_addr, scheme = scheme_name, "serving");
        }
        let work = Work::new(config, chain, service.clone());
        work.show_metrics(metrics_listener);
        work.keep_in_order(reloader.clone());
        work.take_part(server, price);
        work.follow_chain(Arc::new(peers), resumed)?;
        Ok(RunningNode {
            addr,
            metrics_addr,
            service,
            storage,
            reloader,
            stop: work.stop,
            failed: work.failed,
            tasks: work.tasks,
        })
    }
}

/// A node that serves. Dropping it does not stop it.
pub struct RunningNode {
    addr: SocketAddr,
    metrics_addr: SocketAddr,
    service: Arc<Service>,
    storage: Storage,
    reloader: Arc<Reloader>,
    stop: CancellationToken,
    failed: CancellationToken,
    tasks: TaskTracker,
}

impl RunningNode {
    /// Address of the API.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Address of the metrics.
    pub fn metrics_addr(&self) -> SocketAddr {
        self.metrics_addr
    }

    /// The service behind the API.
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Reads the block list and the certificate again. The node does so by itself every 30 seconds.
    pub async fn reload(&self) {
        self.reloader.reload().await;
    }

    /// Completes when the node cannot go on: it should be shut down and started again.
    pub async fn failed(&self) {
        self.failed.cancelled().await;
    }

    /// Whether the node cannot go on because of its index, and can with another one.
    pub fn needs_another_index(&self) -> bool {
        self.storage.is_marked_damaged()
    }

    /// Lets open requests finish, stops everything and closes the storage.
    pub async fn shutdown(self) -> Result<(), StartError> {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.storage.close().await?;
        info!("stopped");
        Ok(())
    }
}

struct Keys {
    protocol: KeyRing,
    network: NetworkKeyPair,
}

impl Keys {
    fn load(config: &NodeConfig) -> Result<Self, StartError> {
        let load = || {
            let next = config
                .next_protocol_key_pair
                .as_ref()
                .map(load_protocol_key);
            Ok(Self {
                protocol: KeyRing::new(
                    load_protocol_key(&config.protocol_key_pair)?,
                    next.transpose()?,
                ),
                network: load_network_key(&config.network_key_pair)?,
            })
        };
        load().map_err(|error: crate::config::KeyError| StartError::Config(error.into()))
    }
}

fn sui_chain_config(config: &NodeConfig) -> SuiChainConfig {
    SuiChainConfig {
        rpc_urls: config.sui.rpc_urls().map(str::to_owned).collect(),
        rpc_quorum: None,
        checkpoints: config.sui.verify_checkpoints.then(|| Trust {
            trusted_checkpoint: config.sui.trusted_checkpoint,
            file: Some(config.storage_path.join(VALIDATORS_FILE)),
        }),
        contracts: ContractIds {
            system_object: config.sui.system_object,
            staking_object: config.sui.staking_object,
            treasury_object: config.sui.treasury_object,
        },
        subsidies_object: config.sui.walrus_subsidies_object,
        node_cap: config.storage_node_cap,
    }
}

/// The account that owns the node's capability.
fn signer(config: &NodeConfig) -> Result<Option<Signer>, WalletError> {
    let Some(reference) = &config.sui.wallet_config else {
        return Ok(None);
    };
    let wallet = Wallet::load(reference.path())?;
    let signer = match reference.address() {
        Some(address) => wallet.signer(address),
        None => wallet.active_signer(),
    };
    signer.map(Some)
}

/// The certificate to serve; `None` without TLS.
fn certificate(
    config: &NodeConfig,
    key: &NetworkKeyPair,
) -> Result<Option<Arc<Certificate>>, StartError> {
    if config.tls.disable_tls {
        return Ok(None);
    }
    let identity = match &config.tls.certificate_path {
        Some(path) => TlsIdentity::CertificateFile(path),
        None => TlsIdentity::SelfSigned {
            public_host: &config.public_host,
        },
    };
    Ok(Some(Arc::new(Certificate::new(key.clone(), &identity)?)))
}

fn scheme(certificate: Option<Arc<Certificate>>) -> Result<Scheme, StartError> {
    Ok(match certificate {
        Some(certificate) => Scheme::Https(Arc::new(server_config(certificate)?)),
        None => Scheme::Http,
    })
}

/// Where the price of WAL is read, if prices in dollars are to be voted for.
fn price_source(config: &NodeConfig) -> Result<Option<PriceSource>, StartError> {
    let monitor = config.wal_price_monitor.as_ref();
    let monitor = monitor.filter(|_| config.voting_params.has_prices_in_dollars());
    Ok(monitor.map(PriceSource::new).transpose()?)
}

async fn bind<N: Network>(
    network: &N,
    what: &'static str,
    address: SocketAddr,
) -> Result<N::Listener, StartError> {
    network
        .bind(address)
        .await
        .map_err(|source| StartError::Bind {
            what,
            address,
            source,
        })
}

fn local_address(
    what: &'static str,
    listener: &impl Listener<Addr = SocketAddr>,
) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(|source| StartError::Bind {
        what,
        address: SocketAddr::from(([0, 0, 0, 0], 0)),
        source,
    })
}

fn encoder(n_shards: NShards) -> Result<Encoder, StartError> {
    Encoder::new(n_shards).map_err(|error| StartError::Chain(error.to_string()))
}

async fn open_storage(config: &NodeConfig, medium: Medium) -> Result<Storage, StartError> {
    let options = StorageOptions {
        path: config.storage_path.clone(),
        disk_reserve_bytes: config.disk_reserve_bytes,
        read_bytes_max: config.rest_server.max_read_bytes,
        cleanup: config.cleanup_storage,
        medium,
        bucket: config.bucket_options()?,
        without_bucket: false,
    };
    let open = if config.rebuild_damaged_index {
        open_or_rebuild
    } else {
        Storage::open
    };
    Ok(crate::storage::run_blocking(move || open(&options)).await??)
}

/// Whose storage this is. A new storage learns it from the chain; an old one works without the
/// chain.
async fn identify(
    storage: &Storage,
    chain: &dyn ChainView,
    system_object: ObjectId,
) -> Result<Identity, StartError> {
    let n_shards = if let Some(identity) = storage.index().identity()? {
        identity.n_shards
    } else {
        info!("first start: waiting for the chain");
        retry(|| chain.committees()).await?.current.n_shards
    };
    let identity = Identity::new(system_object, n_shards);
    storage.claim(&identity)?;
    storage.claim_bucket(system_object).await?;
    Ok(identity)
}

/// Compares the keys with those the chain has for the node's capability; `None` if the chain does
/// not say.
async fn check_registration(
    config: &NodeConfig,
    keys: &Keys,
    chain: &dyn ChainView,
) -> Result<Option<Registration>, StartError> {
    if config.storage_node_cap.is_none() {
        warn!("no storage_node_cap is configured: this node cannot attest epochs");
        return Ok(None);
    }
    let registration = match timeout(REGISTRATION_CHECK_MAX, chain.registration()).await {
        Ok(Ok(registration)) => registration,
        Ok(Err(ChainError::Contradiction(reason))) => return Err(StartError::Chain(reason)),
        Ok(Err(error)) => {
            warn!(%error, "cannot compare the keys with the chain now");
            return Ok(None);
        }
        Err(_) => {
            warn!("cannot compare the keys with the chain now: it does not answer");
            return Ok(None);
        }
    };
    let Some(registration) = registration else {
        return Ok(None);
    };
    if keys.protocol.find(&registration.public_key).is_none() {
        warn!(
            node_id = %registration.node_id,
            registered = %registration.public_key,
            configured = %keys.protocol.configured().public(),
            "the protocol key is not the one registered on chain: the node serves its shards but signs nothing unless the \
             committee knows it by the configured key. Name the key file of the registered key in protocol_key_pair"
        );
    }
    if !config.tls.disable_tls && registration.network_public_key != keys.network.public() {
        return Err(StartError::WrongNetworkKey {
            node_id: registration.node_id,
            registered: registration.network_public_key.to_string(),
            configured: keys.network.public().to_string(),
        });
    }
    Ok(Some(registration))
}

/// Asks until the chain answers, or says something that will not change.
async fn retry<'a, T, F>(mut ask: impl FnMut() -> F) -> Result<T, StartError>
where
    F: Future<Output = Result<T, ChainError>> + 'a,
{
    let mut is_away = false;
    loop {
        match ask().await {
            Ok(answer) => {
                if is_away {
                    info!("the chain is back");
                }
                return Ok(answer);
            }
            Err(ChainError::Contradiction(reason)) => return Err(StartError::Chain(reason)),
            Err(error) if !is_away => warn!(%error, "the chain does not answer; trying again"),
            Err(_) => {}
        }
        is_away = true;
        sleep(CHAIN_RETRY_DELAY).await;
    }
}

/// Committees and shards as they were when the node stopped, and who the node is.
fn load_view(
    storage: &Storage,
    registration: Option<&Registration>,
    keys: &KeyRing,
) -> Result<EpochView, StartError> {
    let index = storage.index();
    let (current, previous) = index.committees()?.unzip();
    let remembered = index.node_id()?;
    let registered = registration.map(|registration| registration.node_id);
    if let (Some(remembered), Some(registered)) = (remembered, registered)
        && remembered != registered
    {
        warn!(%remembered, %registered, "the storage was another node's; what it holds of this node's shards is used");
    }
    let by_key = current
        .as_ref()
        .and_then(|committee| keys.member_of(committee));
    Ok(EpochView {
        node_id: registered.or(remembered).or(by_key),
        current: current.map(Arc::new),
        previous: previous.flatten().map(Arc::new),
        owned: Vec::new(),
        shards: index.shards()?.into_iter().collect(),
    })
}
