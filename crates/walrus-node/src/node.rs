//! Putting the parts together: start, run, stop.

mod announce;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use ambient::TaskTracker;
use axum::serve::Listener;
use tokio::time::{interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use walrus_client::Environment;
use walrus_core::{ObjectId, keys::NetworkKeyPair};
use walrus_encoder::Encoder;
use walrus_http::{HttpServer, Network, Scheme, Tcp, serve_metrics};

use announce::announce_config;

use crate::{
    chain::{ChainError, ChainView, Registration, SuiChain, SuiChainConfig},
    config::{NodeConfig, load_network_key, load_protocol_key},
    epoch::{EpochView, drive_epochs},
    events::{EventBlobWriter, EventProcessor, History, Workers, attest_epochs},
    http::{Certificate, TlsIdentity, router, server_config},
    keys::{KeyRing, rotate_key},
    metrics::Metrics,
    peer::Peers,
    recovery::{BlobHealing, Healer},
    scrub::Scrub,
    service::{Service, ServiceLimits},
    start_error::StartError,
    state::{NodeParts, NodeState},
    storage::{Identity, Medium, Storage, StorageOptions},
    sync::ShardCompletion,
    upkeep::{Blocklist, PriceSource, Reloader, watch_balance},
};

/// Pause between attempts to reach the chain at the first start.
const CHAIN_RETRY_DELAY: Duration = Duration::from_secs(2);

/// Time for the chain to confirm the node's registration at later starts, when the node can also do without.
const REGISTRATION_CHECK_MAX: Duration = Duration::from_secs(5);

/// Time in which health still tells that the storage failed, before the node gives up.
const FAILURE_NOTICE: Duration = Duration::from_secs(2);

/// Orphaned files that a crash explains: those of one commit.
const ORPHANS_EXPLAINED: usize = crate::storage::COMMIT_JOBS_MAX;

/// How often old entries of the pending caches are dropped when nobody uses them.
const PENDING_EXPIRY_INTERVAL: Duration = Duration::from_secs(10);

/// What a node finds around it when it starts.
pub struct Surroundings<N> {
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
    /// Starts a node with the chain its configuration names. Waits for the chain only at the first start.
    pub async fn start(config: NodeConfig) -> Result<RunningNode, StartError> {
        let chain = SuiChain::new(&sui_chain_config(&config))?;
        Self::start_with_chain(config, Arc::new(chain)).await
    }

    /// Starts a node with a given view of the chain.
    pub async fn start_with_chain(
        config: NodeConfig,
        chain: Arc<dyn ChainView>,
    ) -> Result<RunningNode, StartError> {
        let surroundings = Surroundings {
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
        surroundings: Surroundings<N>,
    ) -> Result<RunningNode, StartError> {
        let Surroundings {
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
        // Before anything is opened, so that a wrong key leaves nothing behind that has to be closed.
        let registration = check_registration(&config, &keys, chain.as_ref()).await?;
        let rest = bind(&network, "API", config.rest_api_address).await?;
        let metrics_listener = bind(&network, "metrics", config.metrics_address).await?;
        let storage = open_storage(&config, medium).await?;
        let identity = identify(&storage, chain.as_ref(), config.sui.system_object).await?;

        let encoder = Encoder::new(identity.n_shards)
            .map_err(|error| StartError::Chain(error.to_string()))?;
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
        let service = Service::new(state.clone(), encoder, limits);

        let stop = CancellationToken::new();
        let failed = CancellationToken::new();
        let tasks = TaskTracker::new();
        let addr = local_address("API", &rest)?;
        let metrics_addr = local_address("metrics", &metrics_listener)?;
        let limits = config.http_limits();
        let routes = router(service.clone(), limits.clone(), scheme.name());
        info!(%addr, %metrics_addr, scheme = scheme.name(), "serving");
        let server = HttpServer::new(rest, routes, scheme, limits, metrics.http);
        tasks.spawn(server.run(stop.clone()));
        let measured = service.clone();
        let render = move || {
            measured.sample_metrics();
            measured.metrics().render()
        };
        tasks.spawn(serve_metrics(metrics_listener, render, stop.clone()));
        tasks.spawn(expire_buffers(state.clone(), stop.clone()));
        tasks.spawn(sweep(storage.clone(), stop.clone()));
        if let Some(cycle) = config.scrub_cycle() {
            tasks.spawn(Scrub::new(service.clone(), cycle, stop.clone()).run());
        }
        tasks.spawn(watch_storage(state.clone(), stop.clone(), failed.clone()));
        tasks.spawn(attest_epochs(state.clone(), chain.clone(), stop.clone()));
        tasks.spawn(drive_epochs(state.clone(), chain.clone(), stop.clone()));
        if let Some(interval) = announcement_interval(&config) {
            tasks.spawn(announce_config(
                state.clone(),
                chain.clone(),
                config.clone(),
                price,
                interval,
                stop.clone(),
            ));
        }
        tasks.spawn(watch_balance(
            state.clone(),
            chain.clone(),
            config.balance_check.clone(),
            stop.clone(),
        ));
        let reloader = Arc::new(Reloader::new(blocked, certificate, state.metrics().clone()));
        tasks.spawn(reloader.clone().run(stop.clone()));
        tasks.spawn(rotate_key(state.clone(), chain.clone(), stop.clone()));
        let communication = config.peer_communication();
        let peers = Arc::new(Peers::new(identity.n_shards, communication, environment));
        let healer = Arc::new(Healer::new(service.clone(), peers, chain.clone()));
        let workers = Workers {
            shard_work: Arc::new(ShardCompletion::new(
                healer.clone(),
                tasks.clone(),
                stop.clone(),
            )),
            healing: Arc::new(BlobHealing::start(healer.clone(), &tasks, stop.clone())),
            history: Arc::new(History::new(healer.clone())),
        };
        let event_blobs = config.event_blob_options();
        if let Some(rule) = event_blobs.cut_rule {
            let writer = EventBlobWriter::new(healer, chain.clone(), rule);
            tasks.spawn(writer.run(stop.clone()));
        }
        let events = EventProcessor::new(
            state,
            chain,
            workers,
            event_blobs,
            resumed,
            tasks.clone(),
            stop.clone(),
        )?;
        tasks.spawn(supervise(events, failed.clone()));
        Ok(RunningNode {
            addr,
            metrics_addr,
            service,
            storage,
            reloader,
            stop,
            failed,
            tasks,
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
    let wallet = config.sui.wallet_config.as_ref();
    SuiChainConfig {
        rpc_urls: config.sui.rpc_urls().map(str::to_owned).collect(),
        rpc_quorum: None,
        contracts: walrus_sui::ContractIds {
            system_object: config.sui.system_object,
            staking_object: config.sui.staking_object,
            treasury_object: config.sui.treasury_object,
        },
        subsidies_object: config.sui.walrus_subsidies_object,
        node_cap: config.storage_node_cap,
        wallet_config: wallet.map(|wallet| wallet.path().clone()),
        wallet_address: wallet.and_then(crate::config::WalletReference::address),
    }
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

/// How often the chain is told what the configuration says: as often as the price of WAL is asked for, if it is.
fn announcement_interval(config: &NodeConfig) -> Option<Duration> {
    let interval = config.config_synchronizer.interval()?;
    let monitor = config.wal_price_monitor.as_ref();
    let monitor = monitor.filter(|_| config.voting_params.has_prices_in_dollars());
    Some(monitor.map_or(interval, |monitor| interval.min(monitor.interval())))
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

async fn open_storage(config: &NodeConfig, medium: Medium) -> Result<Storage, StartError> {
    let options = StorageOptions {
        path: config.storage_path.clone(),
        disk_reserve_bytes: config.disk_reserve_bytes,
        read_bytes_max: config.rest_server.max_read_bytes,
        cleanup: config.cleanup_storage,
        medium,
    };
    Ok(crate::storage::run_blocking(move || Storage::open(&options)).await??)
}

/// Whose storage this is. A new storage learns it from the chain; an old one works without the chain.
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
    Ok(identity)
}

/// Compares the keys with those the chain has for the node's capability; `None` if the chain does not say.
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

async fn expire_buffers(state: Arc<NodeState>, stop: CancellationToken) {
    let mut ticks = interval(PENDING_EXPIRY_INTERVAL);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = ticks.tick() => state.expire_buffers(),
        }
    }
}

/// Puts files into quarantine that the index does not know.
async fn sweep(storage: Storage, stop: CancellationToken) {
    let swept = tokio::select! {
        biased;
        () = stop.cancelled() => return,
        swept = storage.quarantine_orphans() => swept,
    };
    match swept {
        Ok(0) => {}
        Ok(count) if count <= ORPHANS_EXPLAINED => {
            info!(
                count,
                "sliver files of an interrupted run are in quarantine"
            );
        }
        Ok(count) => error!(
            count,
            "more sliver files than a crash explains are unknown to the index and in quarantine: the index has lost entries"
        ),
        Err(error) => warn!(%error, "cannot look for sliver files of an interrupted run"),
    }
}

/// Gives up when the storage can no longer be written. Health says so first.
async fn watch_storage(state: Arc<NodeState>, stop: CancellationToken, failed: CancellationToken) {
    tokio::select! {
        biased;
        () = stop.cancelled() => return,
        () = state.storage().failed() => {}
    }
    error!("the storage cannot be written; the node has to be restarted");
    state.storage_failed();
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = sleep(FAILURE_NOTICE) => {}
    }
    failed.cancel();
}

/// Runs event processing; without it the node would serve an ever older state.
async fn supervise(events: EventProcessor, failed: CancellationToken) {
    if let Err(error) = ambient::spawn(events.run()).await {
        error!(%error, "event processing failed; the node has to be restarted");
        failed.cancel();
    }
}
