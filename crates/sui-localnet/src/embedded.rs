//! A chain without sockets: its services are called in the process that holds it.

use std::{sync::Arc, time::Duration};

use axum::Router;
use sui_sdk_types::Address;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    chain::{AdvanceError, Chain, Genesis, Worker},
    execution::Engine,
    ledger::{Ledger, MemoryStore},
    localnet::StartError,
    server,
};

/// A chain in memory, for programs that bring their own transport. Dropping it stops it.
pub struct EmbeddedChain {
    chain: Arc<Chain>,
    store: Arc<MemoryStore>,
    engine: Arc<Engine>,
    heartbeat: watch::Sender<Option<Duration>>,
    _stop_on_drop: DropGuard,
}

/// All that a chain holds at one moment; chains that begin with it go on from there.
#[derive(Clone)]
pub struct Snapshot {
    store: MemoryStore,
    /// Remembers the packages it has loaded, which are the same on all chains that begin here.
    engine: Arc<Engine>,
}

impl EmbeddedChain {
    /// A new chain on which `accounts` hold SUI (in MIST). It stands still between transactions.
    pub async fn create(accounts: &[(Address, u64)]) -> Result<Self, StartError> {
        let store = Arc::new(MemoryStore::default());
        let ledger = Ledger::open(Box::new(Arc::clone(&store)))?;
        ledger.append(Genesis::new(accounts)?.block())?;
        let embedded = Self::start(ledger, store, Arc::new(Engine::new()))?;
        // Sets the Clock, which genesis leaves at 0.
        let set = embedded.chain.run(Worker::seal_empty).await;
        set.map_err(|_| StartError::Interrupted)??;
        Ok(embedded)
    }

    /// A chain that goes on from `snapshot`, on its own.
    pub fn resume(snapshot: &Snapshot) -> Result<Self, StartError> {
        let store = Arc::new(snapshot.store.clone());
        let ledger = Ledger::open(Box::new(Arc::clone(&store)))?;
        Self::start(ledger, store, Arc::clone(&snapshot.engine))
    }

    fn start(
        ledger: Ledger,
        store: Arc<MemoryStore>,
        engine: Arc<Engine>,
    ) -> Result<Self, StartError> {
        let tip = ledger
            .tip()
            .map_or(0, |tip| tip.checkpoint.summary.sequence_number);
        let stopping = CancellationToken::new();
        let ledger = Arc::new(ledger);
        let (chain, _executor) = Chain::start(ledger, Arc::clone(&engine), tip, stopping.clone())
            .map_err(StartError::Executor)?;
        let chain = Arc::new(chain);
        let (heartbeat, interval) = watch::channel(None);
        let heart = Arc::clone(&chain);
        ambient::spawn(async move { heart.heartbeat(interval).await });
        Ok(Self {
            chain,
            store,
            engine,
            heartbeat,
            _stop_on_drop: stopping.drop_guard(),
        })
    }

    /// Everything the RPC port of a chain serves.
    pub fn services(&self) -> Router {
        server::routes(Arc::clone(&self.chain))
    }

    /// Seals a checkpoint at least that often from now on; `None`: only with transactions.
    pub fn set_heartbeat(&self, interval: Option<Duration>) {
        self.heartbeat.send_replace(interval);
    }

    /// Moves chain time ahead, now and from now on. Returns the new time in milliseconds since the
    /// Unix epoch.
    pub async fn advance_clock(&self, ms: u64) -> Result<u64, AdvanceError> {
        self.chain.advance_clock(ms).await
    }

    /// The sequence number of the newest checkpoint.
    pub fn height(&self) -> u64 {
        *self.chain.sealed().borrow()
    }

    /// What the chain holds between two transactions.
    pub async fn snapshot(&self) -> Result<Snapshot, AdvanceError> {
        let store = Arc::clone(&self.store);
        let copied = self.chain.run(move |_| MemoryStore::clone(&store)).await;
        let store = copied.map_err(AdvanceError::interrupted)?;
        let engine = Arc::clone(&self.engine);
        Ok(Snapshot { store, engine })
    }
}
