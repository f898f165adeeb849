//! `walrus-node`: runs a storage node, and makes the files it needs.

mod cli;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    // Slivers come and go by the megabyte; a node that had much to do must not keep the memory.
    walrus_encoder::memory::give_back_large_blocks();
    cli::Arguments::parse().run()
}
