//! The `walrus` command: stores and reads blobs, and shows what the network knows.

mod args;
mod commands;
mod output;
mod progress;

use std::process::ExitCode;

use clap::Parser;

use commands::Cli;

fn main() -> ExitCode {
    walrus_encoder::memory::give_back_large_blocks();
    let cli = Cli::parse();
    walrus_terminal::exit::run(commands::run(cli))
}
