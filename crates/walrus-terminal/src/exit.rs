//! The frame of `main`: runtime, exit code, one line for what failed.

use std::{fmt, process::ExitCode, time::Duration};

use walrus_core::text::printable;

use crate::{
    log::{self, LogArgs, LogFormat},
    signals::Signals,
};

/// Exit code of a command that failed, unless it has its own. Wrong usage exits with 2, from the
/// parser.
const EXIT_FAILURE: u8 = 1;
/// Exit code of input that cannot be used.
const EXIT_WRONG_INPUT: u8 = 2;
/// Exit code of a command that was interrupted: 128 and the number of the signal, as shells have
/// it.
const EXIT_INTERRUPTED: u8 = 130;

/// What every command says about itself below its help.
pub const HELP: &str = "\
Exit codes:
  0    success
  1    the command failed; one line on stderr says why
  2    the command line is wrong
  130  interrupted (Ctrl-C); one line on stderr says what is done

Results go to stdout, everything else (progress, warnings, errors, logs) to stderr.
RUST_LOG=info logs each phase, RUST_LOG=debug each request. Set NO_COLOR for plain text.";

/// Time for blocking work of a server to end after everything else has.
const SERVER_SHUTDOWN: Duration = Duration::from_secs(5);

/// Stack of a thread: futures are large without optimisation. What is not used costs nothing.
const STACK_BYTES: usize = 16 << 20;

/// Runs a command to its end; it logs only what is wrong.
pub fn run<E: Into<anyhow::Error>>(command: impl Future<Output = Result<(), E>>) -> ExitCode {
    // What still runs, such as opening a pipe that nobody writes to, holds up nobody.
    run_logging(LogFormat::Text, log::QUIET, Duration::ZERO, command)
}

/// Runs a command of a program that has servers, too.
pub fn run_quietly<E: Into<anyhow::Error>>(
    log: LogArgs,
    command: impl Future<Output = Result<(), E>>,
) -> ExitCode {
    run_logging(log.log_format, log::QUIET, Duration::ZERO, command)
}

/// Runs a server to its end; it logs what it does.
pub fn run_server<E: Into<anyhow::Error>>(
    log: LogArgs,
    server: impl Future<Output = Result<(), E>>,
) -> ExitCode {
    run_logging(log.log_format, log::SERVER, SERVER_SHUTDOWN, server)
}

fn run_logging<E: Into<anyhow::Error>>(
    format: LogFormat,
    default: &str,
    shutdown: Duration,
    command: impl Future<Output = Result<(), E>>,
) -> ExitCode {
    log::start(format, default, is_colourful());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(STACK_BYTES)
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::Error::new(error).context("cannot start the runtime")),
    };
    let result = runtime.block_on(command);
    runtime.shutdown_timeout(shutdown);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.into()),
    }
}

/// A failed command with an exit code of its own.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// What failed and why, in one line, and the code.
    pub fn new(message: impl fmt::Display, code: u8) -> Self {
        Self {
            message: message.to_string(),
            code,
        }
    }

    /// Of a command line, configuration or file that cannot be used.
    pub fn input(message: impl fmt::Display) -> Self {
        Self::new(message, EXIT_WRONG_INPUT)
    }

    /// Of what was tried.
    pub fn running(message: impl fmt::Display) -> Self {
        Self::new(message, EXIT_FAILURE)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        match error.downcast() {
            Ok(failure) => failure,
            Err(error) => Self::running(one_line(&error)),
        }
    }
}

/// The command was interrupted; the text says what that means.
#[derive(Debug)]
struct Interrupted(String);

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Interrupted {}

/// Does `work` until it is done or SIGINT or SIGTERM arrives; then `told` says what is done and
/// what is not.
///
/// Work that is interrupted is dropped, so what it holds is tidied up. Not for work that asks
/// people questions: while it waits for an answer, it does not see the signal.
pub async fn or_interrupted<T>(
    work: impl Future<Output = anyhow::Result<T>>,
    told: impl FnOnce() -> String,
) -> anyhow::Result<T> {
    tokio::select! {
        biased;
        result = work => result,
        () = signal() => Err(anyhow::Error::new(Interrupted(told()))),
    }
}

async fn signal() {
    // Without handlers, signals end the process as they always did.
    match Signals::listen() {
        Ok(mut signals) => drop(signals.next().await),
        Err(_) => std::future::pending().await,
    }
}

/// One line: what failed, and every cause once.
fn fail(error: &anyhow::Error) -> ExitCode {
    let (start, end) = if is_colourful() {
        ("\x1b[1;31m", "\x1b[0m")
    } else {
        ("", "")
    };
    eprintln!("{start}Error:{end} {}", one_line(error));
    let own = error.downcast_ref::<Failure>().map(|failure| failure.code);
    ExitCode::from(if error.is::<Interrupted>() {
        EXIT_INTERRUPTED
    } else {
        own.unwrap_or(EXIT_FAILURE)
    })
}

fn is_colourful() -> bool {
    // A variable without a value counts as not set.
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::IsTerminal::is_terminal(&std::io::stderr()) && !plain
}

/// The chain of causes joined by colons. Errors that already contain the text of their cause do not
/// repeat it, line breaks inside a message become spaces, and nothing in it controls the terminal.
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
    printable(&line).into_owned()
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

    #[test]
    fn errors_do_not_control_the_terminal() {
        let error = anyhow::anyhow!("harbour\x1b[31m\x07\nError: fake \u{202e}");
        assert_eq!(
            one_line(&error),
            r"harbour\u{1b}[31m\u{7} Error: fake \u{202e}"
        );
    }

    #[tokio::test]
    async fn work_that_is_done_is_not_interrupted() {
        let done = or_interrupted(async { Ok(7) }, || unreachable!("nobody interrupts"));
        assert_eq!(done.await.unwrap(), 7);
    }
}
