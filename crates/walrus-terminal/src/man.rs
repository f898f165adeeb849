//! Man pages.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Command};

use crate::{
    output::{path_text, print_bytes},
    parse,
};

/// Options of `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Folder to write one page per command to; without it, the page of the whole command goes to
    /// stdout
    #[arg(long, value_name = "FOLDER", value_parser = parse::path())]
    pub out: Option<PathBuf>,
}

/// Prints the page of the whole command, or writes one page for it and every subcommand.
pub fn run(args: &ManArgs, command: Command) -> anyhow::Result<()> {
    if let Some(folder) = &args.out {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", path_text(folder)))?;
        return clap_mangen::generate_to(command, folder)
            .with_context(|| format!("cannot write to {}", path_text(folder)));
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    print_bytes(&page)
}
