//! The numbers that the contracts compute, compared with an independent model over thousands of
//! random cases.
//!
//! The left side of every comparison is the compiled bytecode on the virtual machine, called
//! function by function; the right side is [`walrus_tests::model`].

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a failed unwrap is a failed test"
)]

mod accounting;
mod committees;
mod pools;
mod votes;
