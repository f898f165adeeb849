//! Commands and their options.

use std::{path::PathBuf, time::Duration};

use clap::{ArgGroup, Parser, Subcommand};
use stdx::SaturatingFrom as _;
use walrus_deploy::{Extra, ExtraParseError, parse_duration};
use walrus_faults::{Lie, LinkState};
use walrus_terminal::{completion::CompletionArgs, man::ManArgs};
use walrus_testbed::{
    network::{Amount, KeyServers, Ports, Rot},
    service_kind::ServiceKind,
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
    /// Do wrong on purpose: kill, pause, cut off, slow down, lie, rot, fill
    ///
    /// A node or the chain that gets a bad link, and a node that lies, restarts once, behind
    /// something that stands at its port
    /// from then on. `fault heal` ends everything that is wrong.
    Fault {
        #[command(subcommand)]
        command: FaultCommand,
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
        /// Small blobs and few of them: only to see that it works
        #[arg(long)]
        quick: bool,
    },
    /// Print a shell completion script
    Completion(CompletionArgs),
    /// Print the manual as a man page, or write one page per command
    Man(ManArgs),
    /// Stop or start single key servers
    KeyServer {
        #[command(subcommand)]
        command: NodeCommand,
    },
    /// Stop or start single services
    Service {
        #[command(subcommand)]
        command: ServiceCommand,
    },
    /// Run one key server process of a network (started by `up`)
    #[command(hide = true)]
    RunKeyServer {
        /// Name of the key server
        name: String,
    },
    /// Run the chain process of a network (started by `up`)
    #[command(hide = true)]
    RunChain,
    /// Run the process that stands between the others of a network (started by `fault`)
    #[command(hide = true)]
    RunFaults,
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
    /// Stop some
    Stop {
        /// Names, such as node-0 or key-server-0
        #[arg(required = true)]
        names: Vec<String>,
        /// Kill instead of asking, like a power cut
        #[arg(long)]
        kill: bool,
    },
    /// Start some again
    Start {
        /// Names, such as node-0 or key-server-0
        #[arg(required = true)]
        names: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ServiceCommand {
    /// Print what clients of a service need: `eval "$(walrus-localnet service env s3)"`
    Env {
        /// Name: s3, whose variables those of AWS are
        name: ServiceKind,
    },
    /// Stop some
    Stop {
        /// Names: gateway, relay or s3
        #[arg(required = true)]
        names: Vec<ServiceKind>,
        /// Kill instead of asking, like a power cut
        #[arg(long)]
        kill: bool,
    },
    /// Start some again
    Start {
        /// Names: gateway, relay or s3
        #[arg(required = true)]
        names: Vec<ServiceKind>,
    },
}

/// The number that chooses what a fault hits unless somebody chooses another one.
const FAULT_SEED: u64 = 1;

#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  walrus-localnet fault pause node-1
  walrus-localnet fault kill gateway key-server-0
  walrus-localnet fault link node-2 --delay 300ms --rate 200000
  walrus-localnet fault partition node-0 node-3
  walrus-localnet fault lie node-1 wrong-symbols
  walrus-localnet fault rot node-2 slivers --count 3
  walrus-localnet fault list
  walrus-localnet fault heal

The chain's clock jumps by `walrus-localnet clock +1h`.")]
pub(crate) enum FaultCommand {
    /// Print what runs and what is wrong on purpose
    List {
        /// One JSON object instead of text
        #[arg(long)]
        json: bool,
    },
    /// Kill processes like a power cut; `node start`, `chain start`, `service start`,
    /// `key-server start` or `fault heal` starts them again
    Kill {
        /// Names, such as node-0, chain, gateway, relay, s3 or key-server-0
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Stop processes where they are, like machines that hang
    Pause {
        /// Names, such as node-0, chain, gateway, relay, s3 or key-server-0
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Let paused processes go on
    Resume {
        /// Names, such as node-0, chain, gateway, relay, s3 or key-server-0
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Make the way to a process slow, silent or cut, for everybody or for one node
    Link(LinkArgs),
    /// Cut the ways between these nodes and all others; clients and the chain reach everybody
    Partition {
        /// Names, such as node-0
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Make a node lie
    Lie {
        /// Name, such as node-0
        name: String,
        /// How: truth, wrong-slivers, wrong-symbols, wrong-proofs, wrong-metadata,
        /// wrong-signatures, garbage, silence, drip or
        /// equivocation
        lie: Lie,
    },
    /// Flip bits in what a node stores; the node restarts
    Rot {
        /// Name, such as node-0
        name: String,
        /// What rots: slivers, metadata or index
        what: Rot,
        /// How many parts
        #[arg(long, default_value_t = 1)]
        count: usize,
        /// The same number chooses the same parts
        #[arg(long, default_value_t = FAULT_SEED)]
        seed: u64,
        /// An array of {path, offset, bit} instead of text
        #[arg(long)]
        json: bool,
    },
    /// Make the disk of a node count as full; the node restarts
    FullDisk {
        /// Name, such as node-0
        name: String,
    },
    /// End every fault: everything passes, everybody tells the truth, there is space, and
    /// everything runs
    Heal,
}

/// What a link can be brought into: one of the first three, or one or both of the others.
const LINK_STATES: [&str; 5] = ["cut", "silent", "open", "delay", "rate"];

#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("state").required(true).multiple(true).args(LINK_STATES)))]
pub(crate) struct LinkArgs {
    /// Whose way: a node such as node-0, or chain
    pub(crate) server: String,
    /// Only for this node; for everybody if it is not given
    #[arg(long, value_name = "NODE")]
    pub(crate) from: Option<String>,
    /// Refuse connections and end those that are open
    #[arg(long, conflicts_with_all = ["silent", "open", "delay", "rate"])]
    pub(crate) cut: bool,
    /// Keep connections, and let nothing pass
    #[arg(long, conflicts_with_all = ["open", "delay", "rate"])]
    pub(crate) silent: bool,
    /// Let everything pass
    #[arg(long, conflicts_with_all = ["delay", "rate"])]
    pub(crate) open: bool,
    /// Let everything pass this much later, such as 300ms
    #[arg(long, value_name = "TIME", value_parser = delay)]
    pub(crate) delay: Option<Duration>,
    /// Let so many bytes a second pass, each way
    #[arg(long, value_name = "BYTES")]
    pub(crate) rate: Option<std::num::NonZeroU32>,
}

impl LinkArgs {
    /// What was asked for.
    pub(crate) fn state(&self) -> LinkState {
        if self.cut {
            return LinkState::Cut;
        }
        if self.silent {
            return LinkState::Silent;
        }
        if self.open {
            return LinkState::Open;
        }
        let delay = self.delay.unwrap_or_default();
        LinkState::Slow {
            delay_ms: u64::saturating_from(delay.as_millis()),
            bytes_per_second: self.rate.map_or(0, std::num::NonZeroU32::get),
        }
    }
}

/// A short time: in milliseconds, or as other durations are written.
fn delay(text: &str) -> Result<Duration, String> {
    match text.strip_suffix("ms").map(str::parse) {
        Some(Ok(ms)) => Ok(Duration::from_millis(ms)),
        _ => parse_duration(text).map_err(|error| error.to_string()),
    }
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
    /// Let the nodes serve TLS, with certificates of an authority of the network's own, whose
    /// certificate is in the ready line
    #[arg(long)]
    tls: bool,
    /// What else there is to be, separated by commas. Services: gateway (aggregator and publisher),
    /// relay (the upload relay), s3 (buckets and objects). Packages around the contracts:
    /// governance, wal_exchange, subsidies, walrus_subsidies, blob_bucket, policies, and seal,
    /// which is private data: three key servers, their registry and the policies; seal-committee is
    /// private data with a committee of three members, any two of whom decrypt, behind an
    /// aggregator
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = addition)]
    with: Vec<Addition>,
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
    /// TCP port of the first key server, which those of the others and of their metrics follow;
    /// 0 picks free ones [default: 2024, or free ones]
    #[arg(
        long,
        value_name = "PORT",
        env = "WALRUS_LOCALNET_KEY_SERVER_PORT_BASE"
    )]
    key_server_port_base: Option<u16>,
    /// TCP port of the first service, which those of the others and of their metrics follow; 0
    /// picks free ones [default: 31415 and 57391, or free ones]
    #[arg(long, value_name = "PORT", env = "WALRUS_LOCALNET_SERVICE_PORT_BASE")]
    service_port_base: Option<u16>,
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
            tls: self.tls || base.tls,
        }
    }

    /// Packages to publish. Key servers are of no use without policies.
    pub(crate) fn packages(&self) -> Vec<Extra> {
        let packages = self.with.iter().flat_map(|addition| match addition {
            Addition::Package(Extra::Seal) | Addition::Committee => {
                vec![Extra::Seal, Extra::Policies]
            }
            Addition::Package(package) => vec![*package],
            Addition::Service(_) => Vec::new(),
        });
        packages.collect()
    }

    /// Key servers to run.
    pub(crate) fn key_servers(&self) -> KeyServers {
        KeyServers {
            independent: self.with.contains(&Addition::Package(Extra::Seal)),
            committee: self.with.contains(&Addition::Committee),
        }
    }

    /// Services to start.
    pub(crate) fn services(&self) -> Vec<ServiceKind> {
        let services = self.with.iter().filter_map(|addition| match addition {
            Addition::Service(service) => Some(*service),
            Addition::Package(_) | Addition::Committee => None,
        });
        services.collect()
    }

    /// The ports that were asked for.
    pub(crate) fn ports(&self) -> Ports {
        Ports {
            rpc: self.rpc_port,
            faucet: self.faucet_port,
            node_base: self.node_port_base,
            metrics_base: self.metrics_port_base,
            key_server_base: self.key_server_port_base,
            service_base: self.service_port_base,
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

/// What a network has besides chain, contracts and nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Addition {
    /// A package around the contracts.
    Package(Extra),
    /// A service in front of it.
    Service(ServiceKind),
    /// A committee of key servers.
    Committee,
}

/// How a committee of key servers is named.
const COMMITTEE: &str = "seal-committee";

fn addition(text: &str) -> Result<Addition, String> {
    if text == COMMITTEE {
        return Ok(Addition::Committee);
    }
    if let Ok(service) = text.parse() {
        return Ok(Addition::Service(service));
    }
    let services = ServiceKind::ALL.map(ServiceKind::name).join(", ");
    let package = package(text).map_err(|error| format!("{error}; or a service: {services}"))?;
    Ok(Addition::Package(package))
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
    fn links_have_one_state() {
        let parse = |args: &str| {
            let words = format!("walrus-localnet fault link node-1 {args}");
            Cli::try_parse_from(words.split_whitespace())
        };
        for wrong in ["", "--cut --open", "--silent --delay 1ms", "--delay soon"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        let Command::Fault {
            command: FaultCommand::Link(args),
        } = parse("--delay 20ms --rate 9").unwrap().command
        else {
            panic!("another command");
        };
        let slow = LinkState::Slow {
            delay_ms: 20,
            bytes_per_second: 9,
        };
        assert_eq!(args.state(), slow);
    }

    #[test]
    fn packages_have_names() {
        assert_eq!(package("governance"), Ok(Extra::WalrusGovernance));
        assert_eq!(package("walrus_governance"), Ok(Extra::WalrusGovernance));
        assert!(package("walrus").unwrap_err().contains("wal_exchange"));
        let relay = Addition::Service(ServiceKind::Relay);
        assert_eq!(addition("relay"), Ok(relay));
        assert_eq!(addition("seal"), Ok(Addition::Package(Extra::Seal)));
        let error = addition("relays").unwrap_err();
        assert!(error.contains("gateway, relay"), "{error}");
        assert_eq!(addition("seal-committee"), Ok(Addition::Committee));
    }
}
