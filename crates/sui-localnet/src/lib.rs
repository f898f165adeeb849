//! Embedded single-process chain that executes Sui Move bytecode and speaks the Sui gRPC API.
//!
//! Unmodified Sui clients talk to it as to a small real network: native gRPC and grpc-web on one
//! port, a faucet on another. It runs in the process that starts it:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use sui_localnet::{Localnet, LocalnetConfig};
//!
//! let chain = Localnet::start(LocalnetConfig::default()).await?;
//! println!("RPC at {}, chain {}", chain.rpc_url(), chain.chain_id());
//! chain.advance_clock(60_000).await?; // a minute passes
//! chain.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! Inside, [`execution`] turns a transaction and a state into effects; the `ledger` keeps objects,
//! transactions and checkpoints with their indexes, in memory or on disk; one executor thread
//! connects the two, one transaction and one checkpoint at a time; `rpc` completes requests and
//! serves the result.

mod chain;
mod crypto;
mod embedded;
pub mod execution;
mod faucet;
mod faucet_account;
mod framework;
mod ledger;
mod localnet;
mod rpc;
mod server;

pub use chain::{AdvanceError, ClockError, GenesisError};
pub use embedded::{EmbeddedChain, Snapshot};
pub use ledger::{OpenError, StoreError};
pub use localnet::{Localnet, LocalnetConfig, StartError};
