//! Stores and reads blobs in a Walrus network: the client's side of the write and read protocols.
//!
//! * [`config`]: the configuration file and where it is found.
//! * [`node`]: one storage node over HTTP, authenticated by its on-chain key.
//! * [`key_servers`]: the servers that give out the keys of private data.
//! * [`private_data`]: encrypting for those whom a policy lets in, and decrypting as one of them.
//! * [`WalrusClient`]: whole operations on the network, with bounded concurrency and time.
//! * [`upload_relay`]: stores through a relay that encodes and distributes.
//! * [`results`]: what a store did, as JSON.
//! * [`Environment`]: its clock and its randomness, which tests choose.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use walrus_client::{
//!     BlobInput, ObjectReuse, SigningOptions, StorageDuration, StoreOptions, WalrusClient, config,
//!     progress,
//! };
//! use walrus_encoder::ConsistencyCheck;
//! use walrus_sui::Wallet;
//!
//! let wallet = Wallet::load("~/.sui/sui_config/client.yaml")?;
//! let rpc_url = wallet.active_env()?.rpc.clone();
//! let loaded = config::load(None, None, || Some(rpc_url.clone()))?;
//! let signing = SigningOptions { signer: wallet.active_signer()?, gas_budget: None };
//! let client = WalrusClient::new(loaded.parsed.config, &[rpc_url], Some(signing))?;
//!
//! let quiet = progress::no_progress();
//! let options = StoreOptions {
//!     duration: StorageDuration::Epochs(5),
//!     deletable: true,
//!     force: false,
//!     ignore_resources: false,
//!     needs_object: false,
//!     reuse: ObjectReuse::Any,
//! };
//! let inputs = vec![BlobInput::Bytes("hello".into())];
//! let results = client.store(inputs, &options, &quiet).await?;
//! let blob_id = results[0].as_ref().map_err(Clone::clone)?.blob_id();
//! let blob = client.read(&blob_id, ConsistencyCheck::Strict, &quiet).await?;
//! assert_eq!(blob, b"hello");
//! # Ok(())
//! # }
//! ```

mod backoff;
mod client;
mod committee;
pub mod config;
mod duration;
mod environment;
mod error;
pub mod key_servers;
pub mod node;
pub mod private_data;
pub mod progress;
mod quilt;
mod read;
mod renew;
mod report;
pub mod results;
mod retry;
mod status;
mod store;
pub mod upload_relay;

#[cfg(test)]
mod protocol_tests;
#[cfg(test)]
mod test_network;

pub use client::{SigningOptions, WalrusClient};
pub use duration::{EpochOutlook, StorageDuration};
pub use environment::Environment;
pub use error::{ClientError, ReadError};
pub use quilt::{NewQuilt, QuiltPiece, StoredPatch};
pub use read::{OpenBlob, OpenQuilt};
pub use renew::{Renewal, RenewalPlan, RenewalPolicy, Renewed};
pub use report::{NodeFailure, ShardReport};
pub use status::StatusError;
pub use store::{
    BlobError, BlobInput, BlobResult, BlobToStore, CertifiedBy, DistributeError, EstimateError,
    ObjectReuse, StoreEstimate, StoreOperation, StoreOptions, StoreOutcome, StoredBlob, TooLarge,
    UploadError,
};
