//! The storage node: verifies, stores and serves slivers, and signs storage confirmations.
//!
//! * [`http`] speaks the protocol, [`service`] decides, [`state`] knows, [`storage`] keeps.
//! * [`walrus_http`] shares what is scarce among peers.
//! * [`events`] follows the chain, through [`chain::ChainView`]; [`bookkeeping`] and [`epoch`] say,
//!   as pure functions, what events mean; [`shard_work`] is told which shards have to be completed.
//! * [`sync`] copies shards from their old owners, [`recovery`] gets back what is missing, [`peer`]
//!   is how other nodes are reached.
//! * [`upkeep`] moves epochs on, and watches what the operator changes while the node runs.
//!
//! A confirmation is signed only when every sliver it speaks for is durable, and no bytes leave
//! before they are compared with what was stored. See [`storage`] for how.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use walrus_node::{NodeConfig, StorageNode};
//!
//! let config = NodeConfig::load("walrus-node.yaml".as_ref())?;
//! let node = StorageNode::start(config).await?;
//! println!("serving on {}", node.addr());
//! node.shutdown().await?;
//! # Ok(())
//! # }
//! ```

pub mod blocklist;
pub mod bookkeeping;
pub mod chain;
pub mod config;
pub mod epoch;
pub mod event_log;
pub mod events;
pub mod http;
pub mod keys;
pub mod metrics;
mod node;
pub mod peer;
pub mod pending;
pub mod progress;
pub mod recovery;
pub mod registrations;
pub mod scrub;
pub mod service;
pub mod shard_work;
mod start_error;
pub mod state;
pub mod storage;
pub mod sync;
pub mod upkeep;

pub use config::NodeConfig;
pub use node::{CatchUpError, CaughtUp, NodeSurroundings, RunningNode, StorageNode};
pub use start_error::StartError;
