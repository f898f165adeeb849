//! `walrus-node catchup`

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::Args;
use tokio_util::sync::CancellationToken;
use tracing::info;
use walrus_core::node_api::HealthInfo;
use walrus_node::{CatchUpError, NodeConfig, StartError, StorageNode};
use walrus_terminal::signals::Signals;

use super::{Failure, report};

/// How often progress is told.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
#[command(
    after_help = "The node does not serve, signs nothing and sends nothing to the chain, so another machine may run \
                        with the same keys meanwhile.\n\
                        Exit code 0 when it has caught up, 1 if it was stopped before.\n\
                        Example: walrus-node catchup --config-path walrus-node.yaml && systemctl start walrus-node"
)]
pub(super) struct Catchup {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config_path: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl Catchup {
    pub(super) async fn execute(self) -> Result<(), Failure> {
        let start_failure = |error: StartError| Failure::new(&error, error.exit_code());
        let config = NodeConfig::load(&self.config_path)
            .map_err(|error| start_failure(StartError::from(error)))?;
        let mut signals = Signals::listen()?;
        let stop = CancellationToken::new();
        let stopping = stop.clone();
        let mut progress = Progress::default();
        let caught_up = StorageNode::catch_up(config, stop, |health, target| {
            progress.tell(health, target);
        });
        tokio::pin!(caught_up);
        let caught_up = loop {
            tokio::select! {
                caught_up = &mut caught_up => break caught_up,
                signal = signals.next(), if !stopping.is_cancelled() => {
                    info!(signal, "stopping");
                    stopping.cancel();
                }
            }
        };
        let caught_up = caught_up.map_err(|error| match error {
            CatchUpError::Start(error) => start_failure(error),
            other => Failure::running(other),
        })?;
        report(self.json, &caught_up, || {
            let checkpoint = caught_up.checkpoint.unwrap_or(0);
            format!(
                "Caught up: checkpoint {checkpoint}, epoch {}, {} shards complete",
                caught_up.epoch, caught_up.shards
            )
        })
    }
}

/// Tells how far the node is, now and then.
#[derive(Default)]
struct Progress(Option<Instant>);

impl Progress {
    fn tell(&mut self, health: &HealthInfo, target: Option<u64>) {
        if self
            .0
            .is_some_and(|told| told.elapsed() < PROGRESS_INTERVAL)
        {
            return;
        }
        self.0 = Some(Instant::now());
        let owned = &health.shard_summary.owned_shard_status;
        info!(
            status = health.node_status,
            checkpoint = health.latest_checkpoint_sequence_number,
            of = target,
            epoch = health.epoch,
            shards_ready = owned.ready,
            shards = health.shard_summary.owned,
            percent_of_blobs = health.recovery.map(|recovery| recovery.percent),
            "catching up"
        );
    }
}
