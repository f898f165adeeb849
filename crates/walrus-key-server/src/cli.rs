//! The command line.

mod aggregate;
mod committee;
mod keygen;
mod letters;
mod payer;
mod register;
mod run;
mod verify;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use walrus_terminal::{
    completion::{self, CompletionArgs},
    exit::{self, Failure},
    log::LogArgs,
    man::{self, ManArgs},
    signals::Signals,
};

/// Key server of private data: gives keys to those whom a policy on chain lets in.
#[derive(Debug, Parser)]
#[command(
    name = "walrus-key-server",
    version,
    after_help = "Exit codes: 0 done or stopped on request, 1 failure while running, 2 command line, configuration or keys."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    log: LogArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a master key, or a seed, in a file that only its owner can read
    Keygen(keygen::Keygen),
    /// Register a key server on chain
    Register(Box<register::Register>),
    /// Run a key server
    Run(run::Run),
    /// Check that a registered key server has its key
    Verify(verify::Verify),
    /// Run the server that collects the answers of a committee
    Aggregate(aggregate::Aggregate),
    /// Make the key of a committee together, or give it new shares
    Committee {
        #[command(subcommand)]
        command: committee::Command,
    },
    /// Print a shell completion script
    Completion(CompletionArgs),
    /// Print the manual as a man page, or write one page per command
    Man(ManArgs),
}

impl Arguments {
    pub(crate) fn run(self) -> ExitCode {
        let log = self.log;
        match self.command {
            Command::Keygen(command) => exit::run_quietly(log, async { command.execute() }),
            Command::Register(command) => exit::run_quietly(log, command.execute()),
            Command::Run(command) => exit::run_server(log, command.execute()),
            Command::Verify(command) => exit::run_quietly(log, command.execute()),
            Command::Aggregate(command) => exit::run_server(log, command.execute()),
            Command::Committee { command } => exit::run_quietly(log, command.execute()),
            Command::Completion(args) => {
                exit::run_quietly(log, async { completion::run(&args, Self::command()) })
            }
            Command::Man(args) => {
                exit::run_quietly(log, async { man::run(&args, Self::command()) })
            }
        }
    }
}

/// Serves until a signal comes, then stops, at once if a second one comes.
async fn until_stopped<F: Future<Output = ()>>(
    mut signals: Signals,
    shutdown: impl FnOnce() -> F,
) -> Result<(), Failure> {
    let signal = signals.next().await;
    tracing::info!(signal, "stopping");
    Ok(signals.or_at_once(shutdown()).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
