//! Putting the parts together: start, run, stop.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::TcpListener,
    time::{interval, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, info, warn};
use walrus_core::{
    ObjectId,
    keys::{NetworkKeyPair, ProtocolKeyPair},
};
use walrus_encoder::Encoder;

use crate::{
    chain::{ChainError, ChainView, SuiChain, SuiChainConfig},
    config::{NodeConfig, load_network_key, load_protocol_key},
    epoch::EpochView,
    events::{EventProcessor, phase_of},
    http::{HttpServer, Scheme, TlsIdentity, router, serve_metrics, server_config},
    metrics::Metrics,
    service::Service,
    start_error::StartError,
    storage::{Identity, Storage, StorageOptions},
};

/// Pause between attempts to reach the chain at the first start.
const CHAIN_RETRY_DELAY: Duration = Duration::from_secs(2);

/// Time for the chain to confirm the node's registration at later starts, when the node can also do without.
const REGISTRATION_CHECK_MAX: Duration = Duration::from_secs(5);

/// How often old entries of the pending caches are dropped when nobody uses them.
const PENDING_EXPIRY_INTERVAL: Duration = Duration::from_secs(10);

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
        let keys = Keys::load(&config)?;
        let scheme = scheme(&config, &keys.network)?;
        let rest = bind("API", config.rest_api_address).await?;
        let metrics_listener = bind("metrics", config.metrics_address).await?;
        let storage = open_storage(&config).await?;
        let identity = identify(&storage, chain.as_ref(), config.sui.system_object).await?;
        check_registration(&config, &keys, chain.as_ref()).await?;

        let encoder = Encoder::new(identity.n_shards)
            .map_err(|error| StartError::Chain(error.to_string()))?;
        let view = load_view(&storage, &keys.protocol)?;
        let metrics = Metrics::default();
        let service = Service::new(
            storage.clone(),
            encoder,
            keys.protocol,
            view,
            metrics.clone(),
            config.service_limits(),
        );
        let phase = phase_of(&service.epochs.view());
        service.progress.update(|progress| progress.phase = phase);

        let stop = CancellationToken::new();
        let failed = CancellationToken::new();
        let tasks = TaskTracker::new();
        let addr = local_address("API", &rest)?;
        let metrics_addr = local_address("metrics", &metrics_listener)?;
        let limits = config.http_limits();
        let routes = router(service.clone(), limits.clone(), scheme.name());
        info!(%addr, %metrics_addr, scheme = scheme.name(), "serving");
        let server = HttpServer::new(rest, routes, scheme, limits, metrics);
        tasks.spawn(server.run(stop.clone()));
        tasks.spawn(serve_metrics(
            metrics_listener,
            service.clone(),
            stop.clone(),
        ));
        tasks.spawn(expire_pending(service.clone(), stop.clone()));
        tasks.spawn(sweep(storage.clone(), stop.clone()));
        let events = EventProcessor::new(service.clone(), chain, tasks.clone(), stop.clone())?;
        tasks.spawn(supervise(events, failed.clone()));
        Ok(RunningNode {
            addr,
            metrics_addr,
            service,
            storage,
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
    protocol: ProtocolKeyPair,
    network: NetworkKeyPair,
}

impl Keys {
    fn load(config: &NodeConfig) -> Result<Self, StartError> {
        let load = || {
            Ok(Self {
                protocol: load_protocol_key(&config.protocol_key_pair)?,
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
        contracts: walrus_sui::ContractIds {
            system_object: config.sui.system_object,
            staking_object: config.sui.staking_object,
            treasury_object: None,
        },
        node_cap: config.storage_node_cap,
        wallet_config: wallet.map(|wallet| wallet.path().clone()),
        wallet_address: wallet.and_then(crate::config::WalletReference::address),
    }
}

fn scheme(config: &NodeConfig, key: &NetworkKeyPair) -> Result<Scheme, StartError> {
    if config.tls.disable_tls {
        return Ok(Scheme::Http);
    }
    let identity = match &config.tls.certificate_path {
        Some(path) => TlsIdentity::CertificateFile(path),
        None => TlsIdentity::SelfSigned {
            public_host: &config.public_host,
        },
    };
    Ok(Scheme::Https(Arc::new(server_config(key, &identity)?)))
}

async fn bind(what: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| StartError::Bind {
            what,
            address,
            source,
        })
}

fn local_address(what: &'static str, listener: &TcpListener) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(|source| StartError::Bind {
        what,
        address: SocketAddr::from(([0, 0, 0, 0], 0)),
        source,
    })
}

async fn open_storage(config: &NodeConfig) -> Result<Storage, StartError> {
    let options = StorageOptions {
        path: config.storage_path.clone(),
        disk_reserve_bytes: config.disk_reserve_bytes,
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
    storage.index().claim(&identity)?;
    Ok(identity)
}

/// Compares the keys with those the chain has for the node's capability.
async fn check_registration(
    config: &NodeConfig,
    keys: &Keys,
    chain: &dyn ChainView,
) -> Result<(), StartError> {
    if config.storage_node_cap.is_none() {
        warn!("no storage_node_cap is configured: this node cannot attest epochs");
        return Ok(());
    }
    let registration = match timeout(REGISTRATION_CHECK_MAX, chain.registration()).await {
        Ok(Ok(registration)) => registration,
        Ok(Err(ChainError::Contradiction(reason))) => return Err(StartError::Chain(reason)),
        Ok(Err(error)) => {
            warn!(%error, "cannot compare the keys with the chain now");
            return Ok(());
        }
        Err(_) => {
            warn!("cannot compare the keys with the chain now: it does not answer");
            return Ok(());
        }
    };
    let Some(registration) = registration else {
        return Ok(());
    };
    if registration.public_key != keys.protocol.public() {
        return Err(StartError::WrongKey {
            kind: "protocol",
            node_id: registration.node_id,
            registered: registration.public_key.to_string(),
            configured: keys.protocol.public().to_string(),
        });
    }
    if !config.tls.disable_tls && registration.network_public_key != keys.network.public() {
        return Err(StartError::WrongKey {
            kind: "network",
            node_id: registration.node_id,
            registered: registration.network_public_key.to_string(),
            configured: keys.network.public().to_string(),
        });
    }
    Ok(())
}

/// Asks until the chain answers, or says something that will not change.
async fn retry<'a, T, F>(mut ask: impl FnMut() -> F) -> Result<T, StartError>
where
    F: Future<Output = Result<T, ChainError>> + 'a,
{
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(ChainError::Contradiction(reason)) => return Err(StartError::Chain(reason)),
            Err(error) => warn!(%error, "the chain does not answer; trying again"),
        }
        sleep(CHAIN_RETRY_DELAY).await;
    }
}

/// Committee and shards as they were when the node stopped.
fn load_view(storage: &Storage, key: &ProtocolKeyPair) -> Result<EpochView, StartError> {
    let committee = storage.index().committees()?.map(|(current, _)| current);
    let owned = committee
        .as_ref()
        .map(|committee| committee.shards_of(&key.public()))
        .unwrap_or_default();
    let shards = storage.index().shards()?.into_iter().collect();
    Ok(EpochView {
        committee,
        owned,
        shards,
    })
}

async fn expire_pending(service: Arc<Service>, stop: CancellationToken) {
    let mut ticks = interval(PENDING_EXPIRY_INTERVAL);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => service.pending.expire(std::time::Instant::now()),
        }
    }
}

/// Removes files a crash left between rename and index entry.
async fn sweep(storage: Storage, stop: CancellationToken) {
    let swept = tokio::select! {
        () = stop.cancelled() => return,
        swept = storage.sweep_orphans() => swept,
    };
    match swept {
        Ok(0) => {}
        Ok(count) => info!(count, "removed sliver files of an interrupted run"),
        Err(error) => warn!(%error, "cannot look for sliver files of an interrupted run"),
    }
}

/// Runs event processing; without it the node would serve an ever older state.
async fn supervise(events: EventProcessor, failed: CancellationToken) {
    if let Err(error) = tokio::spawn(events.run()).await {
        error!(%error, "event processing failed; the node has to be restarted");
        failed.cancel();
    }
}
