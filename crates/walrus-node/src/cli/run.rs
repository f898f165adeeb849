//! `walrus-node run`

use std::{path::PathBuf, time::Duration};

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};
use walrus_node::{NodeConfig, StartError, StorageNode};

use super::Failure;

/// Exit code of failures while running.
const RUNTIME_FAILURE: u8 = 1;

/// Time for blocking work to end after everything else has.
const RUNTIME_SHUTDOWN: Duration = Duration::from_secs(5);

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
    pub(super) fn execute(self) -> Result<(), Failure> {
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
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| {
                Failure::new(format!("cannot start threads: {error}"), RUNTIME_FAILURE)
            })?;
        let result = runtime.block_on(run(config));
        runtime.shutdown_timeout(RUNTIME_SHUTDOWN);
        result
    }
}

async fn run(config: NodeConfig) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let mut hangups = listen(SignalKind::hangup())?;
    info!(
        name = config.name,
        version = env!("CARGO_PKG_VERSION"),
        "starting"
    );
    // Starting may wait for the chain for long; a signal ends that, too.
    let node = tokio::select! {
        node = StorageNode::start(config) => node.map_err(|error| start_failure(&error))?,
        signal = signals.next() => {
            info!(signal, "stopped before the node had started");
            return Ok(());
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
    let stopped = tokio::select! {
        stopped = node.shutdown() => stopped,
        signal = signals.next() => {
            return Err(Failure::new(format!("stopped at once by a second {signal}"), RUNTIME_FAILURE));
        }
    };
    if failed {
        return Err(Failure::new(
            "the node could not go on; see the log",
            RUNTIME_FAILURE,
        ));
    }
    stopped.map_err(|error| start_failure(&error))
}

fn start_failure(error: &StartError) -> Failure {
    Failure::new(error, error.exit_code())
}

fn listen(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| {
        let message = format!("cannot listen for signals: {error}");
        Failure::new(message, RUNTIME_FAILURE)
    })
}

/// The signals that ask a process to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
