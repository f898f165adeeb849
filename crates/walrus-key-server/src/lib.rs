//! The key server of private data: it gives out its part of the key of an identity to those whom a
//! policy on chain lets in, and to nobody else.
//!
//! A request is checked from cheap to dear: the shape of its program, the package, the account's
//! permission, both signatures; only then the policy is asked, by a simulation in the name of the
//! reader. What the server gives out is encrypted to a key of the request, so that nobody on the
//! way can use it.
//!
//! * [`KeyServerConfig`] says which keys there are and which chain to ask; [`KeyServer`] runs.
//! * [`service`] has the checks and their order; [`http`] what is said on the wire.
//! * [`aggregator`] collects the answers of a committee.

pub mod aggregator;
mod committee;
pub mod config;
pub mod http;
mod keys;
mod metrics;
mod packages;
mod quota;
mod server;
pub mod service;

pub use config::{ConfigError, KeyServerConfig};
pub use keys::{KeyError, KeySource, share_file_name};
pub use server::{KeyServer, StartError};

/// The version of the protocol that this server speaks; clients demand a least one.
pub const PROTOCOL_VERSION: &str = "0.6.10";
