//! The command line.

mod chain;
mod db;
mod files;
mod generate_config;
mod key_gen;
mod leave;
mod register;
mod run;
mod setup;
mod status;

use std::{
    io::{IsTerminal as _, Write as _},
    process::ExitCode,
};

use clap::{Parser, Subcommand, ValueEnum};
use serde::Serialize;

/// Storage node of Walrus.
#[derive(Debug, Parser)]
#[command(
    name = "walrus-node",
    version,
    after_help = "Exit codes: 0 stopped on request, 1 failure while running, 2 command line, configuration or key files,\n\
                  3 storage directory, 4 address in use, 5 chain or registration does not fit the configuration."
)]
pub(crate) struct Arguments {
    /// Format of the log on standard error. What is logged is set by RUST_LOG
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
    /// Make configuration, keys and wallet of a new node
    Setup(Box<setup::Setup>),
    /// Register the node on chain
    Register(register::Register),
    /// Run the node
    Run(run::Run),
    /// Tell how the node on this machine is
    Status(status::Status),
    /// Take the stake of the node's account away, so that the node leaves the committee
    Leave(leave::Leave),
    /// Make a key file
    KeyGen(key_gen::KeyGen),
    /// Look at the storage of a node that is stopped
    Db(db::Db),
    /// Write a configuration file
    GenerateConfig(Box<generate_config::GenerateConfig>),
}

impl Command {
    const fn default_log(&self) -> &'static str {
        match self {
            Self::Run(_) | Self::Db(_) => DEFAULT_LOG,
            Self::Setup(_)
            | Self::Register(_)
            | Self::Status(_)
            | Self::Leave(_)
            | Self::KeyGen(_)
            | Self::GenerateConfig(_) => QUIET_LOG,
        }
    }
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

    fn message(&self) -> &str {
        &self.message
    }
}

/// Runs a command that talks to somebody.
fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("cannot start: {error}"), 1))?;
    runtime.block_on(command)
}

/// Prints a result, for people or as JSON.
fn report<T: Serialize>(as_json: bool, value: &T, text: impl FnOnce() -> String) {
    let text = if as_json {
        serde_json::to_string_pretty(value).expect("a report is JSON")
    } else {
        text()
    };
    // A reader that has seen enough, such as `head`, is no failure.
    let _ = writeln!(std::io::stdout(), "{text}");
}

impl Arguments {
    pub(crate) fn run(self) -> ExitCode {
        init_log(self.log_format, self.command.default_log());
        let result = match self.command {
            Command::Setup(command) => block_on(command.execute()),
            Command::Register(command) => block_on(command.execute()),
            Command::Run(command) => command.execute(),
            Command::Status(command) => block_on(command.execute()),
            Command::Leave(command) => block_on(command.execute()),
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

/// The same of commands that print results: only what is wrong.
const QUIET_LOG: &str = "warn";

fn init_log(format: LogFormat, default: &str) {
    use tracing_subscriber::{EnvFilter, fmt};
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
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

    const SERVICE: &str = include_str!("../../../deploy/walrus-node.service");
    const DOCKERFILE: &str = include_str!("../../../deploy/Dockerfile");
    const COMPOSE: &str = include_str!("../../../deploy/compose.yaml");

    fn assert_parses<'a>(command: impl IntoIterator<Item = &'a str>) {
        let command: Vec<&str> = command.into_iter().collect();
        let parsed = Arguments::try_parse_from(&command);
        assert!(parsed.is_ok(), "{command:?}: {}", parsed.unwrap_err());
    }

    /// The lists of words, in JSON, that stand behind an instruction of the Dockerfile.
    fn words(instruction: &str) -> Vec<String> {
        let mut lines = DOCKERFILE.lines().map(str::trim);
        let list = lines
            .find_map(|line| line.strip_prefix(instruction))
            .unwrap();
        serde_json::from_str(list.trim()).unwrap()
    }

    #[test]
    fn what_is_in_deploy_calls_commands_that_exist() {
        let mut lines = SERVICE.lines();
        let start = lines
            .find_map(|line| line.strip_prefix("ExecStart="))
            .unwrap();
        assert_parses(start.split(' '));
        for instruction in ["CMD [\"run\"", "CMD [\"walrus-node\""] {
            let first = instruction.trim_start_matches("CMD ");
            let line = DOCKERFILE.lines().find_map(|line| {
                line.trim()
                    .strip_prefix("CMD ")
                    .filter(|rest| rest.starts_with(first))
            });
            let command: Vec<String> = serde_json::from_str(line.unwrap()).unwrap();
            let entry = words("ENTRYPOINT");
            let has_program = command[0] == entry[0];
            let entry = entry.iter().filter(|_| !has_program);
            assert_parses(entry.chain(&command).map(String::as_str));
        }
    }

    #[test]
    fn what_is_in_deploy_names_files_that_exist() {
        let repository = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for line in DOCKERFILE.lines() {
            let Some(copied) = line.strip_prefix("COPY ") else {
                continue;
            };
            let names: Vec<&str> = copied.split(' ').collect();
            let (_, sources) = names.split_last().unwrap();
            if !copied.starts_with("--from") {
                for source in sources {
                    assert!(repository.join(source).exists(), "{source}");
                }
            }
        }
        let compose: serde_json::Value = serde_saphyr::from_str(COMPOSE).unwrap();
        let build = &compose["services"]["node"]["build"]["dockerfile"];
        assert!(repository.join(build.as_str().unwrap()).exists());
        for volume in compose["services"]["prometheus"]["volumes"]
            .as_array()
            .unwrap()
        {
            let source = volume.as_str().unwrap().split(':').next().unwrap();
            if let Some(file) = source.strip_prefix("./") {
                assert!(repository.join("deploy").join(file).exists(), "{file}");
            }
        }
    }
}
