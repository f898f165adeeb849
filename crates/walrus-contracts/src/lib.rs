//! Compiled Move packages of Walrus and the Rust mirror of their on-chain types.
//!
//! - [`packages`]: the bytecode of `wal` and `walrus`, ready to be linked against published addresses;
//! - [`types`]: every on-chain struct a client reads, with the BCS layout of the Move sources;
//! - [`events`]: every event the `walrus` package emits;
//! - [`abort`]: what the abort codes of our modules mean.
//!
//! ```
//! use walrus_contracts::{abort, packages};
//!
//! let wal = packages::wal();
//! assert_eq!(wal.name, "wal");
//! // The token is published first; then its address is linked into `walrus`.
//! let wal_package_id = [7; 32];
//! let walrus = packages::walrus().linked(&[(packages::WAL_PLACEHOLDER, wal_package_id)]).unwrap();
//! assert!(walrus.dependencies.contains(&wal_package_id));
//! assert_eq!(abort::describe("blob", 5).unwrap().name, "EAlreadyCertified");
//! ```

pub mod abort;
pub mod events;
mod link;
#[cfg(test)]
mod move_source;
pub mod packages;
pub mod types;
