//! `walrus s3`.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;
use walrus_core::{EpochCount, Frost};
use walrus_gateway::DiskCacheOptions;
use walrus_s3::{
    Acknowledge, Credentials, Rebuilt, RenewalOptions, Server, ServerOptions, StoreOptions, rebuild,
};
use walrus_terminal::{
    parse,
    serving::{self, Addresses},
};

use super::context::Context;
use crate::{
    args::parse_duration,
    output::{print_json, print_text},
};

/// Where keys are looked for without a file.
const CREDENTIALS_VARIABLE: &str = "WALRUS_S3_CREDENTIALS";

/// Options of `s3`.
#[derive(Debug, Args)]
pub(crate) struct S3Args {
    /// Something else than serving
    #[command(subcommand)]
    pub action: Option<S3Action>,
    /// Address to serve on; put a proxy with TLS before it if it is not a local one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8333")]
    pub bind_address: SocketAddr,
    /// Address of the Prometheus metrics, at /metrics
    #[arg(
        long,
        short = 'a',
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:27183"
    )]
    pub metrics_address: SocketAddr,
    /// File with a line ACCESS_KEY:SECRET_KEY for each who may, readable by its owner only; without
    /// it, the environment variable WALRUS_S3_CREDENTIALS has such lines
    #[arg(long, value_name = "FILE", value_parser = parse::path())]
    pub credentials: Option<PathBuf>,
    /// Let everybody read objects without a key, if they know their names
    #[arg(long)]
    pub anonymous_read: bool,
    /// Domain below which buckets are names of hosts, as in BUCKET.DOMAIN; can be repeated
    #[arg(long = "domain", value_name = "DOMAIN")]
    pub domains: Vec<String>,
    /// Memory for blobs: cached, being fetched, on their way to readers
    #[arg(long, value_name = "SIZE", default_value = "512MiB", value_parser = parse::size)]
    pub max_memory: u64,
    /// Folder to keep blobs in that were read; without it they are kept in memory only
    #[arg(long, value_name = "FOLDER", value_parser = parse::path())]
    pub cache_dir: Option<PathBuf>,
    /// Room for blobs in that folder
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "10GiB",
        value_parser = parse::size,
        requires = "cache_dir"
    )]
    pub cache_size: u64,
    /// Seconds that open requests have when the server is stopped
    #[arg(long, value_name = "SECONDS", default_value = "30")]
    pub shutdown_grace: u64,
    /// How objects are kept.
    #[command(flatten)]
    pub keep: KeepArgs,
}

/// How objects are kept.
#[derive(Debug, Clone, Args)]
pub(crate) struct KeepArgs {
    /// Folder of the index and the journal
    #[arg(
        long,
        global = true,
        value_name = "FOLDER",
        default_value = "~/.walrus/s3",
        value_parser = parse::path()
    )]
    pub data_dir: PathBuf,
    /// When a write is acknowledged
    #[arg(long, value_name = "WHEN", default_value = "certified")]
    pub ack: Ack,
    /// Epochs for which objects are stored and renewed, the current one included; the header
    /// x-walrus-epochs of CreateBucket has precedence for a bucket
    #[arg(
        long,
        global = true,
        value_name = "N",
        default_value_t = 5,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub epochs: EpochCount,
    /// Objects up to this size are stored together as quilts
    #[arg(long, value_name = "SIZE", default_value = "1MiB", value_parser = parse::size)]
    pub small_size: u64,
    /// Objects beyond this size are several blobs; memory holds about five times as much
    #[arg(long, value_name = "SIZE", default_value = "128MiB", value_parser = parse::size)]
    pub chunk_size: u64,
    /// Room on disk for what is not certified yet, uploads in parts included
    #[arg(long, value_name = "SIZE", default_value = "50GiB", value_parser = parse::size)]
    pub journal_size: u64,
    /// With --ack journal, how long small objects wait for others to share a quilt with
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = parse_duration)]
    pub pack_delay: Duration,
    /// Renew what expires within this many epochs
    #[arg(
        long,
        value_name = "N",
        default_value_t = 2,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub renew_within: EpochCount,
    /// The most to spend on renewing as long as the server runs, such as 2.5WAL. Gas is not counted
    #[arg(long, value_name = "AMOUNT", value_parser = parse::frost)]
    pub max_cost: Option<Frost>,
    /// Time between two looks for what expires
    #[arg(long, value_name = "DURATION", default_value = "10min", value_parser = parse_duration)]
    pub renew_interval: Duration,
    /// Renew nothing
    #[arg(long, conflicts_with_all = ["max_cost", "renew_within", "renew_interval"])]
    pub no_renew: bool,
}

/// When a write is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ack {
    /// When the network has certified it
    Certified,
    /// When it is on the disk of this server
    Journal,
}

/// Something else than serving.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum S3Action {
    /// Build the index of a server that does not run anew, from the chain and the journal
    #[command(after_help = "Example:\n  walrus s3 rebuild --data-dir ~/.walrus/s3")]
    Rebuild,
}

/// The JSON result of `s3 rebuild`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RebuildResult {
    chain_objects: usize,
    buckets: usize,
    objects: usize,
    waiting: usize,
}

impl KeepArgs {
    fn options(&self) -> StoreOptions {
        let renewal = RenewalOptions {
            within: self.renew_within,
            cost_max: self.max_cost.unwrap_or(Frost(u64::MAX)),
            interval: self.renew_interval,
        };
        StoreOptions {
            data_folder: self.data_dir.clone(),
            acknowledge: match self.ack {
                Ack::Certified => Acknowledge::Certified,
                Ack::Journal => Acknowledge::Journal,
            },
            epochs: self.epochs,
            small_bytes_max: self.small_size,
            chunk_bytes_max: self.chunk_size,
            spool_bytes_max: self.journal_size,
            pack_delay: self.pack_delay,
            renewal: (!self.no_renew).then_some(renewal),
        }
    }
}

impl S3Args {
    fn credentials(&self) -> anyhow::Result<Credentials> {
        if let Some(path) = &self.credentials {
            return Ok(Credentials::load(path)?);
        }
        let Ok(text) = std::env::var(CREDENTIALS_VARIABLE) else {
            bail!(
                "nobody could do anything: give --credentials FILE with lines ACCESS_KEY:SECRET_KEY, \
                 or set {CREDENTIALS_VARIABLE}"
            );
        };
        Credentials::parse(&text).context(CREDENTIALS_VARIABLE)
    }

    fn options(&self) -> anyhow::Result<ServerOptions> {
        Ok(ServerOptions {
            bind_address: self.bind_address,
            metrics_address: self.metrics_address,
            credentials: self.credentials()?,
            anonymous_read: self.anonymous_read,
            domains: self.domains.clone(),
            memory_bytes_max: self.max_memory,
            disk_cache: self.cache_dir.as_ref().map(|folder| DiskCacheOptions {
                folder: folder.clone(),
                bytes_max: self.cache_size,
            }),
            shutdown_grace: Duration::from_secs(self.shutdown_grace),
            store: self.keep.options(),
        })
    }
}

/// Serves buckets and objects, or does something else with them.
pub(crate) async fn run(context: &Context, args: S3Args) -> anyhow::Result<()> {
    match args.action {
        Some(S3Action::Rebuild) => rebuild_index(context, &args.keep).await,
        None => serve(context, &args).await,
    }
}

async fn serve(context: &Context, args: &S3Args) -> anyhow::Result<()> {
    let options = args.options()?;
    let client = context.signing()?.client;
    let server = Box::pin(Server::start(client, options)).await?;
    eprintln!("{}", found(&server.rebuilt()));
    let addresses = Addresses {
        api: server.address(),
        metrics: server.metrics_address(),
    };
    serving::serve(context.json(), "S3 server", addresses, |stop| {
        server.run(stop)
    })
    .await
}

async fn rebuild_index(context: &Context, keep: &KeepArgs) -> anyhow::Result<()> {
    let client = context.signing()?.client;
    let rebuilt = Box::pin(rebuild(client, keep.options())).await?;
    if context.json() {
        return print_json(&RebuildResult {
            chain_objects: rebuilt.chain_objects,
            buckets: rebuilt.buckets,
            objects: rebuilt.objects,
            waiting: rebuilt.waiting,
        });
    }
    print_text(&format!("Success: {}", found(&rebuilt)))
}

fn found(rebuilt: &Rebuilt) -> String {
    format!(
        "{} blobs on chain, {} buckets; {} objects were read from the chain, {} wait in the journal",
        rebuilt.chain_objects, rebuilt.buckets, rebuilt.objects, rebuilt.waiting
    )
}
