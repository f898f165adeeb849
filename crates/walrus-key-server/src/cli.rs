//! The command line.

mod aggregate;
mod keygen;
mod register;
mod run;
mod verify;

use std::{future::Future, io::IsTerminal as _, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand, ValueEnum};

/// Time for blocking work to end after everything else has.
const RUNTIME_SHUTDOWN: Duration = Duration::from_secs(5);
/// Exit code of failures while running, and of the chain.
const FAILURE: u8 = 1;
/// Exit code of command line, configuration and key files.
const WRONG_INPUT: u8 = 2;

/// Key server of private data: gives keys to those whom a policy on chain lets in.
#[derive(Debug, Parser)]
#[command(
    name = "walrus-key-server",
    version,
    after_help = "Exit codes: 0 done or stopped on request, 1 failure while running, 2 command line, configuration or keys."
)]
pub(crate) struct Arguments {
    /// Format of the log on standard error. What is logged is set by RUST_LOG (default: info)
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
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
}

/// A failed command: the line to show and the exit code.
pub(crate) struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    fn new(message: impl std::fmt::Display, code: u8) -> Self {
        Self {
            message: message.to_string(),
            code,
        }
    }

    /// Of input that cannot be used.
    fn input(message: impl std::fmt::Display) -> Self {
        Self::new(message, WRONG_INPUT)
    }

    /// Of what was tried.
    fn running(message: impl std::fmt::Display) -> Self {
        Self::new(message, FAILURE)
    }
}

impl Arguments {
    pub(crate) fn run(self) -> ExitCode {
        init_log(self.log_format);
        let result = match self.command {
            Command::Keygen(command) => command.execute(),
            Command::Register(command) => in_runtime(command.execute()),
            Command::Run(command) => in_runtime(command.execute()),
            Command::Verify(command) => in_runtime(command.execute()),
            Command::Aggregate(command) => in_runtime(command.execute()),
        };
        match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                eprintln!("error: {}", failure.message);
                ExitCode::from(failure.code)
            }
        }
    }
}

fn in_runtime(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Failure::running(format!("cannot start threads: {error}")))?;
    let result = runtime.block_on(command);
    runtime.shutdown_timeout(RUNTIME_SHUTDOWN);
    result
}

fn init_log(format: LogFormat) {
    use tracing_subscriber::{EnvFilter, fmt};
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => builder.with_target(false).init(),
        LogFormat::Json => builder.json().init(),
    }
}

/// The signals that ask a process to end.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| {
            let signal = signal(kind);
            signal.map_err(|error| Failure::running(format!("cannot listen for signals: {error}")))
        };
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

    /// Runs until a signal comes, then stops, at once if a second one comes.
    async fn then<F: Future<Output = ()>>(
        mut self,
        shutdown: impl FnOnce() -> F,
    ) -> Result<(), Failure> {
        let signal = self.next().await;
        tracing::info!(signal, "stopping");
        tokio::select! {
            () = shutdown() => Ok(()),
            signal = self.next() => {
                Err(Failure::running(format!("stopped at once by a second {signal}")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
