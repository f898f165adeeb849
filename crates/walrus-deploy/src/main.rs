//! `walrus-deploy`: creates a Walrus deployment on a Sui network, and upgrades it.

mod cli;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    walrus_terminal::exit::run(cli::run(cli::Cli::parse()))
}
