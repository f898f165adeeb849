//! Buckets and objects over the S3 protocol, kept as blobs.
//!
//! Whoever speaks S3 reads and writes a Walrus network through [`Server`]. An object is a blob, or
//! several if it is large;
//! small ones share quilts. What S3 knows of an object (bucket, key, ETag, metadata) is written on
//! chain beside its blob, so that
//! nothing is lost with this server but what it was asked to acknowledge before it is certified.
//!
//! * `service`: the operations of S3, on top of the crate `s3s`, which knows the protocol and its
//!   signatures.
//! * `store`: what happens to objects: writing in rounds, removing, renewing, and beginning again
//!   after a crash.
//! * `index` and `journal`: what is known, and what was promised; both on disk.

mod access;
mod credentials;
mod digest;
mod failure;
mod hosts;
mod index;
mod journal;
mod labels;
mod listing;
mod metrics;
mod pack;
mod record;
mod server;
mod service;
mod spool;
mod store;
mod tables;
mod unread;

pub use credentials::{Credentials, CredentialsError};
pub use hosts::DomainError;
pub use server::{Server, ServerOptions, StartError, rebuild};
pub use store::{Acknowledge, Rebuilt, RenewalOptions, StoreOptions};
pub use tables::DiskError;
