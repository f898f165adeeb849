//! `walrus-admin man`.

use std::path::Path;

use anyhow::Context as _;
use clap::CommandFactory as _;
use walrus_terminal::output::print_bytes;

use crate::args::Cli;

/// Prints the page of the whole command, or writes one page for it and every subcommand.
pub(crate) fn run(out: Option<&Path>) -> anyhow::Result<()> {
    let command = Cli::command();
    if let Some(directory) = out {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
        return clap_mangen::generate_to(command, directory)
            .with_context(|| format!("cannot write to {}", directory.display()));
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    print_bytes(&page)
}
