//! Compiled Move packages of Walrus and the Rust mirror of their on-chain types.
//!
//! - [`packages`]: the bytecode of our packages, ready to be linked against published addresses and
//!   compared;
//! - [`types`]: every on-chain struct a client reads, with the BCS layout of the Move sources;
//! - [`events`]: every event that `walrus` and `walrus_governance` emit;
//! - [`event_blob`]: the file in which nodes publish the events of `walrus`;
//! - [`abort`]: what abort codes mean, as typed errors and as sentences.
//!
//! ```
//! use walrus_contracts::{abort, packages};
//!
//! let wal = packages::wal();
//! assert_eq!(wal.name, "wal");
//! // The token is published first; then its address is linked into `walrus`.
//! let wal_package_id = [7; 32];
//! let link = packages::Link::to_first_version(packages::WAL_PLACEHOLDER, wal_package_id);
//! let walrus = packages::walrus().linked(&[link]).unwrap();
//! assert!(walrus.dependencies.contains(&wal_package_id));
//! assert_eq!(abort::describe("blob", 5).unwrap().name, "EAlreadyCertified");
//! ```

pub mod abort;
pub mod event_blob;
pub mod events;
mod link;
mod linked;
#[cfg(test)]
mod move_source;
pub mod packages;
pub mod types;
