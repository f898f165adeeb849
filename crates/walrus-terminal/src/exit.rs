//! The frame of `main`: runtime, logs, exit code, one line for what failed.

use std::{fmt, process::ExitCode};

use walrus_core::text::printable;

/// Exit code of a command that failed. Wrong usage exits with 2, from the parser.
const EXIT_FAILURE: u8 = 1;
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

/// Libraries that log every frame and every poll; RUST_LOG must name them to hear them.
const TALKATIVE: [&str; 9] = [
    "h2",
    "hyper",
    "hyper_util",
    "reqwest",
    "rustls",
    "tonic",
    "tower",
    "mio",
    "tokio_util",
];

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
    let result = runtime.block_on(command);
    // What still runs, such as opening a pipe that nobody writes to, holds up nobody.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
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
    use tokio::signal::unix::{SignalKind, signal};
    let signals = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    );
    if let (Ok(mut interrupt), Ok(mut terminate)) = signals {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    } else {
        // Without handlers, signals end the process as they always did.
        std::future::pending::<()>().await;
    }
}

/// One line: what failed, and every cause once.
fn fail(error: &anyhow::Error) -> ExitCode {
    let (start, end) = if is_red() {
        ("\x1b[1;31m", "\x1b[0m")
    } else {
        ("", "")
    };
    eprintln!("{start}Error:{end} {}", one_line(error));
    ExitCode::from(if error.is::<Interrupted>() {
        EXIT_INTERRUPTED
    } else {
        EXIT_FAILURE
    })
}

fn is_red() -> bool {
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

/// Logs go to stderr. Without RUST_LOG only warnings are shown: a command line is no daemon.
fn start_logging() {
    let filter = log_filter(std::env::var("RUST_LOG").ok().as_deref());
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(is_red())
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .init();
}

/// The filter for a value of RUST_LOG: what it says, with libraries that talk about every frame
/// kept to warnings unless it names them.
pub fn log_filter(rust_log: Option<&str>) -> String {
    let asked = rust_log.map(str::trim).filter(|text| !text.is_empty());
    let asked = asked.unwrap_or("warn");
    let names = |library: &str| {
        asked.split(',').any(|directive| {
            let target = directive
                .trim()
                .split(['=', '['])
                .next()
                .unwrap_or_default();
            target == library || target.starts_with(&format!("{library}::"))
        })
    };
    let quiet = TALKATIVE
        .iter()
        .filter(|library| !names(library))
        .map(|library| format!(",{library}=warn"));
    std::iter::once(asked.to_owned()).chain(quiet).collect()
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

    #[test]
    fn libraries_are_quiet_unless_they_are_named() {
        for unset in [None, Some(""), Some(" ")] {
            assert!(log_filter(unset).starts_with("warn,h2=warn,hyper=warn"));
        }
        let debug = log_filter(Some("debug"));
        assert!(debug.starts_with("debug,h2=warn") && debug.contains(",tonic=warn"));
        let named = log_filter(Some("info,hyper=debug,h2::codec=trace"));
        assert!(!named.contains("hyper=warn") && !named.contains("h2=warn"));
        assert!(named.contains("hyper_util=warn"), "{named}");
    }

    #[tokio::test]
    async fn work_that_is_done_is_not_interrupted() {
        let done = or_interrupted(async { Ok(7) }, || unreachable!("nobody interrupts"));
        assert_eq!(done.await.unwrap(), 7);
    }
}
