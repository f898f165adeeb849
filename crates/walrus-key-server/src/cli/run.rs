//! `walrus-key-server run`

use std::path::PathBuf;

use clap::Args;
use walrus_key_server::{KeyServer, KeyServerConfig, PROTOCOL_VERSION, StartError};

use super::{Failure, Signals, until_stopped};

#[derive(Debug, Args)]
pub(super) struct Run {
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "CONFIG_PATH")]
    config: PathBuf,
}

impl Run {
    pub(super) async fn execute(self) -> Result<(), Failure> {
        let (config, unknown) = KeyServerConfig::load(&self.config).map_err(Failure::input)?;
        if !unknown.is_empty() {
            let keys = unknown.join(", ");
            tracing::warn!(keys, "unknown configuration keys are ignored");
        }
        let mut signals = Signals::listen()?;
        // Starting may wait for the chain for long; a signal ends that, too.
        let server = tokio::select! {
            server = KeyServer::start(&config) => server.map_err(start_failure)?,
            signal = signals.next() => {
                tracing::info!(signal, "stopped before the server had started");
                return Ok(());
            }
        };
        tracing::info!(
            address = %server.address(),
            metrics = %server.metrics_address(),
            version = PROTOCOL_VERSION,
            "serving"
        );
        until_stopped(signals, || server.shutdown()).await
    }
}

pub(super) fn start_failure(error: StartError) -> Failure {
    match error {
        StartError::Config(_) | StartError::Key(_) | StartError::WrongKey { .. } => {
            Failure::input(error)
        }
        _ => Failure::running(error),
    }
}
