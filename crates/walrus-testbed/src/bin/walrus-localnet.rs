//! `walrus-localnet`: a complete local Walrus network with one command.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context as _;
use clap::{CommandFactory as _, Parser, Subcommand};
use tracing_subscriber::EnvFilter;
use walrus_testbed::{
    bench, demo,
    network::{How, Network, UpOptions},
    roles,
    state::{NetworkOptions, StateDir},
};

/// A complete local Walrus network: embedded chain, contracts and storage nodes.
///
/// Exit codes: 0 success, 1 failure (one line on stderr), 2 wrong usage.
#[derive(Debug, Parser)]
#[command(name = "walrus-localnet", version)]
struct Cli {
    /// Where the network lives; created by `up`, removed by `up --reset`.
    #[arg(
        long,
        global = true,
        default_value = ".walrus-localnet",
        env = "WALRUS_LOCALNET_DIR"
    )]
    state_dir: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the network, or resume it, and print how to reach it.
    ///
    /// Runs in the foreground until interrupted; with --detach it returns once the network is ready.
    Up(UpArgs),
    /// Stop every process of the network. `up` resumes it.
    Down,
    /// Print how to reach the network and what runs.
    Status {
        /// One JSON object instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Stop or start single storage nodes.
    Node {
        #[command(subcommand)]
        command: NodeCommand,
    },
    /// Stop or start the chain alone.
    Chain {
        #[command(subcommand)]
        command: ChainCommand,
    },
    /// Store a file, stop as many nodes as tolerated, read it back and compare.
    Demo {
        /// The file to store.
        file: PathBuf,
    },
    /// Measure how long a user waits, and how much memory it takes.
    Bench {
        /// An array of {name, value, unit, baseline, ratio} instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Print a shell completion script.
    Completion {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Run the chain process of a network (started by `up`).
    #[command(hide = true)]
    RunChain,
    /// Run one storage node process of a network (started by `up`).
    #[command(hide = true)]
    RunNode {
        /// Name of the node.
        name: String,
    },
}

#[derive(Debug, Subcommand)]
enum ChainCommand {
    /// Stop the chain; clients and nodes wait for it to come back.
    Stop {
        /// Kill instead of asking, like a power cut.
        #[arg(long)]
        kill: bool,
    },
    /// Start the chain again.
    Start,
}

#[derive(Debug, Subcommand)]
enum NodeCommand {
    /// Stop nodes.
    Stop {
        /// Names, such as node-0.
        #[arg(required = true)]
        names: Vec<String>,
        /// Kill instead of asking, like a power cut.
        #[arg(long)]
        kill: bool,
    },
    /// Start nodes again.
    Start {
        /// Names, such as node-0.
        #[arg(required = true)]
        names: Vec<String>,
    },
}

#[derive(Debug, clap::Args)]
struct UpArgs {
    /// Number of storage nodes [default: 4].
    #[arg(long)]
    nodes: Option<u16>,
    /// Number of shards; at least 4, best 3f + 1 [default: 10].
    #[arg(long)]
    shards: Option<u16>,
    /// Length of a Walrus epoch in seconds [default: 86400].
    #[arg(long, value_name = "SECONDS")]
    epoch_duration: Option<u64>,
    /// How many epochs ahead storage can be bought [default: 53].
    #[arg(long, value_name = "EPOCHS")]
    max_epochs_ahead: Option<u32>,
    /// Number of funded accounts [default: 5].
    #[arg(long)]
    accounts: Option<u16>,
    /// TCP port of the chain's gRPC service; 0 picks a free one.
    #[arg(long, default_value_t = 9000)]
    rpc_port: u16,
    /// TCP port of the faucet; 0 picks a free one.
    #[arg(long, default_value_t = 9123)]
    faucet_port: u16,
    /// Remove what is in the state directory first.
    #[arg(long)]
    reset: bool,
    /// Return once the network is ready; `walrus-localnet down` stops it.
    #[arg(long)]
    detach: bool,
    /// One JSON object on one line instead of text.
    #[arg(long)]
    json: bool,
}

impl UpArgs {
    /// What was asked for, over what the network already has, over the defaults.
    fn options(&self, existing: Option<NetworkOptions>) -> NetworkOptions {
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
        }
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    init_logging(matches!(
        cli.command,
        Command::RunChain | Command::RunNode { .. }
    ));
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::Error::from(error).context("cannot start the runtime")),
    };
    let outcome = runtime.block_on(run(cli));
    // Tasks of a server that is going down must not hold up the exit.
    runtime.shutdown_timeout(Duration::from_secs(1));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("Error: {error:#}");
    ExitCode::FAILURE
}

fn init_logging(is_server: bool) {
    let default = if is_server {
        "info,lsm_tree=warn,fjall=warn"
    } else {
        "warn"
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let state_dir =
        StateDir::new(std::path::absolute(&cli.state_dir).context("no current directory")?);
    let network = Network::new(state_dir.clone());
    match cli.command {
        Command::Up(args) => up(&network, &state_dir, &args).await,
        Command::Down => network.down(),
        Command::Status { json } => {
            let report = network.report().await?;
            print_report(&report, json)
        }
        Command::Node {
            command: NodeCommand::Stop { names, kill },
        } => {
            for name in names {
                network.stop_node(&name, stop_how(kill))?;
            }
            Ok(())
        }
        Command::Node {
            command: NodeCommand::Start { names },
        } => {
            for name in names {
                network.start_node(&name).await?;
            }
            Ok(())
        }
        Command::Chain {
            command: ChainCommand::Stop { kill },
        } => network.stop_chain(stop_how(kill)),
        Command::Chain {
            command: ChainCommand::Start,
        } => network.start_chain().await,
        Command::Demo { file } => demo::run(&file).await,
        Command::Bench { json } => bench::run(json).await,
        Command::Completion { shell } => {
            clap_complete::generate(
                shell,
                &mut Cli::command(),
                "walrus-localnet",
                &mut std::io::stdout(),
            );
            Ok(())
        }
        Command::RunChain => roles::run_chain(&state_dir).await,
        Command::RunNode { name } => roles::run_node(&state_dir, &name).await,
    }
}

fn stop_how(kill: bool) -> How {
    if kill { How::Kill } else { How::Ask }
}

async fn up(network: &Network, state_dir: &StateDir, args: &UpArgs) -> anyhow::Result<()> {
    if args.reset {
        network.remove()?;
    }
    let existing = if state_dir.exists() {
        Some(state_dir.load()?.options)
    } else {
        None
    };
    let options = UpOptions {
        options: args.options(existing),
        rpc_port: args.rpc_port,
        faucet_port: args.faucet_port,
    };
    let outcome = tokio::select! {
        report = network.up(&options) => report,
        () = interrupted() => Err(anyhow::anyhow!("interrupted")),
    };
    let report = match outcome {
        Ok(report) => report,
        Err(error) => {
            // A network that did not become ready leaves nothing running.
            if state_dir.exists() {
                network.down()?;
            }
            return Err(error);
        }
    };
    print_report(&report, args.json)?;
    if !args.detach {
        interrupted().await;
        network.down()?;
    }
    Ok(())
}

fn print_report(report: &walrus_testbed::report::ReadyReport, json: bool) -> anyhow::Result<()> {
    use std::io::Write as _;
    let text = if json {
        serde_json::to_string(report)?
    } else {
        report.to_string()
    };
    writeln!(std::io::stdout(), "{text}").context("cannot write to stdout")
}

/// Resolves when the user or the system asks this program to end.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
