//! The command line.

mod db;
mod files;
mod generate_config;
mod key_gen;
mod run;

use std::{io::IsTerminal as _, process::ExitCode};

use clap::{Parser, Subcommand, ValueEnum};

/// Storage node of Walrus.
#[derive(Debug, Parser)]
#[command(
    name = "walrus-node",
    version,
    after_help = "Exit codes: 0 stopped on request, 1 failure while running, 2 command line, configuration or key files,\n\
                  3 storage directory, 4 address in use, 5 chain or registration does not fit the configuration."
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
    /// Run the node
    Run(run::Run),
    /// Make a key file
    KeyGen(key_gen::KeyGen),
    /// Look at the storage of a node that is stopped
    Db(db::Db),
    /// Write a configuration file
    GenerateConfig(Box<generate_config::GenerateConfig>),
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
}

impl Arguments {
    pub(crate) fn run(self) -> ExitCode {
        init_log(self.log_format);
        let result = match self.command {
            Command::Run(command) => command.execute(),
            Command::KeyGen(command) => command.execute(),
            Command::Db(command) => command.execute(),
            Command::GenerateConfig(command) => command.execute(),
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

/// What is logged unless RUST_LOG says otherwise: the key-value store reports every table it opens.
const DEFAULT_LOG: &str = "info,fjall=warn,lsm_tree=warn";

fn init_log(format: LogFormat) {
    use tracing_subscriber::{EnvFilter, fmt};
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_LOG));
    let builder = fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => builder.with_target(false).init(),
        LogFormat::Json => builder.json().init(),
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
