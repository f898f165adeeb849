//! The command line.

mod catchup;
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

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use serde::Serialize;
use walrus_terminal::{
    completion::{self, CompletionArgs},
    exit::{self, Failure},
    log::LogArgs,
    man::{self, ManArgs},
    output::{print_json, print_text},
};

/// Storage node of Walrus.
#[derive(Debug, Parser)]
#[command(
    name = "walrus-node",
    version,
    after_help = "Exit codes: 0 stopped on request, 1 failure while running, 2 command line, configuration or key files,\n\
                  3 storage directory, 4 address in use, 5 chain or registration does not fit the configuration."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    log: LogArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make configuration, keys and wallet of a new node
    Setup(Box<setup::Setup>),
    /// Register the node on chain
    Register(register::Register),
    /// Run the node
    Run(run::Run),
    /// Process events and complete shards without serving, then stop
    Catchup(catchup::Catchup),
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
    /// Print a shell completion script
    Completion(CompletionArgs),
    /// Print the manual as a man page, or write one page per command
    Man(ManArgs),
}

/// Prints a result, for people or as JSON.
fn report<T: Serialize>(
    as_json: bool,
    value: &T,
    text: impl FnOnce() -> String,
) -> Result<(), Failure> {
    let printed = if as_json {
        print_json(value)
    } else {
        print_text(&text())
    };
    Ok(printed?)
}

impl Arguments {
    pub(crate) fn run(self) -> ExitCode {
        let log = self.log;
        match self.command {
            Command::Run(command) => exit::run_server(log, command.execute()),
            Command::Catchup(command) => exit::run_server(log, command.execute()),
            Command::Db(command) => exit::run_server(log, command.execute()),
            Command::Setup(command) => exit::run_quietly(log, command.execute()),
            Command::Register(command) => exit::run_quietly(log, command.execute()),
            Command::Status(command) => exit::run_quietly(log, command.execute()),
            Command::Leave(command) => exit::run_quietly(log, command.execute()),
            Command::KeyGen(command) => exit::run_quietly(log, async { command.execute() }),
            Command::GenerateConfig(command) => exit::run_quietly(log, async { command.execute() }),
            Command::Completion(args) => {
                exit::run_quietly(log, async { completion::run(&args, Self::command()) })
            }
            Command::Man(args) => {
                exit::run_quietly(log, async { man::run(&args, Self::command()) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
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
