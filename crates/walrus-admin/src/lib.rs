//! Operating storage nodes on chain: registering them, staking with them, starting the first epoch.
//!
//! The command `walrus-admin` is for people; this library holds what programs do with many nodes at
//! once, such as a local network that starts. Every step looks first whether it was done, so that
//! it can be repeated.
//!
//! ```no_run
//! # async fn example(
//! #     reader: walrus_sui::SuiReader,
//! #     signer: walrus_sui::Signer,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! use walrus_admin::{NodeToRegister, register_nodes, start_first_epoch};
//! use walrus_core::Frost;
//! use walrus_sui::WalrusContract;
//!
//! let nodes: Vec<NodeToRegister> = Vec::new();
//! let registered = register_nodes(&reader, &nodes).await?;
//! let stake = Frost(1_000_000_000_000);
//! let stakes: Vec<_> = registered.iter().map(|node| (node.node_id, stake)).collect();
//! start_first_epoch(&WalrusContract::new(reader, signer), &stakes).await?;
//! # Ok(())
//! # }
//! ```

mod error;
mod nodes;

pub use self::{
    error::AdminError,
    nodes::{NodeToRegister, OperatedNode, register_nodes, start_first_epoch},
};
