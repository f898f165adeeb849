//! `walrus-node run`

use std::path::PathBuf;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};
use walrus_node::{NodeConfig, StartError, StorageNode};
use walrus_terminal::signals::Signals;

use super::Failure;

#[derive(Debug, Args)]
pub(super) struct Run {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config_path: PathBuf,
    /// Delete everything the node has stored in the storage directory first
    #[arg(long)]
    cleanup_storage: bool,
}

impl Run {
    pub(super) async fn execute(self) -> Result<(), Failure> {
        let mut config = NodeConfig::load(&self.config_path)
            .map_err(|error| start_failure(&StartError::from(error)))?;
        let (foreign, unknown) = config.ignored_keys();
        if !foreign.is_empty() {
            info!(
                keys = foreign.join(", "),
                "configuration keys this version does not use"
            );
        }
        if !unknown.is_empty() {
            warn!(
                keys = unknown.join(", "),
                "unknown configuration keys are ignored"
            );
        }
        config.cleanup_storage = self.cleanup_storage;
        run(config).await
    }
}

/// What ends a run.
enum RunEnd {
    /// Somebody asked for it.
    Stopped,
    /// The index is damaged; with another one the node goes on.
    Damaged,
}

async fn run(mut config: NodeConfig) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let mut hangups = signal(SignalKind::hangup())
        .map_err(|error| Failure::running(format!("cannot listen for signals: {error}")))?;
    loop {
        info!(
            name = config.name,
            version = env!("CARGO_PKG_VERSION"),
            "starting"
        );
        match run_once(config.clone(), &mut signals, &mut hangups).await? {
            RunEnd::Stopped => return Ok(()),
            RunEnd::Damaged => config.cleanup_storage = false,
        }
    }
}

async fn run_once(
    config: NodeConfig,
    signals: &mut Signals,
    hangups: &mut Signal,
) -> Result<RunEnd, Failure> {
    let rebuilds = config.rebuild_damaged_index;
    // Starting may wait for the chain for long; a signal ends that, too.
    let node = tokio::select! {
        node = StorageNode::start(config) => node.map_err(|error| start_failure(&error))?,
        signal = signals.next() => {
            info!(signal, "stopped before the node had started");
            return Ok(RunEnd::Stopped);
        }
    };
    let failed = loop {
        tokio::select! {
            signal = signals.next() => {
                info!(signal, "stopping");
                break false;
            }
            _ = hangups.recv() => {
                info!("SIGHUP: reading the block list and the certificate again");
                node.reload().await;
            }
            () = node.failed() => break true,
        }
    };
    let damaged = failed && node.needs_another_index();
    let stopped = signals.or_at_once(node.shutdown()).await?;
    if damaged && rebuilds {
        if let Err(error) = stopped {
            warn!(%error, "the storage with the damaged index was not closed");
        }
        return Ok(RunEnd::Damaged);
    }
    if failed {
        return Err(Failure::running("the node could not go on; see the log"));
    }
    stopped.map_err(|error| start_failure(&error))?;
    Ok(RunEnd::Stopped)
}

fn start_failure(error: &StartError) -> Failure {
    Failure::new(error, error.exit_code())
}
