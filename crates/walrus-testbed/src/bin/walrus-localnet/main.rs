//! `walrus-localnet`: a complete local Walrus network with one command.

mod args;
mod fault;

use std::{path::Path, process::ExitCode};

use anyhow::{Context as _, bail, ensure};
use args::{ChainCommand, Cli, Command, EpochCommand, NodeCommand, ServiceCommand, UpArgs};
use clap::{CommandFactory as _, Parser as _};
use walrus_terminal::{completion, exit, log::LogArgs, man, output::print_text};
use walrus_testbed::{
    bench, demo, faults, key_servers,
    network::{How, Network, Started, UpOptions},
    process::Termination,
    report::ReadyReport,
    roles,
    state::StateDir,
};

fn main() -> ExitCode {
    // Nodes run in this program, too: they give back what a load has taken.
    walrus_encoder::memory::give_back_large_blocks();
    let cli = Cli::parse();
    let is_server = matches!(
        cli.command,
        Command::RunChain
            | Command::RunFaults
            | Command::RunNode { .. }
            | Command::RunKeyServer { .. }
    );
    if is_server {
        exit::run_server(LogArgs::default(), run(cli))
    } else {
        exit::run(run(cli))
    }
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let place = Place::of(cli.state_dir.as_deref())?;
    let network = Network::new(place.state_dir.clone());
    match cli.command {
        Command::Up(args) => up(&network, &place, &args).await,
        Command::Down => network.down(),
        Command::Status { json } => print_report(&network.report().await?, json),
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
        Command::Clock { ahead } => {
            let now_ms = match ahead {
                Some(by) => network.advance_clock(by).await?,
                None => network.clock_ms().await?,
            };
            print_text(&format!("The chain's time is {}", utc(now_ms)?))
        }
        Command::Epoch {
            command: EpochCommand::Next { epochs },
        } => {
            for _ in 0..epochs {
                let epoch = network.next_epoch().await?;
                print_text(&format!("Epoch {epoch} has begun"))?;
            }
            Ok(())
        }
        Command::Fund { account, amounts } => {
            let address = network.fund(&account, &amounts).await?;
            print_text(&format!("Funded {address}"))
        }
        Command::Fault { command } => fault::run(&network, command).await,
        Command::Demo { file } => demo::run(&file).await,
        Command::Bench { json, quick } => bench::run(json, quick).await,
        Command::Completion(args) => completion::run(&args, Cli::command()),
        Command::Man(args) => man::run(&args, Cli::command()),
        Command::KeyServer { command } => key_server(&network, command).await,
        Command::Service { command } => service(&network, command).await,
        Command::RunKeyServer { name } => key_servers::run(&place.state_dir, &name).await,
        Command::RunChain => roles::run_chain(&place.state_dir).await,
        Command::RunFaults => faults::run(&place.state_dir).await,
        Command::RunNode { name } => roles::run_node(&place.state_dir, &name).await,
    }
}

async fn key_server(network: &Network, command: NodeCommand) -> anyhow::Result<()> {
    match command {
        NodeCommand::Stop { names, kill } => {
            for name in names {
                network.stop_key_server(&name, stop_how(kill))?;
            }
        }
        NodeCommand::Start { names } => {
            for name in names {
                network.start_key_server(&name).await?;
            }
        }
    }
    Ok(())
}

async fn service(network: &Network, command: ServiceCommand) -> anyhow::Result<()> {
    match command {
        ServiceCommand::Env { name } => {
            for (variable, value) in network.service_variables(name)? {
                print_text(&format!("export {variable}={value}"))?;
            }
        }
        ServiceCommand::Stop { names, kill } => {
            for kind in names {
                network.stop_service(kind, stop_how(kill))?;
            }
        }
        ServiceCommand::Start { names } => {
            for kind in names {
                network.start_service(kind).await?;
            }
        }
    }
    Ok(())
}

/// Where the network is, and whether somebody has said so.
struct Place {
    state_dir: StateDir,
    is_named: bool,
}

impl Place {
    fn of(named: Option<&Path>) -> anyhow::Result<Self> {
        // A variable without a value names nothing.
        let named = named.filter(|path| !path.as_os_str().is_empty());
        let state_dir = named.map_or_else(StateDir::nearest, StateDir::at)?;
        Ok(Self {
            state_dir,
            is_named: named.is_some(),
        })
    }

    /// Whether the network was found above the current folder, where nobody may remember it.
    fn is_above(&self) -> anyhow::Result<bool> {
        let current = std::env::current_dir().context("no current folder")?;
        let current = current.canonicalize().unwrap_or(current);
        let folder = self.state_dir.root().parent();
        Ok(!self.is_named && folder != Some(current.as_path()) && self.state_dir.exists()?)
    }
}

/// A time in ms since 1970 as people read it.
fn utc(ms: u64) -> anyhow::Result<jiff::Timestamp> {
    let ms = i64::try_from(ms).context("the chain's time is out of range")?;
    jiff::Timestamp::from_millisecond(ms).context("the chain's time is out of range")
}

fn stop_how(kill: bool) -> How {
    if kill { How::Kill } else { How::Ask }
}

async fn up(network: &Network, place: &Place, args: &UpArgs) -> anyhow::Result<()> {
    let state_dir = &place.state_dir;
    let root = state_dir.root().display();
    if place.is_above()? {
        ensure!(
            !args.reset,
            "the network that would be thrown away is not in this folder but in {root}; name it with --state-dir to do so"
        );
        eprintln!("Using the network in {root}");
    }
    let existing = if state_dir.exists()? && !args.reset {
        Some(state_dir.load()?.options)
    } else {
        None
    };
    let options = UpOptions {
        options: args.options(existing),
        ports: args.ports(),
        packages: args.packages(),
        services: args.services(),
        key_servers: args.key_servers(),
        reset: args.reset,
    };
    let mut termination = Termination::listen()?;
    let Started { report, left } = tokio::select! {
        started = network.up(&options) => started?,
        () = termination.wait() => {
            // A network that did not become ready leaves nothing running.
            if state_dir.load().is_ok() {
                network.down()?;
            }
            bail!("interrupted")
        }
    };
    if !left.is_empty() {
        let names: Vec<String> = left.iter().map(|path| path.display().to_string()).collect();
        let names = names.join(", ");
        eprintln!(
            "Left what this program has not made: {}",
            walrus_core::text::printable(&names)
        );
    }
    print_report(&report, args.json)?;
    if !args.detach {
        termination.wait().await;
        network.down()?;
    }
    Ok(())
}

fn print_report(report: &ReadyReport, json: bool) -> anyhow::Result<()> {
    if json {
        print_text(&serde_json::to_string(report)?)
    } else {
        print_text(&report.to_string())
    }
}
