//! The frame of `main`: runtime, logs, exit code, one line for what failed.

use std::process::ExitCode;

/// Exit code of a command that failed. Wrong usage exits with 2, from the parser.
const EXIT_FAILURE: u8 = 1;

/// What every command says about itself below its help.
pub const HELP: &str = "\
Exit codes:
  0  success
  1  the command failed; one line on stderr says why
  2  the command line is wrong

Results go to stdout, everything else (progress, warnings, errors, logs) to stderr.
Set RUST_LOG for logs, NO_COLOR for plain text.";

/// Runs a command to its end.
pub fn run(command: impl Future<Output = anyhow::Result<()>>) -> ExitCode {
    start_logging();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::Error::new(error).context("cannot start the runtime")),
    };
    match runtime.block_on(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// One line: what failed, and every cause once.
fn fail(error: &anyhow::Error) -> ExitCode {
    let red = std::io::IsTerminal::is_terminal(&std::io::stderr())
        && std::env::var_os("NO_COLOR").is_none();
    let (start, end) = if red {
        ("\x1b[1;31m", "\x1b[0m")
    } else {
        ("", "")
    };
    eprintln!("{start}Error:{end} {}", one_line(error));
    ExitCode::from(EXIT_FAILURE)
}

/// The chain of causes joined by colons. Errors that already contain the text of their cause do not
/// repeat it, and line breaks inside a message become spaces.
pub fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let words: Vec<String> = cause
            .to_string()
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        let text = words.join(" ");
        if line.is_empty() {
            line = text;
        } else if !line.contains(&text) {
            line = format!("{line}: {text}");
        }
    }
    line
}

/// Logs go to stderr. Without RUST_LOG only warnings of this program are shown: a command line is no daemon.
fn start_logging() {
    let filter = std::env::var("RUST_LOG").unwrap_or_else(|_| "warn".to_owned());
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_once_and_on_one_line() {
        let error = anyhow::anyhow!("connection refused\n(os error 111)")
            .context("cannot reach http://x: connection refused (os error 111)")
            .context("cannot store");
        assert_eq!(
            one_line(&error),
            "cannot store: cannot reach http://x: connection refused (os error 111)"
        );
    }
}
