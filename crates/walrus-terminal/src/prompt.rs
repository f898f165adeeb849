//! Questions before something happens.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, bail};

/// Tells what is about to happen and asks whether to go on; with `yes` it does not ask.
///
/// Nobody can answer where stdin is no terminal, so there it is an error not to have said yes
/// beforehand.
pub fn confirm(sentence: &str, yes: bool) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        bail!(
            "this needs a confirmation: {sentence} There is no terminal to ask; \
             give --yes to go on, or --dry-run to see what would happen"
        );
    }
    eprint!("{sentence}\nProceed? [y/N] ");
    io::stderr().flush().ok();
    let mut answer = String::new();
    io::stdin()
        .lock()
        .read_line(&mut answer)
        .context("cannot read the answer")?;
    if answer.trim_start().starts_with(['y', 'Y']) {
        return Ok(());
    }
    bail!("not confirmed; nothing was sent")
}
