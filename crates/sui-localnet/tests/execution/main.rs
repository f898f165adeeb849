//! Execution of transactions on the real framework's bytecode, against objects in memory.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

mod coins;
mod common;
mod crypto;
mod dynamic_fields;
mod gas;
mod objects;
mod programs;
mod protocol;
mod publish;
mod refusals;
mod rules;
mod simulate;
mod system;
mod upgrade;
mod vectors;
mod walrus;
