//! Completion scripts.

use anyhow::Context as _;
use clap::{Args, Command};
use clap_complete::Shell;

use crate::output::print_bytes;

/// Options of `completion`.
#[derive(Debug, Args)]
pub struct CompletionArgs {
    /// The shell; that of $SHELL without it
    #[arg(long)]
    pub shell: Option<Shell>,
}

/// Prints the completion script of a shell for `command`.
pub fn run(args: &CompletionArgs, mut command: Command) -> anyhow::Result<()> {
    let shell = args
        .shell
        .or_else(Shell::from_env)
        .context("which shell? give one with --shell")?;
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    print_bytes(&script)
}
