//! The promises of the node, over real sockets and a real disk. The chain is a script.

#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

mod api_document;
mod attacks;
mod bucket;
mod byzantine;
mod chain_following;
mod cluster;
mod columns;
mod confirmations;
mod damage;
mod durability;
mod epochs;
mod event_blobs;
mod harness;
mod healing;
mod health;
mod protocol;
mod races;
mod raw;
mod rebuild;
mod recovery_requests;
mod refusals;
mod start;
mod sync_requests;
mod upkeep;
mod uploads;
mod versions;
