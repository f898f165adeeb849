//! The chain as clients meet it: unmodified `sui_rpc` and `sui_transaction_builder` over real
//! sockets, raw HTTP/1.1 for what browsers send.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;
mod descriptions;
mod limits;
mod persistence;
mod publishing;
mod queries;
mod refusals;
mod retention;
mod simulation;
mod streams;
mod transactions;
mod web;
