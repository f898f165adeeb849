//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};
use walrus_terminal::{completion::CompletionArgs, man::ManArgs, parse};

const EXAMPLE: &str = "\
Example:
  walrus-upload-relay --walrus-config client_config.yaml --relay-config relay.yaml

where relay.yaml says what uploads cost:
  tip_config: !send_tip
    address: 0x…                # who gets the tip, in SUI
    kind: !linear { base: 1000, encoded_size_mul_per_kib: 10 }   # MIST
  tx_freshness_threshold_secs: 36000
  tx_max_future_threshold: { secs: 30, nanos: 0 }

Exit codes: 0 stopped on request, 1 failure, 2 command line.";

/// Encode and distribute blobs for clients that register and certify them, such as pages in
/// browsers.
///
/// Put a proxy with TLS before it. It needs no wallet: clients pay.
#[derive(Debug, Parser)]
#[command(
    name = "walrus-upload-relay",
    version,
    after_help = EXAMPLE,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub(crate) struct Cli {
    /// What to serve, and where.
    #[command(flatten)]
    pub serve: ServeArgs,
    /// Anything else.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What needs no relay.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print a completion script
    Completion(CompletionArgs),
    /// Print the man page
    Man(ManArgs),
}

/// Files, addresses and bounds.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Client configuration of the network, with `rpc_urls`
    #[arg(long, value_name = "FILE", value_parser = parse::path(), required = true)]
    pub walrus_config: Option<PathBuf>,
    /// What uploads cost
    #[arg(long, value_name = "FILE", value_parser = parse::path(), required = true)]
    pub relay_config: Option<PathBuf>,
    /// Context to use of a client configuration with several
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// Address to serve on
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:57391")]
    pub server_address: SocketAddr,
    /// Address of the Prometheus metrics, at /metrics
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9184")]
    pub metrics_address: SocketAddr,
    /// Largest blob
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = parse::size)]
    pub max_body_size: u64,
    /// Memory for blobs that arrive, wait or are distributed; encoding takes about four times a
    /// blob on top
    #[arg(long, value_name = "SIZE", default_value = "2GiB", value_parser = parse::size)]
    pub max_memory: u64,
    /// Blobs encoded and distributed at a time
    #[arg(long, value_name = "N", default_value = "8")]
    pub max_concurrent_uploads: usize,
    /// Blobs that wait for that; more are answered with 429
    #[arg(long, value_name = "N", default_value = "32")]
    pub max_waiting_uploads: usize,
    /// Seconds that open uploads have when the relay is stopped
    #[arg(long, value_name = "SECONDS", default_value = "30")]
    pub shutdown_grace: u64,
    /// Print the ready line as JSON
    #[arg(long)]
    pub json: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn files_are_needed_to_serve_and_for_nothing_else() {
        let parse =
            |words: &[&str]| Cli::try_parse_from([&["walrus-upload-relay"], words].concat());
        assert!(parse(&[]).is_err());
        assert!(parse(&["--walrus-config", "a"]).is_err());
        let both = parse(&["--walrus-config", "a", "--relay-config", "b"]).unwrap();
        assert_eq!(both.serve.server_address.port(), 57391);
        assert_eq!(both.serve.max_body_size, 1 << 30);
        let man = parse(&["man"]).unwrap();
        assert!(matches!(man.command, Some(Command::Man(_))));
    }
}
