//! What `aggregator`, `publisher` and `daemon` have in common: options, the ready line, the end.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;
use http::HeaderName;
use walrus_gateway::{AggregatorOptions, DiskCacheOptions, Gateway, GatewayOptions};
use walrus_terminal::{
    parse,
    serving::{self, Addresses},
};

use super::context::Context;

/// Where to listen, and what all servers need.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServeArgs {
    /// Address to serve on; put a proxy with TLS before it if it is not a local one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:31415")]
    pub bind_address: SocketAddr,
    /// Address of the Prometheus metrics, at /metrics
    #[arg(
        long,
        short = 'a',
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:27182"
    )]
    pub metrics_address: SocketAddr,
    /// YAML list of blob IDs that are not served; read again when it changes
    #[arg(long, value_name = "FILE", value_parser = parse::path())]
    pub blocklist: Option<PathBuf>,
    /// Memory for blobs: cached, being fetched, on their way to readers
    #[arg(long, value_name = "SIZE", default_value = "512MiB", value_parser = parse::size)]
    pub max_memory: u64,
    /// Seconds that open requests have when the server is stopped
    #[arg(long, value_name = "SECONDS", default_value = "30")]
    pub shutdown_grace: u64,
}

/// What is read, and how.
#[derive(Debug, Clone, Args)]
pub(crate) struct ReadArgs {
    /// Attributes of objects and tags of files that become headers of answers
    #[arg(long, num_args = 1.., value_name = "HEADER")]
    #[arg(default_values_t = walrus_gateway::default_allowed_headers())]
    pub allowed_headers: Vec<HeaderName>,
    /// Make a header of every tag of a file in a quilt
    #[arg(long)]
    pub allow_quilt_patch_tags_in_response: bool,
    /// Refuse to serve larger blobs
    #[arg(long, value_name = "SIZE", value_parser = parse::size)]
    pub max_blob_size: Option<u64>,
    /// Requests of one route handled at a time
    #[arg(long, value_name = "N", default_value = "256")]
    pub aggregator_max_concurrent_requests: usize,
    /// Requests of one route that wait; more are answered with 429
    #[arg(long, value_name = "N", default_value = "320")]
    pub aggregator_max_buffer_size: usize,
    /// Folder to keep blobs in that were read; without it they are kept in memory only
    #[arg(long, value_name = "FOLDER", value_parser = parse::path())]
    pub cache_dir: Option<PathBuf>,
    /// Room for blobs in that folder
    #[arg(long, value_name = "SIZE", default_value = "10GiB", value_parser = parse::size, requires = "cache_dir")]
    pub cache_size: u64,
}

impl ReadArgs {
    fn aggregator(&self) -> AggregatorOptions {
        AggregatorOptions {
            allowed_headers: self.allowed_headers.clone(),
            all_tags: self.allow_quilt_patch_tags_in_response,
            blob_size_max: self.max_blob_size,
            concurrent_requests_max: self.aggregator_max_concurrent_requests,
            waiting_requests_max: self.aggregator_max_buffer_size,
        }
    }

    fn disk_cache(&self) -> Option<DiskCacheOptions> {
        self.cache_dir.as_ref().map(|folder| DiskCacheOptions {
            folder: folder.clone(),
            bytes_max: self.cache_size,
        })
    }
}

impl ServeArgs {
    /// The options of a server that reads as `read` says.
    pub(crate) fn options(&self, read: Option<&ReadArgs>) -> GatewayOptions {
        GatewayOptions {
            bind_address: self.bind_address,
            metrics_address: self.metrics_address,
            blocklist: self.blocklist.clone(),
            memory_bytes_max: self.max_memory,
            disk_cache: read.and_then(ReadArgs::disk_cache),
            aggregator: read.map(ReadArgs::aggregator),
            shutdown_grace: Duration::from_secs(self.shutdown_grace),
        }
    }
}

/// Serves until SIGINT or SIGTERM, then ends what is open; a second signal ends at once.
pub(crate) async fn serve(context: &Context, name: &str, gateway: Gateway) -> anyhow::Result<()> {
    let addresses = Addresses {
        api: gateway.address(),
        metrics: gateway.metrics_address(),
    };
    serving::serve(context.json(), name, addresses, |stop| gateway.run(stop)).await
}
