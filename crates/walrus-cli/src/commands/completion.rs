//! `walrus completion`.

use anyhow::Context as _;
use clap::CommandFactory;
use clap_complete::Shell;

use crate::{
    args::{Cli, CompletionArgs},
    output::print_bytes,
};

/// Prints the completion script of a shell.
pub(crate) fn run(args: &CompletionArgs) -> anyhow::Result<()> {
    let shell = args
        .shell
        .or_else(Shell::from_env)
        .context("which shell? give one with --shell")?;
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "walrus", &mut script);
    print_bytes(&script)
}
