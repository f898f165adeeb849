//! What programs log, and how: to stderr, as RUST_LOG says.

use clap::{Args, ValueEnum};
use tracing_subscriber::{EnvFilter, fmt};

/// Only what is wrong: a command line is no daemon.
pub const QUIET: &str = "warn";
/// What a server does, without every table that its key-value store opens.
pub const SERVER: &str = "info,fjall=warn,lsm_tree=warn";

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

/// The option of programs that run for long.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct LogArgs {
    /// Format of the log on standard error. What is logged is set by RUST_LOG
    #[arg(long, global = true, value_enum, default_value_t)]
    pub log_format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Begins to log. `default` says what is logged without RUST_LOG.
pub(crate) fn start(format: LogFormat, default: &str, with_colours: bool) {
    let filter = log_filter(std::env::var("RUST_LOG").ok().as_deref(), default);
    let log = fmt()
        .with_writer(std::io::stderr)
        .with_ansi(with_colours)
        .with_env_filter(EnvFilter::new(filter));
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
}

/// Libraries that log as errors what their clients do wrong; RUST_LOG must name them to hear them.
const ACCUSING: [&str; 1] = ["s3s"];

/// The filter for a value of RUST_LOG: what it says, with libraries that talk about every frame
/// kept to warnings unless it names them.
fn log_filter(rust_log: Option<&str>, default: &str) -> String {
    let asked = rust_log.map(str::trim).filter(|text| !text.is_empty());
    let asked = asked.unwrap_or(default);
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
    let silent = ACCUSING
        .iter()
        .filter(|library| !names(library))
        .map(|library| format!(",{library}=off"));
    let all = std::iter::once(asked.to_owned()).chain(quiet);
    all.chain(silent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_quiet_unless_they_are_named() {
        for unset in [None, Some(""), Some(" ")] {
            assert!(log_filter(unset, QUIET).starts_with("warn,h2=warn,hyper=warn"));
        }
        let debug = log_filter(Some("debug"), SERVER);
        assert!(debug.starts_with("debug,h2=warn") && debug.contains(",tonic=warn"));
        let named = log_filter(Some("info,hyper=debug,h2::codec=trace"), QUIET);
        assert!(!named.contains("hyper=warn") && !named.contains("h2=warn"));
        assert!(named.contains("hyper_util=warn"), "{named}");
    }
}
