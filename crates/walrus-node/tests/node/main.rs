//! The promises of the node, over real sockets and a real disk. The chain is a script.

#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

mod chain_following;
mod confirmations;
mod durability;
mod epochs;
mod harness;
mod health;
mod protocol;
mod refusals;
mod start;
mod uploads;
