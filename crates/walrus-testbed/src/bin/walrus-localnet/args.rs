//! Commands and their options.

use std::{path::PathBuf, time::Duration};

use clap::{Parser, Subcommand};
use walrus_deploy::{Extra, ExtraParseError, parse_duration};
use walrus_testbed::{
    network::{Amount, Ports},
    state::NetworkOptions,
};

/// A complete local Walrus network: embedded chain, contracts and storage nodes.
#[derive(Debug, Parser)]
#[command(name = "walrus-localnet", version, after_help = walrus_terminal::exit::HELP)]
pub(crate) struct Cli {
    /// Where the network lives: a folder of its own. Default: .walrus-localnet in the current
    /// folder, or the nearest one above that holds a network
    #[arg(long, global = true, value_name = "DIR", env = "WALRUS_LOCALNET_DIR")]
    pub(crate) state_dir: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the network, or resume it, and print how to reach it
    ///
    /// Runs in the foreground until interrupted; with --detach it returns once the network is
    /// ready.
    Up(UpArgs),
    /// Stop every process of the network; `up` resumes it
    Down,
    /// Print how to reach the network and what runs
    Status {
        /// One JSON object instead of text
        #[arg(long)]
        json: bool,
    },
    /// Stop or start single storage nodes
    Node {
        #[command(subcommand)]
        command: NodeCommand,
    },
    /// Stop or start the chain alone
    Chain {
        #[command(subcommand)]
        command: ChainCommand,
    },
    /// Print the chain's time, or move it ahead: `clock +1d`
    ///
    /// Only the clock moves, now and from now on. Epochs do not pass by that alone: see
    /// `epoch next`.
    Clock {
        /// How far to move it ahead, such as +1d, +90min or +30s
        #[arg(value_name = "+TIME", value_parser = ahead)]
        ahead: Option<Duration>,
    },
    /// Move time on by whole epochs
    Epoch {
        #[command(subcommand)]
        command: EpochCommand,
    },
    /// Send SUI and WAL to an account: `fund ADDRESS 100WAL 5SUI`
    Fund {
        /// An address, or the name of an account in the wallet of the network
        account: String,
        /// Amounts with their unit: WAL, FROST, SUI or MIST
        #[arg(required = true, value_name = "AMOUNT")]
        amounts: Vec<Amount>,
    },
    /// Store a file, stop as many nodes as tolerated, read it back and compare
    Demo {
        /// The file to store
        file: PathBuf,
    },
    /// Measure how long a user waits, and how much memory it takes
    Bench {
        /// An array of {name, value, unit, baseline, ratio} instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Print a shell completion script
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual as a man page
    Man {
        /// Write one page for every command into this folder instead
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Run the chain process of a network (started by `up`)
    #[command(hide = true)]
    RunChain,
    /// Run one storage node process of a network (started by `up`)
    #[command(hide = true)]
    RunNode {
        /// Name of the node
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ChainCommand {
    /// Stop the chain; clients and nodes wait for it to come back
    Stop {
        /// Kill instead of asking, like a power cut
        #[arg(long)]
        kill: bool,
    },
    /// Start the chain again
    Start,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NodeCommand {
    /// Stop nodes
    Stop {
        /// Names, such as node-0
        #[arg(required = true)]
        names: Vec<String>,
        /// Kill instead of asking, like a power cut
        #[arg(long)]
        kill: bool,
    },
    /// Start nodes again
    Start {
        /// Names, such as node-0
        #[arg(required = true)]
        names: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum EpochCommand {
    /// Move time on to the next epoch, and wait until its nodes hold their shards
    Next {
        /// How many epochs
        #[arg(default_value_t = 1)]
        epochs: u32,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct UpArgs {
    /// Number of storage nodes [default: 4]
    #[arg(long)]
    nodes: Option<u16>,
    /// Number of shards; at least 4, best 3f + 1 [default: 10]
    #[arg(long)]
    shards: Option<u16>,
    /// Length of a Walrus epoch in seconds [default: 86400]
    #[arg(long, value_name = "SECONDS")]
    epoch_duration: Option<u64>,
    /// How many epochs ahead storage can be bought [default: 53]
    #[arg(long, value_name = "EPOCHS")]
    max_epochs_ahead: Option<u32>,
    /// Number of funded accounts [default: 5]
    #[arg(long)]
    accounts: Option<u16>,
    /// Checkpoints of an event blob [default: 216000, as on public networks]
    #[arg(long, value_name = "CHECKPOINTS", value_parser = clap::value_parser!(u64).range(1..))]
    event_blob_checkpoints: Option<u64>,
    /// Let the chain forget all but its last checkpoints, like a full node that prunes [default: it
    /// forgets nothing]
    #[arg(long, value_name = "CHECKPOINTS", value_parser = clap::value_parser!(u64).range(1..))]
    chain_retention: Option<u64>,
    /// Packages to publish around the contracts, separated by commas: governance, wal_exchange,
    /// subsidies, walrus_subsidies, blob_bucket
    #[arg(long = "with", value_name = "PACKAGES", value_delimiter = ',', value_parser = package)]
    pub(crate) packages: Vec<Extra>,
    /// TCP port of the chain's gRPC service; 0 picks a free one [default: 9000]
    #[arg(long, value_name = "PORT", env = "WALRUS_LOCALNET_RPC_PORT")]
    rpc_port: Option<u16>,
    /// TCP port of the faucet; 0 picks a free one [default: 9123]
    #[arg(long, value_name = "PORT", env = "WALRUS_LOCALNET_FAUCET_PORT")]
    faucet_port: Option<u16>,
    /// TCP port of the first node, which those of the others follow; 0 picks free ones [default:
    /// 9185, or free ones]
    #[arg(long, value_name = "PORT", env = "WALRUS_LOCALNET_NODE_PORT_BASE")]
    node_port_base: Option<u16>,
    /// TCP port of the first node's metrics; 0 picks free ones [default: 9385, or free ones]
    #[arg(long, value_name = "PORT", env = "WALRUS_LOCALNET_METRICS_PORT_BASE")]
    metrics_port_base: Option<u16>,
    /// Throw away the network that is there: everything this program has made, and nothing else
    #[arg(long)]
    pub(crate) reset: bool,
    /// Return once the network is ready; `walrus-localnet down` stops it
    #[arg(long)]
    pub(crate) detach: bool,
    /// One JSON object on one line instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

impl UpArgs {
    /// What was asked for, over what the network already has, over the defaults.
    pub(crate) fn options(&self, existing: Option<NetworkOptions>) -> NetworkOptions {
        let base = existing.unwrap_or_default();
        NetworkOptions {
            nodes: self.nodes.unwrap_or(base.nodes),
            shards: self.shards.unwrap_or(base.shards),
            epoch_duration_ms: self
                .epoch_duration
                .map_or(base.epoch_duration_ms, |seconds| {
                    seconds.saturating_mul(1000)
                }),
            epochs_ahead_max: self.max_epochs_ahead.unwrap_or(base.epochs_ahead_max),
            accounts: self.accounts.unwrap_or(base.accounts),
            event_blob_checkpoints: self.event_blob_checkpoints.or(base.event_blob_checkpoints),
            chain_retention_checkpoints: self.chain_retention.or(base.chain_retention_checkpoints),
        }
    }

    /// The ports that were asked for.
    pub(crate) fn ports(&self) -> Ports {
        Ports {
            rpc: self.rpc_port,
            faucet: self.faucet_port,
            node_base: self.node_port_base,
            metrics_base: self.metrics_port_base,
        }
    }
}

/// A duration with a plus before it: time moves in one direction.
fn ahead(text: &str) -> Result<Duration, String> {
    let amount = text
        .strip_prefix('+')
        .ok_or_else(|| format!("{text:?} is no step ahead; write it like +1d, +90min or +30s"))?;
    parse_duration(amount).map_err(|error| error.to_string())
}

/// A package by its name; the governance also by its short one.
fn package(text: &str) -> Result<Extra, String> {
    match text {
        "governance" => Ok(Extra::WalrusGovernance),
        name => name
            .parse()
            .map_err(|error: ExtraParseError| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_commands_are_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn time_moves_ahead_only() {
        assert_eq!(ahead("+1d"), Ok(Duration::from_secs(86_400)));
        for text in ["1d", "-1d", "+", "+1", "+1y", "++1d"] {
            assert!(ahead(text).is_err(), "{text}");
        }
    }

    #[test]
    fn packages_have_names() {
        assert_eq!(package("governance"), Ok(Extra::WalrusGovernance));
        assert_eq!(package("walrus_governance"), Ok(Extra::WalrusGovernance));
        assert!(package("walrus").unwrap_err().contains("wal_exchange"));
    }
}
