//! `walrus-key-server aggregate`

use std::path::PathBuf;

use clap::Args;
use walrus_key_server::aggregator::{Aggregator, AggregatorConfig};

use super::{Failure, Signals, run::start_failure, until_stopped};

#[derive(Debug, Args)]
pub(super) struct Aggregate {
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "CONFIG_PATH")]
    config: PathBuf,
}

impl Aggregate {
    pub(super) async fn execute(self) -> Result<(), Failure> {
        let config = AggregatorConfig::load(&self.config).map_err(Failure::input)?;
        let mut signals = Signals::listen()?;
        let aggregator = tokio::select! {
            started = Aggregator::start(config) => started.map_err(start_failure)?,
            signal = signals.next() => {
                tracing::info!(signal, "stopped before the aggregator had started");
                return Ok(());
            }
        };
        tracing::info!(address = %aggregator.address(), "serving");
        until_stopped(signals, || aggregator.shutdown()).await
    }
}
