//! The `walrus-upload-relay` command: distributes blobs for clients that register and certify them.

mod args;

use std::{process::ExitCode, time::Duration};

use anyhow::{Context as _, bail};
use clap::{CommandFactory as _, Parser as _};
use stdx::SaturatingFrom as _;
use walrus_client::{WalrusClient, config};
use walrus_gateway::{Relay, RelayConfig, RelayOptions};
use walrus_terminal::{
    completion, exit, man,
    output::path_text,
    serving::{self, Addresses},
};

use args::{Cli, Command, ServeArgs};

fn main() -> ExitCode {
    let cli = Cli::parse();
    exit::run(run(cli))
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Some(Command::Completion(args)) => completion::run(&args, Cli::command()),
        Some(Command::Man(args)) => man::run(&args, Cli::command()),
        None => serve(&cli.serve).await,
    }
}

async fn serve(args: &ServeArgs) -> anyhow::Result<()> {
    let client = client(args)?;
    let relay = Relay::start(client, options(args)?).await?;
    let addresses = Addresses {
        api: relay.address(),
        metrics: relay.metrics_address(),
    };
    serving::serve(args.json, "upload relay", addresses, |stop| relay.run(stop)).await
}

/// A client without a wallet.
fn client(args: &ServeArgs) -> anyhow::Result<WalrusClient> {
    let path = args.walrus_config.as_deref();
    let path = path.context("the option --walrus-config is needed")?;
    let loaded = config::load(Some(path), args.context.as_deref(), || None)?;
    for key in &loaded.parsed.unknown_keys {
        warn_of_key(path, key);
    }
    let config = loaded.parsed.config;
    if config.rpc_urls.is_empty() {
        bail!(
            "{} names no full node: an upload relay needs the key `rpc_urls`",
            path_text(path)
        );
    }
    let urls = config.rpc_urls.clone();
    Ok(WalrusClient::new(config, &urls, None)?)
}

fn options(args: &ServeArgs) -> anyhow::Result<RelayOptions> {
    let path = args.relay_config.as_deref();
    let path = path.context("the option --relay-config is needed")?;
    let (config, unknown) = RelayConfig::load(path)?;
    for key in &unknown {
        warn_of_key(path, key);
    }
    let bytes = |size: u64| usize::saturating_from(size);
    if args.max_body_size > args.max_memory {
        bail!("--max-memory must have room for one body of --max-body-size");
    }
    Ok(RelayOptions {
        server_address: args.server_address,
        metrics_address: args.metrics_address,
        config,
        body_bytes_max: bytes(args.max_body_size),
        upload_bytes_max: bytes(args.max_memory),
        concurrent_uploads_max: args.max_concurrent_uploads,
        waiting_uploads_max: args.max_waiting_uploads,
        shutdown_grace: Duration::from_secs(args.shutdown_grace),
    })
}

fn warn_of_key(path: &std::path::Path, key: &str) {
    let key = walrus_core::text::printable(key);
    eprintln!(
        "Warning: {}: unknown key `{key}` is ignored",
        path_text(path)
    );
}
