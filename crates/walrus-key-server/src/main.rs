//! `walrus-key-server`: runs a key server of private data, and makes what it needs.

mod cli;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    cli::Arguments::parse().run()
}
