//! `walrus-node`: runs a storage node, and makes the files it needs.

mod cli;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    cli::Arguments::parse().run()
}
