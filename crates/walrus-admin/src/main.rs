//! The `walrus-admin` command: for operators of storage nodes, stakers and voters.

mod args;
mod commands;
mod context;
mod send;
mod show;
mod unfinished;

use std::process::ExitCode;

use clap::Parser as _;

use args::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    walrus_terminal::exit::run(commands::run(cli))
}
