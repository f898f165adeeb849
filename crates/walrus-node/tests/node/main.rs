//! The promises of the node, over real sockets and a real disk. The chain is a script.

#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

mod attacks;
mod chain_following;
mod confirmations;
mod damage;
mod durability;
mod epochs;
mod harness;
mod health;
mod protocol;
mod raw;
mod refusals;
mod start;
mod uploads;
