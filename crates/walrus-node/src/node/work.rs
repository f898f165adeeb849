//! What a node does while it runs, task by task.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use ambient::TaskTracker;
use axum::serve::Listener;
use tokio::time::{interval, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use walrus_http::{HttpServer, serve_metrics};

use super::rest::rest_after_work;
use crate::{
    chain::ChainView,
    config::NodeConfig,
    epoch::EpochPlan,
    events::{EventBlobWriter, EventOptions, EventProcessor, History, Workers, attest_epochs},
    peer::Peers,
    recovery::{BlobHealing, Healer},
    scrub::{Scrub, collect_bucket_orphans},
    service::Service,
    start_error::StartError,
    state::NodeState,
    sync::ShardCompletion,
    upkeep::{PriceSource, Reloader, announce_config, drive_epochs, rotate_key, watch_balance},
};

/// Time in which health still tells that the storage failed, before the node gives up.
const FAILURE_NOTICE: Duration = Duration::from_secs(2);

/// Orphaned files that a crash explains: those of one commit.
const ORPHANS_EXPLAINED: usize = crate::storage::COMMIT_JOBS_MAX;

/// How often old entries of the pending caches are dropped when nobody uses them.
const PENDING_EXPIRY_INTERVAL: Duration = Duration::from_secs(10);

/// The tasks of a node, and what they share.
pub(super) struct Work {
    config: NodeConfig,
    chain: Arc<dyn ChainView>,
    service: Arc<Service>,
    /// Ends all tasks.
    pub stop: CancellationToken,
    /// Says that the node cannot go on.
    pub failed: CancellationToken,
    /// All tasks.
    pub tasks: TaskTracker,
}

impl Work {
    pub(super) fn new(
        config: NodeConfig,
        chain: Arc<dyn ChainView>,
        service: Arc<Service>,
    ) -> Self {
        Self {
            config,
            chain,
            service,
            stop: CancellationToken::new(),
            failed: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// Shows metrics.
    pub(super) fn show_metrics<L>(&self, metrics_listener: L)
    where
        L: Listener<Addr = SocketAddr>,
    {
        let service = self.service.clone();
        let render = move || {
            service.sample_metrics();
            service.metrics().render()
        };
        let metrics = serve_metrics(metrics_listener, render, self.stop.clone());
        self.tasks.spawn(metrics);
    }

    /// Looks after storage, files and account.
    pub(super) fn keep_in_order(&self, reloader: Arc<Reloader>) {
        let Self {
            config,
            chain,
            service,
            stop,
            failed,
            tasks,
        } = self;
        let state = service.state();
        tasks.spawn(expire_buffers(state.clone(), stop.clone()));
        tasks.spawn(rest_after_work(state.storage().clone(), stop.clone()));
        tasks.spawn(sweep(state.clone(), chain.clone(), stop.clone()));
        if let Some(mover) = state.storage().mover() {
            tasks.spawn(mover.run(stop.clone()));
        }
        if let Some(cycle) = config.scrub_cycle() {
            let scrub = Scrub::new(service.clone(), chain.clone(), cycle, stop.clone());
            tasks.spawn(scrub.run());
        }
        tasks.spawn(watch_storage(state.clone(), stop.clone(), failed.clone()));
        let balance_check = config.balance_check.clone();
        tasks.spawn(watch_balance(
            state.clone(),
            chain.clone(),
            balance_check,
            stop.clone(),
        ));
        tasks.spawn(reloader.run(stop.clone()));
    }

    /// Answers requests, and does what signs or sends transactions, unless the node only catches
    /// up.
    pub(super) fn take_part<L>(&self, server: HttpServer<L>, price: Option<PriceSource>)
    where
        L: Listener<Addr = SocketAddr>,
    {
        let Self {
            config,
            chain,
            service,
            stop,
            failed: _,
            tasks,
        } = self;
        if !config.takes_part {
            return;
        }
        tasks.spawn(server.run(stop.clone()));
        let state = service.state();
        tasks.spawn(attest_epochs(state.clone(), chain.clone(), stop.clone()));
        tasks.spawn(drive_epochs(state.clone(), chain.clone(), stop.clone()));
        tasks.spawn(rotate_key(state.clone(), chain.clone(), stop.clone()));
        if let Some(interval) = announcement_interval(config) {
            tasks.spawn(announce_config(
                state.clone(),
                chain.clone(),
                config.clone(),
                price,
                interval,
                stop.clone(),
            ));
        }
    }

    /// Processes events, and fetches what the node has to have.
    pub(super) fn follow_chain(
        &self,
        peers: Arc<Peers>,
        resumed: Option<EpochPlan>,
    ) -> Result<(), StartError> {
        let Self {
            config,
            chain,
            service,
            stop,
            failed,
            tasks,
        } = self;
        let state = service.state();
        let healer = Arc::new(Healer::new(service.clone(), peers, chain.clone()));
        let completion = ShardCompletion::new(healer.clone(), tasks.clone(), stop.clone());
        let workers = Workers {
            shard_work: Arc::new(completion),
            healing: Arc::new(BlobHealing::start(healer.clone(), tasks, stop.clone())),
            history: Arc::new(History::new(healer.clone())),
        };
        let event_blobs = config.event_blob_options();
        if let Some(rule) = event_blobs.cut_rule.filter(|_| config.takes_part) {
            let writer = EventBlobWriter::new(healer, chain.clone(), rule);
            tasks.spawn(writer.run(stop.clone()));
        }
        let events = EventProcessor::new(
            state.clone(),
            chain.clone(),
            workers,
            EventOptions {
                event_blobs,
                deletion: config.deletion_rule(),
            },
            resumed,
            tasks.clone(),
            stop.clone(),
        )?;
        tasks.spawn(supervise(events, failed.clone()));
        Ok(())
    }
}

/// How often the chain is told what the configuration says: as often as the price of WAL is asked
/// for, if it is.
fn announcement_interval(config: &NodeConfig) -> Option<Duration> {
    let interval = config.config_synchronizer.interval()?;
    let monitor = config.wal_price_monitor.as_ref();
    let monitor = monitor.filter(|_| config.voting_params.has_prices_in_dollars());
    Some(monitor.map_or(interval, |monitor| interval.min(monitor.interval())))
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

/// Puts files into quarantine that the index does not know, and has such objects in the bucket
/// deleted.
async fn sweep(state: Arc<NodeState>, chain: Arc<dyn ChainView>, stop: CancellationToken) {
    let storage = state.storage();
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
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = collect_bucket_orphans(&state, chain.as_ref()) => {}
    }
}

/// Gives up when the storage can no longer be written. Health says so first.
async fn watch_storage(state: Arc<NodeState>, stop: CancellationToken, failed: CancellationToken) {
    tokio::select! {
        biased;
        () = stop.cancelled() => return,
        () = state.storage().failed() => {}
    }
    error!(
        "the storage cannot be written; the node has to be restarted. If that does not help, the index is damaged: stop the \
         node and run `walrus-node db rebuild`, which keeps the slivers"
    );
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
