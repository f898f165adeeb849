//! A whole chain in one value: start it, talk to it over its sockets, shut it down.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use axum::{Router, serve::ListenerExt};
use sui_sdk_types::Address;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    chain::{AdvanceError, Chain, Genesis, GenesisError, Worker},
    execution::Engine,
    faucet,
    ledger::{DiskStore, Ledger, MemoryStore, OpenError, Store, StoreError},
    server,
};

/// Longest silence on an idle chain; clients give up on a subscription that is silent for 30 s.
const HEARTBEAT_DEFAULT: Duration = Duration::from_secs(4);
/// How long shutdown waits for connections to finish before it drops them.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);

/// How to run a chain.
#[derive(Clone, Debug)]
pub struct LocalnetConfig {
    /// Where the chain lives; `None` keeps it in memory. A directory with a chain continues that
    /// chain.
    pub data_dir: Option<PathBuf>,
    /// Address of the RPC port; port 0 takes a free one.
    pub rpc_addr: SocketAddr,
    /// Address of the faucet; `None` for no faucet.
    pub faucet_addr: Option<SocketAddr>,
    /// Accounts that hold SUI (in MIST) from genesis on; ignored when the chain exists already.
    pub accounts: Vec<(Address, u64)>,
    /// Longest time without a checkpoint. `None`: there is a checkpoint for every transaction and
    /// no other, so that the same transactions make the same versions of objects, until
    /// [`Localnet::start_heartbeat`].
    pub heartbeat: Option<Duration>,
    /// How many checkpoints are remembered, with their transactions and the object versions these
    /// replaced: `None` for all. A full node that prunes answers like a chain that forgets.
    pub retention_checkpoints: Option<u64>,
}

impl Default for LocalnetConfig {
    /// A chain in memory on free ports of the loopback interface, with a faucet.
    fn default() -> Self {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            data_dir: None,
            rpc_addr: any_port,
            faucet_addr: Some(any_port),
            accounts: Vec::new(),
            heartbeat: Some(HEARTBEAT_DEFAULT),
            retention_checkpoints: None,
        }
    }
}

/// Why a chain does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another program listens on the address.
    #[error("cannot listen on {0}: the port is in use")]
    PortInUse(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] OpenError),
    /// The chain in the data directory cannot be read or extended.
    #[error(transparent)]
    Ledger(#[from] StoreError),
    /// A new chain cannot be created.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The system refused a thread.
    #[error("cannot start the executor: {0}")]
    Executor(#[source] std::io::Error),
    /// Opening the chain ended without a result.
    #[error("opening the chain was interrupted")]
    Interrupted,
}

/// A running chain. Dropping it stops the chain without waiting.
pub struct Localnet {
    chain: Arc<Chain>,
    executor: ambient::Worker,
    heartbeat: watch::Sender<Option<Duration>>,
    tasks: JoinSet<()>,
    rpc_addr: SocketAddr,
    faucet_addr: Option<SocketAddr>,
    stopping: CancellationToken,
    _stop_on_drop: DropGuard,
}

impl Localnet {
    /// Opens or creates the chain and serves it. On return its ports answer.
    pub async fn start(config: LocalnetConfig) -> Result<Self, StartError> {
        // Ports first: they are the likeliest to fail, and failing must leave no half-made chain
        // behind.
        let rpc = listen(config.rpc_addr).await?;
        let faucet = match config.faucet_addr {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        let (data_dir, accounts) = (config.data_dir.clone(), config.accounts.clone());
        let retention = config.retention_checkpoints;
        let opened = move || open(data_dir, &accounts, retention);
        let (ledger, engine) = ambient::run_blocking(opened)
            .await
            .map_err(|_| StartError::Interrupted)??;
        let tip = ledger
            .tip()
            .map_or(0, |tip| tip.checkpoint.summary.sequence_number);
        let is_new = tip == 0;

        let stopping = CancellationToken::new();
        let (chain, executor) =
            Chain::start(ledger, engine, tip, stopping.clone()).map_err(StartError::Executor)?;
        let chain = Arc::new(chain);
        if is_new {
            // Sets the Clock, which genesis leaves at 0.
            let set = chain.run(Worker::seal_empty).await;
            set.map_err(|_| StartError::Interrupted)??;
        }
        let mut tasks = JoinSet::new();
        let rpc_addr = rpc.address;
        let routes = server::routes(Arc::clone(&chain));
        rpc.serve(&routes, &stopping, &mut tasks);
        let faucet_addr = faucet.as_ref().map(|faucet| faucet.address);
        if let Some(faucet) = faucet {
            let routes = faucet::routes(Arc::clone(&chain)).layer(server::cors());
            faucet.serve(&routes, &stopping, &mut tasks);
        }
        let heart = Arc::clone(&chain);
        let (heartbeat, interval) = watch::channel(config.heartbeat);
        tasks.spawn(async move { heart.heartbeat(interval).await });
        Ok(Self {
            chain,
            executor,
            heartbeat,
            tasks,
            rpc_addr,
            faucet_addr,
            _stop_on_drop: stopping.clone().drop_guard(),
            stopping,
        })
    }

    /// The URL of the RPC port.
    pub fn rpc_url(&self) -> String {
        format!("http://{}", self.rpc_addr)
    }

    /// The URL of the faucet, if there is one.
    pub fn faucet_url(&self) -> Option<String> {
        self.faucet_addr.map(|address| format!("http://{address}"))
    }

    /// The chain's short name: the first four bytes of its genesis digest in hexadecimal.
    pub fn chain_id(&self) -> String {
        match self.chain.ledger().tip() {
            Some(tip) => hex::encode(&tip.chain_id.as_bytes()[..4]),
            None => String::new(),
        }
    }

    /// Moves chain time `ms` milliseconds ahead, now and from now on. Returns the new time in
    /// milliseconds since the Unix epoch.
    pub async fn advance_clock(&self, ms: u64) -> Result<u64, AdvanceError> {
        self.chain.advance_clock(ms).await
    }

    /// Seals a checkpoint at least every few seconds from now on, whatever the configuration said.
    pub fn start_heartbeat(&self) {
        self.heartbeat.send_replace(Some(HEARTBEAT_DEFAULT));
    }

    /// Stops serving, finishes what is being executed, and closes the ledger.
    pub async fn shutdown(mut self) {
        self.stopping.cancel();
        let finished = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(SHUTDOWN_GRACE, finished)
            .await
            .is_err()
        {
            tracing::warn!("dropping connections that did not finish");
            self.tasks.shutdown().await;
        }
        // Wakes the executor, which then sees that it is to stop.
        let _ = self.chain.run(|_| ()).await;
        self.chain.simulations_ended().await;
        let executor = self.executor;
        drop(self.chain);
        if executor.join().await.is_err() {
            tracing::warn!("the executor did not stop in order");
        }
    }
}

fn open(
    data_dir: Option<PathBuf>,
    accounts: &[(Address, u64)],
    retention_checkpoints: Option<u64>,
) -> Result<(Arc<Ledger>, Arc<Engine>), StartError> {
    let store: Box<dyn Store> = match data_dir {
        Some(path) => Box::new(DiskStore::open(&path)?),
        None => Box::new(MemoryStore::default()),
    };
    let ledger = Ledger::open(store)?.with_retention(retention_checkpoints);
    let engine = Engine::new();
    if ledger.tip().is_none() {
        ledger.append(Genesis::new(accounts)?.block())?;
    }
    Ok((Arc::new(ledger), Arc::new(engine)))
}

/// Listening sockets of one service.
struct Listeners {
    address: SocketAddr,
    sockets: Vec<TcpListener>,
}

/// Listens on `address`; on a loopback address also on the other family's loopback, because
/// `localhost` may mean either.
async fn listen(address: SocketAddr) -> Result<Listeners, StartError> {
    let socket = TcpListener::bind(address).await.map_err(|source| {
        if source.kind() == std::io::ErrorKind::AddrInUse {
            StartError::PortInUse(address)
        } else {
            StartError::Listen { address, source }
        }
    })?;
    let address = socket
        .local_addr()
        .map_err(|source| StartError::Listen { address, source })?;
    let mut sockets = vec![socket];
    let other: Option<IpAddr> = match address.ip() {
        IpAddr::V4(ip) if ip == Ipv4Addr::LOCALHOST => Some(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip == Ipv6Addr::LOCALHOST => Some(Ipv4Addr::LOCALHOST.into()),
        _ => None,
    };
    if let Some(other) = other {
        // A machine without the other family is served well enough by this one.
        sockets.extend(TcpListener::bind((other, address.port())).await);
    }
    Ok(Listeners { address, sockets })
}

impl Listeners {
    fn serve(self, routes: &Router, stopping: &CancellationToken, tasks: &mut JoinSet<()>) {
        for socket in self.sockets {
            let routes = routes.clone();
            let stopped = stopping.clone().cancelled_owned();
            // Answers are small and waited for: do not hold them back to fill packets.
            let socket = socket.tap_io(|stream| {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "cannot disable packet coalescing");
                }
            });
            tasks.spawn(async move {
                let service = routes.into_make_service_with_connect_info::<SocketAddr>();
                let served = axum::serve(socket, service).with_graceful_shutdown(stopped);
                if let Err(error) = served.await {
                    tracing::error!(%error, "a listener failed");
                }
            });
        }
    }
}
