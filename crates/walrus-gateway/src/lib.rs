//! Blobs over plain HTTP, for those who do not speak to storage nodes and the chain.
//!
//! The aggregator reads: blobs, parts of them, files of quilts, with what HTTP has for caches and
//! browsers. Every byte is compared with what the blob ID commits to before it leaves, also when it
//! comes from the cache on disk. An answer begins when its first rows are checked, and memory is
//! bounded whatever is asked for.
//!
//! The publisher stores, with accounts of its own that a main account fills: blobs and quilts, for
//! whoever brings a token. What it has paid for is brought to its end, whether or not the client
//! waits for it.
//!
//! The upload relay, a binary of its own, encodes and distributes blobs for clients that pay,
//! register and certify them themselves.
//!
//! ```no_run
//! # use walrus_client::WalrusClient;
//! # async fn example(client: WalrusClient) -> Result<(), walrus_gateway::StartError> {
//! use std::time::Duration;
//! use tokio_util::sync::CancellationToken;
//! use walrus_gateway::{AggregatorOptions, Gateway, GatewayOptions};
//!
//! let options = GatewayOptions {
//!     bind_address: ([127, 0, 0, 1], 31415).into(),
//!     metrics_address: ([127, 0, 0, 1], 27182).into(),
//!     blocklist: None,
//!     memory_bytes_max: 512 << 20,
//!     disk_cache: None,
//!     aggregator: Some(AggregatorOptions::default()),
//!     shutdown_grace: Duration::from_secs(30),
//! };
//! let gateway = Gateway::start(client, options, None).await?;
//! println!("serving on http://{}", gateway.address());
//! gateway.run(CancellationToken::new()).await;
//! # Ok(())
//! # }
//! ```

mod aggregator;
mod blobs;
mod blocklist;
mod cache;
mod content;
mod error;
mod extract;
mod gate;
mod listening;
mod openapi;
mod paths;
mod publisher;
pub mod reader;
mod readiness;
mod relay;
mod service;

pub use aggregator::{AggregatorOptions, default_allowed_headers};
pub use blocklist::{Blocklist, BlocklistError};
pub use cache::{DiskCacheError, DiskCacheOptions};
pub use listening::ListenError;
pub use openapi::{document, relay_document};
pub use publisher::{
    AuthConfigError, AuthOptions, PublisherOptions, SubWalletOptions, WalletsError,
};
pub use relay::{Relay, RelayConfig, RelayConfigError, RelayOptions};
pub use service::{Gateway, GatewayOptions, PublisherSetup, StartError};
